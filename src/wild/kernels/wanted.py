"""Who mentions a name, and which archive members a full link would load for the names of an update (resolve.py)."""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t
from cython.cimports.wild.kernels.graft import *
from cython.cimports.wild.kernels.saved import *
from cython.cimports.wild.kernels.shapes import is_waiting
from cython.cimports.wild.kernels.tables import *

from wild.errors import CannotUpdate


@cython.cfunc
@cython.exceptval(check=False)
def first_definer(graft: Graft, name: uint32_t, libraries: cython.bint) -> uint32_t:
    """What a full link would take for a name that no object defines: the first of the archive members that wait and,
    with `libraries`, of the shared objects; NONE if there is none.
    """
    saved = graft.saved
    first: uint32_t = NONE
    g: uint32_t = saved.head[name]
    while g:
        g -= 1
        if saved.image.names.of[g] == name and saved.shape[g] & SHAPE_STATE == SHAPE_DEFINED:
            file: uint32_t = saved.file_of[g]
            row = cython.address(saved.image.files.row[file])
            shared: cython.bint = libraries and row.kind == FILE_SHARED
            if file < first and (shared or is_waiting(row, saved.image.files.live[file])):
                first = file
        g = saved.next[g]
    return first


@cython.cfunc
@cython.exceptval(-1, check=False)
def check_added(graft: Graft, shapes: dict) -> cython.int:
    """New members of archives must be what a full link would load: something needs them, and no other member could."""
    i: int64_t
    added: dict = {}
    for i in range(graft.count):
        if graft.changed[i].added:
            added[graft.changed[i].file] = [name for name, (shape, _) in shapes[graft.changed[i].file].items()
                if shape & SHAPE_STATE == SHAPE_DEFINED]  # fmt: skip
    wanted: set = set()
    for file in shapes if added else ():
        if file not in added:
            wanted.update(
                name for name, (shape, _) in shapes[file].items() if not shape & (SHAPE_STATE | SHAPE_WEAK)
            )
    while added:
        needed = [file for file, names in added.items()
            if any(name in wanted or is_wanted(graft, name) for name in names)]  # fmt: skip
        if not needed:
            raise CannotUpdate("B7", "an archive has other members")
        for file in needed:
            if any(first_definer(graft, name, False) != NONE for name in added.pop(file)):
                raise CannotUpdate("B7", "two members of archives define a name")
            wanted.update(
                name for name, (shape, _) in shapes[file].items() if not shape & (SHAPE_STATE | SHAPE_WEAK)
            )
    return 0


@cython.cfunc
@cython.exceptval(check=False)
def is_wanted(graft: Graft, name: uint32_t) -> cython.bint:
    """Does an object that has not changed refer to a name, other than weakly?"""
    saved = graft.saved
    g: uint32_t = saved.head[name]
    while g:
        g -= 1
        if saved.image.names.of[g] == name and not saved.shape[g] & (SHAPE_STATE | SHAPE_WEAK):
            file: uint32_t = saved.file_of[g]
            is_object: cython.bint = saved.image.files.row[file].kind == FILE_OBJECT
            if is_object and changed_of(graft, file) is cython.NULL and saved.image.files.live[file]:
                return True
        g = saved.next[g]
    return False


@cython.cfunc
@cython.exceptval(-1, check=False)
def check_moved(graft: Graft) -> cython.int:
    """A definition that moved must not pass by another object's weak one, which a full link may take."""
    saved = graft.saved
    i: int64_t
    for i in range(graft.removed_count):
        name: uint32_t = graft.removed[i]
        g: uint32_t = saved.head[name] if saved.image.symbols[name].file != NONE else 0
        while g:
            g -= 1
            if saved.image.names.of[g] == name and saved.shape[g] & SHAPE_STATE == SHAPE_DEFINED:
                file: uint32_t = saved.file_of[g]
                is_object: cython.bint = saved.image.files.row[file].kind == FILE_OBJECT
                if is_object and saved.image.files.live[file] and changed_of(graft, file) is cython.NULL:
                    raise CannotUpdate("E3", "a definition moved, and another object has a weak one")
            g = saved.next[g]
    return 0


@cython.cfunc
@cython.exceptval(check=False)
def is_mentioned(graft: Graft, name: uint32_t) -> cython.bint:
    """Does an object that has not changed mention a name, or a library refer to it?"""
    saved = graft.saved
    g: uint32_t = saved.head[name]
    while g:
        g -= 1
        if saved.image.names.of[g] == name:
            file: uint32_t = saved.file_of[g]
            kind: uint8_t = saved.image.files.row[file].kind
            other: cython.bint = kind == FILE_SHARED and saved.shape[g] & SHAPE_STATE == SHAPE_DEFINED
            if changed_of(graft, file) is cython.NULL and not other:
                if saved.image.files.live[file] or kind == FILE_INTERNAL:
                    return True
        g = saved.next[g]
    return False
