// Variables aligned beyond a page: in every kind of section, and wherever the program is loaded.
//#AbstractConfig:base
//#LinkerDriver:gcc
//#CompArgs:-fPIC

//#Config:static:base
//#LinkArgs:-static
//#EnableLinker:lld

//#Config:no-pie:base
//#LinkArgs:-no-pie
//#ExpectSection:.rodata align=0x4000
//#ExpectSection:.bss align=0x10000
//#EnableLinker:lld

// The loader honours the largest alignment of the segments.
//#Config:pie:base
//#LinkArgs:-pie
//#EnableLinker:lld

//#Config:static-pie:base
//#LinkArgs:-static-pie
//#EnableLinker:lld

//#Config:relro-now:base
//#LinkArgs:-pie -Wl,-z,now,-z,separate-code
//#EnableLinker:lld

//#Config:large-pages:base
//#LinkArgs:-pie -Wl,-z,max-page-size=0x200000
//#EnableLinker:lld

//#Config:no-separate-code:base
//#LinkArgs:-pie -Wl,-z,noseparate-code

//#Config:shared:base
//#LinkArgs:-shared
//#RunDynSym:check
//#ExpectSegment:PT_TLS align=0x1000
//#EnableLinker:lld

//#Config:common:base
//#CompArgs:-fPIC -fcommon
//#LinkArgs:-pie
//#EnableLinker:lld
#define ALIGNED(n) __attribute__((aligned(n)))

ALIGNED(0x4000) const int read_only[3] = {1, 2, 3};
ALIGNED(0x2000) const int *const relocated[2] = {read_only, read_only + 1};
ALIGNED(0x8000) int written = 4;
ALIGNED(0x10000) int zero;
__thread ALIGNED(0x1000) int per_thread = 5;
__thread ALIGNED(0x400) int per_thread_zero;
ALIGNED(0x1000) int function(void) { return 6; }
int last = 7;

static unsigned long misplaced(const volatile void *address, unsigned long alignment) {
    return (unsigned long)address & (alignment - 1);
}

int check(void) {
    if (misplaced(read_only, 0x4000) | misplaced(relocated, 0x2000)) return 1;
    if (misplaced(&written, 0x8000) | misplaced(&zero, 0x10000)) return 2;
    if (misplaced(&per_thread, 0x1000) | misplaced(&per_thread_zero, 0x400)) return 3;
    if (misplaced((void *)function, 0x1000)) return 4;
    if (*relocated[1] != 2 || written != 4 || zero || per_thread != 5 || per_thread_zero) return 5;
    return function() == 6 && last == 7 ? 42 : 6;
}
int main(void) { return check(); }
