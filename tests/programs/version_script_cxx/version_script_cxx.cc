// extern "C++" blocks of version scripts and dynamic lists name what the demangler says: exactly in quotes, else as a
// pattern; and what gets the base version.
//#AbstractConfig:base
//#LinkerDriver:g++
//#CompArgs:-fPIC
//#RunDynSym:run

//#Config:patterns:base
//#LinkArgs:-shared -Wl,--version-script=./patterns.map
//#ExpectDynSym:_ZN5space3oneEv
//#ExpectDynSym:_ZN5space3twoEi
//#NoDynSym:_ZN5other3oneEv
//#EnableLinker:lld

//#Config:quoted:base
//#LinkArgs:-shared -Wl,--version-script=./quoted.map
//#NoDynSym:_ZN5space3oneEv
//#ExpectDynSym:_ZN5space3twoEi
//#NoDynSym:_ZN5space3twoEd

//#Config:types:base
//#LinkArgs:-shared -Wl,--version-script=./types.map
//#ExpectDynSym:_ZTV5Thing
//#ExpectDynSym:_ZTI5Thing
//#NoDynSym:_ZN5other3oneEv
//#EnableLinker:lld

//#Config:dynamic-list:base
//#LinkArgs:-shared -Wl,--dynamic-list=./dynamic.list
//#ExpectRelocation:JUMP_SLOT symbol=_ZN5space3oneEv
//#NoRelocation:JUMP_SLOT symbol=_ZN5other3oneEv
struct Thing { virtual int value(); };
int Thing::value() { return 20; }
namespace space {
int one() { return 1; }
int two(int x) { return x; }
int two(double x) { return static_cast<int>(x); }
}
namespace other {
int one() { return 2; }
}
extern "C" int run() { Thing thing; return thing.value() + space::one() + other::one() + space::two(9) + space::two(10.0); }
