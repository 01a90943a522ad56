// Which of several definitions a name means, when the program and two libraries have one each: the first in the order
// program, libraries as they are named; for all of them, as each reaches it through the loader.
//#AbstractConfig:base
//#LinkerDriver:gcc
//#CompArgs:-fPIE -O1
//#CompSoArgs:-fPIC -O1

//#Config:program:base
//#Variant:3
//#Shared:one.c
//#Shared:two.c
//#LinkArgs:-pie
//#ExpectDynSym:which type=func
//#ExpectDynSym:value type=object
//#EnableLinker:lld

//#Config:program-no-pie:base
//#Variant:3
//#CompArgs:-fno-pie -O1
//#Shared:one.c
//#Shared:two.c
//#LinkArgs:-no-pie
//#NoRelocation:COPY
//#EnableLinker:lld

//#Config:first-library:base
//#Variant:1
//#Shared:one.c
//#Shared:two.c
//#LinkArgs:-pie
//#ExpectDynSym:which section="UNDEF"
//#EnableLinker:lld

// The address of an imported function, and the copy of an imported variable, are the program's, for the libraries too.
//#Config:first-library-no-pie:base
//#Variant:1
//#CompArgs:-fno-pie -O1
//#Shared:one.c
//#Shared:two.c
//#LinkArgs:-no-pie
//#ExpectRelocation:COPY symbol=value
//#EnableLinker:lld

//#Config:second-library-first:base
//#Variant:2
//#Shared:two.c
//#Shared:one.c
//#LinkArgs:-pie

//#Config:lazy:base
//#Variant:1
//#Shared:one.c
//#Shared:two.c
//#LinkArgs:-pie -Wl,-z,lazy
//#NoDynamic:DT_BIND_NOW

//#Config:no-plt:base
//#Variant:1
//#CompArgs:-fPIE -O1 -fno-plt
//#CompSoArgs:-fPIC -O1 -fno-plt
//#Shared:one.c
//#Shared:two.c
//#LinkArgs:-pie
//#NoRelocation:JUMP_SLOT symbol=which

// A library bound to itself does not notice the others; the program goes on to see the first.
//#Config:symbolic-libraries:base
//#Variant:4
//#Shared:one.c
//#Shared:two.c
//#LinkSoArgs:-Wl,-Bsymbolic
//#LinkArgs:-pie

//#Config:archive-before-libraries:base
//#Variant:5
//#Archive:own.c
//#Shared:one.c
//#Shared:two.c
//#LinkArgs:-pie
//#ExpectDynSym:which type=func

// A member that only a library refers to is loaded for it, too, where no library defines the name.
//#Config:archive-for-a-library:base
//#Variant:6
//#Shared:wants.c
//#Archive:wanted.c
//#LinkArgs:-pie
//#ExpectDynSym:wanted type=func
//#EnableLinker:lld
#if VARIANT == 6
int call_wanted(void);
int main(void) { return call_wanted(); }
#else
int which(void), which_by_one(void), which_by_two(void);
extern int value;
int *value_by_one(void), *value_by_two(void);
int (*function_by_one(void))(void), (*function_by_two(void))(void);

#if VARIANT == 3
int value = 3;
int which(void) { return 3; }
#endif
#if VARIANT == 5
#define EXPECTED 5
#elif VARIANT == 4
#define EXPECTED 1
#else
#define EXPECTED VARIANT
#endif

int main(void) {
    if (which() != EXPECTED || value != EXPECTED) return 1;
#if VARIANT == 4
    return which_by_one() == 1 && which_by_two() == 2 && *value_by_one() == 1 && *value_by_two() == 2 ? 42 : 2;
#else
    if (which_by_one() != EXPECTED || which_by_two() != EXPECTED) return 3;
    if (value_by_one() != &value || value_by_two() != &value) return 4;
    if (function_by_one() != which || function_by_two() != which) return 5;
    value = 9;
    return *value_by_two() == 9 ? 42 : 6;
#endif
}
#endif
