# What objects say about names, and hashes of section names.

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, strcmp, strlen

from wild.kernels.cc cimport hash_bytes
from wild.kernels.elf cimport Elf64_Shdr, Elf64_Sym, SHN_ABS, SHN_UNDEF
from wild.kernels.resolve cimport is_common
from wild.kernels.saved cimport *
from wild.kernels.sections cimport section_header, section_name, section_of
from wild.kernels.tables cimport *

cdef inline uint8_t shape_of(const uint8_t *base, FileRow *row, Sections *sections, uint32_t index) noexcept nogil:
    """SHAPE_* of a global symbol of a live object whose sections have been read."""
    cdef const Elf64_Sym *sym = (<const Elf64_Sym *> (base + row.symoff)) + index
    cdef uint8_t shape = (sym.st_other & 3) << 3
    cdef uint32_t section
    cdef int kind = sym.st_info & 15
    if sym.st_info >> 4 == 2:
        shape |= SHAPE_WEAK
    if kind == 6:
        shape |= SHAPE_TLS
    if sym.st_shndx == SHN_UNDEF:
        return shape
    if kind == 10:
        shape |= SHAPE_IFUNC
    if is_common(sym):
        return shape | SHAPE_COMMON
    if sym.st_shndx == SHN_ABS:
        return shape | SHAPE_DEFINED | SHAPE_ABSOLUTE
    section = section_of(base, row, sym, index)
    if section >= row.shnum:
        return shape | SHAPE_DEFINED
    if sections.row[row.sec_base + section].flags & SEC_LOSER or sections.row[row.sec_base + section].kind == SEC_OUT:
        return shape | SHAPE_LOSER
    return shape | SHAPE_DEFINED

cdef inline uint8_t shape_of_waiting(const Elf64_Sym *sym) noexcept nogil:
    """SHAPE_* of a global symbol of an archive member that waits: whether it would define the name."""
    if sym.st_shndx == SHN_UNDEF:
        return 0
    return SHAPE_COMMON if is_common(sym) else SHAPE_DEFINED

cdef inline uint8_t shape_of_shared(const Elf64_Sym *sym, bint versioned) noexcept nogil:
    """SHAPE_* of a global symbol of a shared object, which may have a version."""
    cdef uint8_t shape = (sym.st_other & 3) << 3
    cdef int kind = sym.st_info & 15
    if sym.st_info >> 4 == 2:
        shape |= SHAPE_WEAK
    if sym.st_shndx == SHN_UNDEF:
        return shape | SHAPE_VERSIONED if versioned else shape
    if kind == 6:
        shape |= SHAPE_TLS
    if kind == 2 or kind == 10:  # a resolver is one only in its own file
        shape |= SHAPE_FUNCTION
    return shape | SHAPE_DEFINED

cdef inline uint64_t hash_member(const char *name, uint32_t length) noexcept nogil:
    """What an archive member is known by: its name, of rustc's objects without the part that names the invocation."""
    cdef uint32_t i
    cdef int dots = 0
    if length > 7 and memcmp(name + length - 7, b".rcgu.o", 7) == 0:
        length -= 7
        for i in range(length):
            dots += name[i] == 46
        while dots > 1 and length:
            length -= 1
            if name[length] == 46:
                break
    return hash_bytes(<const uint8_t *> name, length) | 1

cdef inline uint32_t hash_name(const uint8_t *name) noexcept nogil:
    """32 bits to know the name of a section by; never 0."""
    return <uint32_t> hash_bytes(name, strlen(<const char *> name)) | 1

cdef inline uint64_t hash_notes(const uint8_t *base, FileRow *row) noexcept nogil:
    """What an object says about its features and its stack: notes that are not copied."""
    cdef uint64_t hash = 0
    cdef uint32_t k
    cdef const Elf64_Shdr *shdr
    cdef const char *name
    for k in range(1, row.shnum):
        shdr = section_header(base, row, k)
        if shdr.sh_name >= row.shstrsize:
            continue
        name = <const char *> section_name(base, row, shdr)
        if strcmp(name, b".note.gnu.property") == 0 and has_range(row.size, shdr.sh_offset, shdr.sh_size):
            hash ^= hash_bytes(base + shdr.sh_offset, shdr.sh_size)
        elif strcmp(name, b".note.GNU-stack") == 0:
            hash ^= 0x1E3779B9 + shdr.sh_flags
    return hash

cdef inline bint has_range(uint64_t whole, uint64_t offset, uint64_t size) noexcept nogil:
    return offset <= whole and size <= whole - offset

cdef inline uint64_t hash_offers(const uint8_t *base, FileRow *row) noexcept nogil:
    """What a link sees of a member of an archive that it does not load: the names it defines and those it asks for."""
    cdef const Elf64_Sym *sym = <const Elf64_Sym *> (base + row.symoff)
    cdef const uint8_t *strings = base + row.stroff
    cdef uint64_t word[4]
    cdef uint64_t hash = row.nsyms - row.first_global
    cdef uint32_t i
    for i in range(row.first_global, row.nsyms):
        word[0] = hash
        word[1] = 0
        if sym[i].st_name < row.strsize:
            word[1] = hash_bytes(strings + sym[i].st_name, strlen(<const char *> strings + sym[i].st_name))
        word[2] = sym[i].st_info | sym[i].st_other << 8
        word[3] = 0
        if sym[i].st_shndx == SHN_UNDEF:
            word[3] = 1
        elif is_common(&sym[i]):
            word[3] = 2 + sym[i].st_size
        hash = hash_bytes(<const uint8_t *> word, 32)
    return hash

cdef inline bint is_waiting(FileRow *row, uint32_t live) noexcept nogil:
    """Was this an object that the link had no use for?"""
    return live == 0 and row.kind == FILE_OBJECT and row.flags & (FILE_LTO | FILE_CLAIMED) == 0

cdef inline uint64_t hash_exports(const uint8_t *base, FileRow *row, SharedRow *shared) noexcept nogil:
    """What a link sees of a shared object: its symbols without their addresses, their versions, and its name."""
    cdef const Elf64_Sym *sym = <const Elf64_Sym *> (base + row.symoff)
    cdef const char *strings = <const char *> (base + row.stroff)
    cdef uint64_t word[4]
    cdef uint64_t hash = row.nsyms
    cdef uint32_t i
    for i in range(row.first_global, row.nsyms):
        if sym[i].st_name >= row.strsize:
            continue
        word[0] = hash
        word[1] = hash_bytes(<const uint8_t *> strings + sym[i].st_name, strlen(strings + sym[i].st_name))
        word[2] = sym[i].st_info | sym[i].st_other << 8 | (sym[i].st_shndx == SHN_UNDEF) << 16
        word[3] = sym[i].st_size if sym[i].st_info & 15 != 2 else 0
        hash = hash_bytes(<const uint8_t *> word, 32)
    if shared.versym:
        hash ^= hash_bytes(base + shared.versym, 2 * <uint64_t> row.nsyms)
    if shared.verdef:
        hash = hash * 31 + hash_bytes(base + shared.verdef, shared.verdef_size)
    if shared.soname < row.strsize:
        hash = hash * 31 + hash_bytes(<const uint8_t *> strings + shared.soname, strlen(strings + shared.soname))
    return hash
