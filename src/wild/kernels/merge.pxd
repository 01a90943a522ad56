# What other kernels see of merged strings and constants: the groups they hand over, and where a byte of an input
# section has gone.

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from wild.kernels.drafts cimport Drafts
from wild.kernels.pool cimport Arena, Fault
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
    uint32_t entsize             # bytes in a character of the strings or in a constant
    uint32_t is_string
    uint64_t align               # every piece is aligned to so many bytes
    uint64_t first, count        # its input sections: section_ids[first : first + count], in input order
    uint32_t section, section_end    # its MergeSections
    uint32_t batch, batch_end
    uint32_t shards              # MERGE_SHARDS, or 1 for a small group
    uint32_t _pad
    uint64_t bytes               # of its sections
    uint64_t size                # of the part, once merge() is done

cdef struct MergeSection:        # one input section; SectionRow.link is its number, 0: nothing of it is kept
    uint64_t start               # bytes of the sections of its group before it
    uint64_t size                # in the input, uncompressed
    uint64_t first_index         # in MergeView.index
    uint32_t first_piece, piece_end
    uint32_t section             # SectionId; 0: bytes of the linker's own
    uint32_t file                # FileId

cdef struct MergeBatch:          # the unit of work: the pieces that begin in a stretch of the group's sections
    uint64_t begin, end          # counted as MergeSection.start is
    uint32_t group
    uint32_t section             # the MergeSection that `begin` lies in
    uint32_t first_piece, piece_end  # with a sentinel behind the pieces of each section
    uint64_t out, size           # of its new pieces, in the part

cdef struct MergeView:           # view of MergeTable
    MergeSection *section
    uint32_t *index              # the last piece that begins at or before each multiple of 256
    uint32_t *offset             # of each piece in its section; behind a section's last piece, the section's size
    uint32_t *out                # of each piece in its part
    const uint8_t **bytes        # by MergeSection
    MergeGroup *group
    MergeBatch *batch
    int64_t sections, pieces, groups, batches

cdef struct MergeEntry:          # a piece on its way through a shard
    uint64_t hash                # after interning: the representative, a piece number
    uint32_t low                 # 32 more bits of hash
    uint32_t piece

cdef struct MergeSlot:           # of a shard's hash table
    uint64_t hash
    uint32_t low
    uint32_t piece               # + 1; 0: empty

cdef struct MergeScratch:        # one thread's hash table
    MergeSlot *slot
    uint64_t room                # slots allocated
    uint64_t mask, used

cdef struct MergeWork:           # what the parallel loops of a merge share
    MergeView *view
    MergeEntry *entry            # by piece number, sorted by shard inside a batch
    uint32_t *start              # of the shards in each batch's entries: MERGE_SHARDS + 1 for each
    MergeScratch scratch[256]    # by worker
    Files *files
    Fault *fault
    bint tails
    uint32_t out_of_memory

cdef struct MergeWriting:
    MergeView *view
    MergeGroup *group
    Drafts *drafts               # NULL: all is written in place
    uint8_t *to

ctypedef MergeBatch *BatchPtr
ctypedef MergeGroup *GroupPtr
ctypedef MergeSection *MergeSectionPtr
ctypedef MergeView *MergeViewPtr
ctypedef MergeEntry *EntryPtr
ctypedef MergeSlot *SlotPtr
ctypedef MergeScratch *ScratchPtr
ctypedef MergeWork *WorkPtr
ctypedef MergeWriting *WritingPtr

cdef struct Stretch:             # what a batch has of one section
    uint64_t begin, end
    uint32_t first_piece, piece_end  # known once the batch is cut

cdef inline Stretch stretch_of(const MergeBatch *batch, const MergeSection *section) noexcept nogil:
    cdef Stretch found
    found.begin = batch.begin - section.start if batch.begin > section.start else 0
    found.end = batch.end - section.start if batch.end - section.start < section.size else section.size
    found.first_piece = section.first_piece if section.start >= batch.begin else batch.first_piece
    found.piece_end = section.piece_end if section.start + section.size <= batch.end else batch.piece_end
    return found

cdef class MergeTable:
    cdef MergeView view
    cdef Arena arena
    cdef Files *files
    cdef Sections *sections
    cdef const uint32_t *section_ids
    cdef list rows               # of add_group
    cdef object owners           # keeps the memory of the inputs alive
    cdef take_groups(self)
    cdef make_batches(self)
    cdef number_pieces(self, MergeWork *work)
    cdef place_batches(self)

cdef inline uint64_t merged_offset(const MergeView *view, uint32_t link, uint64_t offset) noexcept nogil:
    """Where a byte of a merged section is in its part; `link` is SectionRow.link.

    NONE64 if the section has no such byte; the place just behind the last byte counts as one of the last piece.
    """
    cdef const MergeSection *section = &view.section[link]
    if offset > section.size or section.size == 0:
        return NONE64
    cdef const uint32_t *index = view.index + section.first_index + (offset >> INDEX_SHIFT)
    cdef uint32_t low = index[0], count = index[1] - index[0], half
    while count:                 # without a branch that no processor can predict
        half = (count + 1) >> 1
        low += half if view.offset[low + half] <= offset else 0
        count -= half
    return view.out[low] + (offset - view.offset[low])
