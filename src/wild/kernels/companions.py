"""Companions: sections that --gc-sections keeps because another one is kept, though nothing refers to them.

 - The members of a section group (gABI, "Section Groups"), COMDAT or not: "they must be retained or dropped
   as a unit".  Sections that are not loaded are otherwise kept whatever happens; as members of a group that
   has loaded members as well, they go with these: debug information of a dropped function is worth nothing.
   A group without any loaded member (a type of .debug_info) is kept.
 - A section that is linked to another by SHF_LINK_ORDER is about that other section (gABI, "Section Attribute
   Flags") and kept exactly when that one is, or when something refers to it.

GNU ld and lld do the same.  The ties are found before the walk of reach.py, by a loop over the files that are
known to have some.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint16_t, uint32_t, uint64_t
from cython.cimports.wild.kernels.companions import Companions
from cython.cimports.wild.kernels.elf import SHF_LINK_ORDER, SHT_GROUP, U32, Shdr, read32
from cython.cimports.wild.kernels.faults import FAULT_BAD_GROUP
from cython.cimports.wild.kernels.files import Inputs
from cython.cimports.wild.kernels.pool import Fault, Pool, report, write_first
from cython.cimports.wild.kernels.sections import SectionTable, section_header
from cython.cimports.wild.kernels.tables import (
    HAS_GROUPS,
    HAS_LINK_ORDER,
    SEC_ALLOC,
    SEC_LIVE,
    SEC_OUT,
    Files,
    SectionRow,
)

Tying = cython.struct(
    companions=cython.pointer[Companions],
    files=cython.pointer[Files],
    sections=cython.pointer[SectionRow],
    fault=cython.pointer[Fault],
)


@cython.cfunc
@cython.exceptval(-1, check=False)
def find_companions(
    companions: cython.pointer[Companions], pool: Pool, inputs: Inputs, sections: SectionTable
) -> cython.int:
    """Fill the tables; sections that are not loaded, and will live only with another one, lose their life."""
    count: int64_t = sections.view.count
    companions.ring = companions.dependent = companions.next = cython.NULL
    if sections.has & HAS_GROUPS:
        companions.ring = cython.cast(U32, inputs.arena.array(count, 4))
    if sections.has & HAS_LINK_ORDER:
        companions.dependent = cython.cast(U32, inputs.arena.array(count, 4))
        companions.next = cython.cast(U32, inputs.arena.array(count, 4))
    if sections.has & (HAS_GROUPS | HAS_LINK_ORDER):
        tying = cython.declare(Tying)
        tying.companions = companions
        tying.files = cython.address(inputs.view)
        tying.sections = sections.view.row
        tying.fault = cython.address(pool.fault)
        pool.run_evenly(tie_files, cython.address(tying), inputs.view.count, 32)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def tie_files(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Job over files: go through the section headers of those that have companions."""
    tying = cython.cast(cython.pointer[Tying], context)
    file: int64_t
    k: uint32_t
    for file in range(begin, end):
        row = cython.address(tying.files.row[file])
        if not row.sec_base or not row.has & (HAS_GROUPS | HAS_LINK_ORDER):
            continue
        if tying.companions.ring is not cython.NULL:
            write_first(tying.companions.ring + row.sec_base, 4 * cython.cast(uint64_t, row.shnum))
        for k in range(1, row.shnum):
            shdr: Shdr = section_header(tying.files.base[file], row, k)
            if shdr.sh_type == SHT_GROUP:
                if tie_group(tying, cython.cast(uint32_t, file), k, shdr):
                    return 1
            elif shdr.sh_flags & SHF_LINK_ORDER and 0 < shdr.sh_link < row.shnum:
                tie_dependent(tying, row.sec_base + k, row.sec_base + shdr.sh_link)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def tie_group(tying: cython.pointer[Tying], file: uint32_t, k: uint32_t, shdr: Shdr) -> cython.int:
    """Close the ring of the group's members that can be in the output."""
    row = cython.address(tying.files.row[file])
    base = tying.files.base[file]
    first: uint32_t = 0
    last: uint32_t = 0
    loaded: cython.bint = False
    n: uint64_t
    for n in range(1, shdr.sh_size // 4):
        index: uint32_t = read32(base + shdr.sh_offset + 4 * n)
        if index >= row.shnum:
            report(tying.fault, FAULT_BAD_GROUP, file, shdr.sh_offset + 4 * n, k)
            return 1
        member: uint32_t = row.sec_base + index
        if tying.sections[member].kind == SEC_OUT or tying.companions.ring[member]:
            continue
        loaded = loaded or tying.sections[member].flags & SEC_ALLOC != 0
        tying.companions.ring[member] = member
        if last:
            tying.companions.ring[last] = member
        else:
            first = member
        last = member
    if last:
        tying.companions.ring[last] = first
        if loaded:
            unload_members(tying, first)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def unload_members(tying: cython.pointer[Tying], first: uint32_t) -> cython.void:
    """Let the members that are not loaded live only with the others."""
    member: uint32_t = first
    while True:
        expect_nothing(cython.address(tying.sections[member]))
        member = tying.companions.ring[member]
        if member == first:
            return


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def expect_nothing(sec: cython.pointer[SectionRow]) -> cython.void:
    if not sec.flags & SEC_ALLOC:
        sec.flags &= ~cython.cast(uint16_t, SEC_LIVE)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def tie_dependent(tying: cython.pointer[Tying], section: uint32_t, target: uint32_t) -> cython.void:
    """Hang a section on the one it is linked to."""
    sec = cython.address(tying.sections[section])
    if sec.kind == SEC_OUT or section == target:
        return
    tying.companions.next[section] = tying.companions.dependent[target]
    tying.companions.dependent[target] = section
    expect_nothing(sec)
