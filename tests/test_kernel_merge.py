"""Merged strings and constants against a naive merge: every byte, every alignment, any number of threads."""

from __future__ import annotations

import ctypes
import random
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from objects import ALLOC, MERGE, STRINGS, Section, loaded, relocatable
from programs import compile_c

from wild import faults
from wild.kernels.files import Inputs
from wild.kernels.merge import MergeTable
from wild.kernels.names import NameTable
from wild.kernels.pool import KernelFault, Pool
from wild.kernels.resolve import Resolution
from wild.kernels.sections import SectionTable

KINDS_THAT_MERGE = 2, 3  # SectionRow.kind: strings, constants


class Group(NamedTuple):
    name: str
    entry_size: int
    is_string: bool
    alignment: int


@pytest.fixture(scope="module", params=[1, 3], ids=["1-thread", "3-threads"])
def pool(request: pytest.FixtureRequest) -> Iterator[Pool]:
    pool = Pool(request.param)
    yield pool
    pool.close()


# --- the naive twin ----------------------------------------------------------------------------------------


def cut(data: bytes, group: Group) -> list[bytes]:
    """The pieces of a section."""
    width = group.entry_size
    if group.is_string and width == 1:
        return [text + b"\0" for text in data.split(b"\0")[:-1]]
    units = [data[i : i + width] for i in range(0, len(data), width)]
    if not group.is_string:
        return units
    pieces, piece = [], b""
    for unit in units:
        piece += unit
        if not any(unit):
            pieces.append(piece)
            piece = b""
    return pieces


def naive_merge(sections: list[bytes], group: Group) -> tuple[bytes, list[list[int]]]:
    """The merged section, and where each byte of each input section is in it."""
    out, places, maps = bytearray(), {}, []
    for data in sections:
        where: list[int] = []
        for piece in cut(data, group):
            if piece not in places:
                places[piece] = len(out)
                out += piece + bytes(-len(piece) % group.alignment)
            where += range(places[piece], places[piece] + len(piece))
        maps.append(where)
    return bytes(out), maps


# --- the kernel --------------------------------------------------------------------------------------------


class Merged:
    """The merged groups of some objects; `ours` is what the linker adds to each group."""

    def __init__(self, pool: Pool, inputs: Inputs, tails: bool = False, ours: bytes = b"", live: bool = True):
        self.pool = pool
        names = NameTable(pool, inputs)
        Resolution(pool, inputs, names).load(pool)
        sections = SectionTable(pool, inputs, names, [], not live, False)
        self.table = MergeTable.of(inputs, sections)
        self.groups: list[Group] = []
        self.counts: list[int] = []
        first = 0
        for _, name, kind, entry_size, strings, align, _, _, count, _ in sections.part_keys():
            if kind in KINDS_THAT_MERGE:
                self.groups.append(Group(name.decode(), entry_size, bool(strings), align))
                self.counts.append(count)
                self.table.add_group(entry_size, bool(strings), align.bit_length() - 1, first, count, ours)
            first += count
        self.table.merge(pool, tails)

    def contents(self, group: int) -> bytes:
        size = self.table.group_size(group)
        buffer = ctypes.create_string_buffer(b"\xaa" * (size + 8), size + 8)
        self.table.write(self.pool, group, ctypes.addressof(buffer))
        assert buffer.raw[size:] == b"\xaa" * 8
        return buffer.raw[:size]


def merge(pool: Pool, files: list[list[tuple[Group, bytes]]], **how: object) -> Merged:
    """Merge the sections of some files."""
    flags = {True: ALLOC | MERGE | STRINGS, False: ALLOC | MERGE}
    objects = [
        relocatable(
            [Section(g.name, data, flags[g.is_string], g.entry_size, g.alignment) for g, data in file]
        )
        for file in files
    ]
    return Merged(pool, loaded(pool, objects), **how)


def assert_equal_to_naive(merged: Merged, files: list[list[tuple[Group, bytes]]]) -> None:
    link = 1
    for number, group in enumerate(merged.groups):
        sections = [data for file in files for other, data in file if other == group]
        contents, maps = naive_merge(sections, group)

        assert merged.contents(number) == contents
        for data, where in zip(sections, maps, strict=True):
            assert [merged.table.offset_of(link, offset) for offset in range(len(data))] == where
            assert merged.table.offset_of(link, len(data)) == where[-1] + 1
            assert merged.table.offset_of(link, len(data) + 1) is None
            link += 1


# Few letters and few lengths, so that much is equal; lengths around the 16 bytes that a hash step takes.
TEXTS = st.lists(
    st.text("ab\x80", max_size=40).map(lambda text: text.encode("latin-1"))
    | st.sampled_from([b"", b"x" * 300])
)


@st.composite
def sections_of_groups(draw: st.DrawFn) -> list[list[tuple[Group, bytes]]]:
    """The sections of a few files, none of them empty."""
    files = []
    for _ in range(draw(st.integers(1, 4))):
        file = []
        for _ in range(draw(st.integers(1, 3))):
            width, is_string, alignment = draw(
                st.sampled_from(
                    [
                        (1, True, 1),
                        (1, True, 8),
                        (2, True, 2),
                        (4, True, 4),
                        (4, False, 4),
                        (3, False, 1),
                        (16, False, 16),
                    ]
                )
            )
            data = b""
            for text in draw(TEXTS):
                whole = text + bytes(-len(text) % width)
                data += whole + bytes(width) if is_string else whole
            file.append(
                (
                    Group(f".{width}.{is_string}.{alignment}", width, is_string, alignment),
                    data or bytes(width),
                )
            )
        files.append(file)
    return files


@settings(deadline=None)
@given(files=sections_of_groups())
def test_equal_to_the_naive_merge(pool, files):
    assert_equal_to_naive(merge(pool, files), files)


STRING = Group(".str", 1, True, 1)


def words(seed: int, count: int, distinct: int) -> bytes:
    """Strings of 0 to 40 letters."""
    source = random.Random(seed)
    letters = bytes(source.choices(b"abcdefgh", k=100_000))
    known = [letters[at : at + at % 40] for at in source.choices(range(99_000), k=distinct)]
    return b"\0".join(source.choices(known, k=count)) + b"\0"


def test_sections_larger_than_a_batch(pool):
    """Batches of 256 KiB are cut inside strings, inside a string that is larger than two of them, at ends."""
    huge = b"y" * 700_000 + b"\0"
    files = [
        [(STRING, words(1, 15_000, 10_000))],
        [(STRING, words(2, 100, 50) + huge + words(1, 6_000, 10_000))],
        [(STRING, huge + words(1, 5, 5))],
        [(STRING, b"\0" * 300_000)],
        [(STRING, words(3, 30_000, 30_000))],
    ]
    merged = merge(pool, files)
    contents, maps = naive_merge([file[0][1] for file in files], STRING)

    assert merged.contents(0) == contents
    for link, where in enumerate(maps, 1):
        for offset in random.Random(link).sample(range(len(where)), 3000):
            assert merged.table.offset_of(link, offset) == where[offset]


def test_wide_strings_larger_than_a_batch(pool):
    group = Group(".wide", 4, True, 4)
    data = words(4, 20_000, 15_000).decode().encode("utf-32-le")
    files = [[(group, data)], [(group, "ωψχ\0a\0".encode("utf-32-le"))]]
    merged = merge(pool, files)
    contents, maps = naive_merge([file[0][1] for file in files], group)

    assert merged.contents(0) == contents
    assert [merged.table.offset_of(1, offset) for offset in range(0, len(data), 97)] == maps[0][::97]


def test_constants_larger_than_a_batch(pool):
    group = Group(".constants", 24, False, 8)
    source = random.Random(5)
    data = b"".join(source.randrange(9000).to_bytes(24, "little") for _ in range(30_000))
    merged = merge(pool, [[(group, data)]])
    contents, maps = naive_merge([data], group)

    assert merged.contents(0) == contents
    assert [merged.table.offset_of(1, offset) for offset in range(0, len(data), 997)] == maps[0][::997]


def test_many_small_sections_share_a_batch(pool):
    files = [[(STRING, words(seed, 1 + seed % 7, 10))] for seed in range(200)]

    assert_equal_to_naive(merge(pool, files), files)


def test_the_linkers_own_string_is_one_more_section(pool):
    files = [[(STRING, b"theirs\0")]]

    assert merge(pool, files, ours=b"ours\0").contents(0) == b"theirs\0ours\0"
    assert merge(pool, files, ours=b"theirs\0").contents(0) == b"theirs\0"


def test_dead_sections_are_left_out(pool):
    merged = merge(pool, [[(STRING, b"dead\0")]], live=False)

    assert merged.table.group_size(0) == 0
    assert merged.contents(0) == b""
    assert merged.table.offset_of(0, 0) is None


@pytest.mark.parametrize(
    ("width", "data"), [(1, b"a\0bc"), (2, b"a\0\0\0b\0"), (4, b"a\0\0\0\0\0\0\0\0\0\0a")]
)
def test_last_string_without_end(pool, width, data):
    group = Group(".s", width, True, width)
    good = [(group, b"good" + bytes(4))]
    inputs = loaded(
        pool,
        [
            relocatable([Section(g.name, d, ALLOC | MERGE | STRINGS, g.entry_size, g.alignment)])
            for g, d in [*good, (group, data)]
        ],
    )

    with pytest.raises(KernelFault) as caught:
        Merged(pool, inputs)
    assert faults.describe(inputs, caught.value).startswith("1.o: the last string of section 1 (at offset 0x")


def test_first_fault_in_input_order_is_reported(pool):
    bad, huge = (STRING, b"endless"), (STRING, b"x" * 600_000 + b"\0")
    inputs = loaded(
        pool,
        [
            relocatable([Section(g.name, d, ALLOC | MERGE | STRINGS, 1)])
            for g, d in [huge, bad, huge, bad, bad]
        ],
    )

    with pytest.raises(KernelFault) as caught:
        Merged(pool, inputs)
    assert faults.describe(inputs, caught.value).startswith("1.o: ")


# --- tails -------------------------------------------------------------------------------------------------


def needed(texts: list[bytes], alignment: int = 1) -> int:
    """Bytes for strings of which none is left that is the end of another.

    In order of the texts backwards, what ends in a text follows it, and the last one holds all of them.
    """
    size, owner = 0, None
    for backwards in sorted({text[::-1] for text in texts}, reverse=True):
        inside = owner is not None and owner.startswith(backwards)
        if not inside or (len(owner) - len(backwards)) % alignment:
            owner = backwards
            size += len(owner) + -len(owner) % alignment
    return size


@settings(deadline=None)
@given(files=sections_of_groups())
def test_tails_of_random_strings(pool, files):
    merged = merge(pool, files, tails=True)
    link = 1
    for number, group in enumerate(merged.groups):
        sections = [data for file in files for other, data in file if other == group]
        contents = merged.contents(number)
        for data in sections:
            offset = 0
            for piece in cut(data, group):
                place = merged.table.offset_of(link, offset)
                assert contents[place : place + len(piece)] == piece
                assert place % group.alignment == 0
                offset += len(piece)
            link += 1
        pieces = [piece for data in sections for piece in cut(data, group)]
        if group.is_string:
            assert len(contents) == needed(pieces, group.alignment)
        else:
            assert contents == naive_merge(sections, group)[0]


def test_tails_of_many_strings(pool):
    """More strings than one thread sorts alone, with common ends much longer than 8 bytes."""
    source = random.Random(6)
    common = bytes(source.choices(b"ab", k=60))
    texts = [
        bytes(source.choices(b"abc", k=source.randrange(12))) + common[source.randrange(60) :] + b"\0"
        for _ in range(40_000)
    ]
    merged = merge(pool, [[(STRING, b"".join(texts[:100]))], [(STRING, b"".join(texts))]], tails=True)
    contents = merged.contents(0)
    offset = 0
    for text in texts:
        place = merged.table.offset_of(2, offset)
        offset += len(text)
        assert contents[place : place + len(text)] == text

    assert len(contents) == needed(texts)


# --- compilers ---------------------------------------------------------------------------------------------


def test_no_groups(pool):
    Merged(pool, loaded(pool, [relocatable([Section(".text", b"\xc3", ALLOC | 4)])]))


def test_strings_of_compiled_objects(pool):
    source = 'const char *{0}(int n) {{ return n ? "shared text" : "the text of {0}, which is its own"; }}'
    objects = [
        compile_c(source.format(name), "-O2", "-g", name=name).read_bytes()
        for name in ("one", "two", "three")
    ]
    merged = Merged(pool, loaded(pool, objects))
    contents = dict(
        zip(
            [group.name for group in merged.groups],
            map(merged.contents, range(len(merged.groups))),
            strict=True,
        )
    )

    assert contents[".rodata.str1.1"].count(b"shared text\0") == 1
    assert contents[".debug_str"].count(b"long int\0") <= 1
    assert contents[".debug_str"].count(b"GNU C") == 1
    assert contents[".comment"].count(b"GCC") == 1
