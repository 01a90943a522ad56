# Common symbols of objects that changed.

from libc.stdint cimport uint8_t, uint32_t

from wild.kernels.graft cimport Changed, Graft
from wild.kernels.tables cimport SymbolRow

cdef int leave_common(Graft graft, Changed *changed, uint32_t name, object now, dict shapes) except -1
cdef int judge_common(Graft graft, Changed *changed, uint32_t name, object before, uint32_t index, SymbolRow *mini,
                      uint32_t exports, dict shapes) except -1
cdef int check_common(Graft graft, uint32_t name) except -1
