// Symbol versions from .symver: default and old ones, references to a certain one, and the base version.
//#AbstractConfig:base
//#LinkerDriver:gcc
//#CompArgs:-fPIC

//#Config:library:base
//#Variant:1
//#LinkArgs:-shared -Wl,--version-script=./versions.map -Wl,-soname,libversions.so
//#ExpectReadelf:-V:Rev: 1 +Flags: BASE +Index: 1 +Cnt: 1 +Name: libversions\.so
//#ExpectReadelf:-V:Index: 2 +Cnt: 1 +Name: V1
//#ExpectReadelf:-V:Index: 3 +Cnt: 2 +Name: V2
//#ExpectReadelf:--dyn-syms:chosen@@V2
//#ExpectReadelf:--dyn-syms:chosen@V1
//#NoReadelf:--dyn-syms:chosen_old
//#RunDynSym:check
//#ExpectDynamic:DT_VERDEFNUM=0x3

//#Config:library-without-script:base
//#Variant:1
//#LinkArgs:-shared -Wl,-soname,libversions.so
//#RunEnabled:false
//#ExpectError:V1
//#EnableLinker:lld

//#Config:default-version:base
//#Shared:symver_library.c
//#LinkArgs:-pie -Wl,--version-script=./versions.map
//#ExpectReadelf:--dyn-syms:chosen@V2
//#ExpectReadelf:-V:Name: V2
//#NoReadelf:-V:Name: V1 +Flags

//#Config:old-version:base
//#Variant:2
//#Shared:symver_library.c
//#LinkArgs:-pie -Wl,--version-script=./versions.map
//#ExpectReadelf:--dyn-syms:chosen@V1

//#Config:absent-version:base
//#Variant:3
//#Shared:symver_library.c
//#LinkArgs:-pie -Wl,--version-script=./versions.map
//#ExpectError:chosen@V9

//#Config:weak-version:base
//#Variant:4
//#Shared:symver_library.c
//#LinkArgs:-pie -Wl,--no-as-needed -Wl,--version-script=./versions.map
//#ExpectReadelf:-V:Flags: WEAK
//#ReferenceChecked:false
//#ExpectReadelf:--dyn-syms:WEAK.*chosen@V2
#if VARIANT == 1
#include "symver_library.c"
int check(void) { return chosen_new() - 1; }
#elif VARIANT == 3
__asm__(".symver chosen, chosen@V9");
int chosen(void);
int main(void) { return chosen(); }
#elif VARIANT == 4
__attribute__((weak)) int chosen(void);
int main(void) { return chosen ? chosen() - 1 : 1; }
#else
#if VARIANT == 2
__asm__(".symver chosen, chosen@V1");
#define DIFFERENCE 1
#else
#define DIFFERENCE -1
#endif
int chosen(void);
int main(void) { return chosen() + DIFFERENCE; }
#endif
