"""Layout scripts: SECTIONS, MEMORY and PHDRS, beside GNU ld's output where the script determines it."""

from __future__ import annotations

import subprocess

import pytest
from elf import PF_R, PF_W, PF_X, PT_LOAD
from linking import linker_under_test, query
from programs import archive, assemble, compile_c, tool
from scripts import START, by_ld, places, same_as_ld, script, values, with_script

pytestmark = pytest.mark.unlike("lld", "mold", "gold", reason="lay scripts out in their own ways")

DATA = '.data\n.globl value, more\nvalue: .long 40\n.section .mine,"aw"\nmore: .long 2\n.bss\n.zero 8\n'
SIMPLE = """
ENTRY(_start)
SECTIONS
{
  . = 0x400000 + SIZEOF_HEADERS;
  .text : { *(.text .text.*) }
  . = ALIGN(0x1000);
  .data : { *(.data) *(.mine) }
  __bss_start = .;
  .bss : { *(.bss) *(COMMON) }
  _end = .;
}
"""
EMBEDDED = """
ENTRY(reset)
heap_size = 0x200;
MEMORY
{
  FLASH (rx)  : ORIGIN = 0x08000000, LENGTH = 512K
  RAM (xrw)   : ORIGIN = 0x20000000, LENGTH = 96K
}
stack_top = ORIGIN(RAM) + LENGTH(RAM);
SECTIONS
{
  .vectors : { . = ALIGN(8); KEEP(*(.vectors)) . = ALIGN(8); } >FLASH
  .text : { . = ALIGN(8); *(.text) *(.text*) . = ALIGN(8); text_end = .; } >FLASH
  .rodata : { *(.rodata) *(.rodata*) . = ALIGN(8); } >FLASH
  .init_array : { array_start = .; KEEP (*(SORT(.init_array.*))) KEEP (*(.init_array*)) array_end = .; } >FLASH
  data_load = LOADADDR(.data);
  .data : { data_start = .; *(.data) *(.data*) . = ALIGN(8); data_end = .; } >RAM AT> FLASH
  .bss : { bss_start = .; *(.bss) *(.bss*) *(COMMON) . = ALIGN(4); bss_end = .; } >RAM
  .heap : { . = ALIGN(8); PROVIDE(end = .); PROVIDE(unused = .); . = . + heap_size; . = ALIGN(8); } >RAM
  .image : { LONG(0x11223344) BYTE(SIZEOF(.text) & 0xff) SHORT(2) QUAD(text_end) } >FLASH
  text_size = SIZEOF(.text);
  bss_size = bss_end - bss_start;
  /DISCARD/ : { *(.note.*) *(.comment) *(.eh_frame) }
}
"""
FIRMWARE = """
extern char stack_top[], data_load[], data_start[], data_end[], bss_start[], bss_end[], end[];
void reset(void);
__attribute__((section(".vectors"), used)) void *const vectors[] = {stack_top, (void *)reset};
volatile int data[5] = {1, 2, 3}; volatile short half = 7; volatile char byte = 3; volatile int bss[33];
__attribute__((aligned(64))) volatile int aligned = 9; volatile int common[3] __attribute__((common));
volatile const char text[] = "0123456"; volatile const short constant = 4;
__attribute__((constructor(101))) void first(void) { bss[0] = 1; }
__attribute__((constructor)) void second(void) { bss[1] = constant + text[bss[3]]; }
__attribute__((noinline)) void unused_function(void) { bss[2] = 1; }
void reset(void)
{
    char *from = data_load, *to = data_start;
    while (to < data_end) *to++ = *from++;
    for (to = bss_start; to < bss_end; to++) *to = 0;
    end[0] = data[half] + byte + aligned + common[1];
    for (;;) ;
}
"""
FREESTANDING = (
    "-O1", "-ffreestanding", "-fno-pic", "-fno-stack-protector", "-fno-asynchronous-unwind-tables",
    "-ffunction-sections", "-fdata-sections",
)  # fmt: skip


def test_a_program_runs(link):
    program = same_as_ld(link, SIMPLE, assemble(START + DATA))

    program.run(status=42)
    assert values(program)["_end"] == program.sections[".bss"].end


def test_a_script_is_found_in_the_directories_of_libraries(link):
    (link.directory / "scripts").mkdir()
    script(link, SIMPLE, "scripts/layout.ld")

    program = link.raw("-L", link.directory / "scripts", "-Tlayout.ld", assemble(START + DATA))
    program.run(status=42)


@pytest.mark.parametrize("flags", [(), ("--gc-sections",)], ids=["all", "gc"])
def test_an_embedded_image(link, flags):
    """MEMORY, load addresses, data from the script: the same binary as from GNU ld."""
    program = same_as_ld(link, EMBEDDED, compile_c(FIRMWARE, *FREESTANDING), *flags)

    assert "unused" not in values(program)
    assert ("unused_function" in values(program)) == (not flags)
    tool("objcopy")
    for name in ("program", "ld"):
        subprocess.run(
            ["objcopy", "-O", "binary", name, f"{name}.bin", "--gap-fill=0"], cwd=link.directory, check=True
        )
    ours, theirs = ((link.directory / f"{name}.bin").read_bytes() for name in ("program", "ld"))
    text = program.sections[".text"].end - 0x8000000
    assert ours[text:] == theirs[text:]  # the gap at the end of the code is filled by other instructions


def test_regions_that_overflow_are_reported_with_the_excess(link):
    text = EMBEDDED.replace("512K", "32").replace("96K", "128")

    message = link.fails("-T", script(link, text), compile_c(FIRMWARE, *FREESTANDING), driver="raw")
    assert "section '.text' will not fit in region 'FLASH'" in message
    assert "region 'FLASH' overflowed by " in message
    assert "region 'RAM' overflowed by " in message


# --- GNU ld's own script


MAIN = """
#include <stdio.h>
__thread int tls = 3; int data = 4, bss[100]; const char *names[] = {"a", "b"};
__attribute__((constructor)) void start(void) { data++; }
int main(int argc, char **argv) { printf("%d %d %d %s\\n", tls, data, bss[5], names[argc - 1]); }
"""


def default_script(link, *flags: str):
    text = query(tool("ld"), *flags, "--verbose")
    return script(link, text.split("=" * 50 + "\n")[1], "default.ld")


@pytest.mark.parametrize("kind", ["-no-pie", "-static", "-pie", "-static-pie"])
@pytest.mark.parametrize("relro", ["relro", "norelro", "now"])
def test_programs_with_the_default_script_of_gnu_ld(link, kind, relro):
    if relro != "relro" and kind.startswith("-static"):
        pytest.skip("takes long, and tells nothing more")
    flags = (*(["-pie"] if "pie" in kind and kind != "-no-pie" else []), "-z", relro)
    layout = default_script(link, *flags)
    source = compile_c(MAIN, "-fPIC")

    program = link(source, kind, f"-Wl,-T,{layout},-z,{relro}")
    plain = link(source, kind, f"-Wl,-z,{relro}", output="plain")

    assert program.run() == plain.run() == "3 5 0 a\n"
    if kind.startswith("-static") or relro == "now":
        return  # a script need not define the same, and puts .got.plt into .got
    assert {section.name for section in plain.section_list} == {
        section.name for section in program.section_list
    }
    for name in (".init", ".fini", ".plt", ".got", ".rela.dyn", ".rela.plt", ".dynamic", ".dynsym", ".bss"):
        assert (name in plain.sections) == (name in program.sections)
        if name in plain.sections:
            assert plain.sections[name].size == program.sections[name].size


def test_a_shared_object_with_the_default_script_of_gnu_ld(link):
    layout = default_script(link, "-shared")
    library = link.shared(compile_c("int value(void) { return 42; }", "-fPIC"), f"-Wl,-T,{layout}")
    program = link(compile_c("int value(void); int main(void) { return value(); }"), library)

    program.run(status=42)
    assert library.exports >= {"value"}


# --- our own


def own_script(link, *flags: str):
    text = query(linker_under_test(), *flags, "--verbose")
    assert "using internal linker script:\n" in text
    assert 'SEARCH_DIR ("=/usr/lib")' in text
    return script(link, text.split("=" * 50 + "\n")[1], "own.ld")


@pytest.mark.parametrize("kind", ["-no-pie", "-static", "-pie", "-static-pie"])
def test_the_script_that_verbose_prints_lays_out_what_links_without_it_do(link, kind):
    layout = own_script(link, *(["-pie"] if kind.endswith("e") and kind != "-no-pie" else []))
    source = compile_c(MAIN, "-fPIC")

    program = link(source, kind, f"-Wl,-T,{layout}")
    plain = link(source, kind, output="plain")

    assert program.run() == plain.run() == "3 5 0 a\n"
    loaded = [section for section in plain.section_list if section.address]
    assert {section.name for section in program.section_list if section.address} == {
        section.name for section in loaded
    }
    for section in loaded:
        # What has equal rank stands in another order, with other gaps.
        assert abs(program.sections[section.name].size - section.size) <= max(64, section.size // 1000), (
            section.name
        )


def test_gnu_ld_takes_the_script_that_verbose_prints(link):
    by_ld(link, own_script(link).read_text(), assemble(START + DATA)).run(status=42)


def test_verbose_prints_the_script_that_is_given(link):
    script(link, SIMPLE, "mine.ld")

    text = query(linker_under_test(), "-L", str(link.directory), "-T", "mine.ld", "--verbose")

    assert "using external linker script:\n" in text
    assert SIMPLE.strip() in text


def test_the_notes_of_properties_are_one_whatever_a_script_says(link):
    layout = script(link, "SECTIONS { .note.gnu.property : { *(.note.gnu.property) } .rest : { *(.text) } }")
    note = '.section .note.gnu.property,"a"\n.p2align 3\n.long 4, 16, 5\n.asciz "GNU"\n.long 0xc0008002, 4, 1, 0\n'

    program = link.raw(assemble(START + DATA + note), assemble(note), "-T", layout)

    assert program.sections[".note.gnu.property"].size == 32


# --- input sections


def sections_of(*names: str, flags: str = "aw", size: int = 4) -> str:
    return "".join(
        f'.section {name},"{flags}"\n.globl in_{index}\nin_{index}: .zero {size}\n'
        for index, name in enumerate(names)
    )


@pytest.mark.parametrize(
    "statements",
    [
        "*(.d*)", "*(.d.2) *(.d.1) *(.d*)", "*(SORT(.d*))", "*(SORT_BY_NAME(.d*) .e)", "KEEP(*(.d.1)) *(.d*)",
        "*(.d.? .d.10)", "*(.d.[12] .d*)", "*main.o(.d*)", "*other.o(.d*) *(.d*)", "*(EXCLUDE_FILE(*main.o) .d*)",
        "EXCLUDE_FILE(*main.o) *(.d*)", "*(SORT_BY_ALIGNMENT(.d*))", "*lib.a:(.d*) *(.d*)",
        "*lib.a:other.o(.d*) *(.d*)",
        ":*main.o(.d*) *(.d*)", "*(SORT_BY_INIT_PRIORITY(.d*))", "*(.d.1 , .d.2) . = ALIGN(64); *(.d*)",
        "*(SORT_BY_NAME(SORT_BY_ALIGNMENT(.d*)))", "*(SORT_NONE(.d*))", "INPUT_SECTION_FLAGS(SHF_WRITE) *(.d*)",
        "INPUT_SECTION_FLAGS(!SHF_EXECINSTR & SHF_ALLOC) *(.d*)",
    ],
)  # fmt: skip
def test_input_statements_place_sections_where_gnu_ld_does(link, statements):
    main = assemble(
        ".globl _start\n_start: ret\n.quad other\n"
        + sections_of(".d.2", ".d.10", ".d.1", ".e", ".d.z")
        + '.section .d.wide,"aw"\n.balign 32\nwide: .zero 40\n',
        name="main",
    )
    other = assemble(
        '.section .d.1,"aw"\n.globl other\nother: .zero 3\n.section .d.0,"aw"\n.balign 8\nmine: .zero 9\n',
        name="other",
    )
    text = "SECTIONS { . = 0x10004; .text : { *(.text) } .data : { start = .; %s stop = .; } .rest : { *(.d* .e) } }"

    same_as_ld(link, text % statements, main, archive([other], "lib.a"))


def test_discarded_sections_are_gone(link):
    text = "SECTIONS { .text : { *(.text*) *(.data) *(.mine) } /DISCARD/ : { *(.bss) *(.d*) } }"
    program = with_script(link, text, assemble(START + DATA + sections_of(".d.1")))

    assert not {".bss", ".d.1"} & set(program.sections)


def test_merged_strings_stay_in_their_output_section(link):
    strings = '.section .rodata.str1.1,"aMS",@progbits,1\n.asciz "one"\n.asciz "two"\n.asciz "one"\n'
    text = "SECTIONS { . = 0x10000; .all : { *(.text*) first = .; *(.rodata*) last = .; *(.data) *(.mine) } }"
    program = with_script(link, text, assemble(START + DATA + strings))

    program.run(status=42)
    assert values(program)["last"] - values(program)["first"] == len("one\0two\0")


def test_sub_alignment_holds_for_every_section(link):
    text = "SECTIONS { . = 0x10004; .d : SUBALIGN(32) { *(.d*) } .text : { *(.text*) } }"

    same_as_ld(link, text, assemble(".globl _start\n_start: ret\n" + sections_of(".d.1", ".d.2", ".d.3")))


# --- statements and expressions


@pytest.mark.parametrize(
    "body",
    [
        ".d : { . = 8; a = .; . += 4; b = . + 1; c = 0x10; } d = ADDR(.d); e = c - a;",
        ". = ALIGN(256); .d ALIGN(64) : { *(.d*) } a = ALIGN(16); b = ALIGN(., 32); c = NEXT(64);",
        ".d : { *(.d*) } a = SIZEOF(.d) * 3 + (ALIGNOF(.d) << 2); b = MAX(a, 7) - MIN(a, 3); c = LOG2CEIL(100);",
        "a = DEFINED(in_0) ? 1 : 2; b = DEFINED(nothing) ? 1 : 2; c = later + 1; .d : { *(.d*) } later = .;",
        ".d : { a = ABSOLUTE(.); b = .; c = ABSOLUTE(. + 4); *(.d*) d = a - b; e = . - b; }",
        "a = 7; a += 3; a *= 2; a <<= 1; a |= 1; b = ~a & 0xff; c = -a; d = !a; e = 7 / 2; f = 7 % 4; g = 1 ? 2 : 3;",
        ".d : { *(.d*) } PROVIDE(in_0 = 5); PROVIDE(wanted = 6); PROVIDE_HIDDEN(unwanted = 7); HIDDEN(h = 8);",
        ".d 0x20000 : { *(.d*) } .e : { *(.e*) } a = LOADADDR(.e);",
        ".d 0x20000 : AT(0x50000) { *(.d*) } .e : { *(.e*) } a = LOADADDR(.e);",
        ".d : ALIGN(512) { *(.d*) } a = ADDR(.d) + SIZEOF(.d); .e (a + 64) : { *(.e) }",
        "a = CONSTANT(MAXPAGESIZE) + CONSTANT(COMMONPAGESIZE); b = SEGMENT_START(\"text-segment\", 0x1234);",
        ".d : { BYTE(1) SHORT(0x203) LONG(0x4050607) QUAD(a) SQUAD(-1) *(.d*) FILL(0x1122) . += 5; } a = 99;",
        ".d : { *(.d*) . = ALIGN(16); } =0xabcd",
        ".empty : { *(.nothing) } a = .; .kept : { . = . + 8; } .d : { *(.d*) }",
        ".d : { *(.d*) } .gone2 . + 64 : { s = .; } b = .;",
        "OVERLAY 0x30000 : AT(0x60000) { .d { *(.d.1) } .e { *(.e) *(.d*) } } a = .; b = LOADADDR(.e);",
        ".d : { *(.d*) } ASSERT(SIZEOF(.d) > 4, \"too small\") a = 1 == 1 && 2 > 1 || 0;",
    ],
)  # fmt: skip
def test_statements_mean_what_they_mean_to_gnu_ld(link, body):
    source = ".globl _start\n_start: ret\n.weak wanted\n.quad wanted\n" + sections_of(".d.1", ".d.2", ".e")
    text = f"SECTIONS {{ . = 0x10000; .text : {{ *(.text) }} {body} .rest : {{ *(.d* .e) }} }}"

    program = same_as_ld(link, text, assemble(source))
    theirs = by_ld(link, text, assemble(source))
    for name in set(places(program)) & {".d", ".e"}:
        assert theirs.contents(name) == program.contents(name)


def test_program_headers_of_the_script(link):
    text = """
    PHDRS { code PT_LOAD FILEHDR PHDRS FLAGS(5); data PT_LOAD; stack PT_GNU_STACK FLAGS(6); }
    SECTIONS {
      . = 0x400000 + SIZEOF_HEADERS;
      .text : { *(.text*) } :code
      . = ALIGN(0x1000);
      .data : { *(.data) *(.mine) } :data
      .bss : { *(.bss) }
    }
    """
    program = same_as_ld(link, text, assemble(START + DATA))

    program.run(status=42)
    assert [segment.flags for segment in program.segments_of(PT_LOAD)] == [PF_R | PF_X, PF_R | PF_W]


def test_scripts_include_others(link):
    script(link, ".data : { *(.data) *(.mine) }", "inner.ld")
    text = (
        "SECTIONS { . = 0x400000 + SIZEOF_HEADERS; .text : { *(.text*) } . = ALIGN(4096); INCLUDE inner.ld }"
    )

    with_script(link, text, assemble(START + DATA)).run(status=42)


# --- errors


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SECTIONS { .text : { *(.text } }", "layout.ld:1:30: expected a section name or ')', found '}'"),
        ("SECTIONS {\n .text { } }", "layout.ld:2:8: expected a number or a symbol, found '{'"),
        ("SECTIONS { a = ; }", "layout.ld:1:16: expected a number or a symbol, found ';'"),
        ("SECTIONS { a = 1 }", "layout.ld:1:18: expected ';' after the expression, found '}'"),
        ("SECTIONS { .text : { *(.text) }", "layout.ld:1:32: expected '}' at the end of SECTIONS, found the end"),
        ("SECTIONS { .d : { *(.d) } >ROM }", "layout.ld:1:12: there is no memory region ROM; known are none"),
        ("SECTIONS { .d : { *(*) } :code }\nPHDRS { data PT_LOAD; }",
         "layout.ld:1:12: there is no program header code in PHDRS"),
        ("SECTIONS { .d : { *(*) } :code }", "layout.ld:1:12: there is no program header code, and no PHDRS"),
        ("SECTIONS { .d : { *(*) } a = nothing + 1; }",
         "layout.ld:1:30: undefined symbol 'nothing' in an expression"),
        ("SECTIONS { .d : { *(*) }\n ASSERT(SIZEOF(.d) > 99, \"too small\") }",
         "layout.ld:2:8: assertion failed: too small"),
        ("SECTIONS { .d : { *(*) . = 1; } }",
         "layout.ld:1:24: cannot move the location counter backwards"),
        ("SECTIONS { .d : { *(*) } a = 1 / 0; }", "layout.ld:1:30: division by zero in an expression"),
        ("SECTIONS { .d : { *(*) } a = ADDR(.x); }", "layout.ld:1:30: ADDR(.x): there is no section of that name"),
        ("SECTIONS { .d : { *(*) } . = . + SIZEOF(.e); .e : { . += a + 1; } a = SIZEOF(.e); }",
         "the linker script does not come to an end"),
        ("MEMORY { a : ORIGIN = 0, LENGTH = 1 a : ORIGIN = 0, LENGTH = 1 }",
         "layout.ld:1:37: memory region a is defined twice"),
        ("MEMORY { a (q) : ORIGIN = 0, LENGTH = 1 }", "unknown attribute 'q'"),
        ("SECTIONS { INCLUDE nothing.ld }", "INCLUDE nothing.ld: there is no such file"),
        ("SECTIONS { .d : { *(*) } } INSERT AFTER .no", "layout.ld:1:35: there is no output section .no to insert at"),
        ("INCLUDE layout.ld", "files include each other more than 10 deep"),
    ],
)  # fmt: skip
def test_errors_name_the_place(link, text, message):
    assert message in link.fails("-T", script(link, text), assemble(START + DATA), driver="raw")


@pytest.mark.parametrize(
    ("where", "complains"),
    [
        (".text", True),
        (".data", True),
        ('.section .mine,"a"', True),
        ('.section .gcc_except_table,"a"', False),
        (".section .debug_info", False),
    ],
)
def test_a_reference_to_what_a_script_discards(link, where, complains):
    text = "SECTIONS { .text : { *(.text .data .mine .gcc_except_table) } /DISCARD/ : { *(.gone) } }"
    (link.directory / "layout.ld").write_text(text)
    main = assemble(f'.globl _start\n_start: ret\n{where}\n.quad there\n.section .gone,"a"\nthere: .quad 1\n')

    if complains:
        assert "discarded" in link.fails(main, "-T", "layout.ld", driver="raw")
    else:
        link.raw(main, "-T", "layout.ld")
