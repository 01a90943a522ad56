# What other kernels see of the distinct names, and the cursor from GlobalIds to files.

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from wild.kernels.files cimport Inputs
from wild.kernels.pool cimport Fault
from wild.kernels.tables cimport Files, FileRow, NameRow, Names, SHARD_BITS

cdef extern from "string.h" nogil:
    const char *strchrnul(const char *text, int byte) noexcept

cdef extern from "stdlib.h" nogil:
    void *aligned_alloc(size_t alignment, size_t size) noexcept

cdef extern from "sys/mman.h" nogil:
    int madvise(void *start, size_t size, int advice) noexcept
    int MADV_HUGEPAGE

cdef enum:                       # in NameKey.length; names have less than 1 GiB
    KEY_VERSIONED = 1 << 31      # foo@V
    KEY_DEFAULT = 1 << 30        # foo of foo@@V
    KEY_LENGTH = 0x3FFFFFFF

cdef struct NameKey:             # one mention of a name, while the table is made
    uint64_t hash
    const uint8_t *text
    uint32_t length              # and the KEY_* bits
    uint32_t id                  # GlobalId

cdef struct Spelling:            # the bytes of a distinct name, while its shard is filled
    const uint8_t *text
    uint64_t length

cdef enum:
    BLOCK = 16384                # names; their keys fit the second-level cache twice

cdef struct NameSlots:           # the hash tables of all shards
    uint64_t *slots              # high half of the hash | index in the shard + 1; 0: free
    uint64_t start[64]
    uint64_t mask[64]

cdef struct Index:               # the context of the loops that make the table
    Files *files
    Names *names
    NameKey *keys                # of every mention; each block's run sorted by shard
    uint32_t *runs               # 65 a block: where in `keys` each shard's run begins
    uint32_t *marked             # by block: how many keys have KEY_VERSIONED or KEY_DEFAULT
    uint32_t *base               # by FileId: global_base
    NameKey *scratch             # BLOCK keys for each thread
    Spelling *spellings          # `widest` for each thread
    uint64_t widest              # keys in the fullest shard
    NameSlots *slots
    NameRow *rows                # where shards leave theirs, each from room_at[shard] on
    uint64_t room_at[64]
    int64_t blocks
    Fault *fault

ctypedef Index *IndexPtr

cdef class NameTable:
    cdef Names view
    cdef Inputs inputs
    cdef NameSlots slots
    cdef uint32_t *defaults      # GlobalIds of symbols foo@@V of objects
    cdef public int64_t default_count
    cdef uint32_t *versioned     # NameIds foo@V
    cdef public int64_t versioned_count
    cdef uint32_t lookup(self, const uint8_t *text, uint64_t length) noexcept nogil
    cdef const uint8_t *spelling(self, uint32_t name) noexcept nogil

cdef inline uint32_t globals_of(const FileRow *row) noexcept nogil:
    """How many global symbols a file has."""
    return row.nsyms - row.first_global

cdef inline uint32_t file_of_global(const Files *files, uint32_t id) noexcept nogil:
    """The FileId of a GlobalId (which must exist): the last file that begins at or before it."""
    cdef int64_t low = 0, high = files.count, middle
    while high - low > 1:
        middle = (low + high) >> 1
        if files.row[middle].global_base <= id:
            low = middle
        else:
            high = middle
    return <uint32_t> low

cdef inline uint32_t candidate(const Names *names, const NameSlots *slots, uint64_t hash, uint64_t *at) noexcept nogil:
    """The next name whose hash agrees in the bits a slot holds, from slot `at` on, which is moved behind it; else 0."""
    cdef uint64_t shard = hash >> (64 - SHARD_BITS)
    cdef const uint64_t *table = slots.slots + slots.start[shard]
    cdef uint64_t mask = slots.mask[shard], slot
    while True:
        slot = table[at[0] & mask]
        if slot == 0:
            return 0
        at[0] += 1
        if slot >> 32 == hash >> 32:
            return names.start[shard] + <uint32_t> slot - 1
