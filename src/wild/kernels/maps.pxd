# Open files by MapId.

from libc.stdint cimport int64_t

from wild.kernels.mapping cimport MapRow, Reader
from wild.kernels.pool cimport Arena, Pool

cdef extern from "Python.h":
    bytes PyUnicode_EncodeFSDefault(object text)
    str decode "PyUnicode_DecodeFSDefaultAndSize"(const char *text, Py_ssize_t size)

cdef class Maps:
    cdef public Arena arena
    cdef public list paths           # str of each map, as the user wrote it; a MapId is an index here
    cdef MapRow *maps
    cdef int64_t map_count, map_capacity
    cdef Reader *readers
    cdef list blobs                  # the bytes that MapRow.path and the guard point to
    cdef void *guard                 # Mapped rows of the truncation guard

    cdef int64_t new_maps(self, list paths) except -1
    cdef list load(self, Pool pool, int64_t first)
    cdef int check_map(self, int64_t map) except -1
