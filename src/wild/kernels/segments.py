"""The dynamic section of shared objects, and all other tables of those that have no section headers.

The run-time loader knows nothing of sections: PT_DYNAMIC leads to the dynamic section, whose entries give
the addresses of the symbol table, its strings, the hash tables and the versions; PT_LOAD segments say where
an address is in the file.  Only the number of symbols is not written anywhere.  DT_HASH has it as the
length of its chains; in DT_GNU_HASH the last symbol is found as the end of the chain of the bucket that
begins last (chains are ended by an odd hash).  A GNU hash table whose buckets are all empty covers no
symbol at all; the symbols before its first index are undefined ones, which are the whole table then.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.wild.kernels.elf import (
    DT_NEEDED,
    DT_NULL,
    DT_SONAME,
    DT_STRSZ,
    DT_STRTAB,
    STB_LOCAL,
    Bytes,
    Ehdr,
    Elf64_Dyn,
    Elf64_Phdr,
    Elf64_Sym,
    Sym,
    inside,
    read32,
)
from cython.cimports.wild.kernels.faults import (
    FAULT_DYNAMIC,
    FAULT_DYNAMIC_ADDRESS,
    FAULT_DYNAMIC_HASH,
    FAULT_DYNAMIC_STRING,
    FAULT_NO_HASH,
    FAULT_PIE,
    FAULT_PROGRAM_HEADERS,
    FAULT_STRTAB,
    FAULT_VERDEF,
    FAULT_VERSYM,
)
from cython.cimports.wild.kernels.headers import (
    DF_1_PIE,
    DT_FLAGS_1,
    DT_GNU_HASH,
    DT_HASH,
    DT_SYMTAB,
    DT_VERDEF,
    DT_VERDEFNUM,
    DT_VERSYM,
    PT_DYNAMIC,
    PT_LOAD,
)
from cython.cimports.wild.kernels.pool import Fault, report
from cython.cimports.wild.kernels.tables import NONE, FileRow, SharedRow

Phdr = cython.typedef(cython.pointer[cython.const[Elf64_Phdr]])
Dyn = cython.typedef(cython.pointer[cython.const[Elf64_Dyn]])

# One shared object, and the values of its dynamic entries (0: not there).
Segments = cython.struct(
    base=Bytes,
    size=uint64_t,
    phdr=Phdr,
    phnum=uint64_t,
    file=uint32_t,
    fault=cython.pointer[Fault],
    symtab=uint64_t,
    strtab=uint64_t,
    strsize=uint64_t,
    hash=uint64_t,
    gnu_hash=uint64_t,
    versym=uint64_t,
    verdef=uint64_t,
    verdef_count=uint64_t,
)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def check_dynamic(
    base: Bytes,
    row: cython.pointer[FileRow],
    shared: cython.pointer[SharedRow],
    file: uint32_t,
    fault: cython.pointer[Fault],
) -> cython.int:
    entries = cython.cast(Dyn, base + shared.dynamic)
    i: uint64_t
    for i in range(shared.dynamic_size // cython.sizeof(Elf64_Dyn)):
        tag: int64_t = entries[i].d_tag
        value: uint64_t = entries[i].d_val
        place: uint64_t = shared.dynamic + i * cython.sizeof(Elf64_Dyn)
        if tag == DT_NULL:
            shared.dynamic_size = i * cython.sizeof(Elf64_Dyn)
            break
        if tag == DT_FLAGS_1 and value & DF_1_PIE:
            report(fault, FAULT_PIE, file, place, 0)
            return -1
        if tag != DT_SONAME and tag != DT_NEEDED:
            continue
        if value >= row.strsize or value >= NONE:
            report(fault, FAULT_DYNAMIC_STRING, file, place, value)
            return -1
        if tag == DT_SONAME:
            shared.soname = cython.cast(uint32_t, value)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def read_dynamic_tables(
    base: Bytes,
    row: cython.pointer[FileRow],
    shared: cython.pointer[SharedRow],
    file: uint32_t,
    fault: cython.pointer[Fault],
) -> cython.int:
    segments = cython.declare(Segments)
    segments.base = base
    segments.size = row.size
    segments.file = file
    segments.fault = fault
    given = cython.address(segments)
    if find_dynamic(given, shared):
        return -1
    if shared.dynamic_size == 0:
        return 0
    collect_entries(given, shared)
    if find_strings(given, row) or find_symbols(given, row) or find_versions(given, row, shared):
        return -1
    return check_dynamic(base, row, shared, file, fault)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def find_dynamic(segments: cython.pointer[Segments], shared: cython.pointer[SharedRow]) -> cython.int:
    """Check the program headers and find PT_DYNAMIC."""
    ehdr = cython.cast(Ehdr, segments.base)
    segments.phnum = ehdr.e_phnum
    size: uint64_t = segments.phnum * cython.sizeof(Elf64_Phdr)
    wrong_size: cython.bint = segments.phnum and ehdr.e_phentsize != cython.sizeof(Elf64_Phdr)
    if wrong_size or not inside(segments.size, ehdr.e_phoff, size):
        report(segments.fault, FAULT_PROGRAM_HEADERS, segments.file, ehdr.e_phoff, segments.phnum)
        return -1
    segments.phdr = cython.cast(Phdr, segments.base + ehdr.e_phoff)
    i: uint64_t
    for i in range(segments.phnum):
        header = cython.address(segments.phdr[i])
        if header.p_type != PT_DYNAMIC:
            continue
        if not inside(segments.size, header.p_offset, header.p_filesz):
            report(segments.fault, FAULT_DYNAMIC, segments.file, header.p_offset, header.p_filesz)
            return -1
        shared.dynamic = header.p_offset
        shared.dynamic_size = header.p_filesz // cython.sizeof(Elf64_Dyn) * cython.sizeof(Elf64_Dyn)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def collect_entries(segments: cython.pointer[Segments], shared: cython.pointer[SharedRow]) -> cython.void:
    segments.symtab = segments.strtab = segments.strsize = segments.hash = segments.gnu_hash = 0
    segments.versym = segments.verdef = segments.verdef_count = 0
    entries = cython.cast(Dyn, segments.base + shared.dynamic)
    i: uint64_t
    for i in range(shared.dynamic_size // cython.sizeof(Elf64_Dyn)):
        tag: int64_t = entries[i].d_tag
        value: uint64_t = entries[i].d_val
        if tag == DT_NULL:
            return
        if tag == DT_SYMTAB:
            segments.symtab = value
        elif tag == DT_STRTAB:
            segments.strtab = value
        elif tag == DT_STRSZ:
            segments.strsize = value
        elif tag == DT_HASH:
            segments.hash = value
        elif tag == DT_GNU_HASH:
            segments.gnu_hash = value
        elif tag == DT_VERSYM:
            segments.versym = value
        elif tag == DT_VERDEF:
            segments.verdef = value
        elif tag == DT_VERDEFNUM:
            segments.verdef_count = value


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def file_range(
    segments: cython.pointer[Segments], address: uint64_t, offset: cython.pointer[uint64_t]
) -> uint64_t:
    """The offset in the file of an address; how many bytes of its segment follow (0 and a fault: none)."""
    i: uint64_t
    for i in range(segments.phnum):
        header = cython.address(segments.phdr[i])
        if (
            header.p_type != PT_LOAD
            or address < header.p_vaddr
            or address - header.p_vaddr >= header.p_filesz
        ):
            continue
        if not inside(segments.size, header.p_offset, header.p_filesz):
            break
        offset[0] = header.p_offset + (address - header.p_vaddr)
        return header.p_filesz - (address - header.p_vaddr)
    report(segments.fault, FAULT_DYNAMIC_ADDRESS, segments.file, 0, address)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def find_strings(segments: cython.pointer[Segments], row: cython.pointer[FileRow]) -> cython.int:
    room: uint64_t = file_range(segments, segments.strtab, cython.address(row.stroff))
    if room == 0:
        return -1
    row.strsize = segments.strsize
    if row.strsize == 0 or row.strsize > room or segments.base[row.stroff + row.strsize - 1] != 0:
        report(segments.fault, FAULT_STRTAB, segments.file, row.stroff, 0)
        return -1
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def find_symbols(segments: cython.pointer[Segments], row: cython.pointer[FileRow]) -> cython.int:
    count: uint64_t = 0
    if segments.gnu_hash:
        count = count_by_gnu_hash(segments)
    elif segments.hash:
        count = count_by_hash(segments)
    else:
        report(segments.fault, FAULT_NO_HASH, segments.file, 0, 0)
    room: uint64_t = file_range(segments, segments.symtab, cython.address(row.symoff))
    if count == 0 or room == 0:
        return -1
    if count > room // cython.sizeof(Elf64_Sym) or count >= NONE:
        report(segments.fault, FAULT_DYNAMIC_HASH, segments.file, row.symoff, count)
        return -1
    row.nsyms = cython.cast(uint32_t, count)
    row.first_global = 1
    symbols = cython.cast(Sym, segments.base + row.symoff)
    while row.first_global < row.nsyms and symbols[row.first_global].st_info >> 4 == STB_LOCAL:
        row.first_global += 1
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def count_by_hash(segments: cython.pointer[Segments]) -> uint64_t:
    """DT_HASH: nbucket, nchain, … where nchain is the number of symbols."""
    offset: uint64_t = 0
    room: uint64_t = file_range(segments, segments.hash, cython.address(offset))
    if room == 0:
        return 0
    count: uint64_t = read32(segments.base + offset + 4) if room >= 8 else 0
    if count == 0:
        report(segments.fault, FAULT_DYNAMIC_HASH, segments.file, offset, 0)
    return count


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def count_by_gnu_hash(segments: cython.pointer[Segments]) -> uint64_t:
    """DT_GNU_HASH: nbuckets, first symbol, Bloom words, shift; then Bloom filter, buckets, hashes."""
    offset: uint64_t = 0
    room: uint64_t = file_range(segments, segments.gnu_hash, cython.address(offset))
    if room == 0:
        return 0
    table: Bytes = segments.base + offset
    if room >= 16:
        buckets: uint64_t = read32(table)
        first: uint64_t = read32(table + 4)
        hashes: uint64_t = 16 + read32(table + 8) * cython.cast(uint64_t, 8) + buckets * 4
        if hashes <= room and first > 0:
            last: uint64_t = 0
            i: uint64_t
            for i in range(buckets):
                last = max(last, cython.cast(uint64_t, read32(table + hashes - (buckets - i) * 4)))
            if last < first:
                return first
            while inside(room, hashes + (last - first) * 4, 4):
                if read32(table + hashes + (last - first) * 4) & 1:
                    return last + 1
                last += 1
    report(segments.fault, FAULT_DYNAMIC_HASH, segments.file, offset, 0)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def find_versions(
    segments: cython.pointer[Segments], row: cython.pointer[FileRow], shared: cython.pointer[SharedRow]
) -> cython.int:
    if segments.versym:
        room: uint64_t = file_range(segments, segments.versym, cython.address(shared.versym))
        if room // 2 < row.nsyms:
            report(segments.fault, FAULT_VERSYM, segments.file, shared.versym, 0)
            return -1
    if segments.verdef:
        shared.verdef_size = file_range(segments, segments.verdef, cython.address(shared.verdef))
        if shared.verdef_size == 0 or segments.verdef_count >= NONE:
            report(segments.fault, FAULT_VERDEF, segments.file, shared.verdef, 0)
            return -1
        shared.verdef_count = cython.cast(uint32_t, segments.verdef_count)
    return 0
