# Whose addresses matter.

from libc.stdint cimport int64_t

cdef int find_significant(void *context, int64_t begin, int64_t end, int worker) noexcept nogil
