"""Call frame information: .eh_frame is a list of records, and the output's is made of those that are needed.

.eh_frame (LSB Core, "Exception Frames") has two kinds of records.  A CIE holds what many functions have in
common; an FDE describes one function and points back to its CIE.  To a relocatable object the section is one
lump with relocations, but copying it whole would keep descriptions of functions that are gone, and one copy
of the same CIE for each file.  So the linker takes it apart:

 1. split    (frame_rows.py) makes rows of all records.  The FDE's first relocation says which section its
             function is in, and that section's row gets a chain of its FDEs: reach.py follows it to the
             personality routine and the table of handlers, so that those live as long as the function does
             and no longer.
 2. size_up  once it is known which sections live: their FDEs stay, and of equal CIEs (cies.py) the first.
 3. write    (frames_out.py) copies, relocates, points FDEs to the shared CIEs and makes .eh_frame_hdr.

An FDE whose function is in a COMDAT group that lost, or is a global symbol that another file defines, is
dropped: the winner has its own.  An FDE without relocation, whose function is anybody's guess, is kept.  A
zero length ends the list for an unwinder that walks through it; crtend.o brings one.  Wherever zeros stand in
the inputs they are skipped, and the output has one terminator, at its end.

The rows of a file follow each other, so the parallel loops are over files or over .eh_frame sections, and a
file's chains are nobody else's business.  Only the few thousand CIEs are compared by one thread.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import calloc, free
from cython.cimports.libc.string import memset
from cython.cimports.wild.kernels.cies import has_hdr_entry, intern_cies
from cython.cimports.wild.kernels.drafts import Drafts
from cython.cimports.wild.kernels.elf import U32, MutableBytes
from cython.cimports.wild.kernels.files import Inputs
from cython.cimports.wild.kernels.frame_rows import count_files, split_files
from cython.cimports.wild.kernels.frames import *
from cython.cimports.wild.kernels.frames_out import write_frames
from cython.cimports.wild.kernels.names import NameTable
from cython.cimports.wild.kernels.pool import Pool
from cython.cimports.wild.kernels.relocation import FORM_UNKNOWN
from cython.cimports.wild.kernels.resolve import Resolution
from cython.cimports.wild.kernels.sections import SectionTable
from cython.cimports.wild.kernels.tables import *

TERMINATOR = cython.declare(cython.const[uint64_t], 4)


@cython.final
@cython.no_gc_clear  # __dealloc__ needs the arena
@cython.cclass
class FrameTable:
    """The records of every .eh_frame of the live objects."""

    def __cinit__(self, inputs: Inputs, sections: SectionTable, types: list):
        """`types` are the rows of relocation_rows() of the machine."""
        self.arena = inputs.arena
        self.owners = (inputs, sections)
        self.synthetic = []
        self.work.view = cython.address(self.view)
        self.work.files = cython.address(inputs.view)
        self.work.sections = cython.address(sections.view)
        number: cython.int
        for number in range(256):
            self.work.types[number].form = FORM_UNKNOWN
        for number, form, size, check, _ in types:
            self.work.types[number].form = form
            self.work.types[number].size = size
            self.work.types[number].check = check

    def __dealloc__(self):
        i: int64_t
        for i in range(self.view.eh_count):
            if self.view.eh[i].own_rela:
                free(cython.cast(cython.p_void, self.view.eh[i].rela))

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def split(
        self, pool: Pool, names: cython.pointer[Names], symbols: cython.pointer[SymbolRow]
    ) -> cython.int:
        """Make rows of all records; raises KernelFault for a malformed section."""
        work = cython.address(self.work)
        work.names = names
        work.symbols = symbols
        work.fault = cython.address(pool.fault)
        work.count = cython.cast(FrameCountPtr, self.arena.array(work.files.count, cython.sizeof(FrameCount)))
        pool.run_evenly(count_files, work, work.files.count, 16)
        self.take_rows()
        pool.run_evenly(split_files, work, work.files.count, 16)
        if work.out_of_memory:
            raise MemoryError("no memory for relocations of .eh_frame that are out of order")
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def take_rows(self) -> cython.int:
        """Turn the counts of the files into the numbers of their first rows."""
        work = cython.address(self.work)
        view = cython.address(self.view)
        i: int64_t
        for i in range(work.files.count):
            count = work.count[i]
            work.count[i].eh = cython.cast(uint32_t, view.eh_count)
            work.count[i].cie = cython.cast(uint32_t, view.cie_count)
            work.count[i].frame = cython.cast(uint32_t, view.frame_count)
            view.eh_count += count.eh
            view.cie_count += count.cie
            view.frame_count += count.frame
        if view.frame_count >= NONE or view.cie_count >= NONE:
            raise MemoryError(f"{view.frame_count} call frame records; at most {NONE} can be numbered")
        view.eh = cython.cast(EhPtr, self.arena.array(view.eh_count, cython.sizeof(EhSection)))
        view.cie = cython.cast(CiePtr, self.arena.array(view.cie_count, cython.sizeof(CieRow)))
        view.frame = cython.cast(FramePtr, self.arena.array(view.frame_count, cython.sizeof(FrameRow)))
        return 0

    def read(self, pool: Pool, names: NameTable, resolution: Resolution) -> None:
        """`split` for Python."""
        self.split(pool, cython.address(names.view), resolution.view.row)

    def add_synthetic(self, records: bytes) -> int:
        """Add a CIE and an FDE for the linker's own code (the PLT); returns a number for place_synthetic.

        The FDE's addresses are of the encoding pcrel sdata4.  Before size_up.
        """
        self.synthetic.append([records, 0, 0])
        return len(self.synthetic) - 1

    def place_synthetic(self, number: int, address: int, size: int) -> None:
        """Say where the code is that a synthetic FDE describes; before write()."""
        self.synthetic[number][1:] = address, size

    @cython.ccall
    @cython.exceptval(-1, check=False)
    def size_up(self, pool: Pool) -> cython.int:
        """Choose the records of the output, now that it is known which sections live, and place them."""
        work = cython.address(self.work)
        view = cython.address(self.view)
        pool.run_evenly(choose_frames, work, view.eh_count, 16)
        if not self.unshared:
            self.merge_cies()
        pool.run_evenly(place_records, work, view.eh_count, 16)
        view.records = 0
        self.hdr_count = 0
        i: int64_t
        for i in range(view.eh_count):
            view.eh[i].out = view.records
            view.eh[i].first_hdr = self.hdr_count
            view.records += view.eh[i].size_out
            self.hdr_count += view.eh[i].hdr_count
        self.size = view.records
        for records, _, _ in self.synthetic:
            self.size += len(records)
            self.hdr_count += 1
        self.hdr_size = 0
        if self.size:
            self.size += TERMINATOR
            self.hdr_size = 12 + 8 * cython.cast(uint64_t, self.hdr_count)
        return 0

    def make_room(self, size: int, entries: int) -> None:
        """Leave `size` bytes (0, or at least 16) free behind the records, and entries behind those of the index."""
        self.room = size
        self.size += size
        self.hdr_size += 8 * entries

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def merge_cies(self) -> cython.int:
        """Find for each CIE in use the first one that is equal."""
        view = cython.address(self.view)
        used: uint64_t = 0
        i: int64_t
        for i in range(view.cie_count):
            used += view.cie[i].canonical != NONE
        room: uint64_t = 64
        while room < 2 * used:
            room *= 2
        slot = cython.cast(U32, calloc(room, 4))
        if slot is cython.NULL:
            raise MemoryError
        with cython.nogil:
            intern_cies(cython.address(self.work), slot, room - 1)
        free(slot)
        return 0

    def offset_of(self, link: int, offset: int) -> int:
        """`frame_offset` for Python."""
        return frame_offset(cython.address(self.view), link, offset)

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def write(
        self,
        pool: Pool,
        drafts: cython.pointer[Drafts],
        to: MutableBytes,
        address: uint64_t,
        hdr: MutableBytes,
        hdr_address: uint64_t,
        value_of: ValueOf,
        context: cython.p_void,
    ) -> cython.int:
        """Write both sections; raises KernelFault for a relocation that cannot be applied."""
        writing = cython.declare(FrameWriting)
        memset(cython.address(writing), 0, cython.sizeof(FrameWriting))
        writing.work = cython.address(self.work)
        writing.drafts = drafts
        writing.to = to
        writing.address = address
        writing.hdr = hdr
        writing.hdr_address = hdr_address
        writing.hdr_count = self.hdr_count
        writing.value_of = value_of
        writing.context = context
        writing.room = self.room
        if self.size:
            write_frames(pool, cython.address(writing), self.synthetic)
        return 0

    def write_at(
        self, pool: Pool, to: int, address: int, hdr: int, hdr_address: int, value_of: int, context: int = 0
    ) -> None:
        """`write` for Python: places in memory are integers, and so is the address of the ValueOf."""
        self.write(
            pool,
            cython.NULL,
            cython.cast(MutableBytes, cython.cast(uint64_t, to)),
            address,
            cython.cast(MutableBytes, cython.cast(uint64_t, hdr)),
            hdr_address,
            cython.cast(ValueOf, cython.cast(uint64_t, value_of)),
            cython.cast(cython.p_void, cython.cast(uint64_t, context)),
        )


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def choose_frames(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Mark the FDEs that live and the CIEs they use, for a block of sections."""
    work = cython.cast(WorkPtr, context)
    view = work.view
    i: int64_t
    k: uint32_t
    for i in range(begin, end):
        eh = cython.address(view.eh[i])
        for k in range(eh.first_cie, eh.cie_end):
            view.cie[k].canonical = NONE
        for k in range(eh.first_frame, eh.frame_end):
            frame = cython.address(view.frame[k])
            frame.out = NONE
            if frame_lives(frame, work.sections):
                frame.out = 0
                view.cie[frame.cie].canonical = frame.cie
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def place_records(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Give the records of a block of sections their places: CIEs that stand for themselves, then FDEs."""
    work = cython.cast(WorkPtr, context)
    view = work.view
    i: int64_t
    k: uint32_t
    for i in range(begin, end):
        eh = cython.address(view.eh[i])
        eh.size_out = 0
        eh.hdr_count = 0
        for k in range(eh.first_cie, eh.cie_end):
            if view.cie[k].canonical == k:
                view.cie[k].out = eh.size_out
                eh.size_out += view.cie[k].size
        for k in range(eh.first_frame, eh.frame_end):
            frame = cython.address(view.frame[k])
            if frame.out != NONE:
                frame.out = eh.size_out
                eh.size_out += frame.size
                eh.hdr_count += has_hdr_entry(work, frame)
    return 0
