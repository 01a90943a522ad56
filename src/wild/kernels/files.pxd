# What other kernels see of the inputs.

from libc.stdint cimport int64_t, uint32_t, uint64_t

from wild.kernels.maps cimport Maps
from wild.kernels.members cimport Slot
from wild.kernels.pool cimport Pool
from wild.kernels.tables cimport Files

cdef class Inputs(Maps):
    cdef Files view
    cdef Slot *slots                 # the files while they are being arranged
    cdef int64_t slot_count
    cdef dict taken                  # archives and shared objects: (device, inode, whole) -> first slot
    cdef list won_groups             # signatures of COMDAT groups that were won before this table was made
    cdef uint32_t won_by             # ... and the file that has them, if no earlier one has
    cdef public bint asks_for_libraries  # an object names some (dependent_libraries.py)
    cdef char *names                 # of archive members, one behind the other: FileRow.name_offset

    cdef int take_slots(self, list maps, list flags) except -1
    cdef int split_archives(self, Pool pool) except -1
    cdef bint is_new(self, Slot *slot, bint outer) except -1
    cdef int split_round(self, Pool pool, int64_t *archives, int64_t count) except -1
    cdef int open_thin(self, Pool pool) except -1
    cdef int report_thin(self, int64_t map, dict failed) except -1
    cdef int settle_thin(self, Slot *slot, uint32_t map) except -1
    cdef int make_rows(self) except -1
    cdef int fill_rows(self) except -1
    cdef int check_file(self, int64_t file) except -1
    cdef str dynamic_string(self, int64_t file, uint64_t offset)
