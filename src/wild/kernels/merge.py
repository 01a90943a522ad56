"""Strings and constants that occur in several sections are kept once (gABI "Section Attribute Flags").

A mergeable section is cut into pieces: strings with their terminator, or constants of sh_entsize.  Equal
pieces of a group (sections of one output part with the same entry size and alignment) get one place in the
output.  There are millions of them, most are duplicates, and nearly all the time is spent waiting for memory;
so the passes are arranged to touch the bytes of a piece once while they are in the second-level cache, and
never again unless they are written.

The unit of work is a batch: a stretch of 256 KiB of a group's sections taken as one row of bytes, be it many
small sections or a bit of a large one.  A batch owns the pieces that begin in it, wherever the stretch was
cut.

 1. count    the pieces of each batch; prefix sums give every batch its run of piece numbers (pieces.py)
 2. cut      where does each piece begin; hash it; sort the batch's hashes by shard, their top bits
 3. intern   each shard is a hash table, filled in input order by one thread (interning.py)
 4. mark     back in the batches: which pieces are the first of their equals, and what they need
             (merge_places.py)
 5. place    the first ones get their offsets in input order, then the others take over theirs

So the output keeps the order of first appearance whatever the hashes and threads are: strings that were
neighbours stay neighbours, and writing is mostly copying runs.  All that remains per piece is two words, its
offset in the input and its offset in the output; hashes and tables are gone.

Pieces are equal if 96 bits of hash are.  Comparing the bytes would double the cache misses of step 3.  For n
pieces the chance that this is ever wrong is n²/2⁹⁷: 1 : 10¹⁴ for a link with 32 million pieces.

A piece is aligned to the group's alignment, which is what the compiler asked for when it aligned each string
of .rodata.str1.8.  Only whole sections die by --gc-sections, not pieces.  Strings that are the end of another
are the business of tails.py.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import calloc, free, malloc
from cython.cimports.posix.mman import MADV_HUGEPAGE, madvise
from cython.cimports.wild.kernels.elf import U32, Bytes, ConstU32, MutableBytes
from cython.cimports.wild.kernels.files import Inputs
from cython.cimports.wild.kernels.interning import intern_shards
from cython.cimports.wild.kernels.merge import *
from cython.cimports.wild.kernels.merge_places import (
    mark_batches,
    place_duplicates,
    place_first,
    write_batches,
)
from cython.cimports.wild.kernels.output import Output, drafts_of
from cython.cimports.wild.kernels.pieces import count_pieces, cut_batches
from cython.cimports.wild.kernels.pool import Job, Pool
from cython.cimports.wild.kernels.sections import SectionTable, section_bytes, section_header
from cython.cimports.wild.kernels.tables import SEC_LIVE, Files, Sections
from cython.cimports.wild.kernels.tails import share_tails

PAGE = cython.declare(cython.const[uint64_t], 1 << 12)
HUGE = cython.declare(cython.const[uint64_t], 1 << 22)
BATCH = cython.declare(cython.const[uint64_t], 1 << 18)
SMALL_GROUP = cython.declare(cython.const[uint64_t], 1 << 13)  # pieces; a table of so many fits the cache
LARGEST = cython.declare(cython.const[uint64_t], 0xFFFFFF00)


@cython.final
@cython.cclass
class MergeTable:
    """The pieces of all live mergeable sections."""

    def __cinit__(self):
        self.rows = []

    @staticmethod
    def of(inputs: Inputs, sections: SectionTable):
        """A table without groups for these sections; see add_group."""
        table = MergeTable()
        table.arena = inputs.arena
        table.owners = (inputs, sections)
        table.files = cython.address(inputs.view)
        table.sections = cython.address(sections.view)
        table.section_ids = sections.ids
        return table

    def add_group(
        self, entsize: int, is_string: bool, align: int, first: int, count: int, extra: bytes = b""
    ):
        """Add a group and return its number.

        `align` is log2; `first` and `count` select a run of the SectionTable's list of unusual sections,
        which has each part in input order; `extra` is one more section, the linker's own.  Strings have
        entsize 1, 2 or 4, and all sizes are multiples of entsize.
        """
        self.rows.append((entsize, is_string, 1 << align, first, count, extra))
        return len(self.rows) - 1

    def merge(self, pool: Pool, tails: bool):
        """Find the place of every piece; with `tails`, a string may be the end of another.

        Raises KernelFault for a string without end, MemoryError where an output section would exceed 4 GiB.
        """
        work = cython.cast(WorkPtr, calloc(1, cython.sizeof(MergeWork)))
        if work is cython.NULL:
            raise MemoryError("no memory for merging strings and constants")
        work.view = cython.address(self.view)
        work.files = self.files
        work.fault = cython.address(pool.fault)
        work.tails = tails
        try:
            self.take_groups()
            self.make_batches()
            pool.run(count_pieces, work, self.view.batches, 1)
            self.number_pieces(work)
            run(pool, cut_batches, work, self.view.batches)
            run(pool, intern_shards, work, self.view.groups * MERGE_SHARDS)
            if tails:
                share_tails(pool, work)
            pool.run(mark_batches, work, self.view.batches, 1)
            self.place_batches()
            pool.run(place_first, work, self.view.batches, 1)
            pool.run(place_duplicates, work, self.view.batches, 1)
        finally:
            release(work)

    @cython.cfunc
    def take_groups(self):
        """Number the live sections of all groups, in order; number 0 is for the dead ones."""
        view = cython.address(self.view)
        view.groups = len(self.rows)
        view.group = cython.cast(GroupPtr, self.arena.array(view.groups, cython.sizeof(MergeGroup)))
        most: uint64_t = 1
        i: int64_t
        for i in range(view.groups):
            row = cython.address(view.group[i])
            row.entsize, row.is_string, row.align, row.first, row.count, _ = self.rows[i]
            most += row.count + 1
        view.section = cython.cast(MergeSectionPtr, self.arena.array(most, cython.sizeof(MergeSection)))
        view.bytes = cython.cast(cython.pointer[Bytes], self.arena.array(most, cython.sizeof(Bytes)))
        view.sections = 1
        file: uint32_t = 0
        for i in range(view.groups):
            row = cython.address(view.group[i])
            row.section = cython.cast(uint32_t, view.sections)
            file = number_sections(view, row, self.files, self.sections, self.section_ids, file)
            extra = self.rows[i][5]
            if extra:
                append_section(view, row, cython.cast(Bytes, cython.cast(cython.p_char, extra)), len(extra))
            row.section_end = cython.cast(uint32_t, view.sections)

    @cython.cfunc
    def make_batches(self):
        """Cut the sections of each group into units of work."""
        view = cython.address(self.view)
        i: int64_t
        for i in range(view.groups):
            view.group[i].batch = cython.cast(uint32_t, view.batches)
            view.batches += (view.group[i].bytes + stretch_size(view.group[i].entsize) - 1) // stretch_size(
                view.group[i].entsize
            )
            view.group[i].batch_end = cython.cast(uint32_t, view.batches)
        view.batch = cython.cast(BatchPtr, self.arena.array(view.batches, cython.sizeof(MergeBatch)))
        for i in range(view.groups):
            fill_batches(view, cython.cast(uint32_t, i))

    @cython.cfunc
    def number_pieces(self, work: WorkPtr):
        """Give every batch its run of piece numbers and every section its run of the index; allocate both."""
        view = cython.address(self.view)
        pieces: uint64_t = number_groups(view)
        index: uint64_t = 0
        i: int64_t
        if pieces > LARGEST:
            raise MemoryError(f"{pieces} strings and constants to merge; at most {LARGEST} can be numbered")
        for i in range(1, view.sections):
            view.section[i].first_index = index
            index += (view.section[i].size >> INDEX_SHIFT) + 2
        view.pieces = pieces
        view.index = cython.cast(U32, self.arena.array(index, 4))
        view.offset = cython.cast(U32, self.arena.array(pieces, 4))
        view.out = cython.cast(U32, self.arena.array(pieces, 4))
        use_huge_pages(view.offset, pieces * 4)
        use_huge_pages(view.out, pieces * 4)
        work.entry = cython.cast(EntryPtr, malloc(pieces * cython.sizeof(MergeEntry) + 1))
        work.start = cython.cast(U32, malloc((view.batches + 1) * (MERGE_SHARDS + 1) * 4))
        if work.entry is cython.NULL or work.start is cython.NULL:
            raise MemoryError(f"no memory for merging {pieces} strings and constants")
        use_huge_pages(work.entry, pieces * cython.sizeof(MergeEntry))

    @cython.cfunc
    def place_batches(self):
        """The new pieces of each batch follow those of the batch before it."""
        i: int64_t
        k: uint32_t
        for i in range(self.view.groups):
            group = cython.address(self.view.group[i])
            for k in range(group.batch, group.batch_end):
                self.view.batch[k].out = group.size
                group.size += self.view.batch[k].size
            if group.size > LARGEST:
                raise MemoryError(f"merged strings or constants of {group.size} bytes in one section")

    def group_size(self, group: int) -> int:
        """Bytes that the pieces of a group take up in their part."""
        return self.view.group[group].size

    def offset_of(self, link: int, offset: int):
        """`merged_offset` for Python: None where the section has no such byte."""
        found: uint64_t = merged_offset(cython.address(self.view), link, offset)
        return None if found == NONE64 else found

    def write(self, pool: Pool, group: int, to: int, output: Output | None = None):
        """Fill the group_size bytes at address `to`, which is in the output, if one is given."""
        work = cython.declare(MergeWriting)
        work.view = cython.address(self.view)
        work.group = cython.address(self.view.group[group])
        work.to = cython.cast(MutableBytes, cython.cast(uint64_t, to))
        work.drafts = drafts_of(output)
        pool.run(write_batches, cython.address(work), work.group.batch_end - work.group.batch, 2)
        if output is not None:
            output.check()


@cython.cfunc
@cython.exceptval(-1, check=False)
def run(pool: Pool, job: Job, work: WorkPtr, total: int64_t) -> cython.int:
    """A loop whose job allocates memory."""
    pool.run(job, work, total, 1)
    if work.out_of_memory:
        raise MemoryError("no memory for merging strings and constants")
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def use_huge_pages(start: cython.p_void, size: uint64_t) -> cython.void:
    """Have a table that is filled at once cost a page fault for each 2 MiB, not for each 4 KiB."""
    skip: uint64_t = -cython.cast(uint64_t, start) & (PAGE - 1)
    if size > HUGE:
        madvise(cython.cast(cython.p_char, start) + skip, size - skip, MADV_HUGEPAGE)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def number_sections(
    view: MergeViewPtr,
    group: GroupPtr,
    files: cython.pointer[Files],
    sections: cython.pointer[Sections],
    ids: ConstU32,
    file: uint32_t,
) -> uint32_t:
    """Append the live sections of a group and note their numbers in their SectionRows.

    `file` is where to look first for the files of the sections; returns the last one.
    """
    i: uint64_t
    for i in range(group.first, group.first + group.count):
        sec = cython.address(sections.row[ids[i]])
        sec.link = 0
        if not sec.flags & SEC_LIVE or not sec.size:
            continue
        if ids[i] < files.row[file].sec_base:
            file = 0
        while ids[i] - files.row[file].sec_base >= files.row[file].shnum or not files.row[file].sec_base:
            file += 1
        row = cython.address(files.row[file])
        shdr = section_header(files.base[file], row, ids[i] - row.sec_base)
        sec.link = cython.cast(uint32_t, view.sections)
        view.section[view.sections].section = ids[i]
        view.section[view.sections].file = file
        append_section(view, group, section_bytes(sections, files.base[file], shdr, ids[i]), sec.size)
    return file


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def append_section(view: MergeViewPtr, group: GroupPtr, bytes: Bytes, size: uint64_t) -> cython.void:
    section = cython.address(view.section[view.sections])
    section.start = group.bytes
    section.size = size
    group.bytes += size
    view.bytes[view.sections] = bytes
    view.sections += 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def stretch_size(entsize: uint32_t) -> uint64_t:
    """The bytes of a batch: whole characters or constants."""
    return BATCH - BATCH % entsize if entsize < BATCH else entsize


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def fill_batches(view: MergeViewPtr, number: uint32_t) -> cython.void:
    group = cython.address(view.group[number])
    begin: uint64_t = 0
    section: uint32_t = group.section
    i: uint32_t
    for i in range(group.batch, group.batch_end):
        while view.section[section].start + view.section[section].size <= begin:
            section += 1
        batch = cython.address(view.batch[i])
        batch.group = number
        batch.section = section
        batch.begin = begin
        begin = min(begin + stretch_size(group.entsize), group.bytes)
        batch.end = begin


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def number_groups(view: MergeViewPtr) -> uint64_t:
    """Turn the counts that count_pieces has left in `size` into runs of numbers; returns how many."""
    pieces: uint64_t = 0
    i: int64_t
    k: uint32_t
    for i in range(view.groups):
        group = cython.address(view.group[i])
        before: uint64_t = pieces
        for k in range(group.batch, group.batch_end):
            view.batch[k].first_piece = cython.cast(uint32_t, pieces)
            pieces += view.batch[k].size
            view.batch[k].piece_end = cython.cast(uint32_t, pieces)
        group.shards = 1 if pieces - before < SMALL_GROUP else MERGE_SHARDS
    return pieces


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def release(work: WorkPtr) -> cython.void:
    worker: cython.int
    for worker in range(256):
        free(work.scratch[worker].slot)
    free(work.entry)
    free(work.start)
    free(work)
