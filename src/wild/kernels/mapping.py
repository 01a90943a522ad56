"""Opens the files of a link and brings their bytes into memory, all files in parallel.

A large file is mapped: its pages are shared with the page cache and only those that are looked at cost
anything.  For a small file the map itself is what costs: setting up and tearing down a region of the
address space and at least one page fault.  So files up to SMALL bytes are read into memory that each worker
takes from the system in large pieces; with huge pages (a page fault for each 4 KiB would cost more than the
reading).  On 16,000 objects of 6 KB in the page cache, one thread: open, fstat and close take 47 ms; reading
adds 23 ms, mapping 37 ms to set up, 33 ms to touch and 67 ms to tear down.  For 64 KiB reading still takes
half of mapping, but more memory; populating maps beforehand was never better than touching them.  Read files
have a second advantage: nobody can shrink them while we look at them.  So only maps have to be compared with their
files at the end, and those read files that were written moments before: their writer may have been at it still.

Nothing here may block: an input can be a FIFO by mistake, and opening one waits for a writer unless
O_NONBLOCK is given.  Nothing raises either: the reason for which a file cannot be used is left in its row,
so that the caller can report all of them at once.
"""

import cython
from cython.cimports.libc.errno import EISDIR, ENOMEM, errno
from cython.cimports.libc.stdint import int64_t, uint8_t, uint64_t
from cython.cimports.libc.stdlib import free, malloc
from cython.cimports.libc.string import memcmp
from cython.cimports.posix.fcntl import O_CLOEXEC, O_NOCTTY, O_NONBLOCK, O_RDONLY, open
from cython.cimports.posix.mman import (
    MADV_HUGEPAGE,
    MAP_ANONYMOUS,
    MAP_FAILED,
    MAP_NORESERVE,
    MAP_PRIVATE,
    PROT_READ,
    PROT_WRITE,
    madvise,
    mmap,
    munmap,
)
from cython.cimports.posix.stat import S_ISDIR, S_ISREG, fstat, stat, struct_stat
from cython.cimports.posix.time import CLOCK_REALTIME, clock_gettime, timespec
from cython.cimports.posix.unistd import close, pread, read
from cython.cimports.wild.kernels.elf import (
    ELFCLASS64,
    ELFDATA2LSB,
    EM_X86_64,
    ET_DYN,
    ET_REL,
    Ehdr,
    Elf64_Ehdr,
)
from cython.cimports.wild.kernels.mapping import (
    HELD_ALLOCATED,
    HELD_MAPPED,
    HELD_NOT,
    KIND_ARCHIVE,
    KIND_BITCODE,
    KIND_OBJECT,
    KIND_OTHER,
    KIND_SHARED,
    KIND_TEXT,
    KIND_THIN,
    REASON_CHANGED,
    REASON_EMPTY,
    REASON_NOT_REGULAR,
    MapRow,
    Reader,
)
from cython.cimports.wild.kernels.pool import Pool

SMALL = cython.declare(cython.const[uint64_t], 64 << 10)
FIRST_CHUNK = cython.declare(cython.const[uint64_t], 256 << 10)  # must hold a small file
CHUNK = cython.declare(cython.const[uint64_t], 8 << 20)
HEAD = cython.declare(cython.const[cython.int], 80)  # bytes of a file that tell whether it is for us
MEMBER_HEADER = cython.declare(cython.const[cython.int], 60)
MEMBERS_TRIED = cython.declare(
    cython.const[cython.int], 4
)  # an index or two, a table of long names, an object
SLASH = cython.declare(cython.const[uint8_t], 0x2F)
ZERO = cython.declare(cython.const[uint8_t], 0x30)
RECENT = cython.declare(
    cython.const[int64_t], 3
)  # seconds; there are clocks of file systems that step by two
TEXT_SAMPLE = cython.declare(cython.const[uint64_t], 512)

Chunk = cython.struct(before=cython.p_void, size=uint64_t)
Opening = cython.struct(
    rows=cython.pointer[MapRow],
    readers=cython.pointer[Reader],
    recent=int64_t,  # the files of this second may still be written
    changed=cython.pointer[uint8_t],
)


@cython.cfunc
@cython.exceptval(-1, check=False)
def open_maps(
    pool: Pool, rows: cython.pointer[MapRow], count: int64_t, readers: cython.pointer[Reader]
) -> cython.int:
    """Fill in rows whose `path` is set; `readers` has one item for each thread of the pool."""
    context = cython.declare(Opening)
    now = cython.declare(timespec)
    clock_gettime(CLOCK_REALTIME, cython.address(now))
    context.rows = rows
    context.readers = readers
    context.recent = now.tv_sec - RECENT
    return pool.run_evenly(open_block, cython.address(context), count, 16)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def open_block(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    opening = cython.cast(cython.pointer[Opening], context)
    i: int64_t
    for i in range(begin, end):
        row = cython.address(opening.rows[i])
        row.error = open_row(row, cython.address(opening.readers[worker]))
        if row.error == 0:
            row.kind = identify(row.base, row.size)
            row.settled = row.held != HELD_MAPPED and row.seconds < opening.recent
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def open_row(row: cython.pointer[MapRow], reader: cython.pointer[Reader]) -> cython.int:
    """Open, check and load one file; returns 0 or the reason why not."""
    status = cython.declare(struct_stat)
    file: cython.int = open(row.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    if file < 0:
        return errno
    reason: cython.int = 0
    if fstat(file, cython.address(status)) != 0:
        reason = errno
    elif S_ISDIR(status.st_mode):
        reason = EISDIR
    elif not S_ISREG(status.st_mode):
        reason = REASON_NOT_REGULAR
    elif status.st_size == 0:
        reason = REASON_EMPTY
    else:
        row.size = status.st_size
        row.device = status.st_dev
        row.inode = status.st_ino
        row.seconds = status.st_mtim.tv_sec
        row.nanoseconds = status.st_mtim.tv_nsec
        reason = load(file, row, reader)
    close(file)
    return reason


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def load(file: cython.int, row: cython.pointer[MapRow], reader: cython.pointer[Reader]) -> cython.int:
    """Map the file, or read it if it is small or the system has no more maps (vm.max_map_count)."""
    if row.size > SMALL:
        start: cython.p_void = mmap(cython.NULL, row.size, PROT_READ, MAP_PRIVATE, file, 0)
        if start != MAP_FAILED:
            row.base = cython.cast(cython.pointer[uint8_t], start)
            row.held = HELD_MAPPED
            return 0
        place = cython.cast(cython.pointer[uint8_t], malloc(row.size))
        row.held = HELD_ALLOCATED
    else:
        place = take(reader, row.size)
    if place is cython.NULL:
        row.held = HELD_NOT
        return ENOMEM
    row.base = place
    return read_all(file, place, row.size)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def read_all(file: cython.int, place: cython.pointer[uint8_t], size: uint64_t) -> cython.int:
    while size:
        got: cython.Py_ssize_t = read(file, place, size)
        if got < 0:
            return errno
        if got == 0:
            return REASON_CHANGED
        place += got
        size -= got
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def take(reader: cython.pointer[Reader], size: uint64_t) -> cython.pointer[uint8_t]:
    """Room for a small file, aligned for ELF tables; NULL when memory is exhausted."""
    size = (size + 63) & ~cython.cast(uint64_t, 63)
    if size > reader.left and new_chunk(reader) != 0:
        return cython.NULL
    found = reader.at
    reader.at += size
    reader.left -= size
    return found


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def new_chunk(reader: cython.pointer[Reader]) -> cython.int:
    """More memory from the system: first a little, for the links of a few files, then huge pages."""
    later: cython.bint = reader.chunks is not cython.NULL
    size: uint64_t = CHUNK if later else FIRST_CHUNK
    flags: cython.int = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
    start: cython.p_void = mmap(cython.NULL, size, PROT_READ | PROT_WRITE, flags, -1, 0)
    if start == MAP_FAILED:
        return -1
    chunk = cython.cast(cython.pointer[Chunk], start)
    chunk.before = reader.chunks
    chunk.size = size
    reader.chunks = chunk
    reader.at = cython.cast(cython.pointer[uint8_t], start) + 64
    reader.left = size - 64
    if later:
        madvise(start, size, MADV_HUGEPAGE)  # the pages at the ends that are not huge do no harm
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def identify(base: cython.pointer[cython.const[uint8_t]], size: uint64_t) -> cython.int:
    """What a file is, by its first bytes: KIND_*."""
    if size >= 8 and memcmp(base, b"!<arch>\n", 8) == 0:
        return KIND_ARCHIVE
    if size >= 8 and memcmp(base, b"!<thin>\n", 8) == 0:
        return KIND_THIN
    if size >= 4 and memcmp(base, b"\x7fELF", 4) == 0:
        return identify_elf(base, size)
    if size >= 4 and (memcmp(base, b"BC\xc0\xde", 4) == 0 or memcmp(base, b"\xde\xc0\x17\x0b", 4) == 0):
        return KIND_BITCODE
    i: uint64_t
    for i in range(min(size, TEXT_SAMPLE)):
        if base[i] < 32 and not 9 <= base[i] <= 13:
            return KIND_OTHER
    return KIND_TEXT


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def identify_elf(base: cython.pointer[cython.const[uint8_t]], size: uint64_t) -> cython.int:
    if size < cython.sizeof(Elf64_Ehdr) or not is_for_us(base):
        return KIND_OTHER
    header = cython.cast(Ehdr, base)
    if header.e_type == ET_REL:
        return KIND_OBJECT
    return KIND_SHARED if header.e_type == ET_DYN else KIND_OTHER


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def is_library(path: cython.p_const_char) -> cython.bint:
    """May a search for a library end here: at anything but a directory, or an ELF file of another class or machine,
    or an archive whose first member is one?  What cannot be read is not judged; who opens it in earnest says why.
    """
    status = cython.declare(struct_stat)
    head = cython.declare(uint8_t[80])
    file: cython.int = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    if file < 0:
        return stat(path, cython.address(status)) == 0 and not S_ISDIR(status.st_mode)
    fits: cython.bint = fstat(file, cython.address(status)) != 0 or not S_ISDIR(status.st_mode)
    if fits and S_ISREG(status.st_mode):
        got: cython.Py_ssize_t = pread(file, head, HEAD, 0)
        start: cython.Py_ssize_t = 0
        if got > 8 and memcmp(head, b"!<arch>\n", 8) == 0:
            start = MEMBER_HEADER
            got = first_member(file, head)
        if got - start >= 4 and memcmp(head + start, b"\x7fELF", 4) == 0:
            fits = got - start >= 20 and is_for_us(head + start)
    close(file)
    return fits


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def first_member(file: cython.int, head: cython.pointer[uint8_t]) -> cython.Py_ssize_t:
    """Read the header (ar(5)) and the beginning of an archive's first member that is no index or table of names;
    returns the number of bytes.
    """
    at: int64_t = 8
    tried: cython.int
    for tried in range(MEMBERS_TRIED):
        got: cython.Py_ssize_t = pread(file, head, HEAD, at)
        if got < MEMBER_HEADER:
            break
        if head[0] != SLASH or is_digit(head[1]):
            return got
        size: int64_t = 0
        i: cython.int = 48
        while i < 58 and is_digit(head[i]):
            size = 10 * size + (head[i] - ZERO)
            i += 1
        at += MEMBER_HEADER + size + (size & 1)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
@cython.inline
def is_digit(byte: uint8_t) -> cython.bint:
    return ZERO <= byte <= ZERO + 9


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
@cython.inline
def is_for_us(base: cython.pointer[cython.const[uint8_t]]) -> cython.bint:
    """Is an ELF file one of this class and machine?  Its first 20 bytes are there."""
    return base[4] == ELFCLASS64 and base[5] == ELFDATA2LSB and base[18] | base[19] << 8 == EM_X86_64


@cython.cfunc
@cython.exceptval(-1, check=False)
def find_changes(
    pool: Pool, rows: cython.pointer[MapRow], count: int64_t, changed: cython.pointer[uint8_t]
) -> cython.int:
    """Set changed[i] for each file that is no longer as it was when it was opened, unless we hold a copy of it."""
    context = cython.declare(Opening)
    context.rows = rows
    context.changed = changed
    return pool.run(compare_block, cython.address(context), count, 64)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def compare_block(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    opening = cython.cast(cython.pointer[Opening], context)
    status = cython.declare(struct_stat)
    i: int64_t
    for i in range(begin, end):
        row = cython.address(opening.rows[i])
        if row.error or row.inode == 0 or row.settled:
            continue
        if (
            stat(row.path, cython.address(status)) != 0
            or cython.cast(uint64_t, status.st_size) != row.size
            or status.st_mtim.tv_sec != row.seconds
            or status.st_mtim.tv_nsec != row.nanoseconds
        ):
            opening.changed[i] = 1
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def close_map(row: cython.pointer[MapRow]) -> cython.void:
    if row.held == HELD_MAPPED:
        munmap(cython.cast(cython.p_void, row.base), row.size)
    elif row.held == HELD_ALLOCATED:
        free(cython.cast(cython.p_void, row.base))
    row.held = HELD_NOT


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def close_reader(reader: cython.pointer[Reader]) -> cython.void:
    chunk = cython.cast(cython.pointer[Chunk], reader.chunks)
    while chunk is not cython.NULL:
        before = cython.cast(cython.pointer[Chunk], chunk.before)
        munmap(chunk, chunk.size)
        chunk = before
