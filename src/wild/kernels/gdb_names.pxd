# Names for .gdb_index (gdb manual, "Index Section Format").

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from wild.kernels.dwarf cimport AddressRow, Content, Dwarf, UnitRow
from wild.kernels.elf cimport write32

cdef enum:
    NO_UNIT = 0xFFFFFFFF
    NAME_SHARDS = 64

cdef struct NameSet:             # the names of one unit, in one section
    const uint8_t *at
    const uint8_t *end
    uint64_t count, first        # entries
    uint32_t unit                # UnitRow, or NO_UNIT
    bint wide

cdef struct NameEntry:           # one mention of a name
    uint64_t hash
    const uint8_t *text
    uint32_t length
    uint32_t vector              # unit and attributes, as in the index

cdef struct NameSlot:            # a distinct name: what the hash table needs
    uint32_t hash, text, vector  # text and vector: offsets in the constant pool

cdef struct Shard:               # the names of a part of the hash space
    int64_t first, count, filled # entries in Index.sorted
    uint64_t names, vectors, bytes       # distinct names, bytes of unit vectors and of texts
    uint64_t first_name, vectors_at, bytes_at

cdef struct Index:
    Dwarf dwarf
    UnitRow *unit                # those of .debug_info, then those of .debug_types
    int64_t info_units, units
    NameSet *set
    int64_t sets
    NameEntry *entry
    NameEntry *sorted
    int64_t entries
    Shard shard[64]
    NameSlot *name
    uint8_t *pool                # the constant pool
    AddressRow *address
    uint64_t addresses

ctypedef Index *IndexPtr
ctypedef const void *ConstVoid

cdef inline uint32_t gdb_hash(const uint8_t *text, uint64_t length) noexcept nogil:
    cdef uint32_t r = 0, c
    cdef uint64_t i
    for i in range(length):
        c = text[i]
        if 65 <= c <= 90:
            c += 32
        r = r * 67 + c - 113
    return r

cdef inline void put_word(uint8_t *at, uint32_t value) noexcept nogil:
    write32(at, value)

cdef inline void put_text(uint8_t *at, const uint8_t *text, uint64_t length) noexcept nogil:
    memcpy(at, text, length)
    at[length] = 0

cdef int64_t read_sets(Index *index, Content *section, NameSet *sets) noexcept nogil
cdef int count_sets(void *context, int64_t begin, int64_t end, int worker) noexcept nogil
cdef int fill_sets(void *context, int64_t begin, int64_t end, int worker) noexcept nogil
cdef int sort_shards(void *context, int64_t begin, int64_t end, int worker) noexcept nogil
cdef int write_shards(void *context, int64_t begin, int64_t end, int worker) noexcept nogil
