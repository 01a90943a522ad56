// Strings and constants are kept once; references into the middle of a string, wide strings, strings of other sections
// and constants of several sizes must still mean the same.
//#AbstractConfig:base
//#LinkerDriver:gcc
//#Object:other.c
//#CompArgs:-O1 -fno-pie
//#LinkArgs:-no-pie

//#Config:default:base
//#EnableLinker:lld

//#Config:optimised:base
//#LinkArgs:-no-pie -Wl,-O2
//#EnableLinker:lld

//#Config:pie:base
//#CompArgs:-O1 -fPIE
//#LinkArgs:-pie

//#Config:collected:base
//#CompArgs:-O1 -fno-pie -fdata-sections -ffunction-sections
//#LinkArgs:-no-pie -Wl,--gc-sections

//#Config:static:base
//#LinkArgs:-static

//#Config:clang:base
//#Compiler:clang
//#LinkerDriver:clang
//#EnableLinker:lld

//#Config:library:base
//#CompArgs:-O1 -fPIC
//#LinkArgs:-shared
//#RunDynSym:main

//#Config:large:base
//#CompArgs:-O1 -fno-pie -mcmodel=large
#include <stdint.h>
#include <string.h>
#include <wchar.h>
const char *other_string(void), *other_middle(void), *other_empty(void);
const wchar_t *other_wide(void);
const double *other_double(void);
extern const char *const table_of_strings[];
static const char *const own_table[] = {"shared text", "own text", ""};

int main(void) {
    const char *own = "shared text";
    if (strcmp(own, other_string()) || strcmp(own + 7, other_middle())) return 1;
    if (wcscmp(other_wide(), L"wide \x4e16") || wcslen(other_wide()) != 6) return 2;
    if (*other_double() != 2.718281828) return 3;
    if (*other_empty()) return 4;
    if (strcmp(table_of_strings[0], own_table[0]) || strcmp(table_of_strings[1], "own text" + 4)) return 5;
    if (strlen(table_of_strings[2]) != 3000) return 6;
    return (uintptr_t)own_table[0] == (uintptr_t)own ? 42 : 7;
}
