# ELF as the generic ABI lays it out: 64-bit little-endian records and the constants the kernels compare with.
# Records are packed because archive members stand at 2-byte boundaries (gABI "Object Files"; ar(5)).

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef enum:
    EI_NIDENT = 16
    ELFCLASS64 = 2
    ELFDATA2LSB = 1
    ET_REL = 1
    ET_EXEC = 2
    ET_DYN = 3
    EM_X86_64 = 62

    SHN_UNDEF = 0
    SHN_LORESERVE = 0xFF00
    SHN_AMD64_LCOMMON = 0xFF02
    SHN_ABS = 0xFFF1
    SHN_COMMON = 0xFFF2
    SHN_XINDEX = 0xFFFF

    SHT_NULL = 0
    SHT_PROGBITS = 1
    SHT_SYMTAB = 2
    SHT_STRTAB = 3
    SHT_RELA = 4
    SHT_HASH = 5
    SHT_DYNAMIC = 6
    SHT_NOTE = 7
    SHT_NOBITS = 8
    SHT_REL = 9
    SHT_DYNSYM = 11
    SHT_INIT_ARRAY = 14
    SHT_FINI_ARRAY = 15
    SHT_PREINIT_ARRAY = 16
    SHT_GROUP = 17
    SHT_SYMTAB_SHNDX = 18
    SHT_RELR = 19
    SHT_CREL = 0x40000014
    SHT_LLVM_ADDRSIG = 0x6FFF4C03
    SHT_LLVM_DEPENDENT_LIBRARIES = 0x6FFF4C04
    SHT_GNU_HASH = 0x6FFFFFF6
    SHT_GNU_verdef = 0x6FFFFFFD
    SHT_GNU_verneed = 0x6FFFFFFE
    SHT_GNU_versym = 0x6FFFFFFF
    SHT_X86_64_UNWIND = 0x70000001

    SHF_WRITE = 0x1
    SHF_ALLOC = 0x2
    SHF_EXECINSTR = 0x4
    SHF_MERGE = 0x10
    SHF_STRINGS = 0x20
    SHF_INFO_LINK = 0x40
    SHF_LINK_ORDER = 0x80
    SHF_GROUP = 0x200
    SHF_TLS = 0x400
    SHF_COMPRESSED = 0x800
    SHF_GNU_RETAIN = 0x200000
    SHF_X86_64_LARGE = 0x10000000

    GRP_COMDAT = 1

    STB_LOCAL = 0
    STB_GLOBAL = 1
    STB_WEAK = 2
    STB_GNU_UNIQUE = 10
    STT_NOTYPE = 0
    STT_OBJECT = 1
    STT_FUNC = 2
    STT_SECTION = 3
    STT_FILE = 4
    STT_COMMON = 5
    STT_TLS = 6
    STT_GNU_IFUNC = 10
    STV_DEFAULT = 0
    STV_INTERNAL = 1
    STV_HIDDEN = 2
    STV_PROTECTED = 3

    VER_NDX_LOCAL = 0
    VER_NDX_GLOBAL = 1
    VERSYM_HIDDEN = 0x8000
    VER_FLG_BASE = 1

    DT_NULL = 0
    DT_NEEDED = 1
    DT_STRTAB = 5
    DT_STRSZ = 10
    DT_SONAME = 14

cdef enum: SHF_EXCLUDE = 0x80000000

cdef packed struct Elf64_Ehdr:
    uint8_t e_ident[16]
    uint16_t e_type
    uint16_t e_machine
    uint32_t e_version
    uint64_t e_entry
    uint64_t e_phoff
    uint64_t e_shoff
    uint32_t e_flags
    uint16_t e_ehsize
    uint16_t e_phentsize
    uint16_t e_phnum
    uint16_t e_shentsize
    uint16_t e_shnum
    uint16_t e_shstrndx

cdef packed struct Elf64_Phdr:
    uint32_t p_type
    uint32_t p_flags
    uint64_t p_offset
    uint64_t p_vaddr
    uint64_t p_paddr
    uint64_t p_filesz
    uint64_t p_memsz
    uint64_t p_align

cdef packed struct Elf64_Shdr:
    uint32_t sh_name
    uint32_t sh_type
    uint64_t sh_flags
    uint64_t sh_addr
    uint64_t sh_offset
    uint64_t sh_size
    uint32_t sh_link
    uint32_t sh_info
    uint64_t sh_addralign
    uint64_t sh_entsize

cdef packed struct Elf64_Sym:
    uint32_t st_name
    uint8_t st_info
    uint8_t st_other
    uint16_t st_shndx
    uint64_t st_value
    uint64_t st_size

cdef packed struct Elf64_Rela:
    uint64_t r_offset
    uint32_t r_type
    uint32_t r_sym
    int64_t r_addend

cdef packed struct Elf64_Dyn:
    int64_t d_tag
    uint64_t d_val

cdef packed struct Elf64_Chdr:
    uint32_t ch_type
    uint32_t ch_reserved
    uint64_t ch_size
    uint64_t ch_addralign

cdef packed struct Elf64_Verdef:
    uint16_t vd_version
    uint16_t vd_flags
    uint16_t vd_ndx
    uint16_t vd_cnt
    uint32_t vd_hash
    uint32_t vd_aux
    uint32_t vd_next

cdef packed struct Elf64_Verdaux:
    uint32_t vda_name
    uint32_t vda_next

cdef packed struct Elf64_Verneed:
    uint16_t vn_version
    uint16_t vn_cnt
    uint32_t vn_file
    uint32_t vn_aux
    uint32_t vn_next

cdef packed struct Elf64_Vernaux:
    uint32_t vna_hash
    uint16_t vna_flags
    uint16_t vna_other
    uint32_t vna_name
    uint32_t vna_next

ctypedef uint8_t *MutableBytes
ctypedef const uint8_t *Bytes
ctypedef const Elf64_Ehdr *Ehdr
ctypedef const Elf64_Shdr *Shdr
ctypedef const Elf64_Sym *Sym
ctypedef const Elf64_Rela *Rela
ctypedef uint32_t *U32
ctypedef uint64_t *U64
ctypedef const uint32_t *ConstU32

cdef packed struct Word16:
    uint16_t v
cdef packed struct Word32:
    uint32_t v
cdef packed struct Word64:
    uint64_t v

cdef inline uint16_t read16(const void *p) noexcept nogil:
    return (<const Word16 *> p).v
cdef inline uint32_t read32(const void *p) noexcept nogil:
    return (<const Word32 *> p).v
cdef inline uint64_t read64(const void *p) noexcept nogil:
    return (<const Word64 *> p).v
cdef inline void write16(void *p, uint16_t v) noexcept nogil:
    (<Word16 *> p).v = v
cdef inline void write32(void *p, uint32_t v) noexcept nogil:
    (<Word32 *> p).v = v
cdef inline void write64(void *p, uint64_t v) noexcept nogil:
    (<Word64 *> p).v = v

cdef inline bint inside(uint64_t limit, uint64_t offset, uint64_t size) noexcept nogil:
    """Is [offset, offset + size) inside [0, limit)?  Overflow-safe."""
    return offset <= limit and size <= limit - offset

cdef inline uint64_t align_up(uint64_t value, uint64_t alignment) noexcept nogil:
    """The next multiple of a power of two."""
    return (value + alignment - 1) & ~(alignment - 1)
