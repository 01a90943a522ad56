"""The files of a link that are open, numbered in the order in which they were opened.

The numbers are MapIds and also index `paths`, the names as the user wrote them.  Which of the files are
inputs of the link, and in which order, is said by files.py.  All errors of opening are reported at once.
"""

import posix

import cython
from cython.cimports.cpython.bytes import PyBytes_AsString, PyBytes_FromStringAndSize
from cython.cimports.libc.stdint import int64_t, uint8_t, uint64_t
from cython.cimports.libc.stdlib import calloc, free, malloc, realloc
from cython.cimports.libc.string import memcpy, memset, strlen
from cython.cimports.wild.kernels.mapping import (
    HELD_ALLOCATED,
    HELD_MAPPED,
    KIND_TEXT,
    REASON_EMPTY,
    MapRow,
    Reader,
    close_map,
    close_reader,
    find_changes,
    identify,
    is_library,
    open_maps,
)
from cython.cimports.wild.kernels.maps import PyUnicode_EncodeFSDefault
from cython.cimports.wild.kernels.pool import Arena, Pool
from cython.cimports.wild.kernels.truncation import Mapped, guard_end, guard_start

from wild.errors import LinkError

NO_BYTES = cython.declare(cython.p_const_char, b"")
MAX_THREADS = cython.declare(cython.const[uint64_t], 256)


@cython.no_gc_clear  # __dealloc__ needs the arena
@cython.cclass
class Maps:
    """Open files; everything is closed when the object is."""

    def __cinit__(self, arena: Arena):
        self.arena = arena
        self.paths = []
        self.blobs = []
        self.readers = cython.cast(cython.pointer[Reader], calloc(MAX_THREADS, cython.sizeof(Reader)))
        if self.readers is cython.NULL:
            raise MemoryError

    def __dealloc__(self):
        guard_end(cython.cast(cython.pointer[Mapped], self.guard))
        i: uint64_t
        for i in range(cython.cast(uint64_t, self.map_count)):
            close_map(cython.address(self.maps[i]))
        free(self.maps)
        if self.readers is not cython.NULL:
            for i in range(MAX_THREADS):
                close_reader(cython.address(self.readers[i]))
        free(self.readers)

    def open(self, pool: Pool, paths: list) -> int:
        """Open and load all `paths` and return the MapId of the first; the others follow.

        An empty file is a script without commands, as it is to GNU ld and lld; so is /dev/null. Raises LinkError with
        one message for each file that cannot be read.
        """
        first: int64_t = self.new_maps(paths)
        failed: list = []
        for map, reason in self.load(pool, first):
            if reason == REASON_EMPTY or self.paths[map] == "/dev/null":
                row = cython.address(self.maps[cython.cast(int64_t, map)])
                row.base = cython.cast(cython.pointer[uint8_t], NO_BYTES)
                row.kind = KIND_TEXT
                row.error = 0
            else:
                failed.append((map, reason))
        if failed:
            from wild.faults import why_not_open

            raise LinkError(*[why_not_open(self.paths[map], reason) for map, reason in failed])
        return first

    def add_bytes(self, path: str, content: bytes) -> int:
        """A map whose bytes are a copy of `content`, as if read from `path`."""
        first: int64_t = self.new_maps([path])
        row = cython.address(self.maps[first])
        size: uint64_t = len(content)
        place = cython.cast(cython.pointer[uint8_t], malloc(size if size else 1))
        if place is cython.NULL:
            raise MemoryError
        memcpy(place, PyBytes_AsString(content), size)
        row.base = place
        row.size = size
        row.held = HELD_ALLOCATED
        row.kind = cython.cast(uint8_t, identify(place, size))
        return first

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def new_maps(self, paths: list) -> int64_t:
        """Append empty rows that know their paths."""
        first: int64_t = self.map_count
        count: int64_t = len(paths)
        if count == 0:
            return first
        if first + count > self.map_capacity:
            room: uint64_t = max(64, 2 * (first + count))
            maps = realloc(self.maps, room * cython.sizeof(MapRow))
            if maps is cython.NULL:
                raise MemoryError
            self.maps = cython.cast(cython.pointer[MapRow], maps)
            self.map_capacity = room
        blob: bytes = PyUnicode_EncodeFSDefault("\0".join(paths))
        at: cython.p_char = PyBytes_AsString(blob)
        if blob.count(0) != count - 1:
            raise LinkError(*[f"{path!r}: no file name can hold a NUL" for path in paths if "\0" in path])
        memset(self.maps + first, 0, count * cython.sizeof(MapRow))
        i: int64_t
        for i in range(first, first + count):
            self.maps[i].path = at
            at += strlen(at) + 1
        self.blobs.append(blob)
        self.paths += paths
        self.map_count = first + count
        return first

    @cython.cfunc
    def load(self, pool: Pool, first: int64_t) -> list:
        """Open the maps from `first` on; returns (MapId, reason) of each that cannot be read."""
        open_maps(pool, self.maps + first, self.map_count - first, self.readers)
        failed: list = []
        i: int64_t
        for i in range(first, self.map_count):
            if self.maps[i].error:
                failed.append((i, self.maps[i].error))
        return failed

    def map_kind(self, map: int64_t) -> int:
        """MAP_* of an open file."""
        self.check_map(map)
        return self.maps[map].kind

    def maps_of_kind(self, kind: cython.int, first: int64_t) -> list:
        """The MapIds from `first` on that are of `kind`."""
        found: list = []
        i: int64_t
        for i in range(first, self.map_count):
            if self.maps[i].kind == kind:
                found.append(i)
        return found

    def map_bytes(self, map: int64_t) -> bytes:
        """The contents of an open file."""
        self.check_map(map)
        row = cython.address(self.maps[map])
        return PyBytes_FromStringAndSize(cython.cast(cython.p_char, row.base), row.size)

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def check_map(self, map: int64_t) -> cython.int:
        if not 0 <= map < self.map_count:
            raise IndexError(f"no map {map}")
        return 0

    def lasting_paths(self) -> list:
        """The paths of the files that will still be there after the link, unlike what a plugin has made."""
        found: list = []
        i: int64_t
        for i in range(self.map_count):
            if self.maps[i].inode:
                found.append(self.paths[i])
        return found

    def changed(self, pool: Pool) -> list:
        """Paths of the inputs whose size or time of modification is not as it was when they were opened."""
        changed = cython.cast(cython.pointer[uint8_t], self.arena.array(self.map_count, 1))
        find_changes(pool, self.maps, self.map_count, changed)
        return [path for i, path in enumerate(self.paths) if changed[cython.cast(int64_t, i)]]

    def has_file(self, path: str) -> bool:
        """Is the file under this name one of the inputs, whatever they call it?"""
        try:
            file = posix.stat(path)
        except OSError:
            return False
        device: uint64_t = file.st_dev
        inode: uint64_t = file.st_ino
        i: int64_t
        for i in range(self.map_count):
            if self.maps[i].inode == inode and self.maps[i].device == device:
                return True
        return False

    def guard_truncation(self, output) -> None:
        """Until `end_guard`: when an input is truncated, say so, unlink `output` (bytes or None) and exit.

        Calling it again replaces `output` and takes in inputs that were opened in between.
        """
        rows = cython.cast(cython.pointer[Mapped], self.arena.array(self.map_count, cython.sizeof(Mapped)))
        count: uint64_t = 0
        i: int64_t
        for i in range(self.map_count):
            if self.maps[i].held == HELD_MAPPED:
                rows[count].base = self.maps[i].base
                rows[count].size = self.maps[i].size
                rows[count].path = self.maps[i].path
                count += 1
        self.blobs.append(output)
        path: cython.p_const_char = cython.NULL
        if output is not None:
            path = PyBytes_AsString(output)
        if guard_start(rows, count, path) != 0:
            raise OSError("sigaction failed")
        self.guard = rows

    def end_guard(self) -> None:
        """Give SIGBUS back to whoever handled it before."""
        guard_end(cython.cast(cython.pointer[Mapped], self.guard))


def can_be_library(path: str) -> bool:
    """Is there a file that a search for a library may end at?  See `is_library` of mapping.py."""
    encoded: bytes = PyUnicode_EncodeFSDefault(path)
    return "\0" not in path and is_library(encoded)
