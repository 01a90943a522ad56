# Free places inside the parts of an output.

from libc.stdint cimport uint32_t, uint64_t

from wild.kernels.graft cimport Graft
from wild.kernels.tables cimport SectionRow

cdef int leave_space(Graft graft, uint32_t part, uint64_t offset, uint64_t size) except -1
cdef bint take_space(Graft graft, SectionRow *sec) except? 0
cdef list spaces_to_fill(Graft graft)
