"""One hash table for each shard of the pieces: step 3 of merge.py, which has the essay."""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import calloc, free
from cython.cimports.libc.string import memset
from cython.cimports.wild.kernels.cc import prefetch
from cython.cimports.wild.kernels.merge import *
from cython.cimports.wild.kernels.pool import write_first

AHEAD = cython.declare(cython.const[uint64_t], 12)  # entries between a prefetch and its use


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def intern_shards(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    work = cython.cast(WorkPtr, context)
    i: int64_t
    for i in range(begin, end):
        group = cython.address(work.view.group[i // MERGE_SHARDS])
        if i % MERGE_SHARDS < group.shards:
            if intern_shard(
                work, group, cython.cast(uint32_t, i % MERGE_SHARDS), cython.address(work.scratch[worker])
            ):
                return 1
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def intern_shard(
    work: WorkPtr,
    group: GroupPtr,
    shard: uint32_t,
    scratch: ScratchPtr,
) -> cython.int:
    """Find the representative of every piece of a shard: the first of its equals in input order."""
    total: uint64_t = 0
    batch: uint32_t
    for batch in range(group.batch, group.batch_end):
        start = work.start + cython.cast(uint64_t, batch) * (MERGE_SHARDS + 1) + shard
        total += start[1] - start[0]
    if clear_table(scratch, total):
        work.out_of_memory = 1
        return 1
    for batch in range(group.batch, group.batch_end):
        start = work.start + cython.cast(uint64_t, batch) * (MERGE_SHARDS + 1) + shard
        count: uint64_t = start[1] - start[0]
        if 2 * (scratch.used + count) > scratch.mask and grow_table(scratch, scratch.used + count):
            work.out_of_memory = 1
            return 1
        prefetch(work.entry + start[MERGE_SHARDS + 1])
        prefetch(work.entry + start[MERGE_SHARDS + 1] + 4)
        intern_run(scratch, work.entry + start[0], count)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def intern_run(scratch: ScratchPtr, entry: EntryPtr, count: uint64_t) -> cython.void:
    """Replace the hash of each entry by its representative; the table has room for all."""
    slot = scratch.slot
    mask: uint64_t = scratch.mask
    i: uint64_t
    for i in range(min(count, AHEAD)):
        prefetch(cython.address(slot[entry[i].hash & mask]))
    for i in range(count):
        if i + AHEAD < count:
            prefetch(cython.address(slot[entry[i + AHEAD].hash & mask]))
        hash: uint64_t = entry[i].hash
        at: uint64_t = hash & mask
        while slot[at].piece and (slot[at].hash != hash or slot[at].low != entry[i].low):
            at = (at + 1) & mask
        if slot[at].piece == 0:
            slot[at].hash = hash
            slot[at].low = entry[i].low
            slot[at].piece = entry[i].piece + 1
            scratch.used += 1
        entry[i].hash = slot[at].piece - 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def clear_table(scratch: ScratchPtr, entries: uint64_t) -> cython.int:
    """An empty table that need not grow if half of the entries are duplicates; non-zero: no memory."""
    room: uint64_t = 256
    while room < entries:
        room *= 2
    scratch.used = 0
    if room > scratch.room:
        free(scratch.slot)
        scratch.slot = cython.cast(SlotPtr, calloc(room, cython.sizeof(MergeSlot)))
        scratch.room = room if scratch.slot is not cython.NULL else 0
        scratch.mask = room - 1
        if scratch.slot is cython.NULL:
            return 1
        write_first(scratch.slot, room * cython.sizeof(MergeSlot))
        return 0
    scratch.mask = room - 1
    memset(scratch.slot, 0, room * cython.sizeof(MergeSlot))
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def grow_table(scratch: ScratchPtr, entries: uint64_t) -> cython.int:
    """Make the table large enough for so many distinct entries."""
    room: uint64_t = scratch.mask + 1
    while room <= 2 * entries:
        room *= 2
    slot = cython.cast(SlotPtr, calloc(room, cython.sizeof(MergeSlot)))
    if slot is cython.NULL:
        return 1
    i: uint64_t
    for i in range(scratch.mask + 1):
        if scratch.slot[i].piece:
            at: uint64_t = scratch.slot[i].hash & (room - 1)
            while slot[at].piece:
                at = (at + 1) & (room - 1)
            slot[at] = scratch.slot[i]
    free(scratch.slot)
    scratch.slot = slot
    scratch.room = room
    scratch.mask = room - 1
    return 0
