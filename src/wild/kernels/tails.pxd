# Strings that are the end of another.

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from wild.kernels.merge cimport MergeView, MergeWork
from wild.kernels.pool cimport Pool

cdef struct TailRow:             # a string that is the first of its equals
    uint64_t key                 # its last 8 characters' bytes backwards, the last one on top
    const uint8_t *end           # of its text: the terminator
    uint32_t length              # of its text, in bytes
    uint32_t piece

cdef struct TailWork:
    MergeView *view
    MergeWork *merge
    TailRow *row                 # of one group, in ascending order of the text backwards
    TailRow *other               # where a round of merging puts them
    uint64_t *first_row          # by batch of the group
    uint64_t rows, run           # how many rows; how many in a sorted run
    uint32_t group
    uint8_t *is_tail             # by row: of the next one

ctypedef TailRow *TailPtr
ctypedef TailWork *TailWorkPtr

# Make strings that are the end of another one its duplicates; between interning and mark_batches.
cdef int share_tails(Pool pool, MergeWork *work) except -1
