// Which pattern of a version script gets a name: exact before wildcard, global before local, the first version before
// later ones; C++ names, tags without patterns, and scripts that are wrong.
//#AbstractConfig:base
//#LinkerDriver:gcc
//#CompArgs:-fPIC

//#AbstractConfig:library:base
//#RunDynSym:run

//#Config:exact-before-wildcard:library
//#LinkArgs:-shared -Wl,--version-script=./exact.map
//#ExpectReadelf:--dyn-syms:alpha_one@@EXACT
//#ExpectReadelf:--dyn-syms:alpha_two@@WILD
//#NoDynSym:beta
//#ExpectSym:beta binding=local
//#EnableLinker:lld

//#Config:local-exact-before-global-wildcard:library
//#LinkArgs:-shared -Wl,--version-script=./local.map
//#NoDynSym:alpha_one
//#ExpectDynSym:alpha_two
//#ExpectDynSym:run
//#NoDynSym:beta
//#EnableLinker:lld

//#Config:anonymous:library
//#LinkArgs:-shared -Wl,--version-script=./anonymous.map
//#ExpectDynSym:alpha_one
//#NoDynSym:alpha_two
//#NoDynamic:DT_VERDEF
//#NoReadelf:--dyn-syms:run@
//#EnableLinker:lld

//#Config:inheritance:library
//#LinkArgs:-shared -Wl,--version-script=./inheritance.map -Wl,-soname,self.so
//#ExpectReadelf:-V:Name: NEW
//#ExpectReadelf:-V:Parent 1: OLD
//#ExpectReadelf:-V:Flags: BASE +Index: 1 +Cnt: 1 +Name: self.so
//#ExpectReadelf:--dyn-syms:alpha_two@@NEW
//#ExpectDynamic:DT_VERDEFNUM=0x3

//#Config:tag-without-names:library
//#LinkArgs:-shared -Wl,--version-script=./empty_tag.map
//#ExpectReadelf:-V:Name: EMPTY
// GNU ld calls a version without symbols weak.
//#DiffIgnore:version.defined.EMPTY
//#ExpectReadelf:--dyn-syms:run@@FULL

//#Config:star-last:library
//#LinkArgs:-shared -Wl,--version-script=./star.map
//#ExpectReadelf:--dyn-syms:alpha_one@@PREFIX
//#ExpectReadelf:--dyn-syms:run@@ALL

//#Config:quoted-and-classes:library
//#LinkArgs:-shared -Wl,--version-script=./classes.map
//#ExpectDynSym:alpha_one
//#ExpectDynSym:alpha_two
//#ExpectDynSym:run
//#NoDynSym:beta

//#Config:collected:library
//#CompArgs:-fPIC -ffunction-sections
//#LinkArgs:-shared -Wl,--version-script=./anonymous.map -Wl,--gc-sections
//#ExpectDynSym:alpha_one
//#NoDynSym:alpha_two
//#NoSym:unused

//#Config:absent-name-allowed:library
//#LinkArgs:-shared -Wl,--version-script=./absent.map
//#NoDynSym:absent

//#Config:absent-name-refused:base
//#LinkArgs:-shared -Wl,--version-script=./absent.map -Wl,--no-undefined-version
//#ExpectError:absent

//#Config:executable:base
//#LinkArgs:-pie -rdynamic -Wl,--version-script=./executable.map
//#ExpectReadelf:--dyn-syms:alpha_one@@EXE
//#NoDynSym:alpha_two

//#Config:syntax-error:base
//#LinkArgs:-shared -Wl,--version-script=./broken.map
//#ExpectError:broken\.map:2

//#Config:unknown-parent:base
//#LinkArgs:-shared -Wl,--version-script=./no_parent.map
//#ExpectError:MISSING

//#Config:twice:base
//#LinkArgs:-shared -Wl,--version-script=./twice.map
//#ExpectError:twice\.map.*SAME|SAME

//#Config:no-file:base
//#LinkArgs:-shared -Wl,--version-script=./no_such.map
//#ExpectError:no_such\.map

//#Config:preempted:base
//#Variant:1
//#Shared:library.c
//#LinkArgs:-pie
//#ExpectDynSym:alpha_one
int alpha_one(void) { return 20; }
#if VARIANT == 1
int run(void);
int main(void) { return run(); }
#else
__attribute__((weak)) int alpha_two(void) { return 21; }
int beta(void) { return 1; }
int unused(void) { return 0; }
int run(void) { return alpha_one() + alpha_two() + beta(); }
int main(void) { return run(); }
#endif
