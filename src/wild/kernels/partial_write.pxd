# Writing the contents and relocations of a partial link.

from libc.stdint cimport int64_t

cdef int write_files(void *context, int64_t begin, int64_t end, int worker) noexcept nogil
cdef int fill_gaps(void *context, int64_t begin, int64_t end, int worker) noexcept nogil
