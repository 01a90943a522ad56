"""Which objects of an update stand for which objects of the link.

An object takes part in an update for one of three reasons.  Its contents are not what they were.  Or it is needed
now, though nothing about it has changed: --gc-sections dropped a section of it that an edit refers to, or it is an
archive member that waited until an edit referred to a name that it defines.  Those *join* the changed objects, and
are treated like them from here on: their rows are made anew, what they had in the output keeps its place, and the rest
gets room.  That is as good as the update itself, and needs no rules of its own: names are judged, groups settled and
slots counted as for any object whose new version says a little more.

A member that joins has no old version.  Its names are known to the tables, because the names of waiting members are
read by every link; its sections, records and symbols are all new.

What joins is found out while an update is tried (judge.py, rescan.py), which is then begun again with more objects.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import calloc
from cython.cimports.wild.kernels.cc import hash_bytes
from cython.cimports.wild.kernels.graft import *
from cython.cimports.wild.kernels.saved import *
from cython.cimports.wild.kernels.shapes import (
    hash_exports,
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
    graft.changed = cython.cast(cython.pointer[Changed], calloc(files.count, cython.sizeof(Changed)))
    if graft.changed is cython.NULL:
        raise MemoryError
    by_map: dict = {map: [] for map in maps}
    i: int64_t
    for i in range(1, graft.saved.image.files.count):
        if graft.saved.image.files.row[i].path in by_map:
            by_map[graft.saved.image.files.row[i].path].append(i)
    taken: dict = dict.fromkeys(maps, 0)
    for i in range(1, files.count):
        row = cython.address(files.row[i])
        map = maps[row.path]
        position = taken[map]
        taken[map] = position + 1
        if position >= len(by_map[map]):
            raise CannotUpdate("B7", "an archive has other members")
        file = by_map[map][position]
        old = cython.address(graft.saved.image.files.row[cython.cast(int64_t, file)])
        if (
            row.map != row.path
            and graft.inputs.paths[row.map].encode("utf-8", "surrogateescape") != paths[old.map]
        ):
            raise CannotUpdate("B7", "an archive has other members")
        joins = file in joining
        if joins or old.map in suspects or (old.map == old.path and map in suspects):
            pair_file(graft, i, file, joins)
        else:
            row.kind = FILE_IGNORED
    for map in maps:
        if taken[map] != len(by_map[map]):
            raise CannotUpdate("B7", "an archive has other members")


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
        if waiting or changed.loaded:
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
