# The output file in memory.

from libc.stdint cimport int64_t, uint8_t, uint64_t

cdef class Output:
    cdef uint8_t *base
    cdef public uint64_t size
    cdef public str path
    cdef public bytes temporary  # name of the file that is being written, None: memory only
    cdef int descriptor
    cdef public bint reused      # an older file: it reads as what was there
    cdef bint special            # a device, pipe or the like: written to, not replaced
