"""--pack-dyn-relocs=android: .rela.dyn in the form that Android's loader reads, decoded here by the book."""

from __future__ import annotations

import random

import pytest
from programs import assemble, compile_c, pic_c

from wild.kernels.packed_rela import pack_rows

RELATIVE, GLOB_DAT = 8, 6
ANDROID_RELA, ANDROID_RELASZ, ANDROID_RELR = "0x60000011", "0x60000012", "0x6fffe000"
TABLES = """
int target, other, *pointers[200] = { [0 ... 199] = &target }, *more[3] = { &other, 0, &target };
extern int outside; int *away[20] = { [3] = &outside, [9] = &outside };
int *get(int n) { return n ? pointers[n] : &outside; }
"""
PACK = "--pack-dyn-relocs=android"


def read_number(data: bytes, at: int) -> tuple[int, int]:
    """A signed LEB128 (DWARF 5, 7.6) and where the next one begins."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value - (1 << shift if byte & 0x40 else 0), at


def decode(data: bytes) -> list[tuple[int, int, int]]:
    """(offset, r_info, addend) of every relocation."""
    assert data[:4] == b"APS2"
    at, found, addend = 4, [], 0

    def number() -> int:
        nonlocal at
        value, at = read_number(data, at)
        return value

    count, offset = number(), number()
    while len(found) < count:
        size, flags = number(), number()
        distance = number() if flags & 2 else 0
        info = number() if flags & 1 else 0
        addend = (addend + number() if flags & 4 else addend) if flags & 8 else 0
        for _ in range(size):
            offset += distance if flags & 2 else number()
            info = info if flags & 1 else number()
            addend += number() if flags & 8 and not flags & 4 else 0
            addend = (addend + (1 << 63)) % (1 << 64) - (1 << 63)
            found.append((offset % (1 << 64), info % (1 << 64), addend))
    return found


@pytest.mark.parametrize("seed", range(20))
def test_packing_keeps_every_relocation(seed):
    chance = random.Random(seed)
    rows = []
    for _ in range(chance.randrange(60)):
        start, step = chance.randrange(1 << chance.choice((8, 32, 63))), chance.choice((8, 8, 16, 1))
        info = chance.choice((RELATIVE, RELATIVE, GLOB_DAT | 5 << 32, 1 | 7 << 32, 1 | (1 << 31) << 32))
        plain = chance.random() < 0.5
        rows += [
            (start + step * n, info, 0 if plain else chance.randrange(-(1 << 63), 1 << 63))
            for n in range(chance.choice((1, 3, 30)))
        ]
    chance.shuffle(rows)

    assert sorted(decode(pack_rows(rows))) == sorted(rows)


def test_no_relocations_are_a_header():
    assert pack_rows([]) == b"APS2\0\0"


def described(output, rows):
    """Relocations without addresses: which symbol or what place they are about, as offsets in sections."""
    places = [
        (s.address, s.address + s.size, n) for n, s in output.sections.items() if s.flags & 2 and s.address
    ]

    def place(address):
        return next(
            ((name, address - start) for start, end, name in places if start <= address < end), address
        )

    return sorted(
        (place(offset), info, place(addend) if info == RELATIVE else addend) for offset, info, addend in rows
    )


@pytest.mark.parametrize("kind", ["-shared", "-pie"])
def test_the_packed_table_says_the_same(link, kind):
    objects = [pic_c(TABLES), *([pic_c("int outside;")] if kind == "-pie" else [])]
    flags = [kind, *(["-e", "get"] if kind == "-pie" else []), *objects]
    plain = link(*flags, driver="raw", output="plain")
    packed = link(*flags, PACK, driver="raw", output="packed")

    rows = [
        (
            int.from_bytes(data[:8], "little"),
            int.from_bytes(data[8:16], "little"),
            int.from_bytes(data[16:], "little"),
        )
        for data in (
            plain.contents(".rela.dyn")[at : at + 24] for at in range(0, plain.sections[".rela.dyn"].size, 24)
        )
    ]
    assert described(packed, decode(packed.contents(".rela.dyn"))) == described(plain, rows)
    assert packed.sections[".rela.dyn"].size * 10 < plain.sections[".rela.dyn"].size


def test_tags_and_type_are_androids(link):
    library = link("-shared", pic_c(TABLES), PACK, driver="raw")

    tags = library.readelf("-d").lower()
    section = library.sections[".rela.dyn"]
    assert section.type == 0x60000002
    assert f"{ANDROID_RELA[2:]}" in tags
    assert f"{section.address:#x}" in tags
    assert "(rela)" not in tags
    assert "relacount" not in tags


def test_relative_ones_can_go_to_relr(link):
    main = compile_c(TABLES + "int outside; int main(void) { return pointers[5] != &target; }", "-fPIE")
    program = link(main, f"-Wl,{PACK}+relr", "-nostdlib", "-pie", "-e", "main", driver="gcc")

    assert program.sections[".relr.dyn"].size <= 64
    assert ".rela.dyn" not in program.sections


def test_relr_can_have_the_tags_of_older_loaders(link):
    program = link(
        "-pie", pic_c("int t; int *p = &t;" + "int start(void) { return *p; }"), "-e", "start",
        f"{PACK}+relr", "--use-android-relr-tags", driver="raw",
    )  # fmt: skip

    tags = program.readelf("-d").lower()
    assert program.sections[".relr.dyn"].type == 0x6FFFFF00
    assert ANDROID_RELR[2:] in tags
    assert "(relr)" not in tags


def test_a_static_program_has_nothing_to_pack(link):
    link.raw(
        compile_c('void _start(void) { __asm__("mov $60, %eax; xor %edi, %edi; syscall"); }'), PACK
    ).run()


def test_a_value_that_does_not_fit_is_reported_once(link):
    code = assemble('.data\n.byte far - .\n.quad far\n.space 999\n.section .far,"aw"\nfar: .byte 1\n')
    message = link.fails("-shared", code, PACK, driver="raw")

    assert message.count("out of range") == 1
