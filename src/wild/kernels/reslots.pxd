# Dynamic relocations that an update adds.

from libc.stdint cimport uint64_t

from wild.kernels.graft cimport Graft

cdef void put_rela(Graft graft, uint64_t offset, uint64_t address, uint64_t info, uint64_t addend) noexcept
