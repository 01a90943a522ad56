// Objects that hold machine code and intermediate code: without a plugin the machine code is used.
//#AbstractConfig:base
//#RequiresLinkerPlugin:true
//#CompArgs:-O1 -flto -ffat-lto-objects -fno-stack-protector -fno-pie
//#Object:runtime.c
//#DiffEnabled:false

//#Config:objects:base
//#Object:other.c
//#NoSection:.gnu.lto_.symtab

//#Config:archive:base
//#Archive:other.c

//#Config:driver
//#LinkerDriver:gcc
//#CompArgs:-O1 -ffat-lto-objects -flto
//#LinkArgs:-fno-lto
//#Variant:1
//#Object:other.c
#include "../common/runtime.h"
int other(void);
#if VARIANT == 1
int main(void) { return other(); }
#else
void _start(void) { exit_syscall(other()); }
#endif
