# What resolve.py uses of the binding of names.

from libc.stdint cimport uint32_t, uint64_t

from wild.kernels.pool cimport Pool
from wild.kernels.resolve cimport Resolution, Resolve
from wild.kernels.tables cimport *

cdef enum:
    # While binding goes on, two bits of SymbolRow.flags that are free until relocations are scanned.
    MENTION_TLS = NEEDS_GOT
    MENTION_PLAIN = NEEDS_PLT
    # What belongs to the definition.
    DEFINED = (SYM_OBJECT_DEF | SYM_SHARED_DEF | SYM_WEAK_DEF | SYM_COMMON | SYM_ABS | SYM_TLS | SYM_IFUNC | SYM_FUNC
               | SYM_UNIQUE | SYM_PROTECTED_DEF | SYM_ALIASED)
    NOT_DEFINED = 15             # in place of a strength

cdef int bind_names(Resolution resolution, Pool pool) except -1
cdef void define(Resolve *state, uint32_t name, uint32_t file, uint32_t index) noexcept nogil
cdef void undefine(SymbolRow *symbol) noexcept nogil
cdef uint32_t section_index(Resolve *state, uint32_t file, uint32_t index) noexcept nogil
cdef bint is_duplicate(Resolve *state, uint64_t winner, uint32_t file, uint32_t index) noexcept nogil
