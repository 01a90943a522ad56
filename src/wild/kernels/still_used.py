"""Is a library after --as-needed still used by code that --gc-sections keeps?

What lost its last reference stays in the output of an update, and does no harm there; but a full link would drop it,
and with it perhaps the last use of a library.  So of every such library one way is remembered that leads to it: from a
root, as the entry point or a constructor, through sections each of which refers to the next, to one that refers to the
library.  While no object on the way changes, the library is used; and also if each section of an object that does still
refers to the next one.  Else a way is looked for anew, breadth first, because short ones are broken least often; that
ends as soon as every library has one, but looks at every section of the program first.

Call frame records are not followed: a way more is not needed where what they refer to is called as well, and where one
is missing there will be a full link.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import calloc, free
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.files import Inputs
from cython.cimports.wild.kernels.graft import *
from cython.cimports.wild.kernels.lists import IdList, drop, push
from cython.cimports.wild.kernels.rewrite import InputMaps, open_file
from cython.cimports.wild.kernels.saved import *
from cython.cimports.wild.kernels.sections import RelaSpan, relocations_of, section_of
from cython.cimports.wild.kernels.tables import *

# `came_from`: the SectionId that referred to a section; itself: a root; 0: not met.
Walk = cython.struct(
    came_from=cython.pointer[uint32_t],  # by SectionId
    file_of=cython.pointer[uint32_t],  # by SectionId
    queue=IdList,
)


def optional_libraries(inputs: Inputs) -> list:
    """FileIds of the shared objects after --as-needed that a link needs."""
    view = cython.address(inputs.view)
    return [
        view.shared[i].file
        for i in range(view.shared_count)
        if view.shared[i].used and view.row[view.shared[i].file].flags & FILE_AS_NEEDED
    ]


@cython.cfunc
@cython.exceptval(-1)
def passes_changed(graft: Graft, way: list) -> cython.int:
    """Is one of these sections in an object that takes part in the update?  Before or after rows have moved."""
    i: int64_t
    for section in way:
        for i in range(graft.count):
            old = cython.address(graft.changed[i].old)
            row = cython.address(graft.saved.image.files.row[graft.changed[i].file])
            if old.sec_base <= section < old.sec_base + old.shnum:
                return True
            if row.sec_base <= section < row.sec_base + row.shnum:
                return True
    return False


def holds(graft: Graft, paths: list, maps: InputMaps, way: list, library: uint32_t) -> bool:
    """Does a way still lead from a root to a use of a library?  After the scan."""
    if not passes_changed(graft, way):
        return True
    image = cython.address(graft.saved.image)
    i: int64_t
    for i in range(len(way)):
        section: uint32_t = way[i]
        file: uint32_t = file_with(image, section)
        if file == 0 or not image.sections.row[section].flags & SEC_LIVE:
            return False
        if i == 0 and not is_root(image, file, section):
            return False
        open_file(graft, file, paths, maps)
        if not refers_to(image, file, section, way[i + 1] if i + 1 < len(way) else 0, library):
            return False
    return True


@cython.cfunc
@cython.exceptval(check=False)
def file_with(image: cython.pointer[Image], section: uint32_t) -> uint32_t:
    """The object that a section is of; 0 if it is of none."""
    i: int64_t
    for i in range(1, image.files.count):
        row = cython.address(image.files.row[i])
        if row.kind == FILE_OBJECT and row.sec_base and row.sec_base < section < row.sec_base + row.shnum:
            return cython.cast(uint32_t, i)
    return 0


@cython.cfunc
@cython.exceptval(check=False)
def is_root(image: cython.pointer[Image], file: uint32_t, section: uint32_t) -> cython.bint:
    """Is it kept whatever refers to it, or because of a name of its object?"""
    row = cython.address(image.files.row[file])
    i: uint32_t
    if image.sections.row[section].flags & SEC_ROOT:
        return True
    for i in range(row.nsyms - row.first_global):
        symbol = cython.address(image.symbols[image.names.of[row.global_base + i]])
        if symbol.section == section and symbol.flags & (SYM_KEPT | SYM_EXPORTED):
            return True
    return False


@cython.cfunc
@cython.exceptval(check=False)
def refers_to(
    image: cython.pointer[Image], file: uint32_t, section: uint32_t, next: uint32_t, library: uint32_t
) -> cython.bint:
    """Does a section refer to the `next` one or, if that is 0, to a library?"""
    row = cython.address(image.files.row[file])
    span: RelaSpan = relocations_of(cython.address(image.sections), image.files.base[file], row, section)
    i: uint64_t
    for i in range(span.count):
        number: uint32_t = span.rela[i].r_sym
        found: uint32_t = referred_section(image, file, number)
        if next and found == next:
            return True
        if next == 0 and found == 0 and used_library(image, file, number) == library:
            return True
    return False


@cython.cfunc
@cython.exceptval(check=False)
def referred_section(image: cython.pointer[Image], file: uint32_t, number: uint32_t) -> uint32_t:
    """The section of a symbol of an object; 0 if it is in none."""
    row = cython.address(image.files.row[file])
    if number == 0 or number >= row.nsyms:
        return 0
    if number >= row.first_global:
        return image.symbols[image.names.of[row.global_base + number - row.first_global]].section
    base = image.files.base[file]
    sym = cython.cast(cython.pointer[cython.const[Elf64_Sym]], base + row.symoff) + number
    local: uint32_t = section_of(base, row, sym, number)
    return row.sec_base + local if 0 < local < row.shnum else 0


@cython.cfunc
@cython.exceptval(check=False)
def used_library(image: cython.pointer[Image], file: uint32_t, number: uint32_t) -> uint32_t:
    """The shared object that defines a symbol to which an object refers strongly, or 0."""
    row = cython.address(image.files.row[file])
    if number < row.first_global or number >= row.nsyms:
        return 0
    symbol = cython.address(image.symbols[image.names.of[row.global_base + number - row.first_global]])
    sym = cython.cast(cython.pointer[cython.const[Elf64_Sym]], image.files.base[file] + row.symoff) + number
    if symbol.section or not symbol.flags & SYM_SHARED_DEF or sym.st_info >> 4 == STB_WEAK:
        return 0
    return symbol.file


def find_ways(graft: Graft, paths: list, maps: InputMaps, libraries: list) -> dict:
    """FileId of a library -> the SectionIds that lead to a use of it, for those that are used.  After the scan."""
    walk = cython.declare(Walk)
    count: uint64_t = graft.saved.count[SAVED_SECTIONS] + 1  # rows of the changed objects may be new ones
    walk.came_from = cython.cast(cython.pointer[uint32_t], calloc(count, 4))
    walk.file_of = cython.cast(cython.pointer[uint32_t], calloc(count, 4))
    walk.queue.item = cython.NULL
    walk.queue.count = walk.queue.room = 0
    found: dict = {}
    at: int64_t = 0
    try:
        if walk.came_from is cython.NULL or walk.file_of is cython.NULL:
            raise MemoryError
        number_sections(graft, cython.address(walk))
        add_roots(graft, cython.address(walk))
        while at < walk.queue.count and len(found) < len(libraries):
            section: uint32_t = walk.queue.item[at]
            at += 1
            file: uint32_t = walk.file_of[section]
            if file:
                open_file(graft, file, paths, maps)
                follow(graft, cython.address(walk), file, section, libraries, found)
    finally:
        free(walk.came_from)
        free(walk.file_of)
        drop(cython.address(walk.queue))
    return found


@cython.cfunc
@cython.exceptval(check=False)
def number_sections(graft: Graft, walk: cython.pointer[Walk]) -> cython.void:
    """Which file each section is of."""
    image = cython.address(graft.saved.image)
    i: int64_t
    k: uint32_t
    for i in range(1, image.files.count):
        row = cython.address(image.files.row[i])
        for k in range(row.shnum if row.sec_base and row.kind == FILE_OBJECT else 0):
            walk.file_of[row.sec_base + k] = cython.cast(uint32_t, i)


@cython.cfunc
@cython.exceptval(-1, check=False)
def add_roots(graft: Graft, walk: cython.pointer[Walk]) -> cython.int:
    """Sections that are kept whatever refers to them, and those of the names that are."""
    image = cython.address(graft.saved.image)
    i: int64_t
    for i in range(1, graft.saved.count[SAVED_SECTIONS]):
        if image.sections.row[i].flags & SEC_ROOT:
            meet(graft, walk, cython.cast(uint32_t, i), cython.cast(uint32_t, i))
    for i in range(1, image.names.capacity):
        symbol = cython.address(image.symbols[i])
        if symbol.section and symbol.flags & (SYM_KEPT | SYM_EXPORTED):
            meet(graft, walk, symbol.section, symbol.section)
    return 0


@cython.cfunc
@cython.exceptval(-1, check=False)
def meet(graft: Graft, walk: cython.pointer[Walk], section: uint32_t, before: uint32_t) -> cython.int:
    """Put a section into the queue, if it is in the output and was not met before."""
    flags: uint32_t = graft.saved.image.sections.row[section].flags
    if walk.came_from[section] or not flags & SEC_LIVE or not flags & SEC_ALLOC or flags & SEC_CREL:
        return 0
    walk.came_from[section] = before
    if push(cython.address(walk.queue), section):
        raise MemoryError
    return 0


@cython.cfunc
@cython.exceptval(-1)
def follow(
    graft: Graft, walk: cython.pointer[Walk], file: uint32_t, section: uint32_t, libraries: list, found: dict
) -> cython.int:
    """What the relocations of a section refer to."""
    image = cython.address(graft.saved.image)
    row = cython.address(image.files.row[file])
    if image.sections.row[section].kind == SEC_EH_FRAME:
        return 0
    span: RelaSpan = relocations_of(cython.address(image.sections), image.files.base[file], row, section)
    i: uint64_t
    for i in range(span.count):
        number: uint32_t = span.rela[i].r_sym
        referred: uint32_t = referred_section(image, file, number)
        if referred:
            meet(graft, walk, referred, section)
            continue
        library: uint32_t = used_library(image, file, number)
        if library and library in libraries and library not in found:
            found[library] = way_to(walk, section)
    return 0


@cython.cfunc
def way_to(walk: cython.pointer[Walk], section: uint32_t):
    """The sections from a root to this one."""
    way: list = [section]
    while walk.came_from[section] != section:
        section = walk.came_from[section]
        way.append(section)
    way.reverse()
    return way
