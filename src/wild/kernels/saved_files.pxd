# What saving.py asks about every input.

from libc.stdint cimport int64_t, uint8_t, uint32_t

from wild.kernels.saved cimport Run
from wild.kernels.tables cimport Files, Names, Sections

cdef struct Saving:
    Files *files
    Names *names
    Sections *sections
    Run *run
    uint32_t *head
    uint32_t *next
    uint8_t *shape
    const char *member_names     # Inputs.names
    uint32_t *file_of

cdef int hash_files(void *context, int64_t begin, int64_t end, int worker) noexcept nogil
cdef int shape_files(void *context, int64_t begin, int64_t end, int worker) noexcept nogil
