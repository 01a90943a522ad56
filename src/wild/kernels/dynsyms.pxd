# What the passes that write dynamic relocations and .dynamic see of the dynamic symbols.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from wild.kernels.pool cimport Arena, Pool
from wild.kernels.views cimport Tables, Views

cdef struct DynamicRow:          # one entry of .dynsym but for the null entry; in input order, undefined ones first
    uint32_t name                # NameId
    uint32_t hash                # GNU hash of the bare name (0: undefined)
    uint32_t string              # offset in .dynstr
    uint32_t length              # of the bare name
    uint32_t index               # in .dynsym
    uint32_t version             # of .gnu.version

cdef class DynamicSymbols:
    cdef Pool pool
    cdef Views views
    cdef Arena arena
    cdef DynamicRow *row
    cdef int64_t undefined, total    # rows; the null entry is not counted
    cdef uint32_t *bucket_start  # first index of each GNU hash bucket, and one more
    cdef uint32_t buckets
    cdef uint64_t string_size
    cdef dict strings            # bytes -> offset, of what was added by add_string
    cdef list fixed_strings
    cdef dict required           # soname -> {version: Requirement list}
    cdef list nodes              # of .gnu.version_d: (name, parents)
    cdef object base_name
    cdef bint gnu, sysv, prepared
