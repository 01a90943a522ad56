"""Finding out which files have changed since the last link: one loop of stat over all of them.

A row is what stat said about a file when it was linked: device, inode, size, and the times of the last change of
contents and of the last change of anything, in nanoseconds.  Whatever is different, and not only what is newer, makes
a file a candidate; whether its contents differ is for others to find out.
"""

import cython
from cython.cimports.cpython.bytes import PyBytes_AsString, PyBytes_FromStringAndSize
from cython.cimports.libc.stdint import int64_t, uint64_t
from cython.cimports.libc.string import memcmp, memset, strlen
from cython.cimports.posix.stat import S_ISREG, stat, struct_stat

ROW = 40  # bytes

Identity = cython.struct(device=uint64_t, inode=uint64_t, size=uint64_t, modified=int64_t, changed=int64_t)


def identities(paths: bytes, count: int) -> bytes:
    """The rows of `count` paths, each ended by NUL; a file that is not there or no regular file has zeros."""
    found: bytes = PyBytes_FromStringAndSize(cython.NULL, count * cython.sizeof(Identity))
    row = cython.cast(cython.pointer[Identity], PyBytes_AsString(found))
    at: cython.p_const_char = paths
    i: int64_t
    n: int64_t = count
    with cython.nogil:
        for i in range(n):
            look(at, row + i)
            at += strlen(at) + 1
    return found


def differing(paths: bytes, rows: bytes) -> list:
    """The numbers of the paths that are not what `rows` say."""
    found: list = []
    old = cython.cast(cython.pointer[Identity], PyBytes_AsString(rows))
    now = cython.declare(Identity)
    at: cython.p_const_char = paths
    n: int64_t = len(rows) // cython.sizeof(Identity)
    i: int64_t = 0
    while i < n:
        with cython.nogil:
            while i < n:
                look(at, cython.address(now))
                at += strlen(at) + 1
                if memcmp(cython.address(now), old + i, cython.sizeof(Identity)) != 0:
                    break
                i += 1
        if i < n:
            found.append(i)
            i += 1
    return found


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def look(path: cython.p_const_char, row: cython.pointer[Identity]) -> cython.void:
    status = cython.declare(struct_stat)
    memset(row, 0, cython.sizeof(Identity))
    if stat(path, cython.address(status)) != 0 or not S_ISREG(status.st_mode):
        return
    row.device = status.st_dev
    row.inode = status.st_ino
    row.size = status.st_size
    row.modified = status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec
    row.changed = status.st_ctim.tv_sec * 1000000000 + status.st_ctim.tv_nsec
