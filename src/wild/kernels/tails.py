"""Strings that are the end of another need no place of their own: `ring` is found in `string`.

All distinct strings of a group are sorted by their text read backwards.  Then what ends in a given text
stands together, right behind that text; so a string is the end of some other one exactly if it is the end of
the next one, and the last string of such a row contains all of them.

The sort is the work.  A row carries the last 8 bytes of its text, so that few comparisons touch the text
itself.  Runs are sorted by all threads, then merged pairwise in rounds, again by all threads; the order is
total, so threads cannot be seen in it.  Merging bounds the time for texts that were made to be slow.

It is done with -O2 only: it takes several times as long as merging itself and saves a few per cent of the
strings.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint8_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import free, malloc
from cython.cimports.libc.string import memcmp, memcpy
from cython.cimports.wild.kernels.elf import Bytes
from cython.cimports.wild.kernels.merge import *
from cython.cimports.wild.kernels.merge_places import mark_batches
from cython.cimports.wild.kernels.pool import Pool
from cython.cimports.wild.kernels.tails import *

RUN = cython.declare(cython.const[uint64_t], 1 << 14)  # rows that one thread sorts alone
SHORT = cython.declare(cython.const[uint64_t], 8)  # rows sorted by insertion


@cython.cfunc
@cython.exceptval(-1, check=False)
def share_tails(pool: Pool, work: cython.pointer[MergeWork]) -> cython.int:
    tails = cython.declare(TailWork)
    tails.view = work.view
    tails.merge = work
    group: int64_t
    pool.run(mark_batches, work, work.view.batches, 1)
    for group in range(work.view.groups):
        if work.view.group[group].is_string:
            tails.group = cython.cast(uint32_t, group)
            share_in_group(pool, cython.address(tails))
    pool.run(follow_batches, work, work.view.batches, 1)
    return 0


@cython.cfunc
@cython.exceptval(-1, check=False)
def share_in_group(pool: Pool, tails: TailWorkPtr) -> cython.int:
    group = cython.address(tails.view.group[tails.group])
    batches: int64_t = group.batch_end - group.batch
    tails.rows = 0
    tails.first_row = cython.cast(cython.pointer[uint64_t], malloc((batches + 1) * 8))
    tails.row = tails.other = cython.NULL
    tails.is_tail = cython.NULL
    try:
        if tails.first_row is cython.NULL:
            raise MemoryError("no memory for tail merging")
        pool.run(count_rows, tails, batches, 4)
        number_rows(tails, batches)
        tails.row = cython.cast(TailPtr, malloc(tails.rows * cython.sizeof(TailRow) + 1))
        tails.other = cython.cast(TailPtr, malloc(tails.rows * cython.sizeof(TailRow) + 1))
        tails.is_tail = cython.cast(cython.pointer[uint8_t], malloc(tails.rows + 1))
        if tails.row is cython.NULL or tails.other is cython.NULL or tails.is_tail is cython.NULL:
            raise MemoryError("no memory for tail merging")
        pool.run(fill_rows, tails, batches, 1)
        sort_rows(pool, tails)
        pool.run(compare_neighbours, tails, tails.rows, 4096)
        find_owners(tails)
    finally:
        free(tails.first_row)
        free(tails.row)
        free(tails.other)
        free(tails.is_tail)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def count_rows(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """How many representatives each batch has: mark_batches has set their `out` to 1."""
    tails = cython.cast(TailWorkPtr, context)
    b: int64_t
    i: uint32_t
    for b in range(begin, end):
        batch = cython.address(tails.view.batch[tails.view.group[tails.group].batch + b])
        count: uint64_t = 0
        for i in range(batch.first_piece, batch.piece_end):
            count += tails.view.out[i]
        tails.first_row[b] = count
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def number_rows(tails: TailWorkPtr, batches: int64_t) -> cython.void:
    b: int64_t
    for b in range(batches):
        count: uint64_t = tails.first_row[b]
        tails.first_row[b] = tails.rows
        tails.rows += count


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def fill_rows(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Make a row of each representative."""
    tails = cython.cast(TailWorkPtr, context)
    view = tails.view
    group = cython.address(view.group[tails.group])
    b: int64_t
    s: uint32_t
    i: uint32_t
    for b in range(begin, end):
        batch = cython.address(view.batch[group.batch + b])
        row = tails.row + tails.first_row[b]
        s = batch.section
        while s < group.section_end and view.section[s].start < batch.end:
            part = stretch_of(batch, cython.address(view.section[s]))
            for i in range(part.first_piece, part.piece_end):
                if view.out[i]:
                    row.end = view.bytes[s] + view.offset[i + 1] - group.entsize
                    row.length = view.offset[i + 1] - view.offset[i] - group.entsize
                    row.piece = i
                    row.key = backwards(row.end, row.length)
                    row += 1
            s += 1
    return 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def backwards(end: Bytes, length: uint64_t) -> uint64_t:
    """The last 8 bytes before `end`, the last one on top, zeros for what is not there.

    A character is never zero, so that the zeros cannot be taken for one.
    """
    key: uint64_t = 0
    i: uint64_t
    if length >= 8:
        memcpy(cython.address(key), end - 8, 8)
        return key
    for i in range(length):
        key |= cython.cast(uint64_t, end[-1 - cython.cast(int64_t, i)]) << (56 - 8 * i)
    return key


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def precedes(a: TailPtr, b: TailPtr) -> cython.bint:
    """Does `a` stand before `b`?"""
    if a.key != b.key:
        return a.key < b.key
    return precedes_inside(a, b)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def precedes_inside(a: TailPtr, b: TailPtr) -> cython.bint:
    """`precedes` for texts whose last 8 bytes are equal."""
    done: int64_t = 8
    x: uint64_t
    y: uint64_t
    while done < a.length and done < b.length:
        x = backwards(a.end - done, a.length - done)
        y = backwards(b.end - done, b.length - done)
        if x != y:
            return x < y
        done += 8
    return a.length < b.length


@cython.cfunc
@cython.exceptval(-1, check=False)
def sort_rows(pool: Pool, tails: TailWorkPtr) -> cython.int:
    """Sort runs, then merge pairs of runs until one is left."""
    tails.run = RUN
    pool.run(sort_runs, tails, (tails.rows + RUN - 1) // RUN, 1)
    while tails.run < tails.rows:
        pool.run(merge_runs, tails, (tails.rows + 2 * tails.run - 1) // (2 * tails.run), 1)
        tails.row, tails.other = tails.other, tails.row
        tails.run *= 2
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def sort_runs(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Sort each run of RUN rows: short ones by insertion, merged in place and `other` in turn."""
    tails = cython.cast(TailWorkPtr, context)
    r: int64_t
    i: uint64_t
    width: uint64_t
    for r in range(begin, end):
        rows: uint64_t = min(RUN, tails.rows - r * RUN)
        here = tails.row + r * RUN
        there = tails.other + r * RUN
        i = 0
        while i < rows:
            insert_rows(here + i, min(SHORT, rows - i))
            i += SHORT
        width = SHORT
        while width < rows:
            i = 0
            while i < rows:
                merge_two(here, there, i, min(i + width, rows), min(i + 2 * width, rows))
                i += 2 * width
            here, there = there, here
            width *= 2
        if here != tails.row + r * RUN:
            memcpy(there, here, rows * cython.sizeof(TailRow))
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def insert_rows(row: TailPtr, count: uint64_t) -> cython.void:
    i: uint64_t
    k: uint64_t
    for i in range(1, count):
        one: TailRow = row[i]
        k = i
        while k and precedes(cython.address(one), row + k - 1):
            row[k] = row[k - 1]
            k -= 1
        row[k] = one


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def merge_two(row: TailPtr, to: TailPtr, begin: uint64_t, middle: uint64_t, end: uint64_t) -> cython.void:
    """Merge the sorted rows [begin, middle) and [middle, end) into `to`."""
    a: uint64_t = begin
    b: uint64_t = middle
    i: uint64_t
    for i in range(begin, end):
        if b == end or (a < middle and not precedes(row + b, row + a)):
            to[i] = row[a]
            a += 1
        else:
            to[i] = row[b]
            b += 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def merge_runs(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    tails = cython.cast(TailWorkPtr, context)
    r: int64_t
    for r in range(begin, end):
        first: uint64_t = 2 * r * tails.run
        middle: uint64_t = min(first + tails.run, tails.rows)
        merge_two(tails.row, tails.other, first, middle, min(first + 2 * tails.run, tails.rows))
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def compare_neighbours(
    context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int
) -> cython.int:
    """Is each text the end of the next one?"""
    tails = cython.cast(TailWorkPtr, context)
    i: uint64_t
    for i in range(begin, end):
        a = tails.row + i
        b = a + 1
        tails.is_tail[i] = i + 1 < tails.rows and a.length < b.length
        if tails.is_tail[i]:
            tails.is_tail[i] = memcmp(a.end - a.length, b.end - a.length, a.length) == 0
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def find_owners(tails: TailWorkPtr) -> cython.void:
    """Leave in `out` of each tail its owner's piece + 1, and 0 for all others.

    The owner is aligned; a tail that would not be needs a place of its own, and can own others.
    """
    align: uint64_t = tails.view.group[tails.group].align
    i: uint64_t = tails.rows
    owner: TailPtr = cython.NULL
    while i:
        i -= 1
        row = tails.row + i
        if tails.is_tail[i] and (owner.length - row.length) % align == 0:
            tails.view.out[row.piece] = owner.piece + 1
        else:
            tails.view.out[row.piece] = 0
            owner = row


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def follow_batches(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Duplicates of a tail, and the tail itself, become those of its owner."""
    work = cython.cast(cython.pointer[MergeWork], context)
    b: int64_t
    i: uint32_t
    for b in range(begin, end):
        start = work.start + b * (MERGE_SHARDS + 1)
        if not work.view.group[work.view.batch[b].group].is_string:
            continue
        for i in range(start[0], start[MERGE_SHARDS]):
            owner: uint32_t = work.view.out[work.entry[i].hash]
            if owner:
                work.entry[i].hash = owner - 1
    return 0
