"""Merging of strings: equal ones once, references into their middle kept right, widths and
alignments apart.
"""

from __future__ import annotations

import pytest
from programs import assemble, compile_c, exit_with

TEXT = "a string that is long enough to be unique"
SECTION = '.section .rodata.{0},"aMS",@progbits,{1}\n'


def strings(name: str, *texts: str, width: int = 1, extra: str = ""):
    """An object with a mergeable section of strings, each under a global symbol NAME_N."""
    directive = {1: ".asciz", 2: ".string16", 4: ".string32"}[width]
    lines = "".join(
        f'{extra}.globl {name}_{n}\n{name}_{n}: {directive} "{text}"\n' for n, text in enumerate(texts)
    )
    return assemble(SECTION.format("str", width) + lines, name=name)


def start(*extra: str):
    return assemble(".globl _start\n_start:" + exit_with("$42") + "".join(extra))


def test_equal_strings_of_two_files_are_one(link):
    program = link.raw(start(), strings("one", TEXT), strings("two", TEXT))

    assert program.data.count(TEXT.encode()) == 1
    assert program.symbols["one_0"].value == program.symbols["two_0"].value


@pytest.mark.only_wild
@pytest.mark.parametrize("mode", ["--no-gc-sections", "--gc-sections"])
def test_strings_stay_as_they_are_if_asked_for(link, mode):
    use = start("\n.quad one_0, two_0\n")

    program = link.raw(use, strings("one", TEXT, TEXT), strings("two", TEXT), mode, "--no-string-merge")

    assert program.data.count(TEXT.encode()) == 3
    assert program.c_string(program.symbols["two_0"].value) == TEXT
    assert program.run(status=42) == ""


def test_equal_strings_of_one_file_are_one(link):
    program = link.raw(start(), strings("one", TEXT, "other", TEXT))

    assert program.symbols["one_0"].value == program.symbols["one_2"].value
    assert program.c_string(program.symbols["one_1"].value) == "other"


def test_string_that_begins_another_is_not_it(link):
    program = link.raw(start(), strings("one", "prefix", "prefix and more"))

    assert program.c_string(program.symbols["one_0"].value) == "prefix"
    assert program.c_string(program.symbols["one_1"].value) == "prefix and more"


def test_empty_string(link):
    program = link.raw(start(), strings("one", "", "x", ""), strings("two", ""))

    assert [program.c_string(program.symbols[name].value) for name in ("one_0", "one_1", "two_0")] == [
        "",
        "x",
        "",
    ]


def test_reference_into_a_string_by_symbol_and_addend(link):
    data = ".data\n.balign 8\n.globl pointer\npointer: .quad two_0 + 9\n"

    program = link.raw(start(data), strings("one", "padding", TEXT), strings("two", TEXT))

    assert program.c_string(program.word(program.symbols["pointer"].value)) == TEXT[9:]


def test_reference_by_section_symbol_and_addend(link):
    """Compilers refer to strings as .rodata.str1.1 + offset: the addend names the piece, wherever it
    lands.
    """
    texts = ' .asciz "first string"\n .asciz "second string"\n .asciz "third string"\n'
    pointers = "pointers: .quad .rodata.str + 13, .rodata.str + 20, .rodata.str + 27\n"
    source = SECTION.format("str", 1) + texts + ".data\n.balign 8\n.globl pointers\n" + pointers

    program = link.raw(
        start(), strings("other", "third string", "first string"), assemble(source, name="user")
    )

    address = program.symbols["pointers"].value
    assert [program.c_string(program.word(address + 8 * n)) for n in range(3)] == [
        "second string",
        "string",
        "third string",
    ]


def test_pc_relative_reference_by_section_symbol(link):
    """lea .LC1(%rip): the addend holds -4 besides the offset; the piece is that of offset, not of
    offset-4.
    """
    source = (
        '#include <stdio.h>\nint main(int n, char **v) { puts(n > 5 ? "unused first" : "second"); '
        'puts("third"); return 0; }'
    )
    other = compile_c('const char *other(void) { return "third"; }', "-O2", name="other")

    for kind in ("-no-pie", "-pie"):
        program = link(compile_c(source, "-O2", "-fno-pie" if kind == "-no-pie" else "-fpie"), other, kind)
        assert program.run() == "second\nthird\n"


def test_wide_strings(link):
    for width in (2, 4):
        one, two = (
            strings("one", "wide text", "x", width=width),
            strings("two", "x", "wide text", width=width),
        )
        program = link.raw(start(), one, two, output=f"wide{width}")

        assert program.symbols["one_0"].value == program.symbols["two_1"].value
        assert program.symbols["one_1"].value == program.symbols["two_0"].value
        assert program.symbols["one_0"].value % width == 0


def test_wide_string_may_hold_zero_bytes(link):
    """In UTF-16 every Latin letter has a zero byte; only a zero character ends the string."""
    source = SECTION.format("wide", 2) + ".globl a, b\na: .short 0x100, 0x61, 0\nb: .short 0x100, 0x62, 0\n"

    program = link.raw(start(), assemble(source, name="wide"))

    assert program.symbols["b"].value - program.symbols["a"].value in (6, -6)


def test_widths_are_not_mixed(link):
    """`ab` in bytes and the UTF-16 unit 0x6261 have equal bytes but are different strings."""
    narrow = strings("narrow", "ab")
    wide = assemble(
        SECTION.format("str", 2) + ".balign 2\n.globl wide\nwide: .short 0x6261, 0\n", name="wide"
    )

    program = link.raw(start(), narrow, wide)

    assert program.symbols["wide"].value % 2 == 0
    assert program.read(program.symbols["wide"].value, 4) == b"ab\0\0"
    assert program.c_string(program.symbols["narrow_0"].value) == "ab"


def test_alignment_larger_than_the_character(link):
    """Strings that code loads with vector instructions stay aligned when they are merged."""
    source = (
        '.section .rodata.str1.16,"aMS",@progbits,1\n.balign 16\n.globl {0}_a, {0}_b\n'
        '{0}_a: .asciz "{1}"\n.balign 16\n{0}_b: .asciz "{2}"\n'
    )
    one = assemble(source.format("one", "short", "aligned text"), name="one")
    two = assemble(source.format("two", "aligned text", "another"), name="two")

    program = link.raw(start(), one, two)

    values = {name: program.symbols[name].value for name in ("one_a", "one_b", "two_a", "two_b")}
    assert all(value % 16 == 0 for value in values.values())
    assert values["one_b"] == values["two_a"]
    assert program.c_string(values["two_b"]) == "another"


def test_tails_are_shared_when_asked(link):
    """-O2: `string` can be the end of `another string`."""
    program = link.raw(start(), strings("one", "another string", "string", "ring"), "-O2")

    base = program.symbols["one_0"].value
    assert [program.symbols[f"one_{n}"].value - base for n in range(3)] == [0, 8, 10]


def test_tails_of_wide_strings_end_at_characters(link):
    """A shared tail begins at a whole character: an odd byte offset is no tail."""
    source = (
        SECTION.format("wide", 2) + ".globl a, b\na: .short 0x6100, 0x6200, 0\nb: .short 0x0061, 0x0062, 0\n"
    )

    program = link.raw(start(), assemble(source, name="wide"), "-O2")

    assert program.read(program.symbols["a"].value, 6) == b"\0a\0b\0\0"
    assert program.read(program.symbols["b"].value, 6) == b"a\0b\0\0\0"
    assert program.symbols["b"].value % 2 == 0


def test_debug_strings_are_merged(link):
    """.debug_str holds every name once; DW_FORM_strp refers by section symbol and addend."""
    source = "struct a_long_structure_name {{ int member_with_a_name; }} variable_{0};"
    objects = [compile_c(source.format(n), "-g", name=f"unit{n}") for n in range(3)]

    program = link(compile_c("int main(void) { return 0; }", "-g"), *objects)

    assert program.contents(".debug_str").count(b"a_long_structure_name\0") == 1
    assert program.readelf("--debug-dump=info").count("a_long_structure_name") >= 3


def test_section_without_final_zero_is_copied_or_refused(link):
    """A section that says STRINGS but whose last string does not end: merged wrongly it would
    swallow others.
    """
    broken = assemble(SECTION.format("str", 1) + '.globl broken\nbroken: .ascii "no end"\n', name="broken")

    done = link.attempt(
        start(), broken, strings("after", "after"), driver="raw", output="program", linker=None
    )

    assert done.returncode == 0 or "broken.o" in done.stderr


def test_local_symbol_into_the_middle(link):
    """A local label at a string's second half moves with its string."""
    source = SECTION.format("str", 1) + (
        '.globl whole\nwhole: .ascii "first "\nhalf: .asciz "second"\n.data\n.balign 8\n'
        ".globl pointer\npointer: .quad half\n"
    )

    program = link.raw(start(), strings("one", "x", "yy", "zzz"), assemble(source, name="two"))

    assert program.c_string(program.word(program.symbols["pointer"].value)) == "second"


@pytest.mark.unlike("lld", reason="refuses them")
def test_writable_strings_are_not_merged_with_constant_ones(link):
    source = '.section .data.str,"awMS",@progbits,1\n.globl writable\nwritable: .asciz "same text"\n'

    program = link.raw(start(), strings("constant", "same text"), assemble(source, name="writable"))

    assert program.symbols["writable"].value != program.symbols["constant_0"].value
    assert program.segment_at(program.symbols["writable"].value).flags & 2


def test_merged_section_keeps_relocated_contents_apart(link):
    """A section with relocations cannot be merged by its bytes, whatever its flags say."""
    source = '.section .rodata.cst8,"aM",@progbits,8\n.globl {0}\n{0}: .quad {1}\n.data\n{1}: .long 1\n'

    program = link.raw(
        start(),
        assemble(source.format("one", "a"), name="one"),
        assemble(source.format("two", "b"), name="two"),
    )

    words = [program.word(program.symbols[name].value) for name in ("one", "two")]
    assert words[0] != words[1]


@pytest.mark.parametrize("count", [1, 1000, 30000])
def test_many_strings(link, count):
    """Offsets survive growing tables; every pointer still finds its text."""
    texts = "".join(f' .asciz "string number {n % (count // 2 + 1)}"\n' for n in range(count))
    offsets, position = [], 0
    for n in range(count):
        offsets.append(position)
        position += len(f"string number {n % (count // 2 + 1)}") + 1
    pointers = "".join(f" .quad .rodata.str + {offset}\n" for offset in offsets)
    source = SECTION.format("str", 1) + texts + ".data\n.balign 8\n.globl pointers\npointers:\n" + pointers

    program = link.raw(start(), assemble(source, name="many"))

    table = program.symbols["pointers"].value
    for n in range(0, count, max(1, count // 50)):
        assert program.c_string(program.word(table + 8 * n)) == f"string number {n % (count // 2 + 1)}"
