# The tables of partial linking (-r): partial_sections.py has the essay.

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from wild.kernels.elf cimport Elf64_Shdr, SHT_NOBITS
from wild.kernels.pool cimport Fault
from wild.kernels.resolve cimport CommonRow
from wild.kernels.tables cimport Files, Names, Sections, SymbolRow

cdef struct OutRow:              # a section of the output; number 0 is none
    const uint8_t *name          # in an input, or in the linker's own bytes
    const uint8_t *own           # contents of the linker's own, or NULL
    uint64_t hash
    uint64_t flags               # SHF_*
    uint64_t size, align         # bytes
    uint64_t entsize
    uint64_t offset              # in the file
    uint64_t relocs, rela_offset # how many relocations, and where in the file
    uint64_t first, count, filled  # its sections, in Partial.ids
    uint32_t name_length
    uint32_t type
    uint32_t group               # GroupRow that it is a member of, 0: none
    uint32_t order               # OutRow that SHF_LINK_ORDER refers to, 0: none
    uint32_t merge_align         # 1 + log2 of the alignment of the strings or constants in it, 0: it has none
    uint32_t live                # something of it is in the output
    uint32_t used                # a relocation or a group refers to its section symbol
    uint32_t shndx               # section header index; that of its relocations is the next
    uint32_t sh_name
    uint32_t symbol              # index of its section symbol, 0: none

cdef struct GroupRow:            # a section group that reaches the output; number 0 is none
    uint64_t offset              # in the file
    uint32_t file, section       # FileId, section header index there
    uint32_t members             # sections in the output, those of relocations too
    uint32_t shndx
    uint32_t symbol              # index of its signature in the output

cdef struct LocalRun:            # the local symbols of a file that reach the output
    uint64_t names               # bytes of their names, then the first one's offset in .strtab
    uint32_t count               # how many, then the first one's index

cdef enum:                       # Partial.strip: which symbols are kept that no relocation needs
    STRIP_NOTHING = 0
    STRIP_TEMPORARY = 1          # all but local ones that begin with .L (-X)
    STRIP_LOCALS = 2             # no local ones (-x)
    STRIP_ALL = 3                # no local ones, nor names of source files (-s)

cdef struct Partial:
    Files *files
    Sections *sections
    Names *names
    SymbolRow *symbols
    CommonRow *commons
    uint32_t *common_out         # by common symbol: the OutRow that it has memory in (-d); NULL: they stay common
    uint64_t *common_place       # ... and the offset there
    Fault *fault
    OutRow *out
    int64_t out_count
    uint32_t *ids                # SectionIds by OutRow, in input order
    uint32_t *file_of            # SectionId -> FileId
    GroupRow *group
    int64_t group_count
    uint32_t *group_of           # SectionId -> GroupRow; NULL: there are none
    uint8_t *used_local          # by LocalId: a relocation or a group refers to it
    uint32_t *local_index        # LocalId -> index of the symbol in the output, 0: none
    uint32_t *name_index         # NameId -> the same
    LocalRun *run                # by FileId
    uint32_t *order              # NameIds of the global symbols, in input order
    int64_t global_count
    uint64_t *name_bytes         # by block of global symbols: bytes of names, then offset in .strtab
    uint32_t section_symbols     # how many
    uint32_t first_global
    uint32_t symbol_count
    uint32_t section_count       # section headers, with the null one
    uint32_t symtab, xindex, strtab, shstrtab  # section header indices; xindex 0: there is no such table
    uint64_t symtab_offset, xindex_offset, strtab_offset, strtab_size, shstrtab_offset, shstrtab_size
    uint64_t headers             # offset of the section headers
    uint64_t file_size
    uint64_t *start_align        # by input statement of a script: alignment in front of its sections; NULL: no script
    uint32_t *numbers            # by LocalId: what a name is made unique by; NULL: nothing
    uint32_t common_type         # STT_OBJECT or STT_COMMON, for common symbols that stay so; 0: as they were
    uint32_t strip
    uint32_t gnu                 # something that only ELFOSABI_GNU knows is in the output
    uint8_t *to                  # the output in memory

ctypedef Partial *PartialPtr
ctypedef OutRow *OutPtr

cdef inline bint is_whole(const Partial *partial, uint32_t section) noexcept nogil:
    """Does a section (a SectionId) reach the output?"""
    return partial.sections.row[section].part != 0 and partial.sections.row[section].flags & 1 != 0
