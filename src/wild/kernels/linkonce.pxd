# What sections.py uses of the .gnu.linkonce sections.

from libc.stdint cimport uint32_t

from wild.kernels.names cimport NameTable
from wild.kernels.tables cimport Files, SectionRow

# Strikes out the sections that lost; `owner` (NameId -> complement of a FileId) has the owners of the COMDAT groups.
cdef int settle_linkonce(Files *files, SectionRow *sections, NameTable names, uint32_t *owner) except -1
