int value = 5;
int which(void) { return 5; }
