"""The dynamic symbol tables: the kernel against a plain twin, on tables made by hand."""

from __future__ import annotations

import ctypes
import struct
from typing import Any, NamedTuple

import hashing
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tables import NONE, File, Section, Symbol, World, constants

from wild.kernels.dynsyms import DynamicSymbols
from wild.kernels.pool import KernelFault, Pool

C = constants("tables")
OBJECT, SHARED = C["FILE_OBJECT"], C["FILE_SHARED"]
SECTIONS = (".dynsym", ".dynstr", ".gnu.hash", ".hash", ".gnu.version", ".gnu.version_r", ".gnu.version_d")
POOLS = [Pool(1), Pool(3)]
FUNC, DATA, IFUNC, TLS = 2, 1, 10, 6


class Name(NamedTuple):
    """How one name is resolved: defined in the object, in the shared object or not at all, and its flags."""

    text: bytes
    place: str  # "object", "shared", "nowhere"
    flags: int
    kind: int
    value: int
    version: int = 0  # of a shared definition, in its object


EXPORTED, IMPORTED, REF, STRONG = C["SYM_EXPORTED"], C["SYM_IMPORTED"], C["SYM_REF"], C["SYM_STRONG_REF"]
COPY, CANONICAL, WEAK = C["NEEDS_COPY"], C["NEEDS_CANONICAL"], C["SYM_WEAK_DEF"]
FLAGS = {
    "object": [0, EXPORTED, EXPORTED | WEAK, EXPORTED | C["SYM_PROTECTED"], EXPORTED | C["SYM_UNIQUE"]],
    "shared": [0, IMPORTED, IMPORTED | REF, IMPORTED | REF | STRONG, IMPORTED | REF | STRONG | COPY, CANONICAL],
    "nowhere": [0, IMPORTED | REF, IMPORTED | REF | STRONG, IMPORTED],
}
DEFINED_BY = {"object": C["SYM_OBJECT_DEF"], "shared": C["SYM_SHARED_DEF"], "nowhere": 0}


@st.composite
def names(draw: st.DrawFn) -> list[Name]:
    texts = draw(st.lists(st.text("abcxyz_", min_size=1, max_size=9), unique=True, max_size=40))
    found = []
    for text in texts:
        place = draw(st.sampled_from(["object", "shared", "nowhere"]))
        flags = draw(st.sampled_from(FLAGS[place])) | DEFINED_BY[place]
        kind = draw(st.sampled_from([FUNC, DATA, IFUNC]))
        suffix = draw(st.sampled_from([b"", b"", b"@V1", b"@V2"])) if place == "object" else b""
        found.append(Name(text.encode() + suffix, place, flags, kind, draw(st.integers(1, 1 << 40)), draw(VERSION)))
    return found


VERSION = st.sampled_from([0, 1, 2, 3, 0x8003])


def verdef(strings: list[int]) -> bytes:
    """Version definitions 1, 2 ... whose names are at these offsets of the string table."""
    data = b""
    for number, name in enumerate(strings, 1):
        last = number == len(strings)
        data += struct.pack("<HHHHIIIII", 1, number == 1, number, 1, 0, 20, 0 if last else 28, name, 0)
    return data


def world_of(wanted: list[Name]) -> World:
    """An object that mentions every name, and a shared object that defines some, with versions V2 and V3."""
    info = {"object": lambda n: 0x10 | n.kind, "shared": lambda n: 0x10, "nowhere": lambda n: 0x10}
    symbols = [Symbol(n.text, info[n.place](n), int(n.place == "object"), n.value, n.value & 255) for n in wanted]
    program = File(OBJECT, [], symbols)
    program.sections = [Section(part=5)]
    mine = [n for n in wanted if n.place == "shared"]
    extra = [Symbol(b"libx.so"), Symbol(b"V2"), Symbol(b"V3")]
    library = File(SHARED, [], [*[Symbol(n.text, 0x10 | n.kind, 1, n.value, 77) for n in mine], *extra])
    data, stroff, strsize = library.contents()
    versym = struct.pack(f"<{len(library.symbols)}H", 0, *[n.version for n in mine], 1, 1, 1)
    offsets = [data.index(b"\0" + text + b"\0", stroff) + 1 - stroff for text in (b"libx.so", b"V2", b"V3")]
    library.headers = versym + verdef(offsets)
    library.shared = {"versym": len(data), "verdef": len(data) + len(versym), "verdef_count": 3, "used": 1}
    library.shared["verdef_size"] = 3 * 28
    world = World([program, library])
    for number, name in enumerate(wanted):
        row = world.symbol(name.text)
        row.flags, row.value = name.flags, name.value
        if name.place == "object":
            row.file, row.sym, row.section = 0, 1 + number, world.section_id(0, 1)
        elif name.place == "shared":
            row.file, row.sym = 1, 1 + mine.index(name)
    return world


def build(world: World, pool: Pool, versions: bool = True) -> tuple[DynamicSymbols, dict[str, bytes]]:
    """All sections of one output whose part 5 lies in section 7, and whose .bss is section 9."""
    views = world.views()
    symbols = DynamicSymbols(pool, views, True, True)
    symbols.add_string(b"libx.so")
    if versions:
        symbols.define_versions(b"out.so", [(b"N1", []), (b"N2", [b"N1"])])
    symbols.prepare([b"libx.so"])
    parts = (ctypes.c_uint32 * 8)(*[0, 0, 0, 0, 0, 7, 0, 0])
    views.place(ctypes.addressof(parts), [(0, 1 << 60, 9)], [], 0)
    contents = {}
    for section in SECTIONS:
        size = symbols.size_of(section)
        buffer = ctypes.create_string_buffer(b"\xee" * (size + 8), size + 8)
        if size:
            symbols.write(section, ctypes.addressof(buffer))
        assert buffer.raw[size:] == b"\xee" * 8, f"{section} is longer than it says"
        contents[section] = buffer.raw[:size]
    return symbols, contents


def text_at(strings: bytes, offset: int) -> bytes:
    return strings[offset : strings.index(b"\0", offset)]


def rows_of(contents: dict[str, bytes]) -> list[tuple[bytes, int, int, int, int, int]]:
    """(name, info, other, section, value, size) of each entry of .dynsym."""
    rows = struct.iter_unpack("<IBBHQQ", contents[".dynsym"])
    return [(text_at(contents[".dynstr"], row[0]), *row[1:]) for row in rows]


def expected_class(name: Name) -> str:
    if name.flags & EXPORTED or (name.place == "shared" and name.flags & (COPY | CANONICAL)):
        return "hashed"
    return "undefined" if name.place != "object" and name.flags & IMPORTED and name.flags & REF else ""


def expected_row(name: Name) -> tuple[bytes, int, int, int, int, int]:
    """The twin: what must stand in .dynsym."""
    bare = name.text.split(b"@")[0]
    if name.place == "object" or name.flags & COPY:
        binding = 10 if name.flags & C["SYM_UNIQUE"] else 2 if name.flags & WEAK else 1
        other = 3 if name.flags & C["SYM_PROTECTED"] else 0
        section, size = (7, name.value & 255) if name.place == "object" else (9, 77)
        return bare, binding << 4 | name.kind, other, section, name.value, size
    kind = 0 if name.place == "nowhere" else FUNC if name.kind == IFUNC else name.kind
    value = name.value if name.flags & CANONICAL else 0
    return bare, (1 if name.flags & STRONG else 2) << 4 | kind, 0, 0, value, 0


@given(names())
def test_symbols_are_those_of_the_twin_in_its_order(wanted: list[Name]) -> None:
    _, contents = build(world_of(wanted), POOLS[0])

    undefined = [expected_row(name) for name in wanted if expected_class(name) == "undefined"]
    hashed = [expected_row(name) for name in wanted if expected_class(name) == "hashed"]
    buckets = len(hashed) // 4 | 1
    hashed.sort(key=lambda row: hashing.gnu_hash(row[0].decode()) % buckets)
    assert rows_of(contents) == [(b"", 0, 0, 0, 0, 0), *undefined, *hashed]


@given(names())
def test_hash_tables_find_every_definition(wanted: list[Name]) -> None:
    _, contents = build(world_of(wanted), POOLS[1])

    names_ = [row[0].decode() for row in rows_of(contents)]
    undefined = sum(expected_class(name) == "undefined" for name in wanted)
    for index in range(1, len(names_)):
        assert hashing.sysv_finds(contents[".hash"], names_, index)
        assert hashing.gnu_finds(contents[".gnu.hash"], names_, index) == (index > undefined)


@given(names())
def test_bytes_do_not_depend_on_threads(wanted: list[Name]) -> None:
    world = world_of(wanted)

    assert build(world, POOLS[0])[1] == build(world, POOLS[1])[1]


@given(names())
def test_strings_stand_once(wanted: list[Name]) -> None:
    _, contents = build(world_of(wanted), POOLS[0])

    strings = contents[".dynstr"].split(b"\0")[1:-1]
    in_names = [text for text in strings if text not in (b"libx.so", b"N1", b"N2", b"V2", b"V3", b"out.so")]
    assert len(in_names) == len(set(in_names))
    assert contents[".dynstr"][:1] == b"\0"
