"""Which objects of an update stand for which objects of the link.

An object takes part in an update for one of four reasons.  Its contents are not what they were.  Or it is needed
now, though nothing about it has changed: --gc-sections dropped a section of it that an edit refers to, or it is an
archive member that waited until an edit referred to a name that it defines.  Or a COMDAT group of it comes to count,
or counts no more, because an edit of another object took the first copy away or made one.  Those *join* the changed
objects, and are treated like them from here on: their rows are made anew, what they had in the output keeps its
place, and the rest gets room.  That is as good as the update itself, and needs no rules of its own: names are judged,
groups settled and slots counted as for any object whose new version says a little more.

A member that joins has no old version.  Its names are known to the tables, because the names of waiting members are
read by every link; its sections, records and symbols are all new.

Members of archives are known by their names, and objects of rustc by those of their units (incremental/units.py).
One that has come is added behind all other files: where the order of files would tell which of two definitions
counts, the judge finds that a name is known already, and gives up.  One that is gone becomes empty.

What joins is found out while an update is tried (judge.py, rescan.py), which is then begun again with more objects.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint8_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import calloc
from cython.cimports.libc.string import memset
from cython.cimports.wild.kernels.cc import hash_bytes
from cython.cimports.wild.kernels.graft import *
from cython.cimports.wild.kernels.saved import *
from cython.cimports.wild.kernels.shapes import (
    hash_exports,
    hash_member,
    hash_offers,
    is_waiting,
)
from cython.cimports.wild.kernels.tables import *

from wild.errors import CannotUpdate


def maps_of(saved: Saved, suspects: set, joining: set) -> list:
    """The MapIds of what has to be opened: what may have changed, with whole archives for members that do.

    A thin archive is opened in place of its members, which are files.
    """
    found: set = set(suspects)
    i: int64_t
    for file in joining:
        found.add(saved.image.files.row[cython.cast(int64_t, file)].path)
    for i in range(1, saved.image.files.count):
        row = cython.address(saved.image.files.row[i])
        if row.map != row.path and row.map in suspects:
            found.discard(row.map)
            found.add(row.path)
    return sorted(found)


def pair_files(graft: Graft, maps: list, suspects: set, joining: set, paths: list):
    """Find the objects that differ or join; `maps`: the MapIds in the link of the files that are open.

    `suspects`: MapIds of what may have changed; `joining`: FileIds; `paths`: of all files of the link.
    After `arrange`, before headers are read.  Objects that are as they were are ignored from here on.
    """
    files = cython.address(graft.inputs.view)
    saved = graft.saved
    capacity: int64_t = files.count + saved.image.files.count
    graft.changed = cython.cast(cython.pointer[Changed], calloc(capacity, cython.sizeof(Changed)))
    if graft.changed is cython.NULL:
        raise MemoryError
    old_files: dict = files_by_name(saved, maps)
    last: dict = {}
    i: int64_t
    for i in range(1, files.count):
        row = cython.address(files.row[i])
        map = maps[row.path]
        name: uint64_t = 0
        if row.flags & FILE_MEMBER:
            name = hash_member(graft.inputs.names + row.name_offset, row.name_length)
        candidates = old_files.get((map, name))
        if not candidates:
            if row.map != row.path or not name:
                raise CannotUpdate("B7", "an archive has other members")
            add_member(graft, i, map, name)
            continue
        file = candidates.pop(0)
        old = cython.address(saved.image.files.row[cython.cast(int64_t, file)])
        if (
            row.map != row.path
            and graft.inputs.paths[row.map].encode("utf-8", "surrogateescape") != paths[old.map]
        ):
            raise CannotUpdate("B7", "an archive has other members")
        if file < last.get(map, 0) and saved.run[cython.cast(int64_t, file)].original:
            raise CannotUpdate("B7", "the members of an archive are in another order")
        last[map] = file if saved.run[cython.cast(int64_t, file)].original else last.get(map, 0)
        joins = file in joining
        if joins or old.map in suspects or (old.map == old.path and map in suspects):
            pair_file(graft, i, file, joins)
        else:
            row.kind = FILE_IGNORED
    for (_, name), gone in old_files.items():
        for file in gone:
            retire_file(graft, file)


@cython.cfunc
def files_by_name(saved: Saved, maps: list):
    """(MapId, hash of the member's name or 0) -> the FileIds of a file or of an archive's members, in order."""
    found: dict = {}
    wanted: set = set(maps)
    i: int64_t
    for i in range(1, saved.image.files.count):
        row = cython.address(saved.image.files.row[i])
        if row.path in wanted and (saved.run[i].member or not row.flags & FILE_MEMBER):
            found.setdefault((row.path, saved.run[i].member), []).append(i)
    return found


def add_files(saved: Saved, maps: set):
    """Give those of the objects a FileId that have none yet: they have come since the initial link."""
    known: set = set()
    i: int64_t
    for i in range(1, saved.image.files.count):
        if saved.image.files.row[i].map in maps:
            known.add(saved.image.files.row[i].map)
    for map in sorted(maps - known):
        append_file(saved, map, 0, 0)


@cython.cfunc
@cython.exceptval(-1)
def append_file(saved: Saved, map: uint32_t, flags: uint8_t, member: uint64_t) -> int64_t:
    """An object without contents behind all other files."""
    if saved.count[SAVED_FILES] == saved.room[SAVED_FILES]:
        raise CannotUpdate("D6", "a table of the state is full")
    file: int64_t = saved.count[SAVED_FILES]
    for table in (SAVED_FILES, SAVED_LIVE, SAVED_RUNS):
        saved.count[cython.cast(cython.int, table)] += 1
    saved.image.files.count += 1
    row = cython.address(saved.image.files.row[file])
    memset(row, 0, cython.sizeof(FileRow))
    memset(saved.run + file, 0, cython.sizeof(Run))
    row.map = row.path = map
    row.kind = FILE_OBJECT
    row.flags = flags
    saved.run[file].member = member
    saved.image.files.live[file] = 1
    saved.touch(row, cython.sizeof(FileRow))
    saved.touch(saved.run + file, cython.sizeof(Run))
    saved.touch(saved.image.files.live + file, 4)
    return file


@cython.cfunc
@cython.exceptval(-1)
def add_member(graft: Graft, mini: int64_t, map: uint32_t, member: uint64_t) -> cython.int:
    """A new member of an archive, which must turn out to be needed (judge.py)."""
    row = cython.address(graft.inputs.view.row[mini])
    if row.kind != FILE_OBJECT:
        return 0
    file: int64_t = append_file(graft.saved, map, FILE_MEMBER | FILE_LAZY, member)
    return pair_file(graft, mini, file, False)


def retire_files(graft: Graft, maps: set):
    """Objects that are no input any more."""
    i: int64_t
    for i in range(1, graft.saved.image.files.count if maps else 0):
        if graft.saved.image.files.row[i].map in maps and graft.saved.image.files.row[i].shnum:
            retire_file(graft, i)


@cython.cfunc
@cython.exceptval(-1)
def retire_file(graft: Graft, file: int64_t) -> cython.int:
    """The new version of an object that is gone is the internal file of this update, which has nothing."""
    saved = graft.saved
    row = cython.address(saved.image.files.row[file])
    if row.kind == FILE_SHARED or row.map != row.path:
        raise CannotUpdate("B7", "an archive has other members")
    saved.run[file].member = 0
    saved.touch(saved.run + file, cython.sizeof(Run))
    if saved.image.files.live[file] == 0:
        row.kind = FILE_IGNORED
        saved.touch(row, cython.sizeof(FileRow))
        return 0
    changed = cython.address(graft.changed[graft.count])
    changed.file = cython.cast(uint32_t, file)
    changed.old = row[0]
    changed.run = saved.run[file]
    saved.run[file].hash = 0
    graft.count += 1
    return 0


@cython.cfunc
@cython.exceptval(-1)
def pair_file(graft: Graft, mini: int64_t, file: int64_t, joins: cython.bint) -> cython.int:
    """Compare one object with what it was."""
    files = cython.address(graft.inputs.view)
    saved = graft.saved
    image = cython.address(saved.image)
    row = cython.address(files.row[mini])
    old = cython.address(image.files.row[file])
    same: cython.bint = False
    waiting: cython.bint = is_waiting(old, image.files.live[file])
    if (row.kind == FILE_SHARED) != (old.kind == FILE_SHARED) or (row.flags ^ old.flags) & FILE_MEMBER:
        raise CannotUpdate("B7", "a file is of another kind now")
    if row.kind != FILE_SHARED and not waiting:
        same = row.size == old.size and hash_bytes(files.base[mini], row.size) == saved.run[file].hash
    if row.offset != old.offset:
        old.offset = row.offset
        saved.touch(old, cython.sizeof(FileRow))
    if same and not joins:
        row.kind = FILE_IGNORED
        return 0
    if image.files.live[file] == 0 and not waiting:
        raise CannotUpdate("C4", "an object for link-time optimization changed")
    changed = cython.address(graft.changed[graft.count])
    changed.file = cython.cast(uint32_t, file)
    changed.mini = cython.cast(uint32_t, mini)
    changed.joins = joins
    changed.old = old[0]
    changed.run = saved.run[file]
    changed.loaded = old.shnum == 0
    changed.added = old.shnum == 0 and old.flags & FILE_MEMBER != 0
    graft.count += 1
    if waiting and joins:
        changed.loaded = 1
        changed.old.shnum = changed.old.nsyms = changed.old.first_global = 0
        image.files.live[file] = 1
        saved.touch(image.files.live + file, 4)
    if not waiting or joins:
        row.flags &= ~FILE_LAZY
        saved.run[file].hash = hash_bytes(files.base[mini], row.size)
        saved.touch(saved.run + file, cython.sizeof(Run))
    return 0


def check_offers(graft: Graft) -> int:
    """After headers were read: shared objects and members that are not linked must look the same to the link.

    Returns how many objects take part in the update.
    """
    files = cython.address(graft.inputs.view)
    i: int64_t
    kept: int64_t = 0
    for i in range(graft.count):
        changed = cython.address(graft.changed[i])
        row = cython.address(files.row[changed.mini])
        if row.flags & FILE_LTO:
            raise CannotUpdate("C4", "an object for link-time optimization changed")
        old = cython.address(graft.saved.image.files.row[changed.file])
        waiting: cython.bint = is_waiting(old, graft.saved.image.files.live[changed.file])
        if waiting or (changed.loaded and changed.joins):
            if changed.run.hash != hash_offers(files.base[changed.mini], row):
                raise CannotUpdate("E15", "an archive member that is not linked offers or needs other names")
        if waiting:
            row.kind = FILE_IGNORED
        elif row.kind == FILE_SHARED:
            now: uint64_t = hash_exports(
                files.base[changed.mini], row, cython.address(files.shared[row.shared])
            )
            if changed.run.hash != now or has_copies(graft.saved, changed.file):
                raise CannotUpdate("B5", "a shared library offers other symbols")
        else:
            graft.changed[kept] = changed[0]
            kept += 1
    graft.count = kept
    # From here on files that are no changed objects do not exist.
    for i in range(1, files.count):
        if files.row[i].kind == FILE_SHARED:
            files.row[i].kind = FILE_IGNORED
    return kept


@cython.cfunc
@cython.exceptval(check=False)
def has_copies(saved: Saved, file: uint32_t) -> cython.bint:
    """Was a variable of this shared object copied into the program?"""
    i: int64_t
    for i in range(1, saved.image.slots.count):
        aux = cython.address(saved.image.slots.row[i])
        if aux.copy != NONE and not aux.local and saved.image.symbols[aux.target].file == file:
            return True
    return False
