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


REGIONS = "MEMORY { ram : ORIGIN = 0x1000, LENGTH = 64K\n rom%s : ORIGIN = 0x100000, LENGTH = 64K } "
ALL_KINDS = """.globl _start
_start: ret
.data
.quad 1
.bss
.zero 9
.section .rodata,"a"
.ascii "hello"
.section .mine,"aw"
.quad 3
.section .read,"a"
.quad 3
"""


@pytest.mark.parametrize(
    ("attributes", "statements"),
    [
        ("", ".text : { *(.text) } > ram .data : { *(.data) } > ram .bss : { *(.bss) } > ram"),
        ("", ".text : { *(.text) } > rom .data : { *(.data) } > ram AT> rom .bss : { *(.bss) } > ram"),
        ("(!w)", ".text : { *(.text) } > rom .data : { *(.data) } > ram AT> rom .bss : { *(.bss) } > ram"),
        ("(rx)", ".text : { *(.text) } > rom .data : { *(.data) } > ram .bss : { *(.bss) } > ram"),
        ("(rx)", ".text : { *(.text) } > ram .data : { *(.data) } > ram .bss : { *(.bss) } > ram"),
        ("(rw)", ".text : { *(.text) } > ram .data : { none = .; } > rom .other : { *(.data) } > ram"),
    ],
)
def test_an_orphan_is_in_the_region_of_the_section_that_it_follows(link, attributes, statements):
    """A region without attributes asks for no section; what followed one was laid over the next section in it."""
    same_as_ld(link, REGIONS % attributes + f"SECTIONS {{ {statements} }}", assemble(ALL_KINDS))


@pytest.mark.only_wild
def test_a_section_of_the_script_without_a_region_is_an_error(link):
    statements = "SECTIONS { .text : { *(.text) } > ram .rodata : { *(.rodata) } .data : { *(.data) } > ram }"
    (link.directory / "layout.ld").write_text(REGIONS % "" + statements)

    message = link.fails("-T", "layout.ld", assemble(ALL_KINDS), driver="raw")

    assert "layout.ld:2:" in message
    assert "section .rodata is in no memory region: write `>REGION` behind it" in message


@pytest.mark.only_wild
def test_an_orphan_in_front_of_all_regions_is_an_error(link):
    statements = "SECTIONS { .data : { *(.data .mine) } > ram .bss : { *(.bss) } > ram }"
    (link.directory / "layout.ld").write_text(REGIONS % "" + statements)
    command = ["-T", "layout.ld", assemble(ALL_KINDS)]

    message = link.fails(*command, driver="raw")

    assert "linker script: section .text is in no memory region" in message
    link.raw(*command, "-Ttext=0x40000", "--section-start=.rodata=0x50000", "--section-start=.read=0x50100")


@pytest.mark.parametrize("last", [".last : { LONG(1) }", ".last : { here = .; LONG(1) }"])
@pytest.mark.parametrize("read_only", ["", ".rodata : { *(.nosuch) }"])
def test_what_only_the_script_fills_is_no_place_for_read_only_orphans(link, last, read_only):
    text = "SECTIONS { . = 0x10000; .text : { *(.text) } %s .data : { *(.data) } .bss : { *(.bss) } %s }"

    same_as_ld(link, text % (read_only, last), assemble(ALL_KINDS))


@pytest.mark.parametrize(
    "statements",
    [
        ".all : { *(.text .data) }",
        ".first : { *(.mine) } .all : { *(.text .data) }",
        ".all : { *(.text .data) } .read : { *(.read) }",
        ".text : { *(.text) } .later (NOLOAD) : { *(.read) }",
        ".text : { *(.text) } .later (NOLOAD) : { *(.data) }",
        ".later (NOLOAD) : { *(.read) } .text : { *(.text) } .data : { *(.data) }",
        ".text : { *(.text) } .last : { LONG(3) }",
        ". = ALIGN(32); .first : { . += 32; } .text : { *(.text) } .last : { . += 5; }",
    ],
)
def test_orphans_go_by_what_the_sections_of_the_script_are(link, statements):
    """Code that can be written is no place for read-only data, nor is what is not loaded."""
    same_as_ld(link, f"SECTIONS {{ . = 0x10000; {statements} }}", assemble(ALL_KINDS))
