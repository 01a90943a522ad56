# The names of dynamic symbols, and the context of the loops over these.

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from wild.kernels.drafts cimport Drafts
from wild.kernels.dynhash cimport DynamicRow
from wild.kernels.pool cimport Arena, Pool
from wild.kernels.views cimport Tables

cdef enum:
    BLOCK = 4096                 # rows

cdef struct DynamicTables:       # context of the loops
    Tables *tables
    DynamicRow *row
    int64_t undefined            # rows of undefined symbols: the first ones
    int64_t total
    int64_t versioned            # rows whose name ends in @VERSION
    uint32_t *same               # NULL, or by row: 1 + the row that has its name already, 0: none
    uint64_t *block_bytes        # bytes of names in each block of rows, then offset in .dynstr
    uint8_t *to
    Drafts *drafts               # NULL: all is written in place

cdef int share_names(Arena arena, DynamicTables *view) except -1
cdef uint64_t place_names(Pool pool, Arena arena, DynamicTables *view, uint64_t start) except *

# Jobs over rows.
cdef int measure_names(void *context, int64_t begin, int64_t end, int worker) noexcept nogil
cdef int write_names(void *context, int64_t begin, int64_t end, int worker) noexcept nogil
