// Common symbols: the largest size and the largest alignment win, and a definition may come out of an archive.
//#AbstractConfig:base
//#LinkerDriver:gcc
//#CompArgs:-fcommon

//#Config:largest:base
//#Object:wide.c
//#ExpectSym:buffer size=256,section=".bss",type=object

//#Config:alone:base
//#Variant:1
//#ExpectSym:buffer size=8

//#Config:defined:base
//#Variant:2
//#Object:initialised.c
//#ExpectSym:buffer size=8,section=".data"

// GNU ld and wild take the member that defines the symbol; one that has it common only is left.
//#Config:archive-defines:base
//#Variant:2
//#Archive:initialised.c
//#ExpectSym:buffer size=8,section=".data"
//#ExpectSym:from_initialised

//#Config:archive-has-it-common:base
//#Variant:1
//#Archive:wide.c
//#ExpectSym:buffer size=8
//#NoSym:from_wide

//#Config:function-in-archive:base
//#Variant:1
//#Archive:as_function.c
//#ExpectSym:buffer type=object,size=8
//#NoSym:from_as_function

//#Config:collected:base
//#Variant:1
//#LinkArgs:-Wl,--gc-sections
//#ExpectSym:buffer

// GNU ld takes the definition of the shared object instead.
//#Config:shared-is-smaller:base
//#SkipLinker:ld
//#EnableLinker:lld
//#Variant:1
//#CompArgs:-fcommon -fPIC
//#LinkArgs:-pie
//#Shared:narrow.c:-fno-common
//#ExpectDynSym:buffer section=".bss",size=8

//#Config:thread-local:base
//#Variant:3
//#ExpectSym:per_thread type=tls,section=".tbss"
#include <stdint.h>
char buffer[8];
#if VARIANT == 3
__thread int per_thread;
int main(void) { return per_thread + 42; }
#elif VARIANT == 2
int main(void) { return buffer[0] == 'x' ? 42 : 1; }
#elif VARIANT == 1
int main(void) { return buffer[7] + 42; }
#else
int main(void) {
    if ((uintptr_t)buffer % 128) return 1;
    return buffer[255] + 42;
}
#endif
