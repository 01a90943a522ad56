"""Writing the tables of a link to disk, so that the next link can go on from them.

The tables have no pointers, so they are written as they are; what has pointers (maps of inputs, relocations) is found
again from the inputs.  Three things are added that only an update needs: for every file the runs it has in the tables
of the output, for every mention of a name what it says (`shape`), and for every name a chain of its mentions.

Pages of zeros are left out, since most local symbols have no slots and a file that is extended reads as zeros.
"""

import posix

import cython
from cython.cimports.libc.stdint import int64_t, uint8_t, uint32_t, uint64_t
from cython.cimports.libc.string import memcmp, memset
from cython.cimports.posix.unistd import pwrite
from cython.cimports.wild.kernels.cc import prefetch
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.files import Inputs
from cython.cimports.wild.kernels.frames import EhSection, FrameRow, FrameTable
from cython.cimports.wild.kernels.image import PartRow
from cython.cimports.wild.kernels.measure import Layout
from cython.cimports.wild.kernels.merge import INDEX_SHIFT, MergeSection, MergeTable
from cython.cimports.wild.kernels.names import NameTable
from cython.cimports.wild.kernels.pool import Arena, Pool
from cython.cimports.wild.kernels.saved import *
from cython.cimports.wild.kernels.saved_files import Saving, hash_files, shape_files
from cython.cimports.wild.kernels.saved_names import fill_slots, size_slots
from cython.cimports.wild.kernels.sections import SectionTable
from cython.cimports.wild.kernels.symtab import SymbolTable
from cython.cimports.wild.kernels.tables import *

PAGE = cython.declare(cython.const[uint64_t], 4096)
CHUNK = cython.declare(cython.const[uint64_t], 1 << 20)
# Rows of room, which take no room on the disk until they are used.
LEAST = cython.declare(cython.const[uint64_t], 262144)
LEAST_FILES = cython.declare(cython.const[uint64_t], 4096)
LEAST_NAMES = cython.declare(cython.const[uint64_t], 16384)


@cython.final
@cython.cclass
class TableWriter:
    """Tables on their way into one file; `directory` has (offset, rows, room) of each so far."""

    _descriptor: cython.int
    _at: uint64_t
    directory: list

    def __cinit__(self, descriptor: int):
        self._descriptor = descriptor
        self._at = 0
        self.directory = []

    @cython.cfunc
    @cython.exceptval(-1)
    def put(self, rows: cython.p_void, count: uint64_t, size: uint64_t, least: uint64_t) -> cython.int:
        """Append a table of `count` rows of `size` bytes, with room for at least so many more; 0: for none."""
        room: uint64_t = count + (count // 4 + least if least else 0)
        start: uint64_t = self._at
        if write_pages(self._descriptor, cython.cast(Bytes, rows), count * size, start):
            raise OSError(28, "no room for the state of the incremental link")
        self.directory.append((start, count, room))
        self._at = align_up(start + room * size, PAGE)
        return 0

    def finish(self):
        """Extend the file to hold the room of the last table."""
        posix.ftruncate(self._descriptor, self._at)


def save_tables(
    pool: Pool,
    descriptor: int,
    inputs: Inputs,
    names: NameTable,
    sections: SectionTable,
    frames: FrameTable,
    merged: MergeTable,
    layout: Layout,
    symtab: SymbolTable | None,
    leaves: bytes,
):
    """Write all tables to an open, empty file; returns their directory.  `leaves`: see buildid.finish_hash."""
    arena = Arena()
    saving = cython.declare(Saving)
    saving.files = cython.address(inputs.view)
    saving.names = cython.address(names.view)
    saving.sections = cython.address(sections.view)
    saving.member_names = inputs.names
    files: int64_t = inputs.view.count
    globals_: uint64_t = inputs.view.globals
    capacity: uint64_t = names.view.capacity
    saving.run = cython.cast(cython.pointer[Run], arena.array(files, cython.sizeof(Run)))
    saving.head = cython.cast(U32, arena.array(capacity, 4))
    saving.next = cython.cast(U32, arena.array(globals_ + 1, 4))
    saving.shape = cython.cast(cython.pointer[uint8_t], arena.array(globals_ + 1, 1))
    saving.file_of = cython.cast(U32, arena.array(globals_ + 1, 4))
    places = cython.cast(cython.pointer[Places], arena.array(1, cython.sizeof(Places)))
    pool.run_evenly(hash_files, cython.address(saving), files, 4)
    pool.run_evenly(shape_files, cython.address(saving), files, 16)
    with cython.nogil:
        chain_mentions(cython.address(saving), globals_)
        find_runs(layout, saving.run, saving.files)
        find_frames(frames, saving.run)
        fill_places(layout, names, places)
        size_slots(places, LEAST_NAMES)
    slots = cython.cast(
        cython.pointer[uint64_t], arena.array(places.slot_start[63] + places.slot_mask[63] + 1, 8)
    )
    with cython.nogil:
        fill_slots(places, cython.address(names.view), slots)
    if symtab is not None:
        find_symbols(symtab, saving.run, files)
    writer = TableWriter(descriptor)
    put_inputs(writer, inputs, names, sections, layout)
    put_results(writer, inputs, frames, merged, layout)
    put_names(writer, cython.address(saving), places, slots, names, sections)
    writer.put(places, 1, cython.sizeof(Places), 0)
    writer.put(cython.cast(cython.p_char, leaves), len(leaves), 1, 0)
    writer.put(saving.file_of, globals_, 4, LEAST)
    writer.finish()
    return writer.directory


@cython.cfunc
@cython.exceptval(-1)
def put_inputs(
    writer: TableWriter, inputs: Inputs, names: NameTable, sections: SectionTable, layout: Layout
) -> cython.int:
    """Files, sections, names, symbols."""
    capacity: uint64_t = names.view.capacity
    writer.put(inputs.view.row, inputs.view.count, cython.sizeof(FileRow), LEAST_FILES)
    writer.put(inputs.view.live, inputs.view.count, 4, LEAST_FILES)
    writer.put(sections.view.row, sections.view.count, cython.sizeof(SectionRow), LEAST)
    writer.put(names.view.row, capacity, cython.sizeof(NameRow), LEAST)
    writer.put(names.view.of, inputs.view.globals, 4, LEAST)
    return writer.put(layout.view.symbols, capacity, cython.sizeof(SymbolRow), LEAST)


@cython.cfunc
@cython.exceptval(-1)
def put_results(
    writer: TableWriter, inputs: Inputs, frames: FrameTable, merged: MergeTable, layout: Layout
) -> cython.int:
    """Merged pieces, call frame records, slots, parts."""
    merge = cython.address(merged.view)
    slots = cython.address(layout.view.slots)
    writer.put(merge.section, merge.sections, cython.sizeof(MergeSection), LEAST)
    writer.put(merge.index, index_rows(merged), 4, LEAST)
    writer.put(merge.offset, merge.pieces, 4, LEAST)
    writer.put(merge.out, merge.pieces, 4, LEAST)
    writer.put(frames.view.eh, frames.view.eh_count, cython.sizeof(EhSection), 0)
    writer.put(frames.view.frame, frames.view.frame_count, cython.sizeof(FrameRow), 0)
    writer.put(slots.row, slots.count, cython.sizeof(AuxRow), LEAST)
    writer.put(slots.local_aux, inputs.view.locals, 4, LEAST)
    return writer.put(layout.view.part, layout.view.part_count, cython.sizeof(PartRow), 0)


@cython.cfunc
@cython.exceptval(-1)
def put_names(
    writer: TableWriter,
    saving: cython.pointer[Saving],
    places: cython.pointer[Places],
    slots: cython.pointer[uint64_t],
    names: NameTable,
    sections: SectionTable,
) -> cython.int:
    """What is known of each name, and of each mention of one."""
    capacity: uint64_t = names.view.capacity
    globals_: uint64_t = names.inputs.view.globals
    writer.put(slots, places.slot_start[63] + places.slot_mask[63] + 1, 8, 0)
    writer.put(sections.owner, capacity, 4, LEAST)
    writer.put(saving.head, capacity, 4, LEAST)
    writer.put(saving.next, globals_, 4, LEAST)
    writer.put(saving.run, saving.files.count, cython.sizeof(Run), LEAST_FILES)
    return writer.put(saving.shape, globals_, 1, LEAST)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def write_pages(descriptor: cython.int, data: Bytes, size: uint64_t, offset: uint64_t) -> cython.int:
    """Write all but runs of pages that are zero; non-zero if the file system refuses."""
    at: uint64_t = 0
    while at < size:
        if is_zero(data + at, min(PAGE, size - at)):
            at += PAGE
            continue
        end: uint64_t = at
        while end < size and end - at < CHUNK and not is_zero(data + end, min(PAGE, size - end)):
            end += PAGE
        end = min(end, size)
        while at < end:
            done: int64_t = pwrite(descriptor, data + at, end - at, offset + at)
            if done <= 0:
                return 1
            at += done
    return 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def is_zero(data: Bytes, size: uint64_t) -> cython.bint:
    return data[0] == 0 and memcmp(data, data + 1, size - 1) == 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def index_rows(merged: MergeTable) -> uint64_t:
    """Words of the index of all merged sections (merge.py, number_pieces)."""
    if merged.view.sections < 2:
        return 0
    last = cython.address(merged.view.section[merged.view.sections - 1])
    return last.first_index + (last.size >> INDEX_SHIFT) + 2


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def chain_mentions(saving: cython.pointer[Saving], count: uint64_t) -> cython.void:
    """Chain the mentions of each name, in the order of the input."""
    i: uint64_t = count
    of: U32 = saving.names.of
    while i > 0:
        i -= 1
        if i >= 16:
            prefetch(saving.head + of[i - 16])
        saving.next[i] = saving.head[of[i]]
        saving.head[of[i]] = cython.cast(uint32_t, i) + 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def find_runs(layout: Layout, run: cython.pointer[Run], files: cython.pointer[Files]) -> cython.void:
    """The dynamic relocations of each file: from its first to the next file's first."""
    b: int64_t
    i: int64_t
    relative: uint64_t = layout.section_relatives
    symbolic: uint64_t = layout.section_symbolics
    b = layout.blocks
    while b > 0:
        b -= 1
        i = layout.block[b + 1]
        while i > layout.block[b]:
            i -= 1
            first: uint64_t = layout.relatives[b] + layout.file_relatives[i]
            run[i].relative = cython.cast(uint32_t, first)
            run[i].relatives = cython.cast(uint32_t, relative - first)
            relative = first
            first = layout.symbolics[b] + layout.file_symbolics[i]
            run[i].symbolic = cython.cast(uint32_t, first)
            run[i].symbolics = cython.cast(uint32_t, symbolic - first)
            symbolic = first


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def find_frames(frames: FrameTable, run: cython.pointer[Run]) -> cython.void:
    """The records of each file in .eh_frame."""
    i: int64_t
    for i in range(frames.view.eh_count):
        eh = cython.address(frames.view.eh[i])
        file = cython.address(run[eh.file])
        if file.frame_bytes == 0:
            file.frames = eh.out
        file.frame_bytes = eh.out + eh.size_out - file.frames


@cython.cfunc
@cython.exceptval(check=False)
def find_symbols(symtab: SymbolTable, run: cython.pointer[Run], files: int64_t) -> cython.void:
    """The entries and names of each file in the symbol table: from its first slice to the next file's."""
    view = cython.address(symtab.view)
    local: uint32_t = symtab.first_global - symtab.room
    first_global: uint32_t = view.first_import
    i: int64_t = symtab.slices
    while i > 0:
        i -= 1
        slice = cython.address(view.slice[i])
        file = cython.address(run[slice.file])
        if file.bytes == 0:
            file.byte = slice.end_byte
        file.bytes += slice.end_byte - slice.bytes
        file.byte = slice.bytes
        file.locals += local - slice.locals
        file.local = local = slice.locals
        file.globals += first_global - slice.globals
        file.first_global = first_global = slice.globals


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def fill_places(layout: Layout, names: NameTable, places: cython.pointer[Places]) -> cython.void:
    """The addresses and counts of the link."""
    view = cython.address(layout.view)
    memset(places, 0, cython.sizeof(Places))
    i: cython.int
    for i in range(SHARDS):
        places.start[i] = names.view.start[i]
        places.count[i] = names.view.count[i]
    places.start[64] = names.view.start[64]
    places.mode = view.mode[0]
    places.got, places.got_plt, places.plt, places.iplt = view.got, view.got_plt, view.plt, view.iplt
    places.plt_entry, places.got_base, places.eh_frame = view.plt_entry, view.got_base, view.eh_frame
    places.tls_start, places.tls_end = view.tls_start, view.tls_end
    places.copies, places.relro_copies = view.copies, view.relro_copies
    places.rela_relative, places.rela_symbolic = view.rela_relative, view.rela_symbolic
    places.rela_plt = view.rela_plt
    places.got_slots, places.tlsld = view.slots.got_slots, view.slots.tlsld
    places.plt_count, places.iplt_count = view.slots.plt, view.slots.iplt
