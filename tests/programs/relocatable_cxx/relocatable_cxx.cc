// Outputs of -r from C++: groups are kept, one of each name, and every relocation still leads to what it did.
//#AbstractConfig:base
//#LinkerDriver:g++
//#Object:part.cc
//#RunEnabled:false
//#EnableLinker:lld
//#ExpectReadelf:-h:REL \(Relocatable file\)

//#Config:groups:base
//#LinkArgs:-r -nostdlib
//#ExpectReadelf:-g:COMDAT group section .* \[_ZN6HolderIiE3getEv\]

//#Config:debug:base
//#CompArgs:-g -O1 -ffunction-sections -fdata-sections
//#LinkArgs:-r -nostdlib
//#ExpectSection:.debug_info

//#Config:without-groups:base
// lld keeps groups whatever it is told.
//#SkipLinker:lld
//#LinkArgs:-r -nostdlib -Wl,--force-group-allocation
//#NoReadelf:-g:COMDAT

//#Config:without-locals:base
//#LinkArgs:-r -nostdlib -Wl,-x
//#NoSym:_ZL5local

//#Config:stripped:base
//#CompArgs:-g
//#LinkArgs:-r -nostdlib -Wl,-S
//#NoSection:.debug_info
// lld keeps it with -r.
//#ReferenceChecked:false

//#Config:collected:base
//#CompArgs:-ffunction-sections -fdata-sections
//#LinkArgs:-r -nostdlib -Wl,--gc-sections -Wl,-u,_Z5firsti
// lld collects nothing in outputs of -r.
//#SkipLinker:lld
//#ExpectSym:_Z5firsti
//#NoSym:_Z6unusedv
// Objects name it without referring to it; GNU ld drops the name with the section that had code of that kind.
//#DiffIgnore:symbol.extra._GLOBAL_OFFSET_TABLE_
#include <stdexcept>
template <class T> struct Holder {
    T x;
    virtual ~Holder() {}
    virtual T get();
};
template <class T> T Holder<T>::get() { return x; }
static int local = 4;
__thread int of_thread = 3;
const char *const texts[] = {"one", "two", "shared"};
extern int other(int);
int unused() { return local; }
int first(int x) {
    if (x > 3) throw std::runtime_error(texts[x % 3]);
    Holder<int> holder;
    holder.x = local + of_thread;
    return other(holder.get());
}
