"""Common symbols (`int x;` of -fcommon, of Fortran) of objects that changed.

The definition of such a name is the largest of all mentions, and its address is nowhere but in the table of names.  So
a mention that is what it was changes nothing, nor does one that comes or goes beside a larger one.  A name that nobody
knew gets its place in the room of .bss.  The sizes of other objects' mentions are in their files only: where the
largest one changes, and where common symbols and definitions of several objects meet, a full link is needed.

`Graft.commons` has the CommonRows of the link, which the initial link has saved.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint8_t, uint32_t, uint64_t
from cython.cimports.wild.kernels.binding import DEFINED
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.graft import *
from cython.cimports.wild.kernels.recommon import *
from cython.cimports.wild.kernels.resolve import COMMON_DROPPED, COMMON_PLAIN, CommonRow
from cython.cimports.wild.kernels.saved import *
from cython.cimports.wild.kernels.tables import *
from cython.cimports.wild.kernels.wanted import first_definer

from wild.errors import CannotUpdate

LARGEST = cython.declare(cython.const[uint64_t], 1 << 30)  # bytes and alignment of what an update places


@cython.cfunc
@cython.exceptval(check=False)
def row_of(graft: Graft, name: uint32_t) -> cython.pointer[CommonRow]:
    """What the link knows of a common symbol; NULL if it is none."""
    rows = cython.cast(cython.pointer[CommonRow], cython.cast(cython.p_char, graft.commons))
    i: int64_t
    for i in range(cython.cast(int64_t, len(graft.commons) // cython.sizeof(CommonRow))):
        if rows[i].name == name:
            return rows + i
    return cython.NULL


@cython.cfunc
@cython.exceptval(-1)
def others_have_it(graft: Graft, file: uint32_t, name: uint32_t, shapes: dict) -> cython.bint:
    """Has another object a common symbol of that name?  `shapes`: of the changed objects (judge.py)."""
    saved = graft.saved
    for other, names in shapes.items():
        shape = names.get(name)
        if other != file and shape is not None and shape[0] & SHAPE_STATE == SHAPE_COMMON:
            return True
    g: uint32_t = saved.head[name]
    while g:
        g -= 1
        if saved.image.names.of[g] == name and saved.shape[g] & SHAPE_STATE == SHAPE_COMMON:
            if saved.file_of[g] not in shapes and saved.image.files.live[saved.file_of[g]]:
                return True
        g = saved.next[g]
    return False


@cython.cfunc
@cython.exceptval(-1, check=False)
def leave_common(
    graft: Graft, changed: cython.pointer[Changed], name: uint32_t, now: object, shapes: dict
) -> cython.int:
    """A changed object had a common symbol, and has it no more: is the definition of the name gone with it?"""
    symbol = cython.address(graft.saved.image.symbols[name])
    if symbol.file == changed.file and symbol.flags & SYM_COMMON:
        if others_have_it(graft, changed.file, name, shapes):
            raise CannotUpdate("E12", "the largest common symbol of a name is gone")
        row = row_of(graft, name)
        if row is not cython.NULL:
            row.name = 0
        return True
    defined: cython.bint = now is not None and now[0] & SHAPE_STATE == SHAPE_DEFINED
    lazy: cython.bint = (
        symbol.file != NONE and graft.saved.image.files.row[symbol.file].flags & FILE_LAZY != 0
    )
    if defined or lazy:
        raise CannotUpdate("E12", "a common symbol is gone, of whose name there is a definition")
    return False


@cython.cfunc
@cython.exceptval(-1, check=False)
def judge_common(
    graft: Graft,
    changed: cython.pointer[Changed],
    name: uint32_t,
    before: object,
    index: uint32_t,
    mini: cython.pointer[SymbolRow],
    exports: uint32_t,
    shapes: dict,
) -> cython.int:
    """A changed object has a common symbol; `before`: the shape of its mention of the name so far, or None."""
    symbol = cython.address(graft.saved.image.symbols[name])
    sym = (
        cython.cast(
            cython.pointer[cython.const[Elf64_Sym]],
            graft.inputs.view.base[changed.mini] + graft.inputs.view.row[changed.mini].symoff,
        )
        + index
    )
    align: uint64_t = max(sym.st_value, 1)
    if sym.st_shndx == SHN_AMD64_LCOMMON or sym.st_info & 15 == STT_TLS:
        raise CannotUpdate("E12", "a large or thread-local common symbol changed")
    if symbol.file == NONE:
        fresh: cython.bint = symbol.flags == 0 and symbol.aux == 0
        if not (fresh or graft.seen[name] & SEEN_GONE) or symbol.dynsym or exports:
            raise CannotUpdate(
                "E12", "a name gets a common symbol that others know already, or that is exported"
            )
        if first_definer(graft, name, True) != NONE or others_have_it(graft, changed.file, name, shapes):
            raise CannotUpdate("E12", "a common symbol is new that others define")
        if fresh:
            symbol.flags = mini.flags
            symbol.value = ~cython.cast(uint32_t, 0)
        symbol.flags = symbol.flags & ~cython.cast(uint32_t, DEFINED) | mini.flags & DEFINED
        bind_common(graft, changed, symbol, index, mini)
        place_later(graft, name, sym.st_size, align)
        return 0
    if not symbol.flags & SYM_OBJECT_DEF:
        raise CannotUpdate("E12", "a name gets a common symbol that a library defines")
    if not symbol.flags & SYM_COMMON:
        known: cython.bint = before is not None and cython.cast(uint8_t, before) & SHAPE_STATE == SHAPE_COMMON
        lazy: cython.bint = graft.saved.image.files.row[symbol.file].flags & FILE_LAZY != 0
        if symbol.flags & SYM_WEAK_DEF or graft.seen[name] & SEEN_GONE or (lazy and not known):
            raise CannotUpdate("E12", "a common symbol and a definition of its name changed")
        symbol.flags |= SYM_REF | SYM_STRONG_REF  # it says no more than a reference
        return 0
    row = row_of(graft, name)
    if row is cython.NULL or (row.area != COMMON_PLAIN and row.area != COMMON_DROPPED):
        raise CannotUpdate("E12", "a large or thread-local common symbol changed")
    own: cython.bint = symbol.file == changed.file
    if sym.st_size > row.size or align > row.align or (own and sym.st_size != row.size):
        raise CannotUpdate("E12", "the size of a common symbol changed")
    if own:
        bind_common(graft, changed, symbol, index, mini)
    if row.area == COMMON_DROPPED:
        if not own:
            raise CannotUpdate("E12", "a common symbol is needed that was dropped")
        row.area = COMMON_PLAIN
        place_later(graft, name, row.size, row.align)
    return 0


@cython.cfunc
@cython.exceptval(-1, check=False)
def check_common(graft: Graft, name: uint32_t) -> cython.int:
    """Live code refers to a common symbol for the first time, which must have a place."""
    row = row_of(graft, name)
    if row is not cython.NULL and row.area == COMMON_DROPPED:
        raise CannotUpdate("E12", "a common symbol is needed that was dropped")
    return 0


@cython.cfunc
@cython.exceptval(-1)
def place_later(graft: Graft, name: uint32_t, size: uint64_t, align: uint64_t) -> cython.int:
    """Room for a common symbol is looked for when sections have their places."""
    if size > LARGEST or align > LARGEST:
        raise CannotUpdate("E12", "a large common symbol is new")
    graft.new_commons.append((name, size, align))
    return 0


@cython.cfunc
@cython.exceptval(check=False)
def bind_common(
    graft: Graft,
    changed: cython.pointer[Changed],
    symbol: cython.pointer[SymbolRow],
    index: uint32_t,
    mini: cython.pointer[SymbolRow],
) -> cython.void:
    """The mention of this object is the one that is in the symbol table, also of several that are as large."""
    symbol.file = changed.file
    symbol.sym = index
    symbol.section = 0
    mini.file = changed.mini
    mini.sym = index
    graft.saved.touch(symbol, cython.sizeof(SymbolRow))


def note_commons(graft: Graft):
    """Bytes of the CommonRows of the names that have come, which are placed now."""
    found = bytearray(cython.sizeof(CommonRow) * len(graft.new_commons))
    rows = cython.cast(cython.pointer[CommonRow], cython.cast(cython.p_char, found))
    i: int64_t = 0
    for name, size, align in graft.new_commons:
        if row_of(graft, name) is cython.NULL:
            rows[i].name, rows[i].size, rows[i].align, rows[i].area = name, size, align, COMMON_PLAIN
            i += 1
    return bytes(found[: i * cython.sizeof(CommonRow)])


def places_of(graft: Graft, parts: list):
    """(start, end, index of the output section) of those of some parts that are in the output."""
    found: list = []
    for number in parts:
        row = cython.address(graft.saved.image.part[cython.cast(int64_t, number)])
        if row.size:
            found.append((row.address, row.address + row.size, row.shndx))
    return sorted(found)
