// DT_NEEDED: which shared objects are recorded, in which order, and under which name.
//#AbstractConfig:base
//#LinkerDriver:gcc
//#CompArgs:-fPIC

//#Config:unused:base
//#Shared:template(-Wl,--as-needed $O):used.c
//#Shared:template($O):unused.c
//#ExpectDynamic:DT_NEEDED=used.so
//#NoReadelf:-d:unused\.so
//#EnableLinker:lld

//#Config:no-as-needed:base
//#Shared:template(-Wl,--no-as-needed $O):unused.c
//#Shared:used.c
//#ExpectReadelf:-d:(?s)unused\.so.*/used\.so

//#Config:state-is-popped:base
//#LinkArgs:-Wl,--no-as-needed
//#Shared:template(-Wl,--push-state,--as-needed $O -Wl,--pop-state):unused.c
//#Shared:used.c
//#NoReadelf:-d:unused\.so

//#Config:weak-reference-only:base
//#Variant:1
//#Shared:template(-Wl,--as-needed $O):used.c
//#NoReadelf:-d:used\.so
//#ReferenceChecked:false

//#Config:reference-collected:base
//#Variant:2
//#CompArgs:-fPIC -ffunction-sections
//#LinkArgs:-Wl,--gc-sections
//#Shared:template(-Wl,--as-needed $O):used.c
//#NoReadelf:-d:used\.so
//#ReferenceChecked:false
// GNU ld decides before it collects.
//#DiffIgnore:.dynamic.DT_NEEDED../used.so

//#Config:soname:base
//#LinkSoArgs:-Wl,-soname,as_needed_other_name.so
//#Shared:used.c
//#ExpectDynamic:DT_NEEDED=as_needed_other_name.so
//#RunEnabled:false

//#Config:rpath:base
//#Shared:used.c
//#LinkArgs:-Wl,-rpath,$ORIGIN -Wl,-rpath,/other -Wl,-rpath,$ORIGIN
//#ExpectDynamic:DT_RUNPATH=$ORIGIN:/other
//#NoDynamic:DT_RPATH

//#Config:old-rpath:base
//#Shared:used.c
//#LinkArgs:-Wl,-rpath,/one -Wl,--disable-new-dtags
//#ExpectDynamic:DT_RPATH=/one
//#NoDynamic:DT_RUNPATH

//#Config:used-by-library-only:base
//#Variant:3
//#Shared:template(-Wl,--as-needed $O):uses_used.c
//#Shared:used.c
//#NoReadelf:-d:/used\.so
//#RunEnabled:false
//#ReferenceChecked:false
// For GNU ld the reference of the other library is a use.
//#DiffIgnore:.dynamic.DT_NEEDED../used.so

//#Config:searched:base
//#Shared:template(-L. -Wl,-Bdynamic -l:used.so $O):used.c

int used(void), uses_used(void);
#if VARIANT == 1
extern int used(void) __attribute__((weak));
int main(void) { return used ? 42 : 42; }
#elif VARIANT == 2
int never(void) { return used(); }
int main(void) { return 42; }
#elif VARIANT == 3
int main(void) { return uses_used(); }
#else
int main(void) { return used(); }
#endif
