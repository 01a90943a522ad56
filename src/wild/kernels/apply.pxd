# Applying relocations: what the files about special sections and forms share.

from libc.stdint cimport int64_t, uint32_t, uint64_t

from wild.kernels.elf cimport Elf64_Rela
from wild.kernels.image cimport Image
from wild.kernels.relocate cimport Spot, Write

cdef int relocate_loaded(Write *write, Spot *spot) noexcept nogil
cdef int fail(Write *write, Spot *spot, int code, uint64_t offset, uint64_t index, int64_t value) noexcept nogil
cdef int put(Write *write, Spot *spot, const Elf64_Rela *rela, uint64_t index, uint64_t value) noexcept nogil
cdef uint64_t static_value(Image *image, const Elf64_Rela *rela, uint32_t file, uint64_t SA, uint64_t P) noexcept nogil
