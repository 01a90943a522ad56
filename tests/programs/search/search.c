// Where -l looks: shared objects before archives, archives under -Bstatic, exact names, directories in their order.
//#AbstractConfig:base
//#LinkerDriver:gcc
//#CompArgs:-fPIC
//#LinkArgs:-L.

//#Config:shared-first:base
//#Archive:template():libfound.c
//#Shared:template(-lfound):libfound.c:-DVALUE=42
//#ExpectDynamic:DT_NEEDED=libfound.so

//#Config:static-on-request:base
//#Shared:template():libfound.c
//#Archive:template(-Wl,-Bstatic -lfound -Wl,-Bdynamic):libfound.c:-DVALUE=42
//#NoReadelf:-d:libfound

// The other words for -Bstatic and -Bdynamic.
//#Config:static-by-dn:base
//#Shared:template():libfound.c
//#Archive:template(-Wl,-dn -lfound -Wl,-dy):libfound.c:-DVALUE=42
//#NoReadelf:-d:libfound

//#Config:static-by-non-shared:base
//#Shared:template():libfound.c
//#Archive:template(-Wl,-non_shared -lfound -Wl,-call_shared):libfound.c:-DVALUE=42
//#NoReadelf:-d:libfound

//#Config:state-comes-back:base
//#Archive:template():libfound.c
//#Shared:template(-Wl,--push-state,-Bstatic -Wl,--pop-state -lfound):libfound.c:-DVALUE=42
//#ExpectDynamic:DT_NEEDED=libfound.so

//#Config:exact-name:base
//#Shared:template():libfound.c
//#Archive:template(-l:libfound.a):libfound.c:-DVALUE=42
//#NoReadelf:-d:libfound

//#Config:only-shared-under-static:base
//#Shared:template(-Wl,-Bstatic -lfound -Wl,-Bdynamic):libfound.c
//#ExpectError:found
//#ExpectError:static

//#Config:below-the-sysroot:base
//#LinkArgs:-nostdlib -nostartfiles -static -Wl,--sysroot=$OUT_DIR -L=/.
//#Archive:template(-lfound):libfound.c:-DVALUE=42
//#ExpectSym:found
//#RunEnabled:false
//#EnableLinker:lld

// An archive for another machine is passed over; what is there for ours is in the directories of the system.
//#Config:incompatible-skipped:base
//#Object:libfound.c:-DCOSINE
//#Archive:template(-lm):libm.c:-m32 -fno-pic
//#ExpectDynamic:DT_NEEDED=libm.so.6

//#Config:incompatible-only:base
//#Archive:template(-lfound):libfound.c:-m32 -fno-pic
//#ExpectError:-lfound

//#Config:no-directory-no-library:base
//#LinkArgs:-Wl,-z,now
//#Archive:template(-lfound):libfound.c
//#ExpectError:-lfound

int found(void);
int main(void) { return found(); }
