"""Every relocation type that may stand in an object, by value: what is computed is what is found in the
output.
"""

from __future__ import annotations

import pytest
from elf import with_relocation_type
from programs import assemble, compile_c, exit_with, pic_c

TARGET = (
    '.globl target\n.section .data.target,"aw"\n.balign 16\n .zero 16\ntarget: .zero 24\n'
    ".size target, 24\n.type target, @object\n"
)
START = ".globl _start\n.text\n_start:" + exit_with()


def place(link, type_name: str, width: int, addend: int = 0, *arguments: str, expression: str = "target"):
    """Link one relocation in .data; returns (value at the place, symbols, program)."""
    source = (
        f"{START}.data\n.balign 16\n.globl place\nplace: .reloc ., {type_name}, {expression}+{addend}\n"
        f" .zero {width}\n{TARGET}"
    )
    program = link.raw(assemble(source), *arguments)
    where = program.symbols["place"].value
    return (
        int.from_bytes(program.read(where, width), "little"),
        {n: s.value for n, s in program.symbols.items()},
        program,
    )


@pytest.mark.parametrize("addend", [0, 8, -4])
def test_absolute(link, addend):
    for type_name, width in (("R_X86_64_64", 8), ("R_X86_64_32", 4), ("R_X86_64_32S", 4)):
        value, symbols, _ = place(link, type_name, width, addend)
        assert value == symbols["target"] + addend


@pytest.mark.parametrize("addend", [0, 8, -4])
def test_relative(link, addend):
    for type_name, width in (("R_X86_64_PC64", 8), ("R_X86_64_PC32", 4), ("R_X86_64_PLT32", 4)):
        value, symbols, _ = place(link, type_name, width, addend)
        assert value == (symbols["target"] + addend - symbols["place"]) % 2 ** (8 * width)


@pytest.mark.parametrize(("type_name", "width"), [("R_X86_64_8", 1), ("R_X86_64_16", 2)])
def test_narrow_absolute(link, type_name, width):
    value, _, _ = place(link, type_name, width, 1, "--defsym=small=41", expression="small")

    assert value == 42


@pytest.mark.parametrize(("type_name", "width"), [("R_X86_64_PC8", 1), ("R_X86_64_PC16", 2)])
def test_narrow_relative(link, type_name, width):
    value, _, _ = place(link, type_name, width, 5, expression="place")

    assert value == 5


@pytest.mark.parametrize(("type_name", "width"), [("R_X86_64_SIZE32", 4), ("R_X86_64_SIZE64", 8)])
def test_size_of_a_symbol(link, type_name, width):
    value, _, _ = place(link, type_name, width, 2)

    assert value == 26


UNKNOWN_TO_LLD = pytest.mark.unlike("lld", reason="19 does not know the relocation")


@pytest.mark.parametrize(
    "type_name", ["R_X86_64_GOTPCREL", pytest.param("R_X86_64_GOTPCREL64", marks=UNKNOWN_TO_LLD)]
)
def test_slot_relative_to_the_place(link, type_name):
    width = 8 if type_name.endswith("64") else 4
    value, symbols, program = place(link, type_name, width)

    slot = (value + symbols["place"]) % 2 ** (8 * width)
    assert program.word(slot) == symbols["target"]


def got_base(program) -> int:
    """_GLOBAL_OFFSET_TABLE_, which the GOT-relative relocations are relative to."""
    return program.symbols["_GLOBAL_OFFSET_TABLE_"].value


BASE = ".data\n.quad _GLOBAL_OFFSET_TABLE_\n"


@pytest.mark.parametrize(("type_name", "width"), [("R_X86_64_GOTPC32", 4), ("R_X86_64_GOTPC64", 8)])
def test_table_relative_to_the_place(link, type_name, width):
    value, symbols, program = place(link, type_name, width, 0, expression="_GLOBAL_OFFSET_TABLE_")

    assert value == (got_base(program) - symbols["place"]) % 2 ** (8 * width)


def with_base(link, type_name: str, width: int):
    source = (
        f"{START}.data\n.balign 16\n.globl place\nplace: .reloc ., {type_name}, target\n .zero {width}\n"
        f"{BASE}{TARGET}"
    )
    program = link.raw(assemble(source))
    return int.from_bytes(program.read(program.symbols["place"].value, width), "little"), program


def test_offset_from_the_table(link):
    value, program = with_base(link, "R_X86_64_GOTOFF64", 8)

    assert value == (program.symbols["target"].value - got_base(program)) % 2**64


GOTPLT64 = pytest.param("R_X86_64_GOTPLT64", 8, marks=UNKNOWN_TO_LLD)


@pytest.mark.parametrize(("type_name", "width"), [("R_X86_64_GOT32", 4), ("R_X86_64_GOT64", 8), GOTPLT64])
def test_offset_of_the_slot_in_the_table(link, type_name, width):
    value, program = with_base(link, type_name, width)

    slot = (value + got_base(program)) % 2 ** (8 * width)
    assert program.word(slot) == program.symbols["target"].value


def test_function_offset_from_the_table(link):
    source = (
        f"{START}.data\n.balign 16\n.globl place\nplace: .reloc ., R_X86_64_PLTOFF64, _start\n .quad 0\n"
        f"{BASE}"
    )
    program = link.raw(assemble(source))

    value = program.word(program.symbols["place"].value)
    assert value == (program.symbols["_start"].value - got_base(program)) % 2**64


def test_no_relocation(link):
    value, _, _ = place(link, "R_X86_64_NONE", 4)

    assert value == 0


@pytest.mark.parametrize("kind", ["-pie", "-shared"])
def test_absolute_word_in_position_independent_output_is_relative(link, kind):
    source = f"{START}.data\n.balign 8\n.globl place\n.hidden target\nplace: .quad target + 8\n{TARGET}"

    program = link.raw(assemble(source), kind, "--no-dynamic-linker" if kind == "-pie" else "-Bsymbolic")

    (row,) = program.relocations
    assert (row.type, row.offset, row.addend) == (
        "RELATIVE",
        program.symbols["place"].value,
        program.symbols["target"].value + 8,
    )


def test_absolute_word_of_a_preemptible_symbol_is_symbolic(link):
    library = link.raw(
        assemble(f".data\n.balign 8\n.globl place\nplace: .quad target + 8\n{TARGET}"), "-shared"
    )

    (row,) = library.relocations
    assert (row.type, row.symbol, row.addend) == ("64", "target", 8)


def test_dynamic_addend_is_not_left_in_the_place(link):
    """RELA: the addend stands in the relocation."""
    program = link.raw(
        assemble(f"{START}.data\n.balign 8\nplace: .quad .data + 8\n.globl place"),
        "-pie",
        "--no-dynamic-linker",
    )

    assert program.relocations[0].addend == program.sections[".data"].address + 8


def test_size_of_a_preemptible_symbol_is_a_dynamic_relocation(link):
    library = link.shared(
        assemble(f".data\n.globl place\nplace: .reloc ., R_X86_64_SIZE64, target\n .quad 0\n{TARGET}")
    )

    assert (
        library.relocation_set("SIZE64") == {"target"} or library.word(library.symbols["place"].value) == 24
    )


def test_relocation_against_a_section_symbol_in_a_merged_place(link):
    one = assemble(START + ".data\n.quad 1\n", name="one")
    two = assemble(".data\n.quad 2\n.globl place\nplace: .quad .data\n", name="two")

    program = link.raw(one, two)

    assert program.word(program.word(program.symbols["place"].value)) == 2


def test_several_relocations_at_one_place(link):
    """The last one writes (they are applied in order, each from the addend in its own record)."""
    source = (
        f"{START}.data\n.globl place\nplace: .reloc ., R_X86_64_32, 5\n .reloc ., R_X86_64_32, 42\n .long 0\n"
    )

    program = link.raw(assemble(source))

    assert int.from_bytes(program.read(program.symbols["place"].value, 4), "little") in (42, 47)


@pytest.mark.parametrize(
    "flags",
    [
        ("-mcmodel=large", "-fPIC"),
        ("-mcmodel=large", "-fno-pic"),
        ("-mcmodel=medium", "-fPIC"),
        ("-mcmodel=medium", "-fno-pic"),
    ],
)
def test_code_models_of_compilers(link, flags):
    """Large PIC code is the user of GOTPC64, GOTOFF64, GOT64 and PLTOFF64."""
    source = """
        #include <stdio.h>
        #include <string.h>
        int zero[70000], data[70000] = {1};
        static int local[70000];
        extern int other[70000];
        int function(int);
        int main(void) { local[3] = 2; printf("%d\\n",
            data[0] + zero[1] + local[3] + other[69999] + function(10) + (int)strlen("four")); return 0; }
    """
    other = "int other[70000] = {[69999] = 5}; int function(int n) { return n + 20; }"
    kind = "-no-pie" if "-fno-pic" in flags else "-pie"

    program = link(compile_c(source, *flags), compile_c(other, *flags, name="other"), kind)

    assert program.run() == "42\n"


def test_large_model_in_a_shared_object(link):
    source = (
        "int data[10] = {40}; static int local = 2; int helper(int n) { return n; } int f(void) { "
        "return helper(data[0]) + local; }"
    )
    library = link.shared(pic_c(source, "-mcmodel=large"))

    link(compile_c("int f(void); int main(void) { return f(); }"), library).run(status=42)


@pytest.mark.unlike("ld", reason="does not tell the number")
def test_unknown_relocation_type_is_an_error(link):
    """A type the psABI does not define: file, place and number are named."""
    source = assemble(START + ".data\n.reloc ., R_X86_64_32, target\n.long 0\n" + TARGET, name="source")
    patched = link.directory / "unknown.o"
    patched.write_bytes(with_relocation_type(source.read_bytes(), ".rela.data", 200))

    message = link.fails(patched, driver="raw")

    assert "unknown.o" in message
    assert "200" in message or "0xc8" in message
