"""Part keys: the distinct kinds of unusual sections, and which sections have each.

Unusual are sections with names of their own (orphans: every `.debug_*`, custom sections), mergeable sections (a part
for each entry size and alignment), and sections that are sorted by a number in their name.  A serial pass over the
objects' chains numbers the few distinct keys in input order; the policy gives each key a part; the ids of the sections
are grouped by key for the passes that treat them.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.libc.string import memcmp, memset, strlen
from cython.cimports.wild.kernels.cc import hash_bytes
from cython.cimports.wild.kernels.elf import SHT_PROGBITS
from cython.cimports.wild.kernels.part_keys import *
from cython.cimports.wild.kernels.sections import (
    PART_UNUSUAL,
    RULE_LISTED,
    RULE_SORTED,
    PartKey,
    Read,
    SectionTable,
    section_header,
)
from cython.cimports.wild.kernels.tables import *

ODD = cython.declare(cython.const[uint64_t], 0x9E3779B97F4A7C15)


@cython.cfunc
def collect_keys(table: SectionTable, read: cython.pointer[Read]):
    """Number the distinct keys of the unusual sections and group their ids by key."""
    arena = table.inputs.arena
    total: uint64_t = count_unusual(read.files, table.view.row)
    table.key_room = 16
    while table.key_room < 3 * cython.cast(int64_t, total) // 2:
        table.key_room *= 2
    slots = cython.cast(cython.pointer[uint32_t], arena.array(table.key_room, 4))
    i: int64_t
    table.keys = cython.cast(cython.pointer[PartKey], arena.array(total, cython.sizeof(PartKey)))
    table.ids = cython.cast(cython.pointer[uint32_t], arena.array(total, 4))
    with cython.nogil:
        table.key_count = intern_keys(read, table.keys, slots, table.key_room - 1)
        for i in range(table.key_count):
            if table.keys[i].rule != NONE:
                table.keys[i].rule = read.rules[table.keys[i].rule].group
        group_ids(read.files, table.view.row, table.keys, table.key_count, table.ids)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def count_unusual(files: cython.pointer[Files], sections: cython.pointer[SectionRow]) -> uint64_t:
    total: uint64_t = 0
    i: int64_t
    for i in range(1, files.count):
        section: uint32_t = files.row[i].unusual
        while section:
            total += 1
            section = sections[section].link
    return total


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def make_key(
    read: cython.pointer[Read], file: uint32_t, section: uint32_t, key: cython.pointer[PartKey]
) -> cython.void:
    """What decides the part of an unusual section."""
    row = cython.address(read.files.row[file])
    sec = cython.address(read.sections[section])
    shdr = section_header(read.files.base[file], row, section - row.sec_base)
    merged: cython.bint = sec.kind == SEC_STRINGS or sec.kind == SEC_CONSTANTS
    memset(key, 0, cython.sizeof(PartKey))
    key.rule = sec.unused
    key.file = file
    key.section = section
    key.name = shdr.sh_name
    name = read.files.base[file] + row.shstroff + shdr.sh_name
    key.length = cython.cast(uint32_t, strlen(cython.cast(cython.p_char, name)))
    key.kind = sec.kind
    key.strings = sec.kind == SEC_STRINGS
    key.entsize = cython.cast(uint32_t, shdr.sh_entsize) if merged else 0
    key.align = cython.cast(uint32_t, 1) << sec.align if merged else 0
    key.flags = sec.flags
    key.type = shdr.sh_type
    key.sorted = key.rule != NONE and read.rules[key.rule].flags & (RULE_SORTED | RULE_LISTED) != 0
    key.sort = read.rules[key.rule].sort if key.rule != NONE else 0
    if key.rule == NONE:
        key.hash = hash_bytes(name, key.length)
    else:
        key.hash = cython.cast(uint64_t, read.rules[key.rule].part) * ODD
    key.hash ^= key.kind + 8 * key.entsize + cython.cast(uint64_t, key.align) * 65536
    key.hash ^= cython.cast(uint64_t, sec.flags & SEC_ALLOC) << 60
    key.hash = hash_bytes(cython.cast(cython.pointer[cython.const[uint8_t]], cython.address(key.hash)), 8)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def same_key(
    read: cython.pointer[Read], a: cython.pointer[PartKey], b: cython.pointer[PartKey]
) -> cython.bint:
    if a.hash != b.hash or a.kind != b.kind or a.entsize != b.entsize or a.align != b.align:
        return False
    if (a.flags ^ b.flags) & SEC_ALLOC:
        return False
    if a.rule != NONE and b.rule != NONE:
        return read.rules[a.rule].part == read.rules[b.rule].part
    if a.rule != b.rule or a.length != b.length:
        return False
    name_a = read.files.base[a.file] + read.files.row[a.file].shstroff + a.name
    name_b = read.files.base[b.file] + read.files.row[b.file].shstroff + b.name
    return memcmp(name_a, name_b, a.length) == 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def intern_keys(
    read: cython.pointer[Read], keys: cython.pointer[PartKey], table: cython.pointer[uint32_t], mask: int64_t
) -> int64_t:
    """Number the distinct keys in input order; SectionRow.part of an unusual section becomes its key's number."""
    count: uint32_t = 0
    file: int64_t
    key = cython.declare(PartKey)
    for file in range(1, read.files.count):
        section: uint32_t = read.files.row[file].unusual
        while section:
            sec = cython.address(read.sections[section])
            if sec.kind != SEC_OUT and sec.part == PART_UNUSUAL:
                make_key(read, cython.cast(uint32_t, file), section, cython.address(key))
                at: int64_t = cython.cast(int64_t, key.hash) & mask
                while table[at] and not same_key(
                    read, cython.address(keys[table[at] - 1]), cython.address(key)
                ):
                    at = (at + 1) & mask
                if table[at] == 0:
                    keys[count] = key
                    count += 1
                    table[at] = count
                found = cython.address(keys[table[at] - 1])
                found.count += 1
                found.flags |= key.flags
                if found.type != key.type:
                    found.type = SHT_PROGBITS
                sec.part = table[at]
            elif sec.kind == SEC_OUT:
                sec.part = 0
            section = sec.link
    return count


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def group_ids(
    files: cython.pointer[Files],
    sections: cython.pointer[SectionRow],
    keys: cython.pointer[PartKey],
    count: int64_t,
    ids: cython.pointer[uint32_t],
) -> cython.void:
    """List the ids of each key's sections, in input order."""
    i: int64_t
    first: uint64_t = 0
    for i in range(count):
        keys[i].first = first
        first += keys[i].count
    for i in range(1, files.count):
        section: uint32_t = files.row[i].unusual
        while section:
            sec = cython.address(sections[section])
            if sec.kind != SEC_OUT and sec.part:
                key = cython.address(keys[sec.part - 1])
                ids[key.first + key.filled] = section
                key.filled += 1
            section = sec.link


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def spread_part(
    sections: cython.pointer[SectionRow], key: cython.pointer[PartKey], ids: cython.pointer[uint32_t]
) -> cython.void:
    i: uint64_t
    for i in range(key.first, key.first + key.count):
        sections[ids[i]].part = key.part
