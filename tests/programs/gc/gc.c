// What --gc-sections keeps: what is reached from the entry point, what runs by itself, what is asked for, and sections
// whose names are C identifiers while something refers to their bounds.
//#AbstractConfig:base
//#LinkerDriver:gcc
//#CompArgs:-ffunction-sections -fdata-sections -O1
//#LinkArgs:-Wl,--gc-sections

//#Config:unused:base
//#Object:unused.c
//#NoSym:unused_function
//#NoSym:unused_variable
//#NoSym:only_from_unused
//#ExpectSym:main
//#EnableLinker:lld

// A reference from what is dropped needs no definition.
//#Config:undefined-in-unused:base
//#Variant:1
//#NoSym:refers_to_nothing
//#EnableLinker:lld

// Debuggers need the byte that probes are relative to.
//#Config:probe:base
//#Variant:8
//#Object:probe.s
//#ExpectSection:.stapsdt.base size=1
//#ExpectReadelf:-n:Base: 0x0*[1-9a-f]

//#Config:undefined-in-used:base
//#Variant:2
//#ExpectError:undefined symbol: defined_nowhere

//#Config:kept-without-collection:base
//#Object:unused.c
//#LinkArgs:-Wl,--no-gc-sections
//#ExpectSym:unused_function

//#Config:constructors:base
//#Variant:3
//#ExpectSym:runs_by_itself
//#EnableLinker:lld

//#Config:start-stop:base
//#Variant:4
//#ExpectSection:records type=progbits
//#ExpectSym:one_record
//#ExpectSym:__start_records
//#NoSym:a_note

//#Config:start-stop-other-object:base
//#Variant:5
//#Object:records.c
//#ExpectSym:one_record

//#Config:start-stop-not-collected:base
//#Variant:5
//#Object:records.c
//#LinkArgs:-Wl,--gc-sections -Wl,-z,nostart-stop-gc
//#ExpectSym:one_record

//#Config:start-stop-hidden-in-library:base
//#Variant:4
//#CompArgs:-ffunction-sections -fPIC
//#LinkArgs:-shared -Wl,--gc-sections -Wl,-z,start-stop-visibility=hidden
//#RunDynSym:main
//#ReferenceChecked:false
//#NoDynSym:__start_records

//#Config:unreferenced-records:base
//#Object:records.c
//#NoSym:one_record
//#EnableLinker:lld

//#Config:retained:base
//#Object:retained.c
//#RequiresCompilerFlags:-Werror
//#ExpectSym:retained_variable
//#ExpectSym:reached_from_retained
//#NoSym:not_retained
//#EnableLinker:lld

//#Config:undefined-option:base
//#Object:unused.c
//#LinkArgs:-Wl,--gc-sections -Wl,-u,unused_function
//#ExpectSym:unused_function
//#ExpectSym:only_from_unused
//#NoSym:unused_variable
//#EnableLinker:lld

//#Config:exported:base
//#Object:unused.c
//#LinkArgs:-Wl,--gc-sections -rdynamic
//#ExpectSym:unused_function

//#Config:cycle:base
//#Object:cycle.c
//#NoSym:ping
//#NoSym:pong
//#EnableLinker:lld

//#Config:link-order:base
//#Variant:6
//#ExpectSym:metadata_of_used
//#NoSym:metadata_of_unused
//#EnableLinker:lld

//#Config:print:base
//#Object:unused.c
//#LinkArgs:-Wl,--gc-sections -Wl,--print-gc-sections
//#ExpectMessage:unused\.c\.o.*\.text\.unused_function

//#Config:init-fini-notes:base
//#Variant:7
//#Contains:owner of the note

//#Config:strings-of-dropped-code:base
//#Object:unused.c
//#DoesNotContain:text of dropped code
//#Contains:text of kept code
//#EnableLinker:lld
const char *volatile text = "text of kept code";
#if VARIANT == 1
void defined_nowhere(void);
void refers_to_nothing(void) { defined_nowhere(); }
int main(void) { return 42; }
#elif VARIANT == 2
void defined_nowhere(void);
int main(void) { defined_nowhere(); return 42; }
#elif VARIANT == 3
static int status = 40;
__attribute__((constructor)) void runs_by_itself(void) { status += 2; }
int main(void) { return status; }
#elif VARIANT == 4
struct record { int value; };
__attribute__((section("records"), used)) struct record one_record = {20}, another_record = {22};
__attribute__((section("unasked"))) int a_note = 1;
extern struct record __start_records[], __stop_records[];
int main(void) {
    int sum = 0;
    for (struct record *one = __start_records; one < __stop_records; one++) sum += one->value;
    return sum;
}
#elif VARIANT == 5
extern int __start_records[], __stop_records[];
int main(void) { return __stop_records - __start_records == 1 ? __start_records[0] : 1; }
#elif VARIANT == 6
void used(void), unused(void);
__asm__(".section .text.used,\"ax\"\n.globl used\nused: ret\n"
        ".section .text.unused,\"ax\"\n.globl unused\nunused: ret\n"
        ".section metadata,\"ao\",@progbits,.text.used\n.globl metadata_of_used\nmetadata_of_used: .quad 1\n"
        ".section metadata,\"ao\",@progbits,.text.unused\n.globl metadata_of_unused\nmetadata_of_unused: .quad 2\n"
        ".text\n");
extern const long __start_metadata[] __attribute__((weak));
int main(void) { used(); return 42; }
#elif VARIANT == 7
__asm__(".section .note.own,\"a\",@note\n.long 18, 0, 1\n.asciz \"owner of the note\"\n.balign 4\n.text\n");
int main(void) { return 42; }
#elif VARIANT == 8
void probed(void);
int main(void) { probed(); return 42; }
#else
int main(void) { return text[0] == 't' ? 42 : 1; }
#endif
