# What other kernels see of merged strings and constants: the groups they hand over, and where a byte of an input
# section has gone.

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from wild.kernels.pool cimport Arena, Fault, Pool
from wild.kernels.tables cimport Files, Sections

cdef extern from *:
    """
    #define WILD_NONE64 UINT64_MAX
    """
    const uint64_t NONE64 "WILD_NONE64"

cdef enum:
    INDEX_SHIFT = 8              # MergeView.index has an entry for every 256 bytes of a section
    MERGE_SHARDS = 64

cdef struct MergeGroup:          # sections whose pieces may be shared: one part of the output
    uint32_t part                # PartId
    uint32_t entsize             # bytes in a character of the strings or in a constant
    uint32_t is_string
    uint32_t align               # log2; every piece is aligned to it
    uint64_t first, count        # its sections: section_ids[first : first + count], in input order

cdef struct MergeSection:        # one input section; SectionRow.link is its number, 0: nothing of it is kept
    uint64_t size                # in the input, uncompressed
    uint64_t first_index         # in MergeView.index
    uint32_t first_piece
    uint32_t section             # SectionId; 0: bytes of the linker's own
    uint32_t file                # FileId

cdef struct MergeBatch:          # the unit of work: some small sections or a stretch of a large one
    uint32_t section, section_end    # MergeSections
    uint64_t begin, end          # of the stretch: pieces that begin there
    uint32_t group
    uint32_t first_piece, piece_end  # with a sentinel behind the pieces of each section
    uint64_t out, size           # of its new pieces, in the part

cdef struct MergeView:           # view of MergeTable
    MergeSection *section
    uint32_t *index              # the last piece that begins at or before each multiple of 256
    uint32_t *offset             # of each piece in its section; behind a section's last piece, the section's size
    uint32_t *out                # of each piece in its part
    int64_t sections, pieces

cdef class MergeTable:
    cdef MergeView view
    cdef Arena arena
    cdef Files *files
    cdef Sections *sections
    cdef MergeGroup *group
    cdef uint64_t *group_size    # bytes, by group, once merge() is done
    cdef uint32_t *first_batch   # by group, and one more
    cdef MergeBatch *batch
    cdef const uint8_t **bytes   # by MergeSection
    cdef public int64_t group_count, batch_count
    cdef list extra              # bytes of the linker's own, by group, or None
    # Split and intern everything; SectionRow.link and the view are valid afterwards.  Raises KernelFault.
    cdef int merge(self, Pool pool, bint tails) except -1
    # Fill group_size[group] bytes at `to`.
    cdef int write(self, Pool pool, int64_t group, uint8_t *to) except -1

cdef inline uint64_t merged_offset(const MergeView *view, uint32_t link, uint64_t offset) noexcept nogil:
    """Where a byte of a merged section is in its part; `link` is SectionRow.link.

    NONE64 if the section has no such byte; the place just behind the last byte counts as one of the last piece.
    """
    cdef const MergeSection *section = &view.section[link]
    if offset > section.size or section.size == 0:
        return NONE64
    cdef const uint32_t *index = view.index + section.first_index + (offset >> INDEX_SHIFT)
    cdef uint32_t low = index[0], high = index[1], middle
    while low < high:
        middle = high - ((high - low) >> 1)
        if view.offset[middle] <= offset:
            low = middle
        else:
            high = middle - 1
    return view.out[low] + (offset - view.offset[low])
