__attribute__((noinline)) static int local_function(int x) { __asm__(".Llocal_label:"); return x + 1; }
int other(void) { return local_function(40); }
