"""Which functions somebody may compare the address of: those stay apart under --icf=safe.

clang says it: the section .llvm_addrsig of an object lists the symbols whose addresses matter (LLVM, "Extensions").
For other objects their relocations tell.  A call or jump needs no address (R_X86_64_PLT32, and the indirect call and
jump through the GOT), nor does a vtable, whose entries a program cannot compare; unwinding and debug information do
not count.  Everything else that refers to code takes its address.  What is exported may be compared in other files.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint8_t, uint32_t, uint64_t
from cython.cimports.libc.string import strncmp
from cython.cimports.wild.kernels.cc import set_bits8
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.icf import *
from cython.cimports.wild.kernels.sections import (
    RelaSpan,
    relocations_of,
    section_bytes,
    section_header,
    section_name,
    section_of,
)
from cython.cimports.wild.kernels.tables import *

R_PLT32 = cython.declare(cython.const[uint32_t], 4)
R_PLTOFF64 = cython.declare(cython.const[uint32_t], 31)
R_GOTPCREL = cython.declare(cython.const[uint32_t], 9)
R_GOTPCRELX = cython.declare(cython.const[uint32_t], 41)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def find_significant(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Mark the sections whose addresses matter to a block of files."""
    icf = cython.cast(IcfPtr, context)
    i: int64_t
    k: uint32_t
    for i in range(begin, end):
        row = cython.address(icf.files.row[i])
        if row.sec_base == 0 or read_list(icf, cython.cast(uint32_t, i)):
            continue
        for k in range(1, row.shnum):
            sec = cython.address(icf.sections.row[row.sec_base + k])
            if sec.relocs and sec.kind == SEC_PLAIN and sec.flags & SEC_ALLOC and sec.flags & SEC_LIVE:
                scan_section(icf, cython.cast(uint32_t, i), k)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def read_list(icf: IcfPtr, file: uint32_t) -> cython.bint:
    """Mark what .llvm_addrsig lists, if the object has one that can be read."""
    row = cython.address(icf.files.row[file])
    base = icf.files.base[file]
    k: uint32_t
    for k in range(1, row.shnum):
        shdr = section_header(base, row, k)
        if shdr.sh_type == SHT_LLVM_ADDRSIG and shdr.sh_link == row.symtab:
            if not inside(row.size, shdr.sh_offset, shdr.sh_size):
                return False
            at: uint64_t = 0
            while at < shdr.sh_size:
                symbol: uint64_t = 0
                shift: cython.int = 0
                while at < shdr.sh_size:
                    byte: uint8_t = base[shdr.sh_offset + at]
                    at += 1
                    symbol |= cython.cast(uint64_t, byte & 0x7F) << min(shift, 63)
                    shift += 7
                    if byte < 0x80:
                        break
                if symbol < row.nsyms:
                    mark(icf, file, cython.cast(uint32_t, symbol))
            return True
    return False


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def mark(icf: IcfPtr, file: uint32_t, symbol: uint32_t) -> cython.void:
    row = cython.address(icf.files.row[file])
    section: uint32_t
    if symbol >= row.first_global:
        section = icf.symbols[icf.names.of[row.global_base + symbol - row.first_global]].section
    else:
        sym = cython.cast(Sym, icf.files.base[file] + row.symoff) + symbol
        section = section_of(icf.files.base[file], row, sym, symbol)
        section = row.sec_base + section if 0 < section < row.shnum else 0
    if section:
        set_bits8(icf.significant + section, 1)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def scan_section(icf: IcfPtr, file: uint32_t, k: uint32_t) -> cython.void:
    row = cython.address(icf.files.row[file])
    base = icf.files.base[file]
    shdr = section_header(base, row, k)
    if is_vtable(section_name(base, row, shdr)):
        return
    code = section_bytes(icf.sections, base, shdr, row.sec_base + k)
    span: RelaSpan = relocations_of(icf.sections, base, row, row.sec_base + k)
    i: uint64_t
    for i in range(span.count):
        if not is_branch(code, cython.address(span.rela[i])):
            mark(icf, file, span.rela[i].r_sym)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def is_vtable(name: Bytes) -> cython.bint:
    text = cython.cast(cython.p_const_char, name)
    return (
        strncmp(text, b".data.rel.ro._ZTV", 17) == 0
        or strncmp(text, b".data.rel.ro.local._ZTV", 23) == 0
        or strncmp(text, b".rodata._ZTV", 12) == 0
    )


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def is_branch(code: Bytes, rela: cython.pointer[cython.const[Elf64_Rela]]) -> cython.bint:
    """A call or jump, directly or through the GOT (psABI, "Optimize GOTPCRELX Relocations")."""
    if rela.r_type == R_PLT32 or rela.r_type == R_PLTOFF64:
        return True
    if (rela.r_type != R_GOTPCREL and rela.r_type != R_GOTPCRELX) or rela.r_offset < 2:
        return False
    return code[rela.r_offset - 2] == 0xFF and (
        code[rela.r_offset - 1] == 0x15 or code[rela.r_offset - 1] == 0x25
    )
