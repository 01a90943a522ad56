#ifdef COSINE
double cos(double x);
volatile double zero;
int found(void) { return (int)cos(zero) + 41; }
#else
#ifndef VALUE
#define VALUE 1
#endif
int found(void) { return VALUE; }
#endif
