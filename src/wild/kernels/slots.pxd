# Slots: GOT, PLT, TLS and copy-relocation places of the few symbols that need one.

from libc.stdint cimport int64_t, uint32_t, uint64_t

from wild.kernels.elf cimport Elf64_Sym
from wild.kernels.relocation cimport Mode, is_defined
from wild.kernels.tables cimport *

cdef enum:                       # what fills a GOT slot
    SLOT_STATIC = 0              # the address (or zero), known now
    SLOT_RELATIVE = 1
    SLOT_SYMBOLIC = 2            # R_X86_64_GLOB_DAT
    SLOT_IRELATIVE = 3

cdef enum:                       # AuxRow.flags beside NEEDS_*
    AUX_COPY_FIRST = 1           # this row's symbol has the R_X86_64_COPY; aliases share its place
    AUX_COPY_RELRO = 2           # the place is in .data.rel.ro, since the original is read-only
    AUX_IFUNC_PLT = 4            # its PLT entry is filled by an IRELATIVE relocation
    AUX_GOT_PACKED = 8           # its GOT slot is relocated by .relr.dyn

cdef struct SlotView:
    AuxRow *row                  # [1, count)
    int64_t count
    uint32_t *local_aux          # LocalId -> AuxRow
    uint32_t got_slots           # 8-byte words of .got
    uint32_t tlsld               # slot of the module's own pair, NONE
    uint32_t plt, iplt           # entries for imports, then for ifuncs of this output
    uint32_t relatives           # dynamic relocations of the slots
    uint32_t packed              # ... those in .relr.dyn
    uint32_t symbolics
    uint32_t irelatives          # .got slots of ifuncs
    uint64_t copy_size, copy_align, relro_size, relro_align
    uint32_t unsized             # a name that was to be copied and says no size, 0: none

cdef struct Numbering:
    Files *files
    Names *names
    SymbolRow *symbols
    Mode *mode
    int64_t room

cdef class Slots:
    cdef SlotView view

cdef uint32_t is_alias(Numbering *state, SymbolRow *symbol, uint32_t index, uint64_t value, uint32_t shndx) noexcept nogil
cdef uint64_t copy_alignment(Numbering *state, uint32_t file, const Elf64_Sym *sym) noexcept nogil
cdef bint is_read_only(Numbering *state, uint32_t file, uint64_t value) noexcept nogil

cdef inline bint is_own(uint32_t flags) noexcept nogil:
    """Does this output hold what the symbol stands for, be it by a copy or by a PLT entry?"""
    return not flags & SYM_IMPORTED or flags & (NEEDS_COPY | NEEDS_CANONICAL) != 0

cdef inline int slot_kind(uint32_t flags, const Mode *mode) noexcept nogil:
    """What has to be done about a GOT slot, by the flags of its symbol (its needs included)."""
    if not is_own(flags):
        return SLOT_SYMBOLIC
    if not is_defined(flags) or flags & SYM_ABS:
        return SLOT_STATIC
    if flags & SYM_IFUNC and not flags & (NEEDS_CANONICAL | SYM_IMPORTED):
        return SLOT_IRELATIVE
    return SLOT_RELATIVE if mode.pic else SLOT_STATIC
