"""What relocations of a partial link refer to, and which symbols are therefore in the output.

The relocations of everything that is kept are read once and checked; the symbols they name are marked.  A reference
to a section's symbol marks the section of the output that it is joined into.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.wild.kernels.cc import set_bits32
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.faults import *
from cython.cimports.wild.kernels.partial import *
from cython.cimports.wild.kernels.pool import report
from cython.cimports.wild.kernels.sections import RelaSpan, relocations_of, section_header, section_of
from cython.cimports.wild.kernels.tables import *


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def mark_files(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Mark what the relocations of a block of files refer to, then count their local symbols."""
    partial = cython.cast(PartialPtr, context)
    i: int64_t
    k: uint32_t
    failed: cython.int = 0
    for i in range(begin, end):
        row = cython.address(partial.files.row[i])
        if row.sec_base == 0:
            continue
        for k in range(1, row.shnum):
            if is_whole(partial, row.sec_base + k) and partial.sections.row[row.sec_base + k].relocs:
                failed |= mark_section(partial, cython.cast(uint32_t, i), k)
    return failed


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def mark_section(partial: PartialPtr, file: uint32_t, k: uint32_t) -> cython.int:
    row = cython.address(partial.files.row[file])
    section: uint32_t = row.sec_base + k
    span: RelaSpan = relocations_of(partial.sections, partial.files.base[file], row, section)
    size: uint64_t = partial.sections.row[section].size
    i: uint64_t
    for i in range(span.count):
        code: cython.int = 0
        if span.rela[i].r_sym >= row.nsyms:
            code = FAULT_RELOC_SYMBOL
        elif span.rela[i].r_offset > size:
            code = FAULT_RELOC_OFFSET
        if code:
            place: uint64_t = (cython.cast(uint64_t, k) << 40) + span.rela[i].r_offset
            report(partial.fault, code, file, place, (cython.cast(uint64_t, k) << 32) | i)
            return 1
        mark_symbol(partial, file, span.rela[i].r_sym)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def mark_symbol(partial: PartialPtr, file: uint32_t, symbol: uint32_t) -> cython.void:
    """Something in the output refers to a symbol of a file; global ones are in the output anyway."""
    row = cython.address(partial.files.row[file])
    if symbol >= row.first_global:
        return
    sym = cython.cast(Sym, partial.files.base[file] + row.symoff) + symbol
    if sym.st_info & 15 == STT_SECTION:
        shndx: uint32_t = section_of(partial.files.base[file], row, sym, symbol)
        if 0 < shndx < row.shnum and is_whole(partial, row.sec_base + shndx):
            set_bits32(cython.address(partial.out[partial.sections.row[row.sec_base + shndx].part].used), 1)
    else:
        partial.used_local[row.local_base + symbol] = 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def mark_signatures(partial: PartialPtr) -> cython.void:
    """The symbols that name the groups of the output."""
    i: int64_t
    for i in range(1, partial.group_count):
        group = cython.address(partial.group[i])
        if group.members:
            row = cython.address(partial.files.row[group.file])
            shdr = section_header(partial.files.base[group.file], row, group.section)
            mark_symbol(partial, group.file, shdr.sh_info)
