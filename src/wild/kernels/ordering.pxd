# The order of sections inside a section of the output, where it is not that of the inputs.

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from wild.kernels.files cimport Inputs
from wild.kernels.names cimport NameTable
from wild.kernels.resolve cimport Resolution
from wild.kernels.sections cimport SectionTable

cdef struct Ranked:              # a section and where it is to stand: equal keys in input order
    uint64_t key
    const uint8_t *name          # compared where keys are equal; NULL: not
    uint32_t section
    uint32_t part

cdef struct Call:                # an edge of a call graph
    uint32_t caller, callee      # SectionIds
    uint64_t weight

cdef class Ordering:
    cdef Inputs inputs
    cdef NameTable names
    cdef Resolution resolution
    cdef SectionTable sections
    cdef Ranked *row
    cdef int64_t count
    cdef uint64_t *key           # by SectionId, 0: not in the order
    cdef Call *call
    cdef int64_t calls, call_room

ctypedef const void *ConstVoid
