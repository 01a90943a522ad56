"""The symbol table: the kernel against a plain twin, on tables made by hand."""

from __future__ import annotations

import ctypes
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tables import File, Section, Symbol, World, constants, fault_code

from wild.kernels.pool import KernelFault, Pool
from wild.kernels.symtab import SymbolTable

C = constants("tables")
D = constants("symslices")
NOTHING, MERGED, TEMPORARY, LOCALS = (
    D[f"DISCARD_{name}"] for name in ("NOTHING", "MERGED", "TEMPORARY", "LOCALS")
)
POOLS = [Pool(1), Pool(3)]
LIVE, LOSER, IN_TLS = C["SEC_LIVE"], C["SEC_LOSER"], C["SEC_TLS"]
HIDDEN, LOCALISED, WEAK = C["SYM_HIDDEN"], C["SYM_LOCALISED"], C["SYM_WEAK_DEF"]
REF, STRONG = C["SYM_REF"], C["SYM_STRONG_REF"]
TLS_START = 0x5000
PARTS = [0, 11, 12, 13]  # PartId -> section index
Row = tuple[bytes, int, int, int, int, int]  # name, info, other, section, value, size

SECTIONS = [
    Section(C["SEC_PLAIN"], 1, LIVE, 0x1000),
    Section(C["SEC_STRINGS"], 2, LIVE | C["SEC_MERGE"], 0x2000),
    Section(C["SEC_PLAIN"], 1, 0, 0),  # not reached
    Section(C["SEC_PLAIN"], 1, LIVE | LOSER, 0),
    Section(C["SEC_OUT"], 0, LIVE, 0),
    Section(C["SEC_PLAIN"], 3, LIVE | IN_TLS, 0x5100),
]

LOCAL_NAMES = st.sampled_from([b"", b"a", b"static_name", b".L1", b".Lfoo", b"L", b"."])
LOCALS_OF_FILE = st.lists(
    st.builds(
        Symbol,
        LOCAL_NAMES,
        st.sampled_from([0, 1, 2, 3, 4, 6]),
        st.sampled_from([0, 1, 2, 3, 4, 5, 6, 0xFFF1]),
        st.integers(0, 99),
        st.integers(0, 9),
        st.sampled_from([0, 2]),
    ),
    max_size=8,
)
GLOBALS_OF_FILE = st.lists(
    st.tuples(
        st.sampled_from([b"f", b"g", b"h", b"k@V", b"m@@V", b"n"]), st.sampled_from([0, 1, 3, 6, 0xFFF1])
    ),
    max_size=5,
    unique_by=lambda row: row[0],
)
NAME_FLAGS = st.fixed_dictionaries(
    {
        name: st.sampled_from([0, HIDDEN, LOCALISED, WEAK, REF, REF | STRONG])
        for name in (b"f", b"g", b"h", b"k@V", b"m", b"n")
    }
)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Up to four objects; the first live one that defines a name wins."""
    files = []
    for _ in range(draw(st.integers(0, 4))):
        symbols = [Symbol(name, 0x12, shndx, 5, 6) for name, shndx in draw(GLOBALS_OF_FILE)]
        files.append(File(C["FILE_OBJECT"], draw(LOCALS_OF_FILE), symbols, draw(st.booleans())))
        files[-1].sections = SECTIONS
    world = World(files)
    flags = draw(NAME_FLAGS)
    for number, file in enumerate(files):
        for index, symbol in enumerate(file.symbols[file.first_global :], file.first_global):
            name = world.mentions[world.file_rows[number].global_base + index - file.first_global][2]
            row = world.symbol(name)
            row.flags |= flags[name]
            if file.live and symbol.shndx and not row.flags & C["SYM_OBJECT_DEF"]:
                row.flags |= C["SYM_OBJECT_DEF"] | (C["SYM_ABS"] if symbol.shndx == 0xFFF1 else 0)
                row.flags |= C["SYM_TLS"] if symbol.shndx == 6 else 0
                row.file, row.sym, row.value = number, index, 0x5200 + index
                row.section = world.section_id(number, symbol.shndx) if symbol.shndx < 99 else 0
    return world


def in_output(section: Section) -> bool:
    return bool(section.part and section.flags & LIVE and not section.flags & LOSER)


def local_row(symbol: Symbol) -> Row:
    if symbol.shndx == 0xFFF1:
        return symbol.name, symbol.info, symbol.other, 0xFFF1, symbol.value, symbol.size
    section = SECTIONS[symbol.shndx - 1]
    value = section.address + symbol.value - (TLS_START if section.flags & IN_TLS else 0)
    return symbol.name, symbol.info, symbol.other, PARTS[section.part], value, symbol.size


def local_is_wanted(symbol: Symbol, discard: int) -> bool:
    if not symbol.name or symbol.info == 3 or symbol.shndx == 0 or discard == LOCALS:
        return False
    if symbol.shndx != 0xFFF1 and not in_output(SECTIONS[symbol.shndx - 1]):
        return False
    if not symbol.name.startswith(b".L"):
        return True
    return discard == NOTHING or (discard == MERGED and symbol.shndx != 2)


def global_row(world: World, name: bytes, symbol: Symbol) -> Row:
    row = world.symbol(name)
    binding = 0 if row.flags & (HIDDEN | LOCALISED) else 2 if row.flags & WEAK else 1
    value = row.value - TLS_START if row.flags & C["SYM_TLS"] else row.value
    section = 0xFFF1 if symbol.shndx == 0xFFF1 else PARTS[SECTIONS[symbol.shndx - 1].part]
    other = 2 if row.flags & HIDDEN else 0
    return symbol.name, binding << 4 | symbol.info & 15, other, section, value, symbol.size


def twin(world: World, discard: int) -> tuple[list[Row], list[Row]]:
    """Local and global entries, in order."""
    local: list[Row] = []
    others: list[Row] = []
    for number, file in enumerate(world.files):
        mine: list[Row] = []
        only_files = True
        for symbol in file.symbols[1 : file.first_global] if file.live else []:
            if symbol.info == 4 and symbol.name and symbol.shndx:
                if discard != LOCALS:
                    mine.append((symbol.name, 4, 0, 0xFFF1, 0, 0))
            elif local_is_wanted(symbol, discard):
                mine.append(local_row(symbol))
                only_files = False
        for index, symbol in enumerate(file.symbols[file.first_global :], file.first_global):
            name = world.mentions[world.file_rows[number].global_base + index - file.first_global][2]
            row = world.symbol(name)
            if not file.live or (row.file, row.sym) != (number, index):
                continue
            if symbol.shndx < 99 and not in_output(SECTIONS[symbol.shndx - 1]):
                continue
            entry = global_row(world, name, symbol)
            (others if entry[1] >> 4 else mine).append(entry)
            only_files &= bool(entry[1] >> 4)
        local += [] if only_files else mine
    for name in world.first:
        row = world.symbol(name)
        if row.flags & REF and not row.flags & C["SYM_OBJECT_DEF"]:
            kind = 2 if first_shndx(world, name) == 0 else 0
            others.append((name, (1 if row.flags & STRONG else 2) << 4 | kind, 0, 0, 0, 0))
    return local, others


def first_shndx(world: World, name: bytes) -> int:
    mention = world.first[name]
    file = world.files[world.mentions[mention][0]]
    base = world.file_rows[world.mentions[mention][0]].global_base
    return file.symbols[file.first_global + mention - base].shndx


def build(
    world: World, discard: int, pool: Pool, parts: list[int] = PARTS, only: list[bytes] | None = None
) -> tuple[Any, bytes, bytes, bytes]:
    views = world.views()
    table = SymbolTable(pool, views, discard, only)
    shndx = (ctypes.c_uint32 * len(parts))(*parts)
    views.place(ctypes.addressof(shndx), [], [], TLS_START)
    sizes = (table.size, table.string_size, 4 * table.count)
    buffers = [ctypes.create_string_buffer(b"\xee" * (size + 8), size + 8) for size in sizes]
    table.write(*[ctypes.addressof(buffer) for buffer in buffers])
    for buffer, size in zip(buffers, sizes, strict=True):
        assert buffer.raw[size:] == b"\xee" * 8
    return table, *[buffer.raw[:size] for buffer, size in zip(buffers, sizes, strict=True)]


def rows_of(symbols: bytes, strings: bytes) -> list[Row]:
    rows = struct.iter_unpack("<IBBHQQ", symbols)
    return [(strings[row[0] : strings.index(b"\0", row[0])], *row[1:]) for row in rows]


@given(worlds(), st.sampled_from([NOTHING, MERGED, TEMPORARY, LOCALS]))
def test_table_is_that_of_the_twin(world: World, discard: int) -> None:
    table, symbols, strings, _ = build(world, discard, POOLS[0])

    local, others = twin(world, discard)
    assert rows_of(symbols, strings) == [(b"", 0, 0, 0, 0, 0), *local, *others]
    assert table.first_global == 1 + len(local)


@given(worlds())
def test_bytes_do_not_depend_on_threads(world: World) -> None:
    assert build(world, MERGED, POOLS[0])[1:] == build(world, MERGED, POOLS[1])[1:]


def one_object(*local: Symbol) -> World:
    file = File(C["FILE_OBJECT"], list(local), [])
    file.sections = SECTIONS
    return World([file])


@given(worlds(), st.sets(st.sampled_from([b"f", b"g", b"m@@V", b"a", b"static_name", b".L1", b"unknown"])))
def test_only_retained_names_are_defined(world: World, retained: set[bytes]) -> None:
    _, symbols, strings, _ = build(world, NOTHING, POOLS[0], only=sorted(retained) * 2)

    local, others = twin(world, NOTHING)
    rows = rows_of(symbols, strings)[1:]
    assert [row for row in rows if row[1] & 15 != 4] == [
        row for row in [*local, *others] if row[1] & 15 != 4 and (row[0] in retained or row[3] == 0)
    ]
    assert {row[0] for row in rows if row[3]} <= retained


def test_section_index_above_the_reserved_ones_stands_in_symtab_shndx() -> None:
    world = one_object(Symbol(b"far", 2, 1), Symbol(b"abs", 0, 0xFFF1), Symbol(b"near", 2, 6))

    _, symbols, strings, extended = build(world, MERGED, POOLS[0], [0, 0x1FFF1, 2, 3])

    assert [row[3] for row in rows_of(symbols, strings)] == [0, 0xFFFF, 0xFFF1, 3]
    assert struct.unpack("<4I", extended) == (0, 0x1FFF1, 0, 0)


def test_symbols_of_split_sections_are_located_by_the_callback() -> None:
    asked = []

    @ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint64)
    def locate(context: int, section: int, offset: int) -> int:
        asked.append((context, section, offset))
        return 0x7777

    world = one_object(Symbol(b"text", 1, 2, 33), Symbol(b"plain", 1, 1, 3))
    views = world.views()
    table = SymbolTable(POOLS[0], views, MERGED)
    function = ctypes.cast(locate, ctypes.c_void_p).value
    assert function
    table.locate_with(function, 42)
    parts = (ctypes.c_uint32 * 4)(*PARTS)
    views.place(ctypes.addressof(parts), [], [], 0)
    symbols = ctypes.create_string_buffer(table.size)
    strings = ctypes.create_string_buffer(table.string_size)

    table.write(ctypes.addressof(symbols), ctypes.addressof(strings))

    assert [row[4] for row in rows_of(symbols.raw, strings.raw)] == [0, 0x7777, 0x1003]
    assert asked == [(42, world.section_id(0, 2), 33)]


def test_symbol_among_the_local_ones_is_local_whatever_it_claims() -> None:
    world = one_object(Symbol(b"claims", 0x12, 1))

    table, symbols, strings, _ = build(world, MERGED, POOLS[0])

    assert rows_of(symbols, strings)[1][:2] == (b"claims", 2)
    assert table.first_global == table.count == 2


@pytest.mark.parametrize(("shndx", "code"), [(7, 121), (0xFEFF, 121)])
def test_section_index_that_the_object_does_not_have_is_a_fault(shndx: int, code: int) -> None:
    world = one_object(Symbol(b"fine", 2, 1), Symbol(b"bad", 2, shndx))

    with pytest.raises(KernelFault) as fault:
        SymbolTable(POOLS[0], world.views(), MERGED)

    assert fault.value.args[:4] == (code, 0, 48, shndx)


def test_name_outside_the_string_table_is_a_fault() -> None:
    world = one_object(Symbol(b"name", 2, 1))
    world.file_rows[0].strsize = 1

    with pytest.raises(KernelFault) as fault:
        SymbolTable(POOLS[0], world.views(), MERGED)

    assert fault.value.args[:4] == (120, 0, 24, 1)


def test_large_objects_are_cut_and_stay_in_order() -> None:
    count = 40_000
    local = [Symbol(b"l%d" % i, 2, 1, i) for i in range(count)]
    file = File(C["FILE_OBJECT"], [Symbol(b"a.c", 4, 0xFFF1), *local], [])
    file.sections = SECTIONS

    _, symbols, strings, _ = build(World([file]), MERGED, POOLS[1])

    assert [row[0] for row in rows_of(symbols, strings)] == [b"", b"a.c", *[symbol.name for symbol in local]]


@given(st.lists(st.tuples(st.integers(24, 95), st.integers(0, 255)), min_size=1, max_size=4))
def test_damaged_local_symbols_are_a_fault_or_other_symbols(changes: list[tuple[int, int]]) -> None:
    world = one_object(Symbol(b"one", 2, 1), Symbol(b"two", 1, 2), Symbol(b"three", 4, 0xFFF1))
    base = ctypes.c_uint64.from_address(world.view_files.base).value
    for place, value in changes:
        ctypes.c_uint8.from_address(base + place).value = value

    assert fault_code(lambda: build(world, MERGED, POOLS[0])) in (0, 120, 121)
