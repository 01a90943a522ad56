# Sections that are about others.

from libc.stdint cimport uint32_t, uint64_t

cdef struct Linked:
    uint64_t offset              # of the section that it is about, in its part
    uint32_t rank                # of that part in the output, 0: it is about none
    uint32_t section
    uint32_t number              # in the order so far
