"""Do the names of a link still stand for what they stood for, with the new versions of some objects?

For every name that the old or the new version of a changed object mentions, what both say about it is compared
(SHAPE_*).  If that is the same, nothing changes but the place of a definition.  A new name that nobody knew is entered.
A definition may go if nobody else refers to it, or move from one changed object to another.  A reference may come if
the name is bound to something that is in the output.  Everything else could change how other objects are linked and
is left to a full link; so are errors, which a full link reports.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint8_t, uint32_t
from cython.cimports.wild.kernels.binding import DEFINED
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.first_needed import need_library
from cython.cimports.wild.kernels.graft import *
from cython.cimports.wild.kernels.recommon import judge_common, leave_common
from cython.cimports.wild.kernels.saved import *
from cython.cimports.wild.kernels.shapes import shape_of
from cython.cimports.wild.kernels.tables import *
from cython.cimports.wild.kernels.unneeded import check_left
from cython.cimports.wild.kernels.wanted import check_added, check_moved, first_definer, is_mentioned

from wild.errors import CannotUpdate, ObjectsNeeded


def judge_names(graft: Graft, exports: int, offers: bool):
    """Bind the names of the changed objects; raises CannotUpdate.  Before their rows move.

    `exports` (EXPORT_*): which definitions are dynamic symbols; if the tables of those `offer` room, they come and go.
    """
    graft.exports = exports
    graft.offers = offers
    i: int64_t
    shapes: dict = {}
    note_live(graft)
    for i in range(graft.count):
        shapes[graft.changed[i].file] = new_shapes(graft, cython.address(graft.changed[i]))
    for i in range(graft.count):
        judge_old(graft, cython.address(graft.changed[i]), shapes)
    # All definitions come before all references, since objects refer to each other.
    for references in (False, True):
        for i in range(graft.count):
            changed = cython.address(graft.changed[i])
            judge_new(graft, changed, shapes, references)
    check_added(graft, shapes)
    check_left(graft, shapes)
    if graft.joining:
        raise ObjectsNeeded(
            "E2", "archive members are needed that were not, one after another", graft.joining
        )
    check_moved(graft)
    settle_removed(graft)
    hide_losers(graft)


def defines_anew(graft: Graft) -> bool:
    """Does a changed object define a name that it did not define, or otherwise?  Before judge_names."""
    i: int64_t
    for i in range(graft.count):
        old: dict = old_shapes(graft, cython.address(graft.changed[i]))
        for name, (shape, _) in new_shapes(graft, cython.address(graft.changed[i])).items():
            if defines(shape) and old.get(name) != shape:
                return True
    return False


@cython.cfunc
@cython.exceptval(check=False)
def note_live(graft: Graft) -> cython.void:
    """Which names were defined in sections that are in the output: others may refer to them."""
    image = cython.address(graft.saved.image)
    i: int64_t
    for i in range(graft.name_count):
        name: uint32_t = graft.name[graft.mini_name[i]]
        section: uint32_t = image.symbols[name].section
        if section and image.sections.row[section].flags & SEC_LIVE:
            graft.seen[name] |= SEEN_LIVE


@cython.cfunc
def new_shapes(graft: Graft, changed: cython.pointer[Changed]):
    """NameId -> (shape, symbol index) of everything that the new version mentions."""
    row = cython.address(graft.inputs.view.row[changed.mini])
    found: dict = {}
    k: uint32_t
    for k in range(row.first_global, row.nsyms):
        mini: uint32_t = graft.names.view.of[row.global_base + k - row.first_global]
        if mini:
            shape: uint8_t = shape_of(
                graft.inputs.view.base[changed.mini], row, cython.address(graft.sections.view), k
            )
            found[graft.name[mini]] = (shape, k)
    return found


@cython.cfunc
@cython.exceptval(-1)
def judge_old(graft: Graft, changed: cython.pointer[Changed], all_shapes: dict) -> cython.int:
    """What the old version said and the new one does not say, or says otherwise."""
    shapes: dict = all_shapes[changed.file]
    image = cython.address(graft.saved.image)
    g: uint32_t
    for g in range(
        changed.old.global_base, changed.old.global_base + changed.old.nsyms - changed.old.first_global
    ):
        name: uint32_t = image.names.of[g]
        if name == 0:
            continue
        shape: uint8_t = graft.saved.shape[g]
        now = shapes.get(name)
        symbol = cython.address(image.symbols[name])
        if now is not None and now[0] == shape:
            continue
        if shape & SHAPE_STATE == SHAPE_COMMON:
            if now is None or now[0] & SHAPE_STATE != SHAPE_COMMON:
                if leave_common(graft, changed, name, now, all_shapes):
                    remove(graft, name)
            continue
        if not shape & (SHAPE_STATE | SHAPE_WEAK) and symbol.file != NONE:
            if image.files.row[symbol.file].flags & (FILE_LAZY | FILE_AS_NEEDED):
                graft.left.add(symbol.file)
        if symbol.file == changed.file and (now is None or now[0] & SHAPE_STATE != SHAPE_DEFINED):
            remove(graft, name)
        elif now is not None and not defines(now[0]):
            judge_change(graft, symbol, shape, now[0])
    return 0


@cython.cfunc
@cython.exceptval(-1)
def remove(graft: Graft, name: uint32_t) -> cython.int:
    """The definition of a name is gone, for the time being."""
    symbol = cython.address(graft.saved.image.symbols[name])
    if symbol.flags & (SYM_IFUNC | NEEDS_COPY | NEEDS_CANONICAL):
        raise CannotUpdate("E5", "an indirect definition was removed")
    if symbol.dynsym and (not graft.offers or symbol.flags & SYM_UNIQUE):
        raise CannotUpdate("E5", "a definition was removed that is exported")
    symbol.file = NONE
    symbol.section = 0
    graft.seen[name] |= SEEN_GONE | (SEEN_TLS if symbol.flags & SYM_TLS else 0)
    symbol.flags &= ~cython.cast(uint32_t, DEFINED)
    graft.saved.touch(symbol, cython.sizeof(SymbolRow))
    graft.removed[graft.removed_count] = name
    graft.removed_count += 1
    return 0


@cython.cfunc
@cython.exceptval(-1)
def judge_change(graft: Graft, symbol: cython.pointer[SymbolRow], old: uint8_t, new: uint8_t) -> cython.int:
    """A mention says something else, where nothing was defined by it."""
    harmless: cython.bint = not defines(old) and not defines(new) and (old ^ new) & SHAPE_VISIBILITY == 0
    if harmless and symbol.flags & SYM_OBJECT_DEF:
        return 0  # a reference, or a copy of an inline function that another object has
    raise CannotUpdate("E6", "what an object says about a name changed")


@cython.cfunc
@cython.exceptval(check=False)
def defines(shape: uint8_t) -> cython.bint:
    return shape & SHAPE_STATE == SHAPE_DEFINED or shape & SHAPE_STATE == SHAPE_COMMON


@cython.cfunc
@cython.exceptval(-1)
def judge_new(
    graft: Graft, changed: cython.pointer[Changed], all_shapes: dict, references: cython.bint
) -> cython.int:
    """What the new version says: its definitions, or its references."""
    shapes: dict = all_shapes[changed.file]
    image = cython.address(graft.saved.image)
    old: dict = old_shapes(graft, changed)
    mini_of: dict = mini_names(graft, changed)
    for name, (shape, index) in shapes.items():
        if defines(shape) == references:
            continue
        symbol = cython.address(image.symbols[cython.cast(uint32_t, name)])
        mini = cython.address(graft.resolution.view.row[cython.cast(uint32_t, mini_of[name])])
        before = old.get(name)
        if shape & SHAPE_STATE == SHAPE_COMMON:
            exports: uint32_t = 0 if symbol.file != NONE else export_flags(graft, symbol, mini) & SYM_EXPORTED
            judge_common(graft, changed, name, before, index, mini, exports, all_shapes)
        elif references:
            if before != shape:
                judge_reference(graft, name, shape, before)
        elif before != shape or symbol.file == NONE:
            judge_definition(graft, changed, name, shape, index, mini)
        elif symbol.file == changed.file:
            define_name(graft, changed, name, index, mini)
    return 0


@cython.cfunc
def old_shapes(graft: Graft, changed: cython.pointer[Changed]):
    """NameId -> shape of everything that the old version mentioned."""
    found: dict = {}
    g: uint32_t
    for g in range(
        changed.old.global_base, changed.old.global_base + changed.old.nsyms - changed.old.first_global
    ):
        found[graft.saved.image.names.of[g]] = graft.saved.shape[g]
    return found


@cython.cfunc
def mini_names(graft: Graft, changed: cython.pointer[Changed]):
    row = cython.address(graft.inputs.view.row[changed.mini])
    found: dict = {}
    g: uint32_t
    for g in range(row.global_base, row.global_base + row.nsyms - row.first_global):
        mini: uint32_t = graft.names.view.of[g]
        found[graft.name[mini]] = mini
    return found


@cython.cfunc
@cython.exceptval(-1)
def judge_reference(graft: Graft, name: uint32_t, shape: uint8_t, before: object) -> cython.int:
    """A name is referred to that was not, or otherwise."""
    symbol = cython.address(graft.saved.image.symbols[name])
    if before is not None and defines(cython.cast(uint8_t, before)):
        return 0  # it was defined here; settle_removed sees to that
    if (
        shape & SHAPE_VISIBILITY and not symbol.flags & (SYM_HIDDEN | SYM_PROTECTED | SYM_LOCALISED)
    ) or symbol.flags & SYM_UNDEFINED_OK:
        raise CannotUpdate("E6", "what an object says about a name changed")
    if symbol.flags & (SYM_OBJECT_DEF | SYM_SHARED_DEF):
        check_kind(symbol, shape)
    if symbol.flags & SYM_OBJECT_DEF:
        symbol.flags |= SYM_REF | SYM_STRONG_REF
        return 0
    if symbol.flags & SYM_SHARED_DEF:
        if shape & SHAPE_WEAK:
            if symbol.dynsym and symbol.flags & (SYM_STRONG_REF | NEEDS_COPY):
                return 0
            raise CannotUpdate("E7", "a symbol of a shared library is referred to weakly for the first time")
        if symbol.dynsym and not symbol.flags & (SYM_STRONG_REF | NEEDS_COPY):
            graft.strengthened.append(symbol.dynsym)
        if not symbol.flags & SYM_STRONG_REF and first_definer(graft, name, False) < symbol.file:
            raise CannotUpdate("E6", "an archive member comes before a library that defines the name, too")
        symbol.flags |= SYM_REF | SYM_STRONG_REF  # its room in .dynsym is looked for when it is known to live
        return 0
    definer: uint32_t = first_definer(graft, name, True)
    if shape & SHAPE_WEAK or definer == NONE:
        text: str = f"that nothing of the link defines ({graft.text_of(name)})"
        raise CannotUpdate("E2", f"a name is used for the first time {text}")
    if graft.saved.image.files.row[definer].kind != FILE_SHARED:
        graft.joining.add(definer)
        return 0
    need_library(graft, name, definer)
    check_kind(symbol, shape)
    symbol.flags |= SYM_REF | SYM_STRONG_REF
    return 0


@cython.cfunc
@cython.exceptval(-1)
def check_kind(symbol: cython.pointer[SymbolRow], shape: uint8_t) -> cython.int:
    """What is referred to as a thread-local variable must be one, and what is not must not."""
    if (shape & SHAPE_TLS != 0) != (symbol.flags & SYM_TLS != 0):
        raise CannotUpdate("E6", "an object says that a name is thread-local, and another that it is not")
    return 0


@cython.cfunc
@cython.exceptval(-1)
def judge_definition(
    graft: Graft,
    changed: cython.pointer[Changed],
    name: uint32_t,
    shape: uint8_t,
    index: uint32_t,
    mini: cython.pointer[SymbolRow],
) -> cython.int:
    """A name is defined that was not defined here, or otherwise."""
    symbol = cython.address(graft.saved.image.symbols[name])
    fresh: cython.bint = is_fresh(symbol)
    if graft.seen[name] & SEEN_GONE:
        if symbol.file != NONE:
            raise CannotUpdate("E3", "two changed objects define a name")
        if (graft.seen[name] & SEEN_TLS != 0) != (shape & SHAPE_TLS != 0):
            raise CannotUpdate("E6", "a name is thread-local now, or not any more")
    elif not fresh:
        raise CannotUpdate("E6", "a name is defined that other objects know already")
    how: uint32_t = export_flags(graft, symbol, mini)
    exported: cython.bint = how & SYM_EXPORTED != 0
    cannot: cython.bint = not graft.offers or shape & SHAPE_TLS or mini.flags & SYM_UNIQUE
    if shape & SHAPE_IFUNC or (exported and cannot):
        raise CannotUpdate("E7", "the symbols that the output offers change")
    if symbol.flags & SYM_SHARED_REF and mini.flags & SYM_HIDDEN:
        raise CannotUpdate("E7", "a hidden name is defined that a library mentions")
    if symbol.dynsym and not exported:
        raise CannotUpdate("E7", "the symbols that the output offers change")
    if (
        graft.seen[name] & SEEN_GONE
        and (shape & SHAPE_VISIBILITY)
        and not symbol.flags & (SYM_HIDDEN | SYM_PROTECTED | SYM_LOCALISED)
    ):
        raise CannotUpdate("E6", "what an object says about a name changed")
    define_name(graft, changed, name, index, mini)
    if fresh:
        symbol.flags = mini.flags | symbol.flags & SYM_SHARED_REF
        symbol.value = ~cython.cast(uint32_t, 0)
    symbol.flags = symbol.flags & ~cython.cast(uint32_t, EXPORTS) | how
    if exported:
        graft.offered.append(name)
    return 0


@cython.cfunc
@cython.exceptval(check=False)
def is_fresh(symbol: cython.pointer[SymbolRow]) -> cython.bint:
    """Has no object of the link a use for a name?  Libraries may mention it; the output's definition goes before."""
    of_libraries: uint32_t = SYM_SHARED_DEF | SYM_SHARED_REF | SYM_WEAK_DEF | SYM_FUNC | SYM_TLS
    of_libraries |= SYM_PROTECTED_DEF | SYM_IMPORTED
    return symbol.flags & ~of_libraries == 0 and symbol.aux == 0 and symbol.dynsym == 0


@cython.cfunc
@cython.exceptval(-1)
def export_flags(graft: Graft, symbol: cython.pointer[SymbolRow], mini: cython.pointer[SymbolRow]) -> int64_t:
    """EXPORTS of a new definition, by the rules of exports.py for links without lists of names, or as decided there."""
    if graft.exports == EXPORT_CHOSEN:
        if not graft.chosen:
            raise CannotUpdate("E7", "the symbols that the output offers change")
        return mini.flags & EXPORTS
    mentioned: cython.bint = symbol.flags & SYM_SHARED_REF != 0
    if graft.exports == EXPORT_NONE or mini.flags & SYM_HIDDEN:
        return 0
    if graft.exports == EXPORT_MENTIONED and not mentioned:
        return 0
    if graft.exports == EXPORT_PREEMPTIBLE and mini.flags & SYM_PROTECTED == 0:
        return SYM_EXPORTED | SYM_IMPORTED
    return SYM_EXPORTED


@cython.cfunc
@cython.exceptval(-1)
def define_name(
    graft: Graft,
    changed: cython.pointer[Changed],
    name: uint32_t,
    index: uint32_t,
    mini: cython.pointer[SymbolRow],
) -> cython.int:
    """Bind a name to the new version's definition; its section and address follow when rows have moved."""
    symbol = cython.address(graft.saved.image.symbols[name])
    if mini.file != changed.mini or mini.sym != index:
        raise CannotUpdate("E3", "two changed objects define a name")
    symbol.file = changed.file
    symbol.sym = index
    symbol.flags = symbol.flags & ~cython.cast(uint32_t, DEFINED) | mini.flags & DEFINED
    graft.saved.touch(symbol, cython.sizeof(SymbolRow))
    return 0


@cython.cfunc
@cython.exceptval(-1)
def settle_removed(graft: Graft) -> cython.int:
    """Names that lost their definition and did not find another: nobody may refer to them."""
    i: int64_t
    for i in range(graft.removed_count):
        name: uint32_t = graft.removed[i]
        symbol = cython.address(graft.saved.image.symbols[name])
        if symbol.file != NONE:
            continue
        if graft.seen[name] & SEEN_NOW or is_mentioned(graft, name):
            raise CannotUpdate("E5", "a definition was removed that is referred to")
        symbol.flags &= SYM_SHARED_REF
        if symbol.aux:
            graft.gone_slots.append(symbol.aux)
            symbol.aux = 0
        if symbol.dynsym:
            graft.withdrawn.append(symbol.dynsym)
            symbol.dynsym = 0
    return 0


@cython.cfunc
@cython.exceptval(check=False)
def hide_losers(graft: Graft) -> cython.void:
    """Definitions of the small link that lost to other objects of the whole link define nothing there either."""
    i: int64_t
    for i in range(graft.name_count):
        mini = cython.address(graft.resolution.view.row[graft.mini_name[i]])
        symbol = cython.address(graft.saved.image.symbols[graft.name[graft.mini_name[i]]])
        changed = changed_of(graft, symbol.file) if symbol.file != NONE else cython.NULL
        if changed is cython.NULL or changed.mini != mini.file:
            mini.file = NONE
            mini.section = 0
            mini.flags &= ~cython.cast(uint32_t, DEFINED)
