// Symbols from the command line: numbers, other symbols with an offset, and functions; exported and referenced from
// shared objects; -u and -e besides.
//#AbstractConfig:base
//#LinkerDriver:gcc

//#Config:number:base
//#LinkArgs:-no-pie -Wl,--defsym=alias=0x2a
//#CompArgs:-fno-pie
//#ExpectSym:alias section="ABS",address=0x2a

//#Config:number-in-pie:base
//#LinkArgs:-pie -Wl,--defsym=alias=0x2a
//#CompArgs:-fPIC
//#ExpectSym:alias section="ABS",address=0x2a
//#EnableLinker:lld

//#Config:symbol:base
//#Variant:1
//#LinkArgs:-Wl,--defsym=alias=target
//#ExpectSym:alias type=object
//#EnableLinker:lld

//#Config:symbol-plus:base
//#Variant:2
//#LinkArgs:-Wl,--defsym=alias=target+4
// In GNU ld a sum outside of sections is a number, which does not move with the program.
//#DiffIgnore:symbol.*.alias

//#Config:expression:base
//#LinkArgs:-no-pie -Wl,--defsym=alias=(0x50+4)/2
//#CompArgs:-fno-pie
//#ExpectSym:alias section="ABS",address=0x2a

//#Config:replaces-undefined-function:base
//#Variant:3
//#LinkArgs:-Wl,--defsym=alias=target
//#ExpectSym:alias type=func

//#Config:exported:base
//#Variant:1
//#LinkArgs:-pie -Wl,--defsym=alias=target -rdynamic
//#ExpectDynSym:alias

// GNU ld makes the alias an ifunc, too.
//#Config:ifunc:base
//#Variant:6
//#LinkArgs:-Wl,--defsym=alias=target
//#SkipLinker:ld
//#ExpectError:--defsym alias=target: target is an ifunc, whose address only its resolver knows; define the alias

//#Config:undefined-target:base
//#Variant:1
//#LinkArgs:-Wl,--defsym=alias=nowhere
//#ExpectError:nowhere

//#Config:collected:base
//#Variant:1
//#CompArgs:-fdata-sections
//#LinkArgs:-Wl,--defsym=alias=target -Wl,--gc-sections

//#Config:undefined-option:base
//#Variant:4
//#LinkArgs:-Wl,-u,from_archive
//#Archive:member.c
//#ExpectSym:from_archive

//#Config:undefined-option-joined:base
//#Variant:4
//#LinkArgs:-Wl,-ufrom_archive -Wl,--gc-sections
//#Archive:member.c
//#ExpectSym:from_archive

//#Config:require-defined:base
//#Variant:4
//#LinkArgs:-Wl,--require-defined=from_archive
//#Archive:member.c
//#ExpectSym:from_archive

//#Config:require-defined-fails:base
//#Variant:4
//#LinkArgs:-Wl,--require-defined=nowhere
//#ExpectError:nowhere

//#Config:entry:base
//#Variant:5
//#LinkArgs:-nostdlib -static -Wl,-e,begin
//#ExpectReadelf:-h:Entry point address: +0x[1-9a-f]

//#Config:entry-address:base
//#Variant:7
//#LinkArgs:-nostdlib -static -Wl,-e,0x500000 -Wl,--section-start=.begin=0x500000
//#ExpectReadelf:-h:Entry point address: +0x500000$
//#EnableLinker:lld

//#Config:entry-missing:base
//#Variant:5
//#LinkArgs:-nostdlib -static -Wl,-e,nowhere
//#ExpectWarning:nowhere
//#RunEnabled:false
#if VARIANT == 1
int target = 42;
extern int alias;
int main(void) { return alias; }
#elif VARIANT == 2
int target[2] = {1, 42};
extern int alias;
int main(void) { return alias; }
#elif VARIANT == 3
int target(void) { return 42; }
int alias(void);
int main(void) { return alias(); }
#elif VARIANT == 4
int main(void) { return 42; }
#elif VARIANT == 5
#include "../common/runtime.c"
void begin(void) { exit_syscall(42); }
#elif VARIANT == 7
#include "../common/runtime.c"
__attribute__((section(".begin"), used)) static void begin(void) { exit_syscall(42); }
#elif VARIANT == 6
static int chosen(void) { return 42; }
static void *choose(void) { return chosen; }
int target(void) __attribute__((ifunc("choose")));
int alias(void);
int main(void) { return alias(); }
#else
extern char alias;
int main(void) { return (int)(long)&alias; }
#endif
