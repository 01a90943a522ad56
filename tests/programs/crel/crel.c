// Compact relocations (SHT_CREL), which clang writes on request; GNU ld of today does not read them.
//#AbstractConfig:base
//#Compiler:clang
//#LinkerDriver:clang
//#CompArgs:-Wa,--crel,--allow-experimental-crel -ffunction-sections -fPIC
//#RequiresCompilerFlags:-Wa,--crel,--allow-experimental-crel
//#SkipLinker:ld

//#Config:pie:base
//#Object:other.c

//#Config:collected:base
//#Object:other.c
//#LinkArgs:-Wl,--gc-sections
//#NoSym:unused

//#Config:shared:base
//#Shared:other.c
//#ExpectDynSym:other section="UNDEF"

//#Config:archive:base
//#Archive:other.c

//#Config:undefined:base
//#ExpectError:undefined symbol: other
//#ExpectError:crel\.c\.o:\(\.text\.main\+0x
int other(int);
int unused(void) { return other(1); }
int (*volatile pointer)(int) = other;
int main(void) { return other(1) + pointer(3); }
