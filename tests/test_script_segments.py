"""Where scripts put segments, overlays and headers, which sections overlap, and what sections are."""

from __future__ import annotations

import pytest
from elf import PT_LOAD, SHF_WRITE, SHT_PROGBITS
from programs import assemble
from scripts import same_as_ld, with_script

PLAIN = '.globl _start\n_start: ret\n.data\n.quad 1\n.bss\n.zero 40\n.section .rodata,"a"\n.long 1\n'


@pytest.mark.parametrize(
    "statements",
    [
        ".text : { *(.text) } .bss : { *(.bss) } .data : { *(.data) } .rodata : { *(.rodata) }",
        ".bss : { *(.bss) } .text : { *(.text) } .data : { *(.data) } .rodata : { *(.rodata) }",
        ".bss : { *(.bss) . += 0x1200; } .text : { *(.text) } .data : { *(.data) } .rodata : { *(.rodata) }",
        ".bss : { *(.bss) } . = ALIGN(0x1000); .text : { *(.text) } .data : { *(.data .rodata) }",
        ".first : { . += 0x100; } .text : { *(.text) } .data : { *(.data .rodata) } .bss : { *(.bss) }",
        ".text : { *(.text) } .gap : { . = ALIGN(16); } .data : { *(.data .rodata) } .bss : { *(.bss) }",
    ],
)
def test_contents_behind_zeros_share_their_segment_on_one_page(link, statements):
    program = same_as_ld(link, f"SECTIONS {{ . = 0x10000; {statements} }}", assemble(PLAIN))
    theirs = link.raw("-T", "layout.ld", assemble(PLAIN), output="theirs", linker="ld")

    assert program.sections[".bss"].type == theirs.sections[".bss"].type
    assert loads(program) == loads(theirs)


def loads(output):
    return [
        (each.address, each.file_size, each.size, each.flags)
        for each in output.segments
        if each.type == PT_LOAD
    ]


OVERLAID = "MEMORY { ram : ORIGIN = 0x1000, LENGTH = 64K\n rom : ORIGIN = 0x100000, LENGTH = 64K } "


@pytest.mark.parametrize("order", [(".data .bss", ".rodata"), (".rodata", ".data .bss")])
def test_what_follows_an_overlay_in_its_region_is_behind_its_largest_section(link, order):
    text = OVERLAID + (
        "SECTIONS { .text : { *(.text) } > ram OVERLAY : { .one { *(%s) } .two { *(%s) } } > ram AT> rom "
        ".last : { LONG(1) } > ram }"
    )

    same_as_ld(link, text % order, assemble(PLAIN))


def test_load_addresses_of_an_overlay_are_provided(link):
    """Code that brings a section to its place finds it by them; what cannot be in a C identifier is left out."""
    text = (
        "SECTIONS { .text 0x10000 : { *(.text) }"
        "  OVERLAY 0x20000 : AT(0x40000) { .one { *(.one) } .two.x { *(.two) } }"
        "  length = __load_stop_twox - __load_start_twox; }"
    )
    source = (
        ".globl _start\n_start: ret\n.quad __load_start_one, __load_start_twox, __load_stop_twox\n"
        '.section .one,"aw"\n.quad 1, 2\n.section .two,"aw"\n.quad 3\n'
    )

    program = same_as_ld(link, text, assemble(source))

    wanted = ("__load_start_one", "__load_start_twox", "__load_stop_twox", "length")
    assert [program.symbols[name].value for name in wanted] == [0x40000, 0x40010, 0x40018, 8]
    assert "__load_stop_one" not in program.symbols


@pytest.mark.parametrize(
    ("statements", "overlap"),
    [
        (".a 0x8000 : { *(.data) } .b 0x8004 : AT(0x1000) { *(.text) }", True),
        (".a 0x8000 : { *(.data) } .b 0x9004 : AT(0x8004) { *(.text) }", True),
        (".a 0x8000 : { *(.data) } .b 0x8000 : { *(.text) }", True),
        (".z 0x8000 : { *(.bss) } .a 0x8010 : { *(.data .text) }", True),
        (".a 0x8000 : { *(.data) } .b 0x8000 : AT(0x9000) { *(.text) }", False),
        (".a 0x8000 : { *(.data) } .b 0x8000 : AT(0x9000) { *(.bss) }", False),
    ],
)
def test_sections_that_overlap_are_an_error(link, statements, overlap):
    text = f"SECTIONS {{ {statements} .rest 0x20000 : {{ *(.text .data .bss .rodata) }} }}"
    (link.directory / "layout.ld").write_text(text)
    command = ["-T", "layout.ld", assemble(PLAIN)]

    if overlap:
        assert "overlaps section ." in link.fails(*command, driver="raw")
        command.append("--no-check-sections")
    assert link.attempt(*command, driver="raw", output="program", linker=None).returncode == 0


IN_PHDRS = (
    "PHDRS {{ t PT_LOAD FILEHDR PHDRS; d PT_LOAD{}; }} SECTIONS {{ . = {}; .text : {{ *(.text) }} :t "
    ". = ALIGN(0x1000) + . % 0x1000; .data : {{ *(.data .rodata) }} :d .bss : {{ *(.bss) }} }}"
)


@pytest.mark.parametrize("start", ["0x10000", "0x100", "SIZEOF_HEADERS", "0x10000 + SIZEOF_HEADERS"])
def test_headers_in_a_segment_of_phdrs_have_room_in_front(link, start):
    """They had none if the first section began with a page, and no loader takes such a segment."""
    program = with_script(link, IN_PHDRS.format("", start), assemble(PLAIN))
    theirs = link.raw("-T", "layout.ld", assemble(PLAIN), output="theirs", linker="ld")

    assert loads(program) == loads(theirs)
    assert program.segments[0].file_size == program.segments[0].size


@pytest.mark.only_wild
def test_headers_without_room_are_an_error(link):
    (link.directory / "layout.ld").write_text(IN_PHDRS.format("", "0"))

    message = link.fails("-T", "layout.ld", assemble(PLAIN), driver="raw")

    assert "section .text at 0x0 leaves no room for the headers of the file" in message


def test_a_segment_of_phdrs_is_loaded_where_it_says(link):
    program = with_script(link, IN_PHDRS.format(" AT(0x9000)", "0x10000"), assemble(PLAIN))

    assert [each.physical for each in program.segments if each.type == PT_LOAD][1] == 0x9000


def test_flags_of_input_sections_are_not_those_of_common_symbols(link):
    main = assemble(PLAIN + ".comm area,16,8\n")
    text = (
        "SECTIONS { . = 0x10000; .code : { INPUT_SECTION_FLAGS(SHF_EXECINSTR) *(*) } "
        ".data : { INPUT_SECTION_FLAGS(SHF_WRITE & !SHF_EXECINSTR) *(.d*) } .rest : { *(.rodata .bss COMMON) } }"
    )

    same_as_ld(link, text, main)


def test_what_is_provided_can_be_used_by_the_script_itself(link):
    text = (
        "PROVIDE(first = 5); SECTIONS { . = 0x10000; .all : { *(.text .data .rodata .bss) } "
        "PROVIDE(stop = .); used = stop + first; PROVIDE(unused = 1); }"
    )
    program = with_script(link, text, assemble(PLAIN))
    theirs = link.raw("-T", "layout.ld", assemble(PLAIN), output="theirs", linker="ld")

    assert program.symbols["used"].value == theirs.symbols["used"].value
    assert "unused" not in program.symbols


@pytest.mark.parametrize("type", ["READONLY (TYPE=SHT_PROGBITS)", "TYPE = SHT_PROGBITS"])
def test_a_section_can_have_a_type_of_the_script(link, type):
    text = f"SECTIONS {{ . = 0x10000; .text : {{ *(.text .data .rodata) }} .zeros ({type}) : {{ *(.bss) }} }}"
    program = with_script(link, text, assemble(PLAIN))

    assert program.sections[".zeros"].type == SHT_PROGBITS
    assert bool(program.sections[".zeros"].flags & SHF_WRITE) == ("READONLY" not in type)


@pytest.mark.parametrize("type", ["init_array", "note"])
def test_a_section_has_the_type_of_all_its_inputs(link, type):
    main = assemble(PLAIN + f'.section .one,"aw",@{type}\n.quad 1\n.section .two,"aw",@{type}\n.quad 1\n')
    text = "SECTIONS { . = 0x10000; .text : { *(.text .data .rodata .bss) } .both : { *(.one .two) } }"
    program = with_script(link, text, main)
    theirs = link.raw("-T", "layout.ld", main, output="theirs", linker="ld")

    assert program.sections[".both"].type == theirs.sections[".both"].type


REGION = "MEMORY { ram (rwx) : ORIGIN = 0x10000, LENGTH = 0x1000 } SECTIONS { .text : { *(.text .data .rodata) } > ram "


@pytest.mark.parametrize(
    "statements",
    [
        ".heap (NOLOAD) : { low = .; . = ORIGIN(ram) + LENGTH(ram) - 0x100; high = .; } > ram .bss : { *(.bss) } > ram",
        ".bss : { *(.bss) here = ORIGIN(ram); size = LENGTH(ram); . = LENGTH(ram) - 0x80; } > ram",
    ],
)
def test_the_origin_of_a_region_is_an_address_inside_of_a_section_too(link, statements):
    same_as_ld(link, f"{REGION}{statements} stack = ORIGIN(ram) + LENGTH(ram); }}", assemble(PLAIN))


CHAIN = ".text : AT(0x81000) {{ *(.text) }} {} .last : {{ *(.rodata .bss) }}"


@pytest.mark.parametrize(
    "statements",
    [
        ".data 0x10100 : { *(.data) }",
        ".data ALIGN(0x100) : { *(.data) }",
        ".data 0x8000 : { *(.data) }",
        ". = 0x8000; .data : { *(.data) }",
        ".data : SUBALIGN(32) { *(.data) }",
        ".zeros : { . += 0x15; } .data : ALIGN(16) { *(.data) }",
        ".zeros : { . += 0x15; } .data 0x10103 : SUBALIGN(16) { *(.data) }",
    ],
)
def test_load_addresses_go_on_from_the_section_before(link, statements):
    """As far from the addresses as there, but aligned, and not where the script goes back."""
    text = f"SECTIONS {{ . = 0x10000; {CHAIN.format(statements)} }}"

    same_as_ld(link, text, assemble(PLAIN))


def test_headers_are_in_no_segment_with_another_section_on_their_page(link):
    text = (
        "SECTIONS { . = 0x400000 + 0x123; .text : { *(.text) } .data : AT(0x81000) { *(.data) } "
        ".rest : AT(0x83000) { *(.rodata .bss) } }"
    )

    program = same_as_ld(link, text, assemble(PLAIN))

    assert [each[0] for each in loads(program)] == [0x400124, 0x40012C, 0x400123]


def test_a_symbol_of_an_empty_section_has_its_alignment(link):
    text = "SECTIONS { . = 0x10001; .none : ALIGN(16) { here = .; } .all : { *(.text .data .rodata .bss) } }"

    same_as_ld(link, text, assemble(PLAIN))
