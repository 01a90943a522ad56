"""Reads the ELF headers of all inputs, in parallel: finds and checks symbol tables and dynamic sections.

Everything that later passes index without looking is checked here, once: that each section lies inside the
file, that the symbol table is a whole number of symbols and its first global symbol is one of them, that
string tables end in NUL (so any offset below their size is a C string).  What is in a symbol, a relocation
or a group is checked by the pass that reads it.

The section headers of a file are walked once.  Two fields of the ELF header have escapes for files with
more than 65,279 sections: e_shnum 0 and e_shstrndx SHN_XINDEX refer to sh_size and sh_link of section
header 0 (gABI "ELF Header"); the section indices of symbols then have a table of their own.

Shared objects may have been stripped of their section headers, since only segments matter at run time.
Then kernels/segments.py finds the same tables through PT_DYNAMIC.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint16_t, uint32_t, uint64_t
from cython.cimports.libc.string import memcmp
from cython.cimports.wild.kernels.elf import (
    ELFCLASS64,
    ELFDATA2LSB,
    EM_X86_64,
    ET_DYN,
    ET_REL,
    SHF_EXCLUDE,
    SHN_XINDEX,
    SHT_DYNAMIC,
    SHT_DYNSYM,
    SHT_GROUP,
    SHT_LLVM_DEPENDENT_LIBRARIES,
    SHT_NOBITS,
    SHT_NULL,
    SHT_STRTAB,
    SHT_SYMTAB,
    SHT_SYMTAB_SHNDX,
    Bytes,
    Ehdr,
    Elf64_Dyn,
    Elf64_Ehdr,
    Elf64_Shdr,
    Elf64_Sym,
    Shdr,
    SHT_GNU_verdef,
    SHT_GNU_versym,
    inside,
)
from cython.cimports.wild.kernels.faults import (
    FAULT_DYNAMIC,
    FAULT_EHDR,
    FAULT_FIRST_GLOBAL,
    FAULT_FOREIGN,
    FAULT_GROUP_SYMBOL,
    FAULT_SECTION_LINK,
    FAULT_SECTION_RANGE,
    FAULT_SHDRS,
    FAULT_SHENTSIZE,
    FAULT_SHSTRNDX,
    FAULT_STRTAB,
    FAULT_SYMBOL_SIZE,
    FAULT_SYMTAB_SIZE,
    FAULT_SYMTAB_TWICE,
    FAULT_VERDEF,
    FAULT_VERSYM,
    FAULT_XINDEX,
)
from cython.cimports.wild.kernels.ir_marks import ir_flags
from cython.cimports.wild.kernels.pool import Fault, Pool, report
from cython.cimports.wild.kernels.segments import check_dynamic, read_dynamic_tables
from cython.cimports.wild.kernels.tables import (
    FILE_LTO,
    FILE_OBJECT,
    FILE_SHARED,
    HAS_GROUPS,
    HAS_LIBRARIES,
    NONE,
    FileRow,
    Files,
    SharedRow,
)

from wild.errors import LinkError

MAX_IDS = cython.declare(cython.const[uint64_t], 0xFFFFFFF0)

# One file while its headers are read, and the section indices of the tables that were met.
Reading = cython.struct(
    file=uint32_t,
    base=Bytes,
    size=uint64_t,
    shdr=Shdr,
    shnum=uint64_t,
    row=cython.pointer[FileRow],
    fault=cython.pointer[Fault],
    symtab=uint64_t,
    xindex=uint64_t,
    versym=uint64_t,
    verdef=uint64_t,
    dynamic=uint64_t,
    groups=uint64_t,  # the first group
    excluded=uint64_t,  # the first section with SHF_EXCLUDE
)
Context = cython.struct(files=cython.pointer[Files], fault=cython.pointer[Fault])


@cython.cfunc
@cython.exceptval(-1, check=False)
def read_all_headers(pool: Pool, files: cython.pointer[Files]) -> cython.int:
    context = cython.declare(Context)
    context.files = files
    context.fault = cython.address(pool.fault)
    pool.run_evenly(read_block, cython.address(context), files.count, 16)
    return number_symbols(files)


@cython.cfunc
@cython.exceptval(-1, check=False)
def number_symbols(files: cython.pointer[Files]) -> cython.int:
    """Give each file its range of GlobalIds and of LocalIds, in file order; returns 1 if a file names libraries."""
    has: uint16_t = 0
    global_base: uint64_t = 0
    local_base: uint64_t = 0
    i: int64_t
    for i in range(files.count):
        row = cython.address(files.row[i])
        row.global_base = cython.cast(uint32_t, global_base)
        row.local_base = cython.cast(uint32_t, local_base)
        has |= row.has
        global_base += row.nsyms - row.first_global + row.nextra
        if row.kind != FILE_SHARED:
            local_base += row.first_global
        if global_base > MAX_IDS or local_base > MAX_IDS:
            raise LinkError("the input files have more than 4,294,967,280 symbols in all")
    files.globals = cython.cast(uint32_t, global_base)
    files.locals = cython.cast(uint32_t, local_base)
    return has & HAS_LIBRARIES != 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def read_block(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    given = cython.cast(cython.pointer[Context], context)
    files = given.files
    reading = cython.declare(Reading)
    i: int64_t
    for i in range(begin, end):
        row = cython.address(files.row[i])
        if row.kind != FILE_OBJECT and row.kind != FILE_SHARED:
            continue
        reading.file = cython.cast(uint32_t, i)
        reading.base = files.base[i]
        reading.size = row.size
        reading.row = row
        reading.fault = given.fault
        if row.kind == FILE_SHARED:
            read_shared(cython.address(reading), cython.address(files.shared[row.shared]))
        elif not row.flags & FILE_LTO:
            read_object(cython.address(reading))
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def fail(reading: cython.pointer[Reading], code: cython.int, place: uint64_t, extra: uint64_t) -> cython.int:
    report(reading.fault, code, reading.file, place, extra)
    return -1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def header_place(reading: cython.pointer[Reading], index: uint64_t) -> uint64_t:
    return reading.row.shoff + index * cython.sizeof(Elf64_Shdr)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def read_object(reading: cython.pointer[Reading]) -> cython.int:
    row = reading.row
    row.nextra = 0
    if read_ehdr(reading, ET_REL) or walk_sections(reading, SHT_SYMTAB) or read_section_names(reading):
        return -1
    if reading.symtab:
        if read_symbol_table(reading) or (reading.xindex and read_xindex(reading)):
            return -1
    if reading.groups and count_local_signatures(reading):
        return -1
    row.flags |= ir_flags(reading.base, row, reading.shdr, reading.excluded)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def read_shared(reading: cython.pointer[Reading], shared: cython.pointer[SharedRow]) -> cython.int:
    shared.soname = NONE
    if read_ehdr(reading, ET_DYN) or walk_sections(reading, SHT_DYNSYM):
        return -1
    if reading.symtab == 0:
        return read_dynamic_tables(reading.base, reading.row, shared, reading.file, reading.fault)
    if read_symbol_table(reading) or read_version_tables(reading, shared):
        return -1
    if reading.dynamic:
        header = cython.address(reading.shdr[reading.dynamic])
        shared.dynamic = header.sh_offset
        shared.dynamic_size = header.sh_size
        if not inside(reading.size, header.sh_offset, header.sh_size) or header.sh_size % cython.sizeof(
            Elf64_Dyn
        ):
            return fail(reading, FAULT_DYNAMIC, header.sh_offset, header.sh_size)
        return check_dynamic(reading.base, reading.row, shared, reading.file, reading.fault)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def read_ehdr(reading: cython.pointer[Reading], wanted: uint16_t) -> cython.int:
    """Check the ELF header and find the section headers."""
    row = reading.row
    base = reading.base
    if reading.size < cython.sizeof(Elf64_Ehdr):
        return fail(reading, FAULT_EHDR, 0, reading.size)
    ehdr = cython.cast(Ehdr, base)
    if memcmp(base, b"\x7fELF", 4) or base[4] != ELFCLASS64 or base[5] != ELFDATA2LSB:
        return fail(reading, FAULT_FOREIGN, 0, 0)
    if ehdr.e_machine != EM_X86_64 or ehdr.e_type != wanted:
        return fail(reading, FAULT_FOREIGN, 0, 0)
    row.shoff = ehdr.e_shoff
    reading.shnum = 0
    if ehdr.e_shoff == 0:
        row.shnum = 0
        return 0
    if ehdr.e_shentsize != cython.sizeof(Elf64_Shdr):
        return fail(reading, FAULT_SHENTSIZE, 0, ehdr.e_shentsize)
    if not inside(reading.size, ehdr.e_shoff, cython.sizeof(Elf64_Shdr)):
        return fail(reading, FAULT_SHDRS, ehdr.e_shoff, ehdr.e_shnum)
    reading.shdr = cython.cast(Shdr, base + ehdr.e_shoff)
    shnum: uint64_t = ehdr.e_shnum if ehdr.e_shnum else reading.shdr[0].sh_size
    if shnum > (reading.size - ehdr.e_shoff) // cython.sizeof(Elf64_Shdr):
        return fail(reading, FAULT_SHDRS, ehdr.e_shoff, shnum)
    reading.shnum = shnum
    row.shnum = cython.cast(uint32_t, shnum)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def walk_sections(reading: cython.pointer[Reading], symtab: uint32_t) -> cython.int:
    """Note the tables of interest; `symtab` is the type of the symbol table that counts in this file."""
    reading.symtab = reading.xindex = reading.versym = reading.verdef = reading.dynamic = reading.groups = 0
    reading.excluded = 0
    i: uint64_t
    for i in range(1, reading.shnum):
        header = cython.address(reading.shdr[i])
        kind: uint32_t = header.sh_type
        if kind == SHT_NOBITS or kind == SHT_NULL:
            continue
        if not inside(reading.size, header.sh_offset, header.sh_size):
            return fail(reading, FAULT_SECTION_RANGE, header.sh_offset, i)
        if header.sh_flags & SHF_EXCLUDE and reading.excluded == 0:
            reading.excluded = i
        if kind == symtab:
            if reading.symtab:
                return fail(reading, FAULT_SYMTAB_TWICE, header_place(reading, i), i)
            reading.symtab = i
        elif kind == SHT_SYMTAB_SHNDX:
            reading.xindex = i
        elif kind == SHT_GROUP:
            if reading.groups == 0:
                reading.groups = i
        elif kind == SHT_DYNAMIC:
            reading.dynamic = i
        elif kind == SHT_GNU_versym:
            reading.versym = i
        elif kind == SHT_GNU_verdef:
            reading.verdef = i
        elif kind == SHT_LLVM_DEPENDENT_LIBRARIES:
            reading.row.has |= HAS_LIBRARIES
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def check_strings(reading: cython.pointer[Reading], index: uint64_t) -> cython.int:
    """Is section `index` a string table that ends in NUL?"""
    header = cython.address(reading.shdr[index])
    end: uint64_t = header.sh_offset + header.sh_size
    if header.sh_size == 0 or reading.base[end - 1] != 0:
        return fail(reading, FAULT_STRTAB, header.sh_offset, index)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def read_section_names(reading: cython.pointer[Reading]) -> cython.int:
    row = reading.row
    if reading.shnum == 0:
        return 0
    index: uint64_t = cython.cast(Ehdr, reading.base).e_shstrndx
    if index == SHN_XINDEX:
        index = reading.shdr[0].sh_link
    if index == 0 or index >= reading.shnum or reading.shdr[index].sh_type != SHT_STRTAB:
        return fail(reading, FAULT_SHSTRNDX, 0, index)
    row.shstroff = reading.shdr[index].sh_offset
    row.shstrsize = reading.shdr[index].sh_size
    return check_strings(reading, index)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def read_symbol_table(reading: cython.pointer[Reading]) -> cython.int:
    """.symtab or .dynsym and its string table."""
    row = reading.row
    index = reading.symtab
    header = cython.address(reading.shdr[index])
    if header.sh_entsize != cython.sizeof(Elf64_Sym):
        return fail(reading, FAULT_SYMBOL_SIZE, header_place(reading, index), header.sh_entsize)
    count: uint64_t = header.sh_size // cython.sizeof(Elf64_Sym)
    if header.sh_size % cython.sizeof(Elf64_Sym) or count > MAX_IDS:
        return fail(reading, FAULT_SYMTAB_SIZE, header.sh_offset, index)
    if header.sh_info > count:
        return fail(reading, FAULT_FIRST_GLOBAL, header_place(reading, index), header.sh_info)
    strings: uint64_t = header.sh_link
    if strings == 0 or strings >= reading.shnum or reading.shdr[strings].sh_type != SHT_STRTAB:
        return fail(reading, FAULT_SECTION_LINK, header_place(reading, index), index)
    if count > 0:
        row.symtab = cython.cast(uint32_t, index)
        row.symoff = header.sh_offset
        row.nsyms = cython.cast(uint32_t, count)
        row.first_global = header.sh_info if header.sh_info else 1  # symbol 0 is the undefined one
    row.stroff = reading.shdr[strings].sh_offset
    row.strsize = reading.shdr[strings].sh_size
    return check_strings(reading, strings)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def read_xindex(reading: cython.pointer[Reading]) -> cython.int:
    row = reading.row
    header = cython.address(reading.shdr[reading.xindex])
    if header.sh_link != reading.symtab or header.sh_size // 4 < row.nsyms:
        return fail(reading, FAULT_XINDEX, header.sh_offset, reading.xindex)
    row.xindex = header.sh_offset
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def count_local_signatures(reading: cython.pointer[Reading]) -> cython.int:
    """Groups are named by a symbol; a local one gives its group a name that no global symbol bears."""
    row = reading.row
    row.has |= HAS_GROUPS
    i: uint64_t
    for i in range(reading.groups, reading.shnum):
        header = cython.address(reading.shdr[i])
        if header.sh_type != SHT_GROUP:
            continue
        if reading.symtab == 0 or header.sh_link != reading.symtab:
            return fail(reading, FAULT_SECTION_LINK, header_place(reading, i), i)
        if header.sh_info == 0 or header.sh_info >= row.nsyms:
            return fail(reading, FAULT_GROUP_SYMBOL, header_place(reading, i), header.sh_info)
        if header.sh_info < row.first_global:
            row.nextra += 1
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def read_version_tables(reading: cython.pointer[Reading], shared: cython.pointer[SharedRow]) -> cython.int:
    row = reading.row
    if reading.versym:
        header = cython.address(reading.shdr[reading.versym])
        if header.sh_size // 2 < row.nsyms:
            return fail(reading, FAULT_VERSYM, header.sh_offset, reading.versym)
        shared.versym = header.sh_offset
    if reading.verdef:
        header = cython.address(reading.shdr[reading.verdef])
        strings: uint64_t = header.sh_link
        if strings >= reading.shnum or reading.shdr[strings].sh_offset != row.stroff:
            return fail(reading, FAULT_VERDEF, header.sh_offset, reading.verdef)
        shared.verdef = header.sh_offset
        shared.verdef_size = header.sh_size
        shared.verdef_count = header.sh_info
    return 0
