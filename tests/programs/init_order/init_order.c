// Constructors and destructors: by priority, then in the order of the objects; .ctors and .init_array together; those
// of shared objects before those of the program.
//#AbstractConfig:base
//#LinkerDriver:gcc
//#Object:second.c
//#Object:third.c

//#Config:dynamic:base
//#ExpectStdout:^preinit a101 b102 c103 a200 A B C main ?$

//#Config:static:base
//#LinkArgs:-static
//#ExpectStdout:^preinit a101 b102 c103 a200 A B C main ?$

//#Config:collected:base
//#LinkArgs:-Wl,--gc-sections
//#CompArgs:-ffunction-sections
//#ExpectStdout:^preinit a101 b102 c103 a200 A B C main ?$

//#Config:archive
//#LinkerDriver:gcc
//#Archive:second.c,third.c
//#ExpectStdout:A B.* main ?$
//#Variant:1

//#Config:shared
//#LinkerDriver:gcc
//#CompArgs:-fPIC
//#Shared:template(-Wl,--no-as-needed $O):second.c
//#Object:third.c
//#ExpectStdout:b102 B .*A C main ?$

//#Config:old-constructors:base
//#Object:old.s
//#ExpectStdout:old
#include <stdio.h>
#include <string.h>
char order[256];
void note(const char *name) { strcat(order, name), strcat(order, " "); }
#define CONSTRUCTOR(name, text, ...) __attribute__((constructor(__VA_ARGS__))) static void name(void) { note(text); }
CONSTRUCTOR(a200, "a200", 200)
CONSTRUCTOR(a101, "a101", 101)
__attribute__((constructor)) static void a(void) { note("A"); }
static void preinit(void) { note("preinit"); }
__attribute__((section(".preinit_array"), used)) static void (*entry)(void) = preinit;
__attribute__((destructor)) static void last(void) { printf("%s\n", order); }
#if VARIANT == 1
void second(void);
int main(void) { second(); note("main"); return 42; }
#else
int main(void) { strcat(order, "main"); return 42; }
#endif
