"""The hash tables by which the dynamic linker finds a symbol: .gnu.hash and .hash.

A table of DT_GNU_HASH ("ELF: better symbol lookup via DT_GNU_HASH", and glibc's dl-lookup) has a Bloom
filter that rejects nearly all names that are not there, and buckets.  A bucket is a *run* of symbols:
.dynsym must be sorted by bucket, undefined symbols standing before all others, outside the table.  Beside
each symbol stands its hash, whose lowest bit marks the end of the run; so a lookup compares a name only
when 31 bits of its hash agree.

- Buckets: one for four symbols, an odd number, because the low bits of the hash (h * 33 + c) depend on the
  last letters of the name only.
- Bloom filter: the power of two of 64-bit words that gives a symbol 12 to 24 bits.  Two bits are set for
  each, so that 2 % of the names that are not there pass (1 - exp(-2/12), squared).
- The second bit is taken from bit 26 upwards: the first bit and the word use bits 0 to 5 and 6 to 25, which
  are all the bits a filter of up to 2^20 words (5 million symbols) looks at; so the two bits are
  independent.

DT_HASH (gABI, "Hash Table") links symbols of a bucket by a list and has no hash beside the name: a lookup
compares each name of the list.  Hence one bucket for each symbol.

An incremental link leaves indices without symbols behind those of every bucket, which a later link can use
without moving others.  The hash beside such an index is the number of its bucket, and the run of an empty
bucket consists of the first of them: nothing is found there, since a nameless reference is no definition.

Sorting by bucket is stable (input order inside a bucket) and parallel in two steps, as a radix sort is:
blocks of rows are dealt out to partitions of neighbouring buckets, then each partition counts and fills its
own buckets.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint8_t, uint32_t, uint64_t
from cython.cimports.libc.string import memset
from cython.cimports.wild.kernels.cc import set_bits32
from cython.cimports.wild.kernels.dynhash import HashTables
from cython.cimports.wild.kernels.elf import U32, MutableBytes, write32
from cython.cimports.wild.kernels.pool import Arena, Pool
from cython.cimports.wild.kernels.tables import NONE
from cython.cimports.wild.kernels.views import name_bytes

SHIFT = cython.declare(cython.const[uint32_t], 26)
BLOCK = cython.declare(cython.const[int64_t], 8192)  # rows
LEAST_BUCKETS = cython.declare(cython.const[uint32_t], 127)  # where there is room in them
PARTITIONS = cython.declare(cython.const[int64_t], 64)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def gnu_hash(text: cython.pointer[cython.const[uint8_t]], length: uint64_t) -> uint32_t:
    """h = h * 33 + c from 5381 on, four characters a step."""
    value: uint32_t = 5381
    while length >= 4:
        value = value * 1185921 + text[0] * 35937 + text[1] * 1089 + text[2] * 33 + text[3]
        text += 4
        length -= 4
    while length:
        value = value * 33 + text[0]
        text += 1
        length -= 1
    return value


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def sysv_hash(text: cython.pointer[cython.const[uint8_t]], length: uint64_t) -> uint32_t:
    """The hash function of the gABI; 28 bits."""
    value: uint32_t = 0
    i: uint64_t
    for i in range(length):
        value = (value << 4) + text[i]
        value = (value ^ ((value >> 24) & 0xF0)) & 0x0FFFFFFF
    return value


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def choose_sizes(hashes: cython.pointer[HashTables]) -> cython.void:
    """Numbers of buckets and of words in the Bloom filter."""
    symbols: uint64_t = hashes.total - hashes.undefined
    hashes.buckets = cython.cast(uint32_t, (symbols // 4) | 1)
    if hashes.per_bucket:
        hashes.buckets = max(hashes.buckets, LEAST_BUCKETS)
    hashes.bloom_words = 1
    while cython.cast(uint64_t, hashes.bloom_words) * 64 < symbols * 12:
        hashes.bloom_words *= 2


@cython.cfunc
@cython.exceptval(-1, check=False)
def sort_by_bucket(pool: Pool, hashes: cython.pointer[HashTables]) -> cython.int:
    """Give every row its index in .dynsym; `bucket_end` has room for `buckets` + 1."""
    i: int64_t
    for i in range(hashes.undefined):
        hashes.row[i].index = cython.cast(uint32_t, i + 1)
    symbols: int64_t = hashes.total - hashes.undefined
    blocks: int64_t = (symbols + BLOCK - 1) // BLOCK
    if hashes.per_bucket:
        blocks = max(blocks, 1)  # there is room in the buckets even if no symbol is
    hashes.per_partition = (hashes.buckets + PARTITIONS - 1) // PARTITIONS
    scratch = Arena()
    hashes.sorted = cython.cast(U32, scratch.array(symbols, 4))
    hashes.partition_start = cython.cast(U32, scratch.array(blocks * PARTITIONS + 1, 4))
    hashes.bucket_end[0] = cython.cast(uint32_t, hashes.undefined + hashes.spare + 1)
    pool.run(count_partitions, hashes, blocks, 1)
    start: uint32_t = 0
    partition: int64_t
    block: int64_t
    for partition in range(PARTITIONS):
        for block in range(blocks):
            count: uint32_t = hashes.partition_start[block * PARTITIONS + partition]
            hashes.partition_start[block * PARTITIONS + partition] = start
            start += count
    pool.run(deal_rows, hashes, blocks, 1)
    pool.run(fill_buckets, hashes, PARTITIONS if blocks else 0, 1)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def count_partitions(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Note every row's bucket in `index` and count the rows of each partition."""
    hashes = cython.cast(cython.pointer[HashTables], context)
    block: int64_t
    i: int64_t
    for block in range(begin, end):
        counts: U32 = hashes.partition_start + block * PARTITIONS
        last: int64_t = min(hashes.undefined + (block + 1) * BLOCK, hashes.total)
        for i in range(hashes.undefined + block * BLOCK, last):
            row = cython.address(hashes.row[i])
            row.index = row.hash % hashes.buckets
            counts[row.index // hashes.per_partition] += 1
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def deal_rows(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """List the rows by partition; `partition_start` of a block becomes that of the next."""
    hashes = cython.cast(cython.pointer[HashTables], context)
    block: int64_t
    i: int64_t
    for block in range(begin, end):
        next_free: U32 = hashes.partition_start + block * PARTITIONS
        last: int64_t = min(hashes.undefined + (block + 1) * BLOCK, hashes.total)
        for i in range(hashes.undefined + block * BLOCK, last):
            partition: int64_t = hashes.row[i].index // hashes.per_partition
            hashes.sorted[next_free[partition]] = cython.cast(uint32_t, i)
            next_free[partition] += 1
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def fill_buckets(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Count a partition's buckets, then hand out the indices of each in turn."""
    hashes = cython.cast(cython.pointer[HashTables], context)
    symbols: int64_t = hashes.total - hashes.undefined
    last_block: int64_t = (max(symbols, 1) - 1) // BLOCK
    ends: U32 = hashes.partition_start + last_block * PARTITIONS
    partition: int64_t
    i: int64_t
    bucket: int64_t
    for partition in range(begin, end):
        first: int64_t = ends[partition - 1] if partition else 0
        for i in range(first, ends[partition]):
            hashes.bucket_end[1 + hashes.row[hashes.sorted[i]].index] += 1
        index: uint32_t = cython.cast(uint32_t, hashes.undefined + hashes.spare + 1 + first)
        last: int64_t = min((partition + 1) * hashes.per_partition, cython.cast(int64_t, hashes.buckets))
        index += cython.cast(uint32_t, partition * hashes.per_partition * hashes.per_bucket)
        for bucket in range(partition * hashes.per_partition, last):
            count: uint32_t = hashes.bucket_end[1 + bucket]
            hashes.bucket_end[1 + bucket] = index
            index += count + hashes.per_bucket
        for i in range(first, ends[partition]):
            row = cython.address(hashes.row[hashes.sorted[i]])
            bucket = row.index
            row.index = hashes.bucket_end[1 + bucket]
            hashes.bucket_end[1 + bucket] += 1
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def gnu_hash_size(hashes: cython.pointer[HashTables]) -> uint64_t:
    return (
        16
        + 8 * cython.cast(uint64_t, hashes.bloom_words)
        + 4 * (cython.cast(uint64_t, hashes.buckets) + hashes.total - hashes.undefined)
        + 4 * spare_in_buckets(hashes)
    )


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def spare_in_buckets(hashes: cython.pointer[HashTables]) -> uint64_t:
    """Indices without symbols behind the first definition."""
    return cython.cast(uint64_t, hashes.buckets) * hashes.per_bucket


@cython.cfunc
@cython.exceptval(-1, check=False)
def write_gnu_hash(pool: Pool, hashes: cython.pointer[HashTables], to: MutableBytes) -> cython.int:
    """Header, Bloom filter, buckets, hashes."""
    write32(to, hashes.buckets)
    write32(to + 4, cython.cast(uint32_t, hashes.undefined + hashes.spare + 1))
    write32(to + 8, hashes.bloom_words)
    write32(to + 12, SHIFT)
    memset(to + 16, 0, 8 * cython.cast(uint64_t, hashes.bloom_words))
    hashes.to = to
    hashes.alone = pool.threads == 1
    pool.run(write_chains, hashes, hashes.total - hashes.undefined, BLOCK)
    pool.run(write_buckets, hashes, hashes.buckets, BLOCK)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def write_chains(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """The hash and the two bits of each symbol."""
    hashes = cython.cast(cython.pointer[HashTables], context)
    bloom = cython.cast(U32, hashes.to + 16)
    chains: U32 = bloom + 2 * hashes.bloom_words + hashes.buckets
    i: int64_t
    for i in range(hashes.undefined + begin, hashes.undefined + end):
        row = cython.address(hashes.row[i])
        value: uint32_t = row.hash
        chains[row.index - hashes.bucket_end[0]] = value & ~cython.cast(uint32_t, 1)
        halves: U32 = bloom + 2 * ((value >> 6) & (hashes.bloom_words - 1))
        set_bloom_bit(halves, value & 63, hashes.alone)
        set_bloom_bit(halves, (value >> SHIFT) & 63, hashes.alone)
    return 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def set_bloom_bit(halves: U32, bit: uint32_t, alone: cython.bint) -> cython.void:
    """Set a bit of a 64-bit word that is given as its two halves."""
    mask: uint32_t = cython.cast(uint32_t, 1) << (bit & 31)
    if alone:
        halves[bit >> 5] |= mask
    else:
        set_bits32(halves + (bit >> 5), mask)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def write_buckets(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """The first symbol of each bucket, and the mark at its last."""
    hashes = cython.cast(cython.pointer[HashTables], context)
    buckets: U32 = cython.cast(U32, hashes.to + 16) + 2 * hashes.bloom_words
    chains: U32 = buckets + hashes.buckets
    bucket: int64_t
    for bucket in range(begin, end):
        first: uint32_t = hashes.bucket_end[bucket] + (hashes.per_bucket if bucket else 0)
        after: uint32_t = hashes.bucket_end[bucket + 1]
        spare: uint32_t
        for spare in range(hashes.per_bucket):
            chains[after + spare - hashes.bucket_end[0]] = cython.cast(uint32_t, bucket) << 1
        buckets[bucket] = first if after > first or hashes.per_bucket else 0
        if after > first:
            chains[after - 1 - hashes.bucket_end[0]] |= 1
        elif hashes.per_bucket:
            chains[after - hashes.bucket_end[0]] |= 1
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def sysv_buckets(hashes: cython.pointer[HashTables]) -> uint32_t:
    return cython.cast(uint32_t, hashes.total | 1)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def sysv_hash_size(hashes: cython.pointer[HashTables]) -> uint64_t:
    return 4 * (2 + cython.cast(uint64_t, sysv_buckets(hashes)) + sysv_chains(hashes))


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def sysv_chains(hashes: cython.pointer[HashTables]) -> uint64_t:
    return hashes.total + hashes.spare + spare_in_buckets(hashes) + 1


@cython.cfunc
@cython.exceptval(-1, check=False)
def write_sysv_hash(pool: Pool, hashes: cython.pointer[HashTables], to: MutableBytes) -> cython.int:
    """Counts, buckets, chains; a chain has its symbols in ascending order."""
    hashes.to = to
    buckets: U32 = cython.cast(U32, to) + 2
    chains: U32 = buckets + sysv_buckets(hashes)
    write32(to, sysv_buckets(hashes))
    write32(to + 4, cython.cast(uint32_t, sysv_chains(hashes)))
    memset(chains, 0xFF, 4 * sysv_chains(hashes))
    memset(buckets, 0, 4 * cython.cast(uint64_t, sysv_buckets(hashes)))
    pool.run(note_sysv_buckets, hashes, hashes.total, BLOCK)
    chains[0] = 0
    index: int64_t
    with cython.nogil:
        for index in range(cython.cast(int64_t, sysv_chains(hashes)) - 1, 0, -1):
            bucket: uint32_t = chains[index]
            if bucket == NONE:
                chains[index] = 0  # room for later links
                continue
            chains[index] = buckets[bucket]
            buckets[bucket] = cython.cast(uint32_t, index)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def note_sysv_buckets(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Leave the number of each symbol's bucket where its chain word will stand."""
    hashes = cython.cast(cython.pointer[HashTables], context)
    count: uint32_t = sysv_buckets(hashes)
    chains: U32 = cython.cast(U32, hashes.to) + 2 + count
    i: int64_t
    for i in range(begin, end):
        row = cython.address(hashes.row[i])
        chains[row.index] = sysv_hash(name_bytes(hashes.tables, row.name), row.length) % count
    return 0
