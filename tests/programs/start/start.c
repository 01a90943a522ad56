// A program without libc, in every kind of executable.
//#AbstractConfig:base
//#Object:runtime.c
//#ExpectSym:_start section=".text",type=func,binding=global
//#ExpectSym:answer type=object,section=".data"
//#NoSym:unused
//#CompArgs:-ffunction-sections -fdata-sections -fno-stack-protector

//#Config:static:base
//#NoDynamic:DT_NULL
//#NoSegment:PT_INTERP
//#NoSection:.dynsym

//#Config:static-pie:base
//#CompArgs:-ffunction-sections -fdata-sections -fpie -fno-stack-protector
//#LinkArgs:-pie --no-dynamic-linker -z text -z now
//#NoSegment:PT_INTERP
//#ExpectDynamic:DT_FLAGS_1
//#RunEnabled:false

//#Config:dynamic:base
//#Mode:dynamic
//#Shared:force-dynamic-linking.c
//#ExpectSegment:PT_INTERP flags=R
//#ExpectDynamic:DT_NEEDED=force-dynamic-linking.so
//#ExpectDynamic:DT_DEBUG
#include "../common/runtime.h"

int answer = SUCCESS;
int unused(void) { return 1; }
void _start(void) { exit_syscall(answer); }
