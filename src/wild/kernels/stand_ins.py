"""Stand-ins: an ELF object, made in memory, that has the symbols of a file of intermediate code.

What a plugin says about a file is a list of symbols: definitions, weak or not, common symbols, references,
visibilities, the COMDAT groups of the definitions.  An object with these symbols, groups of empty sections,
and nothing else resolves as the file's machine code will.  So archives are searched, groups won and versions
given by the passes that do it for any object, and none of them needs to know of intermediate code.

Sections: the tables (1 symbols, 2 their names, 3 section names, 4 section indices), 5 for definitions outside
groups, then two for each group: the group and its member.  The local symbols are the signatures of the
groups; symbol i of the plugin is the i-th global symbol.
"""

import cython
from cython.cimports.libc.stdint import uint8_t, uint16_t, uint32_t, uint64_t
from cython.cimports.libc.string import memcpy, strlen
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.plugin_api import *
from cython.cimports.wild.kernels.pool import Arena

from wild.errors import LinkError

PLAIN = cython.declare(cython.const[uint32_t], 5)  # the section of definitions outside groups
NAMES_SIZE = cython.declare(cython.const[uint64_t], 54)
TEXT = cython.declare(cython.const[uint32_t], 1)  # offsets in the section names
GROUP = cython.declare(cython.const[uint32_t], 47)
MOST_STRINGS = cython.declare(cython.const[uint64_t], 0xFFFF0000)  # bytes

# Where the parts of the object are, and how far the strings are filled.
Plan = cython.struct(
    base=MutableBytes,
    groups=uint64_t,
    symbols=uint64_t,
    sections=uint64_t,
    headers=uint64_t,  # offsets
    members=uint64_t,
    symtab=uint64_t,
    xindex=uint64_t,
    strtab=uint64_t,
    names=uint64_t,
    strings=uint64_t,  # bytes of strings written
    size=uint64_t,
)


@cython.cfunc
@cython.exceptval(-1, check=False)
def make_stand_in(
    arena: Arena,
    symbols: cython.pointer[cython.const[Symbol]],
    count: cython.int,
    base: cython.pointer[MutableBytes],
    size: cython.pointer[uint64_t],
) -> cython.int:
    """An object with the symbols of a plugin, in the arena's memory; raises LinkError for nonsense."""
    plan = cython.declare(Plan)
    keys: dict = {}
    i: cython.int
    strings: uint64_t = 1
    for i in range(count):
        check_symbol(cython.address(symbols[i]), i)
        strings += name_size(cython.address(symbols[i]))
        if has_group(cython.address(symbols[i])):
            key: bytes = symbols[i].comdat_key
            if key not in keys:
                keys[key] = len(keys)
                strings += len(key) + 1
    if strings > MOST_STRINGS:
        raise LinkError(f"has {strings} bytes of symbol names, which is more than an object can have")
    plan.groups = len(keys)
    plan.symbols = 1 + plan.groups + cython.cast(uint64_t, count)
    place_parts(cython.address(plan), strings)
    plan.base = cython.cast(MutableBytes, arena.array(plan.size, 1))
    write_headers(cython.address(plan), strings)
    plan.strings = 1
    at: uint64_t = 0
    for key in keys:
        write_group(cython.address(plan), at, key)
        at += 1
    for i in range(count):
        section: uint64_t = PLAIN
        if has_group(cython.address(symbols[i])):
            key = symbols[i].comdat_key
            section = member_of(keys[key])
        write_symbol(cython.address(plan), cython.address(symbols[i]), 1 + plan.groups + i, section)
    base[0] = plan.base
    size[0] = plan.size
    return 0


@cython.cfunc
@cython.exceptval(-1, check=False)
def check_symbol(symbol: cython.pointer[cython.const[Symbol]], index: cython.int) -> cython.int:
    if (
        symbol.name is cython.NULL
        or symbol.definition > LDPK_COMMON
        or not 0 <= symbol.visibility <= LDPV_HIDDEN
    ):
        raise LinkError(f"symbol {index}, as the plugin describes it, makes no sense")
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def name_size(symbol: cython.pointer[cython.const[Symbol]]) -> uint64_t:
    """Bytes of `name`, or of `name@version`, and NUL."""
    size: uint64_t = strlen(symbol.name) + 1
    if symbol.version is not cython.NULL and symbol.version[0] != 0:
        size += strlen(symbol.version) + 1
    return size


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def has_group(symbol: cython.pointer[cython.const[Symbol]]) -> cython.bint:
    if symbol.comdat_key is cython.NULL or symbol.comdat_key[0] == 0:
        return False
    return symbol.definition == LDPK_DEF or symbol.definition == LDPK_WEAKDEF


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def member_of(group: uint64_t) -> uint64_t:
    """The section of a group's definitions; the group itself is the one before."""
    return PLAIN + 2 + 2 * group


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def place_parts(plan: cython.pointer[Plan], strings: uint64_t) -> cython.void:
    plan.sections = PLAIN + 1 + 2 * plan.groups
    plan.headers = cython.sizeof(Elf64_Ehdr)
    plan.members = plan.headers + plan.sections * cython.sizeof(Elf64_Shdr)
    plan.symtab = plan.members + 8 * plan.groups
    plan.xindex = plan.symtab + plan.symbols * cython.sizeof(Elf64_Sym)
    plan.strtab = plan.xindex + 4 * plan.symbols
    plan.names = plan.strtab + strings
    plan.size = plan.names + NAMES_SIZE


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def write_headers(plan: cython.pointer[Plan], strings: uint64_t) -> cython.void:
    """The ELF header and the headers of all sections but the groups'."""
    ehdr = cython.cast(cython.pointer[Elf64_Ehdr], plan.base)
    memcpy(ehdr, b"\x7fELF\x02\x01\x01", 7)
    ehdr.e_type = ET_REL
    ehdr.e_machine = EM_X86_64
    ehdr.e_version = 1
    ehdr.e_shoff = plan.headers
    ehdr.e_ehsize = cython.sizeof(Elf64_Ehdr)
    ehdr.e_shentsize = cython.sizeof(Elf64_Shdr)
    ehdr.e_shstrndx = 3
    if plan.sections < SHN_LORESERVE:
        ehdr.e_shnum = cython.cast(uint16_t, plan.sections)
    header(plan, 0).sh_size = plan.sections  # counts where e_shnum is 0
    entsize: uint64_t = cython.sizeof(Elf64_Sym)
    describe(plan, 1, 7, SHT_SYMTAB, plan.symtab, plan.symbols * entsize, 2, 1 + plan.groups, entsize)
    describe(plan, 2, 15, SHT_STRTAB, plan.strtab, strings, 0, 0, 0)
    describe(plan, 3, 23, SHT_STRTAB, plan.names, NAMES_SIZE, 0, 0, 0)
    describe(plan, 4, 33, SHT_SYMTAB_SHNDX, plan.xindex, 4 * plan.symbols, 1, 0, 4)
    describe(plan, PLAIN, TEXT, SHT_PROGBITS, plan.headers, 0, 0, 0, 0)
    header(plan, PLAIN).sh_flags = SHF_ALLOC | SHF_EXECINSTR
    names: cython.p_const_char = b"\0.text\0.symtab\0.strtab\0.shstrtab\0.symtab_shndx\0.group\0"
    memcpy(plan.base + plan.names, names, NAMES_SIZE)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def header(plan: cython.pointer[Plan], index: uint64_t) -> cython.pointer[Elf64_Shdr]:
    return cython.cast(cython.pointer[Elf64_Shdr], plan.base + plan.headers) + index


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def describe(
    plan: cython.pointer[Plan],
    index: uint64_t,
    name: uint32_t,
    type: uint32_t,
    offset: uint64_t,
    size: uint64_t,
    link: uint32_t,
    info: uint64_t,
    entsize: uint64_t,
) -> cython.void:
    """Write a section header."""
    shdr = header(plan, index)
    shdr.sh_name = name
    shdr.sh_type = type
    shdr.sh_offset = offset
    shdr.sh_size = size
    shdr.sh_link = link
    shdr.sh_info = cython.cast(uint32_t, info)
    shdr.sh_entsize = entsize
    shdr.sh_addralign = 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def write_group(plan: cython.pointer[Plan], group: uint64_t, key: cython.p_const_char) -> cython.void:
    """A COMDAT group with one empty member, and its signature, a local symbol (gABI, "Section Groups")."""
    member: uint64_t = member_of(group)
    words = plan.base + plan.members + 8 * group
    write32(words, GRP_COMDAT)
    write32(words + 4, cython.cast(uint32_t, member))
    describe(plan, member - 1, GROUP, SHT_GROUP, plan.members + 8 * group, 8, 1, 1 + group, 4)
    describe(plan, member, TEXT, SHT_PROGBITS, plan.headers, 0, 0, 0, 0)
    header(plan, member).sh_flags = SHF_ALLOC | SHF_EXECINSTR | SHF_GROUP
    sym = symbol_at(plan, 1 + group)
    sym.st_name = cython.cast(uint32_t, plan.strings)
    set_section(plan, 1 + group, member)
    add_string(plan, key)
    plan.strings += 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def symbol_at(plan: cython.pointer[Plan], index: uint64_t) -> cython.pointer[Elf64_Sym]:
    return cython.cast(cython.pointer[Elf64_Sym], plan.base + plan.symtab) + index


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def set_section(plan: cython.pointer[Plan], index: uint64_t, section: uint64_t) -> cython.void:
    if section < SHN_LORESERVE:
        symbol_at(plan, index).st_shndx = cython.cast(uint16_t, section)
    else:
        symbol_at(plan, index).st_shndx = SHN_XINDEX
        write32(plan.base + plan.xindex + 4 * index, cython.cast(uint32_t, section))


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def add_string(plan: cython.pointer[Plan], text: cython.p_const_char) -> cython.void:
    """Append to the string table, which is zeroed, without a NUL."""
    length: uint64_t = strlen(text)
    memcpy(plan.base + plan.strtab + plan.strings, text, length)
    plan.strings += length


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def write_symbol(
    plan: cython.pointer[Plan],
    symbol: cython.pointer[cython.const[Symbol]],
    index: uint64_t,
    section: uint64_t,
) -> cython.void:
    sym = symbol_at(plan, index)
    sym.st_name = cython.cast(uint32_t, plan.strings)
    add_string(plan, symbol.name)
    if symbol.version is not cython.NULL and symbol.version[0] != 0:
        add_string(plan, b"@")
        add_string(plan, symbol.version)
    plan.strings += 1
    kind: uint8_t = symbol.definition
    weak: cython.bint = kind == LDPK_WEAKDEF or kind == LDPK_WEAKUNDEF
    sym.st_info = (STB_WEAK if weak else STB_GLOBAL) << 4 | elf_type(symbol)
    sym.st_other = elf_visibility(symbol.visibility)
    sym.st_size = symbol.size
    if kind == LDPK_COMMON:
        sym.st_shndx = SHN_COMMON
        sym.st_value = 1  # the alignment, which is not known yet
    elif kind == LDPK_DEF or kind == LDPK_WEAKDEF:
        set_section(plan, index, section)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def elf_type(symbol: cython.pointer[cython.const[Symbol]]) -> uint8_t:
    if symbol.type == LDST_FUNCTION:
        return STT_FUNC
    return STT_OBJECT if symbol.type == LDST_VARIABLE else STT_NOTYPE


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def elf_visibility(visibility: cython.int) -> uint8_t:
    if visibility == LDPV_PROTECTED:
        return STV_PROTECTED
    if visibility == LDPV_INTERNAL:
        return STV_INTERNAL
    return STV_HIDDEN if visibility == LDPV_HIDDEN else STV_DEFAULT
