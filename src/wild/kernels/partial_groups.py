"""Section groups in a partial link (gABI "Section Groups"): those that won are written again.

A group of the output has the sections of the input's group that are in the output, and the sections of their
relocations, which the gABI wants to be members too.  With --force-group-allocation there is none: the sections are
treated as if they had never been in a group.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.partial import *
from cython.cimports.wild.kernels.pool import Arena
from cython.cimports.wild.kernels.sections import section_header
from cython.cimports.wild.kernels.tables import *


@cython.cfunc
@cython.exceptval(-1, check=False)
def number_groups(partial: PartialPtr, arena: Arena, owner: cython.pointer[uint32_t]) -> cython.int:
    """Number the groups that won, in input order, and say which section is in which."""
    count: int64_t = 1
    with cython.nogil:
        count += each_group(partial, owner, False)
    partial.group_count = count
    if count == 1:
        return 0
    partial.group = cython.cast(cython.pointer[GroupRow], arena.array(count, cython.sizeof(GroupRow)))
    partial.group_of = cython.cast(U32, arena.array(partial.sections.count, 4))
    with cython.nogil:
        each_group(partial, owner, True)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def each_group(partial: PartialPtr, owner: cython.pointer[uint32_t], fill: cython.bint) -> int64_t:
    """Count the groups that won, or fill their rows."""
    count: int64_t = 0
    file: int64_t
    k: uint32_t
    for file in range(1, partial.files.count):
        row = cython.address(partial.files.row[file])
        if row.sec_base == 0 or not row.has & HAS_GROUPS:
            continue
        for k in range(1, row.shnum):
            name: uint32_t = partial.sections.row[row.sec_base + k].link
            shdr = section_header(partial.files.base[file], row, k)
            # Only a COMDAT group has a name here; another one has no rival.
            if shdr.sh_type != SHT_GROUP or (name and ~owner[name] != file):
                continue
            count += 1
            if fill:
                group = cython.address(partial.group[count])
                group.file = cython.cast(uint32_t, file)
                group.section = k
                note_members(partial, cython.cast(uint32_t, count))
    return count


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def member(partial: PartialPtr, group: cython.pointer[GroupRow], n: uint64_t) -> uint32_t:
    """The n-th word of a group of an input, as a section header index; word 0 holds flags."""
    row = cython.address(partial.files.row[group.file])
    shdr = section_header(partial.files.base[group.file], row, group.section)
    return read32(partial.files.base[group.file] + shdr.sh_offset + 4 * n)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def words_of(partial: PartialPtr, group: cython.pointer[GroupRow]) -> uint64_t:
    row = cython.address(partial.files.row[group.file])
    return section_header(partial.files.base[group.file], row, group.section).sh_size // 4


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def note_members(partial: PartialPtr, number: uint32_t) -> cython.void:
    group = cython.address(partial.group[number])
    n: uint64_t
    for n in range(1, words_of(partial, group)):
        partial.group_of[partial.files.row[group.file].sec_base + member(partial, group, n)] = number


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def measure_groups(partial: PartialPtr) -> cython.void:
    """How many sections of each group are in the output; a group without any is left out."""
    i: int64_t
    for i in range(1, partial.out_count):
        row = cython.address(partial.out[i])
        if row.group and row.live:
            partial.group[row.group].members += 2 if row.relocs else 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def write_groups(partial: PartialPtr) -> cython.void:
    """The words of every group: its flags, then its members."""
    i: int64_t
    for i in range(1, partial.group_count):
        group = cython.address(partial.group[i])
        if group.members:
            write32(partial.to + group.offset, member(partial, group, 0))
            group.members = 0
    for i in range(1, partial.out_count):
        row = cython.address(partial.out[i])
        if row.group and row.live:
            add_member(partial, row.group, row.shndx)
            if row.relocs:
                add_member(partial, row.group, row.shndx + 1)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def add_member(partial: PartialPtr, number: uint32_t, shndx: uint32_t) -> cython.void:
    group = cython.address(partial.group[number])
    group.members += 1
    write32(partial.to + group.offset + 4 * cython.cast(uint64_t, group.members), shndx)
