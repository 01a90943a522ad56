# The window of sections that the walk is about to scan.

from libc.stdint cimport uint32_t, uint64_t

from wild.kernels.scan cimport Scan

cdef enum:
    WINDOW = 32                  # room in the ring

cdef struct Window:
    uint64_t entered, left       # how many sections have gone in, and have come out
    uint32_t section[32]         # a ring: SectionIds, by their number of entry

cdef uint32_t enter(Window *window, Scan *scan, uint32_t section) noexcept nogil
cdef uint32_t leave(Window *window) noexcept nogil
