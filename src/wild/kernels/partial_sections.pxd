# Joining sections of a partial link.

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from wild.kernels.glob cimport GlobPattern
from wild.kernels.partial cimport OutRow, Partial
from wild.kernels.pool cimport Arena

cdef enum:
    OTHER_FLAGS = 0xA40          # SHF_GROUP, SHF_COMPRESSED, SHF_INFO_LINK: set by the linker itself
    ROOM_FOR_OWN = 4             # OutRows that no input asks for: three areas of common symbols, and properties

cdef struct Statement:           # an input statement of a linker script
    const uint8_t *name          # of the output section that it is in
    uint64_t align               # which that has at least
    uint32_t by_name             # its sections are sorted by name

cdef struct Placed:              # a section and its place among those of its OutRow, for sorting
    const uint8_t *name          # NULL: by input order
    uint32_t statement
    uint32_t section             # SectionId

ctypedef const void *ConstVoid

cdef struct Joining:             # the hash table of OutRows, what --unique keeps apart, and what a script says
    Statement *statement         # by SectionRow.unused; NULL: there is no script
    uint32_t *slots
    uint64_t mask
    GlobPattern *pattern
    int64_t pattern_count

cdef int join_sections(Partial *partial, Arena arena, Joining *joining) except -1
cdef uint32_t intern(Partial *partial, Joining *joining, OutRow *wanted) noexcept nogil
cdef int measure_rows(void *context, int64_t begin, int64_t end, int worker) noexcept nogil
