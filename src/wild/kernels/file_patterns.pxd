# Which files the rules of a linker script are about.

from libc.stdint cimport uint8_t

from wild.kernels.files cimport Inputs

cdef uint8_t *match_files(Inputs inputs, list specs) except *
