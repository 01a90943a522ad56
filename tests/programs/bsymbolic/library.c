#ifndef WEAK
#define WEAK
#endif
WEAK int function(void) { return 2; }
int variable = 2;
int call_function(void) { return function(); }
int read_variable(void) { return variable; }
