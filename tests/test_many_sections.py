"""Objects with more than 65,279 sections: the extended counts and the SHT_SYMTAB_SHNDX table (gABI)."""

from __future__ import annotations

import pytest
from elf import Elf
from programs import assemble, exit_with

COUNT = 66000


def many_sections() -> str:
    """Assembly of COUNT sections; the last symbols lie behind the 16-bit limit."""
    lines = [f'.section .text.f{n},"ax"\n.globl f{n}\nf{n}: ret' for n in range(COUNT)]
    return "\n".join(lines) + "\n"


@pytest.mark.slow
def test_symbols_behind_the_16_bit_limit(link):
    last = (
        f'.section .data.last,"aw"\n.globl last\nlast: .long 42\n.text\n.globl _start\n'
        f"_start: call f{COUNT - 1}\n mov last(%rip), %edi\n mov $60, %eax\n syscall\n"
    )
    many = assemble(many_sections() + last, name="many")

    program = link.raw(many)

    assert Elf(many.read_bytes()).shnum == 0
    program.run(status=42)
    assert program.section_at(program.symbols["last"].value) == ".data"


@pytest.mark.slow
def test_unreferenced_ones_are_collected(link):
    many = assemble(many_sections(), name="many")
    start = assemble(".globl _start\n_start: call f65999" + exit_with("$42"), name="start")

    program = link.raw(start, many, "--gc-sections")

    program.run(status=42)
    assert len(program.symbol_list) < 20


@pytest.mark.slow
def test_output_with_as_many_sections(link):
    """Sections of distinct names stay apart in the output: e_shnum overflows there too."""
    source = "".join(f'.section odd_{n},"a"\n.byte 1\n' for n in range(COUNT))

    program = link.raw(assemble(source + ".text\n.globl _start\n_start:" + exit_with("$42"), name="odd"))

    program.run(status=42)
    assert program.shnum == 0
    assert len(program.section_list) > COUNT
    assert program.section_name(program.section_list[-1].index)


@pytest.mark.slow
def test_symbols_in_output_sections_behind_the_16_bit_limit(link):
    """SHN_XINDEX in .symtab refers to the word of the same number in .symtab_shndx."""
    source = "".join(f'.section odd_{n},"aw"\n.globl v{n}\nv{n}: .byte 1\n' for n in range(COUNT))
    source += f".section odd_{COUNT - 1}\nlocal: .byte 1\n"

    program = link.raw(assemble(source + ".text\n.globl _start\n_start:" + exit_with("$42"), name="odd"))

    table, symtab = program.sections[".symtab_shndx"], program.sections[".symtab"]
    assert (table.type, table.link, table.size) == (18, symtab.index, symtab.size // 24 * 4)
    indices = {row[7]: row[6] for row in map(str.split, program.readelf("-s").splitlines()) if len(row) == 8}
    for name, section in (("v0", 0), (f"v{COUNT - 1}", COUNT - 1), ("local", COUNT - 1), ("v65300", 65300)):
        assert int(indices[name]) == program.sections[f"odd_{section}"].index
