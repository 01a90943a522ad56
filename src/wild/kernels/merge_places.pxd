# The jobs of merge.py that place pieces (the context is a MergeWork) and write them (a MergeWriting).

from libc.stdint cimport int64_t

cdef int mark_batches(void *context, int64_t begin, int64_t end, int worker) noexcept nogil
cdef int place_first(void *context, int64_t begin, int64_t end, int worker) noexcept nogil
cdef int place_duplicates(void *context, int64_t begin, int64_t end, int worker) noexcept nogil
cdef int write_batches(void *context, int64_t begin, int64_t end, int worker) noexcept nogil
