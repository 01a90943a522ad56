# How objects with intermediate code are recognised.

from libc.stdint cimport uint8_t, uint64_t

from wild.kernels.elf cimport Bytes, Shdr
from wild.kernels.tables cimport FileRow

cdef uint8_t ir_flags(Bytes base, const FileRow *row, Shdr shdr, uint64_t excluded) noexcept nogil
