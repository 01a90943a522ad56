"""Mergeable sections are cut into strings and constants: steps 1 and 2 of merge.py, which has the essay."""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import free, malloc
from cython.cimports.libc.string import memcpy, memset
from cython.cimports.wild.kernels.elf import U32, Bytes
from cython.cimports.wild.kernels.faults import FAULT_MERGE_UNTERMINATED
from cython.cimports.wild.kernels.merge import *
from cython.cimports.wild.kernels.pieces import *
from cython.cimports.wild.kernels.pool import report
from cython.cimports.wild.kernels.sections import section_header

SHARD_SHIFT = cython.declare(cython.const[cython.int], 58)
INDEX_MASK = cython.declare(cython.const[uint64_t], 255)

# The pieces of a batch while they are found.
Found = cython.struct(
    entry=EntryPtr,  # the next one
    offset=U32,
    index=U32,  # of the section
    bytes=Bytes,  # of the section
    size=uint64_t,
    piece=uint32_t,  # number of the next one
    shard_mask=uint32_t,
    count=uint32_t[65],  # pieces of the shards, shifted by one
)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def count_pieces(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Leave in `size` of each batch how many pieces and sentinels it has."""
    work = cython.cast(WorkPtr, context)
    view = work.view
    b: int64_t
    for b in range(begin, end):
        batch = cython.address(view.batch[b])
        group = cython.address(view.group[batch.group])
        batch.size = 0
        s: uint32_t = batch.section
        while s < group.section_end and view.section[s].start < batch.end:
            section = cython.address(view.section[s])
            part = stretch_of(batch, section)
            if not group.is_string:
                batch.size += (part.end - part.begin) // group.entsize
            else:
                cut = cutter(view.bytes[s], section.size, group.entsize)
                batch.size += count_starts(cython.address(cut), part.begin, part.end)
                if part.end == section.size and not terminators(
                    cython.address(cut), section.size - group.entsize
                ):
                    return report_endless(work, section)
            batch.size += part.end == section.size
            s += 1
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def report_endless(work: WorkPtr, section: MergeSectionPtr) -> cython.int:
    row = cython.address(work.files.row[section.file])
    number: uint32_t = section.section - row.sec_base
    shdr = section_header(work.files.base[section.file], row, number)
    report(work.fault, FAULT_MERGE_UNTERMINATED, section.file, shdr.sh_offset, number)
    return 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def cut_batches(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    work = cython.cast(WorkPtr, context)
    b: int64_t
    for b in range(begin, end):
        batch = cython.address(work.view.batch[b])
        room: uint64_t = (batch.piece_end - batch.first_piece) * cython.sizeof(MergeEntry)
        entries = cython.cast(EntryPtr, malloc(room))
        if entries is cython.NULL:
            work.out_of_memory = 1
            return 1
        cut_batch(work, batch, entries, work.start + b * (MERGE_SHARDS + 1))
        free(entries)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def cut_batch(
    work: WorkPtr,
    batch: BatchPtr,
    entries: EntryPtr,
    start: U32,
) -> cython.void:
    """Fill the offsets, the index, the entries sorted by shard and where the shards start."""
    found = cython.declare(Found)
    view = work.view
    group = cython.address(view.group[batch.group])
    memset(found.count, 0, cython.sizeof(uint32_t) * 65)
    found.entry = entries
    found.offset = view.offset
    found.piece = batch.first_piece
    found.shard_mask = group.shards - 1
    s: uint32_t = batch.section
    while s < group.section_end and view.section[s].start < batch.end:
        section = cython.address(view.section[s])
        part = stretch_of(batch, section)
        if part.begin == 0:
            section.first_piece = found.piece
        found.bytes = view.bytes[s]
        found.size = section.size
        found.index = view.index + section.first_index
        if group.is_string:
            cut_strings(cython.address(found), part.begin, part.end, group.entsize)
        else:
            cut_constants(cython.address(found), part.begin, part.end, group.entsize)
        if part.end == section.size:
            section.piece_end = found.piece
            found.offset[found.piece] = cython.cast(uint32_t, section.size)
            found.piece += 1
        s += 1
    start[0] = batch.first_piece
    for s in range(1, MERGE_SHARDS + 1):
        start[s] = start[s - 1] + found.count[s]
    sort_entries(entries, found.entry, start, work.entry, found.shard_mask)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def cut_strings(found: cython.pointer[Found], begin: uint64_t, end: uint64_t, width: uint32_t) -> cython.void:
    """Add the strings that start in [begin, end)."""
    cut = cutter(found.bytes, found.size, width)
    start: uint64_t = first_start(cython.address(cut), begin)
    block: uint64_t = start
    while start < end:
        mask: uint64_t = terminators(cython.address(cut), block)
        while mask and start < end:
            stop: uint64_t = block + lowest(mask) + width
            add_piece(found, start, stop)
            start = stop
            mask &= mask - 1
        block += 64


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def cut_constants(
    found: cython.pointer[Found], begin: uint64_t, end: uint64_t, width: uint32_t
) -> cython.void:
    """Add the constants that start in [begin, end), both multiples of their width."""
    while begin < end:
        add_piece(found, begin, begin + width)
        begin += width


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def add_piece(found: cython.pointer[Found], start: uint64_t, end: uint64_t) -> cython.void:
    piece: uint32_t = found.piece
    found.piece = piece + 1
    found.offset[piece] = cython.cast(uint32_t, start)
    block: uint64_t = (start + INDEX_MASK) >> INDEX_SHIFT
    last: uint64_t = (end - 1) >> INDEX_SHIFT
    if end == found.size:
        last = (end >> INDEX_SHIFT) + 1
    while block <= last:
        found.index[block] = piece
        block += 1
    hash = hash_piece(found.bytes + start, end - start)
    found.entry.hash = hash.high
    found.entry.low = hash.low
    found.entry.piece = piece
    found.entry += 1
    found.count[((hash.high >> SHARD_SHIFT) & found.shard_mask) + 1] += 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def sort_entries(
    entry: EntryPtr,
    end: EntryPtr,
    start: U32,
    to: EntryPtr,
    shard_mask: uint32_t,
) -> cython.void:
    """Put the entries [entry, end) where their shards start."""
    next: uint32_t[64]
    memcpy(next, start, cython.sizeof(uint32_t) * MERGE_SHARDS)
    while entry < end:
        shard: uint64_t = (entry.hash >> SHARD_SHIFT) & shard_mask
        to[next[shard]] = entry[0]
        next[shard] += 1
        entry += 1
