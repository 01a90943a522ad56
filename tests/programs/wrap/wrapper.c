int __real_wrapped(int);
int __wrap_wrapped(int x) { return __real_wrapped(x) * 4 - 2; }
int wrapper_result(void) { return __wrap_wrapped(1); }
