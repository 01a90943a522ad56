"""Which file needs which other, and for which symbol: --why-extract, --print-dependencies and the map's head.

All go through the undefined symbols of the live objects, after names are bound, serially: these are reports.

For --why-extract the question is which reference caused a member to be loaded.  Resolution does not note that
(it loads a whole generation at once), so the walk is repeated in breadth: from the files that take part anyway,
in the order of the command line, through their strong references, to the members that define what they want,
and on from these.  So each member is told with a reference of a file that did not need the member itself.
Members that only a common symbol or a version of a name called for are not reached by this; they come last,
with a name that they define and that somebody refers to.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t
from cython.cimports.wild.kernels.elf import SHN_UNDEF, U32, Sym
from cython.cimports.wild.kernels.names import globals_of
from cython.cimports.wild.kernels.pool import Arena
from cython.cimports.wild.kernels.references import LinkTables
from cython.cimports.wild.kernels.resolve import is_weak, symbols_of
from cython.cimports.wild.kernels.tables import (
    FILE_AS_NEEDED,
    FILE_LAZY,
    FILE_OBJECT,
    FILE_SHARED,
    NONE,
    SYM_REF,
)


def extractions(tables: LinkTables) -> list:
    """(FileId that refers, FileId of the loaded member, NameId) for each live lazy object; NONE for an unknown
    reference.
    """
    view = cython.address(tables.inputs.view)
    arena: Arena = Arena()
    queue = cython.cast(U32, arena.array(view.count, 4))
    seen = cython.cast(U32, arena.array(view.count, 4))
    found: list = []
    count: int64_t = 0
    at: int64_t = 0
    file: int64_t
    for file in range(view.count):
        if view.live[file] and not view.row[file].flags & FILE_LAZY and view.row[file].kind != FILE_SHARED:
            queue[count] = cython.cast(uint32_t, file)
            seen[file] = 1
            count += 1
    while at < count:
        count = follow(tables, queue[at], queue, seen, count, found)
        at += 1
    for file in range(view.count):
        if view.live[file] and not seen[file] and view.row[file].kind == FILE_OBJECT:
            found.append((None, file, some_name(tables, file)))
    return found


@cython.cfunc
@cython.exceptval(-1, check=False)
def follow(tables: LinkTables, file: uint32_t, queue: U32, seen: U32, count: int64_t, found: list) -> int64_t:
    """Put the members on the queue that the references of a file load."""
    view = cython.address(tables.inputs.view)
    row = cython.address(view.row[file])
    syms: Sym = symbols_of(view, file) + row.first_global
    i: uint32_t
    for i in range(globals_of(row)):
        if syms[i].st_shndx != SHN_UNDEF or is_weak(syms + i):
            continue
        name: uint32_t = tables.names.view.of[row.global_base + i]
        other: uint32_t = tables.resolution.view.row[name].file
        if name == 0 or other == NONE or seen[other] or view.row[other].kind != FILE_OBJECT:
            continue
        seen[other] = 1
        queue[count] = other
        count += 1
        found.append((file, other, name))
    return count


@cython.cfunc
def some_name(tables: LinkTables, file: int64_t) -> int:
    """The first name that a file defines and some file refers to, or the first that it has."""
    row = cython.address(tables.inputs.view.row[file])
    names: U32 = tables.names.view.of + row.global_base
    i: uint32_t
    for i in range(globals_of(row)):
        symbol = cython.address(tables.resolution.view.row[names[i]])
        if symbol.file == cython.cast(uint32_t, file) and symbol.flags & SYM_REF:
            return names[i]
    return names[0] if globals_of(row) else 0


def needed_libraries(tables: LinkTables) -> list:
    """(FileId that refers, FileId of the shared object, NameId) for each library that is needed only because of that:
    the first reference in input order."""
    view = cython.address(tables.inputs.view)
    arena: Arena = Arena()
    seen = cython.cast(U32, arena.array(view.count, 4))
    found: list = []
    file: int64_t
    i: uint32_t
    for file in range(view.count):
        row = cython.address(view.row[file])
        if not view.live[file] or row.kind == FILE_SHARED:
            continue
        syms: Sym = symbols_of(view, cython.cast(uint32_t, file)) + row.first_global
        for i in range(globals_of(row)):
            name: uint32_t = tables.names.view.of[row.global_base + i]
            other: uint32_t = tables.resolution.view.row[name].file
            if syms[i].st_shndx != SHN_UNDEF or name == 0 or other == NONE or seen[other]:
                continue
            library = cython.address(view.row[other])
            if (
                library.kind == FILE_SHARED
                and library.flags & FILE_AS_NEEDED
                and view.shared[library.shared].used
            ):
                seen[other] = 1
                found.append((file, other, name))
    return found


def dependencies(tables: LinkTables) -> list:
    """(FileId that refers, FileId that defines, NameId, is the reference weak?), in input order."""
    view = cython.address(tables.inputs.view)
    found: list = []
    file: int64_t
    i: uint32_t
    for file in range(1, view.count):
        row = cython.address(view.row[file])
        if not view.live[file] or row.kind != FILE_OBJECT:
            continue
        syms: Sym = symbols_of(view, cython.cast(uint32_t, file)) + row.first_global
        for i in range(globals_of(row)):
            name: uint32_t = tables.names.view.of[row.global_base + i]
            other: uint32_t = tables.resolution.view.row[name].file
            if syms[i].st_shndx != SHN_UNDEF or name == 0 or other == NONE or other == 0:
                continue
            found.append((file, other, name, is_weak(syms + i)))
    return found
