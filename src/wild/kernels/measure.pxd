# The measured parts and the image, shared by the passes that write.

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from wild.kernels.files cimport Inputs
from wild.kernels.frames cimport FrameTable
from wild.kernels.image cimport Image
from wild.kernels.merge cimport MergeTable
from wild.kernels.reach cimport OutputMode, Reach
from wild.kernels.resolve cimport Resolution
from wild.kernels.sections cimport SectionTable
from wild.kernels.slots cimport Slots
from wild.kernels.tables cimport *
from wild.kernels.units cimport PartSum, Units

cdef class Layout:
    cdef Image view
    cdef Inputs inputs
    cdef SectionTable sections
    cdef Resolution resolution
    cdef object owners           # keeps the other passes' memory alive
    cdef PartSum *sums           # by block and part
    cdef uint64_t *starts        # by block and part, and one more block: offset of the block's run in the part
    cdef uint64_t *relatives     # by block: dynamic relocations of its sections
    cdef uint64_t *symbolics
    cdef uint64_t *file_relatives    # by FileId: dynamic relocations of the files before it in its block
    cdef uint64_t *file_symbolics
    cdef uint32_t *block         # first FileId of each block, and one behind the last
    cdef public int64_t blocks
    cdef Units units
    cdef public uint64_t section_relatives, section_symbolics
    cdef int place_folded(self) except -1
    cdef uint8_t *skip           # by part: 1 when another pass places its sections
