// Variables of a shared object that code with fixed addresses uses directly. All names of a copied variable must move
// with it; read-only variables go where the loader makes them read-only; functions get an address in the program.
//#AbstractConfig:base
//#LinkerDriver:gcc
//#CompArgs:-fno-pie
//#CompSoArgs:-fPIC
//#Shared:library.c
//#LinkArgs:-no-pie

//#Config:variable:base
//#ExpectRelocation:COPY symbol=counter,count=1
//#ExpectDynSym:counter size=4,type=object
//#EnableLinker:lld

// `alias` and `weak_alias` are names of `original`: the library must see all three in one place. GNU ld knows that of
// weak names only.
//#Config:aliases:base
//#Variant:1
//#ExpectDynSym:alias
//#ExpectDynSym:original
//#ExpectDynSym:weak_alias
//#SkipLinker:ld
//#EnableLinker:lld

//#Config:read-only:base
//#Variant:2
//#ExpectRelocation:COPY symbol=constant
//#ExpectSegment:PT_GNU_RELRO
//#EnableLinker:lld

//#Config:aligned:base
//#Variant:3
//#ExpectRelocation:COPY symbol=aligned

//#Config:function-address:base
//#Variant:4
//#ExpectDynSym:function section="UNDEF",type=func
//#NoRelocation:COPY
//#EnableLinker:lld

//#Config:both-in-pie:base
//#Variant:4
//#CompArgs:-fPIE
//#LinkArgs:-pie
//#NoRelocation:COPY

//#Config:pie-needs-none:base
//#CompArgs:-fPIC
//#LinkArgs:-pie
//#NoRelocation:COPY

//#Config:pie-direct-access:base
//#CompArgs:-fPIE -mcmodel=small
//#LinkArgs:-pie

//#Config:refused:base
//#LinkArgs:-no-pie -Wl,-z,nocopyreloc
//#ExpectError:copy_relocations\.c\.o.*counter
//#SkipLinker:ld

//#Config:versioned:base
//#LinkSoArgs:-Wl,--default-symver
//#LinkArgs:-no-pie
//#ExpectRelocation:COPY symbol=counter
#include <stdint.h>
extern int counter, alias, original, weak_alias;
extern const int constant;
extern char aligned[64];
int function(void), count(void), *address_of_original(void), (*address_of_function(void))(void);

int main(void) {
#if VARIANT == 1
    alias = 42;
    if (&alias != address_of_original()) return 1;
    return *address_of_original();
#elif VARIANT == 2
    return constant;
#elif VARIANT == 3
    return (uintptr_t)aligned % 64 ? 1 : aligned[63];
#elif VARIANT == 4
    int (*volatile pointer)(void) = function;
    return pointer == address_of_function() ? pointer() : 1;
#else
    counter = 41;
    return count();
#endif
}
