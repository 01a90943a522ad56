// Warnings that are no errors until --fatal-warnings, and inputs that are no inputs.
//#AbstractConfig:base
//#LinkerDriver:gcc

//#Config:gnu-warning:base
//#Object:warned.s
//#ExpectWarning:the use of dangerous is dangerous

//#Config:gnu-warning-unused:base
//#Variant:1
//#Object:warned.s
//#NoMessage:dangerous

//#Config:fatal-warnings:base
//#Object:warned.s
//#LinkArgs:-Wl,--fatal-warnings
//#ExpectError:the use of dangerous is dangerous

//#Config:no-warnings:base
//#Object:warned.s
//#LinkArgs:-Wl,--no-warnings
//#NoMessage:dangerous
//#SkipLinker:ld

//#Config:unknown-emulation:base
//#LinkArgs:-Wl,-m,elf_vax
//#ExpectError:elf_vax

//#Config:no-elf:base
//#Variant:1
//#Object:options.txt
//#ExpectError:options\.txt

//#Config:directory:base
//#Variant:1
//#Object:../warnings
//#ExpectError:warnings.*directory

//#Config:empty-object:base
//#Variant:1
//#Object:empty.o
//#SkipLinker:ld
//#ExpectWarning:empty\.o.*is empty

//#Config:missing-script:base
//#Variant:1
//#LinkerScript:missing.ld
//#ExpectError:missing\.ld

//#Config:no-output-directory:base
//#Variant:1
//#LinkArgs:-o $OUT_DIR/none/out
//#ExpectError:none/out
#if VARIANT == 1
int main(void) { return 42; }
#else
int dangerous(void);
int main(void) { return dangerous(); }
#endif
