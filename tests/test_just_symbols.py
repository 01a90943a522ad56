"""--just-symbols FILE (-R): the symbols of another program at their addresses."""

from __future__ import annotations

import pytest
from programs import assemble, pic_c

OTHER = """
.globl function, variable, absolute, weak, hidden, thread
.weak weak
.hidden hidden
function: ret
absolute = 0x55
.comm common,4,4
local: nop
.data
variable: .long 42
.long _end - .
weak: .long 1
hidden: .long 2
.section .tdata,"awT",@progbits
thread: .long 1
"""
USER = """
.globl _start
_start: mov $function, %eax
mov $variable, %eax
mov $absolute, %eax
mov $weak, %eax
mov $common, %eax
"""


@pytest.fixture
def other(link):
    return link.raw(assemble(OTHER), "-Ttext=0x10000", "-e", "function", output="other")


@pytest.mark.parametrize("option", ["-R", "--just-symbols"])
def test_symbols_have_the_addresses_of_the_other_file(link, other, option):
    program = link.raw(assemble(USER), option, "other")

    for name in ("function", "variable", "absolute", "weak", "common"):
        assert program.symbols[name].value == other.symbols[name].value, name
        assert program.symbols[name].section == "ABS", name
    assert "thread" not in program.symbols
    code = program.contents(".text")
    assert code[1:5] == other.symbols["function"].value.to_bytes(4, "little")
    assert len(code) == 25


def test_nothing_else_of_the_file_is_linked(link, other):
    program = link.raw(assemble(USER), "-R", "other")

    assert ".data" not in program.sections


def test_the_ends_of_the_program_are_its_own(link, other):
    program = link.raw(assemble(USER + "mov $_end, %eax\n"), "-R", "other")

    assert program.symbols["_end"].value != other.symbols["_end"].value


def test_an_object_file_has_its_sections_at_0(link):
    program = link.raw(assemble(USER), "-R", assemble(OTHER), "-Ttext=0x10000")

    assert program.symbols["weak"].value == 8
    assert program.symbols["absolute"].value == 0x55


def test_a_definition_of_the_link_meets_the_other(link, other):
    message = link.fails(assemble(USER + ".globl function\nfunction: nop\n"), "-R", "other", driver="raw")

    assert "function" in message


def test_a_directory_is_part_of_the_run_time_path(link):
    (link.directory / "there").mkdir()
    library = link("-shared", pic_c("int f;"), "-R", "there", "-R", "/not/there", driver="raw")

    assert "there:/not/there" in library.readelf("-d")


def test_a_shared_object_has_no_addresses(link):
    link.shared(pic_c("int f;"), output="lib.so")

    assert "lib.so" in link.fails(assemble(USER), "-R", "lib.so", driver="raw")


@pytest.mark.only_wild
@pytest.mark.parametrize(
    ("at", "data", "reason"),
    [
        (0, b"nothing", "no ELF file"),
        (4, b"\x01", "not for x86-64"),
        (18, b"\x03", "not for x86-64"),
        (0x28, b"\xff" * 8, "section headers"),
        (0x3C, b"\xff\xff", "section headers"),
    ],
)
def test_a_damaged_file_is_an_error(link, other, at, data, reason):
    content = bytearray(other.path.read_bytes())
    content[at : at + len(data)] = data
    (link.directory / "bad").write_bytes(content)

    message = link.fails(assemble(USER), "-R", "bad", driver="raw")

    assert reason in message
    assert "bad" in message


@pytest.mark.only_wild
def test_a_short_file_is_an_error(link, other):
    (link.directory / "bad").write_bytes(other.path.read_bytes()[:40])

    assert "no ELF file" in link.fails(assemble(USER), "-R", "bad", driver="raw")
