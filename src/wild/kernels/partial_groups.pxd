# Section groups of a partial link.

from libc.stdint cimport uint32_t

from wild.kernels.partial cimport Partial
from wild.kernels.pool cimport Arena

cdef int number_groups(Partial *partial, Arena arena, uint32_t *owner) except -1
cdef void measure_groups(Partial *partial) noexcept nogil
cdef void write_groups(Partial *partial) noexcept nogil
