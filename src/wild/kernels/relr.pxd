# Packed relative relocations.

from libc.stdint cimport int64_t, uint32_t, uint64_t

from wild.kernels.measure cimport Layout
from wild.kernels.pool cimport Arena
from wild.kernels.reach cimport Reach

cdef struct Encoder:
    uint64_t *word
    int64_t count
    uint64_t base                # the first word that the bitmap is about; 0: none
    uint64_t bits
    uint64_t last

cdef class RelrTable:
    cdef Arena arena
    cdef int64_t runs            # the parts, and .got behind them
    cdef uint64_t *first         # by run, and one more: where it begins in `place`
    cdef uint64_t *place         # offsets in the part, or in .got, of the words; ascending in each run
    cdef uint64_t *word          # the table as it was last encoded
    cdef public int64_t count    # words that are relocated
    cdef public int64_t words    # of the table
    cdef int sort(self, Layout layout, Reach reach) except -1
    cdef void encode_run(self, Encoder *encoder, int64_t run, uint64_t address) noexcept
