"""Shared objects that an update needs for the first time: those after --as-needed that nothing has needed so far.

Such a library is not only there for the name that made it needed.  All names that it defines are bound to it, if no
object and no earlier library defines them, and what it refers to itself may load archive members and may be missing.
An update can do the first for names that nobody refers to; where somebody does, as by a weak reference that was
undefined so far, other objects would have to be linked otherwise, and that is left to a full link.  So is all of the
second.  The policy enters the library into the dynamic section (incremental/imports.py).
"""

import cython
from cython.cimports.libc.stdint import uint8_t, uint32_t
from cython.cimports.wild.kernels.graft import *
from cython.cimports.wild.kernels.saved import *
from cython.cimports.wild.kernels.tables import *
from cython.cimports.wild.kernels.wanted import first_definer

from wild.errors import CannotUpdate


@cython.cfunc
@cython.exceptval(-1, check=False)
def need_library(graft: Graft, name: uint32_t, file: uint32_t) -> cython.int:
    """Bind to a shared object what it defines, which is at least this name."""
    symbol = cython.address(graft.saved.image.symbols[name])
    if symbol.flags & (SYM_REF | SYM_HIDDEN | SYM_PROTECTED):
        raise CannotUpdate("E7", "a library is needed for the first time that others refer to, too")
    row = cython.address(graft.saved.image.files.row[file])
    k: uint32_t
    for k in range(row.nsyms - row.first_global):
        other: uint32_t = graft.saved.image.names.of[row.global_base + k]
        if other and graft.saved.shape[row.global_base + k] & SHAPE_STATE == SHAPE_DEFINED:
            bind_to_library(graft, other, file, row.first_global + k)
    check_references(graft, file, {file})
    graft.libraries.add(file)
    return 0


@cython.cfunc
@cython.exceptval(-1)
def bind_to_library(graft: Graft, name: uint32_t, file: uint32_t, sym: uint32_t) -> cython.int:
    """Bind one name, unless an object or an earlier library defines it, or it is not to be found in libraries."""
    symbol = cython.address(graft.saved.image.symbols[name])
    row = cython.address(graft.saved.image.files.row[file])
    if symbol.flags & (SYM_OBJECT_DEF | SYM_HIDDEN | SYM_PROTECTED) or symbol.file <= file:
        return 0
    if symbol.flags & SYM_REF:
        raise CannotUpdate("E7", "a library is needed for the first time that others refer to, too")
    shape: uint8_t = graft.saved.shape[row.global_base + sym - row.first_global]
    symbol.file = file
    symbol.sym = sym
    symbol.value = 0  # which matters where variables are copied, and that is left to a full link
    symbol.flags &= ~cython.cast(uint32_t, SYM_WEAK_DEF | SYM_TLS | SYM_FUNC | SYM_PROTECTED_DEF)
    symbol.flags |= SYM_SHARED_DEF | SYM_IMPORTED
    symbol.flags |= SYM_WEAK_DEF if shape & SHAPE_WEAK else 0
    symbol.flags |= SYM_TLS if shape & SHAPE_TLS else 0
    symbol.flags |= SYM_FUNC if shape & SHAPE_FUNCTION else 0
    symbol.flags |= SYM_PROTECTED_DEF if shape & SHAPE_VISIBILITY == SHAPE_VISIBILITY else 0
    graft.saved.touch(symbol, cython.sizeof(SymbolRow))
    return 0


@cython.cfunc
@cython.exceptval(-1)
def check_references(graft: Graft, file: uint32_t, visited: set) -> cython.int:
    """What a library refers to must be there: no archive member may have to be loaded, nothing may be hidden.

    Libraries that define it are asked as well, since they may have taken no part so far.
    """
    row = cython.address(graft.saved.image.files.row[file])
    k: uint32_t
    for k in range(row.nsyms - row.first_global):
        name: uint32_t = graft.saved.image.names.of[row.global_base + k]
        if name == 0 or graft.saved.shape[row.global_base + k] & (SHAPE_STATE | SHAPE_WEAK):
            continue
        symbol = cython.address(graft.saved.image.symbols[name])
        if symbol.flags & SYM_OBJECT_DEF and not symbol.flags & (SYM_HIDDEN | SYM_LOCALISED):
            continue
        definer: uint32_t = first_definer(graft, name, True)
        # No member is loaded for a reference that asks for a version (resolve.py).
        versioned: cython.bint = graft.saved.shape[row.global_base + k] & SHAPE_VERSIONED != 0
        is_missing: cython.bint = definer == NONE and len(visited) == 1
        loads: cython.bint = not versioned and first_definer(graft, name, False) != NONE
        if is_missing or loads or symbol.flags & SYM_OBJECT_DEF:
            raise CannotUpdate("E7", "a library is needed for the first time that refers to more")
        if definer != NONE and definer not in visited:
            visited.add(definer)
            check_references(graft, definer, visited)
    return 0
