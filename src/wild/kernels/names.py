"""Names: every global name of every input is hashed once and gets a number, the same one for the same bytes.

The problem is a million strings in a thousand string tables, most of them in several files, with the numbers
to come out the same whatever the number of threads.  A concurrent hash table gives numbers by luck; merging
tables per thread hashes and compares everything twice.  Here the names are parted by the top bits of their
hashes into 64 shards, each of which one thread fills alone, in input order:

 1. `index_block` (mentions.py), parallel over blocks of GlobalIds (so that one huge file is not one thread's
    work): find the name's end, hash it, and leave a `NameKey`; then sort the keys of the block by shard,
    stably, while they are in cache.
 2. `fill_shard`, parallel over shards: walk the shard's run in every block, in order, and insert into an
    open-addressing table.  A name's number within its shard is the order of first appearance.
 3. `close_up`, parallel over shards, and `settle_ids`, over GlobalIds: NameId = start of the shard + number
    within it.  Until all shards are filled only upper bounds of the starts are known, by which rows are laid
    out in memory that is given back.  Ids with gaps would save these two loops, but most names are mentioned
    several times: every table by NameId would be four times as large as what is in it.

The first two loops are bound by memory latency, not by instructions: the symbol says where the name is, the name
gives the hash, the hash the slot, and the slot a name to compare with.  So each is prefetched a few steps
ahead.

Versions in names (`.symver`): the symbol `foo@@V` of an object bears the name `foo`, being what a plain
reference to `foo` means; an undefined `foo@@V`, which no assembler makes, is taken as a reference to `foo`,
too.  `foo@V` bears the name `foo@V`; what it is bound to is the matter of resolve.py.  In a shared object
only default versions bear their name.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import free
from cython.cimports.libc.string import memcmp, memcpy, memset
from cython.cimports.wild.kernels.cc import hash_bytes, prefetch
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.files import Inputs
from cython.cimports.wild.kernels.mentions import index_block
from cython.cimports.wild.kernels.names import *
from cython.cimports.wild.kernels.pool import Pool, write_first
from cython.cimports.wild.kernels.tables import *

LARGE_PAGE = cython.declare(cython.const[uint64_t], 2 << 20)
LINE = cython.declare(cython.const[uint64_t], 64)  # of cache; most names of C++ have two
AHEAD = cython.declare(cython.const[uint32_t], 8)
# While shards are filled, `of` has the shard in the upper bits and the number within it, counted from 1, below.
SHIFT = cython.declare(cython.const[uint32_t], 26)  # 32 - SHARD_BITS
IN_SHARD = cython.declare(cython.const[uint32_t], 1 << 26)


@cython.final
@cython.cclass
class NameTable:
    """The distinct global names of `inputs`, whose headers must have been read.

    Raises KernelFault for a name outside its string table and for a local symbol among an object's global
    ones.
    """

    def __cinit__(self, pool: Pool, inputs: Inputs):
        self.inputs = inputs
        index = cython.declare(Index)
        memset(cython.address(index), 0, cython.sizeof(Index))
        index.files = cython.address(inputs.view)
        index.names = cython.address(self.view)
        index.fault = cython.address(pool.fault)
        index.slots = cython.address(self.slots)
        self.view.of = cython.cast(U32, inputs.arena.array(inputs.view.globals, 4))
        try:
            fill_table(self, pool, cython.address(index))
        finally:
            free(index.keys)
            free(index.runs)
            free(index.marked)
            free(index.base)
            free(index.scratch)
            free(index.spellings)
            free(index.rows)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def lookup(self, text: Bytes, length: uint64_t) -> uint32_t:
        """The NameId of these bytes, 0 when no input mentions them."""
        hash: uint64_t = hash_bytes(text, length)
        at: uint64_t = hash
        while True:
            name: uint32_t = candidate(
                cython.address(self.view), cython.address(self.slots), hash, cython.address(at)
            )
            if name == 0:
                return 0
            if self.view.row[name].length == length and memcmp(self.spelling(name), text, length) == 0:
                return name

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def spelling(self, name: uint32_t) -> Bytes:
        """The first byte of a name (NameRow.length has their number)."""
        row = cython.address(self.view.row[name])
        return self.inputs.view.base[row.file] + self.inputs.view.row[row.file].stroff + row.offset

    def find(self, name: bytes) -> int:
        """The NameId of a name, 0 when no input mentions it."""
        text: Bytes = name
        return self.lookup(text, len(name))

    def text(self, name: int) -> bytes:
        """The bytes of a NameId; raises IndexError when there is no such name."""
        id: uint32_t = name
        for shard in range(SHARDS):
            if self.view.start[shard] <= id < self.view.start[shard] + self.view.count[shard]:
                spelling: Bytes = self.spelling(id)
                return spelling[: self.view.row[id].length]
        raise IndexError(f"no name has the number {name}")

    def of(self, global_id: int) -> int:
        """The NameId that a GlobalId bears, 0 for none."""
        if not 0 <= global_id < self.inputs.view.globals:
            raise IndexError(f"no symbol has the number {global_id}")
        return self.view.of[global_id]

    def first(self, name: int) -> int:
        """The lowest GlobalId that bears a name."""
        self.text(name)
        return self.view.row[cython.cast(uint32_t, name)].first

    def __len__(self):
        total: int64_t = 0
        for shard in range(SHARDS):
            total += self.view.count[shard]
        return total


@cython.cfunc
def fill_table(table: NameTable, pool: Pool, index: IndexPtr):
    count: int64_t = table.inputs.view.globals
    index.blocks = (count + BLOCK - 1) // BLOCK
    index.keys = cython.cast(cython.pointer[NameKey], room(count, cython.sizeof(NameKey)))
    index.runs = cython.cast(U32, room(65 * index.blocks, 4))
    index.marked = cython.cast(U32, room(index.blocks, 4))
    index.base = cython.cast(U32, room(index.files.count + 1, 4))
    index.scratch = cython.cast(cython.pointer[NameKey], room(BLOCK * pool.threads, cython.sizeof(NameKey)))
    file: int64_t
    for file in range(index.files.count):
        index.base[file] = index.files.row[file].global_base
    index.base[index.files.count] = NONE
    pool.run(index_block, index, index.blocks, 1)
    divide(table, index)
    index.spellings = cython.cast(
        cython.pointer[Spelling], room(index.widest * pool.threads, cython.sizeof(Spelling))
    )
    pool.run(fill_shard, index, SHARDS, 1)
    number(table, index)
    pool.run(close_up, index, SHARDS, 1)
    pool.run(settle_ids, index, count, 65536)
    list_marked(table, index)


@cython.cfunc
def divide(table: NameTable, index: IndexPtr):
    """Give each shard room for its rows and its slots, by the number of its keys."""
    total: uint64_t = 0
    slots: uint64_t = 0
    shard: cython.int
    for shard in range(SHARDS):
        keys: uint64_t = keys_in_shard(index, shard)
        index.widest = max(index.widest, keys)
        index.room_at[shard] = total
        total += keys
        width: uint64_t = 8
        while width < keys + (keys >> 2):
            width *= 2
        table.slots.start[shard] = slots
        table.slots.mask[shard] = width - 1
        slots += width
    if index.widest >= IN_SHARD:
        raise MemoryError(f"{index.widest} mentions of names are more than a shard can have")
    index.rows = cython.cast(cython.pointer[NameRow], room(total, cython.sizeof(NameRow)))
    table.slots.slots = cython.cast(U64, table.inputs.arena.array(slots, 8))


@cython.cfunc
def number(table: NameTable, index: IndexPtr):
    """Give each shard its range of NameIds, by the number of its names."""
    total: uint32_t = 1
    shard: cython.int
    for shard in range(SHARDS):
        table.view.start[shard] = total
        total += table.view.count[shard]
    table.view.start[SHARDS] = table.view.capacity = total
    table.view.row = cython.cast(
        cython.pointer[NameRow], table.inputs.arena.array(total, cython.sizeof(NameRow))
    )


@cython.cfunc
def list_marked(table: NameTable, index: IndexPtr):
    """Set aside the few names with versions, in the order of blocks and shards."""
    marked: uint64_t = 0
    block: int64_t
    at: uint32_t
    for block in range(index.blocks):
        marked += index.marked[block]
    table.defaults = cython.cast(U32, table.inputs.arena.array(marked, 4))
    table.versioned = cython.cast(U32, table.inputs.arena.array(marked, 4))
    for block in range(index.blocks):
        if index.marked[block]:
            for at in range(index.runs[65 * block], index.runs[65 * block + 64]):
                list_key(table, cython.address(index.keys[at]))


@cython.cfunc
@cython.exceptval(check=False)
def list_key(table: NameTable, key: cython.pointer[NameKey]) -> cython.void:
    name: uint32_t = table.view.of[key.id]
    if key.length & KEY_DEFAULT:
        table.defaults[table.default_count] = key.id
        table.default_count += 1
    elif key.length & KEY_VERSIONED and table.view.row[name].first == key.id:
        table.versioned[table.versioned_count] = name
        table.versioned_count += 1


@cython.cfunc
def room(count: uint64_t, size: uint64_t) -> cython.p_void:
    """Memory for the time of this pass; not the arena's, because it is to go back.

    In large pages if there are any: all of it is touched once, and page faults would be a sixth of the pass.
    """
    wanted: uint64_t = max(count, 1) * size
    large: cython.bint = wanted >= LARGE_PAGE
    if large:
        wanted = align_up(wanted, LARGE_PAGE)
    found = aligned_alloc(LARGE_PAGE if large else 64, align_up(wanted, 64))
    if found is cython.NULL:
        raise MemoryError(f"no memory for {count} names")
    if large:
        madvise(found, wanted, MADV_HUGEPAGE)
    return found


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def keys_in_shard(index: IndexPtr, shard: cython.int) -> uint64_t:
    total: uint64_t = 0
    block: int64_t
    for block in range(index.blocks):
        runs: U32 = index.runs + 65 * block + shard
        total += runs[1] - runs[0]
    return total


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def fill_shard(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Job over shards: number the distinct names of every block's run, in input order."""
    index: IndexPtr = cython.cast(IndexPtr, context)
    spellings = index.spellings + worker * index.widest
    shard: int64_t
    block: int64_t
    for shard in range(begin, end):
        count: uint32_t = 0
        file: uint32_t = 0
        write_first(index.slots.slots + index.slots.start[shard], 8 * (index.slots.mask[shard] + 1))
        for block in range(index.blocks):
            runs: U32 = index.runs + 65 * block + shard
            count = fill_run(
                index, shard, index.keys + runs[0], runs[1] - runs[0], spellings, count, cython.address(file)
            )
        index.names.count[shard] = count
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def fill_run(
    index: IndexPtr,
    shard: int64_t,
    keys: cython.pointer[NameKey],
    keys_count: uint32_t,
    spellings: cython.pointer[Spelling],
    count: uint32_t,
    file: cython.pointer[uint32_t],
) -> uint32_t:
    """Insert one run; `count` names are in the shard already.  Returns how many there are then."""
    slots: U64 = index.slots.slots + index.slots.start[shard]
    mask: uint64_t = index.slots.mask[shard]
    rows = index.rows + index.room_at[shard]
    this_shard: uint32_t = cython.cast(uint32_t, shard << SHIFT)
    i: uint32_t
    for i in range(keys_count):
        if i + 2 * AHEAD < keys_count:
            prefetch(slots + (keys[i + 2 * AHEAD].hash & mask))
            prefetch(keys[i + 2 * AHEAD].text)
            prefetch(keys[i + 2 * AHEAD].text + LINE)
        if i + AHEAD < keys_count:
            slot: uint64_t = slots[keys[i + AHEAD].hash & mask]
            if slot:
                prefetch(spellings[cython.cast(uint32_t, slot) - 1].text)
                prefetch(spellings[cython.cast(uint32_t, slot) - 1].text + LINE)
        key = keys + i
        length: uint64_t = key.length & KEY_LENGTH
        at: uint64_t = find_slot(slots, mask, key, spellings)
        if slots[at] == 0:
            while index.base[file[0] + 1] <= key.id:
                file[0] += 1
            spellings[count].text = key.text
            spellings[count].length = length
            row = cython.address(rows[count])
            row.hash = key.hash
            row.file = file[0]
            row.offset = offset_in_strings(index.files, file[0], key.text)
            row.length = cython.cast(uint32_t, length)
            row.first = key.id
            count += 1
            slots[at] = (key.hash >> 32 << 32) | count
        index.names.of[key.id] = this_shard | cython.cast(uint32_t, slots[at])
    return count


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def close_up(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Job over shards: bring the rows to where their NameIds say."""
    index: IndexPtr = cython.cast(IndexPtr, context)
    shard: int64_t
    for shard in range(begin, end):
        memcpy(
            index.names.row + index.names.start[shard],
            index.rows + index.room_at[shard],
            index.names.count[shard] * cython.sizeof(NameRow),
        )
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def settle_ids(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Job over GlobalIds: from the number within a shard, counted from 1, to the NameId."""
    names = cython.cast(IndexPtr, context).names
    id: int64_t
    for id in range(begin, end):
        within: uint32_t = names.of[id] & (IN_SHARD - 1)
        if within:
            names.of[id] = names.start[names.of[id] >> SHIFT] + within - 1
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
@cython.inline
def offset_in_strings(files: cython.pointer[Files], file: uint32_t, text: Bytes) -> uint32_t:
    return cython.cast(uint32_t, text - (files.base[file] + files.row[file].stroff))


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
@cython.inline
def find_slot(
    slots: U64, mask: uint64_t, key: cython.pointer[NameKey], spellings: cython.pointer[Spelling]
) -> uint64_t:
    """The slot that holds the key's name, or the free one where it belongs."""
    at: uint64_t = key.hash & mask
    length: uint64_t = key.length & KEY_LENGTH
    while slots[at]:
        if slots[at] >> 32 == key.hash >> 32:
            known = spellings + (cython.cast(uint32_t, slots[at]) - 1)
            if known.length == length and memcmp(known.text, key.text, length) == 0:
                break
        at = (at + 1) & mask
    return at
