# Canonical PLT entries that an update adds.

from libc.stdint cimport uint32_t, uint64_t

from wild.kernels.graft cimport Graft
from wild.kernels.tables cimport SymbolRow

cdef bint can_be_canonical(Graft graft, SymbolRow *symbol) noexcept
cdef int give_canonical(Graft graft, uint32_t name, uint64_t got_room) except -1
