# Slots that an update adds.

from libc.stdint cimport uint32_t, uint64_t

from wild.kernels.graft cimport Graft
from wild.kernels.scan cimport Scan
from wild.kernels.tables cimport SymbolRow, NEEDS_GOTTP, NEEDS_TLSDESC, NEEDS_TLSGD

cdef enum:
    NEEDS_TLS = NEEDS_GOTTP | NEEDS_TLSGD | NEEDS_TLSDESC

cdef int number_slots(Graft graft, Scan *scan, uint64_t got_room) except -1
cdef int give_plt(Graft graft, SymbolRow *symbol) except -1
cdef uint32_t take_words(Graft graft, uint32_t count, uint64_t got_room) except 0xFFFFFFFF
cdef uint32_t new_aux(Graft graft, uint32_t target, uint32_t file, uint32_t sym) except 0
