# Slices of the symbols of live objects, on their way to .symtab.

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from wild.kernels.drafts cimport Drafts
from wild.kernels.elf cimport Elf64_Sym
from wild.kernels.name_list cimport ListedName
from wild.kernels.pool cimport Fault
from wild.kernels.views cimport Locate, Tables

cdef enum:                       # which local symbols are dropped
    DISCARD_NOTHING = 0          # --discard-none
    DISCARD_MERGED = 1           # .L symbols of SHF_MERGE sections (the default)
    DISCARD_TEMPORARY = 2        # -X: .L symbols
    DISCARD_LOCALS = 3           # -x: all

cdef struct SymbolSlice:         # a run of symbols of one live object, and what of it goes into the output
    uint32_t file
    uint32_t begin, end          # symbol indices
    uint32_t file_symbols        # STT_FILE symbols that are kept if the object has local symbols
    uint32_t locals, globals     # how many; then the index in .symtab of the first
    uint64_t bytes, file_bytes   # of their names; then `bytes` is the offset in .strtab of the first
    uint64_t end_byte            # offset behind the last
    uint64_t word                # first of its bits in `keep`
    bint drop_files

cdef struct SymtabTables:        # context of the loops
    Tables *tables
    SymbolSlice *slice
    uint64_t *keep               # a bit for each symbol of each live object: it goes into the output
    uint32_t *imports            # NameIds of what no object defines
    uint64_t *import_bytes       # by block of imports: bytes of names, then offset in .strtab
    int64_t import_count, first_import
    int discard
    ListedName *only             # of --retain-symbols-file; NULL: symbols of any name
    uint64_t only_mask
    uint32_t *numbers            # by bit of `keep`: what a local symbol's name is made unique by; NULL: nothing
    Fault *fault
    Locate locate
    void *locate_context
    uint8_t *symbols
    uint8_t *strings
    uint32_t *extended           # NULL: no .symtab_shndx
    Drafts *drafts               # NULL: all is written in place

# Jobs over slices.
cdef int count_slices(void *context, int64_t begin, int64_t end, int worker) noexcept nogil
cdef int write_slices(void *context, int64_t begin, int64_t end, int worker) noexcept nogil
cdef void put_entry(SymtabTables *view, uint64_t index, Elf64_Sym *entry, uint32_t extended) noexcept nogil
