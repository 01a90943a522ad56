"""The hash table of names as it is saved: larger than that of the link, since updates bring new names."""

import cython
from cython.cimports.libc.stdint import uint32_t, uint64_t
from cython.cimports.wild.kernels.saved import Places
from cython.cimports.wild.kernels.tables import *


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def size_slots(places: cython.pointer[Places], least: uint64_t) -> cython.void:
    """A hash table of names that has room for as many new ones as the table of names (TableWriter.put)."""
    i: cython.int
    start: uint64_t = 0
    for i in range(SHARDS):
        count: uint64_t = places.count[i]
        mask: uint64_t = 127
        while mask // 4 * 3 < count + count // 8 + 2 * least // SHARDS:
            mask = 2 * mask + 1
        places.slot_start[i] = start
        places.slot_mask[i] = mask
        start += mask + 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def fill_slots(
    places: cython.pointer[Places], names: cython.pointer[Names], slots: cython.pointer[uint64_t]
) -> cython.void:
    """Enter all names (NameSlots.slots)."""
    i: cython.int
    k: uint32_t
    for i in range(SHARDS):
        table = slots + places.slot_start[i]
        for k in range(places.count[i]):
            hash: uint64_t = names.row[places.start[i] + k].hash
            at: uint64_t = hash & places.slot_mask[i]
            while table[at]:
                at = (at + 1) & places.slot_mask[i]
            table[at] = hash >> 32 << 32 | (k + 1)
