// Of equal inline functions, templates, vtables and inline variables of two objects one is kept, also across a shared
// object; debug information and exception tables of the losers must not point astray.
//#AbstractConfig:base
//#LinkerDriver:g++
//#Object:other.cc
//#ExpectSym:_Z11other_valuev binding=global

//#Config:default:base
//#ExpectSym:_Z12inline_valuev binding=weak
//#EnableLinker:lld

//#Config:debug:base
//#CompArgs:-g
//#ExpectSection:.debug_info
//#NoMessage:.

//#Config:debug-types:base
//#CompArgs:-g -fdebug-types-section
//#ExpectSection:.debug_info

//#Config:optimised:base
//#CompArgs:-O2 -ffunction-sections
//#LinkArgs:-Wl,--gc-sections -Wl,-O2

//#Config:clang:base
//#Compiler:clang
//#LinkerDriver:clang++
//#EnableLinker:lld

//#Config:static:base
//#LinkArgs:-static

//#Config:static-pie:base
//#CompArgs:-fPIE
//#LinkArgs:-static-pie

//#AbstractConfig:shared
//#LinkerDriver:g++
//#CompArgs:-fPIC
//#Shared:other.cc
//#ExpectDynSym:_ZTI4Base
//#ExpectDynSym:_Z12inline_valuev

//#Config:shared-object:shared
//#EnableLinker:lld

//#Config:shared-object-symbolic-functions:shared
//#LinkSoArgs:-Wl,-Bsymbolic-functions

//#Config:shared-object-no-pie:shared
//#CompArgs:-fno-pie
//#CompSoArgs:-fPIC
//#LinkArgs:-no-pie

//#Config:hidden-inlines:base
//#CompArgs:-fvisibility-inlines-hidden
//#LinkArgs:-rdynamic
//#NoDynSym:_Z12inline_valuev
#include "shape.h"
#include <cstdio>
#include <stdexcept>

int main() {
    if (inline_value() != other_inline_value()) return 1;
    if (&inline_counter != other_counter()) return 2;
    if (&Holder<int>::instance() != other_instance()) return 3;
    Derived derived;
    Base *base = make_derived();
    if (typeid(*base) != typeid(derived)) return 4;
    if (!dynamic_cast<Derived *>(base)) return 5;
    try {
        base->fail();
        return 6;
    } catch (const Failure &failure) {
        if (failure.code != 41) return 7;
    }
    try {
        throw_standard();
    } catch (const std::runtime_error &error) {
        delete base;
        return other_value() == 1 ? 42 : 8;
    }
    return 9;
}
