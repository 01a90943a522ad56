"""Android's packed relocations: .rela.dyn of type SHT_ANDROID_RELA, which begins with "APS2".

All numbers are in signed LEB128.  Behind the magic stand how many relocations there are, and where counting of offsets
begins.  Then come groups: how many relocations, which GROUP_ flags, and what the flags say all of them share, in the
order of the flags; then what each has of its own.  Offsets and addends are written as the difference to the relocation
before, r_info as it is; in a group without addends these are zero, and counting begins there again (the format is
bionic's, which reads it in its linker; llvm-readelf and readers of it decode it).

Relative relocations come first, by offset.  A run of them at equal distances (a table of pointers) is a group that
shares the distance, so that only the addends are left; what lies between such runs is a group too.  The others are
grouped by r_info, so that a symbol is named once.

What is packed are the relocations that the writing kernels have put into a table of 24 bytes each, so sizes are known
only when addresses are, on which they depend.  `Trial` takes an assignment of addresses back.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint8_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import free, malloc, qsort
from cython.cimports.libc.string import memcpy
from cython.cimports.wild.kernels.elf import Elf64_Rela
from cython.cimports.wild.kernels.measure import Layout
from cython.cimports.wild.kernels.output import Output
from cython.cimports.wild.kernels.packed_rela import Packing
from cython.cimports.wild.kernels.pool import Arena
from cython.cimports.wild.kernels.tables import SectionRow, SymbolRow

ROW = cython.declare(cython.const[uint64_t], 24)
MOST = cython.declare(
    cython.const[uint64_t], 64
)  # bytes of a relocation and of the group that it is alone in
HEAD = cython.declare(cython.const[uint64_t], 32)  # magic and two numbers
R_RELATIVE = cython.declare(cython.const[uint32_t], 8)
LEAST_RUN = cython.declare(cython.const[int64_t], 8)  # at equal distances, for which a group pays

BY_INFO = cython.declare(cython.const[uint64_t], 1)  # GROUP_ flags
BY_DISTANCE = cython.declare(cython.const[uint64_t], 2)
HAS_ADDEND = cython.declare(cython.const[uint64_t], 8)


@cython.final
@cython.cclass
class PackedRela:
    """Room for `count` relocations, which are packed once they are there."""

    def __cinit__(self, count: int):
        self.arena = Arena()
        self.count = count
        self.table = cython.cast(cython.pointer[uint8_t], self.arena.array(self.count, ROW))
        self.row = cython.cast(cython.pointer[Elf64_Rela], self.arena.array(self.count, ROW))
        self.bytes = cython.cast(cython.pointer[uint8_t], self.arena.array(self.count * MOST + HEAD, 1))

    def pack(self) -> int:
        """Pack the table as it is now; returns the size in bytes."""
        packing = cython.declare(Packing)
        packing.to = self.bytes
        memcpy(self.row, self.table, self.count * ROW)
        with cython.nogil:
            pack_table(cython.address(packing), self.row, self.count)
        self.size = packing.size
        return self.size

    def write(self, output: Output, offset: int, size: int) -> None:
        """Write the packed bytes to a file offset; the rest of `size` bytes stays zero, which no reader gets to."""
        output.view(offset, size)
        memcpy(output.base + cython.cast(uint64_t, offset), self.bytes, self.size)


@cython.final
@cython.cclass
class Trial:
    """What sections and symbols are before they have addresses, to go back to."""

    def __cinit__(self, layout: Layout):
        self.layout = layout
        sections: uint64_t = layout.view.sections.count * cython.sizeof(SectionRow)
        symbols: uint64_t = layout.view.names.capacity * cython.sizeof(SymbolRow)
        self.sections = malloc(sections + symbols)
        if self.sections is cython.NULL:
            raise MemoryError("no memory for a trial of the layout")
        self.symbols = cython.cast(cython.p_char, self.sections) + sections
        memcpy(self.sections, layout.view.sections.row, sections)
        memcpy(self.symbols, layout.view.symbols, symbols)

    def undo(self) -> None:
        view = cython.address(self.layout.view)
        memcpy(view.sections.row, self.sections, view.sections.count * cython.sizeof(SectionRow))
        memcpy(view.symbols, self.symbols, view.names.capacity * cython.sizeof(SymbolRow))

    def __dealloc__(self):
        free(self.sections)


def pack_rows(rows: list) -> bytes:
    """Pack some relocations, given as (offset, r_info, addend); how a table is packed, by itself."""
    table = PackedRela(len(rows))
    place = cython.cast(cython.pointer[Elf64_Rela], table.table)
    i: int64_t
    for i in range(table.count):
        place[i].r_offset, info, addend = rows[i]
        place[i].r_type = info & 0xFFFFFFFF
        place[i].r_sym = info >> 32
        place[i].r_addend = addend
    table.pack()
    return table.bytes[: table.size]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def pack_table(
    packing: cython.pointer[Packing], row: cython.pointer[Elf64_Rela], count: int64_t
) -> cython.void:
    packing.offset = packing.addend = 0
    memcpy(packing.to, b"APS2", 4)
    packing.size = 4
    put(packing, count)
    put(packing, 0)
    qsort(row, count, ROW, compare)
    relatives: int64_t = 0
    while relatives < count and is_relative(row + relatives):
        relatives += 1
    pack_relatives(packing, row, relatives)
    i: int64_t = relatives
    while i < count:
        end: int64_t = i + 1
        addends: cython.bint = row[i].r_addend != 0
        while end < count and row[end].r_type == row[i].r_type and row[end].r_sym == row[i].r_sym:
            addends = addends or row[end].r_addend != 0
            end += 1
        put_group(packing, row + i, end - i, BY_INFO | (HAS_ADDEND if addends else 0))
        i = end


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def pack_relatives(
    packing: cython.pointer[Packing], row: cython.pointer[Elf64_Rela], count: int64_t
) -> cython.void:
    """Cut them into runs at equal distances and what lies between."""
    begin: int64_t = 0
    i: int64_t = 0
    while i < count:
        end: int64_t = run_end(row, count, i, packing.offset if i == 0 else row[i - 1].r_offset)
        if end - i >= LEAST_RUN:
            put_group(packing, row + begin, i - begin, BY_INFO | HAS_ADDEND)
            put_group(packing, row + i, end - i, BY_INFO | BY_DISTANCE | HAS_ADDEND)
            begin = end
        i = end
    put_group(packing, row + begin, count - begin, BY_INFO | HAS_ADDEND)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def run_end(row: cython.pointer[Elf64_Rela], count: int64_t, i: int64_t, before: uint64_t) -> int64_t:
    """Behind the last of those, from `i` on, that are as far from the one before as `i` is."""
    distance: uint64_t = row[i].r_offset - before
    i += 1
    while i < count and row[i].r_offset - row[i - 1].r_offset == distance:
        i += 1
    return i


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def put_group(
    packing: cython.pointer[Packing], row: cython.pointer[Elf64_Rela], count: int64_t, flags: uint64_t
) -> cython.void:
    """A group of relocations that share r_info, and with BY_DISTANCE their distance."""
    if count == 0:
        return
    put(packing, count)
    put(packing, cython.cast(int64_t, flags))
    if flags & BY_DISTANCE:
        put(packing, cython.cast(int64_t, row[0].r_offset - packing.offset))
    info: uint64_t = (cython.cast(uint64_t, row[0].r_sym) << 32) | row[0].r_type
    put(packing, cython.cast(int64_t, info))
    if not flags & HAS_ADDEND:
        packing.addend = 0
    i: int64_t
    for i in range(count):
        if not flags & BY_DISTANCE:
            put(packing, cython.cast(int64_t, row[i].r_offset - packing.offset))
        packing.offset = row[i].r_offset
        if flags & HAS_ADDEND:
            addend: uint64_t = cython.cast(uint64_t, row[i].r_addend)
            put(packing, cython.cast(int64_t, addend - packing.addend))
            packing.addend = addend


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def put(packing: cython.pointer[Packing], value: int64_t) -> cython.void:
    """Signed LEB128 (DWARF 5, 7.6)."""
    while value < -64 or value > 63:
        packing.to[packing.size] = cython.cast(uint8_t, value & 0x7F) | 0x80
        packing.size += 1
        value >>= 7
    packing.to[packing.size] = cython.cast(uint8_t, value & 0x7F)
    packing.size += 1


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def is_relative(row: cython.pointer[Elf64_Rela]) -> cython.bint:
    return row.r_type == R_RELATIVE and row.r_sym == 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def compare(a: cython.p_const_void, b: cython.p_const_void) -> cython.int:
    """Relative ones by offset, then the others by what they share, by offset."""
    x = cython.cast(cython.pointer[Elf64_Rela], a)
    y = cython.cast(cython.pointer[Elf64_Rela], b)
    if is_relative(x) != is_relative(y):
        return -1 if is_relative(x) else 1
    if not is_relative(x):
        if x.r_sym != y.r_sym:
            return -1 if x.r_sym < y.r_sym else 1
        if x.r_type != y.r_type:
            return -1 if x.r_type < y.r_type else 1
    if x.r_offset != y.r_offset:
        return -1 if x.r_offset < y.r_offset else 1
    return (x.r_addend > y.r_addend) - (x.r_addend < y.r_addend)
