# Parallel loops of a link: the parked threads, the record of faults, the arena.

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

# One block [begin, end) of a job; `worker` numbers the thread (0 is the caller's).  Returns 0, or non-zero after
# recording a fault; the other blocks go on.
ctypedef int (*Job)(void *context, int64_t begin, int64_t end, int worker) noexcept nogil

cdef struct FaultRow:
    uint64_t place       # offset in the file, or what the code says it is
    uint64_t extra       # a second number for the text
    int64_t value        # what did not fit, of FAULT_RELOC_OVERFLOW
    uint32_t file        # FileId
    int32_t code

cdef struct Fault:       # the faults of a loop: the first `limit` of them, in input order
    uint32_t lock
    uint32_t count, limit
    FaultRow *row

cdef class Pool:
    cdef public int threads
    cdef int processors          # that the process may use, if workers were started
    cdef uint32_t epoch, gate, stopping
    cdef Job job
    cdef void *context
    cdef int64_t next, total, grain
    cdef Fault fault
    cdef bint deferred
    cdef int64_t patience        # ns that loops may take yet before the workers are started
    cdef list locks
    cdef int defer_faults(self) except -1
    cdef list take_faults(self)
    cdef int raise_faults(self) except -1
    cdef int run(self, Job job, void *context, int64_t total, int64_t grain) except -1
    cdef int run_evenly(self, Job job, void *context, int64_t total, int64_t grain) except -1
    cdef start_workers(self)
    cdef bint work_alone(self) noexcept nogil
    cdef void fan_out(self) noexcept nogil

cdef void report(Fault *fault, int32_t code, uint32_t file, uint64_t place, uint64_t extra) noexcept nogil
cdef void report_value(Fault *fault, int32_t code, uint32_t file, uint64_t place, uint64_t extra, int64_t value) noexcept nogil

cdef inline void write_first(void *table, uint64_t size) noexcept nogil:
    """Write to every page of zeroed memory that is about to be read, because its rows are filled by and by.

    A page that is read first gets the page of zeros that all processes share, and at the first write another one: two
    faults instead of one, and the second has every other thread of the process interrupted."""
    cdef char *bytes = <char *> table
    cdef uint64_t at = 0
    if size:
        bytes[size - 1] = 0
    while at < size:
        bytes[at] = 0
        at += 4096

cdef class Arena:
    cdef void *chunks
    cdef char *at
    cdef uint64_t left
    cdef public uint64_t taken
    cdef void *take(self, uint64_t size)
    cdef void *array(self, uint64_t count, uint64_t size)
    cdef char *map_chunk(self, uint64_t size)
