// C++ on both sides of a shared object: what is inline is there once, exceptions and casts go across, and thread-local
// objects are made and destroyed.
//#AbstractConfig:base
//#LinkerDriver:g++
//#CompArgs:-fPIE -O1
//#CompSoArgs:-fPIC -O1
//#Shared:library.cc

//#Config:pie:base
//#LinkArgs:-pie -pthread
//#ExpectDynamic:DT_NEEDED=libstdc++.so.6
//#EnableLinker:lld

//#Config:no-pie:base
//#CompArgs:-fno-pie -O1
//#LinkArgs:-no-pie -pthread
//#EnableLinker:lld

//#Config:lazy:base
//#LinkArgs:-pie -pthread -Wl,-z,lazy

//#Config:collected:base
//#CompArgs:-fPIE -O1 -ffunction-sections -fdata-sections
//#LinkArgs:-pie -pthread -Wl,--gc-sections
//#EnableLinker:lld

// Functions bound inside their library, but not what has one address for all.
//#Config:symbolic-functions:base
//#LinkSoArgs:-Wl,-Bsymbolic-functions
//#LinkArgs:-pie -pthread

//#Config:hidden-inline-functions:base
//#CompSoArgs:-fPIC -O1 -fvisibility-inlines-hidden
//#CompArgs:-fPIE -O1 -fvisibility-inlines-hidden
//#LinkArgs:-pie -pthread

//#Config:clang:base
//#Compiler:clang
//#LinkArgs:-pie -pthread
//#EnableLinker:lld

//#Config:relr:base
//#LinkArgs:-pie -pthread -Wl,-z,pack-relative-relocs

//#Config:stripped:base
//#LinkArgs:-pie -pthread -s
//#NoSym:main
#include "types.h"

#include <thread>

static int thrower(int value) {
    if (value > 3) fail("too large");
    return value;
}

int main() {
    Shape *square = make(true);
    if (square->sides() != 4 || !dynamic_cast<Square *>(square)) return 1;
    if (typeid(*square) != typeid(Square) || &type_of_square() != &typeid(Square)) return 2;
    if (dynamic_cast<Square *>(make(false))) return 3;
    try {
        fail("text");
        return 4;
    } catch (const Failure &failure) {
        if (failure.what() != std::string("text")) return 5;
    }
    if (call_back(thrower, 2) != 2 || call_back(thrower, 9) != -1) return 6;
    if (counter_of_library() != &counter || entries_of_library() != &Registry<long>::entries) return 7;
    function_static() = 6;
    if (*static_of_library() != 6) return 8;
    std::thread([] { counted.value = 35; }).join();
    return destroyed + counted.value;
}
