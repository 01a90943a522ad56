# Symbols of a script in the output of a partial link.

from libc.stdint cimport uint32_t

from wild.kernels.partial cimport Partial

cdef int place_symbol(Partial *partial, uint32_t name, uint32_t first, uint32_t last, uint32_t behind) except -1
