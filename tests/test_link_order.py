"""SHF_LINK_ORDER: tables of sections about others stand in the order of these, and without those that are gone.

(gABI, "Section Attribute Flags").
"""

from __future__ import annotations

import struct

import pytest
from programs import assemble, compile_c, exit_with, write

PART = '.section {1},"ax"\n.globl {0}\n{0}: ret\n.section meta,"ao",@progbits,{1}\n.ascii "{0} "\n'
START = '.section .text.start,"ax"\n.globl _start\n_start: call one\n' + exit_with("$42")


def parts(*pairs: tuple[str, str]) -> str:
    """Functions in sections, each with its piece of the table."""
    return "".join(PART.format(*pair) for pair in pairs)


def two_objects(link):
    return (
        assemble(START, name="start"),
        assemble(parts(("one", ".text.one"), ("hot", ".text.hot.h"), ("other", ".other")), name="first"),
        assemble(parts(("cold", ".text.unlikely.c"), ("two", ".text.two")), name="second"),
    )


def test_table_is_in_the_order_of_the_functions(link):
    program = link.raw(*two_objects(link))

    names = program.contents("meta").decode().split()
    assert sorted(names) == sorted(["one", "hot", "other", "cold", "two"])
    assert names == sorted(names, key=lambda name: program.symbols[name].value)
    assert names != ["one", "hot", "other", "cold", "two"]


@pytest.mark.unlike("ld", reason="does not know --symbol-ordering-file")
def test_table_follows_an_ordering_file(link):
    order = write(link.directory / "order", "two\none\ncold\n")

    program = link.raw(*two_objects(link), f"--symbol-ordering-file={order}")

    names = program.contents("meta").decode().split()
    assert names == sorted(names, key=lambda name: program.symbols[name].value)
    assert names.index("two") < names.index("one")


def test_table_follows_a_linker_script(link):
    script = write(
        link.directory / "order.ld",
        "SECTIONS { .text : { *(.text.two) *(.text.start) *(.text*) *(.other) } meta : { *(meta) } }",
    )

    program = link.raw(*two_objects(link), "-T", script)

    names = program.contents("meta").decode().split()
    assert names[0] == "two"
    assert names == sorted(names, key=lambda name: program.symbols[name].value)


@pytest.mark.unlike("lld", reason="lets pieces about nothing be the last")
def test_pieces_about_nothing_come_first(link):
    """Those without the flag, and those whose sh_link is 0."""
    plain = assemble('.section meta,"a"\n.ascii "plain "\n', name="plain")
    none = assemble('.section meta,"ao",@progbits,0\n.ascii "none "\n', name="none")

    program = link.raw(*two_objects(link), plain, none)

    assert program.contents("meta").decode().split()[:3] == ["plain", "none", "cold"]


def test_gaps_between_pieces_are_zero(link):
    """The output of an earlier link is overwritten."""
    source = (
        '.section .text.hot.h,"ax"\nhot: ret\n.section .text.unlikely.c,"ax"\ncold: ret\n'
        '.section meta,"ao",@progbits,.text.hot.h\n.balign 8\n.ascii "hot"\n'
        '.section meta,"ao",@progbits,.text.unlikely.c\n.balign 8\n.ascii "cold"\n.globl one\none=hot\n'
    )
    files = assemble(START, name="start"), assemble(source)
    link.raw(*files, assemble('.section meta,"a"\n.zero 64,255\n', name="filler"))

    program = link.raw(*files)

    assert program.contents("meta") == b"cold\0\0\0\0hot"


def test_dynamic_relocations_follow_their_pieces(link):
    source = "".join(
        f'.section .text.{group}{name},"ax"\n.globl {name}\n{name}: ret\n'
        f'.section meta,"awo",@progbits,.text.{group}{name}\n.quad {name}\n'
        for name, group in (("one", ""), ("hot", "hot."), ("cold", "unlikely."), ("two", ""))
    )

    program = link.raw(assemble(START), assemble(source, name="parts"), "-pie", "-z", "norelro")

    section = program.sections["meta"]
    aims = {rel.offset: rel.addend for rel in program.relocations}
    found = [aims[section.address + 8 * number] for number in range(4)]
    assert found == sorted(program.symbols[name].value for name in ("one", "hot", "cold", "two"))


@pytest.mark.unlike("lld", reason="says that the section was discarded, and stops")
def test_piece_about_a_lost_group_goes_with_it(link):
    source = (
        '.section .text.one,"axG",@progbits,one,comdat\n.weak one\none: ret\n'
        '.section meta,"ao",@progbits,.text.one\n.ascii "{0} "\n'
        '.section more,"ao",@progbits,meta\n.ascii "{0} "\n'
    )
    copies = [assemble(source.format(name), name=name) for name in ("first", "second")]

    program = link.raw(assemble(START), *copies)

    assert program.contents("meta") == b"first "
    assert program.contents("more") == b"first "


@pytest.mark.unlike("ld", "lld", reason="go on, which takes the square of the length")
def test_pieces_about_pieces_go_with_them_as_far_as_compilers_make_such(link):
    """Each section is about the next one, so that one pass over them finds one more; a file could have any number."""
    chain = "".join(f'.section m{n},"ao",@progbits,m{n + 1}\n.byte 1\n' for n in range(40))
    source = START.replace("call one", "nop") + f'{chain}.section m40,"ao",@progbits,gone\n.byte 1\n'
    script = write(link.directory / "gone.ld", "SECTIONS { /DISCARD/ : { *(gone) } }")

    program = link.raw(assemble(f'{source}.section gone,"ax"\nret\n'), "-T", script)

    assert not {"m40", "m39", "m38"} & set(program.sections)
    assert "m0" in program.sections


def test_piece_about_a_discarded_section_goes_with_it(link):
    script = write(
        link.directory / "less.ld",
        "SECTIONS { .text : { *(.text*) } /DISCARD/ : { *(.other) } meta : { *(meta) } }",
    )

    program = link.raw(*two_objects(link), "-T", script)

    assert "other" not in program.contents("meta").decode().split()


MAIN = "int one(void); int two(void); int main(void) { return one() - two(); }"


def traced(*names: str):
    """Functions that are the same, with a table of their addresses as GCC 12 makes it: linked to the first."""
    source = "".join(f"int {name}(void) {{ return 7; }}\n" for name in names)
    return compile_c(source, "-O1", "-ffunction-sections", "-fpatchable-function-entry=2", name=names[0])


@pytest.mark.unlike("ld", reason="does not know --icf")
def test_piece_about_a_folded_function_goes_with_it(link):
    """A tracer that patches functions would meet the one that is kept twice."""
    program = link(traced("one"), traced("two"), compile_c(MAIN), "-Wl,--icf=all", "-no-pie")

    table = program.contents("__patchable_function_entries")
    entries = struct.unpack(f"<{len(table) // 8}Q", table)
    assert sorted(set(entries)) == list(entries)
    program.run()


@pytest.mark.unlike("ld", "lld", reason="ld does not know --icf, lld drops the whole table")
def test_table_of_more_functions_is_not_dropped(link):
    """The entry of the last function is in a table that is linked to one that is folded."""
    last = "int last(void) { return 8; }"
    objects = compile_c(
        "int two(void) { return 7; }" + last, "-O1", "-ffunction-sections", "-fpatchable-function-entry=2"
    )

    program = link(traced("one"), objects, compile_c(MAIN, name="main2"), "-Wl,--icf=all", "-no-pie")

    table = program.contents("__patchable_function_entries")
    assert program.symbols["last"].value in struct.unpack(f"<{len(table) // 8}Q", table)


@pytest.mark.unlike("ld", reason="takes the file for none of its own")
def test_piece_about_a_section_that_does_not_exist(link):
    path = assemble(parts(("one", ".text.one")))
    data = bytearray(path.read_bytes())
    headers, count = struct.unpack_from("<Q", data, 40)[0], struct.unpack_from("<H", data, 60)[0]
    places = [headers + 64 * k for k in range(count)]
    linked = next(place for place in places if struct.unpack_from("<Q", data, place + 8)[0] & 0x80)
    struct.pack_into("<I", data, linked + 40, 1000)
    path.write_bytes(data)

    message = link.fails(assemble(START, name="start"), path)

    assert "sh_link" in message
    assert path.name in message
