# The rows of .dynsym and the two hash tables over them.

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from wild.kernels.pool cimport Pool
from wild.kernels.views cimport Tables

cdef struct DynamicRow:          # one entry of .dynsym but the null entry; in input order, undefined ones first
    uint32_t name                # NameId
    uint32_t hash                # GNU hash of the bare name
    uint32_t string              # offset in .dynstr
    uint32_t length              # of the bare name
    uint32_t index               # in .dynsym
    uint32_t version             # its halfword in .gnu.version

cdef struct HashTables:
    Tables *tables
    DynamicRow *row
    int64_t undefined            # rows that the GNU table leaves out: the first ones
    int64_t total                # all rows
    int64_t spare                # indices between those of undefined ones and the others that are for later links
    uint32_t per_bucket          # indices behind those of every bucket of the GNU table that are for later links
    uint32_t buckets             # of the GNU table
    uint32_t bloom_words
    uint32_t *bucket_end         # by bucket + 1: .dynsym index behind its last symbol; [0]: first index of all
    uint32_t *sorted             # rows in order of their partition, while they are sorted
    uint32_t *partition_start    # blocks x partitions
    int64_t per_partition        # buckets in a partition
    uint8_t *to
    bint alone                   # one thread: no atomics needed

cdef void choose_sizes(HashTables *tables) noexcept nogil
cdef int sort_by_bucket(Pool pool, HashTables *tables) except -1
cdef uint64_t spare_in_buckets(HashTables *tables) noexcept nogil
cdef uint64_t gnu_hash_size(HashTables *tables) noexcept nogil
cdef int write_gnu_hash(Pool pool, HashTables *tables, uint8_t *to) except -1
cdef uint64_t sysv_hash_size(HashTables *tables) noexcept nogil
cdef int write_sysv_hash(Pool pool, HashTables *tables, uint8_t *to) except -1
cdef uint32_t gnu_hash(const uint8_t *text, uint64_t length) noexcept nogil
cdef uint32_t sysv_hash(const uint8_t *text, uint64_t length) noexcept nogil
