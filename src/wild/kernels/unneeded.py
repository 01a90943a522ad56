"""Archive members and libraries that lost a reference: would a full link still have them?

A full link takes a member because something that it took before refers to it.  So an edit that drops a reference may
leave a chain of members without a use, or a ring of them that refer to nobody but each other, and a library after
--as-needed at the end of the chain.  An update keeps what is in the output, which nobody can notice as long as it is
only code that nothing calls.  Constructors, exports, entries between `__start_` and `__stop_`, copies of inline
functions that others share, and the libraries that the loader has to find are noticed; where a full link would leave
those out, it has to be one.

Whether something is needed is found out backwards: by who refers to it, and to those, until there is an object that
every link has.  Usually the first is one.  What nothing of that kind leads to is not needed, with all that was met on
the way, and gives up its own references in turn.
"""

import cython
from cython.cimports.libc.stdint import uint8_t, uint32_t
from cython.cimports.wild.kernels.graft import *
from cython.cimports.wild.kernels.saved import *
from cython.cimports.wild.kernels.tables import *

from wild.errors import CannotUpdate


@cython.cfunc
@cython.exceptval(-1, check=False)
def check_left(graft: Graft, shapes: dict) -> cython.int:
    """Raises CannotUpdate where a full link would notice that something of `graft.left` is not needed any more.

    `shapes`: FileId of a changed object -> NameId -> (shape, symbol index).  After all names are bound anew.
    """
    users: dict = users_by_name(shapes) if graft.left else {}
    gone: set = set()
    pending: list = list(graft.left)
    while pending:
        file: uint32_t = pending.pop()
        if file in gone:
            continue
        unneeded: set = without_use(graft, file, shapes, users, gone)
        gone |= unneeded
        for each in unneeded:
            check_effects(graft, each)
            pending += used_files(graft, each, shapes)
    return 0


@cython.cfunc
def users_by_name(shapes: dict):
    """NameId -> the changed objects that refer to it, other than weakly."""
    found: dict = {}
    for file, names in shapes.items():
        for name, (shape, _) in names.items():
            if not shape & (SHAPE_STATE | SHAPE_WEAK):
                found.setdefault(name, []).append(file)
    return found


@cython.cfunc
def without_use(graft: Graft, file: uint32_t, shapes: dict, users: dict, gone: set):
    """A member or library with all the members that lead to it, if no object does; else nothing."""
    found: set = {file}
    pending: list = [file]
    while pending:
        for other in referring_files(graft, pending.pop(), shapes, users):
            if other in gone or other in found:
                continue
            if not graft.saved.image.files.row[cython.cast(uint32_t, other)].flags & FILE_LAZY:
                return set()
            found.add(other)
            pending.append(other)
    return found


@cython.cfunc
def referring_files(graft: Graft, file: uint32_t, shapes: dict, users: dict):
    """The objects that refer to a name that is bound to a file."""
    saved = graft.saved
    found: list = []
    for name in names_of(graft, file, shapes, SHAPE_DEFINED):
        if saved.image.symbols[cython.cast(uint32_t, name)].file != file:
            continue  # an older version, or a definition that does not count
        found += users.get(name, ())
        g: uint32_t = saved.head[cython.cast(uint32_t, name)]
        while g:
            g -= 1
            if saved.image.names.of[g] == name and not saved.shape[g] & (SHAPE_STATE | SHAPE_WEAK):
                other: uint32_t = saved.file_of[g]
                if saved.image.files.row[other].kind == FILE_OBJECT and saved.image.files.live[other]:
                    if changed_of(graft, other) is cython.NULL:
                        found.append(other)
            g = saved.next[g]
    return found


@cython.cfunc
def names_of(graft: Graft, file: uint32_t, shapes: dict, state: uint8_t):
    """NameIds that a file defines (SHAPE_DEFINED) or refers to (0), other than weakly."""
    kept: uint8_t = SHAPE_STATE if state else SHAPE_STATE | SHAPE_WEAK
    if file in shapes:
        return [name for name, (shape, _) in shapes[file].items() if shape & kept == state]
    row = cython.address(graft.saved.image.files.row[file])
    found: list = []
    g: uint32_t
    for g in range(row.global_base, row.global_base + row.nsyms - row.first_global):
        name: uint32_t = graft.saved.image.names.of[g]
        if name and graft.saved.shape[g] & kept == state:
            found.append(name)
    return found


@cython.cfunc
def used_files(graft: Graft, file: uint32_t, shapes: dict):
    """The members and libraries that a file refers to."""
    image = cython.address(graft.saved.image)
    if image.files.row[file].kind == FILE_SHARED:
        return []
    found: list = []
    for name in names_of(graft, file, shapes, 0):
        other: uint32_t = image.symbols[cython.cast(uint32_t, name)].file
        if other != NONE and image.files.row[other].flags & (FILE_LAZY | FILE_AS_NEEDED):
            found.append(other)
    return found


@cython.cfunc
@cython.exceptval(-1, check=False)
def check_effects(graft: Graft, file: uint32_t) -> cython.int:
    """Has something that nothing refers to any more what counts nevertheless?"""
    image = cython.address(graft.saved.image)
    row = cython.address(image.files.row[file])
    if row.kind == FILE_SHARED:
        raise CannotUpdate("E7", "a library is not needed any more")
    effect: cython.bint = False
    k: uint32_t
    for k in range(row.shnum):
        sec = cython.address(image.sections.row[row.sec_base + k])
        effect = effect or (
            sec.kind != SEC_OUT
            and sec.flags & SEC_ALLOC
            and sec.size
            and (sec.flags & SEC_ROOT or sec.part in graft.walked)
        )
    for k in range(row.nsyms - row.first_global):
        symbol = cython.address(image.symbols[image.names.of[row.global_base + k]])
        effect = effect or (symbol.file == file and symbol.dynsym and symbol.flags & SYM_EXPORTED)
    if effect:
        raise CannotUpdate(
            "E15", "an archive member is not needed any more that has constructors, exports or entries"
        )
    g: uint32_t
    for g in range(row.global_base, row.global_base + row.nsyms - row.first_global + row.nextra):
        name: uint32_t = image.names.of[g]
        if name and graft.saved.owner[name] == ~file and first_copy(graft, name) != NONE:
            raise CannotUpdate("E15", "an archive member is not needed any more of which others use a copy")
    return 0
