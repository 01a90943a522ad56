// Thread-local storage in every model, from every kind of output, with every transition. Each variable is checked in
// two threads: its first value, its address (alignment, distinctness), and that a change stays in its thread.
// The checks are in tls_check.c, which is linked into the program or into a shared object.
//
//#AbstractConfig:program
//#LinkerDriver:gcc
//#Object:tls_check.c
//#Object:tls_defs.c
//#ExpectSym:initialised type=tls,section=".tdata",size=4
//#ExpectSym:aligned type=tls,section=".tdata",size=64
//#ExpectSym:zeroed type=tls,section=".tbss"
//#ExpectSegment:PT_TLS align=64,count=1
//#NoRelocation:DTPMOD64
//#NoRelocation:DTPOFF64
//#NoRelocation:TLSDESC

//#AbstractConfig:static:program
//#LinkArgs:-static -no-pie
//#NoRelocation:TPOFF64
//#NoDynamic:DT_NEEDED

//#Config:gd-static:static
//#CompArgs:-fPIC -ftls-model=global-dynamic
//#NoCode:get_initialised:call

//#Config:gd-no-plt-static:static
//#CompArgs:-fPIC -fno-plt -ftls-model=global-dynamic
//#NoCode:get_initialised:call

//#Config:ld-static:static
//#CompArgs:-fPIC -ftls-model=local-dynamic -O1
//#NoCode:get_both_local:call

//#Config:ld-no-plt-static:static
//#CompArgs:-fPIC -fno-plt -ftls-model=local-dynamic -O1
//#NoCode:get_both_local:call

//#Config:ie-static:static
//#CompArgs:-fPIC -ftls-model=initial-exec
//#NoCode:get_initialised:\(%rip\)

//#Config:ie-optimised-static:static
//#CompArgs:-fPIC -ftls-model=initial-exec -O2
//#NoCode:get_initialised:\(%rip\)

//#Config:le-static:static
//#CompArgs:-ftls-model=local-exec

//#Config:desc-static:static
//#CompArgs:-fPIC -mtls-dialect=gnu2
//#NoCode:get_initialised:call

//#Config:desc-optimised-static:static
//#CompArgs:-fPIC -mtls-dialect=gnu2 -O2
//#NoCode:get_initialised:call

//#Config:gd-no-relax-static:static
//#CompArgs:-fPIC -ftls-model=global-dynamic
//#LinkArgs:-static -no-pie -Wl,--no-relax

//#Config:gd-large-static:static
//#CompArgs:-fPIC -mcmodel=large -ftls-model=global-dynamic
//#NoCode:get_initialised:call

//#Config:ld-large-static:static
//#CompArgs:-fPIC -mcmodel=large -ftls-model=local-dynamic -O1

//#AbstractConfig:static-pie:program
//#LinkArgs:-static-pie
//#NoRelocation:TPOFF64
//#NoSegment:PT_INTERP

//#Config:gd-static-pie:static-pie
//#CompArgs:-fPIE -ftls-model=global-dynamic

//#Config:ie-static-pie:static-pie
//#CompArgs:-fPIE -ftls-model=initial-exec

//#Config:le-static-pie:static-pie
//#CompArgs:-fPIE -ftls-model=local-exec

//#Config:desc-static-pie:static-pie
//#CompArgs:-fPIE -mtls-dialect=gnu2

//#AbstractConfig:pie:program
//#LinkArgs:-pie
//#NoRelocation:TPOFF64
//#ExpectSegment:PT_INTERP

//#Config:gd-pie:pie
//#CompArgs:-fPIC -ftls-model=global-dynamic

//#Config:ld-pie:pie
//#CompArgs:-fPIC -ftls-model=local-dynamic

//#Config:ie-pie:pie
//#CompArgs:-fPIC -ftls-model=initial-exec

//#Config:le-pie:pie
//#CompArgs:-fPIE -ftls-model=local-exec

//#Config:desc-pie:pie
//#CompArgs:-fPIC -mtls-dialect=gnu2

//#Config:gd-clang-pie:pie
//#Compiler:clang
//#LinkerDriver:clang
//#CompArgs:-fPIC -ftls-model=global-dynamic -O1
//#EnableLinker:lld

// The variables are in a shared object: what is left of each model is initial-exec, with one GOT entry a variable.
//#AbstractConfig:imported
//#LinkerDriver:gcc
//#Object:tls_check.c
//#Shared:tls_defs.c
//#CompSoArgs:-fPIC
//#ExpectRelocation:TPOFF64 symbol=initialised
//#ExpectRelocation:TPOFF64 symbol=zeroed
//#NoRelocation:DTPMOD64
//#ExpectDynSym:initialised section="UNDEF",type=tls
//#LinkArgs:-pie

//#Config:gd-imported:imported
//#CompArgs:-fPIC -ftls-model=global-dynamic
//#NoCode:get_initialised:call

//#Config:gd-no-plt-imported:imported
//#CompArgs:-fPIC -fno-plt -ftls-model=global-dynamic
//#NoCode:get_initialised:call

//#Config:ie-imported:imported
//#CompArgs:-fPIC -ftls-model=initial-exec

//#Config:desc-imported:imported
//#CompArgs:-fPIC -mtls-dialect=gnu2
//#NoCode:get_initialised:call

//#Config:gd-imported-no-pie:imported
//#CompArgs:-fPIC -ftls-model=global-dynamic
//#LinkArgs:-no-pie

//#Config:gd-clang-imported:imported
//#Compiler:clang
//#LinkerDriver:clang
//#CompArgs:-fPIC -ftls-model=global-dynamic -O1
//#EnableLinker:lld

// The checks are in a shared object, and the variables with them, or in another one.
//#AbstractConfig:in-shared
//#LinkerDriver:gcc
//#LinkArgs:-pie
//#ExpectDynamic:DT_NEEDED=tls_check.so

//#Config:gd-in-shared:in-shared
//#CompArgs:-fPIC -ftls-model=global-dynamic
//#Shared:tls_check.c,tls_defs.c

//#Config:gd-no-plt-in-shared:in-shared
//#CompArgs:-fPIC -fno-plt -ftls-model=global-dynamic
//#Shared:tls_check.c,tls_defs.c

//#Config:ld-in-shared:in-shared
//#CompArgs:-fPIC -ftls-model=local-dynamic -O1 -fvisibility=hidden -DEXPORT=__attribute__((visibility("default")))
//#Shared:tls_check.c,tls_defs.c

//#Config:ie-in-shared:in-shared
//#CompArgs:-fPIC -ftls-model=initial-exec
//#Shared:tls_check.c,tls_defs.c

//#Config:desc-in-shared:in-shared
//#CompArgs:-fPIC -mtls-dialect=gnu2
//#Shared:tls_check.c,tls_defs.c

//#Config:desc-lazy-in-shared:in-shared
//#CompArgs:-fPIC -mtls-dialect=gnu2
//#LinkSoArgs:-Wl,-z,lazy
//#Shared:tls_check.c,tls_defs.c

//#Config:gd-large-in-shared:in-shared
//#CompArgs:-fPIC -mcmodel=large -ftls-model=global-dynamic
//#Shared:tls_check.c,tls_defs.c

//#Config:gd-two-shared:in-shared
//#CompArgs:-fPIC -ftls-model=global-dynamic
//#LinkArgs:-pie -Wl,--no-as-needed
//#Shared:tls_check.c
//#Shared:tls_defs.c

//#Config:desc-two-shared:in-shared
//#CompArgs:-fPIC -mtls-dialect=gnu2
//#LinkArgs:-pie -Wl,--no-as-needed
//#Shared:tls_check.c
//#Shared:tls_defs.c

// The shared object's variables are defined again by the program: all must use those of the program.
//#Config:gd-preempted:in-shared
//#CompArgs:-fPIC -ftls-model=global-dynamic
//#Object:tls_defs.c
//#Shared:tls_check.c,tls_defs.c
//#ExpectDynSym:initialised section=".tdata",type=tls
//#ExpectDynSym:zeroed section=".tbss"

// The shared object itself: which dynamic relocations are left.
//#AbstractConfig:library
//#LinkerDriver:gcc
//#Object:tls_check.c
//#Object:tls_defs.c
//#LinkArgs:-shared
//#RunDynSym:check_tls
//#ExpectDynSym:initialised type=tls

//#Config:gd-library:library
//#CompArgs:-fPIC -ftls-model=global-dynamic
//#ExpectRelocation:DTPMOD64 symbol=initialised
//#ExpectRelocation:DTPOFF64 symbol=initialised
//#NoRelocation:TPOFF64
//#ExpectSym:get_initialised type=func

//#Config:gd-symbolic-library:library
//#CompArgs:-fPIC -ftls-model=global-dynamic
//#LinkArgs:-shared -Wl,-Bsymbolic
//#ExpectReadelf:-d:SYMBOLIC
//#SkipLinker:ld
//#EnableLinker:lld
//#NoRelocation:DTPOFF64
// lld writes DF_SYMBOLIC alone, and lets the loader look for the variables all the same.
//#DiffIgnore:.dynamic.DT_SYMBOLIC.extra
//#DiffIgnore:rel.missing

//#Config:ie-library:library
//#CompArgs:-fPIC -ftls-model=initial-exec
//#ExpectRelocation:TPOFF64 symbol=initialised
//#ExpectReadelf:-d:STATIC_TLS

//#Config:desc-library:library
//#CompArgs:-fPIC -mtls-dialect=gnu2
//#ExpectRelocation:TLSDESC symbol=initialised
//#NoRelocation:DTPMOD64

//#Config:ld-library:library
//#CompArgs:-fPIC -ftls-model=local-dynamic -O1 -fvisibility=hidden -DEXPORT=__attribute__((visibility("default")))
//#ExpectRelocation:DTPMOD64 count=1
//#NoRelocation:DTPOFF64
//#NoDynSym:local_two
int check_tls(void);

int main(void) { return check_tls(); }
