"""Where sections go that a linker script does not name: where GNU ld puts them."""

from __future__ import annotations

import pytest
from programs import assemble
from scripts import same_as_ld

HOMES = {
    ".text": '.section .text,"ax"\nnop\n',
    ".rodata": '.section .rodata,"a"\n.long 1\n',
    ".data": '.section .data,"aw"\n.long 2\n',
    ".bss": '.section .bss,"aw",@nobits\n.skip 4\n',
    "more_text": '.section more_text,"ax"\nnop\n',
    "more_rodata": '.section more_rodata,"a"\n.long 1\n',
    "more_data": '.section more_data,"aw"\n.long 3\n',
}
ORPHANS = """
    .section code,"ax"
    nop
    .section other_code,"ax"
    nop
    .section constants,"a"
    .long 1
    .section other_constants,"a"
    .long 1
    .section variables,"aw"
    .long 1
    .section zeros,"aw",@nobits
    .skip 4
"""


def statements(names: str) -> str:
    return "SECTIONS { " + " ".join(f"{name} : {{ *({name}) }}" for name in names.split()) + " }"


@pytest.mark.parametrize(
    "names",
    [
        # Behind the section with the usual name, wherever that is.
        ".rodata .text more_rodata .data more_data more_text .bss",
        "more_text .text more_data .data .bss more_rodata .rodata",
        "more_rodata .text .rodata more_data .data more_text .bss",
        # Behind the last one of the kind, or of a related kind.
        "more_rodata more_text more_data",
        "more_data more_rodata more_text",
        "more_text more_data .bss",
        "more_rodata .bss more_data",
        "more_data .bss",
        ".bss",
        ".text",
    ],
)
def test_orphans_are_where_gnu_ld_puts_them(link, names):
    homes = "".join(HOMES[name] for name in names.split())

    same_as_ld(
        link, statements(names), assemble(homes, name="homes"), assemble(ORPHANS, name="orphans"), "-e", "0"
    )


@pytest.mark.parametrize("names", [".text .rodata .data .bss", ".rodata .bss .text .data"])
def test_a_standard_section_that_is_empty_is_a_place_for_orphans(link, names):
    same_as_ld(link, statements(names), assemble(ORPHANS), "-e", "0")


@pytest.mark.parametrize("names", [".text", ".text .data", ".text .bss .data"])
def test_common_symbols_that_no_statement_places_have_memory(link, names):
    """They were at address 0, in no section."""
    source = ".globl _start\n_start: mov $common, %eax\n.comm common,16,16\n.section .bss\n.skip 4\n"

    same_as_ld(link, statements(names), assemble(source))
