# The job of merge.py over the shards of all groups; the context is a MergeWork.

from libc.stdint cimport int64_t

cdef int intern_shards(void *context, int64_t begin, int64_t end, int worker) noexcept nogil
