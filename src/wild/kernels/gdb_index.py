""".gdb_index: a hash table of names that lets gdb open a program without reading its debug information.

The format is that of the gdb manual, "Index Section Format", version 8: lists of compilation and type units, a list
of address ranges, a hash table from names to vectors of units, and a pool that holds vectors and names.  Names come
from the sets that compilers write under -ggnu-pubnames (gdb_names.py), addresses from each unit's first entry
(dwarf_units.py).  gdb believes the index: a name that is not in it is not found.  So there is none if a unit with code
has no set of names.

All of it is read from the finished output, whose addresses and offsets are final.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.libc.string import memset
from cython.cimports.wild.kernels.dwarf import *
from cython.cimports.wild.kernels.dwarf_units import read_units, unit_ranges
from cython.cimports.wild.kernels.elf import MutableBytes, read32, write32, write64
from cython.cimports.wild.kernels.gdb_names import *
from cython.cimports.wild.kernels.output import Output
from cython.cimports.wild.kernels.pool import Arena, Pool

VERSION = cython.declare(cython.const[uint32_t], 8)
HEADER = cython.declare(cython.const[uint64_t], 24)
LARGEST = cython.declare(cython.const[uint64_t], 0xFFFFFFFF)


@cython.final
@cython.cclass
class GdbIndex:
    """The index of the debug information in `output`; `places` are (offset, size) of its sections by name."""

    arena: Arena
    output: Output
    view: Index
    code_units: uint64_t
    type_units: uint64_t
    slots: uint64_t
    pool_size: uint64_t

    def __cinit__(self, output: Output, places: dict):
        self.arena = Arena()
        self.output = output
        dwarf = cython.address(self.view.dwarf)
        dwarf.info = self.content(places, ".debug_info")
        dwarf.types = self.content(places, ".debug_types")
        dwarf.abbrev = self.content(places, ".debug_abbrev")
        dwarf.addr = self.content(places, ".debug_addr")
        dwarf.ranges = self.content(places, ".debug_ranges")
        dwarf.rnglists = self.content(places, ".debug_rnglists")
        dwarf.pubnames = self.content(places, ".debug_gnu_pubnames")
        dwarf.pubtypes = self.content(places, ".debug_gnu_pubtypes")

    @cython.cfunc
    @cython.exceptval(check=False)
    def content(self, places: dict, name: str) -> Content:
        found = cython.declare(Content)
        offset, size = places.get(name, (0, 0))
        found.at = self.output.base + cython.cast(uint64_t, offset)
        found.size = size
        return found

    def build(self, pool: Pool) -> str:
        """Read everything and find the size; returns why there can be no index, else an empty text."""
        view = cython.address(self.view)
        if not self.take_units(pool):
            return "its debug information cannot be read"
        sets: int64_t = read_sets(view, cython.address(view.dwarf.pubnames), cython.NULL)
        types: int64_t = read_sets(view, cython.address(view.dwarf.pubtypes), cython.NULL)
        if sets < 0 or types < 0:
            return "its .debug_gnu_pubnames or .debug_gnu_pubtypes cannot be read"
        view.sets = sets + types
        view.set = cython.cast(cython.pointer[NameSet], self.arena.array(view.sets, cython.sizeof(NameSet)))
        read_sets(view, cython.address(view.dwarf.pubnames), view.set)
        read_sets(view, cython.address(view.dwarf.pubtypes), view.set + sets)
        i: int64_t
        for i in range(view.info_units):
            unit = cython.address(view.unit[i])
            if unit.kind == UNIT_CODE and unit.ranges and not unit.named:
                return "not all of it was compiled with -ggnu-pubnames"
        self.take_names(pool)
        if self.size > LARGEST:
            return "it would have more than 4 GiB"
        return ""

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def take_units(self, pool: Pool) -> cython.bint:
        """Rows of all units, and the addresses of those with code."""
        view = cython.address(self.view)
        info: int64_t = read_units(cython.address(view.dwarf.info), False, cython.NULL)
        types: int64_t = read_units(cython.address(view.dwarf.types), True, cython.NULL)
        if info < 0 or types < 0:
            return False
        view.info_units = info
        view.units = info + types
        view.unit = cython.cast(cython.pointer[UnitRow], self.arena.array(view.units, cython.sizeof(UnitRow)))
        read_units(cython.address(view.dwarf.info), False, view.unit)
        read_units(cython.address(view.dwarf.types), True, view.unit + info)
        i: int64_t
        for i in range(view.units):
            if view.unit[i].kind == UNIT_CODE:
                view.unit[i].index = cython.cast(uint32_t, self.code_units)
                self.code_units += 1
            else:
                view.unit[i].index = cython.cast(uint32_t, self.type_units)
                self.type_units += 1
        pool.run(count_ranges, view, info, 16)
        for i in range(info):
            if view.unit[i].bad:
                return False
            view.unit[i].first_range = view.addresses
            view.addresses += view.unit[i].ranges
        view.address = cython.cast(
            cython.pointer[AddressRow], self.arena.array(view.addresses, cython.sizeof(AddressRow))
        )
        pool.run(list_ranges, view, info, 16)
        return self.code_units < 1 << 24

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def take_names(self, pool: Pool) -> cython.int:
        """All mentions of names, sorted by shard; then the places of what is written about each."""
        view = cython.address(self.view)
        pool.run(count_sets, view, view.sets, 8)
        i: int64_t
        for i in range(view.sets):
            view.set[i].first = view.entries
            view.entries += view.set[i].count
        size: uint64_t = cython.sizeof(NameEntry)
        view.entry = cython.cast(cython.pointer[NameEntry], self.arena.array(view.entries, size))
        view.sorted = cython.cast(cython.pointer[NameEntry], self.arena.array(view.entries, size))
        pool.run(fill_sets, view, view.sets, 8)
        with cython.nogil:
            deal_entries(view)
        pool.run(sort_shards, view, NAME_SHARDS, 1)
        names: uint64_t = 0
        at: uint64_t = 0
        for i in range(NAME_SHARDS):
            view.shard[i].first_name = names
            view.shard[i].vectors_at = at
            names += view.shard[i].names
            at += view.shard[i].vectors
        for i in range(NAME_SHARDS):
            view.shard[i].bytes_at = at
            at += view.shard[i].bytes
        self.pool_size = at
        view.name = cython.cast(cython.pointer[NameSlot], self.arena.array(names, cython.sizeof(NameSlot)))
        self.slots = 1024
        while self.slots * 3 < names * 4:
            self.slots *= 2
        return 0

    @property
    def size(self):
        """Bytes of the section."""
        return self.pool_at() + self.pool_size

    @cython.cfunc
    @cython.exceptval(check=False)
    def pool_at(self) -> uint64_t:
        lists: uint64_t = 16 * self.code_units + 24 * self.type_units + 20 * self.view.addresses
        return HEADER + lists + 8 * self.slots

    def write(self, pool: Pool, to: int):
        """Fill `size` bytes at an address."""
        view = cython.address(self.view)
        base = cython.cast(MutableBytes, cython.cast(uint64_t, to))
        units: uint64_t = HEADER + 16 * self.code_units
        addresses: uint64_t = units + 24 * self.type_units
        table: uint64_t = addresses + 20 * view.addresses
        write32(base, VERSION)
        write32(base + 4, HEADER)
        write32(base + 8, cython.cast(uint32_t, units))
        write32(base + 12, cython.cast(uint32_t, addresses))
        write32(base + 16, cython.cast(uint32_t, table))
        write32(base + 20, cython.cast(uint32_t, self.pool_at()))
        view.pool = base + self.pool_at()
        pool.run(write_shards, view, NAME_SHARDS, 1)
        with cython.nogil:
            write_units(view, base + HEADER, base + units)
            write_addresses(view, base + addresses)
            memset(base + table, 0, 8 * self.slots)
            write_table(view, base + table, self.slots - 1)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def count_ranges(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    index = cython.cast(IndexPtr, context)
    i: int64_t
    for i in range(begin, end):
        if index.unit[i].kind == UNIT_CODE:
            index.unit[i].ranges = unit_ranges(
                cython.address(index.dwarf), cython.address(index.unit[i]), cython.NULL
            )
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def list_ranges(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    index = cython.cast(IndexPtr, context)
    i: int64_t
    for i in range(begin, end):
        unit = cython.address(index.unit[i])
        if unit.ranges:
            unit_ranges(cython.address(index.dwarf), unit, index.address + unit.first_range)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def deal_entries(index: IndexPtr) -> cython.void:
    """Sort the entries, stably, by shard."""
    i: int64_t
    at: int64_t = 0
    for i in range(NAME_SHARDS):
        index.shard[i].count = index.shard[i].filled = 0
    for i in range(index.entries):
        index.shard[index.entry[i].hash >> 58].count += 1
    for i in range(NAME_SHARDS):
        index.shard[i].first = at
        at += index.shard[i].count
    for i in range(index.entries):
        shard = cython.address(index.shard[index.entry[i].hash >> 58])
        index.sorted[shard.first + shard.filled] = index.entry[i]
        shard.filled += 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def write_units(index: IndexPtr, code: MutableBytes, types: MutableBytes) -> cython.void:
    i: int64_t
    for i in range(index.units):
        unit = cython.address(index.unit[i])
        if unit.kind == UNIT_CODE:
            write64(code, unit.offset)
            write64(code + 8, unit.size)
            code += 16
        else:
            write64(types, unit.offset)
            write64(types + 8, unit.type_offset)
            write64(types + 16, unit.signature)
            types += 24


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def write_addresses(index: IndexPtr, to: MutableBytes) -> cython.void:
    i: uint64_t
    for i in range(index.addresses):
        write64(to, index.address[i].low)
        write64(to + 8, index.address[i].high)
        write32(to + 16, index.address[i].unit)
        to += 20


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def write_table(index: IndexPtr, table: MutableBytes, mask: uint64_t) -> cython.void:
    """Open addressing with the step that gdb looks with; an empty slot is all zeros.

    A name whose vector and text were both at offset 0 would look empty, but texts stand behind all vectors."""
    s: int64_t
    i: uint64_t
    for s in range(NAME_SHARDS):
        shard = cython.address(index.shard[s])
        for i in range(shard.first_name, shard.first_name + shard.names):
            name = cython.address(index.name[i])
            at: uint64_t = name.hash & mask
            step: uint64_t = ((cython.cast(uint32_t, name.hash * 17)) & mask) | 1
            while read32(table + 8 * at):
                at = (at + step) & mask
            write32(table + 8 * at, name.text)
            write32(table + 8 * at + 4, name.vector)
