# Marking what relocations of a partial link refer to.

from libc.stdint cimport int64_t

from wild.kernels.partial cimport Partial

cdef int mark_files(void *context, int64_t begin, int64_t end, int worker) noexcept nogil
cdef void mark_signatures(Partial *partial) noexcept nogil
