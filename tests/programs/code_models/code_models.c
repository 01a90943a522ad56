// Code of the medium and large models: variables that may be far away stand behind all others, in sections of their own.
//#AbstractConfig:base
//#LinkerDriver:gcc
//#Object:other.c
//#DiffIgnore:section.ldata.alignment

//#Config:medium:base
//#CompArgs:-mcmodel=medium -mlarge-data-threshold=64 -fno-pie
//#LinkArgs:-no-pie
//#ExpectSection:.ldata flags=WA
//#ExpectSection:.lbss flags=WA,type=nobits
//#ExpectSection:.lrodata flags=A
//#ExpectSym:large section=".ldata"
//#ExpectSym:small section=".data"

//#Config:medium-pie:base
//#CompArgs:-mcmodel=medium -mlarge-data-threshold=64 -fPIE
//#LinkArgs:-pie
//#ExpectSection:.lbss flags=WA,type=nobits
//#ExpectSym:large_zero section=".lbss"

//#Config:medium-static:base
//#CompArgs:-mcmodel=medium -mlarge-data-threshold=64 -fno-pie
//#LinkArgs:-static

//#Config:medium-static-pie:base
//#CompArgs:-mcmodel=medium -mlarge-data-threshold=64 -fPIE
//#LinkArgs:-static-pie

//#Config:medium-common:base
//#CompArgs:-mcmodel=medium -mlarge-data-threshold=64 -fno-pie -fcommon
//#LinkArgs:-no-pie
//#ExpectSym:large_zero section=".lbss"

//#Config:medium-shared:base
//#CompArgs:-mcmodel=medium -mlarge-data-threshold=64 -fPIC
//#LinkArgs:-shared
//#RunDynSym:main

//#Config:medium-collected:base
//#CompArgs:-mcmodel=medium -mlarge-data-threshold=64 -fno-pie -fdata-sections -ffunction-sections
//#LinkArgs:-no-pie -Wl,--gc-sections
//#NoSym:unused_large

//#Config:large:base
//#CompArgs:-mcmodel=large -fno-pie
//#LinkArgs:-no-pie

//#Config:large-pie:base
//#CompArgs:-mcmodel=large -fPIE
//#LinkArgs:-pie

//#Config:large-static:base
//#CompArgs:-mcmodel=large -fno-pie
//#LinkArgs:-static

//#Config:large-shared:base
//#CompArgs:-mcmodel=large -fPIC
//#LinkArgs:-shared
//#RunDynSym:main

//#Config:clang-medium:base
//#Compiler:clang
//#CompArgs:-mcmodel=medium -fno-pie
//#LinkArgs:-no-pie
int small = 1, small_zero;
int large[1000] = {2}, large_zero[2000], unused_large[500] = {3};
const int large_constant[300] = {4, 5};
static int own_large[400] = {6};
int *const pointer = large + 1;

int other_sum(void);
int *other_place(void);

int main(void) {
    large[1] = 7;
    large_zero[1999] = 8;
    if (*pointer != 7 || other_place() != &large_zero[1999]) return 1;
    int sum = small + small_zero + large[0] + large_constant[1] + own_large[0] + large_zero[1999];
    return sum + other_sum();
}
