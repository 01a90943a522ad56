# .symtab and .strtab of the output.

from libc.stdint cimport int64_t, uint64_t

from wild.kernels.pool cimport Arena, Pool
from wild.kernels.symslices cimport SymtabTables
from wild.kernels.views cimport Views

cdef class SymbolTable:
    cdef Pool pool
    cdef Views views
    cdef Arena arena
    cdef SymtabTables view
    cdef int64_t slices
    cdef uint64_t sections       # local symbols that stand for sections of the output
    cdef list only               # names of --retain-symbols-file
    cdef readonly int64_t count, first_global
    cdef readonly uint64_t string_size
    cdef readonly int64_t room   # entries that say nothing, behind the local ones and behind all
    cdef readonly uint64_t name_room # bytes behind the names
    cdef int make_slices(self) except -1
    cdef int note_names(self, list names) except -1
    cdef int place_slices(self) except -1
    cdef int place_imports(self) except -1
