// Objects that were linked with -r are linked again: groups, constructors, debug information, common symbols, TLS.
//#AbstractConfig:base
//#LinkerDriver:gcc
//#CompArgs:-fcommon

//#Config:two:base
//#Relocatable:first.c,second.c
//#ExpectSym:first
//#ExpectSym:second

//#Config:debug:base
//#CompArgs:-g -fcommon
//#Relocatable:first.c,second.c
//#ExpectReadelf:--debug-dump=info:second\.c

//#Config:collected:base
//#CompArgs:-ffunction-sections -fcommon
//#LinkArgs:-Wl,--gc-sections -Wl,-u,first
//#Relocatable:first.c,second.c
//#ExpectSym:second

//#Config:output:base
//#LinkArgs:-r -nostdlib
//#Object:first.c
//#Object:second.c
//#RunEnabled:false
//#ExpectReadelf:-h:REL \(Relocatable file\)
//#ExpectSym:second type=func
//#ExpectSym:shared_common section="COMMON"

//#Config:output-strip-debug:base
//#CompArgs:-g -fcommon
//#LinkArgs:-r -nostdlib -Wl,-S
//#Object:first.c
//#Object:second.c
//#RunEnabled:false
//#NoSection:.debug_info
int shared_common;
int first(void);
int main(void) { return first() + shared_common; }
