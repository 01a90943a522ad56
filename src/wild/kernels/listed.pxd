# Sections laid out one by one.

from libc.stdint cimport uint64_t

from wild.kernels.measure cimport Layout
from wild.kernels.sections cimport PartKey

cdef enum:                       # Rule.sort, PartKey.sort; a second order is shifted by SORT_SECOND
    SORT_NAME = 1
    SORT_ALIGNMENT = 2           # the largest first
    SORT_PRIORITY = 3            # as constructors are
    SORT_SECOND = 4
    SORT_FILES = 256             # by the names of their files before that
    SORT_REVERSED = 512          # the whole list the other way round
    SORT_BACKWARDS = 1024        # what is equal in reverse input order

cdef object sort_listed(Layout layout, PartKey *key)
cdef object place_listed(Layout layout, PartKey *key, uint64_t start)
