"""The rows of an object's sections: its section headers are read once, and checked.

What becomes of a section is decided here if its header and name say it: its kind and part (by rules.py), its size,
how it is aligned, where its relocations are.  Objects that have something that only some have (groups, constructors
in .ctors, warnings, …) say so in FileRow.has, and the passes about it skip all others.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint8_t, uint32_t, uint64_t
from cython.cimports.libc.string import memcmp, strncmp
from cython.cimports.wild.kernels.call_graph import SHT_LLVM_CALL_GRAPH_PROFILE
from cython.cimports.wild.kernels.cc import ctz64, prefetch, set_bits32
from cython.cimports.wild.kernels.ctors import is_ctors
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.faults import *
from cython.cimports.wild.kernels.groups import enter_group
from cython.cimports.wild.kernels.pool import report, write_first
from cython.cimports.wild.kernels.rules import place_section, section_flags
from cython.cimports.wild.kernels.sections import (
    PART_UNUSUAL,
    RULE_LISTED,
    RULE_SORTED,
    ZDEBUG_HEADER,
    Read,
    big_endian64,
    is_linkonce,
    is_zdebug,
    section_header,
    section_name,
)
from cython.cimports.wild.kernels.tables import *

DOT = cython.declare(cython.const[uint8_t], 46)
G = cython.declare(cython.const[uint8_t], 103)
Z = cython.declare(cython.const[uint8_t], 122)
EI_OSABI = cython.declare(cython.const[uint32_t], 7)
ELFOSABI_GNU = cython.declare(cython.const[uint32_t], 3)
LARGEST_ALIGN = cython.declare(cython.const[uint64_t], 1 << 32)
LARGEST_SIZE = cython.declare(cython.const[uint64_t], 1 << 46)
# Sections between a prefetch of a name and its use: assemblers sort names, so they lie in no order.
AHEAD = cython.declare(cython.const[uint32_t], 8)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def read_sections(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    read = cython.cast(cython.pointer[Read], context)
    i: int64_t
    for i in range(begin, end):
        if i and read.files.live[i] and read.files.row[i].kind == FILE_OBJECT:
            if read_object(read, cython.cast(uint32_t, i)):
                return 1
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def read_object(read: cython.pointer[Read], file: uint32_t) -> cython.int:
    """Fill the rows of one object."""
    row = cython.address(read.files.row[file])
    base = read.files.base[file]
    extra: uint32_t = row.global_base + row.nsyms - row.first_global
    k: uint32_t
    write_first(read.sections + row.sec_base, row.shnum * cython.sizeof(SectionRow))
    for k in range(1, row.shnum):
        if k + AHEAD < row.shnum:
            prefetch(section_name(base, row, section_header(base, row, k + AHEAD)))
        shdr = section_header(base, row, k)
        if (
            shdr.sh_type != SHT_NOBITS
            and shdr.sh_type != SHT_NULL
            and not inside(row.size, shdr.sh_offset, shdr.sh_size)
        ):
            report(read.fault, FAULT_SECTION_OUTSIDE, file, row.shoff + 64 * k, k)
            return 1
        if shdr.sh_type == SHT_GROUP:
            if enter_group(read, file, k, cython.address(extra)):
                return 1
        elif is_relocations(shdr):
            if enter_relocations(read, file, k):
                return 1
        elif shdr.sh_flags & SHF_ALLOC or not is_table(shdr.sh_type):
            if enter_section(read, file, k, shdr):
                return 1
    chain_unusual(read, row)
    if base[EI_OSABI] == ELFOSABI_GNU:
        row.has |= HAS_GNU
    if row.has:
        set_bits32(cython.address(read.has), row.has)
    return 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def is_relocations(shdr: cython.pointer[cython.const[Elf64_Shdr]]) -> cython.bint:
    """Relocations of another section; loaded ones of none are data."""
    if shdr.sh_type != SHT_RELA and shdr.sh_type != SHT_CREL and shdr.sh_type != SHT_REL:
        return False
    return shdr.sh_info != 0 or not shdr.sh_flags & SHF_ALLOC


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def is_table(kind: uint32_t) -> cython.bint:
    """Sections that describe the object and do not reach the output."""
    return (
        kind == SHT_NULL
        or kind == SHT_SYMTAB
        or kind == SHT_STRTAB
        or kind == SHT_SYMTAB_SHNDX
        or kind == SHT_LLVM_ADDRSIG
        or kind == SHT_LLVM_CALL_GRAPH_PROFILE
    )


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def enter_relocations(read: cython.pointer[Read], file: uint32_t, k: uint32_t) -> cython.int:
    """Note in the row of the section they apply to where its relocations are."""
    row = cython.address(read.files.row[file])
    shdr = section_header(read.files.base[file], row, k)
    target: uint32_t = shdr.sh_info
    if target >= row.shnum:
        report(read.fault, FAULT_RELOCATED, file, row.shoff + 64 * k, k)
        return 1
    if section_header(read.files.base[file], row, target).sh_type == SHT_LLVM_CALL_GRAPH_PROFILE:
        return 0  # not to be applied: they name symbols (call_graph.py)
    if shdr.sh_type == SHT_REL and shdr.sh_size:
        report(read.fault, FAULT_REL_SECTION, file, row.shoff + 64 * k, k)
        return 1
    if target == 0 or shdr.sh_size == 0:
        return 0
    if shdr.sh_type == SHT_RELA and (shdr.sh_entsize != 24 or shdr.sh_size % 24):
        report(read.fault, FAULT_BAD_RELA, file, row.shoff + 64 * k, k)
        return 1
    sec = cython.address(read.sections[row.sec_base + target])
    if sec.relocs:
        report(read.fault, FAULT_TWO_RELAS, file, row.shoff + 64 * k, k)
        return 1
    sec.relocs = k
    if shdr.sh_type == SHT_CREL:
        sec.flags |= SEC_CREL
        row.has |= HAS_CREL
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def enter_section(
    read: cython.pointer[Read], file: uint32_t, k: uint32_t, shdr: cython.pointer[cython.const[Elf64_Shdr]]
) -> cython.int:
    """Decide the kind and part of one section."""
    row = cython.address(read.files.row[file])
    if shdr.sh_name >= row.shstrsize:
        report(read.fault, FAULT_SECTION_NAME, file, row.shoff + 64 * k, k)
        return 1
    if shdr.sh_flags & SHF_EXCLUDE and not shdr.sh_flags & SHF_ALLOC and not read.whole:
        return 0
    name = section_name(read.files.base[file], row, shdr)
    # Most names are known by the character behind the dot to be none of those that are asked for here.
    second: uint8_t = name[1] if name[0] == DOT else 0
    if second == G and is_linkonce(name) and not shdr.sh_flags & SHF_GROUP:
        row.has |= HAS_LINKONCE
    if shdr.sh_flags & SHF_LINK_ORDER:
        row.has |= HAS_LINK_ORDER
    if is_ctors(name) and not read.scripted:
        row.has |= HAS_CTORS
    sec = cython.address(read.sections[row.sec_base + k])
    align: uint64_t = shdr.sh_addralign if shdr.sh_addralign else 1
    sec.size = shdr.sh_size
    sec.flags |= section_flags(shdr)
    if shdr.sh_flags & SHF_COMPRESSED:
        if shdr.sh_size < cython.sizeof(Elf64_Chdr) or sec.flags & SEC_ALLOC or sec.flags & SEC_NOBITS:
            report(read.fault, FAULT_COMPRESSED, file, shdr.sh_offset, k)
            return 1
        chdr = cython.cast(cython.pointer[Elf64_Chdr], read.files.base[file] + shdr.sh_offset)
        sec.size = chdr.ch_size
        align = chdr.ch_addralign if chdr.ch_addralign else 1
    elif second == Z and is_zdebug(name) and not sec.flags & (SEC_ALLOC | SEC_NOBITS):
        start = read.files.base[file] + shdr.sh_offset
        if shdr.sh_size >= ZDEBUG_HEADER and memcmp(start, b"ZLIB", 4) == 0:
            sec.size = big_endian64(start + 4)
            sec.flags |= SEC_COMPRESSED
    if align & (align - 1) or align > LARGEST_ALIGN:
        report(read.fault, FAULT_ALIGN, file, row.shoff + 64 * k, k)
        return 1
    if sec.size > LARGEST_SIZE:
        report(read.fault, FAULT_SIZE, file, row.shoff + 64 * k, k)
        return 1
    sec.align = ctz64(align)
    place_section(read, file, sec, shdr, name)
    if sec.kind == SEC_OUT and strncmp(cython.cast(cython.p_const_char, name), b".gnu.warning", 12) == 0:
        row.has |= HAS_WARNINGS
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def chain_unusual(read: cython.pointer[Read], row: cython.pointer[FileRow]) -> cython.void:
    """Link the unusual sections of an object, in order; one with relocations is not merged after all."""
    last: uint32_t = 0
    k: uint32_t
    for k in range(1, row.shnum):
        sec = cython.address(read.sections[row.sec_base + k])
        if sec.relocs and (sec.kind == SEC_STRINGS or sec.kind == SEC_CONSTANTS):
            sec.kind = SEC_PLAIN
            if sec.unused != NONE and not read.rules[sec.unused].flags & (RULE_SORTED | RULE_LISTED):
                sec.part = read.rules[sec.unused].part
        if sec.kind == SEC_OUT or (sec.part != PART_UNUSUAL and not sec.flags & SEC_COMPRESSED):
            continue
        if last:
            read.sections[last].link = row.sec_base + k
        else:
            row.unusual = row.sec_base + k
        last = row.sec_base + k
