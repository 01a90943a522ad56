"""The names of dynamic symbols: their length without a version, their hash, their place in .dynstr.

.dynstr has first the strings that the policy adds (DT_NEEDED, DT_SONAME, versions), each once; then the
names in row order.  The table of names has each name once, so the only equal strings left are those of
several versions of a name (`foo@V1`, `foo@@V2`); where there are such names, their bare names are looked up
in a table of their own.  Names are not looked up among the policy's strings, nor are tails shared: a
library's names have few common tails.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint8_t, uint32_t, uint64_t
from cython.cimports.libc.string import memchr, memcmp, memcpy
from cython.cimports.wild.kernels.cc import fetch_add, prefetch
from cython.cimports.wild.kernels.drafts import begin_run, end_run
from cython.cimports.wild.kernels.dynhash import gnu_hash
from cython.cimports.wild.kernels.dynnames import BLOCK, DynamicTables
from cython.cimports.wild.kernels.elf import U32, U64
from cython.cimports.wild.kernels.pool import Arena, Pool
from cython.cimports.wild.kernels.views import name_bytes

from wild.errors import LinkError

AHEAD = cython.declare(cython.const[int64_t], 12)  # rows whose cache lines are fetched before they are wanted


@cython.cfunc
@cython.exceptval(-1, check=False)
def share_names(arena: Arena, view: cython.pointer[DynamicTables]) -> cython.int:
    """Find the rows whose bare name an earlier row has; only names with a version can be such."""
    if view.versioned == 0:
        return 0
    size: uint64_t = 2
    while size < cython.cast(uint64_t, view.versioned) * 2:
        size *= 2
    view.same = cython.cast(U32, arena.array(view.total, 4))
    scratch = Arena()
    slots = cython.cast(U32, scratch.array(size, 4))
    i: int64_t
    with cython.nogil:
        for i in range(view.total):
            if view.row[i].length != view.tables.names.row[view.row[i].name].length:
                find_name(view, slots, size - 1, i, True)
        find_sharers(view, slots, size - 1)
    return 0


@cython.cfunc
@cython.exceptval(check=True)
def place_names(pool: Pool, arena: Arena, view: cython.pointer[DynamicTables], start: uint64_t) -> uint64_t:
    """Offsets in .dynstr from `start` on; returns its size, raises LinkError if it has more than 32 bits."""
    blocks: int64_t = (view.total + BLOCK - 1) // BLOCK
    view.block_bytes = cython.cast(U64, arena.array(blocks, 8))
    pool.run(sum_names, view, view.total, BLOCK)
    block: int64_t
    for block in range(blocks):
        size: uint64_t = view.block_bytes[block]
        view.block_bytes[block] = start
        start += size
    if start >> 32:
        raise LinkError(f"the names of dynamic symbols have {start} bytes; .dynstr can have 4 GiB")
    pool.run(offset_names, view, view.total, BLOCK)
    i: int64_t
    if view.same is not cython.NULL:
        for i in range(view.total):
            if view.same[i]:
                view.row[i].string = view.row[view.same[i] - 1].string
    return start


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def measure_names(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Length and hash of each bare name: `foo` of `foo@V`."""
    view = cython.cast(cython.pointer[DynamicTables], context)
    versioned: int64_t = 0
    i: int64_t
    for i in range(begin, end):
        row = cython.address(view.row[i])
        if i + 2 * AHEAD < end:
            prefetch(view.tables.names.row + row[2 * AHEAD].name)
            prefetch(name_bytes(view.tables, row[AHEAD].name))
        text = name_bytes(view.tables, row.name)
        row.length = view.tables.names.row[row.name].length
        at = cython.cast(cython.pointer[cython.const[uint8_t]], memchr(text, 64, row.length))
        if at is not cython.NULL:
            row.length = cython.cast(uint32_t, at - text)
            versioned += 1
        row.hash = gnu_hash(text, row.length)
    if versioned:
        fetch_add(cython.address(view.versioned), versioned)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def find_name(
    view: cython.pointer[DynamicTables], slots: U32, mask: uint64_t, i: int64_t, add: cython.bint
) -> cython.pointer[uint32_t]:
    """The slot of the first row with the bare name of row `i`, or a free one (which `i` takes if `add`)."""
    row = cython.address(view.row[i])
    text = name_bytes(view.tables, row.name)
    at: uint64_t = (row.hash * cython.cast(uint64_t, 0x9E3779B1)) & mask
    while slots[at]:
        other = cython.address(view.row[slots[at] - 1])
        if other.hash == row.hash and other.length == row.length:
            if memcmp(name_bytes(view.tables, other.name), text, row.length) == 0:
                return slots + at
        at = (at + 1) & mask
    if add:
        slots[at] = cython.cast(uint32_t, i + 1)
    return slots + at


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def find_sharers(view: cython.pointer[DynamicTables], slots: U32, mask: uint64_t) -> cython.void:
    """Point every row whose bare name stands in `slots` to the row that keeps the string.

    That is the first row of all with the name, which may be one without a version: it then takes the slot
    over.
    """
    i: int64_t
    for i in range(view.total):
        slot = find_name(view, slots, mask, i, False)
        if slot[0] == 0 or slot[0] == i + 1:
            continue
        if slot[0] > i:
            slot[0] = cython.cast(uint32_t, i + 1)
        else:
            view.same[i] = slot[0]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def sum_names(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    view = cython.cast(cython.pointer[DynamicTables], context)
    size: uint64_t = 0
    i: int64_t
    for i in range(begin, end):
        if has_string(view, i):
            size += view.row[i].length + 1
    view.block_bytes[begin // BLOCK] = size
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def offset_names(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    view = cython.cast(cython.pointer[DynamicTables], context)
    at: uint64_t = view.block_bytes[begin // BLOCK]
    i: int64_t
    for i in range(begin, end):
        if has_string(view, i):
            view.row[i].string = cython.cast(uint32_t, at)
            at += view.row[i].length + 1
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def write_names(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    view = cython.cast(cython.pointer[DynamicTables], context)
    first: uint64_t = view.block_bytes[begin // BLOCK]
    i: int64_t = end - 1
    while i > begin and not has_string(view, i):
        i -= 1
    size: uint64_t = 0
    if has_string(view, i):
        size = view.row[i].string + view.row[i].length + 1 - first
    place = view.to + first
    run = begin_run(view.drafts, worker, 0, place, size)
    to = run - first
    for i in range(begin, end):
        row = cython.address(view.row[i])
        if i + 2 * AHEAD < end:
            prefetch(view.tables.names.row + row[2 * AHEAD].name)
            prefetch(name_bytes(view.tables, row[AHEAD].name))
        if has_string(view, i):
            memcpy(to + row.string, name_bytes(view.tables, row.name), row.length)
            to[row.string + row.length] = 0
    end_run(view.drafts, run, place, size)
    return 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def has_string(view: cython.pointer[DynamicTables], i: int64_t) -> cython.bint:
    """Does a row have a name of its own in .dynstr?"""
    return view.same is cython.NULL or not view.same[i]
