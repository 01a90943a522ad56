// Where sections go: orphans, unknown types, alignment, addresses from the command line, and sections of one name with
// other flags.
//#AbstractConfig:base
//#LinkerDriver:gcc
//#CompArgs:-fno-pie
//#LinkArgs:-no-pie
//#Object:orphans.s

//#Config:orphans:base
//#ExpectSection:own_data flags=WA,type=progbits
//#ExpectSection:own_text flags=AX
//#ExpectSection:.own.constants flags=A
//#ExpectSection:own_zero flags=WA,type=nobits
//#ExpectSection:own_strange flags=A
//#EnableLinker:lld

//#Config:orphans-pie:base
//#CompArgs:-fPIE
//#LinkArgs:-pie
//#ExpectSection:own_data flags=WA

//#Config:alignment:base
//#Variant:1
//#ExpectSym:page section=".data",size=4096
//#EnableLinker:lld

//#Config:section-start:base
//#LinkArgs:-no-pie -Wl,--section-start=own_data=0x10000000
//#ExpectSection:own_data address=0x10000000
//#EnableLinker:lld

//#Config:text-start:base
//#LinkArgs:-no-pie -Wl,-Ttext=0x1000000
//#ExpectSection:.text address=0x1000000
//#ReferenceChecked:false

//#Config:image-base:base
//#LinkArgs:-no-pie -Wl,-Ttext-segment=0x2000000
//#ExpectSegment:PT_LOAD address=0x2000000

//#Config:mixed-flags:base
//#Object:mixed.s
//#Object:mixed_writable.s
//#ExpectSection:mixed flags=WA

//#Config:large-bss:base
//#Variant:2
//#ExpectSym:large size=0x10000000
//#EnableLinker:lld

//#Config:large-model:base
//#CompArgs:-fno-pie -mcmodel=medium -mlarge-data-threshold=64
//#Variant:3
//#ExpectSection:.lbss type=nobits
//#ExpectSection:.ldata
// GNU ld aligns the section to 16 bytes and what is in it to 32.
//#DiffIgnore:section.ldata.alignment

//#Config:many-sections:base
//#CompArgs:-fno-pie -ffunction-sections -fdata-sections
//#NoSection:.text.main

//#Config:text-prefixes:base
//#Variant:4
//#NoSection:.text.unlikely
//#NoSection:.text.hot
//#EnableLinker:lld

//#Config:keep-text-prefixes:base
//#Variant:4
//#LinkArgs:-no-pie -Wl,-z,keep-text-section-prefix
//#ExpectSection:.text.unlikely flags=AX
//#ExpectSection:.text.hot flags=AX
//#SkipLinker:ld
//#EnableLinker:lld

//#Config:response-file:base
//#LinkArgs:@./options.rsp
//#ExpectSym:from_response section="ABS"

//#Config:update-in-place:base
//#TestUpdateInPlace:true

//#Config:saved-link:base
//#DriverMode:save-dir-response
//#Archive:../commons/narrow.c

//#Config:wild-only-argument:base
//#WildExtraLinkArgs:-Wl,--build-id=0xabcd
//#DiffIgnore:note.GNU.BUILD_ID
//#ReferenceChecked:false
//#Contains:own_text

//#Config:map:base
//#LinkArgs:-no-pie -Wl,-Map=$OUT_DIR/map.txt
//#AssertOutputFileMatches:map.txt:own_data
//#AssertOutputFileMatches:map.txt:orphans\.s\.o

//#Config:dependency-file:base
//#LinkArgs:-no-pie -Wl,--dependency-file=$OUT_DIR/deps.txt
//#AssertOutputFileMatches:deps.txt:layout\.c\.o
//#EnableLinker:lld

//#Config:trace:base
//#LinkArgs:-no-pie -Wl,--trace
//#ExpectMessage:layout\.c\.o
//#ExpectMessage:libc\.so\.6

//#Config:trace-symbol:base
//#LinkArgs:-no-pie -Wl,-y,own_function
//#ExpectMessage:orphans\.s\.o: definition of own_function
//#ExpectMessage:layout\.c\.o: reference to own_function
#include <stdint.h>
int own_function(void);
extern int own_datum, own_nothing, own_constant;
#if VARIANT == 1
char page[4096] __attribute__((aligned(4096))) = {1};
int main(void) { return (uintptr_t)page % 4096 ? 1 : own_function(); }
#elif VARIANT == 2
char large[0x10000000];
int main(void) { return large[sizeof large - 1] + own_function(); }
#elif VARIANT == 3
int large_zero[100], large_data[100] = {42};
int main(void) { return large_zero[99] + large_data[0]; }
#elif VARIANT == 4
__attribute__((section(".text.unlikely.x"))) int cold(void) { return 0; }
__attribute__((section(".text.hot.x"))) int hot(void) { return own_function(); }
int main(void) { return hot() + cold(); }
#else
int main(void) { return own_function() == 42 && own_datum + own_nothing + own_constant == 9 ? 42 : 1; }
#endif
