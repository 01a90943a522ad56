"""Exact names of version scripts and lists, looked up in the table of names.

There can be hundreds of thousands, and each look-up is three accesses to memory that no cache holds: the
slot, the row of the name, its bytes.  So a batch of names is looked up together, one access of all of them
after the other.  Which row of a name is the first is decided by an atomic maximum of the complement of its
number, so that zeroed memory means that there is none; then the first rows give their versions.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.libc.string import memcmp
from cython.cimports.wild.kernels.cc import atomic_max32, hash_bytes, prefetch
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.exports import *
from cython.cimports.wild.kernels.names import candidate
from cython.cimports.wild.kernels.tables import *

AT_ONCE = cython.declare(cython.const[cython.int], 32)  # look-ups in flight


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def find_rows(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Job over exact names: find their NameIds, and the first row of each."""
    lookup: LookupPtr = cython.cast(LookupPtr, context)
    at: int64_t = begin
    while at < end:
        find_batch(lookup, at, cython.cast(cython.int, min(AT_ONCE, end - at)))
        at += AT_ONCE
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def find_batch(lookup: LookupPtr, first: int64_t, count: cython.int) -> cython.void:
    """Look up a few names at once: slot, row and spelling of each are fetched while the others are at it."""
    files = lookup.verdicts.files
    hash = cython.declare(uint64_t[32])
    at = cython.declare(uint64_t[32])
    name = cython.declare(uint32_t[32])
    k: cython.int
    for k in range(count):
        span = lookup.spans + first + k
        hash[k] = hash_bytes(lookup.text + span.offset, span.length)
        at[k] = hash[k]
        shard: uint64_t = hash[k] >> (64 - SHARD_BITS)
        prefetch(lookup.slots.slots + lookup.slots.start[shard] + (hash[k] & lookup.slots.mask[shard]))
    for k in range(count):
        name[k] = candidate(lookup.names, cython.address(lookup.slots), hash[k], cython.address(at[k]))
        prefetch(lookup.names.row + name[k])
        prefetch(lookup.first + name[k])
    for k in range(count):
        prefetch(spelling_of(files, lookup.names, name[k]))
    for k in range(count):
        span = lookup.spans + first + k
        text: Bytes = lookup.text + span.offset
        while name[k] and not is_spelt(files, lookup.names, name[k], text, span.length):
            name[k] = candidate(lookup.names, cython.address(lookup.slots), hash[k], cython.address(at[k]))
        lookup.found[first + k] = name[k]
        if name[k]:
            atomic_max32(lookup.first + name[k], ~cython.cast(uint32_t, first + k))


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
@cython.inline
def spelling_of(files: cython.pointer[Files], names: cython.pointer[Names], name: uint32_t) -> Bytes:
    row = cython.address(names.row[name])
    return files.base[row.file] + files.row[row.file].stroff + row.offset


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
@cython.inline
def is_spelt(
    files: cython.pointer[Files], names: cython.pointer[Names], name: uint32_t, text: Bytes, length: uint32_t
) -> cython.bint:
    return names.row[name].length == length and memcmp(spelling_of(files, names, name), text, length) == 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def decide_rows(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Job over exact names: the first row of a name decides, unless the name was decided before."""
    lookup: LookupPtr = cython.cast(LookupPtr, context)
    state = lookup.verdicts
    i: int64_t
    for i in range(begin, end):
        name: uint32_t = lookup.found[i]
        if name == 0:
            continue
        span = lookup.spans + i
        first: uint32_t = ~lookup.first[name]
        span.flags = SPAN_DEFINED if state.row[name].flags & SYM_OBJECT_DEF else 0
        if first == i:
            give(state, name, span.version + 1)
        elif lookup.spans[first].version != span.version and not state.verdict[name] & VERDICT_SPELT:
            span.flags |= SPAN_CONTRADICTS
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
@cython.inline
def give(state: VerdictsPtr, name: uint32_t, verdict: uint32_t) -> cython.void:
    """Give a name a version, if it has none yet, or list it."""
    if state.listing:
        state.verdict[name] |= VERDICT_LISTED
    elif state.verdict[name] & VERDICT_VERSION == 0:
        state.verdict[name] |= verdict
