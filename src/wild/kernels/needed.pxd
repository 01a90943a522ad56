# What binding.py and resolve.py use of the question which shared objects are needed.

from libc.stdint cimport uint32_t

from wild.kernels.pool cimport Pool
from wild.kernels.resolve cimport Resolution, Resolve

cdef void begin_needed(Resolve *state) noexcept nogil
cdef void settle_needed(Resolve *state) noexcept nogil
cdef void settle_provided(Resolve *state) noexcept nogil
cdef void add_unresolved(Resolve *state, uint32_t name) noexcept nogil
cdef int drop_unneeded(Resolution resolution, Pool pool) except -1
