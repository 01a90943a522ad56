# The tables of a link: fixed-width rows, 32-bit ids, no pointers in rows.
#
#   MapId      a file on disk that is mapped            maps   (files.py)
#   FileId     an input of the link in command-line order: an object, an archive member, a shared object;
#              FileId 0 is the internal file, whose symbols are the linker's own and the command line's
#   GlobalId   one global symbol of one file: row.global_base + (symbol index - row.first_global); behind them the
#              names of groups whose signature is a local symbol
#   LocalId    one local symbol of one object: row.local_base + symbol index
#   SectionId  one section of one live object: row.sec_base + section index; 0 is no section
#   NameId     one distinct global name; ids have gaps (a shard starts at its upper bound), 0 is never used
#   PartId     a run of input sections that are laid out together; 0 is "not in the output"
#
# A view is a struct of pointers to the rows of one pass's result; the object that owns the memory is named beside it.

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from wild.kernels.elf cimport Elf64_Rela

cdef enum:
    NONE = 0xFFFFFFFF            # no file, no row

cdef enum:                       # FileRow.kind
    FILE_INTERNAL = 0
    FILE_OBJECT = 1
    FILE_SHARED = 2
    FILE_IGNORED = 3             # an archive member that is no object

cdef enum:                       # FileRow.flags: as the command line and the archive say
    FILE_LAZY = 1                # loaded only when it defines something that is wanted
    FILE_AS_NEEDED = 2           # a shared object that is recorded only when it is used
    FILE_MEMBER = 4              # an archive member: `name` is its name in the archive
    FILE_EXCLUDED_LIBS = 8       # --exclude-libs: its symbols are hidden
    FILE_LTO = 16                # nothing but intermediate code: an error once it is live, if no plugin takes it
    FILE_FAT = 32                # intermediate code beside machine code
    FILE_CLAIMED = 64            # a plugin has taken it: what is seen of it is a stand-in

cdef enum:                       # FileRow.has: what only some objects have, so that the passes about it skip the others
    HAS_GROUPS = 1               # SHT_GROUP sections (this one is known before an object is live)
    HAS_LINKONCE = 2             # .gnu.linkonce sections
    HAS_CREL = 4                 # SHT_CREL sections
    HAS_LINK_ORDER = 8           # SHF_LINK_ORDER sections
    HAS_CTORS = 16               # .ctors and .dtors sections
    HAS_WARNINGS = 32            # .gnu.warning sections
    HAS_GNU = 64                 # EI_OSABI says that something in it is an extension of GNU's
    HAS_LIBRARIES = 128          # .deplibs names libraries (known before an object is live)

cdef struct FileRow:
    uint64_t offset, size        # where in the map
    uint64_t shoff               # section header table, offset in the file (0: none)
    uint64_t symoff              # .symtab of an object, .dynsym of a shared object
    uint64_t stroff, strsize     # its string table (the last byte is NUL: checked)
    uint64_t shstroff, shstrsize # section names (the last byte is NUL: checked)
    uint64_t xindex              # SHT_SYMTAB_SHNDX contents, nsyms words (checked), or 0
    uint32_t map                 # MapId
    uint32_t shnum
    uint32_t nsyms, first_global # both checked against the table's size
    uint32_t nextra              # group signatures that are local symbols
    uint32_t global_base, local_base, sec_base
    uint32_t name_offset, name_length    # of a FILE_MEMBER, in Inputs.names
    uint32_t symtab              # section header index of the symbol table
    uint32_t shared              # SharedRow of a shared object
    uint32_t path                # index in Inputs.paths, for texts: the file, or the archive of a member
    uint8_t kind, flags
    uint16_t has                 # HAS_*
    uint32_t unusual             # first SectionId of the list that the section pass keeps through SectionRow.link

cdef struct SharedRow:           # what the dynamic section of a shared object says
    uint32_t file
    uint32_t soname              # offset in the string table, NONE: use the file's name
    uint64_t versym              # .gnu.version, nsyms halfwords (checked), or 0
    uint64_t verdef, verdef_size
    uint32_t verdef_count
    uint32_t used                # 1 when it must be recorded as DT_NEEDED
    uint64_t dynamic, dynamic_size

cdef struct Files:               # view of kernels.files.Inputs
    int64_t count
    FileRow *row
    const uint8_t **base         # first byte of each file
    uint32_t *live               # 1: takes part in the link (set by resolve)
    int64_t shared_count
    SharedRow *shared
    uint32_t globals, locals     # sizes of the GlobalId and LocalId spaces
    uint32_t sections            # size of the SectionId space (set by sections)

cdef struct NameRow:             # a distinct global name
    uint64_t hash
    uint32_t file                # FileId whose string table holds the bytes
    uint32_t offset              # in that string table
    uint32_t length              # without @@VERSION of a default version, with @VERSION of another
    uint32_t first               # the lowest GlobalId that bears it

cdef enum:
    SHARD_BITS = 6
    SHARDS = 64

cdef struct Names:               # view of kernels.names.NameTable
    NameRow *row                 # by NameId
    uint32_t capacity            # of the NameId space
    uint32_t start[65]           # first NameId of each shard
    uint32_t count[64]           # names in each shard
    uint32_t *of                 # GlobalId -> NameId

cdef enum:                       # SymbolRow.flags
    SYM_OBJECT_DEF = 1 << 0      # defined by an object (or the internal file)
    SYM_SHARED_DEF = 1 << 1      # defined by a shared object
    SYM_WEAK_DEF = 1 << 2
    SYM_COMMON = 1 << 3
    SYM_ABS = 1 << 4             # value does not move with the image
    SYM_TLS = 1 << 5
    SYM_IFUNC = 1 << 6
    SYM_FUNC = 1 << 7
    SYM_UNIQUE = 1 << 8
    SYM_REF = 1 << 9             # referred to by a live object
    SYM_STRONG_REF = 1 << 10     # ... other than weakly
    SYM_SHARED_REF = 1 << 11     # mentioned by a shared object of the link: referred to, or defined there too
    SYM_HIDDEN = 1 << 12         # most constraining visibility of all mentions in objects: hidden or internal
    SYM_PROTECTED = 1 << 13      # ... protected
    SYM_EXPORTED = 1 << 14       # stands in .dynsym as a definition
    SYM_IMPORTED = 1 << 15       # may be bound at run time to another file's definition: preemptible or undefined
    SYM_LOCALISED = 1 << 16      # made local by a version script or --exclude-libs
    NEEDS_GOT = 1 << 17
    NEEDS_PLT = 1 << 18
    NEEDS_CANONICAL = 1 << 19    # its PLT entry is its address
    NEEDS_COPY = 1 << 20
    NEEDS_GOTTP = 1 << 21
    NEEDS_TLSGD = 1 << 22
    NEEDS_TLSDESC = 1 << 23
    NEEDS_DYNSYM = 1 << 24       # a dynamic relocation names it, or it is mentioned and that is enough (exports.py)
    SYM_ALIASED = 1 << 25        # `alias` of another name (foo@V of a default foo@@V)
    SYM_TRACED = 1 << 26         # -y
    SYM_KEPT = 1 << 27           # a root of --gc-sections, or a common symbol that the walk has reached
    SYM_PROTECTED_DEF = 1 << 28  # the shared object's definition is protected
    SYM_MISSING = 1 << 29        # a live section refers to it strongly and nothing defines it
    SYM_UNDEFINED_OK = 1 << 30   # undefined, and the policy says that is no fault
    NEEDS_ANY = 0x00FE0000       # NEEDS_GOT .. NEEDS_TLSDESC

cdef struct SymbolRow:           # how a name is resolved; one row per NameId, 32 bytes
    uint64_t value               # st_value of the definition; its address once layout is done
    uint32_t file                # FileId of the definition, NONE: undefined
    uint32_t sym                 # its symbol index there
    uint32_t flags
    uint32_t section             # SectionId of the definition, 0: none (absolute, common, shared, undefined)
    uint32_t aux                 # AuxRow, 0: none
    uint32_t dynsym              # index in .dynsym, 0: none

cdef enum:                       # SectionRow.kind
    SEC_OUT = 0                  # does not reach the output (tables, discarded, excluded)
    SEC_PLAIN = 1                # copied and relocated
    SEC_STRINGS = 2              # SHF_MERGE | SHF_STRINGS: split into strings
    SEC_CONSTANTS = 3            # SHF_MERGE: split into constants of sh_entsize
    SEC_EH_FRAME = 4             # split into CIEs and FDEs
    SEC_FOLDED = 5               # --icf: stands for the section `link`, which is the same

cdef enum:                       # SectionRow.flags
    SEC_LIVE = 1                 # reached (or everything is, without --gc-sections)
    SEC_ALLOC = 2
    SEC_WRITE = 4
    SEC_EXEC = 8
    SEC_NOBITS = 16
    SEC_TLS = 32
    SEC_ROOT = 64                # kept by --gc-sections whatever refers to it
    SEC_LOSER = 128              # of a COMDAT group that another file's copy won
    SEC_COMPRESSED = 256
    SEC_CREL = 512
    SEC_DEBUG = 1024             # .debug_*: tombstones by DWARF rules
    SEC_LARGE = 2048             # SHF_X86_64_LARGE: addressed with 64 bits
    SEC_RETAIN = 4096            # SHF_GNU_RETAIN
    SEC_MERGE = 8192             # SHF_MERGE, though it may not be merged, because it has relocations
    SEC_LINKED = 16384           # SHF_LINK_ORDER and sh_link: it is about another section

cdef struct SectionRow:
    uint64_t size                # in the output (uncompressed)
    uint64_t address             # offset in its part, then final address (offset in the output section if not alloc)
    uint32_t part                # PartId
    uint32_t relocs              # section header index of its SHT_RELA/SHT_CREL section, 0: none
    uint32_t relatives           # how many R_*_RELATIVE relocations it needs, then the first one's number
    uint32_t symbolics           # how many other dynamic relocations it needs, then the first one's number
    uint32_t link                # what the section's own pass notes: merged section, next in a list
    uint32_t frames              # first FrameRow of the function in this section + 1, 0: none
    uint8_t align                # log2
    uint8_t kind
    uint16_t flags
    uint32_t unused

cdef struct Sections:            # view of kernels.sections.SectionTable
    int64_t count                # SectionId space
    SectionRow *row
    const uint8_t **content      # by SectionId: uncompressed bytes; NULL pointer for the whole table if none
    uint32_t *crel_count         # by SectionId of the target: decoded CREL relocations; NULL if there are none
    Elf64_Rela **crel            # ... and the relocations

cdef enum:
    AUX_LOCAL = 1 << 31          # AuxRow.target is a LocalId

cdef struct AuxRow:              # what few symbols have: slots.  Slot numbers start at 0; NONE: none
    uint32_t target              # NameId, or LocalId with local = 1
    uint32_t local
    uint32_t file, sym           # of a local symbol
    uint32_t got, gottp, tlsgd, tlsdesc, plt
    uint32_t copy                # offset in the copy-relocation area
    uint32_t flags               # NEEDS_* bits
    uint32_t _pad
