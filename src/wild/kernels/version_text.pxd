# What other kernels see of version scripts: the exact names, and the patterns.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

from wild.kernels.glob cimport GlobPattern

cdef struct NameSpan:
    uint32_t offset              # in the text
    uint32_t length
    uint16_t version             # index as in .gnu.version: 0 local, 1 global, 2 the first named node
    uint16_t flags               # 0; free for the pass that looks the names up

cdef class VersionNames:
    cdef const uint8_t *text
    cdef NameSpan *names         # in the order of the text; where a name stands twice, the first row counts
    cdef int64_t count
    cdef int64_t room
    cdef readonly bytes source   # owns the text
    cdef bint append(self, int64_t offset, int64_t length, uint16_t version) noexcept nogil

cdef class PatternTable:
    cdef GlobPattern *patterns   # in order of precedence: the first match counts
    cdef int64_t count
    cdef readonly bint has_cxx   # are demangled names wanted?
    cdef list texts              # owns the bytes
