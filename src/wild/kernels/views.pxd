# The results of the earlier passes as the passes over symbol tables see them, and where the output sections are.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from wild.kernels.elf cimport Elf64_Sym
from wild.kernels.pool cimport Arena, Pool
from wild.kernels.tables cimport FileRow, Files, NameRow, Names, Sections, SymbolRow

cdef struct Place:               # an output section in memory, in order of address
    uint64_t start, end
    uint32_t shndx
    uint32_t _pad

cdef struct CommonSize:          # the size of a common symbol: the largest of all mentions
    uint32_t name                # NameId, 0: a free slot
    uint32_t _pad
    uint64_t size

cdef struct Tables:
    Files files
    Names names
    SymbolRow *symbol            # by NameId
    uint16_t *version            # by NameId: of a definition in the output: index in .gnu.version_d | VERSYM_HIDDEN
    Sections sections
    const uint32_t *part_shndx   # PartId -> index of the output section
    Place *place
    int64_t places
    Place *tls_place             # the same for the sections of the TLS template
    int64_t tls_places
    uint64_t tls_start           # address of the TLS segment
    uint32_t *own_shndx          # by symbol of file 0: the output section that a script assigns it in, or NULL
    CommonSize *common           # a hash table by NameId: index = NameId * 0x9E3779B1 & common_mask, then the next free
    uint64_t common_mask

# The address of a byte of a split section (strings, constants, .eh_frame), given as SectionId and offset there.
ctypedef uint64_t (*Locate)(void *context, uint32_t section, uint64_t offset) noexcept nogil

# The class of a name: 0 (not wanted), 1 or 2.
ctypedef int (*Choose)(Tables *tables, uint32_t name) noexcept nogil

cdef struct Chosen:              # NameIds in input order: those of class 1, then those of class 2
    uint32_t *name
    int64_t first_class, total

cdef extern from *:
    """
    #define wild_popcount32(x) __builtin_popcount(x)
    """
    uint32_t popcount32 "wild_popcount32"(uint32_t x) noexcept nogil

cdef class Views:
    cdef Tables tables
    cdef Arena arena
    cdef object owners           # keeps the memory alive

cdef inline const Elf64_Sym *symbol_at(Tables *tables, uint32_t file, uint32_t sym) noexcept nogil:
    return (<const Elf64_Sym *> (tables.files.base[file] + tables.files.row[file].symoff)) + sym

cdef inline const uint8_t *name_bytes(Tables *tables, uint32_t name) noexcept nogil:
    cdef NameRow *row = &tables.names.row[name]
    return tables.files.base[row.file] + tables.files.row[row.file].stroff + row.offset

cdef uint64_t common_size(Tables *tables, uint32_t name, uint64_t other) noexcept nogil
cdef int names_in_order(Pool pool, Arena arena, Tables *tables, Choose choose, Chosen *chosen) except -1
