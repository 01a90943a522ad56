#ifndef VALUE
#define VALUE 1
#endif
int value __attribute__((weak)) = VALUE;
