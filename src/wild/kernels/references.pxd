# What error texts ask about the tables of a link.

from libc.stdint cimport int64_t, uint32_t, uint64_t

from wild.kernels.elf cimport U32
from wild.kernels.files cimport Inputs
from wild.kernels.names cimport NameTable
from wild.kernels.resolve cimport Resolution
from wild.kernels.sections cimport SectionTable

cdef class LinkTables:
    cdef public Inputs inputs
    cdef public NameTable names
    cdef public Resolution resolution
    cdef SectionTable sections

    cdef bint mentions(self, int64_t file, U32 wanted) noexcept
    cdef int scan_file(self, uint32_t file, U32 wanted, int64_t most, uint64_t rewritten, list counts,
                       list places) except -1

cdef uint32_t aimed_at(LinkTables tables, uint32_t file, uint32_t symbol) noexcept
