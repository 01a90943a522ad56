"""Relocation overflow: the place, the symbol, the value and the allowed range."""

from __future__ import annotations

import pytest
from programs import assemble, compile_c, exit_with

START = ".globl _start\n_start:" + exit_with()


def overflowing(link, source: str, *arguments: object) -> str:
    return link.fails(assemble(START + source, name="source"), *arguments, driver="raw")


@pytest.mark.parametrize(
    ("instruction", "symbol"),
    [
        (".byte big", 0x100),
        (".short big", 0x10000),
        (".long big", 0x1_0000_0000),
        ("movl $big, %eax", 0x1_0000_0000),
        ("mov big, %eax", 0x8000_0000),
        ("movq $big, %rax", 0x8000_0000),
        (".reloc ., R_X86_64_32S, big\n .long 0", 0x8000_0000),
        ("call big", 0x1_0000_0000),
        ("lea big(%rip), %rax", 0x1_0000_0000),
        (".reloc ., R_X86_64_PC8, big\n .byte 0", 0x8000_0000),
        (".reloc ., R_X86_64_PC16, big\n .short 0", 0x8000_0000),
    ],
)
def test_value_that_does_not_fit_is_an_error(link, instruction, symbol):
    message = overflowing(link, f".data\n {instruction}\n", f"--defsym=big={symbol:#x}")

    assert "source.o" in message
    assert "big" in message


@pytest.mark.parametrize(
    ("instruction", "value"),
    [
        (".byte fits", 0xFF),
        (".byte fits", -0x80),
        (".short fits", 0xFFFF),
        (".short fits", -0x8000),
        (".long fits", 0xFFFF_FFFF),
        (".reloc ., R_X86_64_32S, fits\n .long 0", 0x7FFF_FFFF),
        (".reloc ., R_X86_64_32S, fits\n .long 0", -0x8000_0000),
    ],
)
def test_largest_and_smallest_values_fit(link, instruction, value):
    program = link.raw(
        assemble(START + f".data\n.globl place\nplace: {instruction}\n"), f"--defsym=fits={value}"
    )

    size = {".byte": 1, ".short": 2}.get(instruction.split()[0], 4)
    assert program.read(program.symbols["place"].value, size) == (value % 2 ** (8 * size)).to_bytes(
        size, "little"
    )


def test_zero_extended_32_refuses_negative_values(link):
    """R_X86_64_32 is unsigned: -1 does not fit, unlike in R_X86_64_32S."""
    assert "minus" in overflowing(
        link, ".data\n .reloc ., R_X86_64_32, minus\n .long 0\n", "--defsym=minus=-1"
    )


def test_section_and_offset_of_the_place_are_named(link):
    source = '.section .data.mine,"aw"\n .zero 24\n .byte big\n'

    message = overflowing(link, source, "--defsym=big=0x1234")

    assert ".data.mine+0x18" in message
    assert "R_X86_64_8" in message


@pytest.mark.unlike("ld", reason="tells only that it does not fit")
def test_value_and_range_are_named(link):
    message = overflowing(link, ".data\n .byte big\n", "--defsym=big=0x1234")

    assert "4660" in message or "0x1234" in message
    assert "[-128, 255]" in message


def test_every_overflow_is_reported(link):
    message = overflowing(
        link,
        ".data\n .byte one, two, three\n",
        *(f"--defsym={name}=0x1234" for name in ("one", "two", "three")),
    )

    assert all(name in message for name in ("one", "two", "three"))


def test_function_of_the_place_is_named(link):
    source = compile_c(
        "extern char far_away[]; char *address_taker(void) { return far_away; }",
        "-fno-pie",
        "-O1",
        name="taker",
    )

    message = link.fails(assemble(START), source, "--defsym=far_away=0x100000000", driver="raw")

    assert "taker.o" in message
    assert "address_taker" in message or ".text+" in message


def test_text_and_data_too_far_apart(link):
    """More than 2 GiB between code and data: the small code model does not reach."""
    main = assemble(START + " mov after(%rip), %eax\n.bss\n.zero 0x7ffffff0\n", name="source")
    after = assemble(".bss\n.zero 0x1000\n.globl after\nafter: .zero 4\n", name="after")

    message = link.fails(main, after, driver="raw")

    assert "source.o" in message
    assert "after" in message


def test_overflow_leaves_no_broken_output(link):
    """`fails` checks that the older output is as it was, or gone."""
    link.raw(assemble(START)).run()

    overflowing(link, ".data\n .byte big\n", "--defsym=big=0x1234")


def test_noinhibit_exec_writes_the_file_all_the_same(link):
    main = assemble(START + ".data\n .byte big\n", name="source")

    program = link.raw(main, "--defsym=big=0x1234", "--noinhibit-exec")

    program.run()
    assert "big" in program.messages
