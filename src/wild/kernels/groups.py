"""COMDAT groups (gABI "Section Groups"): the group of the lowest live file wins, the others' members are struck out.

Owners are found with an atomic minimum per signature while the section headers are read.  FileIds are kept as their
complement, so that zeroed memory means "nobody yet" and the minimum is a maximum.

With a section go those that are about it alone (SHF_LINK_ORDER, see link_order.py), whether a group has lost or a
linker script discards it.  That holds for what is about these in turn, but not for chains that no compiler makes.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.wild.kernels.cc import atomic_max32
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.faults import *
from cython.cimports.wild.kernels.pool import report
from cython.cimports.wild.kernels.sections import Read, section_header, strike
from cython.cimports.wild.kernels.tables import *

LONGEST_CHAIN = cython.declare(cython.const[cython.int], 8)  # passes over the sections of an object


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def enter_group(
    read: cython.pointer[Read], file: uint32_t, k: uint32_t, extra: cython.pointer[uint32_t]
) -> cython.int:
    """Enter this file as a candidate for the COMDAT group; the row's link keeps the signature's NameId."""
    row = cython.address(read.files.row[file])
    base = read.files.base[file]
    shdr = section_header(base, row, k)
    if shdr.sh_size < 4 or shdr.sh_size % 4 or shdr.sh_link != row.symtab or shdr.sh_info >= row.nsyms:
        report(read.fault, FAULT_BAD_GROUP, file, shdr.sh_offset, k)
        return 1
    name: uint32_t
    if shdr.sh_info < row.first_global:
        name = read.names.of[extra[0]]
        extra[0] += 1
    else:
        name = read.names.of[row.global_base + shdr.sh_info - row.first_global]
    n: uint64_t
    for n in range(1, shdr.sh_size // 4):
        member: uint32_t = read32(base + shdr.sh_offset + 4 * n)
        if member == 0 or member >= row.shnum or member == k:
            report(read.fault, FAULT_BAD_GROUP, file, shdr.sh_offset + 4 * n, k)
            return 1
    if read32(base + shdr.sh_offset) & GRP_COMDAT and name:
        read.sections[row.sec_base + k].link = name
        atomic_max32(cython.address(read.owner[name]), ~file)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def strike_losers(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Take the members of lost groups out of the link, and what is about sections that are out."""
    read = cython.cast(cython.pointer[Read], context)
    i: int64_t
    for i in range(begin, end):
        row = cython.address(read.files.row[i])
        if row.sec_base and row.has & HAS_GROUPS:
            strike_object(read, cython.cast(uint32_t, i))
        if row.sec_base and row.has & HAS_LINK_ORDER and strike_linked(read, cython.cast(uint32_t, i)):
            return 1
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def strike_object(read: cython.pointer[Read], file: uint32_t) -> cython.void:
    row = cython.address(read.files.row[file])
    base = read.files.base[file]
    k: uint32_t
    n: uint64_t
    member: uint32_t
    for k in range(1, row.shnum):
        shdr = section_header(base, row, k)
        name: uint32_t = read.sections[row.sec_base + k].link
        if shdr.sh_type != SHT_GROUP or name == 0 or ~read.owner[name] == file:
            continue
        for n in range(1, shdr.sh_size // 4):
            member = read32(base + shdr.sh_offset + 4 * n)
            strike(cython.address(read.sections[row.sec_base + member]))


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def strike_linked(read: cython.pointer[Read], file: uint32_t) -> cython.int:
    """Take out of the link what is about sections that are not in it."""
    row = cython.address(read.files.row[file])
    changed: cython.bint = True
    passes: cython.int = 0
    k: uint32_t
    while changed and passes < LONGEST_CHAIN:
        changed = False
        passes += 1
        for k in range(1, row.shnum):
            sec = cython.address(read.sections[row.sec_base + k])
            if sec.kind == SEC_OUT or not sec.flags & SEC_LINKED:
                continue
            target: uint32_t = section_header(read.files.base[file], row, k).sh_link
            if target >= row.shnum:
                report(read.fault, FAULT_LINK_ORDER, file, row.shoff + 64 * k, k)
                return 1
            if read.sections[row.sec_base + target].kind == SEC_OUT:
                strike(sec)
                changed = True
    return 0
