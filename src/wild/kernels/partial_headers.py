"""Section headers of a partial link, and the places of everything in the file.

In the file stand the ELF header, contents, relocations, groups, symbols, names, and the section headers.  Headers of
groups come before those of their members (gABI "Section Groups"), and the relocations of a section directly behind
it, so that `.rela.text` and `.text` can share their name.  Beyond 65279 sections the counts do not fit the ELF header
and stand in section header 0 (gABI "Sections"), and symbols have their sections in .symtab_shndx.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint16_t, uint32_t, uint64_t
from cython.cimports.libc.string import memcpy, memset
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.partial import *
from cython.cimports.wild.kernels.partial_headers import (
    ELFOSABI_GNU,
    NAME_GROUP,
    NAME_SHSTRTAB,
    NAME_STRTAB,
    NAME_SYMTAB,
    NAME_XINDEX,
    NAMES_SIZE,
)
from cython.cimports.wild.kernels.sections import section_header
from cython.cimports.wild.kernels.tables import *

RELA = cython.declare(cython.p_const_char, b".rela")
OWN_NAMES = cython.declare(cython.p_const_char, b"\0.group\0.symtab\0.symtab_shndx\0.strtab\0.shstrtab")


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def number_headers(partial: PartialPtr) -> cython.void:
    """Section header indices."""
    next: uint32_t = 1
    name: uint64_t = NAMES_SIZE
    i: int64_t
    for i in range(1, partial.group_count):
        if partial.group[i].members:
            partial.group[i].shndx = next
            next += 1
    for i in range(1, partial.out_count):
        row = cython.address(partial.out[i])
        if row.live:
            row.shndx = next
            next += 2 if row.relocs else 1
            name += 5 if row.relocs else 0
            row.sh_name = cython.cast(uint32_t, name)
            name += row.name_length + 1
    partial.symtab = next
    next += 1
    if next >= SHN_LORESERVE:
        partial.xindex = next
        next += 1
    partial.strtab = next
    partial.shstrtab = next + 1
    partial.section_count = next + 2
    partial.shstrtab_size = name


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def place_contents(partial: PartialPtr) -> cython.void:
    """Offsets in the file, once sections and symbols are numbered."""
    at: uint64_t = cython.sizeof(Elf64_Ehdr)
    i: int64_t
    for i in range(1, partial.out_count):
        row = cython.address(partial.out[i])
        if row.live:
            at = align_up(at, row.align)
            row.offset = at
            at += 0 if row.type == SHT_NOBITS else row.size
    at = align_up(at, 8)
    for i in range(1, partial.out_count):
        partial.out[i].rela_offset = at
        at += cython.sizeof(Elf64_Rela) * partial.out[i].relocs
    for i in range(1, partial.group_count):
        partial.group[i].offset = at
        at += 4 * (partial.group[i].members + 1) if partial.group[i].members else 0
    at = align_up(at, 8)
    partial.symtab_offset = at
    at += cython.sizeof(Elf64_Sym) * cython.cast(uint64_t, partial.symbol_count)
    if partial.xindex:
        partial.xindex_offset = at
        at += 4 * cython.cast(uint64_t, partial.symbol_count)
    partial.strtab_offset = at
    at += partial.strtab_size
    partial.shstrtab_offset = at
    partial.headers = align_up(at + partial.shstrtab_size, 8)
    partial.file_size = partial.headers + cython.sizeof(Elf64_Shdr) * cython.cast(
        uint64_t, partial.section_count
    )


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def write_headers(partial: PartialPtr) -> cython.void:
    """The ELF header, the section headers and their names."""
    write_elf_header(partial)
    i: int64_t
    for i in range(1, partial.group_count):
        if partial.group[i].members:
            write_group_header(partial, cython.address(partial.group[i]))
    for i in range(1, partial.out_count):
        if partial.out[i].live:
            write_row_header(partial, cython.address(partial.out[i]))
    write_table_headers(partial)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def write_elf_header(partial: PartialPtr) -> cython.void:
    header = cython.cast(cython.pointer[Elf64_Ehdr], partial.to)
    memset(header, 0, cython.sizeof(Elf64_Ehdr))
    memcpy(header.e_ident, b"\x7fELF\x02\x01\x01", 7)
    header.e_ident[7] = ELFOSABI_GNU if partial.gnu else 0
    header.e_type = ET_REL
    header.e_machine = EM_X86_64
    header.e_version = 1
    header.e_shoff = partial.headers
    header.e_ehsize = cython.sizeof(Elf64_Ehdr)
    header.e_shentsize = cython.sizeof(Elf64_Shdr)
    wide: cython.bint = partial.section_count >= SHN_LORESERVE
    header.e_shnum = 0 if wide else cython.cast(uint16_t, partial.section_count)
    header.e_shstrndx = SHN_XINDEX if wide else cython.cast(uint16_t, partial.shstrtab)
    null = header_at(partial, 0)
    memset(null, 0, cython.sizeof(Elf64_Shdr))
    if wide:
        null.sh_size = partial.section_count
        null.sh_link = partial.shstrtab


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def header_at(partial: PartialPtr, shndx: uint32_t) -> cython.pointer[Elf64_Shdr]:
    return cython.cast(cython.pointer[Elf64_Shdr], partial.to + partial.headers) + shndx


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def fill_header(
    partial: PartialPtr, shndx: uint32_t, name: uint64_t, type: uint32_t, offset: uint64_t, size: uint64_t
) -> cython.pointer[Elf64_Shdr]:
    """Begin a section header; the caller completes it."""
    shdr = header_at(partial, shndx)
    memset(shdr, 0, cython.sizeof(Elf64_Shdr))
    shdr.sh_name = cython.cast(uint32_t, name)
    shdr.sh_type = type
    shdr.sh_offset = offset
    shdr.sh_size = size
    shdr.sh_addralign = 1
    return shdr


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def write_group_header(partial: PartialPtr, group: cython.pointer[GroupRow]) -> cython.void:
    size: uint64_t = 4 * (cython.cast(uint64_t, group.members) + 1)
    shdr = fill_header(partial, group.shndx, NAME_GROUP, SHT_GROUP, group.offset, size)
    shdr.sh_link = partial.symtab
    shdr.sh_info = group.symbol
    shdr.sh_addralign = 4
    shdr.sh_entsize = 4


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def write_row_header(partial: PartialPtr, row: OutPtr) -> cython.void:
    """A section, the name, and the relocations behind it."""
    in_group: uint64_t = SHF_GROUP if row.group else 0
    shdr = fill_header(partial, row.shndx, row.sh_name, row.type, row.offset, row.size)
    shdr.sh_flags = row.flags | in_group
    shdr.sh_addralign = row.align
    shdr.sh_entsize = row.entsize
    if row.order:
        shdr.sh_link = partial.out[row.order].shndx
    if row.flags & SHF_GNU_RETAIN:
        partial.gnu = 1
        partial.to[7] = ELFOSABI_GNU
    name = partial.to + partial.shstrtab_offset + row.sh_name
    memcpy(name, row.name, row.name_length)
    name[row.name_length] = 0
    if row.relocs:
        memcpy(name - 5, RELA, 5)
        size: uint64_t = cython.sizeof(Elf64_Rela) * row.relocs
        shdr = fill_header(partial, row.shndx + 1, row.sh_name - 5, SHT_RELA, row.rela_offset, size)
        shdr.sh_flags = SHF_INFO_LINK | in_group
        shdr.sh_link = partial.symtab
        shdr.sh_info = row.shndx
        shdr.sh_addralign = 8
        shdr.sh_entsize = cython.sizeof(Elf64_Rela)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def write_table_headers(partial: PartialPtr) -> cython.void:
    """The symbol table, its extended indices, and both string tables."""
    symbols: uint64_t = partial.symbol_count
    memcpy(partial.to + partial.shstrtab_offset, OWN_NAMES, NAMES_SIZE)
    shdr = fill_header(
        partial,
        partial.symtab,
        NAME_SYMTAB,
        SHT_SYMTAB,
        partial.symtab_offset,
        cython.sizeof(Elf64_Sym) * symbols,
    )
    shdr.sh_link = partial.strtab
    shdr.sh_info = partial.first_global
    shdr.sh_addralign = 8
    shdr.sh_entsize = cython.sizeof(Elf64_Sym)
    if partial.xindex:
        shdr = fill_header(
            partial, partial.xindex, NAME_XINDEX, SHT_SYMTAB_SHNDX, partial.xindex_offset, 4 * symbols
        )
        shdr.sh_link = partial.symtab
        shdr.sh_addralign = 4
        shdr.sh_entsize = 4
    fill_header(partial, partial.strtab, NAME_STRTAB, SHT_STRTAB, partial.strtab_offset, partial.strtab_size)
    fill_header(
        partial, partial.shstrtab, NAME_SHSTRTAB, SHT_STRTAB, partial.shstrtab_offset, partial.shstrtab_size
    )


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def name_groups(partial: PartialPtr) -> cython.void:
    """The signature of each group, once symbols are numbered."""
    i: int64_t
    for i in range(1, partial.group_count):
        group = cython.address(partial.group[i])
        row = cython.address(partial.files.row[group.file])
        symbol: uint32_t = section_header(partial.files.base[group.file], row, group.section).sh_info
        if symbol >= row.first_global:
            name: uint32_t = partial.names.of[row.global_base + symbol - row.first_global]
            group.symbol = partial.name_index[name]
            continue
        sym = cython.cast(Sym, partial.files.base[group.file] + row.symoff) + symbol
        group.symbol = partial.local_index[row.local_base + symbol]
        if sym.st_info & 15 == STT_SECTION and 0 < sym.st_shndx < row.shnum:
            group.symbol = partial.out[partial.sections.row[row.sec_base + sym.st_shndx].part].symbol
