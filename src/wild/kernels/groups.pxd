# COMDAT groups.

from libc.stdint cimport int64_t, uint32_t

from wild.kernels.sections cimport Read

cdef int enter_group(Read *read, uint32_t file, uint32_t k, uint32_t *extra) noexcept nogil
cdef int strike_losers(void *context, int64_t begin, int64_t end, int worker) noexcept nogil
