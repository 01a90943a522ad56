# Writing what an update changes: what the passes about special sections share.

from libc.stdint cimport uint32_t

from wild.kernels.graft cimport Graft
from wild.kernels.pool cimport Pool
from wild.kernels.relocate cimport Write

cdef class InputMaps:
    cdef dict _maps

cdef void begin_writing(Graft graft, Pool pool, Write *write) noexcept
cdef void write_one(Graft graft, Write *write, uint32_t file, uint32_t k) noexcept
cdef void mark_relocations(Graft graft, uint32_t file) noexcept
cdef int open_file(Graft graft, uint32_t file, list paths, InputMaps maps) except -1
