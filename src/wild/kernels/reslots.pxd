# Dynamic relocations that an update adds.

from libc.stdint cimport uint32_t, uint64_t

from wild.kernels.graft cimport Graft

cdef void write_plt_entry(Graft graft, uint32_t number, uint64_t word, uint64_t plt_offset, bint ibt) noexcept
cdef void put_rela(Graft graft, uint64_t offset, uint64_t address, uint64_t info, uint64_t addend) noexcept
