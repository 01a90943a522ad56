# Reading the section headers of objects.

from libc.stdint cimport int64_t

cdef int read_sections(void *context, int64_t begin, int64_t end, int worker) noexcept nogil
