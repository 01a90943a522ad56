# Sections that --gc-sections keeps because another one is kept.

from libc.stdint cimport uint32_t

from wild.kernels.files cimport Inputs
from wild.kernels.pool cimport Pool
from wild.kernels.sections cimport SectionTable

cdef struct Companions:          # by SectionId; 0: none.  NULL where no section of the link has any
    uint32_t *ring               # the next member of its group; the last one leads to the first
    uint32_t *dependent          # the first section that is linked to it (SHF_LINK_ORDER),
    uint32_t *next               # ... and the next one that is linked to the same

cdef int find_companions(Companions *companions, Pool pool, Inputs inputs, SectionTable sections) except -1
