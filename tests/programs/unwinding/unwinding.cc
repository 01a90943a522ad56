// Exceptions and backtraces through the linker's tables: .eh_frame with merged CIEs, .eh_frame_hdr, .gcc_except_table;
// through a shared object, a C object, dropped functions and functions in sections of their own.
//#AbstractConfig:base
//#LinkerDriver:g++
//#Object:through.c:-fexceptions
//#ExpectSegment:PT_GNU_EH_FRAME flags=R

//#Config:dynamic:base
//#EnableLinker:lld

//#Config:static:base
//#LinkArgs:-static -Wl,--eh-frame-hdr

//#Config:static-pie:base
//#CompArgs:-fPIE
//#LinkArgs:-static-pie

//#Config:sections:base
//#CompArgs:-O2 -ffunction-sections
//#LinkArgs:-Wl,--gc-sections
//#NoSym:_Z6unusedi

//#Config:clang:base
//#Compiler:clang
//#LinkerDriver:clang++
//#EnableLinker:lld

//#Config:shared
//#LinkerDriver:g++
//#CompArgs:-fPIC -fexceptions
//#Shared:through.c
//#ExpectSegment:PT_GNU_EH_FRAME

//#Config:large-model:base
//#CompArgs:-mcmodel=large -fno-pie
//#LinkArgs:-no-pie

//#Config:no-header
//#LinkerDriver:g++
//#Object:through.c:-fexceptions
//#LinkArgs:-Wl,--no-eh-frame-hdr
//#NoSegment:PT_GNU_EH_FRAME
//#NoSection:.eh_frame_hdr
//#RunEnabled:false
#include <cstdlib>
extern "C" int through(int (*)(int), int);
struct Guard { int *count; ~Guard() { ++*count; } };
static int count;
int unused(int x) { Guard guard{&count}; if (x) throw x; return 0; }
static int thrower(int depth) {
    Guard guard{&count};
    if (depth) return through(thrower, depth - 1) + 1;
    throw 40;
}
int main() {
    try {
        thrower(1);
    } catch (int value) {
        return value + count;
    }
    return 1;
}
