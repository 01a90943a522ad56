"""The dynamic symbol tables: the kernel against a plain twin, on tables made by hand."""

from __future__ import annotations

import ctypes
import struct
from typing import NamedTuple

import hashing
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tables import File, Section, Symbol, World, constants, fault_code

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


EXPORTED, IMPORTED, STRONG = C["SYM_EXPORTED"], C["SYM_IMPORTED"], C["SYM_STRONG_REF"]
REF = C["SYM_REF"] | C["NEEDS_GOT"]  # a reference from live code
COPY, CANONICAL, WEAK = C["NEEDS_COPY"], C["NEEDS_CANONICAL"], C["SYM_WEAK_DEF"]
FLAGS = {
    "object": [0, EXPORTED, EXPORTED | WEAK, EXPORTED | C["SYM_PROTECTED"], EXPORTED | C["SYM_UNIQUE"]],
    "shared": [
        0,
        IMPORTED,
        IMPORTED | REF,
        IMPORTED | REF | STRONG,
        IMPORTED | REF | STRONG | COPY,
        CANONICAL,
    ],
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
        found.append(
            Name(text.encode() + suffix, place, flags, kind, draw(st.integers(1, 1 << 40)), draw(VERSION))
        )
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
    symbols = [
        Symbol(n.text, info[n.place](n), int(n.place == "object"), n.value, n.value & 255) for n in wanted
    ]
    program = File(OBJECT, [], symbols)
    program.sections = [Section(part=5)]
    mine = [n for n in wanted if n.place == "shared"]
    extra = [Symbol(b"libx.so"), Symbol(b"V2"), Symbol(b"V3")]
    library = File(SHARED, [], [*[Symbol(n.text, 0x10 | n.kind, 1, n.value, 77) for n in mine], *extra])
    data, stroff, _ = library.contents()
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
        symbols.define_versions(b"out.so", [(b"N1", [], True), (b"N2", [b"N1"], True)])
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
    return (
        "undefined"
        if name.place != "object" and name.flags & IMPORTED and name.flags & C["NEEDS_GOT"]
        else ""
    )


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


class Requirement(NamedTuple):
    """One entry of .gnu.version_r: soname, version, flags, index."""

    soname: bytes
    version: bytes
    flags: int
    index: int


def requirements(contents: dict[str, bytes]) -> list[Requirement]:
    """.gnu.version_r, followed as the loader follows it; hashes are checked on the way."""
    table, strings = contents[".gnu.version_r"], contents[".dynstr"]
    found = []
    entry = 0
    while table:
        version, count, file, aux, following = struct.unpack_from("<HHIII", table, entry)
        assert version == 1
        at = entry + aux
        for number in range(count):
            value, flags, index, name, step = struct.unpack_from("<IHHII", table, at)
            assert value == hashing.sysv_hash(text_at(strings, name).decode())
            assert bool(step) == (number + 1 < count)
            found.append(Requirement(text_at(strings, file), text_at(strings, name), flags, index))
            at += step
        if not following:
            break
        entry += following
    return found


def definitions(contents: dict[str, bytes]) -> list[tuple[int, int, list[bytes]]]:
    """.gnu.version_d: (index, flags, name and parents) of each entry; hashes are checked on the way."""
    table, strings = contents[".gnu.version_d"], contents[".dynstr"]
    found = []
    entry = 0
    while table:
        version, flags, index, count, value, aux, following = struct.unpack_from("<HHHHIII", table, entry)
        assert version == 1
        texts = []
        at = entry + aux
        for _ in range(count):
            name, step = struct.unpack_from("<II", table, at)
            texts.append(text_at(strings, name))
            at += step
        assert value == hashing.sysv_hash(texts[0].decode())
        found.append((index, flags, texts))
        if not following:
            break
        entry += following
    return found


def shared_name(text: bytes, version: int, flags: int = IMPORTED | REF | STRONG) -> Name:
    return Name(text, "shared", flags | DEFINED_BY["shared"], FUNC, 0, version)


def exported_name(text: bytes) -> Name:
    return Name(text, "object", EXPORTED | DEFINED_BY["object"], FUNC, 1)


def versym(contents: dict[str, bytes]) -> dict[bytes, int]:
    halves = struct.unpack(f"<{len(contents['.gnu.version']) // 2}H", contents[".gnu.version"])
    return {row[0]: half for row, half in zip(rows_of(contents), halves, strict=True)}


@given(names(), st.booleans())
def test_versions_are_those_of_the_definitions(wanted: list[Name], with_nodes: bool) -> None:
    _, contents = build(world_of(wanted), POOLS[1], with_nodes)

    bound = [
        name
        for name in wanted
        if expected_class(name) and name.place == "shared" and name.version & 0x7FFF > 1
    ]
    needed = {}
    for index, version in ((2, b"V2"), (3, b"V3")):
        users = [name for name in bound if name.version & 0x7FFF == index]
        if users:
            weak = not any(name.flags & STRONG for name in users)
            number = (4 if with_nodes else 2) + len(needed)
            needed[index] = Requirement(b"libx.so", version, 2 * weak, number)
    assert requirements(contents) == list(needed.values())
    if contents[".gnu.version"]:
        expected = {name.text.split(b"@")[0]: needed[name.version & 0x7FFF].index for name in bound}
        found = versym(contents)
        assert all(found[name] == number for name, number in expected.items())
        assert {found[name] for name in set(found) - set(expected) - {b""}} <= {1}


def test_nothing_versioned_needs_no_version_sections() -> None:
    _, contents = build(world_of([shared_name(b"f", 1), exported_name(b"g")]), POOLS[0], versions=False)

    assert not any(contents[section] for section in SECTIONS[-3:])


def test_version_definitions_name_their_parents() -> None:
    _, contents = build(world_of([]), POOLS[0])

    assert definitions(contents) == [(1, 1, [b"out.so"]), (2, 0, [b"N1"]), (3, 0, [b"N2", b"N1"])]


def test_export_has_the_version_that_exports_gave_it() -> None:
    world = world_of([exported_name(b"f"), exported_name(b"f@N1"), exported_name(b"g")])
    world.versions[world.ids[b"f"]] = 3
    world.versions[world.ids[b"f@N1"]] = 2 | 0x8000

    _, contents = build(world, POOLS[0])

    halves = struct.unpack("<4H", contents[".gnu.version"])
    assert sorted(zip([row[0] for row in rows_of(contents)], halves, strict=True)) == [
        (b"", 0), (b"f", 3), (b"f", 0x8002), (b"g", 1),
    ]  # fmt: skip
    assert contents[".dynstr"].count(b"\0f\0") == 1


def test_required_version_without_symbols_is_added_to_its_file() -> None:
    world = world_of([shared_name(b"f", 2, IMPORTED | REF)])
    symbols = DynamicSymbols(POOLS[0], world.views(), True, False)
    symbols.require_version(b"libx.so", b"GLIBC_ABI_DT_RELR")
    symbols.prepare([b"libx.so"])
    size = symbols.size_of(".gnu.version_r")
    table = ctypes.create_string_buffer(size)
    strings = ctypes.create_string_buffer(symbols.size_of(".dynstr"))
    symbols.write(".gnu.version_r", ctypes.addressof(table))
    symbols.write(".dynstr", ctypes.addressof(strings))

    found = requirements({".gnu.version_r": table.raw, ".dynstr": strings.raw})

    assert found == [
        Requirement(b"libx.so", b"GLIBC_ABI_DT_RELR", 0, 2),
        Requirement(b"libx.so", b"V2", 2, 3),
    ]
    assert symbols.size_of(".hash") == 0


def test_library_that_is_not_recorded_requires_no_version() -> None:
    wanted = [shared_name(b"f", 2, IMPORTED | REF)]
    world = world_of(wanted)
    world.types["SharedRow"].from_address(world.view_files.shared).used = 0

    _, contents = build(world, POOLS[0], versions=False)

    assert [row[0] for row in rows_of(contents)] == [b"", b"f"]
    assert contents[".gnu.version_r"] == b""


def test_index_in_dynsym_is_noted_at_the_symbol() -> None:
    wanted = [exported_name(b"f"), shared_name(b"g", 1), exported_name(b"h")]
    world = world_of(wanted)

    _, contents = build(world, POOLS[0])

    rows = rows_of(contents)
    assert all(rows[world.symbol(name.text).dynsym][0] == name.text for name in wanted)


@pytest.mark.parametrize(
    ("offset", "value", "code"),
    [
        (-28 * 2 + 16, 0x7000, 122),  # vd_next of the second leads out of the section
        (-28 * 2 + 12, 0x7000, 122),  # vd_aux
        (-28 * 2 + 20, 0x7000, 123),  # vda_name
        (-28 * 2 + 4, 9, 124),  # vd_ndx: no definition of version 2 is left
    ],
)
def test_damaged_version_definitions_are_a_fault(offset: int, value: int, code: int) -> None:
    world = world_of([shared_name(b"f", 2), shared_name(b"g", 3)])
    base = ctypes.c_uint64.from_address(world.view_files.base + 8).value
    place = base + world.file_rows[1].size + offset
    if code == 124:
        ctypes.c_uint16.from_address(place).value = value
    else:
        ctypes.c_uint32.from_address(place).value = value

    with pytest.raises(KernelFault) as fault:
        build(world, POOLS[0])

    assert fault.value.args[:2] == (code, 1)


def test_version_of_a_library_without_definitions_is_a_fault() -> None:
    world = world_of([shared_name(b"f", 2)])
    world.types["SharedRow"].from_address(world.view_files.shared).verdef = 0

    assert fault_code(lambda: build(world, POOLS[0], versions=False)) == 124


def test_cycle_of_version_definitions_ends() -> None:
    world = world_of([shared_name(b"f", 2)])
    base = ctypes.c_uint64.from_address(world.view_files.base + 8).value
    ctypes.c_uint32.from_address(base + world.file_rows[1].size - 28 * 2 + 16).value = 0xFFFFFFE4

    with pytest.raises(KernelFault):
        build(world, POOLS[0])


@given(names(), st.data())
def test_damaged_versions_are_a_fault_or_other_versions(wanted: list[Name], draw: st.DataObject) -> None:
    world = world_of(wanted)
    size = world.file_rows[1].size
    base = ctypes.c_uint64.from_address(world.view_files.base + 8).value
    for _ in range(draw.draw(st.integers(1, 4))):
        place = draw.draw(st.integers(size - len(world.files[1].headers), size - 1))
        ctypes.c_uint8.from_address(base + place).value = draw.draw(st.integers(0, 255))

    assert fault_code(lambda: build(world, POOLS[0])) in (0, 122, 123, 124)


def test_many_symbols_are_sorted_by_bucket_in_every_partition() -> None:
    wanted = [exported_name(b"name%d" % number) for number in range(30_000)]

    _, contents = build(world_of(wanted), POOLS[1])

    buckets = len(wanted) // 4 | 1
    expected = sorted(wanted, key=lambda name: hashing.gnu_hash(name.text.decode()) % buckets)
    assert [row[0] for row in rows_of(contents)[1:]] == [name.text for name in expected]


def test_tls_values_are_offsets_in_the_template() -> None:
    name = exported_name(b"t")._replace(
        kind=TLS, flags=EXPORTED | DEFINED_BY["object"] | C["SYM_TLS"], value=0x5010
    )
    world = world_of([name])
    views = world.views()
    symbols = DynamicSymbols(POOLS[0], views, True, False)
    symbols.prepare([b"libx.so"])
    parts = (ctypes.c_uint32 * 8)(*[7] * 8)
    views.place(ctypes.addressof(parts), [], [(0x5000, 0x6000, 4)], 0x5000)
    table = ctypes.create_string_buffer(symbols.size_of(".dynsym"))

    symbols.write(".dynsym", ctypes.addressof(table))

    assert struct.unpack_from("<IBBHQQ", table, 24)[3:5] == (7, 0x10)


@pytest.mark.parametrize(
    ("address", "section"), [(0x900, 3), (0x1000, 3), (0x1FFF, 3), (0x2000, 4), (0x2800, 4), (0x9000, 5)]
)
def test_section_of_linker_symbols_is_found_by_address(address: int, section: int) -> None:
    world = world_of([exported_name(b"_end")._replace(value=address)])
    world.symbol(b"_end").section = 0
    views = world.views()
    symbols = DynamicSymbols(POOLS[0], views, True, False)
    symbols.prepare([b"libx.so"])
    views.place(0, [(0x1000, 0x2000, 3), (0x2000, 0x2400, 4), (0x3000, 0x8000, 5)], [], 0)
    table = ctypes.create_string_buffer(symbols.size_of(".dynsym"))

    symbols.write(".dynsym", ctypes.addressof(table))

    assert struct.unpack_from("<IBBHQQ", table, 24)[3] == section


def test_string_added_twice_stands_once_and_none_can_come_late() -> None:
    symbols = DynamicSymbols(POOLS[0], world_of([]).views(), True, True)

    assert symbols.add_string(b"") == 0
    assert symbols.add_string(b"libc.so.6") == symbols.add_string(b"libc.so.6") == 1
    assert symbols.add_string(b"$ORIGIN") == 11

    symbols.prepare([b""])
    assert symbols.add_string(b"$ORIGIN") == 11
    with pytest.raises(RuntimeError, match="too late"):
        symbols.add_string(b"new")


def test_symbols_of_the_linker_are_not_weak_in_the_output() -> None:
    world = World([File(C["FILE_INTERNAL"], [], [Symbol(b"_end", 0x20, 0xFFF1)])])
    row = world.symbol(b"_end")
    row.flags, row.file, row.sym = EXPORTED | WEAK | C["SYM_OBJECT_DEF"], 0, 1

    _, contents = build(world, POOLS[0])

    assert rows_of(contents)[1] == (b"_end", 0x10, 0, 9, 0, 0)
