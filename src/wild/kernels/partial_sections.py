"""Partial linking (-r): objects are joined to one object that can be linked again.

Nothing gets an address, nothing is relaxed and no relocation is applied: what an ordinary link does in reach, merge
and layout has no counterpart here, so after names are bound a partial link goes its own, shorter way:

 1. join      sections with the same name and the same flags become one section of the output (an OutRow), in input
              order; this file.
 2. groups    (partial_groups.py) the COMDAT groups that won stay groups, so that a later link can still choose
              among copies; the sections of a group are never joined with others.
 3. mark      (partial_marks.py) what relocations refer to: a local symbol that one needs survives -x, and a section
              has a symbol in the output only if one needs it.
 4. number    (partial_symbols.py, partial_headers.py) symbols and section headers, then the places in the file.
 5. write     (partial_write.py) contents as they are, and relocations with new offsets, symbols and addends.

A linker script (-T) names the sections of the output and puts those of the inputs in order; what it does not name is
joined as without it.  The kernel's modules are linked so.

GNU ld joins by its script always, which in a partial link is the same but for odd flags: two sections of one name,
only one of them writable, are joined by ld and kept apart here (and by lld), so that neither gains or loses a
permission before the final link decides.  Strings and constants are joined and not merged: a reference to the middle
of a string is a section and an offset, and only the last link may decide where strings go.  Sections with
SHF_LINK_ORDER are joined only if the sections that they follow are.

Joining is serial: it hashes a name for each section, 0.1 s for a million.  The rest is parallel over files or over
sections of the output.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import free, malloc, qsort
from cython.cimports.libc.string import memcmp, memcpy, memset, strcmp, strlen
from cython.cimports.wild.kernels.cc import hash_bytes
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.glob import glob_match
from cython.cimports.wild.kernels.partial import *
from cython.cimports.wild.kernels.partial_sections import (
    OTHER_FLAGS,
    ROOM_FOR_OWN,
    ConstVoid,
    Joining,
    Placed,
)
from cython.cimports.wild.kernels.pool import Arena
from cython.cimports.wild.kernels.sections import is_zdebug, relocations_of, section_header, section_name
from cython.cimports.wild.kernels.tables import *

ODD = cython.declare(cython.const[uint64_t], 0x9E3779B97F4A7C15)
STACK_NOTE = cython.declare(cython.p_const_char, b".note.GNU-stack")
PROPERTY_NOTE = cython.declare(cython.p_const_char, b".note.gnu.property")


@cython.cfunc
@cython.exceptval(-1, check=False)
def join_sections(partial: PartialPtr, arena: Arena, joining: cython.pointer[Joining]) -> cython.int:
    """Number the sections of the output and list the input sections of each.

    A few more rows than inputs ask for are kept free: for common symbols, and for the properties of all inputs."""
    total: int64_t = partial.sections.count
    joining.mask = 16
    while joining.mask < cython.cast(uint64_t, 2 * total):
        joining.mask *= 2
    joining.slots = cython.cast(U32, arena.array(joining.mask, 4))
    joining.mask -= 1
    room: uint64_t = total + ROOM_FOR_OWN
    partial.out = cython.cast(OutPtr, arena.array(room, cython.sizeof(OutRow)))
    partial.out_count = 1
    partial.ids = cython.cast(U32, arena.array(total, 4))
    partial.file_of = cython.cast(U32, arena.array(total, 4))
    with cython.nogil:
        number_sections(partial, joining, False)
        number_sections(partial, joining, True)
        list_sections(partial)
        if joining.statement is not cython.NULL:
            sort_sections(partial, joining)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def number_sections(
    partial: PartialPtr, joining: cython.pointer[Joining], ordered: cython.bint
) -> cython.void:
    """SectionRow.part becomes the number of the OutRow; `ordered` are those with SHF_LINK_ORDER, which come last."""
    file: int64_t
    k: uint32_t
    for file in range(1, partial.files.count):
        row = cython.address(partial.files.row[file])
        if row.sec_base == 0 or (ordered and not row.has & HAS_LINK_ORDER):
            continue
        for k in range(1, row.shnum):
            sec = cython.address(partial.sections.row[row.sec_base + k])
            shdr = section_header(partial.files.base[file], row, k)
            if sec.kind == SEC_OUT or ordered != (shdr.sh_flags & SHF_LINK_ORDER != 0):
                continue
            partial.file_of[row.sec_base + k] = cython.cast(uint32_t, file)
            sec.part = number_of(partial, joining, cython.cast(uint32_t, file), k)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def number_of(partial: PartialPtr, joining: cython.pointer[Joining], file: uint32_t, k: uint32_t) -> uint32_t:
    """The OutRow that a section goes to, 0: the linker makes its like itself."""
    row = cython.address(partial.files.row[file])
    shdr = section_header(partial.files.base[file], row, k)
    wanted = cython.declare(OutRow)
    memset(cython.address(wanted), 0, cython.sizeof(OutRow))
    wanted.name = section_name(partial.files.base[file], row, shdr)
    if is_zdebug(wanted.name) and partial.sections.row[row.sec_base + k].flags & SEC_COMPRESSED:
        wanted.name = without_z(wanted.name)
    wanted.name_length = cython.cast(uint32_t, strlen(cython.cast(cython.p_const_char, wanted.name)))
    wanted.flags = shdr.sh_flags & ~cython.cast(uint64_t, OTHER_FLAGS)
    if is_named(cython.address(wanted), PROPERTY_NOTE):
        return 0
    if is_named(cython.address(wanted), STACK_NOTE):
        wanted.flags = 0
    statement: uint32_t = partial.sections.row[row.sec_base + k].unused
    if joining.statement is not cython.NULL and statement != NONE:
        wanted.name = joining.statement[statement].name
        wanted.name_length = cython.cast(uint32_t, strlen(cython.cast(cython.p_const_char, wanted.name)))
    if wanted.flags & SHF_MERGE:
        wanted.entsize = shdr.sh_entsize
        wanted.merge_align = 1 + partial.sections.row[row.sec_base + k].align
    if partial.group_of is not cython.NULL:
        wanted.group = partial.group_of[row.sec_base + k]
    if wanted.flags & SHF_LINK_ORDER and 0 < shdr.sh_link < row.shnum:
        wanted.order = partial.sections.row[row.sec_base + shdr.sh_link].part
    number: uint32_t = intern(partial, joining, cython.address(wanted))
    if joining.statement is not cython.NULL and statement != NONE:
        out = cython.address(partial.out[number])
        out.align = max(out.align, joining.statement[statement].align)
    return number


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def sort_sections(partial: PartialPtr, joining: cython.pointer[Joining]) -> cython.void:
    """Let the sections of each OutRow stand in the order of the script; those that it does not name come last."""
    placed = cython.cast(cython.pointer[Placed], malloc(partial.sections.count * cython.sizeof(Placed)))
    if placed is cython.NULL:
        return  # in input order, which is no worse a link
    i: int64_t
    n: uint64_t
    for i in range(1, partial.out_count):
        row = cython.address(partial.out[i])
        for n in range(row.count):
            section: uint32_t = partial.ids[row.first + n]
            placed[n].section = section
            placed[n].statement = partial.sections.row[section].unused
            placed[n].name = cython.NULL
            if placed[n].statement != NONE and joining.statement[placed[n].statement].by_name:
                source = cython.address(partial.files.row[partial.file_of[section]])
                base = partial.files.base[partial.file_of[section]]
                placed[n].name = section_name(
                    base, source, section_header(base, source, section - source.sec_base)
                )
        qsort(placed, row.count, cython.sizeof(Placed), compare_placed)
        for n in range(row.count):
            partial.ids[row.first + n] = placed[n].section
    free(placed)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def compare_placed(a: ConstVoid, b: ConstVoid) -> cython.int:
    one = cython.cast(cython.pointer[Placed], a)
    other = cython.cast(cython.pointer[Placed], b)
    if one.statement != other.statement:
        return -1 if one.statement < other.statement else 1
    if one.name is not cython.NULL and other.name is not cython.NULL:
        order: cython.int = strcmp(
            cython.cast(cython.p_const_char, one.name), cython.cast(cython.p_const_char, other.name)
        )
        if order:
            return order
    return -1 if one.section < other.section else one.section > other.section


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def without_z(name: Bytes) -> Bytes:
    """The name of an uncompressed .zdebug_ section; few objects have any, and none of these bytes is given back."""
    size: uint64_t = strlen(cython.cast(cython.p_const_char, name))
    copy = cython.cast(MutableBytes, malloc(size))
    if copy is cython.NULL:
        return name
    copy[0] = name[0]
    memcpy(copy + 1, name + 2, size - 1)
    return copy


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def is_named(row: OutPtr, text: cython.p_const_char) -> cython.bint:
    return row.name_length == strlen(text) and memcmp(row.name, text, row.name_length) == 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def intern(partial: PartialPtr, joining: cython.pointer[Joining], wanted: OutPtr) -> uint32_t:
    """The number of the OutRow that is like `wanted`, made if there is none or if each is to stand alone."""
    wanted.hash = hash_bytes(wanted.name, wanted.name_length)
    wanted.hash ^= (
        (wanted.flags * ODD) ^ (wanted.entsize << 40) ^ (cython.cast(uint64_t, wanted.merge_align) << 20)
    )
    wanted.hash ^= cython.cast(uint64_t, wanted.group) * ODD ^ (cython.cast(uint64_t, wanted.order) << 32)
    alone: cython.bint = stands_alone(joining, wanted)
    at: uint64_t = (wanted.hash ^ (wanted.hash >> 29)) & joining.mask
    while joining.slots[at]:
        if not alone and is_like(cython.address(partial.out[joining.slots[at]]), wanted):
            return joining.slots[at]
        at = (at + 1) & joining.mask
    number: uint32_t = cython.cast(uint32_t, partial.out_count)
    partial.out[number] = wanted[0]
    partial.out[number].align = 1
    partial.out_count += 1
    joining.slots[at] = number
    return number


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def is_like(row: OutPtr, wanted: OutPtr) -> cython.bint:
    return (
        row.hash == wanted.hash
        and row.flags == wanted.flags
        and row.entsize == wanted.entsize
        and row.merge_align == wanted.merge_align
        and row.group == wanted.group
        and row.order == wanted.order
        and row.name_length == wanted.name_length
        and memcmp(row.name, wanted.name, row.name_length) == 0
    )


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def stands_alone(joining: cython.pointer[Joining], wanted: OutPtr) -> cython.bint:
    """Is it one of the sections that --unique keeps apart?"""
    i: int64_t
    for i in range(joining.pattern_count):
        pattern = cython.address(joining.pattern[i])
        if glob_match(pattern.text, pattern.length, wanted.name, wanted.name_length):
            return True
    return False


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def list_sections(partial: PartialPtr) -> cython.void:
    """List the SectionIds of each OutRow, in input order."""
    i: int64_t
    for i in range(1, partial.sections.count):
        partial.out[partial.sections.row[i].part].count += 1
    first: uint64_t = 0
    for i in range(1, partial.out_count):
        partial.out[i].first = first
        first += partial.out[i].count
    for i in range(1, partial.sections.count):
        part: uint32_t = partial.sections.row[i].part
        if part:
            row = cython.address(partial.out[part])
            partial.ids[row.first + row.filled] = cython.cast(uint32_t, i)
            row.filled += 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def measure_rows(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Lay out the live sections of each OutRow one behind the other."""
    partial = cython.cast(PartialPtr, context)
    i: int64_t
    n: uint64_t
    for i in range(begin, end):
        row = cython.address(partial.out[i])
        if i == 0 or row.own is not cython.NULL:
            continue
        row.type = SHT_NOBITS
        statement: uint32_t = NONE
        for n in range(row.first, row.first + row.count):
            sec = cython.address(partial.sections.row[partial.ids[n]])
            if not sec.flags & SEC_LIVE:
                continue
            if partial.start_align is not cython.NULL and sec.unused != statement:
                statement = sec.unused
                if statement != NONE:
                    row.align = max(row.align, partial.start_align[statement])
                    row.size = align_up(row.size, partial.start_align[statement])
            append_section(partial, row, partial.ids[n])
        if row.flags & SHF_MERGE and row.entsize and row.size % row.entsize:
            row.flags &= ~cython.cast(uint64_t, SHF_MERGE | SHF_STRINGS)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def append_section(partial: PartialPtr, row: OutPtr, section: uint32_t) -> cython.void:
    """`address` becomes the offset in the OutRow, `relatives` the number of its first relocation there."""
    sec = cython.address(partial.sections.row[section])
    file: uint32_t = partial.file_of[section]
    source = cython.address(partial.files.row[file])
    shdr = section_header(partial.files.base[file], source, section - source.sec_base)
    start: uint64_t = align_up(row.size, cython.cast(uint64_t, 1) << sec.align)
    if row.flags & SHF_MERGE and row.entsize and start % row.entsize:
        row.flags &= ~cython.cast(uint64_t, SHF_MERGE | SHF_STRINGS)
    sec.address = start
    row.size = start + sec.size
    row.align = max(row.align, cython.cast(uint64_t, 1) << sec.align)
    if shdr.sh_type != SHT_NOBITS and (row.type == SHT_NOBITS or row.type == SHT_PROGBITS):
        row.type = shdr.sh_type
    if not row.live:
        row.entsize = shdr.sh_entsize
    elif row.entsize != shdr.sh_entsize:
        row.entsize = 0
    row.live = 1
    sec.relatives = cython.cast(uint32_t, row.relocs)
    row.relocs += relocations_of(partial.sections, partial.files.base[file], source, section).count
