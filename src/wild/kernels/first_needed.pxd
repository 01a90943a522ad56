# Shared objects that an update needs for the first time.

from libc.stdint cimport uint32_t

from wild.kernels.graft cimport Graft

cdef int need_library(Graft graft, uint32_t name, uint32_t file) except -1
