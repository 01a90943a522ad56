static int value;
__attribute__((constructor)) static void set(void) { value = 2; }
int second(void) { return value; }
