// Which of several definitions a name gets: strong before weak before common; objects before shared objects; the first
// of equals. VARIANT says what the program itself defines.
//#AbstractConfig:base
//#LinkerDriver:gcc

//#Config:strong-over-weak:base
//#Variant:1
//#Object:strong.c
//#ExpectSym:value binding=global,size=4

//#Config:strong-first:base
//#Object:strong.c
//#Object:weak.c
//#ExpectSym:value binding=global

//#Config:strong-last:base
//#Object:weak.c
//#Object:strong.c
//#ExpectSym:value binding=global

//#Config:first-of-weak:base
//#Object:weak.c:-DVALUE=42
//#Object:weak_again.c
//#ExpectSym:value binding=weak

//#Config:strong-over-common:base
//#Object:common.c:-fcommon
//#Object:strong.c
//#ExpectSym:value section=".data",size=4

//#Config:weak-after-common:base
//#Object:common.c:-fcommon
//#Object:weak_again.c
//#ExpectSym:value binding=global,section=".bss",size=16
//#RunEnabled:false

//#Config:object-over-shared:base
//#CompArgs:-fPIC
//#Shared:shared.c
//#Object:strong.c
//#ExpectDynSym:value section=".data"
// gcc may say --as-needed. GNU ld decides when it reads the shared object, and does not yet know the other definition.
//#DiffIgnore:.dynamic.DT_NEEDED../shared.so

// A weak definition in an object still comes before a strong one in a shared object, wherever that stands.
//#Config:weak-object-over-shared:base
//#CompArgs:-fPIC
//#Shared:shared.c
//#Object:weak.c:-DVALUE=42
//#ExpectDynSym:value binding=weak
//#DiffIgnore:.dynamic.DT_NEEDED../shared.so

// GNU ld takes the definition of the shared object instead.
//#Config:common-over-shared:base
//#SkipLinker:ld
//#EnableLinker:lld
//#CompArgs:-fPIC -fcommon
//#LinkArgs:-pie
//#Shared:shared.c
//#Object:common.c:-fcommon
//#ExpectDynSym:value section=".bss"
//#RunEnabled:false

//#Config:shared-for-weak-reference:base
//#Variant:2
//#CompArgs:-fPIC
//#LinkArgs:-pie -Wl,--no-as-needed
//#Shared:shared.c:-DVALUE=42
//#ExpectDynSym:value section="UNDEF",binding=weak

//#Config:first-shared:base
//#CompArgs:-fPIC
//#LinkArgs:-pie -Wl,--no-as-needed
//#Shared:shared.c:-DVALUE=42
//#Shared:shared_again.c
//#ExpectDynamic:DT_NEEDED=shared.so
//#ExpectDynamic:DT_NEEDED=shared_again.so

//#Config:two-strong:base
//#Object:strong.c
//#Object:strong_again.c
//#ExpectError:duplicate symbol: value
//#ExpectError:strong\.c\.o
//#ExpectError:strong_again\.c\.o

//#Config:two-strong-allowed:base
//#Object:strong.c
//#Object:strong_again.c
//#LinkArgs:-Wl,--allow-multiple-definition

//#Config:two-strong-muldefs:base
//#Object:strong.c
//#Object:strong_again.c
//#LinkArgs:-Wl,-z,muldefs

//#Config:undefined:base
//#ExpectError:undefined symbol: value
//#ExpectError:precedence\.c

//#Config:unresolved-ignored:base
//#LinkArgs:-no-pie -Wl,--unresolved-symbols=ignore-all
//#CompArgs:-fno-pie
//#RunEnabled:false

//#Config:unresolved-in-objects-ignored:base
//#LinkArgs:-no-pie -Wl,--unresolved-symbols=ignore-in-object-files
//#CompArgs:-fno-pie
//#RunEnabled:false

//#Config:unresolved-warned:base
//#LinkArgs:-no-pie -Wl,--warn-unresolved-symbols
//#CompArgs:-fno-pie
//#ExpectWarning:undefined symbol: value
//#RunEnabled:false

//#Config:undefined-in-shared:base
//#CompArgs:-fPIC
//#LinkArgs:-shared
//#ExpectDynSym:value section="UNDEF"
//#RunEnabled:false

//#Config:undefined-in-shared-refused:base
//#CompArgs:-fPIC
//#LinkArgs:-shared -Wl,-z,defs
//#ExpectError:undefined symbol: value

//#Config:undefined-in-shared-allowed-again:base
//#CompArgs:-fPIC
//#LinkArgs:-shared -Wl,-z,defs -Wl,-z,undefs
//#ExpectDynSym:value section="UNDEF"
//#RunEnabled:false

//#Config:no-undefined:base
//#CompArgs:-fPIC
//#LinkArgs:-shared -Wl,--no-undefined
//#ExpectError:undefined symbol: value

//#Config:shared-needs-more:base
//#CompArgs:-fPIC
//#LinkArgs:-pie -Wl,--no-as-needed
//#Shared:needs_absent.c
//#Object:strong.c
//#ExpectError:undefined.*absent
//#ExpectError:needs_absent\.so

//#Config:library-needs-more:base
//#CompArgs:-fPIC
//#LinkArgs:-shared -Wl,--no-as-needed
//#Shared:needs_absent.c
//#Object:strong.c
//#RunEnabled:false

//#Config:library-may-not-need-more:base
//#CompArgs:-fPIC
//#LinkArgs:-shared -Wl,--no-allow-shlib-undefined -Wl,--no-as-needed
//#Shared:needs_absent.c
//#Object:strong.c
//#ExpectError:undefined.*absent

//#Config:shared-needs-more-allowed:base
//#CompArgs:-fPIC
//#LinkArgs:-Wl,--allow-shlib-undefined -Wl,--no-as-needed
//#Shared:needs_absent.c
//#Object:strong.c
//#RunEnabled:false
#if VARIANT == 1
int value __attribute__((weak)) = 1;
#elif VARIANT == 2
extern int value __attribute__((weak));
#else
extern int value;
#endif

int main(void) { return value; }
