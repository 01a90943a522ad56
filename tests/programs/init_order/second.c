void note(const char *);
__attribute__((constructor(102))) static void b102(void) { note("b102"); }
__attribute__((constructor)) static void b(void) { note("B"); }
void second(void) {}
