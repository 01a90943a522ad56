# The jobs of frames.py over files; the context is a FrameWork.

from libc.stdint cimport int64_t

# Leave in work.count how many rows each file needs.
cdef int count_files(void *context, int64_t begin, int64_t end, int worker) noexcept nogil
# Fill the rows of each file; work.count has the numbers of its first ones.
cdef int split_files(void *context, int64_t begin, int64_t end, int worker) noexcept nogil
