# Files on disk as byte ranges in memory.

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from wild.kernels.pool cimport Pool

cdef enum:                       # MapRow.kind
    KIND_OTHER = 0               # of no use to a link; wild/faults.py says why
    KIND_OBJECT = 1
    KIND_SHARED = 2
    KIND_ARCHIVE = 3
    KIND_THIN = 4
    KIND_TEXT = 5                # perhaps a linker script
    KIND_BITCODE = 6

cdef enum:                       # MapRow.error where errno has no value for it
    REASON_EMPTY = -1
    REASON_NOT_REGULAR = -2
    REASON_CHANGED = -3

cdef enum:                       # MapRow.held: how the bytes are given back
    HELD_NOT = 0                 # they are not ours (worker memory is freed as a whole)
    HELD_MAPPED = 1
    HELD_ALLOCATED = 2

cdef struct MapRow:
    const uint8_t *base
    uint64_t size
    const char *path             # as the user wrote it
    uint64_t device, inode
    int64_t seconds, nanoseconds # st_mtim when it was opened
    int32_t error                # errno or REASON_*, 0: open
    uint8_t kind
    uint8_t held
    bint settled                 # what we hold cannot change any more

cdef struct Reader:              # one worker's memory for small files
    void *chunks                 # each begins with the address of the one before
    uint8_t *at
    uint64_t left

cdef int open_maps(Pool pool, MapRow *rows, int64_t count, Reader *readers) except -1
cdef int find_changes(Pool pool, MapRow *rows, int64_t count, uint8_t *changed) except -1
cdef void close_map(MapRow *row) noexcept nogil
cdef void close_reader(Reader *reader) noexcept nogil
cdef int identify(const uint8_t *base, uint64_t size) noexcept nogil
cdef bint is_library(const char *path) noexcept nogil
