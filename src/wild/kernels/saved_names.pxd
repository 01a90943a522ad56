# The hash table of names as it is saved.

from libc.stdint cimport uint64_t

from wild.kernels.saved cimport Places
from wild.kernels.tables cimport Names

cdef void size_slots(Places *places, uint64_t least) noexcept nogil
cdef void fill_slots(Places *places, Names *names, uint64_t *slots) noexcept nogil
