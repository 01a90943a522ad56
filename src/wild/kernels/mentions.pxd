# What names.py uses of the search for names.

from libc.stdint cimport int64_t

cdef int index_block(void *context, int64_t begin, int64_t end, int worker) noexcept nogil
