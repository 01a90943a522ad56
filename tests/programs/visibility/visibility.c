// The most constraining visibility of all that is said of a name wins, also when an undefined reference says it.
//#AbstractConfig:base
//#LinkerDriver:gcc
//#CompArgs:-fPIC

//#Config:library:base
//#LinkArgs:-shared
//#Object:definitions.c
//#RunDynSym:main
//#ExpectDynSym:ordinary visibility=default
//#ExpectDynSym:shielded visibility=protected
//#NoDynSym:hidden_here
//#NoDynSym:hidden_by_reference
//#NoDynSym:internal_here
//#ExpectSym:hidden_here binding=local
//#ExpectSym:hidden_by_reference binding=local
//#ExpectRelocation:JUMP_SLOT symbol=ordinary
//#NoRelocation:JUMP_SLOT symbol=shielded
//#NoRelocation:JUMP_SLOT symbol=hidden_here
//#EnableLinker:lld

//#Config:program:base
//#LinkArgs:-pie -rdynamic
//#Object:definitions.c
//#ExpectDynSym:ordinary
//#NoDynSym:hidden_here

// The program's definition of `ordinary` is used by the shared object, that of `shielded` is not.
//#Config:preempted:base
//#Variant:1
//#Shared:definitions.c
//#LinkArgs:-pie
//#ExpectDynSym:ordinary
//#ExpectDynSym:shielded

//#Config:hidden-in-another-library:base
//#Variant:2
//#Shared:definitions.c
//#ExpectError:undefined symbol: hidden_here

//#Config:hidden-is-wanted-by-library:base
//#Variant:3
//#Shared:wants_hidden.c
//#ExpectError:hidden.*wanted|wanted.*hidden

//#Config:hidden-undefined:base
//#Variant:4
//#LinkArgs:-shared
//#ExpectError:undefined.*symbol: concealed

//#Config:protected-data:base
//#Variant:5
//#LinkArgs:-shared
//#ExpectDynSym:protected_data visibility=protected
//#RunDynSym:main

//#Config:copy-of-protected:base
//#Variant:6
//#CompArgs:-fno-pie
//#LinkArgs:-no-pie
//#CompSoArgs:-fPIC
//#Shared:protected_data.c
//#ExpectError:protected_data
//#SkipLinker:ld
#if VARIANT == 1
int from_library(void);
int ordinary(void) { return 42; }
int shielded(void) { return 1; }
int main(void) { return from_library(); }
#elif VARIANT == 2
int hidden_here(void);
int main(void) { return hidden_here(); }
#elif VARIANT == 3
int from_library(void);
__attribute__((visibility("hidden"))) int wanted(void) { return 42; }
int main(void) { return from_library(); }
#elif VARIANT == 4
__attribute__((visibility("hidden"))) int concealed(void);
int main(void) { return concealed(); }
#elif VARIANT == 5
__attribute__((visibility("protected"))) int protected_data = 42;
int main(void) { return protected_data; }
#elif VARIANT == 6
extern int protected_data;
int main(void) { return protected_data; }
#else
int ordinary(void), shielded(void), hidden_here(void), internal_here(void);
__attribute__((visibility("hidden"))) int hidden_by_reference(void);
int main(void) {
    if (ordinary() != 1 || shielded() != 2 || hidden_here() != 3) return 1;
    return hidden_by_reference() + internal_here() == 9 ? 42 : 2;
}
#endif
