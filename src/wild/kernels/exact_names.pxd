# What exports.py uses of the look-up of exact names.

from libc.stdint cimport int64_t, uint8_t, uint32_t

from wild.kernels.exports cimport Verdicts
from wild.kernels.tables cimport Files, Names

cdef int find_rows(void *context, int64_t begin, int64_t end, int worker) noexcept nogil
cdef int decide_rows(void *context, int64_t begin, int64_t end, int worker) noexcept nogil
cdef void give(Verdicts *state, uint32_t name, uint32_t verdict) noexcept nogil
cdef const uint8_t *spelling_of(Files *files, Names *names, uint32_t name) noexcept nogil
