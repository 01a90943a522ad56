"""Contents and relocations of a partial link.

Contents are copied as they are: x86-64 keeps addends in the relocations.  A relocation gets the offset in the joined
section, the index of its symbol in the output, and where it is about a section, the offset of that section in the
joined one.

A relocation whose target is not in the output (code of a COMDAT group that lost, seen from debug information or from
.eh_frame) becomes R_X86_64_NONE.  ld, lld and this linker drop an FDE whose first relocation is such a one; in debug
information the field holds the tombstone that the final link would have written.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.libc.string import memcpy, memset
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.partial import *
from cython.cimports.wild.kernels.relocate import tombstone_of
from cython.cimports.wild.kernels.sections import (
    RelaSpan,
    relocations_of,
    section_bytes,
    section_header,
    section_of,
)
from cython.cimports.wild.kernels.tables import *

NOP = cython.declare(cython.const[cython.int], 0x90)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def write_files(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Write the sections of a block of files."""
    partial = cython.cast(PartialPtr, context)
    i: int64_t
    k: uint32_t
    for i in range(begin, end):
        row = cython.address(partial.files.row[i])
        if row.sec_base == 0:
            continue
        for k in range(1, row.shnum):
            if is_whole(partial, row.sec_base + k):
                write_section(partial, cython.cast(uint32_t, i), k)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def write_section(partial: PartialPtr, file: uint32_t, k: uint32_t) -> cython.void:
    row = cython.address(partial.files.row[file])
    base = partial.files.base[file]
    section: uint32_t = row.sec_base + k
    sec = cython.address(partial.sections.row[section])
    out = cython.address(partial.out[sec.part])
    shdr = section_header(base, row, k)
    code = section_bytes(partial.sections, base, shdr, section)
    to = partial.to + out.offset + sec.address
    if out.type != SHT_NOBITS and code is not cython.NULL:
        memcpy(to, code, sec.size)
    span: RelaSpan = relocations_of(partial.sections, base, row, section)
    rela = cython.cast(cython.pointer[Elf64_Rela], partial.to + out.rela_offset) + sec.relatives
    tombstone: uint64_t = tombstone_of(base + row.shstroff + shdr.sh_name)
    i: uint64_t
    for i in range(span.count):
        rela[i] = span.rela[i]
        rela[i].r_offset += sec.address
        if not retarget(partial, file, rela + i):
            if tombstone and inside(sec.size, span.rela[i].r_offset, 8) and span.rela[i].r_type == 1:
                write64(to + span.rela[i].r_offset, tombstone)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def retarget(partial: PartialPtr, file: uint32_t, rela: cython.pointer[Elf64_Rela]) -> cython.bint:
    """Let a relocation refer to the output's symbol; False: it refers to what is not in the output."""
    row = cython.address(partial.files.row[file])
    symbol: uint32_t = rela.r_sym
    if symbol == 0:
        return True
    if symbol >= row.first_global:
        rela.r_sym = partial.name_index[partial.names.of[row.global_base + symbol - row.first_global]]
    else:
        sym = cython.cast(Sym, partial.files.base[file] + row.symoff) + symbol
        rela.r_sym = partial.local_index[row.local_base + symbol]
        if sym.st_info & 15 == STT_SECTION:
            shndx: uint32_t = section_of(partial.files.base[file], row, sym, symbol)
            if 0 < shndx < row.shnum and is_whole(partial, row.sec_base + shndx):
                sec = cython.address(partial.sections.row[row.sec_base + shndx])
                rela.r_sym = partial.out[sec.part].symbol
                rela.r_addend += cython.cast(int64_t, sec.address + sym.st_value)
    if rela.r_sym == 0:
        rela.r_type = 0
        rela.r_addend = 0
    return rela.r_sym != 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def fill_gaps(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Gaps in code are instructions that do nothing: code may run through the end of a section (.init does)."""
    partial = cython.cast(PartialPtr, context)
    i: int64_t
    n: uint64_t
    for i in range(max(begin, 1), end):
        row = cython.address(partial.out[i])
        if row.own is not cython.NULL:
            memcpy(partial.to + row.offset, row.own, row.size)
        if not row.flags & SHF_EXECINSTR or row.type == SHT_NOBITS:
            continue
        at: uint64_t = 0
        for n in range(row.first, row.first + row.count):
            sec = cython.address(partial.sections.row[partial.ids[n]])
            if sec.flags & SEC_LIVE:
                memset(partial.to + row.offset + at, NOP, sec.address - at)
                at = sec.address + sec.size
    return 0
