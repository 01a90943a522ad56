# The symbol table of a partial link.

from libc.stdint cimport int64_t, uint32_t

from wild.kernels.partial cimport Partial

cdef enum:
    NAME_BLOCK = 4096            # global symbols that one worker takes at a time

cdef int count_locals(void *context, int64_t begin, int64_t end, int worker) noexcept nogil
cdef void number_symbols(Partial *partial) noexcept nogil
cdef int number_locals(void *context, int64_t begin, int64_t end, int worker) noexcept nogil
cdef int measure_names(void *context, int64_t begin, int64_t end, int worker) noexcept nogil
cdef void write_section_symbols(Partial *partial) noexcept nogil
cdef int write_locals(void *context, int64_t begin, int64_t end, int worker) noexcept nogil
cdef int write_globals(void *context, int64_t begin, int64_t end, int worker) noexcept nogil
