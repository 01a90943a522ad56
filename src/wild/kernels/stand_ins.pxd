# What stands in for a file of intermediate code while names are resolved.

from libc.stdint cimport uint64_t

from wild.kernels.elf cimport MutableBytes
from wild.kernels.plugin_api cimport Symbol
from wild.kernels.pool cimport Arena

cdef int make_stand_in(Arena arena, const Symbol *symbols, int count, MutableBytes *base, uint64_t *size) except -1
