"""Names for .gdb_index: the sets of .debug_gnu_pubnames and .debug_gnu_pubtypes, each distinct name once.

A compiler writes these sets under -ggnu-pubnames (and -gsplit-dwarf): for each unit the names a debugger may be asked
for, with a byte that says what each is.  Entries are counted set by set, copied in parallel, and sorted by shards of
their hash; after that equal names stand side by side, with the units they are in ascending.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import qsort
from cython.cimports.libc.string import memcmp
from cython.cimports.wild.kernels.cc import hash_bytes
from cython.cimports.wild.kernels.dwarf import *
from cython.cimports.wild.kernels.gdb_names import *

WIDE = cython.declare(cython.const[uint64_t], 0xFFFFFFFF)  # a length that announces one of 64 bits


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def read_sets(index: IndexPtr, section: cython.pointer[Content], sets: cython.pointer[NameSet]) -> int64_t:
    """Count the sets of a section, or fill their rows if `sets` is not NULL; -1: a set cannot be read."""
    count: int64_t = 0
    at: uint64_t = 0
    while at < section.size:
        r: Reader = reader_of(section, at)
        size: uint64_t = take(cython.address(r), 4)
        word: uint64_t = 4
        if size == WIDE:
            size = take(cython.address(r), 8)
            word = 8
        start: uint64_t = r.at - section.at
        take(cython.address(r), 2)
        unit: uint64_t = take(cython.address(r), word)
        take(cython.address(r), word)
        if r.failed or size > section.size - start or cython.cast(uint64_t, r.at - section.at) > start + size:
            return -1
        if sets is not cython.NULL:
            sets[count].at = r.at
            sets[count].end = section.at + start + size
            sets[count].wide = word == 8
            sets[count].unit = unit_at(index, unit)
            sets[count].count = 0
            sets[count].first = 0
        count += 1
        at = start + size
    return count


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def unit_at(index: IndexPtr, offset: uint64_t) -> uint32_t:
    """The row of the unit of .debug_info at an offset, NO_UNIT if none begins there."""
    low: int64_t = 0
    high: int64_t = index.info_units
    while low < high:
        middle: int64_t = (low + high) >> 1
        if index.unit[middle].offset < offset:
            low = middle + 1
        else:
            high = middle
    if low < index.info_units and index.unit[low].offset == offset:
        index.unit[low].named = 1
        return cython.cast(uint32_t, low)
    return NO_UNIT


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def scan_set(set: cython.pointer[NameSet], out: cython.pointer[NameEntry], attributes: uint32_t) -> uint64_t:
    """Count the entries of a set, or write them: offset of the entry, a byte of flags, the name."""
    r = cython.declare(Reader)
    r.at = set.at
    r.end = set.end
    r.failed = False
    count: uint64_t = 0
    while True:
        offset: uint64_t = take(cython.address(r), 8 if set.wide else 4)
        if r.failed or offset == 0:
            return count
        flags: uint64_t = take(cython.address(r), 1)
        text = r.at
        skip_string(cython.address(r))
        if r.failed:
            return count
        if out is not cython.NULL:
            length: uint64_t = r.at - text - 1
            out[count].text = text
            out[count].length = cython.cast(uint32_t, length)
            out[count].hash = hash_bytes(text, length)
            out[count].vector = cython.cast(uint32_t, flags & 0xF0) << 24 | attributes
        count += 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def count_sets(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    index = cython.cast(IndexPtr, context)
    i: int64_t
    for i in range(begin, end):
        set = cython.address(index.set[i])
        if set.unit != NO_UNIT:
            set.count = scan_set(set, cython.NULL, 0)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def fill_sets(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    index = cython.cast(IndexPtr, context)
    i: int64_t
    for i in range(begin, end):
        set = cython.address(index.set[i])
        if set.unit != NO_UNIT:
            scan_set(set, index.entry + set.first, index.unit[set.unit].index)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def compare(a: ConstVoid, b: ConstVoid) -> cython.int:
    """By hash, name, and what is said of it."""
    one = cython.cast(cython.pointer[NameEntry], a)
    other = cython.cast(cython.pointer[NameEntry], b)
    if one.hash != other.hash:
        return -1 if one.hash < other.hash else 1
    if one.length != other.length:
        return -1 if one.length < other.length else 1
    order: cython.int = memcmp(one.text, other.text, one.length)
    if order:
        return order
    # Units first: that is how gdb writes them, and kinds within a unit.
    left: uint64_t = cython.cast(uint64_t, one.vector & 0xFFFFFF) << 32 | one.vector
    right: uint64_t = cython.cast(uint64_t, other.vector & 0xFFFFFF) << 32 | other.vector
    if left == right:
        return 0
    return -1 if left < right else 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def is_same_name(a: cython.pointer[NameEntry], b: cython.pointer[NameEntry]) -> cython.bint:
    return a.hash == b.hash and a.length == b.length and memcmp(a.text, b.text, a.length) == 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def sort_shards(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Sort some shards and measure what their names need: words of unit vectors, bytes of text."""
    index = cython.cast(IndexPtr, context)
    s: int64_t
    i: int64_t
    for s in range(begin, end):
        shard = cython.address(index.shard[s])
        first = index.sorted + shard.first
        qsort(first, shard.count, cython.sizeof(NameEntry), compare)
        shard.names = shard.vectors = shard.bytes = 0
        for i in range(shard.count):
            if i == 0 or not is_same_name(first + i - 1, first + i):
                shard.names += 1
                shard.vectors += 8
                shard.bytes += first[i].length + 1
            elif first[i].vector != first[i - 1].vector:
                shard.vectors += 4
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def write_shards(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Write the vectors and texts of some shards, and note where each name's are for the hash table."""
    index = cython.cast(IndexPtr, context)
    s: int64_t
    for s in range(begin, end):
        write_shard(index, cython.address(index.shard[s]))
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def write_shard(index: IndexPtr, shard: cython.pointer[Shard]) -> cython.void:
    first = index.sorted + shard.first
    name: uint64_t = shard.first_name
    vector: uint64_t = shard.vectors_at
    text: uint64_t = shard.bytes_at
    start: uint64_t = 0
    i: int64_t
    for i in range(shard.count):
        if i == 0 or not is_same_name(first + i - 1, first + i):
            start = vector
            row = cython.address(index.name[name])
            row.hash = gdb_hash(first[i].text, first[i].length)
            row.text = cython.cast(uint32_t, text)
            row.vector = cython.cast(uint32_t, start)
            put_text(index.pool + text, first[i].text, first[i].length)
            put_word(index.pool + start, 0)
            name += 1
            text += first[i].length + 1
            vector += 4
        elif first[i].vector == first[i - 1].vector:
            continue
        put_word(index.pool + vector, first[i].vector)
        vector += 4
        put_word(index.pool + start, cython.cast(uint32_t, (vector - start) // 4 - 1))
