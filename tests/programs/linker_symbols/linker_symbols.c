// Symbols that the linker defines: where they point, that they are defined only when asked for, and that a program's
// own definition of an unreserved one comes first.
//#AbstractConfig:base
//#LinkerDriver:gcc

//#Config:static:base
//#LinkArgs:-static -Wl,-z,noseparate-code
//#CompArgs:-fno-pie
//#ExpectSym:__bss_start
//#ExpectSym:__init_array_start section=".init_array"
//#ReferenceChecked:false

//#Config:no-pie:base
//#LinkArgs:-no-pie
//#CompArgs:-fno-pie

//#Config:pie:base
//#LinkArgs:-pie
//#CompArgs:-fPIE
//#ExpectSym:_DYNAMIC section=".dynamic",offset-in-section=0

//#Config:static-pie:base
//#LinkArgs:-static-pie
//#CompArgs:-fPIE

//#Config:eh-frame-hdr:base
//#Variant:1
//#LinkArgs:-no-pie -Wl,--eh-frame-hdr
//#CompArgs:-fno-pie
//#SkipLinker:ld

//#Config:own-end:base
//#Variant:2
//#LinkArgs:-no-pie
//#ExpectSym:end type=object,size=4
//#ExpectSym:etext type=object

//#Config:unasked:base
//#Variant:3
//#LinkArgs:-no-pie
//#NoSym:__start_nothing
//#NoSym:__ehdr_start
//#NoSym:__executable_start
//#ReferenceChecked:false

//#Config:tls-module-base:base
//#Variant:4
//#CompArgs:-fPIC -mtls-dialect=gnu2 -ftls-model=local-dynamic
//#LinkArgs:-shared
//#RunDynSym:main
//#NoDynSym:_TLS_MODULE_BASE_
#include <stdint.h>
#if VARIANT == 1
extern const char __GNU_EH_FRAME_HDR[] __attribute__((weak));
int main(void) { return __GNU_EH_FRAME_HDR && __GNU_EH_FRAME_HDR[0] == 1 ? 42 : 1; }
#elif VARIANT == 2
int end = 20, etext = 22;
int main(void) { return end + etext; }
#elif VARIANT == 3
int main(void) { return 42; }
#elif VARIANT == 4
static __thread int one = 40, two = 2;
int main(void) { return one + two; }
#else
extern const char __ehdr_start[], __executable_start[];
extern char _end[], end[], edata[], _edata[], etext[], _etext[], __etext[], __bss_start[];
extern void (*__init_array_start[])(void), (*__init_array_end[])(void);
extern void (*__fini_array_start[])(void), (*__fini_array_end[])(void);
extern void *__dso_handle;
extern const long _GLOBAL_OFFSET_TABLE_[];
int in_data = 1;
int in_bss;
static int initialised;
__attribute__((constructor)) static void initialise(void) { initialised = 1; }

int main(void) {
    uintptr_t text = (uintptr_t)main, data = (uintptr_t)&in_data, bss = (uintptr_t)&in_bss;
    if (__ehdr_start[0] != 0x7f || __ehdr_start[1] != 'E') return 1;
    if (__executable_start != __ehdr_start) return 2;
    if (end != _end || edata != _edata || etext != _etext || etext != __etext) return 3;
    if (text >= (uintptr_t)etext || data >= (uintptr_t)edata) return 4;
    if (bss < (uintptr_t)__bss_start || bss >= (uintptr_t)end || bss < (uintptr_t)edata) return 5;
    if (__init_array_end - __init_array_start < 2) return 6;
    if (__fini_array_end - __fini_array_start < 1) return 7;
#ifdef __PIC__
    extern const long _DYNAMIC[];
    if (!_DYNAMIC[0]) return 9;
#endif
    if (!&__dso_handle || !_GLOBAL_OFFSET_TABLE_ || !initialised) return 8;
    return 42;
}
#endif
