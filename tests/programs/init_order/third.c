void note(const char *);
__attribute__((constructor(103))) static void c103(void) { note("c103"); }
__attribute__((constructor)) static void c(void) { note("C"); }
