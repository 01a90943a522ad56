// --wrap changes undefined references only, and the three names go round: f to __wrap_f, __real_f to f.
//#AbstractConfig:base
//#LinkerDriver:gcc
//#LinkArgs:-Wl,--wrap=wrapped

//#Config:function:base
//#Object:defines.c
//#Object:wrapper.c
//#ExpectSym:__wrap_wrapped
//#ExpectSym:wrapped
//#EnableLinker:lld

//#Config:archive:base
//#Archive:wrapper.c
//#Archive:defines.c
//#ExpectSym:__wrap_wrapped

//#Config:shared:base
//#CompArgs:-fPIC
//#Object:wrapper.c
//#Shared:defines.c
//#ExpectDynSym:wrapped section="UNDEF"

//#Config:collected:base
//#CompArgs:-ffunction-sections
//#LinkArgs:-Wl,--wrap=wrapped -Wl,--gc-sections
//#Object:defines.c
//#Object:wrapper.c
//#ExpectSym:__wrap_wrapped
//#ExpectSym:wrapped

// The object that defines the name itself keeps its own calls.
//#Config:own-reference:base
//#Variant:1
//#Object:wrapper.c
//#ExpectSym:__wrap_wrapped

//#Config:without-wrapper:base
//#Object:defines.c
//#ExpectError:undefined symbol: __wrap_wrapped

//#Config:unused:base
//#LinkArgs:-Wl,--wrap=absent -Wl,--wrap=other
//#Variant:2
//#NoSym:__wrap_absent
int wrapped(int);
#if VARIANT == 1
__attribute__((noinline)) int wrapped(int x) { return x + 1; }
int wrapper_result(void);
int main(void) { return wrapped(41); }
#elif VARIANT == 2
int main(void) { return 42; }
#else
int main(void) { return wrapped(1); }
#endif
