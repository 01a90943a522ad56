// What an executable and a shared object put into the dynamic symbol table.
//#AbstractConfig:base
//#LinkerDriver:gcc
//#CompArgs:-fPIE

//#Config:nothing:base
//#LinkArgs:-pie
//#NoDynSym:exported
//#NoDynSym:main

//#Config:rdynamic:base
//#LinkArgs:-pie -rdynamic
//#ExpectDynSym:exported type=func
//#ExpectDynSym:variable type=object
//#NoDynSym:hidden
//#EnableLinker:lld

//#Config:rdynamic-no-pie:base
//#CompArgs:-fno-pie
//#LinkArgs:-no-pie -Wl,-E
//#ExpectDynSym:exported

//#Config:no-export-dynamic:base
//#LinkArgs:-pie -Wl,-E -Wl,--no-export-dynamic
//#NoDynSym:exported

//#Config:one-symbol:base
//#LinkArgs:-pie -Wl,--export-dynamic-symbol=exported
//#ExpectDynSym:exported
//#NoDynSym:variable
//#EnableLinker:lld

//#Config:one-glob:base
//#LinkArgs:-pie -Wl,--export-dynamic-symbol=exp*
//#ExpectDynSym:exported
//#NoDynSym:variable

//#Config:symbol-list:base
//#LinkArgs:-pie -Wl,--export-dynamic-symbol-list=./list.txt
//#ExpectDynSym:exported
//#NoDynSym:variable

//#Config:dynamic-list:base
//#LinkArgs:-pie -Wl,--dynamic-list=./list.txt
//#ExpectDynSym:exported
//#NoDynSym:variable
//#EnableLinker:lld

//#Config:dynamic-list-of-library:base
//#Variant:1
//#CompArgs:-fPIC
//#LinkArgs:-shared -Wl,--dynamic-list=./list.txt
//#RunDynSym:main
//#ExpectDynSym:exported
//#ExpectDynSym:variable
//#ExpectRelocation:JUMP_SLOT symbol=exported
//#NoRelocation:JUMP_SLOT symbol=bound

//#Config:referenced-by-library:base
//#Shared:uses_exported.c
//#LinkArgs:-pie -Wl,--no-as-needed
//#ExpectDynSym:exported
//#NoDynSym:variable
//#EnableLinker:lld

//#Config:referenced-by-library-and-collected:base
//#CompArgs:-fPIE -ffunction-sections -fdata-sections
//#Shared:uses_exported.c
//#LinkArgs:-pie -Wl,--no-as-needed -Wl,--gc-sections
//#ExpectDynSym:exported
//#NoSym:variable

//#Config:collected-but-exported:base
//#CompArgs:-fPIE -ffunction-sections -fdata-sections
//#LinkArgs:-pie -rdynamic -Wl,--gc-sections
//#ExpectSym:exported
//#ExpectSym:variable

//#Config:exclude-all-libs:base
//#Variant:2
//#CompArgs:-fPIC
//#Archive:member.c
//#LinkArgs:-shared -Wl,--exclude-libs=ALL
//#RunDynSym:main
//#NoDynSym:from_archive
//#ExpectDynSym:exported

//#Config:exclude-one-lib:base
//#Variant:2
//#CompArgs:-fPIC
//#Archive:member.c
//#LinkArgs:-shared -Wl,--exclude-libs,other.a:member.a
//#RunDynSym:main
//#NoDynSym:from_archive
//#ExpectDynSym:exported

//#Config:exclude-other-lib:base
//#Variant:2
//#CompArgs:-fPIC
//#Archive:member.c
//#LinkArgs:-shared -Wl,--exclude-libs=other.a
//#RunDynSym:main
//#ExpectDynSym:from_archive

//#Config:unique:base
//#Variant:3
//#CompArgs:-fPIC
//#LinkArgs:-shared
//#RunDynSym:main
//#ExpectDynSym:one_of_a_kind binding=unique

//#Config:no-unique:base
//#Variant:3
//#CompArgs:-fPIC
//#LinkArgs:-shared -Wl,--no-gnu-unique
//#RunDynSym:main
//#ExpectDynSym:one_of_a_kind binding=global
//#SkipLinker:ld

int exported(void) { return 40; }
int variable = 2;
__attribute__((visibility("hidden"))) int hidden(void) { return 1; }
#if VARIANT == 1
int bound(void) { return 2; }
int main(void) { return exported() + bound(); }
#elif VARIANT == 2
int from_archive(void);
int main(void) { return exported() + from_archive(); }
#elif VARIANT == 3
__asm__(".pushsection .data; .globl one_of_a_kind; .type one_of_a_kind, @gnu_unique_object; .size one_of_a_kind, 4\n"
        "one_of_a_kind: .long 42; .popsection");
extern int one_of_a_kind;
int main(void) { return one_of_a_kind; }
#else
int main(void) { return 42; }
#endif
