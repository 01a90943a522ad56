# Archive members that names of an update need.

from libc.stdint cimport uint32_t

from wild.kernels.graft cimport Graft

cdef uint32_t first_definer(Graft graft, uint32_t name, bint libraries) noexcept
cdef int check_moved(Graft graft) except -1
cdef int check_added(Graft graft, dict shapes) except -1
cdef bint is_mentioned(Graft graft, uint32_t name) noexcept
