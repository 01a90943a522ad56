// Functions that are chosen when the program starts. All ways to take the address must give the same one, also from
// a shared object, also where the address stands in read-only data of a program with fixed addresses. GNU ld gives
// another address in position-independent programs (data gets the address of the chosen function, code of the PLT).
//#AbstractConfig:base
//#LinkerDriver:gcc
//#Object:ifunc_defs.c
//#Object:ifunc_address.c
//#ExpectSym:chosen binding=global

//#Config:static:base
//#LinkArgs:-static -no-pie
//#CompArgs:-fno-pie
//#ExpectRelocation:IRELATIVE
//#ExpectSym:__rela_iplt_start

//#Config:static-pic:base
//#LinkArgs:-static -no-pie
//#CompArgs:-fPIC
//#ExpectRelocation:IRELATIVE

//#Config:static-pie:base
//#SkipLinker:ld
//#EnableLinker:lld
//#LinkArgs:-static-pie
//#CompArgs:-fPIE
//#ExpectRelocation:IRELATIVE

//#Config:dynamic:base
//#LinkArgs:-no-pie
//#CompArgs:-fno-pie
//#ExpectRelocation:IRELATIVE

//#Config:pie:base
//#SkipLinker:ld
//#EnableLinker:lld
//#LinkArgs:-pie
//#CompArgs:-fPIE
//#ExpectRelocation:IRELATIVE

//#Config:pie-no-plt:base
//#SkipLinker:ld
//#EnableLinker:lld
//#LinkArgs:-pie
//#CompArgs:-fPIE -fno-plt

//#Config:pie-now:base
//#SkipLinker:ld
//#EnableLinker:lld
//#LinkArgs:-pie -Wl,-z,now
//#CompArgs:-fPIE -O2

//#Config:pie-clang:base
//#Compiler:clang
//#LinkerDriver:clang
//#LinkArgs:-pie
//#CompArgs:-fPIE -O1
//#EnableLinker:lld

//#AbstractConfig:with-shared
//#LinkerDriver:gcc
//#ExpectDynamic:DT_NEEDED=ifunc_defs.so
//#Object:ifunc_address.c
//#CompSoArgs:-fPIC

//#Config:imported:with-shared
//#Shared:ifunc_defs.c
//#CompArgs:-fPIE
//#LinkArgs:-pie
//#ExpectDynSym:chosen section="UNDEF"

//#Config:imported-no-pie:with-shared
//#Shared:ifunc_defs.c
//#CompArgs:-fno-pie
//#LinkArgs:-no-pie
//#ExpectDynSym:chosen type=func,section="UNDEF"

//#Config:imported-lazy:with-shared
//#Shared:ifunc_defs.c
//#CompArgs:-fPIE
//#LinkArgs:-pie -Wl,-z,lazy
//#ExpectRelocation:JUMP_SLOT symbol=concealed

// The shared object refers to what the program defines; both must see one address.
//#Config:exported:base
//#SkipLinker:ld
//#EnableLinker:lld
//#Variant:1
//#Shared:ifunc_user.c
//#CompSoArgs:-fPIC
//#CompArgs:-fPIE
//#LinkArgs:-pie
//#ExpectDynSym:chosen

//#Config:exported-no-pie:base
//#Variant:1
//#Shared:ifunc_user.c
//#CompSoArgs:-fPIC
//#CompArgs:-fno-pie
//#LinkArgs:-no-pie
//#ExpectDynSym:chosen

//#Config:library:base
//#CompArgs:-fPIC
//#LinkArgs:-shared
//#RunDynSym:main
//#ExpectDynSym:chosen type=ifunc

//#Config:hidden-library:base
//#CompArgs:-fPIC -DHIDDEN
//#LinkArgs:-shared
//#RunDynSym:main
//#NoDynSym:concealed
//#ExpectRelocation:IRELATIVE
#include "ifunc.h"
#include <string.h>

static int (*const in_data)(void) = chosen;
int (*volatile in_writable_data)(void) = chosen;
#if VARIANT == 1
function address_in_shared(void);
int call_in_shared(void);
#endif

int main(void) {
    if (chosen() != 7) return 1;
    if (concealed() != 9) return 2;
    if (in_data != in_writable_data) return 3;
    if (in_data != address_elsewhere()) return 4;
    if (in_data() != 7 || address_elsewhere()() != 7) return 5;
#if VARIANT == 1
    if (address_in_shared() != in_data) return 6;
    if (call_in_shared() != 7) return 7;
#endif
    if (!memchr("abc", 'c', 3)) return 8;
    return 42;
}
