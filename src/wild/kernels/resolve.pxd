# What other kernels see of the resolution of names, and how claims to a name are compared.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from wild.kernels.elf cimport (Elf64_Sym, SHN_ABS, SHN_AMD64_LCOMMON, SHN_COMMON, SHN_UNDEF, STB_WEAK, STT_FUNC,
                               STT_GNU_IFUNC, VER_NDX_GLOBAL, read16)
from wild.kernels.files cimport Inputs
from wild.kernels.names cimport NameTable
from wild.kernels.pool cimport Fault, Job, Pool
from wild.kernels.tables cimport FILE_INTERNAL, FILE_SHARED, FileRow, Files, Names, Sections, SymbolRow

cdef struct Symbols:             # view of kernels.resolve.Resolution
    SymbolRow *row               # by NameId
    uint16_t *version            # by NameId: VER_NDX_* of the output's own versions (set by exports)
    uint32_t capacity            # of the NameId space
    uint64_t *key                # by NameId: the strongest claim

cdef enum:                       # CommonRow.area
    COMMON_PLAIN = 0             # .bss
    COMMON_LARGE = 1             # .lbss: SHN_AMD64_LCOMMON in all objects that have it
    COMMON_TLS = 2               # .tbss
    COMMON_OTHERS = 3            # from here on: of the files that a script names (common_areas.py)
    COMMON_MOST = 64             # so many areas there can be
    COMMON_DROPPED = 255         # nothing that lives refers to it

cdef struct CommonRow:           # a name whose definition is a common symbol; SymbolRow.value is its index
    uint64_t size, align         # the largest of all mentions, in bytes
    uint32_t name
    uint32_t area                # COMMON_*

cdef struct Slice:               # a run of global symbols of one file: the work of a loop is cut into these
    uint32_t file
    uint32_t begin, end          # symbol indices

cdef struct Alias:               # a definition foo@@V that is to be found under the name foo@V as well
    uint32_t name                # NameId of foo@V
    uint32_t file, sym

cdef enum:                       # a claim is strength << 60 | FileId << 32 | symbol index; the lowest wins
    CLAIM_FILE = 32
    CLAIM_STRENGTH = 60
    # while archives are loaded
    LOAD_STRONG = 0
    LOAD_WEAK = 1
    LOAD_LAZY = 2                # an archive member or shared object would define it
    LOAD_COMMON = 3
    LOAD_LAZY_COMMON = 4
    LOAD_PROVIDED = 5
    # among the files that take part
    BIND_STRONG = 0
    BIND_COMMON = 1
    BIND_WEAK = 2
    BIND_PROVIDED = 3
    BIND_SHARED = 4

cdef struct Resolve:             # the context of the loops
    Files *files
    Names *names
    Symbols *symbols
    Sections *sections           # NULL: nothing is discarded
    Slice *slices
    int64_t slice_count
    uint32_t *fresh              # FileIds that became live in this round
    uint32_t fresh_count
    uint32_t *woken              # those of the next
    uint32_t woken_count
    Alias *aliases
    int64_t alias_count
    uint32_t *common_files       # by FileId: 1 when it has common symbols
    uint32_t *unresolved         # NameIds mentioned and not defined; a run for each shard, at its start
    uint32_t unresolved_count[64]
    int64_t duplicates           # how many strong definitions there are too many
    int64_t tls_mismatches       # how many names are TLS in one file and not in another
    Fault *fault

ctypedef Resolve *ResolvePtr

cdef class Resolution:
    cdef Symbols view
    cdef Inputs inputs
    cdef NameTable names
    cdef Resolve state
    cdef CommonRow *commons
    cdef public int64_t common_count
    cdef int run_slices(self, Pool pool, Job job, bint fresh) except -1

cdef inline uint64_t claim(uint64_t strength, uint32_t file, uint32_t sym) noexcept nogil:
    return strength << CLAIM_STRENGTH | <uint64_t> file << CLAIM_FILE | sym

cdef inline uint32_t claim_strength(uint64_t key) noexcept nogil:
    return <uint32_t> (key >> CLAIM_STRENGTH)

cdef inline uint32_t claim_file(uint64_t key) noexcept nogil:
    return <uint32_t> (key >> CLAIM_FILE) & 0x0FFFFFFF

cdef inline bint is_common(const Elf64_Sym *sym) noexcept nogil:
    return sym.st_shndx == SHN_COMMON or sym.st_shndx == SHN_AMD64_LCOMMON

cdef inline bint is_weak(const Elf64_Sym *sym) noexcept nogil:
    return sym.st_info >> 4 == STB_WEAK

cdef inline const Elf64_Sym *symbols_of(const Files *files, uint32_t file) noexcept nogil:
    """The symbol table of a file; .dynsym of a shared object."""
    return <const Elf64_Sym *> (files.base[file] + files.row[file].symoff)

cdef inline bint asks_for_version(const Files *files, uint32_t file, uint32_t sym) noexcept nogil:
    """Does a shared object want a symbol in a version?  That is the promise of another shared object."""
    cdef uint64_t versym
    if files.row[file].kind != FILE_SHARED:
        return False
    versym = files.shared[files.row[file].shared].versym
    return versym != 0 and read16(files.base[file] + versym + 2 * <uint64_t> sym) & 0x7FFF > VER_NDX_GLOBAL

cdef inline bint claims_function(const Files *files, uint64_t winner) noexcept nogil:
    """Is the definition of a claim a function?"""
    cdef int kind = symbols_of(files, claim_file(winner))[<uint32_t> winner].st_info & 15
    return kind == STT_FUNC or kind == STT_GNU_IFUNC

cdef inline bint is_same_number(const Files *files, uint64_t winner, const Elf64_Sym *sym) noexcept nogil:
    """Is a symbol the same absolute value as the definition of a claim?"""
    cdef const Elf64_Sym *other = symbols_of(files, claim_file(winner)) + <uint32_t> winner
    return sym.st_shndx == SHN_ABS and other.st_shndx == SHN_ABS and sym.st_value == other.st_value
