# Drafts: bytes that a worker puts together in memory of its own and writes to the output with one system call.
#
# In the mapped output each new page costs a page fault, is cleared by the system before it is overwritten, and has to
# be unmapped in the end; a worker's own memory stays in its cache from one run of bytes to the next.  160 MB into a new
# file on a tmpfs take 132 ms through a map and 66 this way.  But the system lets one thread at a time write to a file.
# So a worker that finds another one writing sleeps until that is done: a run is written in less time than its pages
# would take in the map.  If there is one already that waits, the file has all it can take, and the run is copied into
# the map.

from libc.errno cimport EINTR, EIO, errno
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy
from posix.unistd cimport pwrite

from wild.kernels.buildid cimport Hashing, hash_run
from wild.kernels.cc cimport exchange32, futex_wait, futex_wake, load32

cdef enum:
    LEAST_DRAFT = 16384          # bytes of a run for which the system call pays

cdef struct Drafts:
    uint8_t *base                # the mapped output
    int descriptor               # ... and its file; -1: it is in memory only
    int error                    # errno of a system call that failed
    uint32_t writing             # is a worker in the system call?
    uint32_t waiting             # ... and another one about to be?
    uint8_t *memory              # by worker: `room` bytes
    uint64_t room
    Hashing *hashing             # of the build-id; NULL: it is not hashed yet

cdef inline bint is_drafted(const Drafts *drafts, uint64_t size) noexcept nogil:
    """Is a run of that size put together outside the map, if there is room?"""
    return drafts is not NULL and drafts.descriptor >= 0 and size >= LEAST_DRAFT

cdef inline uint8_t *begin_run(Drafts *drafts, int worker, uint64_t used, uint8_t *to, uint64_t size) noexcept nogil:
    """Where to put a run whose place in the map is `to`; `used` bytes of the worker's memory are taken by others.

    Every byte of it has to be written: there are old ones."""
    if not is_drafted(drafts, size) or size > drafts.room or used > drafts.room - size:
        return to
    return drafts.memory + worker * drafts.room + used

cdef inline void end_run(Drafts *drafts, const uint8_t *run, uint8_t *to, uint64_t size) noexcept nogil:
    """Have a run in its place, and hash it; what goes wrong is left in `drafts.error`."""
    if drafts is NULL:
        return
    if drafts.hashing is not NULL and size >= LEAST_DRAFT:
        hash_run(drafts.hashing, run, size, to - drafts.base)
    if run == to:
        return
    if not take_turn(drafts):
        memcpy(to, run, size)
        return
    cdef int error = write_all(drafts.descriptor, run, size, to - drafts.base)
    exchange32(&drafts.writing, 0)
    if load32(&drafts.waiting):
        futex_wake(&drafts.writing, 1)
    if error:
        drafts.error = error

cdef inline bint take_turn(Drafts *drafts) noexcept nogil:
    """Wait for the file; False if there is another worker that does."""
    if exchange32(&drafts.writing, 1) == 0:
        return True
    if exchange32(&drafts.waiting, 1):
        return False
    while exchange32(&drafts.writing, 1):
        futex_wait(&drafts.writing, 1)
    exchange32(&drafts.waiting, 0)
    return True

cdef inline int write_all(int descriptor, const uint8_t *data, uint64_t size, uint64_t at) noexcept nogil:
    """Write bytes at an offset of a file; 0, or the errno of what goes wrong."""
    cdef int64_t done
    while size:
        done = pwrite(descriptor, data, size, at)
        if done < 0 and errno == EINTR:
            continue
        if done <= 0:
            return errno if done < 0 else EIO
        data += done
        size -= done
        at += done
    return 0
