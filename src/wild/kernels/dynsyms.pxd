# What the passes that write dynamic relocations and .dynamic see of the dynamic symbols.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from wild.kernels.dynhash cimport DynamicRow, HashTables
from wild.kernels.dynversions cimport Versions
from wild.kernels.pool cimport Arena, Pool
from wild.kernels.views cimport Tables, Views

cdef struct DynamicTables:       # context of the loops
    Tables *tables
    DynamicRow *row
    int64_t undefined            # rows of undefined symbols: the first ones
    int64_t total
    int64_t versioned            # rows whose name ends in @VERSION
    uint32_t *same               # NULL, or by row: 1 + the row that has its name already, 0: none
    uint64_t *block_bytes        # bytes of names in each block of rows, then offset in .dynstr
    uint8_t *to

cdef class DynamicSymbols:
    cdef Pool pool
    cdef Views views
    cdef Arena arena
    cdef readonly Versions versions
    cdef DynamicTables view
    cdef HashTables hashes
    cdef uint64_t string_size    # of .dynstr
    cdef dict strings            # bytes -> offset, of what was added by add_string
    cdef list fixed              # the same strings in order
    cdef uint64_t fixed_size
    cdef bint gnu, sysv, prepared
    cdef int share_names(self) except -1
    cdef int place_names(self) except -1
    cdef int number_rows(self) except -1
