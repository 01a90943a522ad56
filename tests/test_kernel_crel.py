"""Decoding SHT_CREL: equal to a plain decoder for all relocations, and safe for all bytes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from objects import PROGBITS, STRTAB, SYMTAB, StringTable, link_edit, loaded

from wild import crel, faults
from wild.kernels.crel import decode_relocations, relocations
from wild.kernels.names import NameTable
from wild.kernels.pool import KernelFault, Pool
from wild.kernels.resolve import Resolution
from wild.kernels.sections import SectionTable

CREL, EXCLUDE = 0x40000014, 0x80000000
DATA, OTHER = 1, 2  # section indices of `holding`
Row = tuple[int, int, int, int]


@pytest.fixture(scope="module", params=[1, 3], ids=["1-thread", "3-threads"])
def pool(request: pytest.FixtureRequest) -> Iterator[Pool]:
    pool = Pool(request.param)
    yield pool
    pool.close()


def unsigned(value: int) -> bytes:
    """Unsigned LEB128."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def signed(value: int) -> bytes:
    """Signed LEB128."""
    out = bytearray()
    while not -64 <= value < 64:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value & 0x7F])


def encoded(rows: list[Row]) -> bytes:
    """The contents of an SHT_CREL section; differences are those of 64-bit and 32-bit numbers."""
    shift = 3
    while shift and any(offset % (1 << shift) for offset, *_ in rows):
        shift -= 1
    text = unsigned(len(rows) << 3 | 4 | shift)
    before = (0, 0, 0, 0)
    for row in rows:
        delta = ((row[0] - before[0]) >> shift) % (1 << 64)
        kind, symbol, addend = (row[i] - before[i] for i in (1, 2, 3))
        text += unsigned(delta << 3 | bool(symbol) | bool(kind) << 1 | bool(addend) << 2)
        for change in (symbol, kind, wrapped(addend)):
            text += signed(change) if change else b""
        before = row
    return text


def wrapped(value: int) -> int:
    return (value + (1 << 63)) % (1 << 64) - (1 << 63)


def holding(*contents: bytes, flags: int = 2) -> bytes:
    """An object whose sections DATA, OTHER … have these SHT_CREL sections."""
    count = len(contents)
    rows = [(f".data.{n}", PROGBITS, flags, bytes(8), 0, 0, 1, 0) for n in range(count)]
    rows += [
        (".symtab", SYMTAB, 0, bytes(24), count + 2, 1, 8, 24),
        (".strtab", STRTAB, 0, b"\0", 0, 0, 1, 0),
    ]
    rows += [(".crel", CREL, 0x40, data, count + 1, n, 1, 1) for n, data in enumerate(contents, 1)]
    return link_edit(rows, StringTable())


class Decoded:
    """What the kernel makes of some objects."""

    def __init__(self, pool: Pool, *objects: bytes) -> None:
        self.inputs = loaded(pool, list(objects))
        names = NameTable(pool, self.inputs)
        Resolution(pool, self.inputs, names).load(pool)
        self.sections = SectionTable(pool, self.inputs, names, [(b".data", 2, 1, 0, 0)], False, False)
        decode_relocations(pool, self.inputs, self.sections)

    def rows(self, file: int, section: int) -> list[Row]:
        return relocations(self.inputs, self.sections, file, section)


offsets = st.one_of(
    st.integers(0, (1 << 64) - 1), st.integers(0, 300), st.integers(0, 100).map(lambda n: 8 * n)
)
words = st.one_of(st.integers(0, (1 << 32) - 1), st.integers(0, 40))
addends = st.one_of(st.integers(-(1 << 63), (1 << 63) - 1), st.integers(-70, 70))
lists = st.lists(st.tuples(offsets, words, words, addends), max_size=12)


@given(lists, lists, lists)
def test_every_relocation_comes_back(pool, first, second, third):
    decoded = Decoded(pool, holding(encoded(first), encoded(second)), holding(encoded(third)))

    assert first == list(crel.relocations(encoded(first)))
    assert first == decoded.rows(1, DATA)
    assert second == decoded.rows(1, OTHER)
    assert third == decoded.rows(2, DATA)


@given(st.binary(min_size=1, max_size=60))
def test_any_bytes_are_decoded_as_the_plain_decoder_does_or_refused(pool, data):
    try:
        found = Decoded(pool, holding(data)).rows(1, DATA)
    except KernelFault:
        return

    assert found == list(crel.relocations(data))


@given(lists.filter(bool), st.data())
def test_a_section_that_ends_too_early_is_refused(pool, rows, data):
    whole = encoded(rows)
    size = data.draw(st.integers(1, len(whole) - 1))

    with pytest.raises(KernelFault) as caught:
        Decoded(pool, holding(whole[:size]))

    assert caught.value.args[0] == 150


def test_the_fault_names_the_section(pool):
    inputs = loaded(pool, [holding(encoded([(0, 1, 0, 0)])[:-1])])
    names = NameTable(pool, inputs)
    Resolution(pool, inputs, names).load(pool)
    sections = SectionTable(pool, inputs, names, [(b".data", 2, 1, 0, 0)], False, False)

    with pytest.raises(KernelFault) as caught:
        decode_relocations(pool, inputs, sections)

    text = faults.describe(inputs, caught.value)
    assert text.startswith("0.o: the compact relocations in section 4 (header at 0x")


def test_relocations_without_addends_are_refused(pool):
    with pytest.raises(KernelFault) as caught:
        Decoded(pool, holding(bytes([1 << 3, 0])))

    assert caught.value.args[0] == 151


def test_a_count_beyond_the_section_takes_no_memory(pool):
    with pytest.raises(KernelFault):
        Decoded(pool, holding(unsigned((1 << 60) | 4) + bytes(8)))


def test_sections_that_are_dropped_are_not_decoded(pool):
    """Their relocations may be anything."""
    assert Decoded(pool, holding(b"\xff\xff", flags=EXCLUDE)).rows(1, DATA) == []
