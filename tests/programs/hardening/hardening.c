// Segments, flags of the dynamic section, hash tables, PLT kinds: every -z keyword with what it changes.
//#AbstractConfig:base
//#LinkerDriver:gcc
//#CompArgs:-fPIE

//#Config:relro-now:base
//#LinkArgs:-pie -Wl,-z,relro,-z,now
//#ExpectSegment:PT_GNU_RELRO flags=R
//#ExpectReadelf:-d:FLAGS.*NOW
//#ExpectReadelf:-d:FLAGS_1.*NOW.*PIE
//#EnableLinker:lld

//#Config:relro-lazy:base
//#LinkArgs:-pie -Wl,-z,relro,-z,lazy
//#ExpectSegment:PT_GNU_RELRO
//#ExpectSection:.got.plt flags=WA
//#ExpectRelocation:JUMP_SLOT symbol=strlen
//#NoReadelf:-d:NOW

//#Config:norelro:base
//#LinkArgs:-pie -Wl,-z,norelro
//#NoSegment:PT_GNU_RELRO
//#EnableLinker:lld

//#Config:hash-sysv:base
//#LinkArgs:-pie -rdynamic -Wl,--hash-style=sysv
//#ExpectDynamic:DT_HASH
//#NoDynamic:DT_GNU_HASH
//#EnableLinker:lld

//#Config:hash-gnu:base
//#LinkArgs:-pie -rdynamic -Wl,--hash-style=gnu
//#ExpectDynamic:DT_GNU_HASH
//#NoDynamic:DT_HASH
//#EnableLinker:lld

//#Config:hash-both:base
//#LinkArgs:-pie -rdynamic -Wl,--hash-style=both
//#ExpectDynamic:DT_GNU_HASH
//#ExpectDynamic:DT_HASH

//#Config:relr:base
//#LinkArgs:-pie -Wl,-z,pack-relative-relocs
//#RequiresGlibcVersion:2.36
//#ExpectDynamic:DT_RELR
//#ExpectDynamic:DT_RELRENT=0x8
//#ExpectReadelf:-V:GLIBC_ABI_DT_RELR
//#NoRelocation:RELATIVE

//#Config:no-relr:base
//#LinkArgs:-pie -Wl,-z,pack-relative-relocs -Wl,-z,nopack-relative-relocs
//#NoDynamic:DT_RELR
//#ExpectRelocation:RELATIVE

//#Config:combreloc:base
//#LinkArgs:-pie -Wl,-z,combreloc
//#ExpectDynamic:DT_RELACOUNT

// GNU ld makes a table for each section then, and cannot say how many come first.
//#Config:nocombreloc:base
//#LinkArgs:-pie -Wl,-z,nocombreloc
//#NoDynamic:DT_RELACOUNT
//#DiffIgnore:section.rela.*
//#DiffIgnore:.dynamic.DT_RELA*

//#Config:common-page-size:base
//#LinkArgs:-pie -Wl,-z,common-page-size=0x1000
//#ExpectSegment:PT_GNU_RELRO
//#EnableLinker:lld

//#Config:loadfltr:base
//#LinkArgs:-pie -Wl,-z,loadfltr
//#ExpectReadelf:-d:FLAGS_1.*LOADFLTR

//#Config:shadow-stack:base
//#CompArgs:-fPIE -fcf-protection=full
//#LinkArgs:-pie -Wl,-z,shstk
//#ExpectReadelf:-n:SHSTK
//#EnableLinker:lld

//#Config:cet-report:base
//#CompArgs:-fPIE -fcf-protection=none
//#LinkArgs:-pie -Wl,-z,cet-report=warning
//#ExpectWarning:IBT

//#Config:textoff:base
//#LinkArgs:-pie -Wl,-z,textoff
//#NoDynamic:DT_TEXTREL

//#Config:relacount:base
//#LinkArgs:-pie
//#ExpectDynamic:DT_RELACOUNT

//#Config:execstack:base
//#LinkArgs:-pie -Wl,-z,execstack
//#ExpectSegment:PT_GNU_STACK flags=RWX
//#EnableLinker:lld

//#Config:noexecstack:base
//#Object:wants_stack.s
//#LinkArgs:-pie -Wl,-z,noexecstack
//#ExpectSegment:PT_GNU_STACK flags=RW
//#EnableLinker:lld

//#Config:object-wants-execstack:base
//#Object:wants_stack.s
//#ExpectSegment:PT_GNU_STACK flags=RWX
//#ExpectWarning:wants_stack

//#Config:stack-size:base
//#LinkArgs:-pie -Wl,-z,stack-size=0x200000
//#ExpectSegment:PT_GNU_STACK size=0x200000
//#EnableLinker:lld

//#Config:max-page-size:base
//#LinkArgs:-pie -Wl,-z,max-page-size=0x200000
//#ExpectLoadAlignment:0x200000
//#EnableLinker:lld

//#Config:separate-code:base
//#LinkArgs:-pie -Wl,-z,separate-code
//#ExpectSegment:PT_LOAD flags=RX
//#ExpectSegment:PT_LOAD flags=R

//#Config:noseparate-code:base
//#LinkArgs:-pie -Wl,-z,noseparate-code

//#Config:flags:base
//#CompArgs:-fPIC
//#LinkArgs:-shared -Wl,-z,nodelete,-z,nodlopen,-z,initfirst,-z,interpose,-z,origin,-z,nodefaultlib,-z,nodump,-z,global
//#RunEnabled:false
//#ExpectReadelf:-d:FLAGS.*ORIGIN
//#ExpectReadelf:-d:FLAGS_1.*NODELETE
//#ExpectReadelf:-d:FLAGS_1.*INITFIRST
//#ExpectReadelf:-d:FLAGS_1.*NOOPEN
//#ExpectReadelf:-d:FLAGS_1.*INTERPOSE
//#ExpectReadelf:-d:FLAGS_1.*NODEFLIB
//#ExpectReadelf:-d:FLAGS_1.*NODUMP
//#ExpectReadelf:-d:FLAGS_1.*GLOBAL

//#Config:unknown-keyword:base
//#LinkArgs:-pie -Wl,-z,no-such-keyword
//#ExpectWarning:no-such-keyword

//#Config:unknown-option:base
//#LinkArgs:-pie -Wl,--no-such-option
//#ExpectError:no-such-option

//#Config:ibt:base
//#CompArgs:-fPIE -fcf-protection=full
//#LinkArgs:-pie -Wl,-z,ibt -Wl,-z,lazy
//#ExpectSection:.plt.sec flags=AX
//#ExpectCode:main:endbr64
//#ExpectReadelf:-n:IBT

//#Config:text-relocation-refused:base
//#Variant:1
//#CompArgs:-fPIC
//#LinkArgs:-shared -Wl,-z,text
//#ExpectError:hardening\.c\.o.*(\.text|\.rodata)

//#Config:text-relocation-allowed:base
//#Variant:1
//#CompArgs:-fPIC
//#LinkArgs:-shared -Wl,-z,notext
//#RunDynSym:main
//#ExpectReadelf:-d:TEXTREL

//#Config:absolute-in-pie:base
//#CompArgs:-fno-pie -mcmodel=kernel
//#Variant:2
//#LinkArgs:-pie
//#ExpectError:hardening\.c\.o.*R_X86_64_32S?
//#ExpectError:-fPI[EC]

//#Config:init-fini:base
//#Variant:3
//#CompArgs:-fPIC
//#LinkArgs:-shared -nostartfiles -Wl,-init,own_init -Wl,-fini,own_fini
//#RunDynSym:main
//#ExpectDynamic:DT_INIT
//#ExpectDynamic:DT_FINI

//#Config:interpreter:base
//#LinkArgs:-pie -Wl,--dynamic-linker,/no/such/loader
//#Contains:/no/such/loader
//#RunEnabled:false

//#Config:filter:base
//#CompArgs:-fPIC
//#LinkArgs:-shared -Wl,-F,filtered.so -Wl,-f,helped.so
//#RunEnabled:false
//#ExpectDynamic:DT_FILTER=filtered.so
//#ExpectDynamic:DT_AUXILIARY=helped.so
#include <string.h>
const char *volatile texts[] = {"one", "two", "three"};
#if VARIANT == 1
__asm__(".section .rodata.place,\"a\"\nplace: .quad variable\n.text");
int variable = 42;
int main(void) { return variable; }
#elif VARIANT == 2
int variable = 42;
int main(void) { int *volatile place = &variable; return *place; }
#elif VARIANT == 3
int called = 1;
void own_init(void) { called = 42; }
void own_fini(void) {}
int main(void) { return called; }
#else
int main(void) { return strlen(texts[0]) + strlen(texts[2]) == 8 ? 42 : 1; }
#endif
