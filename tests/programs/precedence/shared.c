#ifndef VALUE
#define VALUE 3
#endif
int value = VALUE;
