"""Layout scripts for the tests, and what GNU ld makes of them."""

from __future__ import annotations

from pathlib import Path

from elf import Symbol
from linking import Link, Output
from programs import tool, write

SHF_ALLOC = 2
UNCOMPARED = (".symtab", ".strtab", ".shstrtab", ".eh_frame")

START = """
    .globl _start
    .section .text.start,"ax"
    _start: mov value(%rip), %edi
            add more(%rip), %edi
            mov $60, %eax
            syscall
"""


def script(link: Link, text: str, name: str = "layout.ld") -> Path:
    return write(link.directory / name, text)


def with_script(link: Link, text: str, *args: object, **options: str) -> Output:
    return link.raw("-T", script(link, text), *args, **options)


def places(output: Output) -> dict[str, tuple[int, int, int]]:
    """Address, size and load address of every loaded section."""
    found = {}
    for section in output.section_list:
        if section.flags & SHF_ALLOC and section.name not in UNCOMPARED:
            found[section.name] = (section.address, section.size, load_address(output, section.address))
    return found


def load_address(output: Output, address: int) -> int:
    for line in output.readelf("-l").splitlines():
        words = line.split()
        if words[:1] == ["LOAD"]:
            start, load, size = int(words[2], 16), int(words[3], 16), int(words[5], 16)
            if start <= address < start + size or start == address:
                return load + address - start
    return address


def values(output: Output) -> dict[str, int]:
    return {symbol.name: symbol.value for symbol in output.symbol_list if is_compared(symbol)}


def is_compared(symbol: Symbol) -> bool:
    """Is it one whose value means something?  Linkers differ in which files and undefined symbols they list."""
    return bool(symbol.name) and symbol.type != "FILE" and symbol.section != "UNDEF"


def same_as_ld(link: Link, text: str, *args: object) -> Output:
    """Link with GNU ld too; sections and symbols are to be at the same places.

    Neither output need pass as sound: a script may let segments share pages, or overlap."""
    ours, theirs = by(None, link, text, *args), by_ld(link, text, *args)

    found = different(places(theirs), places(ours)) | different(values(theirs), values(ours))
    assert not found, "\n".join(f"{name}: expected {text}" for name, text in found.items())
    return ours


def different(expected: dict[str, object], found: dict[str, object]) -> dict[str, object]:
    """By name: what was expected, and what was found."""
    names = [*expected, *(name for name in found if name not in expected)]
    return {
        name: f"{shown(expected.get(name))}, found {shown(found.get(name))}"
        for name in names
        if expected.get(name) != found.get(name)
    }


def shown(value: object) -> str:
    return str(
        [f"{each:#x}" for each in value]
        if isinstance(value, tuple)
        else value
        if value is None
        else hex(value)
    )


def by_ld(link: Link, text: str, *args: object) -> Output:
    tool("ld")
    return by("ld", link, text, *args)


def by(linker: str | None, link: Link, text: str, *args: object) -> Output:
    output = linker or "program"
    done = link.attempt("-T", script(link, text), *args, driver="raw", output=output, linker=linker)
    assert done.returncode == 0, done.stderr
    return Output(link.directory / output)
