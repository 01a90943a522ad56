"""Sections of every kind: names and flags merged, excluded, unknown, large, empty, of zero size in
the file.
"""

from __future__ import annotations

import subprocess

import pytest
import sanity
from elf import (
    PT_NOTE,
    SHF_ALLOC,
    SHF_EXECINSTR,
    SHF_GNU_RETAIN,
    SHF_WRITE,
    SHT_NOBITS,
    SHT_NOTE,
    SHT_PROGBITS,
)
from linking import Output
from programs import assemble, compile_c, compile_cxx, exit_with, tool

START = ".globl _start\n.text\n_start:" + exit_with("$42")


def test_excluded_section_is_left_out(link):
    """SHF_EXCLUDE: compilers keep bitcode and address tables in objects that way."""
    source = START + '.section .llvmbc,"e",@progbits\n.ascii "not for the output"\n'

    program = link.raw(assemble(source))

    assert b"not for the output" not in program.data
    assert ".llvmbc" not in program.sections


def test_address_significance_table_is_left_out(link):
    program = link(compile_c("int main(void) { return 42; }", "-faddrsig", compiler="clang"))

    program.run(status=42)
    assert ".llvm_addrsig" not in program.sections


@pytest.mark.parametrize(
    ("section", "output"),
    [
        (".text.unlikely.f", ".text"),
        (".text.hot", ".text"),
        (".rodata.str1.8", ".rodata"),
        (".rodata.cst16", ".rodata"),
        (".data.x", ".data"),
        (".bss.x", ".bss"),
        (".data.rel.ro.local", ".data.rel.ro"),
        (".tdata.x", ".tdata"),
        (".gcc_except_table.f", ".gcc_except_table"),
    ],
)
def test_sections_are_gathered_by_the_beginning_of_their_name(link, section, output):
    flags = {".text": '"ax"', ".rodata": '"a"', ".tdata": '"awT"', ".gcc_except_table": '"a"'}.get(
        output, '"aw"'
    )
    contents = "nobits" if output == ".bss" else "progbits"
    source = f"{START}.section {section},{flags},@{contents}\n.globl x\nx: .zero 16\n"

    program = link.raw(assemble(source))

    assert output in program.sections
    assert section not in program.sections


def test_name_that_only_begins_alike_is_its_own_section(link):
    program = link.raw(assemble(START + '.section .textual,"ax"\nnop\n.section .database,"aw"\n.long 1\n'))

    assert {".textual", ".database"} <= program.sections.keys()


def test_unknown_section_keeps_its_name_and_flags(link):
    source = START + '.section mine,"aw"\n.long 1\n.section yours,"a"\n.long 2\n.section code,"ax"\nnop\n'

    program = link.raw(assemble(source))

    assert program.sections["mine"].flags == SHF_ALLOC | SHF_WRITE
    assert program.sections["yours"].flags == SHF_ALLOC
    assert program.sections["code"].flags == SHF_ALLOC | SHF_EXECINSTR


def test_flags_of_equally_named_sections_are_united(link):
    one = assemble(START + '.section mixed,"a"\n.long 1\n', name="one")
    two = assemble('.section mixed,"aw"\n.long 2\n', name="two")

    program = link.raw(one, two)

    assert program.sections["mixed"].flags == SHF_ALLOC | SHF_WRITE
    assert program.sections["mixed"].size == 8


@pytest.mark.unlike("ld", reason="makes two sections of them")
def test_nobits_and_progbits_of_one_name(link):
    """A .bss with contents in one file makes the output section take room in the file."""
    one = assemble(START + '.section data_or_not,"aw",@nobits\n.zero 8\n', name="one")
    two = assemble('.section data_or_not,"aw",@progbits\n.long 42, 43\n', name="two")

    program = link.raw(one, two)

    assert program.sections["data_or_not"].type != SHT_NOBITS
    assert program.contents("data_or_not") == bytes(8) + b"\x2a\0\0\0\x2b\0\0\0"


def test_zero_initialised_memory_takes_no_room_in_the_file(link):
    program = link(compile_c("char big[10000000]; int main(void) { return big[9999999] ? 1 : 42; }"))

    program.run(status=42)
    assert len(program.data) < 100000


def test_section_of_a_processor_or_user_type_is_kept(link):
    """sh_type 0x60000001 and the like mean something to others; they are copied."""
    source = START + (
        '.section .user,"",@0x80000001\n.ascii "user data"\n.section .other,"",@0x6abcdef0\n'
        '.ascii "other data"\n'
    )

    program = link.raw(assemble(source))

    assert program.contents(".user") == b"user data"
    assert program.contents(".other") == b"other data"
    assert program.sections[".user"].type == 0x80000001
    assert program.sections[".other"].type == 0x6ABCDEF0


def test_type_is_kept_only_if_all_agree(link):
    section = '.section mixed,"a",@0x6abcdef0\n.long 1\n.section alike,"a",@0x6abcdef0\n.long 1\n'
    one = assemble(START + section, name="one")
    two = assemble(section.replace("0x6abcdef0", "progbits", 1), name="two")
    three = assemble(section, name="three")

    program = link.raw(one, two, three)

    assert program.sections["mixed"].type == SHT_PROGBITS
    assert program.sections["alike"].type == 0x6ABCDEF0
    assert program.sections["alike"].size == program.sections["mixed"].size == 12


def test_note_of_any_name_has_its_segment(link):
    note = '.section remark,"a",@note\n.balign 4\n.long 3, 4, 1\n.asciz "Me"\n.balign 4\n.long 42\n'

    program = link.raw(assemble(START + note))

    section = program.sections["remark"]
    assert section.type == SHT_NOTE
    assert section.address in [segment.address for segment in program.segments_of(PT_NOTE)]


@pytest.mark.parametrize("flags", [(), ("--gc-sections",)])
def test_retained_sections_say_so(link, flags):
    """SHF_GNU_RETAIN stays for whoever links the output again or strips it; EI_OSABI tells of it."""
    source = START + '.section kept,"awR"\n.quad 1\n.section .init_array,"awR",@init_array\n.quad _start\n'
    plain = assemble('.section kept,"aw"\n.quad 2\n.data\n.quad 3\n', name="plain")

    program = link.raw(assemble(source), plain, *flags)

    assert program.sections["kept"].flags == SHF_ALLOC | SHF_WRITE | SHF_GNU_RETAIN
    assert program.sections[".init_array"].flags == SHF_ALLOC | SHF_WRITE | SHF_GNU_RETAIN
    assert not flags or ".data" not in program.sections


@pytest.mark.parametrize(
    ("symbol", "osabi"), [("gnu_indirect_function", 3), ("gnu_unique_object", 3), ("function", 0)]
)
def test_symbols_of_gnus_kinds_show_in_the_header(link, symbol, osabi):
    """EI_OSABI is ELFOSABI_GNU (3) where STT_GNU_IFUNC or STB_GNU_UNIQUE may be met."""
    source = START + f"mov $special, %eax\n.globl special\n.type special, @{symbol}\nspecial: ret\n"

    assert link.raw(assemble(source)).osabi == osabi


def test_section_that_is_not_allocated_is_copied(link):
    program = link.raw(assemble(START + '.section .extra,"",@progbits\n.ascii "for tools"\n'))

    assert program.contents(".extra") == b"for tools"
    assert program.sections[".extra"].address == 0


def test_alignment_is_the_largest_of_all(link):
    one = assemble(START + ".data\n.balign 4\n.long 1\n", name="one")
    two = assemble(".data\n.balign 256\n.globl x\nx: .long 2\n", name="two")

    program = link.raw(one, two)

    assert program.sections[".data"].alignment == 256
    assert program.symbols["x"].value % 256 == 0


@pytest.mark.parametrize("alignment", [8192, 65536, 1 << 21])
def test_alignment_beyond_a_page(link, alignment):
    main = (
        f"int x __attribute__((aligned({alignment}))) = 1; int main(void) {{ "
        f"return (unsigned long)&x % {alignment} ? 1 : 42; }}"
    )

    for kind in ("-no-pie", "-static"):
        link(compile_c(main, "-fno-pie"), kind).run(status=42)


def test_gaps_in_code_are_filled_with_harmless_instructions(link):
    one = assemble(START, name="one")
    two = assemble(".text\n.balign 64\n.globl f\nf: ret\n", name="two")

    program = link.raw(one, two)

    gap = program.symbols["f"].value - program.symbols["_start"].value - 12
    filling = program.read(program.symbols["_start"].value + 12, gap)
    assert set(filling) <= {0x90, 0xCC, 0x66, 0x0F, 0x1F, 0x2E, 0x84, 0x00, 0x40, 0x44, 0x80}


def test_empty_object_is_accepted(link):
    link.raw(assemble(START), assemble("", name="empty")).run(status=42)


def test_object_without_symbols_is_accepted(link):
    link.raw(assemble(START), assemble(".data\n.long 42\n", name="nameless")).run(status=42)


def test_every_section_of_a_file_counts(link):
    """Several sections of one name in one file (gas `unique`, -fno-unique-section-names)."""
    source = START + "".join(
        f'.section .data.same,"aw",@progbits,unique,{n}\n.globl s{n}\ns{n}: .byte {n}\n' for n in range(5)
    )

    program = link.raw(assemble(source))

    assert [program.read(program.symbols[f"s{n}"].value, 1)[0] for n in range(5)] == list(range(5))


def test_functions_without_unique_section_names(link):
    functions = "".join(f"int f{n}(void) {{ return {n}; }}" for n in range(10))
    main = compile_cxx(functions + "int main() { return f9() + f8() + f7() + f6() + f5() + f4() + f3(); }",
                       "-ffunction-sections", "-fno-unique-section-names", compiler="clang++")  # fmt: skip

    link(main, "-Wl,--gc-sections", driver="g++").run(status=42)


def test_order_of_input_sections_is_that_of_the_files(link):
    """Data of the files stands in the order of the command line; start code depends on it."""
    files = [assemble(f".data\n.globl d{n}\nd{n}: .long {n}\n", name=f"d{n}") for n in (3, 1, 2)]

    program = link.raw(assemble(START), *files)

    values = [program.symbols[f"d{n}"].value for n in (3, 1, 2)]
    assert values == sorted(values)


OWN = """
.symtab .strtab .shstrtab .dynsym .dynstr .dynamic .got .got.plt .plt .rela.dyn .relr.dyn .gnu.hash
.gnu.version
"""


@pytest.mark.only_wild
@pytest.mark.parametrize("name", OWN.split())
@pytest.mark.parametrize("kind", ["-static", "-pie"])
def test_section_of_an_object_named_like_one_of_the_linkers_own(link, name, kind):
    """Linked as one more section, joined with the linker's, or refused, but nothing is written over."""
    named = assemble('.section .other,"aw",@progbits\n.fill 9000, 1, 42\n', name="named")
    path = link.directory / "named.o"
    subprocess.run([tool("objcopy"), f"--rename-section=.other={name}", named, path], check=True)
    options = kind, "--build-id", "--eh-frame-hdr", "-z", "pack-relative-relocs"

    done = link.attempt(assemble(START), path, *options, driver="raw", output="program", linker=None)

    assert done.returncode in (0, 1), done.stderr
    assert done.returncode == 0 or "named.o" in done.stderr
    if done.returncode == 0:
        program = Output(link.directory / "program")
        assert [*sanity.segments(program), *sanity.file_overlaps(program)] == []
        assert program.data.count(b"*") >= 9000


KEPT_AND_NOT = (
    START + '.section .mine,"a"\n.quad 1\n.section .sframe,"a"\n.quad 2\n.section .debug_x\n.quad 3\n'
)


@pytest.mark.only_wild
@pytest.mark.parametrize(
    ("options", "dropped"),
    [
        (["--discard-section=.mine"], {".mine"}),
        (["--discard-section", ".mine", "--discard-section=.debug_x"], {".mine", ".debug_x"}),
        (["--discard-sframe"], {".sframe"}),
    ],
)
@pytest.mark.parametrize("mode", [[], ["-r"], ["-T", "layout.ld"]], ids=["plain", "partial", "script"])
def test_sections_can_be_dropped_by_name(link, options, dropped, mode):
    (link.directory / "layout.ld").write_text("SECTIONS { .text : { *(.text) } .mine : { *(.mine) } }")

    program = link.raw(assemble(KEPT_AND_NOT), *options, *mode)

    assert {".mine", ".sframe", ".debug_x"} - program.sections.keys() == dropped


@pytest.mark.only_wild
def test_a_reference_to_a_dropped_section_is_an_error(link):
    source = assemble(START + '.quad there\n.section .mine,"a"\nthere: .quad 1')

    assert "discarded" in link.fails(source, "--discard-section=.mine", driver="raw")
