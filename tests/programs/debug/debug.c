// Debug information: compressed inputs, what is dropped, what is stripped, versions and formats.
//#AbstractConfig:base
//#LinkerDriver:gcc
//#Object:other.c
//#ExpectReadelf:--debug-dump=info:DW_AT_name +: .*other\.c

//#Config:dwarf4:base
//#CompArgs:-g -gdwarf-4
//#ExpectSection:.debug_info flags=

//#Config:dwarf5:base
//#CompArgs:-g -gdwarf-5
//#ExpectSection:.debug_line_str flags=MS

//#Config:dwarf64:base
//#CompArgs:-g -gdwarf64

//#Config:compressed-zlib:base
//#CompArgs:-g -gz=zlib
//#LinkArgs:-Wl,--compress-debug-sections=none
//#ExpectSection:.debug_info flags=

//#Config:compressed-zstd:base
//#RequiresCompilerFlags:-gz=zstd
//#CompArgs:-g -gz=zstd
//#LinkArgs:-Wl,--compress-debug-sections=none
//#ExpectSection:.debug_info flags=

//#Config:compress-zlib:base
//#CompArgs:-g
//#LinkArgs:-Wl,--compress-debug-sections=zlib
//#ExpectSection:.debug_info flags=C
//#EnableLinker:lld

//#Config:compress-zstd:base
//#CompArgs:-g
//#LinkArgs:-Wl,--compress-debug-sections=zstd
//#ExpectSection:.debug_info flags=C

//#Config:type-units:base
//#CompArgs:-g -fdebug-types-section
//#EnableLinker:lld

//#Config:clang:base
//#Compiler:clang
//#LinkerDriver:clang
//#CompArgs:-g
//#EnableLinker:lld

//#Config:collected:base
//#CompArgs:-g -ffunction-sections
//#LinkArgs:-Wl,--gc-sections
//#NoSym:unused

//#Config:macro:base
//#CompArgs:-g3
//#ExpectSection:.debug_macro

//#Config:split
//#LinkerDriver:gcc
//#Object:other.c
//#CompArgs:-g -gsplit-dwarf
//#ExpectReadelf:--debug-dump=info:dwo

//#AbstractConfig:stripped
//#LinkerDriver:gcc
//#Object:other.c
//#CompArgs:-g

//#Config:strip-debug:stripped
//#LinkArgs:-Wl,-S
//#NoSection:.debug_info
//#ExpectSym:other
//#EnableLinker:lld

//#Config:strip-all:stripped
//#LinkArgs:-s
//#NoSection:.debug_info
//#NoSection:.symtab
//#EnableLinker:lld

//#Config:discard-locals:stripped
//#LinkArgs:-Wl,-X
//#ExpectSym:local_function
//#NoSym:.Llocal_label

//#Config:discard-all:stripped
//#LinkArgs:-Wl,-x
//#NoSym:local_function
//#ExpectSym:other
//#EnableLinker:lld

//#Config:discard-none:stripped
//#LinkArgs:-Wl,--discard-none
//#ExpectSym:local_function

//#Config:retain-symbols:stripped
//#LinkArgs:-Wl,--retain-symbols-file=./retained.txt
//#ExpectSym:other
//#NoSym:local_function
int other(void);
int unused(void) { return 1; }
int main(void) { return other() + 1; }
