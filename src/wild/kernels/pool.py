"""Parallel loops: threads that stay parked between loops, and memory that lives as long as the link.

A loop over files, sections or shards is a C function `job(context, begin, end, worker)` that is handed blocks of an
index range.  `Pool.run` publishes it, wakes the workers through a futex, works itself, and returns when no block is
left and every worker that came has left.  One that the system lets wait is not waited for: it finds the gate closed.
No more are woken than there are processors, since they would only take these from each other.  A region costs some
15 µs with two threads, so passes may be cut as finely as clarity asks for.

Workers are Python threads only in so far as `_thread` starts them: each gives up the interpreter lock for good on
entry.  They are started when the loops so far have taken `PATIENCE` together, in the middle of the loop in which that
happens: the link of a program that prints a line has less to do than it costs to start one thread and to wake it for
thirty loops (5 of 34 ms).  A job that finds a fault records it with `report` and returns non-zero; other blocks go on,
so that the faults that are finally raised are those with the lowest files and places, whichever thread met them first.
The text of a fault code is policy and lives in wild/faults.py.

`Arena` hands out zeroed memory in large pieces and frees everything at once.  Of what is not touched nothing but
addresses is used, so a piece may be larger than what is known to be wanted, and a table may be sized by an upper bound.
Once a link has some megabytes of tables, pieces have huge pages and become larger with what there is: a page fault for
each 4 KiB costs more than clearing them, and the walk over the graph of sections, which goes to and fro in tables of
tens of megabytes, would wait for the translation of nearly every address.  Tables stand side by side in them; with a
piece for each, half a huge page was lost behind every one.
"""

import _thread
import posix

import cython
from cython.cimports.libc.stdint import int32_t, int64_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import free, realloc
from cython.cimports.libc.string import memmove
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
from cython.cimports.posix.time import CLOCK_MONOTONIC, clock_gettime, timespec
from cython.cimports.wild.kernels.cc import (
    add_release32,
    exchange32,
    fetch_add,
    futex_wait,
    futex_wake,
    load32,
    relax,
    store32,
)
from cython.cimports.wild.kernels.pool import Fault, Job

CHUNK = cython.declare(cython.const[uint64_t], 1 << 20)
HUGE = cython.declare(cython.const[uint64_t], 2 << 20)  # from here on a piece has huge pages
HUGE_PAGE = cython.declare(cython.const[uint64_t], 2 << 20)
PATIENCE = cython.declare(cython.const[int64_t], 2_000_000)  # ns of loops before the workers are started
OPEN = cython.declare(cython.const[uint32_t], 1 << 31)  # in Pool.gate, above the number of workers inside
SHARES = cython.declare(cython.const[int64_t], 64)  # blocks that workers of any number share evenly
SPINS = cython.declare(cython.const[cython.int], 2000)
PACKED = cython.declare(cython.const[uint64_t], 3 << 20)  # with so much in an arena its pieces become larger
LARGEST = cython.declare(cython.const[uint64_t], 64 << 20)  # but for larger tables
MOST_FAULTS = cython.declare(cython.const[uint32_t], 10_000)  # whatever the limit

HEAD = cython.declare(cython.const[uint64_t], 64)  # room for a Chunk, which keeps what follows aligned

Chunk = cython.struct(previous=cython.p_void, size=uint64_t)


class KernelFault(Exception):
    """A fault in an input, found by a kernel: (code, file, place, extra, value), to be worded by wild.faults.

    `others` are further faults of the same loop, in input order.
    """

    def __init__(self, *args):
        super().__init__(*args)
        self.others = []


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def report(
    fault: cython.pointer[Fault], code: int32_t, file: uint32_t, place: uint64_t, extra: uint64_t
) -> cython.void:
    """Record a fault; callable from any worker."""
    report_value(fault, code, file, place, extra, 0)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def report_value(
    fault: cython.pointer[Fault],
    code: int32_t,
    file: uint32_t,
    place: uint64_t,
    extra: uint64_t,
    value: int64_t,
) -> cython.void:
    """The same with the value that did not fit."""
    row = cython.declare(FaultRow)
    row.code = code
    row.file = file
    row.place = place
    row.extra = extra
    row.value = value
    while exchange32(cython.address(fault.lock), 1):
        relax()
    insert(fault, cython.address(row))
    store32(cython.address(fault.lock), 0)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def insert(fault: cython.pointer[Fault], row: cython.pointer[FaultRow]) -> cython.void:
    """Keep a fault in its order, once, unless there are enough before it."""
    low: uint32_t = 0
    high: uint32_t = fault.count
    middle: uint32_t
    while low < high:
        middle = (low + high) // 2
        if compare(cython.address(fault.row[middle]), row) < 0:
            low = middle + 1
        else:
            high = middle
    if low == fault.limit or (low < fault.count and compare(cython.address(fault.row[low]), row) == 0):
        return
    kept: uint32_t = min(fault.count, fault.limit - 1)
    memmove(fault.row + low + 1, fault.row + low, (kept - low) * cython.sizeof(FaultRow))
    fault.row[low] = row[0]
    fault.count = kept + 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def compare(a: cython.pointer[FaultRow], b: cython.pointer[FaultRow]) -> cython.int:
    """By file, place, then what keeps equal ones apart."""
    if a.file != b.file:
        return -1 if a.file < b.file else 1
    if a.place != b.place:
        return -1 if a.place < b.place else 1
    if a.extra != b.extra:
        return -1 if a.extra < b.extra else 1
    return a.code - b.code


@cython.final
@cython.cclass
class Pool:
    """`threads` - 1 workers, parked or yet to be started, and the calling thread."""

    def __cinit__(self, threads: cython.int):
        self.threads = max(1, min(threads, 256))
        self.patience = PATIENCE
        self.locks = []
        self.limit_faults(1)

    @cython.cfunc
    def start_workers(self):
        self.processors = len(posix.sched_getaffinity(0))
        for worker in range(1, self.threads):
            done = _thread.allocate_lock()
            done.acquire()
            self.locks.append(done)
            _thread.start_new_thread(serve, (self, worker, done))

    def close(self):
        """End the workers; the pool must not be used afterwards."""
        self.stopping = 1
        add_release32(cython.address(self.epoch), 1)
        futex_wake(cython.address(self.epoch), self.threads)
        for done in self.locks:
            done.acquire()
        self.locks = []

    def __dealloc__(self):
        free(self.fault.row)

    def limit_faults(self, limit: int):
        """How many faults a loop keeps: the first ones in input order."""
        room: uint32_t = min(max(limit, 1), MOST_FAULTS)
        row = realloc(self.fault.row, room * cython.sizeof(FaultRow))
        if row is cython.NULL:
            raise MemoryError("no memory for the list of faults")
        self.fault.row = cython.cast(cython.pointer[FaultRow], row)
        self.fault.limit = room
        self.fault.count = 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def defer_faults(self) -> cython.int:
        """Let the loops that follow gather their faults for `take_faults` instead of raising them."""
        self.fault.count = 0
        self.deferred = True
        return 0

    @cython.cfunc
    def take_faults(self) -> list:
        """The faults gathered, in input order, as the arguments of a KernelFault; loops raise again."""
        self.deferred = False
        i: uint32_t
        found: list = []
        for i in range(self.fault.count):
            row = cython.address(self.fault.row[i])
            found.append((row.code, row.file, row.place, row.extra, row.value))
        self.fault.count = 0
        return found

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def raise_faults(self) -> cython.int:
        rows = self.take_faults()
        fault = KernelFault(*rows[0])
        fault.others = rows[1:]
        raise fault

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def run(self, job: Job, context: cython.p_void, total: int64_t, grain: int64_t) -> cython.int:
        """Run `job` over [0, total) in blocks of `grain`; raises KernelFault with the first faults in input order."""
        if total <= 0:
            return 0
        self.job = job
        self.context = context
        self.total = total
        self.grain = grain if grain > 0 else 1
        self.next = 0
        if not self.deferred:
            self.fault.count = 0
        finished: cython.bint
        with cython.nogil:
            finished = self.threads == 1 or total <= self.grain
            if finished:
                work(self, 0)
            elif self.patience > 0:
                finished = self.work_alone()
        if not finished and not self.locks:
            self.start_workers()
        with cython.nogil:
            if not finished:
                self.fan_out()
        if self.fault.count and not self.deferred:
            self.raise_faults()
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def run_evenly(self, job: Job, context: cython.p_void, total: int64_t, grain: int64_t) -> cython.int:
        """The same in blocks of `grain` at most: of fewer, if those would be too few to share them evenly."""
        return self.run(job, context, total, min(grain, total // SHARES))

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def work_alone(self) -> cython.bint:
        """Claim blocks while there is patience; is none left?"""
        begin: int64_t = now_ns()
        patience: int64_t = self.patience
        while self.next < self.total and self.patience > 0:
            work_block(self, 0)
            self.patience = patience - (now_ns() - begin)
        return self.next >= self.total

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def fan_out(self) -> cython.void:
        add_release32(cython.address(self.gate), OPEN)
        add_release32(cython.address(self.epoch), 1)
        futex_wake(cython.address(self.epoch), min(self.threads, self.processors) - 1)
        work(self, 0)
        spins: cython.int = 0
        inside: uint32_t = add_release32(cython.address(self.gate), 0 - OPEN)
        while inside:
            spins += 1
            if spins < SPINS:
                relax()
            else:
                futex_wait(cython.address(self.gate), inside)
            inside = load32(cython.address(self.gate))


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def work(pool: Pool, worker: cython.int) -> cython.void:
    """Claim blocks until none is left."""
    while work_block(pool, worker):
        pass


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def work_block(pool: Pool, worker: cython.int) -> cython.bint:
    """Claim a block and work on it; was there one?"""
    begin: int64_t = fetch_add(cython.address(pool.next), pool.grain)
    if begin >= pool.total:
        return False
    pool.job(pool.context, begin, min(begin + pool.grain, pool.total), worker)
    return True


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def now_ns() -> int64_t:
    now = cython.declare(timespec)
    clock_gettime(CLOCK_MONOTONIC, cython.address(now))
    return cython.cast(int64_t, now.tv_sec) * 1_000_000_000 + now.tv_nsec


def serve(pool: Pool, worker: cython.int, done):
    """A worker's life: sleep until the epoch moves, go through the gate if it is open, work, leave."""
    seen: uint32_t = 0
    now: uint32_t
    with cython.nogil:
        while True:
            now = load32(cython.address(pool.epoch))
            while now == seen:
                futex_wait(cython.address(pool.epoch), seen)
                now = load32(cython.address(pool.epoch))
            seen = now
            if pool.stopping:
                break
            if add_release32(cython.address(pool.gate), 1) & OPEN:
                work(pool, worker)
            if add_release32(cython.address(pool.gate), cython.cast(uint32_t, 0xFFFFFFFF)) == 0:
                futex_wake(cython.address(pool.gate), 1)
    done.release()


@cython.final
@cython.cclass
class Arena:
    """Zeroed memory that is freed as a whole.  Not for use by several threads at once."""

    @cython.cfunc
    def take(self, size: uint64_t) -> cython.p_void:
        """`size` zeroed bytes, aligned to 64; raises MemoryError."""
        size = (size + 63) & ~cython.cast(uint64_t, 63)
        if size <= self.left:
            found: cython.p_char = self.at
            self.at += size
            self.left -= size
            return found
        room: uint64_t = size + HEAD
        if room <= CHUNK // 4:
            room = CHUNK
        if self.taken + room >= PACKED:
            room = max(room, min(self.taken // 2, LARGEST))
        start = self.map_chunk(room)
        behind: uint64_t = cython.cast(cython.pointer[Chunk], self.chunks).size - HEAD - size
        if behind > self.left:
            self.at = start + size
            self.left = behind
        return start

    @cython.cfunc
    def array(self, count: uint64_t, size: uint64_t) -> cython.p_void:
        """Room for `count` rows of `size` bytes (at least one row, so that a pointer always exists)."""
        if size and count > (cython.cast(uint64_t, 1) << 46) // size:
            raise MemoryError("a table of the link would not fit the address space")
        return self.take((count if count else 1) * size)

    @cython.cfunc
    def map_chunk(self, size: uint64_t) -> cython.p_char:
        """A new piece, of at least this size; returns what is behind its head."""
        flags: cython.int = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        if size >= HUGE:
            # Systems place only whole huge pages at the begin of one.
            size = (size + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1)
        start: cython.p_char = cython.cast(
            cython.p_char, mmap(cython.NULL, size, PROT_READ | PROT_WRITE, flags, -1, 0)
        )
        if cython.cast(cython.p_void, start) == MAP_FAILED:
            raise MemoryError(f"no memory for a table of {size} bytes")
        if size >= HUGE:
            madvise(start, size, MADV_HUGEPAGE)
        chunk = cython.cast(cython.pointer[Chunk], start)
        chunk.previous = self.chunks
        chunk.size = size
        self.chunks = chunk
        self.taken += size
        return start + HEAD

    def __dealloc__(self):
        chunk = cython.cast(cython.pointer[Chunk], self.chunks)
        while chunk is not cython.NULL:
            previous = cython.cast(cython.pointer[Chunk], chunk.previous)
            munmap(chunk, chunk.size)
            chunk = previous
