# The output file in memory.

from libc.stdint cimport int64_t, uint8_t, uint64_t

from wild.kernels.buildid cimport Hashing
from wild.kernels.drafts cimport Drafts
from wild.kernels.pool cimport Arena

cdef class Output:
    cdef uint8_t *base
    cdef public uint64_t size
    cdef public str path
    cdef public bytes temporary  # name of the file that is being written, None: memory only
    cdef int descriptor
    cdef Drafts drafts
    cdef Arena arena             # of their memory
    cdef Hashing hashing
    cdef Arena hash_arena
    cdef public bint reused      # an older file: it reads as what was there
    cdef bint special            # a device, pipe or the like: written to, not replaced
    cdef int make_room(self, int workers, uint64_t size) except -1
    cdef int check(self) except -1

cdef inline Drafts *drafts_of(Output output):
    """NULL for none."""
    return NULL if output is None else &output.drafts
