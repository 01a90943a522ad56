// Which members of archives are linked, for every kind of archive. Ours looks at all archives for every symbol; what
// GNU ld does not find for the order of the command line it is given with --start-group.
//#AbstractConfig:base
//#LinkerDriver:gcc

//#AbstractConfig:one
//#LinkerDriver:gcc
//#ExpectSym:first
//#ExpectSym:second
//#NoSym:third

//#Config:plain:one
//#Archive:first.c,second.c,third.c

//#Config:thin:one
//#ThinArchive:first.c,second.c,third.c
//#EnableLinker:lld

//#Config:bsd:one
//#BsdArchive:first.c,second.c,third.c
//#SkipLinker:ld
//#EnableLinker:lld

// GNU ld refuses an archive without an index.
//#Config:no-index:one
//#NoIndexArchive:first.c,second.c,third.c
//#SkipLinker:ld
//#EnableLinker:lld

//#Config:no-index-cycle:one
//#NoIndexArchive:first.c
//#NoIndexArchive:second.c,third.c
//#SkipLinker:ld
//#EnableLinker:lld

//#Config:index-of-64-bits:one
//#Sym64Archive:first.c,second.c,third.c
//#EnableLinker:lld

//#Config:cycle:one
//#Archive:template(-Wl,--start-group $O):first.c
//#Archive:template($O -Wl,--end-group):second.c,third.c
//#EnableLinker:lld

// `second` is needed by `first` only, whose archive comes later.
//#Config:backwards:one
//#Archive:second.c,third.c
//#Archive:first.c
//#SkipLinker:ld
//#EnableLinker:lld

//#Config:whole:base
//#Archive:template(-Wl,--whole-archive $O -Wl,--no-whole-archive):first.c,second.c,third.c
//#ExpectSym:third
//#EnableLinker:lld

//#Config:whole-thin:base
//#ThinArchive:template(-Wl,--whole-archive $O -Wl,--no-whole-archive):first.c,second.c,third.c
//#ExpectSym:third

//#Config:push-state:base
//#Archive:template(-Wl,--push-state,--whole-archive $O -Wl,--pop-state):first.c,second.c
//#Archive:third.c
//#NoSym:third
//#ExpectSym:first

//#Config:whole-collected:base
//#CompArgs:-ffunction-sections
//#LinkArgs:-Wl,--gc-sections
//#Archive:template(-Wl,--whole-archive $O -Wl,--no-whole-archive):first.c,second.c,third.c
//#NoSym:third

//#Config:start-lib:one
//#Object:template(-Wl,--start-lib $O):first.c
//#Object:second.c
//#Object:template($O -Wl,--end-lib):third.c
//#SkipLinker:ld
//#EnableLinker:lld

// Two archives define it: that of the first is taken, and no duplicate reported.
//#Config:first-archive-counts:one
//#Archive:first.c,second.c
//#Archive:third.c,first_again.c
//#NoSym:from_first_again

//#Config:duplicate-through-member:base
//#Archive:first.c,second_and_first.c
//#LinkArgs:-Wl,-u,other
//#ExpectError:duplicate symbol: first

//#Config:member-in-error:base
//#Archive:first.c
//#ExpectError:undefined symbol: second
//#ExpectError:first\.a\(first\.c\.o\)

//#Config:searched:one
//#Archive:template(-L. -l:first.a $O):first.c,second.c,third.c

//#Config:not-found:base
//#LinkArgs:-lno-such-library
//#ExpectError:no-such-library

//#Config:no-file:base
//#Object:missing.o
//#ExpectError:missing\.o

//#Config:empty-archive:base
//#Archive:first.c,second.c
//#Archive:../common/empty.c
//#ExpectSym:first
int first(void);
int main(void) { return first(); }
