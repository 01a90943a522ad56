// Undefined weak symbols are null: called, compared, loaded from the GOT, in data; in a program that a loader places
// anywhere as well, where "null" must not be relocated.
//#AbstractConfig:base
//#LinkerDriver:gcc

//#Config:static:base
//#LinkArgs:-static
//#CompArgs:-fno-pie
//#NoDynamic:DT_NEEDED

// Code has them as zero, so data must, too, whatever a library that is preloaded defines.
//#Config:no-pie:base
//#LinkArgs:-no-pie
//#CompArgs:-fno-pie
//#NoRelocation:64
//#NoDynSym:absent_variable

// What goes through the GOT is left to the loader.
//#Config:no-pie-from-other-code:base
//#LinkArgs:-no-pie
//#CompArgs:-fPIC
//#NoRelocation:64
//#ExpectRelocation:GLOB_DAT symbol=absent_variable

//#Config:pie:base
//#LinkArgs:-pie
//#CompArgs:-fPIE

//#Config:pie-from-absolute-code:base
//#LinkArgs:-pie
//#CompArgs:-fPIE -fno-plt -O2

// In code that is loaded anywhere an instruction has it as zero and data has what the loader finds.
//#Config:pie-from-fixed-code:base
//#LinkArgs:-pie
//#CompArgs:-fno-pie
//#ExpectError:R_X86_64_32 against symbol 'absent_variable' .*PIE

//#Config:static-pie:base
//#LinkArgs:-static-pie
//#CompArgs:-fPIE
//#NoRelocation:GLOB_DAT

//#Config:no-relax:base
//#LinkArgs:-pie -Wl,--no-relax
//#CompArgs:-fPIE

//#Config:library:base
//#LinkArgs:-shared
//#CompArgs:-fPIC
//#RunDynSym:main
//#ExpectDynSym:absent_function binding=weak,section="UNDEF"
//#ExpectRelocation:64 symbol=absent_variable

//#Config:hidden:base
//#LinkArgs:-pie
//#CompArgs:-fPIE -DHIDDEN
//#NoDynSym:absent_function

//#Config:archive-is-not-loaded:base
//#LinkArgs:-no-pie
//#CompArgs:-fno-pie
//#Archive:definer.c
//#NoSym:definer_was_loaded

// Another member wants it, so the weak reference gets it too.
//#Config:archive-is-loaded-for-another:base
//#Variant:1
//#LinkArgs:-no-pie
//#CompArgs:-fno-pie
//#Archive:definer.c
//#ExpectSym:definer_was_loaded

//#Config:library-defines:base
//#Variant:2
//#LinkArgs:-pie -Wl,--no-as-needed
//#CompArgs:-fPIE
//#CompSoArgs:-fPIC
//#Shared:definer.c
//#ExpectDynSym:absent_function section="UNDEF",binding=weak
#ifdef HIDDEN
#pragma GCC visibility push(hidden)
#endif
extern int absent_function(void) __attribute__((weak));
extern int absent_variable __attribute__((weak));
#ifdef HIDDEN
#pragma GCC visibility pop
#endif
#if VARIANT == 1
extern int definer_was_loaded;
#define PRESENT definer_was_loaded
#elif VARIANT == 2
#define PRESENT 1
#else
#define PRESENT 0
#endif
int (*volatile in_data)(void) = absent_function;
int *volatile address_in_data = &absent_variable;

int main(void) {
    if (PRESENT) {
        if (!absent_function || !in_data || !&absent_variable) return 1;
        return absent_function() + in_data() + *address_in_data;
    }
    if (absent_function) return absent_function();
    if (in_data) return 2;
    if (address_in_data || &absent_variable) return 3;
    return 42;
}
