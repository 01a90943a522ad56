// Symbols that are numbers stay what they are wherever the program or the library is loaded.
//#AbstractConfig:base
//#LinkerDriver:gcc
//#CompArgs:-fPIC -O1

//#Config:static:base
//#Object:values.s
//#LinkArgs:-static
//#ExpectSym:number section="ABS",address=0x123456
//#EnableLinker:lld

//#Config:no-pie:base
//#Object:values.s
//#LinkArgs:-no-pie
//#ExpectSym:far section="ABS",address=0x123456789abc
//#EnableLinker:lld

// No relative relocation may be made for them: the slots and words in data are ready as they stand.
//#Config:pie:base
//#Object:values.s
//#LinkArgs:-pie
//#ExpectSym:own address=77
//#NoRelocation:GLOB_DAT symbol=number
//#NoRelocation:64 symbol=far
//#EnableLinker:lld

//#Config:pie-no-relax:base
//#Object:values.s
//#LinkArgs:-pie -Wl,--no-relax
//#EnableLinker:lld

//#Config:pie-relr:base
//#Object:values.s
//#LinkArgs:-pie -Wl,-z,pack-relative-relocs
//#EnableLinker:lld

//#Config:static-pie:base
//#Object:values.s
//#LinkArgs:-static-pie
//#EnableLinker:lld

//#Config:exported:base
//#Object:values.s
//#LinkArgs:-pie -rdynamic
//#ExpectDynSym:number section="ABS",address=0x123456
//#NoDynSym:own
//#SkipLinker:ld
//#EnableLinker:lld

// The loader adds nothing to them. (In a PIE that exports them, and with --defsym, GNU ld lets it add the base.)
//#Config:imported:base
//#Variant:1
//#Shared:values.s
//#LinkArgs:-pie
//#ExpectRelocation:GLOB_DAT symbol=number
//#ExpectRelocation:64 symbol=far
//#EnableLinker:lld

//#Config:by-defsym:base
//#LinkArgs:-pie -Wl,--defsym=number=0x123456,--defsym=far=0x123456789abc,--defsym=negative=-0x123456789,--defsym=own=7*11
//#ExpectSym:own section="ABS",address=77
//#SkipLinker:ld
//#EnableLinker:lld

// Code that assumes a near symbol cannot reach a number from an address that nobody knows yet.
//#Config:direct-in-pie:base
//#Variant:2
//#Object:values.s
//#CompArgs:-fPIE -O1
//#LinkArgs:-pie
//#ExpectError:absolute\.c\.o.*R_X86_64_PC32.*number

//#Config:call-in-pie:base
//#Variant:3
//#Object:values.s
//#CompArgs:-fPIE -O1
//#LinkArgs:-pie
//#ExpectError:absolute\.c\.o.*R_X86_64_PLT32.*number

//#Config:distance-in-pie:base
//#Object:values.s
//#Object:distance.s
//#LinkArgs:-pie
//#ExpectError:distance\.s\.o.*R_X86_64_PC64.*far

//#Config:direct-without-pie:base
//#Variant:2
//#Object:values.s
//#CompArgs:-fno-pie -O1
//#LinkArgs:-no-pie
//#EnableLinker:lld
extern const char number[], far[], negative[];
extern const char own[] __attribute__((visibility("hidden")));
const char *const words[] = {number, far, negative, number + 2};

static int differs(const char *symbol, long value) { return (long)symbol != value; }

int main(void) {
#if VARIANT == 2
    return (long)number == 0x123456 ? 42 : 1;
#elif VARIANT == 3
    return ((int (*)(void))number)();
#else
    if (differs(number, 0x123456)) return 1;
    if (differs(far, 0x123456789abc)) return 2;
    if (differs(negative, -0x123456789)) return 3;
    if (differs(words[0], 0x123456) || differs(words[1], 0x123456789abc)) return 4;
    if (differs(words[2], -0x123456789) || differs(words[3], 0x123458)) return 5;
#if VARIANT != 1
    static const char *const word = own;
    if (differs(*(const char *const volatile *)&word, 77)) return 6;
#endif
    return 42;
#endif
}
