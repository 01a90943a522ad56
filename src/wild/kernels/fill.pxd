# Filling slots, one by one.

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from wild.kernels.image cimport Image
from wild.kernels.tables cimport AuxRow

cdef struct Fill:                # where things are to be written
    Image *image
    uint8_t *got
    uint8_t *got_plt
    uint8_t *plt
    uint8_t *plt_sec
    uint64_t lazy_header
    uint64_t plt_start
    uint64_t relative, symbolic, irelative   # numbers of the next dynamic relocations
    int ibt

cdef void fill_tls(Fill *fill, AuxRow *aux, uint32_t flags, uint64_t value, uint32_t dynsym) noexcept nogil
cdef void fill_module_pair(Fill *fill) noexcept nogil
