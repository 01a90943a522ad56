#ifndef VALUE
#define VALUE 1
#endif
int found(void) { return VALUE; }
