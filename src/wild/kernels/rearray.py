"""Lists of functions, .init_array and .fini_array, of which an update makes one longer or shorter.

The loader calls all that is between the ends, so there are no gaps, and the order of the objects is that of the calls.
When an object gets its first constructor, or another, or loses one, the whole list is laid out anew, by the numbers in
the names of the sections (sorted_parts.py), and in the order of the files.  Those of objects that have not changed
move, too, and are written anew in their new places.  The room is behind the section.

Nothing refers to such sections but the ends of the list, which the dynamic section tells the loader of.  Where code of
the output asks for the ends by name, the list is left to a full link.  An object that has a name for its own section,
as crtbegin.o, joins the changed ones when that moves.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.graft import *
from cython.cimports.wild.kernels.pool import Pool
from cython.cimports.wild.kernels.relocate import Write
from cython.cimports.wild.kernels.rewrite import (
    InputMaps,
    begin_writing,
    mark_relocations,
    open_file,
    write_one,
)
from cython.cimports.wild.kernels.saved import *
from cython.cimports.wild.kernels.sections import RelaSpan, relocations_of, section_header, section_name
from cython.cimports.wild.kernels.shapes import hash_name
from cython.cimports.wild.kernels.sorted_parts import number_in_name
from cython.cimports.wild.kernels.tables import *

from wild.errors import CannotUpdate, ObjectsNeeded


def place_arrays(graft: Graft, parts: list, paths: list, maps: InputMaps):
    """Give the sections of these parts their addresses, if those of the changed objects are not what they were.

    Raises CannotUpdate, ObjectsNeeded; nothing has been placed then."""
    image = cython.address(graft.saved.image)
    for number in parts:
        part: uint32_t = number
        i: int64_t
        same: cython.bint = True
        for i in range(graft.count):
            changed = cython.address(graft.changed[i])
            row = cython.address(image.files.row[changed.file])
            now: list = entries_of(image.sections.row + row.sec_base, row.shnum, part)
            same = same and entries_of(changed.old_sections, changed.old.shnum, part) == now
        if not same:
            rearrange(graft, part, paths, maps)


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def is_entry(sec: cython.pointer[SectionRow], part: uint32_t) -> cython.bint:
    return sec.part == part and sec.kind == SEC_PLAIN and sec.flags & SEC_LIVE != 0


@cython.cfunc
def entries_of(rows: cython.pointer[SectionRow], count: uint32_t, part: uint32_t) -> list:
    """(hash of the name, size) of an object's sections in a part."""
    found: list = []
    k: uint32_t
    for k in range(1, count if rows is not cython.NULL else 0):
        if is_entry(rows + k, part):
            found.append((rows[k].unused, rows[k].size))
    return found


@cython.cfunc
@cython.exceptval(-1)
def rearrange(graft: Graft, part: uint32_t, paths: list, maps: InputMaps) -> cython.int:
    """Lay out one part."""
    image = cython.address(graft.saved.image)
    entries: list = []  # (number in the name, FileId, section)
    i: int64_t
    k: uint32_t
    for i in range(1, image.files.count):
        row = cython.address(image.files.row[i])
        for k in range(1, row.shnum if row.sec_base else 0):
            sec = cython.address(image.sections.row[row.sec_base + k])
            if not is_entry(sec, part):
                continue
            if not graft.saved.run[i].original:
                raise CannotUpdate("E8", "a constructor in an object that was not there")
            number: uint64_t = number_in_name(b".init_array")  # none, as nearly all have
            if not is_plain(sec):
                open_file(graft, cython.cast(uint32_t, i), paths, maps)
                name = section_name(image.files.base[i], row, section_header(image.files.base[i], row, k))
                number = number_in_name(name)
            entries.append((number, i, k))
    place_entries(graft, part, sorted(entries), paths, maps)
    for i in range(graft.count):
        changed = cython.address(graft.changed[i])
        for k in range(1, changed.old.shnum if changed.old_sections is not cython.NULL else 0):
            if changed.old_sections[k].part == part:
                changed.old_sections[k].part = 0
    graft.part[part].arranged = 1
    return 0


@cython.cfunc
@cython.exceptval(check=False)
def is_plain(sec: cython.pointer[SectionRow]) -> cython.bint:
    """Has its name no number?"""
    return sec.unused == hash_name(b".init_array") or sec.unused == hash_name(b".fini_array")


@cython.cfunc
@cython.exceptval(-1)
def place_entries(graft: Graft, part: uint32_t, entries: list, paths: list, maps: InputMaps) -> cython.int:
    """One behind the other; `shifted` lists what has moved of objects that have not changed."""
    image = cython.address(graft.saved.image)
    room = cython.address(graft.part[part])
    base: uint64_t = image.part[part].address
    used: uint64_t = 0
    for _, file, k in entries:
        row = cython.address(image.files.row[cython.cast(int64_t, file)])
        sec = cython.address(image.sections.row[row.sec_base + cython.cast(uint32_t, k)])
        if sec.size % 8 or sec.align > 3:
            raise CannotUpdate("E8", "a list of functions with gaps")
        if changed_of(graft, file) is not cython.NULL:
            sec.link = cython.cast(uint32_t, sec.size)
        elif sec.address != base + used:
            graft.shifted.append((file, k))
            open_file(graft, file, paths, maps)
            if has_name(graft, file, k):
                graft.joining.add(file)
        sec.address = base + used
        graft.saved.touch(sec, cython.sizeof(SectionRow))
        used += sec.size
    if graft.joining:
        raise ObjectsNeeded("E8", "a list of functions moves that has names", graft.joining)
    if used == 0:
        raise CannotUpdate("E8", "a list of functions is gone")
    if used > room.size:
        graft.full_part = part
        raise CannotUpdate("D1", "no room left in a section of the output")
    room.used = used
    return 0


def size_of_part(graft: Graft, part: int) -> int:
    """Bytes of a part that are in use."""
    return graft.part[cython.cast(uint32_t, part)].used


def write_shifted(graft: Graft, pool: Pool, paths: list, maps: InputMaps) -> None:
    """Write what has moved of objects that have not changed."""
    write = cython.declare(Write)
    begin_writing(graft, pool, cython.address(write))
    try:
        for file, k in graft.shifted:
            open_file(graft, file, paths, maps)
            write_one(graft, cython.address(write), file, k)
            mark_relocations(graft, file)
    finally:
        faults = pool.take_faults()
    if faults:
        raise CannotUpdate("D5", "a value does not fit its field")


@cython.cfunc
@cython.exceptval(-1)
def has_name(graft: Graft, file: uint32_t, section: uint32_t) -> cython.bint:
    """Does an object refer to a section of its own, or has it a name for something there?"""
    image = cython.address(graft.saved.image)
    row = cython.address(image.files.row[file])
    symbols = cython.cast(cython.pointer[cython.const[Elf64_Sym]], image.files.base[file] + row.symoff)
    i: uint32_t
    n: uint64_t
    of_section: uint32_t = 0
    for i in range(1, row.nsyms):
        if symbols[i].st_shndx == section:
            if symbols[i].st_info & 15 != STT_SECTION or of_section:
                return True
            of_section = i
    for i in range(1, row.shnum):
        sec = cython.address(image.sections.row[row.sec_base + i])
        if sec.relocs == 0 or not of_section:
            continue
        if sec.flags & SEC_CREL:
            raise CannotUpdate("E19", "compressed debug information or relocations")
        span: RelaSpan = relocations_of(
            cython.address(image.sections), image.files.base[file], row, row.sec_base + i
        )
        for n in range(span.count):
            if span.rela[n].r_sym == of_section:
                return True
    return False
