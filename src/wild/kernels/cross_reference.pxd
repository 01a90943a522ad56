# A name of the cross reference table.

from libc.stdint cimport uint8_t, uint32_t

cdef struct Entry:
    const uint8_t *text
    uint32_t length, name
