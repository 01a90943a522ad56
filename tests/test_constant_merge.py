"""Merging of constants (SHF_MERGE without STRINGS): pieces of one size, equal ones once."""

from __future__ import annotations

import struct

import pytest
from programs import assemble, compile_c, exit_with

START = ".globl _start\n_start:" + exit_with("$42")
CONSTANT = (
    '.section .rodata.cst{size},"aM",@progbits,{size}\n.balign {size}\n.globl {name}\n'
    "{name}: .fill {size}, 1, {value}\n"
)


def constants(name: str, size: int, *values: int):
    return assemble(
        "".join(CONSTANT.format(size=size, name=f"{name}_{n}", value=v) for n, v in enumerate(values)),
        name=name,
    )


@pytest.mark.parametrize("size", [4, 8, 16, 32])
def test_equal_constants_are_one(link, size):
    program = link.raw(assemble(START), constants("one", size, 1, 2), constants("two", size, 2, 3))

    values = {name: program.symbols[name].value for name in ("one_0", "one_1", "two_0", "two_1")}
    assert values["one_1"] == values["two_0"]
    assert len(set(values.values())) == 3
    assert all(value % size == 0 for value in values.values())


def test_sizes_are_not_mixed(link):
    program = link.raw(assemble(START), constants("four", 4, 7), constants("eight", 8, 7))

    assert program.read(program.symbols["eight_0"].value, 8) == b"\7" * 8
    assert program.symbols["eight_0"].value % 8 == 0


def test_reference_by_section_symbol_and_addend(link):
    source = (
        '.section .rodata.cst8,"aM",@progbits,8\n.quad 10, 20, 30\n.data\n.balign 8\n.globl pointers\n'
        "pointers: .quad .rodata.cst8 + 16, .rodata.cst8 + 12\n"
    )
    other = '.section .rodata.cst8,"aM",@progbits,8\n.quad 30, 10\n'

    program = link.raw(assemble(START), assemble(other, name="other"), assemble(source, name="user"))

    table = program.symbols["pointers"].value
    assert program.word(program.word(table)) == 30
    assert program.read(program.word(table + 8), 4) == b"\0\0\0\0"
    assert program.word(program.word(table + 8) - 4) == 20


def test_floating_point_constants_of_compilers(link):
    source = "double {0}(double x) {{ return x * 3.25 + 1.5; }} float {0}f(float x) {{ return x * 3.25f; }}"
    objects = [compile_c(source.format(name), "-O2", name=name) for name in ("one", "two")]
    main = compile_c(
        (
            "double one(double), two(double); float onef(float); int main(void) { "
            "return (int)(one(6) + two(6) + onef(0)); }"
        ),
        "-O2",
    )

    program = link(main, *objects)

    program.run(status=42)
    assert program.data.count(struct.pack("<d", 3.25)) == 1


def test_size_that_does_not_divide_the_section(link):
    """A section whose size is no multiple of its entry size is refused or copied whole, never cut."""
    odd = assemble(
        '.section .rodata.odd,"aM",@progbits,8\n.globl odd\nodd: .byte 1,2,3,4,5,6,7,8,9,10,11\n', name="odd"
    )

    done = link.attempt(assemble(START), odd, driver="raw", output="program", linker=None)

    assert done.returncode == 0 or "odd.o" in done.stderr
    if done.returncode == 0:
        assert bytes(range(1, 12)) in (link.directory / "program").read_bytes()


def test_entry_size_zero_is_not_merged(link):
    zero = assemble('.section .rodata.zero,"aM",@progbits,1\n.globl zero\nzero: .byte 42\n', name="zero")
    data = bytearray(zero.read_bytes())
    shoff = int.from_bytes(data[40:48], "little")
    for index in range(int.from_bytes(data[60:62], "little")):
        header = shoff + 64 * index
        if int.from_bytes(data[header + 8 : header + 16], "little") == 0x12:
            data[header + 56 : header + 64] = bytes(8)
    patched = link.directory / "zero.o"
    patched.write_bytes(data)

    program = link.raw(assemble(START), patched)

    assert program.read(program.symbols["zero"].value, 1) == b"*"


def test_empty_mergeable_section(link):
    empty = assemble('.section .rodata.cst4,"aM",@progbits,4\n.globl empty\nempty:\n', name="empty")

    link.raw(assemble(START), empty, constants("one", 4, 1)).run(status=42)
