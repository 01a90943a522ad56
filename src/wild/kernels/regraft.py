"""Rows of changed objects into the tables of a link: in the places of the old versions' rows, or behind all others."""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import malloc
from cython.cimports.libc.string import memcpy, memset
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.graft import *
from cython.cimports.wild.kernels.saved import *
from cython.cimports.wild.kernels.sections import section_header, section_name
from cython.cimports.wild.kernels.shapes import hash_name, hash_notes, shape_of
from cython.cimports.wild.kernels.tables import *

from wild.errors import CannotUpdate


def move_rows(graft: Graft):
    """Copy the rows of sections, names and files into the tables of the link."""
    i: int64_t
    for i in range(graft.count):
        move_file(graft, cython.address(graft.changed[i]))


@cython.cfunc
@cython.exceptval(-1)
def move_file(graft: Graft, changed: cython.pointer[Changed]) -> cython.int:
    """One file's rows."""
    saved = graft.saved
    row = cython.address(saved.image.files.row[changed.file])
    run = cython.address(saved.run[changed.file])
    mini = cython.address(graft.inputs.view.row[changed.mini])
    base = graft.inputs.view.base[changed.mini]
    judge_notes(saved, changed, mini, hash_notes(base, mini))
    if mini.has & HAS_WARNINGS:
        raise CannotUpdate("E18", "an object with warnings about symbols changed")
    save_old_sections(saved, changed)
    new: FileRow = mini[0]
    new.map, new.path, new.offset = row.map, row.path, row.offset
    new.name_offset, new.name_length, new.flags, new.shared = (
        row.name_offset,
        row.name_length,
        row.flags,
        row.shared,
    )
    if mini.shnum == 0:
        new.kind, new.nsyms, new.first_global = row.kind, 0, 0  # gone: that was the internal file
    names: uint32_t = mini.nsyms - mini.first_global + mini.nextra
    new.sec_base = take_rows(saved, SAVED_SECTIONS, row.sec_base, run.sections, mini.shnum)
    run.sections = max(run.sections, mini.shnum)
    new.local_base = take_rows(saved, SAVED_LOCAL_AUX, row.local_base, run.symbols, mini.first_global)
    run.symbols = max(run.symbols, mini.first_global)
    if same_names(graft, changed, names):
        new.global_base = row.global_base
    else:
        forget_names(saved, row.global_base, run.names)
        new.global_base = take_rows(saved, SAVED_OF, 0, 0, names)
        saved.count[SAVED_NEXT] = saved.count[SAVED_SHAPE] = saved.count[SAVED_FILE_OF] = saved.count[
            SAVED_OF
        ]
        run.names = names
        chain_names(graft, changed, new.global_base, names)
    note_shapes(graft, changed, new.global_base)
    row[0] = new
    saved.image.files.base[changed.file] = base
    saved.touch(row, cython.sizeof(FileRow))
    memset(saved.image.slots.local_aux + new.local_base, 0, 4 * cython.cast(uint64_t, mini.first_global))
    saved.touch(saved.image.slots.local_aux + new.local_base, 4 * cython.cast(uint64_t, mini.first_global))
    copy_sections(graft, changed, row, run.sections)
    return 0


@cython.cfunc
@cython.exceptval(-1)
def judge_notes(
    saved: Saved, changed: cython.pointer[Changed], mini: cython.pointer[FileRow], notes: uint64_t
) -> cython.int:
    """What the object says about its features may change if others say the old as well as the new."""
    run = cython.address(saved.run[changed.file])
    comes: cython.bint = changed.loaded
    goes: cython.bint = mini.shnum == 0
    if notes != run.notes or comes or goes:
        if not (comes or has_notes(saved, changed.file, run.notes)) or not (
            goes or has_notes(saved, changed.file, notes)
        ):
            raise CannotUpdate("E2", "an object's notes about its features differ")
        run.notes = notes
    return 0


@cython.cfunc
@cython.exceptval(check=False)
def has_notes(saved: Saved, file: uint32_t, notes: uint64_t) -> cython.bint:
    """Does another object say the same about its features?  Then whatever rule joins them gives what it gave."""
    i: int64_t
    for i in range(1, saved.image.files.count):
        if (
            i != file
            and saved.image.files.row[i].sec_base
            and saved.image.files.row[i].shnum
            and (saved.run[i].notes == notes)
        ):
            return True
    return False


@cython.cfunc
@cython.exceptval(-1)
def save_old_sections(saved: Saved, changed: cython.pointer[Changed]) -> cython.int:
    """Keep the old rows, to find out which places become free."""
    size: uint64_t = cython.cast(uint64_t, changed.old.shnum) * cython.sizeof(SectionRow)
    changed.old_sections = cython.cast(cython.pointer[SectionRow], malloc(size + 1))
    if changed.old_sections is cython.NULL:
        raise MemoryError
    memcpy(changed.old_sections, saved.image.sections.row + changed.old.sec_base, size)
    return 0


@cython.cfunc
@cython.exceptval(0xFFFFFFFF)
def take_rows(saved: Saved, table: cython.int, old: uint32_t, room: uint32_t, count: uint32_t) -> uint32_t:
    """The first of `count` rows: the old ones if they suffice, else new ones at the end of the table."""
    if count <= room:
        return old
    if saved.count[table] + count > saved.room[table]:
        raise CannotUpdate("D6", "a table of the state is full")
    first: uint32_t = saved.count[table]
    saved.count[table] += count
    return first


@cython.cfunc
@cython.exceptval(check=False)
def same_names(graft: Graft, changed: cython.pointer[Changed], count: uint32_t) -> cython.bint:
    """Does the object mention the names that it mentioned, in the same order?"""
    saved = graft.saved
    if count != changed.run.names:
        return False
    k: uint32_t
    first: uint32_t = graft.inputs.view.row[changed.mini].global_base
    for k in range(count):
        mini: uint32_t = graft.names.view.of[first + k]
        if saved.image.names.of[changed.old.global_base + k] != graft.name[mini]:
            return False
    return True


@cython.cfunc
@cython.exceptval(check=False)
def forget_names(saved: Saved, first: uint32_t, count: uint32_t) -> cython.void:
    """The old mentions stay in the chains of their names, and count for nothing."""
    memset(saved.image.names.of + first, 0, 4 * cython.cast(uint64_t, count))
    saved.touch(saved.image.names.of + first, 4 * cython.cast(uint64_t, count))


@cython.cfunc
@cython.exceptval(check=False)
def chain_names(
    graft: Graft, changed: cython.pointer[Changed], first: uint32_t, count: uint32_t
) -> cython.void:
    """Enter the mentions of an object into the chains of their names."""
    saved = graft.saved
    of: U32 = graft.names.view.of + graft.inputs.view.row[changed.mini].global_base
    k: uint32_t
    for k in range(count):
        name: uint32_t = graft.name[of[k]]
        saved.image.names.of[first + k] = name
        saved.next[first + k] = saved.head[name]
        saved.head[name] = first + k + 1
        saved.file_of[first + k] = changed.file
        saved.touch(saved.head + name, 4)
    saved.touch(saved.image.names.of + first, 4 * cython.cast(uint64_t, count))
    saved.touch(saved.next + first, 4 * cython.cast(uint64_t, count))
    saved.touch(saved.file_of + first, 4 * cython.cast(uint64_t, count))


@cython.cfunc
@cython.exceptval(check=False)
def note_shapes(graft: Graft, changed: cython.pointer[Changed], first: uint32_t) -> cython.void:
    mini = cython.address(graft.inputs.view.row[changed.mini])
    k: uint32_t
    for k in range(mini.first_global, mini.nsyms):
        graft.saved.shape[first + k - mini.first_global] = shape_of(
            graft.inputs.view.base[changed.mini], mini, cython.address(graft.sections.view), k
        )
    graft.saved.touch(graft.saved.shape + first, mini.nsyms - mini.first_global + mini.nextra)


@cython.cfunc
@cython.exceptval(-1)
def copy_sections(
    graft: Graft, changed: cython.pointer[Changed], row: cython.pointer[FileRow], room: uint32_t
) -> cython.int:
    """The rows of sections; what they link to is found later."""
    mini = cython.address(graft.inputs.view.row[changed.mini])
    base = graft.inputs.view.base[changed.mini]
    to = graft.saved.image.sections.row + row.sec_base
    memset(to, 0, cython.cast(uint64_t, room) * cython.sizeof(SectionRow))
    k: uint32_t
    for k in range(1, mini.shnum):
        shdr = section_header(base, mini, k)
        to[k] = graft.sections.view.row[mini.sec_base + k]
        if to[k].kind != SEC_OUT and to[k].flags & (SEC_COMPRESSED | SEC_CREL):
            raise CannotUpdate("E19", "compressed debug information or relocations")
        to[k].link = 0
        to[k].frames = 0
        to[k].address = 0
        to[k].unused = hash_name(section_name(base, mini, shdr)) if shdr.sh_name < mini.shstrsize else 0
    graft.saved.touch(to, cython.cast(uint64_t, room) * cython.sizeof(SectionRow))
    return 0
