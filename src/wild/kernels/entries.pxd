# Filling in one entry of a symbol table of the output.

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from wild.kernels.cc cimport prefetch
from wild.kernels.elf cimport Elf64_Sym, STV_DEFAULT, STV_HIDDEN, STV_PROTECTED
from wild.kernels.tables cimport NONE, SYM_HIDDEN, SYM_PROTECTED, SymbolRow
from wild.kernels.views cimport Tables, symbol_at

cdef enum:
    ABSOLUTE = 0xFFFFFFF1        # where a section index of the output is wanted: none

cdef void define(Tables *tables, uint32_t name, Elf64_Sym *entry, uint32_t *extended) noexcept nogil
cdef void leave_undefined(Tables *tables, uint32_t name, Elf64_Sym *entry) noexcept nogil
cdef void put_section(Elf64_Sym *entry, uint32_t section, uint32_t *extended) noexcept nogil

cdef inline uint8_t visibility_of(const SymbolRow *symbol) noexcept nogil:
    if symbol.flags & SYM_HIDDEN:
        return STV_HIDDEN
    return STV_PROTECTED if symbol.flags & SYM_PROTECTED else STV_DEFAULT

cdef inline void prefetch_definition(Tables *tables, uint32_t name) noexcept nogil:
    """Fetch what `define` reads of a name whose SymbolRow is in the cache."""
    cdef const SymbolRow *row = &tables.symbol[name]
    if row.file != NONE:
        prefetch(symbol_at(tables, row.file, row.sym))
    prefetch(&tables.sections.row[row.section])
