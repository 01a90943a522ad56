"""Where pieces stand in the output, and writing them: steps 4 and 5 of merge.py, which has the essay."""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.libc.string import memcpy
from cython.cimports.wild.kernels.cc import prefetch
from cython.cimports.wild.kernels.drafts import begin_run, end_run
from cython.cimports.wild.kernels.elf import MutableBytes, align_up
from cython.cimports.wild.kernels.merge import *

AHEAD = cython.declare(cython.const[uint32_t], 12)  # entries between a prefetch and its use


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def mark_batches(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Set `out` to 1 for representatives, and sum up what they need."""
    work = cython.cast(WorkPtr, context)
    view = work.view
    b: int64_t
    i: uint32_t
    for b in range(begin, end):
        batch = cython.address(view.batch[b])
        align: uint64_t = view.group[batch.group].align
        batch.size = 0
        start = work.start + b * (MERGE_SHARDS + 1)
        for i in range(start[0], start[MERGE_SHARDS]):
            piece: uint32_t = work.entry[i].piece
            view.out[piece] = work.entry[i].hash == piece
            if work.entry[i].hash == piece:
                batch.size += align_up(view.offset[piece + 1] - view.offset[piece], align)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def place_first(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Representatives follow each other in input order."""
    view = cython.cast(WorkPtr, context).view
    b: int64_t
    i: uint32_t
    for b in range(begin, end):
        batch = cython.address(view.batch[b])
        align: uint64_t = view.group[batch.group].align
        at: uint64_t = batch.out
        for i in range(batch.first_piece, batch.piece_end):
            if view.out[i]:
                view.out[i] = cython.cast(uint32_t, at)
                at += align_up(view.offset[i + 1] - view.offset[i], align)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def place_duplicates(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """The others are where their representatives are, or at their ends."""
    work = cython.cast(WorkPtr, context)
    view = work.view
    b: int64_t
    i: uint32_t
    for b in range(begin, end):
        start = work.start + b * (MERGE_SHARDS + 1)
        last: uint32_t = start[MERGE_SHARDS]
        for i in range(start[0], last):
            if i + AHEAD < last:
                prefetch(cython.address(view.out[work.entry[i + AHEAD].hash]))
            piece: uint32_t = work.entry[i].piece
            first: uint64_t = work.entry[i].hash
            if first == piece:
                continue
            view.out[piece] = view.out[first]
            if work.tails:
                view.out[piece] += view.offset[first + 1] - view.offset[first]
                view.out[piece] -= view.offset[piece + 1] - view.offset[piece]
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def write_batches(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    writing = cython.cast(WritingPtr, context)
    b: int64_t
    for b in range(begin + writing.group.batch, end + writing.group.batch):
        batch = cython.address(writing.view.batch[b])
        to = writing.to + batch.out
        run = begin_run(writing.drafts, worker, 0, to, batch.size)
        write_batch(writing, batch, run - batch.out)
        end_run(writing.drafts, run, to, batch.size)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def write_batch(writing: WritingPtr, batch: BatchPtr, to: MutableBytes) -> cython.void:
    """Copy the representatives of a batch; `to` stands for the begin of the group.

    They are the pieces whose place is the next free one: a duplicate's place was taken before, and a string
    that is the end of another lies inside it.
    """
    view = writing.view
    align: uint64_t = writing.group.align
    at: uint64_t = batch.out
    last: uint64_t = batch.out + batch.size
    s: uint32_t = batch.section
    i: uint32_t
    while at < last:
        section = cython.address(view.section[s])
        part = stretch_of(batch, section)
        i = part.first_piece
        while i < part.piece_end:
            run: uint64_t = at
            first: uint32_t = i
            while i < part.piece_end and view.out[i] == at:
                at += view.offset[i + 1] - view.offset[i]
                i += 1
                if at & (align - 1):
                    break
            if i == first:
                i += 1
                continue
            memcpy(to + run, view.bytes[s] + view.offset[first], at - run)
            while at & (align - 1):
                to[at] = 0
                at += 1
        s += 1
