"""The output file: mapped, filled by all workers, given its name when it is complete.

A new file is made beside the older output, which stands untouched under its name until `commit`: only then is it
known that nothing was wrong.  The room is not asked for in advance (fallocate), which would be work for one thread; a
full disk ends the link while it writes.  In a map every page costs a page fault besides, so large runs of bytes are
not put together there but written by a system call (drafts.pxd).

Filling a new file costs more than rewriting an old one, whose pages exist: the system has to find and clear each page.
So with --update-in-place an older output is rewritten, if nobody can notice: it is a regular file of ours with room for
the new one, has this one name, and nobody has it open, maps it or executes it (takeover.pxd).  While it is rewritten
it stands under another name beside the output's, so an interrupted link is never taken for a good one; but it is lost
then, and after an error that is found while writing.  `reused` says that its old bytes shine through wherever nothing
is written; a new file reads as zeros.

In both cases the complete file is renamed into place; a symbolic link is replaced, as GNU ld does, and a
program that runs or a file with a second name keeps its contents.  Devices, pipes and sockets are not replaced, nor
is what stands for an open file, as /dev/stdout does; the image is built in memory and written to them.
"""

import posix

import cython
from cython.cimports.cpython.buffer import PyBUF_WRITE
from cython.cimports.cpython.memoryview import PyMemoryView_FromMemory
from cython.cimports.libc.stdint import uint8_t, uint64_t
from cython.cimports.libc.string import memset
from cython.cimports.posix.mman import (
    MAP_ANONYMOUS,
    MAP_FAILED,
    MAP_PRIVATE,
    MAP_SHARED,
    PROT_READ,
    PROT_WRITE,
    mmap,
    munmap,
)
from cython.cimports.wild.kernels.pool import Arena
from cython.cimports.wild.kernels.takeover import end_lease, lease

from wild.errors import LinkError

ROOM = cython.declare(cython.const[uint64_t], 512 << 10)  # bytes of a worker's drafts
SMALL = cython.declare(cython.const[uint64_t], 2 << 20)  # bytes of an output that needs none
BLOCK = 512  # of st_blocks (POSIX, <sys/stat.h>)
TRIES = 100
LINKS_FOLLOWED = 40  # as many as Linux follows
S_IFMT, S_IFREG, S_IFDIR, S_IFLNK = 0o170000, 0o100000, 0o040000, 0o120000


@cython.final
@cython.cclass
class Output:
    """`size` writable bytes that become the file `path`; a `draft` stays in memory.

    `guard` is told the name of the unfinished file as soon as it exists, so that a signal can remove it.
    With `reuse` an older file may be taken over; then whoever fills it has to write or `clear` every byte.
    """

    def __cinit__(self, path: str, size: int, draft: bool = False, reuse: bool = False, guard=None):
        self.path = path
        self.size = size
        self.descriptor = -1
        self.special = draft or is_special(path)
        flags: cython.int = MAP_PRIVATE | MAP_ANONYMOUS
        if not self.special:
            flags = MAP_SHARED
            self.temporary, self.descriptor, self.reused = open_output(path, size if reuse else 0)
            if guard is not None:
                guard(self.temporary)
            set_size(self)
        start = mmap(cython.NULL, max(1, self.size), PROT_READ | PROT_WRITE, flags, self.descriptor, 0)
        if start == MAP_FAILED:
            self.abandon()
            raise LinkError(f"{path}: cannot map {size} bytes for the output: no memory or address space")
        self.base = cython.cast(cython.pointer[uint8_t], start)
        self.drafts.base = self.base
        self.drafts.descriptor = self.descriptor

    @property
    def address(self):
        """Where the first byte is in memory."""
        return cython.cast(uint64_t, self.base)

    @property
    def mapped(self):
        """Is that memory a map of the file?"""
        return self.descriptor >= 0

    def clear(self, begin: int, end: int):
        """Zero the bytes from one file offset to another; raises ValueError outside the file."""
        first: uint64_t = begin
        last: uint64_t = end
        if first > last or last > self.size:
            raise ValueError(f"{begin:#x} to {end:#x} is not inside the output of {self.size:#x} bytes")
        memset(self.base + first, 0, last - first)

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def make_room(self, workers: cython.int, size: uint64_t) -> cython.int:
        """Give each of some workers memory for drafts of `size` bytes, or of ROOM if that is more.

        What they had is freed.  For a small output it would cost more than it saves.
        """
        if self.descriptor < 0 or self.size < SMALL:
            return 0
        self.arena = Arena()
        self.drafts.room = max(size, ROOM)
        self.drafts.memory = cython.cast(cython.pointer[uint8_t], self.arena.array(workers, self.drafts.room))
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def check(self) -> cython.int:
        """Raise LinkError if a draft could not be written."""
        if self.drafts.error:
            raise LinkError(f"{self.path}: cannot write the output: {posix.strerror(self.drafts.error)}")
        return 0

    def write(self, offset: int, data: bytes):
        """Put some bytes at a file offset; raises ValueError outside the file."""
        start: uint64_t = offset
        if start > self.size or len(data) > self.size - start:
            raise ValueError(
                f"{len(data)} bytes at {offset:#x} do not fit the output of {self.size:#x} bytes"
            )
        text: cython.p_char = data
        i: uint64_t
        for i in range(cython.cast(uint64_t, len(data))):
            self.base[start + i] = text[i]

    def view(self, offset: int, size: int):
        """Some of the bytes, borrowed; raises ValueError outside the file."""
        start: uint64_t = offset
        if start > self.size or cython.cast(uint64_t, size) > self.size - start:
            raise ValueError(f"{size} bytes at {offset:#x} are not in the output of {self.size:#x} bytes")
        return PyMemoryView_FromMemory(cython.cast(cython.p_char, self.base) + start, size, PyBUF_WRITE)

    def copy(self, draft: Output, start: int, to: int, size: int):
        """Copy bytes at `start` in a draft; raises ValueError outside either."""
        self.view(to, size)[:] = draft.view(start, size)

    def commit(self, executable: bool):
        """Give the file its name and mode (by the umask)."""
        if self.special:
            write_special(self)
            return
        munmap(self.base, max(1, self.size))
        self.base = cython.NULL
        mask = posix.umask(0)
        posix.umask(mask)
        posix.fchmod(self.descriptor, (0o777 if executable else 0o666) & ~mask)
        posix.close(self.descriptor)
        self.descriptor = -1
        try:
            posix.rename(self.temporary, self.path)
        except OSError as error:
            self.abandon()
            raise LinkError(f"{self.path}: cannot replace the output: {error.strerror}") from None
        self.temporary = None

    def abandon(self):
        """Remove what was written; an old output that was not taken over stays."""
        if self.base is not cython.NULL:
            munmap(self.base, max(1, self.size))
            self.base = cython.NULL
        if self.descriptor >= 0:
            posix.close(self.descriptor)
            self.descriptor = -1
        if self.temporary is not None:
            posix.unlink(self.temporary)
            self.temporary = None

    def __dealloc__(self):
        if self.base is not cython.NULL:
            munmap(self.base, max(1, self.size))


def is_special(path: str) -> bool:
    """Is there something under this name that is no regular file, or that stands for an open one?"""
    try:
        mode = posix.stat(path).st_mode
        if posix.lstat(path).st_mode & S_IFMT == S_IFLNK and is_descriptor(path):
            return True
    except OSError:
        return False
    if mode & S_IFMT == S_IFDIR:
        raise LinkError(f"{path}: cannot write the output: it is a directory; name a file with -o")
    return mode & S_IFMT != S_IFREG


def is_descriptor(path: str) -> bool:
    """Does a symbolic link lead through /proc, as /dev/stdout and /dev/fd/1 do, which must not be replaced?

    Raises OSError for a loop, and where something is missing.
    """
    from posixpath import dirname, join, realpath

    for _ in range(LINKS_FOLLOWED):
        directory = dirname(path)
        if realpath(directory or ".").startswith("/proc/"):
            return True
        if posix.lstat(path).st_mode & S_IFMT != S_IFLNK:
            return False
        path = join(directory, posix.readlink(path))
    return False


def create_beside(path: str):
    """(name, descriptor) of a new file in the directory of the output."""
    reason = "too many files of this name"
    for attempt in range(TRIES):
        name = f"{path}.wild-{posix.getpid()}-{attempt}".encode("utf-8", "surrogateescape")
        try:
            flags = posix.O_RDWR | posix.O_CREAT | posix.O_EXCL | posix.O_CLOEXEC
            return name, posix.open(name, flags, 0o600)
        except FileExistsError:
            continue
        except OSError as error:
            reason = error.strerror
            break
    raise LinkError(f"{path}: cannot write the output: {reason}")


def open_output(path: str, reuse: int):
    """(name, descriptor, is it an older file?) of the file to write: it is to be renamed to `path`.

    `reuse`: the size of the output, if an older one may be taken over; else 0.
    """
    name, descriptor = create_beside(path)
    older = hold(path, reuse) if reuse else -1
    if older < 0:
        return name, descriptor, False
    posix.close(descriptor)
    posix.rename(path, name)
    if end_lease(older):
        return name, older, True
    # Somebody opened it in the last moment.
    posix.close(older)
    posix.rename(name, path)
    return *create_beside(path), False


def hold(path: str, size: int) -> int:
    """A descriptor of an older output that may be rewritten, with a lease; -1 if it is to be left alone.

    One that has not all the blocks that the new one needs is: where the disk is full, it would be lost.
    """
    descriptor = -1
    try:
        before = posix.lstat(path)
        if before.st_mode & S_IFMT != S_IFREG or before.st_uid != posix.geteuid():
            return -1
        if before.st_blocks * BLOCK < size:
            return -1
        flags = posix.O_RDWR | posix.O_CLOEXEC | posix.O_NOFOLLOW | posix.O_NONBLOCK
        descriptor = posix.open(path, flags)
        if is_same(posix.fstat(descriptor), before) and lease(descriptor):
            return descriptor
    except OSError:
        pass  # there is none, or it is being executed
    if descriptor >= 0:
        posix.close(descriptor)
    return -1


def is_same(file, other) -> bool:
    """Is it the same file still, and has it no second name?"""
    return (file.st_ino, file.st_dev, file.st_nlink) == (other.st_ino, other.st_dev, 1)


@cython.cfunc
def set_size(output: Output):
    """Set the size; an older file loses its capabilities by it."""
    try:
        posix.ftruncate(output.descriptor, max(1, output.size))
    except OSError as error:
        output.abandon()
        raise LinkError(
            f"{output.path}: cannot write {output.size} bytes of output: {error.strerror}"
        ) from None


@cython.cfunc
def write_special(output: Output):
    """Write the image to a device or pipe."""
    try:
        descriptor = posix.open(output.path, posix.O_WRONLY | posix.O_CLOEXEC)
    except OSError as error:
        raise LinkError(f"{output.path}: cannot write the output: {error.strerror}") from None
    done: uint64_t = 0
    step: uint64_t
    try:
        while done < output.size:
            step = min(output.size - done, 1 << 20)
            done += posix.write(descriptor, output.base[done : done + step])
    finally:
        posix.close(descriptor)
