char buffer[256] __attribute__((aligned(128)));
int from_wide = 1;
