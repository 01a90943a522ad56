# Where symbols of inputs are in .symtab.

from libc.stdint cimport uint32_t

from wild.kernels.pool cimport Pool
from wild.kernels.symtab cimport SymbolTable

cdef int index_symbols(Pool pool, SymbolTable symtab, uint32_t *local_index, uint32_t *name_index) except -1
