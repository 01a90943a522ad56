# Keys of unusual sections.

from libc.stdint cimport uint32_t

from wild.kernels.sections cimport PartKey, Read, SectionTable
from wild.kernels.tables cimport SectionRow

cdef object collect_keys(SectionTable table, Read *read)
cdef void spread_part(SectionRow *sections, PartKey *key, uint32_t *ids) noexcept nogil
