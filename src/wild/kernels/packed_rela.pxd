# Dynamic relocations in Android's packed form.

from libc.stdint cimport int64_t, uint8_t, uint64_t

from wild.kernels.elf cimport Elf64_Rela
from wild.kernels.measure cimport Layout
from wild.kernels.pool cimport Arena

cdef struct Packing:             # the bytes made so far
    uint8_t *to
    uint64_t size
    uint64_t offset, addend      # of the last relocation

cdef class PackedRela:
    cdef Arena arena
    cdef uint8_t *table          # all relocations as .rela.dyn would hold them
    cdef Elf64_Rela *row         # the same in the order in which they are packed
    cdef uint8_t *bytes          # ... and packed
    cdef int64_t count
    cdef public int64_t size     # of these bytes

cdef class Trial:
    cdef Layout layout
    cdef void *sections
    cdef void *symbols
