"""The tables of earlier passes together, for the passes that write symbol tables, and where sections are.

Here, too, is the one loop those passes share: listing chosen names in input order.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint16_t, uint32_t, uint64_t
from cython.cimports.wild.kernels.cc import ctz64, set_bits32
from cython.cimports.wild.kernels.elf import U32
from cython.cimports.wild.kernels.files import Inputs
from cython.cimports.wild.kernels.names import NameTable
from cython.cimports.wild.kernels.pool import Arena, Pool
from cython.cimports.wild.kernels.resolve import Resolution
from cython.cimports.wild.kernels.sections import SectionTable
from cython.cimports.wild.kernels.tables import (
    SHARDS,
    Files,
    Names,
    Sections,
    SymbolRow,
)
from cython.cimports.wild.kernels.views import Choose, Chosen, CommonSize, Place, Tables, popcount32

WORDS = cython.declare(cython.const[int64_t], 1024)  # of bits in a block of `names_in_order`

Order = cython.struct(
    tables=cython.pointer[Tables],
    choose=Choose,
    words=int64_t,
    blocks=int64_t,
    bits=cython.pointer[uint32_t],
    start=cython.pointer[uint32_t],
    name=cython.pointer[uint32_t],
)


@cython.final
@cython.cclass
class Views:
    """Where the tables are.  Made by `Views.of` when resolution is final; `place` completes it."""

    def __cinit__(self):
        self.arena = Arena()

    @staticmethod
    def of(inputs: Inputs, names: NameTable, resolution: Resolution, sections: SectionTable):
        """The tables of these passes, which are kept alive."""
        views = Views()
        views.owners = (inputs, names, resolution, sections)
        tables = cython.address(views.tables)
        tables.files = inputs.view
        tables.names = names.view
        tables.symbol = resolution.view.row
        tables.version = resolution.view.version
        tables.sections = sections.view
        size: uint64_t = 2
        while size < 2 * cython.cast(uint64_t, resolution.common_count):
            size *= 2
        tables.common_mask = size - 1
        tables.common = cython.cast(
            cython.pointer[CommonSize], views.arena.array(size, cython.sizeof(CommonSize))
        )
        i: int64_t
        for i in range(resolution.common_count):
            common = cython.address(resolution.commons[i])
            at: uint64_t = common_slot(tables, common.name)
            tables.common[at].name = common.name
            tables.common[at].size = common.size
        return views

    @staticmethod
    def at(owner, files: int, names: int, symbols: int, versions: int, sections: int):
        """The same from addresses of a Files, a Names, SymbolRows, versions by NameId (or 0) and a Sections.

        `owner` is kept alive.
        """
        views = Views()
        views.owners = owner
        tables = cython.address(views.tables)
        tables.files = cython.cast(cython.pointer[Files], cython.cast(uint64_t, files))[0]
        tables.names = cython.cast(cython.pointer[Names], cython.cast(uint64_t, names))[0]
        tables.symbol = cython.cast(cython.pointer[SymbolRow], cython.cast(uint64_t, symbols))
        tables.version = cython.cast(cython.pointer[uint16_t], cython.cast(uint64_t, versions))
        tables.sections = cython.cast(cython.pointer[Sections], cython.cast(uint64_t, sections))[0]
        return views

    def place(self, part_shndx: int, places: list, tls_places: list, tls_start: int):
        """Say where the output is.

        `part_shndx` is the address of uint32 section indices by PartId; `places` are (start, end, section
        index) of the sections in memory, ascending by address, without .tbss; `tls_places` those of the TLS
        template.
        """
        tables = cython.address(self.tables)
        tables.part_shndx = cython.cast(
            cython.pointer[cython.const[uint32_t]], cython.cast(uint64_t, part_shndx)
        )
        tables.place = copy_places(self.arena, places)
        tables.places = len(places)
        tables.tls_place = copy_places(self.arena, tls_places)
        tables.tls_places = len(tls_places)
        tables.tls_start = tls_start

    def place_own(self, pairs: list):
        """Say in which output sections a script assigns its symbols: (symbol index in file 0, section index) each."""
        tables = cython.address(self.tables)
        count: uint32_t = tables.files.row[0].nsyms
        tables.own_shndx = cython.cast(cython.pointer[uint32_t], self.arena.array(count, 4))
        for symbol, shndx in pairs:
            if 0 <= symbol < count:
                tables.own_shndx[cython.cast(uint32_t, symbol)] = shndx


@cython.cfunc
@cython.exceptval(check=True)
def copy_places(arena: Arena, places: list) -> cython.pointer[Place]:
    rows = cython.cast(cython.pointer[Place], arena.array(len(places), cython.sizeof(Place)))
    i: int64_t
    for i in range(len(places)):
        rows[i].start, rows[i].end, rows[i].shndx = places[i]
    return rows


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def common_size(tables: cython.pointer[Tables], name: uint32_t, other: uint64_t) -> uint64_t:
    """Bytes of a common symbol; `other` when it is not known as one."""
    if tables.common is cython.NULL:
        return other
    at: uint64_t = common_slot(tables, name)
    return tables.common[at].size if tables.common[at].name else other


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def common_slot(tables: cython.pointer[Tables], name: uint32_t) -> uint64_t:
    """Where a common symbol's size stands, or is to be put."""
    at: uint64_t = (name * cython.cast(uint64_t, 0x9E3779B1)) & tables.common_mask
    while tables.common[at].name and tables.common[at].name != name:
        at = (at + 1) & tables.common_mask
    return at


@cython.cfunc
@cython.exceptval(-1, check=False)
def names_in_order(
    pool: Pool, arena: Arena, tables: cython.pointer[Tables], choose: Choose, chosen: cython.pointer[Chosen]
) -> cython.int:
    """The names to which `choose` gives a class (1 or 2), class by class, in input order.

    The order needs no sort: each name sets the bit of its first GlobalId, and the bits are read in order.
    """
    order = cython.declare(Order)
    order.tables = tables
    order.choose = choose
    words: int64_t = tables.files.globals // 32 + 1
    blocks: int64_t = (words + WORDS - 1) // WORDS
    order.words = words
    order.blocks = blocks
    scratch: Arena = Arena()
    order.bits = cython.cast(U32, scratch.array(2 * words, 4))
    order.start = cython.cast(U32, scratch.array(2 * blocks, 4))
    pool.run(mark_names, cython.address(order), SHARDS, 1)
    pool.run(count_names, cython.address(order), 2 * blocks, 4)
    total: uint32_t = 0
    block: int64_t
    for block in range(2 * blocks):
        count: uint32_t = order.start[block]
        order.start[block] = total
        total += count
    chosen.first_class = order.start[blocks]
    chosen.total = total
    chosen.name = cython.cast(U32, arena.array(total, 4))
    order.name = chosen.name
    pool.run(list_names, cython.address(order), 2 * blocks, 4)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def mark_names(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    order = cython.cast(cython.pointer[Order], context)
    names = cython.address(order.tables.names)
    shard: int64_t
    name: uint32_t
    for shard in range(begin, end):
        for name in range(names.start[shard], names.start[shard] + names.count[shard]):
            kind: cython.int = order.choose(order.tables, name)
            if kind:
                first: uint32_t = names.row[name].first
                bit: uint32_t = cython.cast(uint32_t, 1) << (first & 31)
                set_bits32(order.bits + (kind - 1) * order.words + (first >> 5), bit)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def block_of_words(order: cython.pointer[Order], block: int64_t, begin: cython.pointer[int64_t]) -> int64_t:
    """How many words of bits a block has, and the first; the blocks of class 2 follow those of class 1."""
    local: int64_t = block % order.blocks
    begin[0] = (block // order.blocks) * order.words + local * WORDS
    return min(WORDS, order.words - local * WORDS)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def count_names(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    order = cython.cast(cython.pointer[Order], context)
    word: int64_t = 0
    block: int64_t
    i: int64_t
    for block in range(begin, end):
        count: uint32_t = 0
        words: int64_t = block_of_words(order, block, cython.address(word))
        for i in range(words):
            count += popcount32(order.bits[word + i])
        order.start[block] = count
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def list_names(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    order = cython.cast(cython.pointer[Order], context)
    of: U32 = order.tables.names.of
    word: int64_t = 0
    block: int64_t
    i: int64_t
    for block in range(begin, end):
        at: uint32_t = order.start[block]
        first: uint32_t = cython.cast(uint32_t, block % order.blocks * WORDS * 32)
        words: int64_t = block_of_words(order, block, cython.address(word))
        for i in range(words):
            bits: uint32_t = order.bits[word + i]
            while bits:
                order.name[at] = of[first + ctz64(bits)]
                at += 1
                bits &= bits - 1
            first += 32
    return 0
