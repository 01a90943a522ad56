# What other kernels see of the sections.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport strncmp

from wild.kernels.elf cimport Elf64_Rela, Elf64_Shdr, Elf64_Sym, SHN_LORESERVE, SHN_XINDEX, SHT_NOBITS, read32
from wild.kernels.files cimport Inputs
from wild.kernels.pool cimport Fault
from wild.kernels.tables cimport FileRow, Files, Names, SEC_CREL, SEC_LIVE, SEC_LOSER, SEC_OUT, SectionRow, Sections

cdef enum:
    ZDEBUG_HEADER = 12           # "ZLIB" and the size, big-endian, before a section that is compressed in the old way
    ZLIB = 1                     # ELFCOMPRESS_ZLIB

cdef struct RelaSpan:            # the relocations of one section
    const Elf64_Rela *rela
    uint64_t count

cdef enum:
    PART_UNUSUAL = 0xFFFFFFFF    # not placed by a rule alone: on the file's list of unusual sections

cdef enum:                       # Rule.how: how its text fits a name
    HOW_PREFIX = 0
    HOW_EXACT = 1
    HOW_DOTTED = 2               # the whole name, or the part before a dot
    HOW_GLOB = 3                 # a pattern (glob.pxd)

cdef packed struct Rule:         # an output section rule
    uint32_t offset              # of the text in the rules' bytes
    uint16_t length
    uint16_t how                 # HOW_*
    uint32_t part
    uint32_t group               # number of the output section, for merged and sorted parts
    uint32_t flags               # RULE_*
    uint32_t files               # row of Read.in_files + 1; 0: sections of any file
    uint64_t with_flags          # SHF_* bits that a section must have
    uint64_t without_flags       # ... and must not have
    uint16_t sort                # SORT_* (listed.pxd)
    uint16_t subalign            # log2 + 1 of the alignment that sections get, 0: their own

cdef enum:                       # Rule.flags
    RULE_SORTED = 1              # by the number at the end of the name
    RULE_ROOT = 2                # kept by --gc-sections
    RULE_DROP = 4                # never reaches the output
    RULE_LISTED = 8              # laid out section by section (listed.py)
    RULE_REVERSED = 16           # .ctors and .dtors are turned round
    RULE_NARROW = 32             # files, with_flags or without_flags say more about what fits

cdef struct PartKey:             # what unusual sections have in common, and so become one part
    uint64_t hash
    uint32_t rule                # index of the rule, NONE: an orphan, named below
    uint32_t file                # of the first section with this key
    uint32_t section             # SectionId of that section
    uint32_t name, length        # orphan's name, in the file's section names
    uint32_t kind                # SEC_*
    uint32_t entsize
    uint32_t strings
    uint32_t align               # bytes (merged parts only)
    uint32_t flags               # SEC_* flags of all of them
    uint32_t type                # sh_type of all of them, SHT_PROGBITS if they differ
    uint32_t sorted
    uint32_t sort                # of the rule
    uint32_t part                # given by the policy
    uint64_t count, first, filled  # its sections, in the list of ids

cdef struct Read:                # the context of reading section headers
    Files *files
    SectionRow *sections
    Names *names
    uint32_t *owner
    Rule *rules
    const uint8_t *rule_text
    uint32_t rule_start[258]     # by the character behind the first dot; 256: of names without one
    uint8_t *in_files            # by row and FileId: does a rule about some files concern this one?
    bint scripted                # the rules are those of a linker script
    uint32_t has                 # HAS_* of what was met
    int live_flag                # SEC_LIVE unless --gc-sections decides
    int strip_debug
    int whole                    # -r: every section is kept as it is
    int changing                 # the output is to be updated: sections in which no gap can be stay out if they may
    Fault *fault

cdef class SectionTable:
    cdef Sections view
    cdef Inputs inputs
    cdef public object decompressed  # keeps the buffers alive
    cdef PartKey *keys
    cdef public int64_t key_count
    cdef int64_t key_room
    cdef uint32_t *ids           # SectionIds of unusual sections, grouped by key
    cdef uint32_t *folded        # SectionIds that --icf has folded
    cdef int64_t fold_count
    cdef uint32_t *owner         # NameId -> FileId of the group that wins
    cdef uint32_t has            # HAS_* of all live objects together
    cdef int own_contents(self) except -1
    cdef int own_relocations(self) except -1

cdef inline const Elf64_Shdr *section_header(const uint8_t *base, FileRow *row, uint32_t shndx) noexcept nogil:
    return (<const Elf64_Shdr *> (base + row.shoff)) + shndx

cdef inline const uint8_t *section_name(const uint8_t *base, FileRow *row, const Elf64_Shdr *shdr) noexcept nogil:
    """The name, ended by NUL, of a section whose sh_name has been checked."""
    return base + row.shstroff + shdr.sh_name

cdef inline bint is_linkonce(const uint8_t *name) noexcept nogil:
    return strncmp(<const char *> name, b".gnu.linkonce.", 14) == 0

cdef inline bint is_zdebug(const uint8_t *name) noexcept nogil:
    """Named as debug information was that was compressed before there was SHF_COMPRESSED."""
    return strncmp(<const char *> name, b".zdebug_", 8) == 0

cdef inline uint64_t big_endian64(const uint8_t *at) noexcept nogil:
    cdef uint64_t value = 0
    cdef int i
    for i in range(8):
        value = value << 8 | at[i]
    return value

cdef inline void strike(SectionRow *sec) noexcept nogil:
    """Take a section out of the link, since another file's copy won."""
    sec.kind = SEC_OUT
    sec.part = 0
    sec.flags = (sec.flags | SEC_LOSER) & ~<uint16_t> SEC_LIVE

cdef inline uint32_t section_of(const uint8_t *base, FileRow *row, const Elf64_Sym *sym, uint32_t index) noexcept nogil:
    """The section index of a symbol; 0 for undefined and the reserved indices (absolute, common)."""
    cdef uint32_t shndx = sym.st_shndx
    if shndx == SHN_XINDEX and row.xindex:
        return read32(base + row.xindex + 4 * <uint64_t> index)
    return 0 if shndx >= SHN_LORESERVE else shndx

cdef inline const uint8_t *section_bytes(Sections *sections, const uint8_t *base, const Elf64_Shdr *shdr,
                                         uint32_t section) noexcept nogil:
    """The contents, uncompressed; NULL for SHT_NOBITS."""
    if sections.content != NULL and sections.content[section] != NULL:
        return sections.content[section]
    if shdr.sh_type == SHT_NOBITS:
        return NULL
    return base + shdr.sh_offset

cdef inline RelaSpan relocations_of(Sections *sections, const uint8_t *base, FileRow *row, uint32_t section) noexcept nogil:
    """The relocations of a section by its SectionId; they have been checked to lie inside the file."""
    cdef RelaSpan span
    cdef const Elf64_Shdr *shdr
    span.rela = NULL
    span.count = 0
    cdef SectionRow *sec = &sections.row[section]
    if sec.flags & SEC_CREL:
        span.rela = sections.crel[section]
        span.count = sections.crel_count[section]
    elif sec.relocs:
        shdr = section_header(base, row, sec.relocs)
        span.rela = <const Elf64_Rela *> (base + shdr.sh_offset)
        span.count = shdr.sh_size // sizeof(Elf64_Rela)
    return span
