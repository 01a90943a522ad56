# What the plugin kernel sees of the answers to "how was this symbol resolved?".

from libc.stdint cimport uint8_t, uint32_t

from wild.kernels.names cimport NameTable
from wild.kernels.plugin_api cimport Symbol
from wild.kernels.resolve cimport Resolution

cdef class IrSymbols:
    cdef Resolution resolution
    cdef NameTable names
    cdef uint8_t *seen           # by NameId: SEEN_*
    cdef uint32_t *plugin_of     # by FileId: number of the plugin that has claimed the file, 0: none
    cdef bint all_visible
    cdef int see_across(self) except -1
    cdef bint is_beside(self, uint32_t file, uint32_t other) noexcept nogil
    cdef int answer(self, uint32_t file, Symbol *symbols, int count, int version) noexcept nogil
    cdef int resolve(self, uint32_t file, uint32_t sym, int definition) noexcept nogil
    cdef int prevailing(self, uint32_t name) noexcept nogil
