# What other kernels see of call frame information: the records of .eh_frame, and which of them belong to a section.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from wild.kernels.drafts cimport Drafts
from wild.kernels.elf cimport Elf64_Rela
from wild.kernels.pool cimport Arena, Fault, Pool
from wild.kernels.relocation cimport RelocType
from wild.kernels.tables cimport NONE, SEC_LIVE, Files, Names, Sections, SymbolRow

cdef enum:                       # FrameRow.target other than a SectionId
    FRAME_DROPPED = 0            # of a section that is not in the link
    FRAME_KEPT = 0xFFFFFFFF      # says by no relocation to a section what it describes: always kept

cdef struct EhSection:           # one .eh_frame of an object; SectionRow.link is its number
    uint32_t section             # SectionId
    uint32_t file                # FileId
    const uint8_t *bytes
    const Elf64_Rela *rela       # its relocations, in the order of r_offset
    uint32_t rela_count
    uint32_t size
    uint32_t first_cie, cie_end
    uint32_t first_frame, frame_end
    uint32_t size_out            # of its records in the output
    uint32_t hdr_count           # entries of .eh_frame_hdr, ...
    uint32_t first_hdr           # ... and the number of the first one
    uint32_t own_rela            # 1: `rela` is a sorted copy
    uint64_t out                 # of its first record in the output

cdef struct CieRow:
    uint64_t hash                # of its bytes and of what its relocations refer to
    uint32_t eh                  # EhSection
    uint32_t offset, size        # in the section, with the length field
    uint32_t first_rela, rela_count
    uint32_t canonical           # the CieRow that stands for it in the output, NONE: no live FDE uses it
    uint32_t out                 # of the record, in the output of its EhSection
    uint8_t encoding             # of pointers to code (augmentation R)
    uint8_t readable             # the augmentation is known, so that `encoding` is
    uint16_t _pad

cdef struct FrameRow:            # an FDE
    uint32_t eh                  # EhSection
    uint32_t offset, size        # in the section, with the length field
    uint32_t cie                 # CieRow
    uint32_t first_rela, rela_count  # in EhSection.rela; the first is the function's unless target is FRAME_KEPT
    uint32_t target              # SectionId of the function, FRAME_DROPPED or FRAME_KEPT
    uint32_t next                # FrameRow + 1 of the same function section, 0: none
    uint32_t out                 # of the record, in the output of its EhSection; NONE: not in the output

cdef struct FrameView:           # view of FrameTable
    EhSection *eh
    CieRow *cie
    FrameRow *frame              # SectionRow.frames is the first of a function section + 1
    int64_t eh_count, cie_count, frame_count
    uint64_t records             # bytes of the records of all inputs in the output

# S + A of a relocation: `addend` is r_addend.  Called from several threads.
ctypedef uint64_t (*ValueOf)(void *context, uint32_t file, uint32_t symbol, int64_t addend, uint32_t r_type) noexcept nogil

cdef struct FrameCount:          # how many rows a file needs; then, its first ones
    uint32_t eh, cie, frame

cdef struct FrameWork:           # what the parallel loops share
    FrameView *view
    Files *files
    Sections *sections
    Names *names
    SymbolRow *symbols
    FrameCount *count            # by FileId
    RelocType types[256]
    Fault *fault
    bint out_of_memory

cdef struct FrameWriting:
    FrameWork *work
    Drafts *drafts               # NULL: all is written in place
    uint64_t room
    uint8_t *to
    uint8_t *hdr
    uint64_t address, hdr_address
    uint32_t hdr_count
    ValueOf value_of
    void *context

ctypedef const void *ConstVoid
ctypedef EhSection *EhPtr
ctypedef CieRow *CiePtr
ctypedef FrameRow *FramePtr
ctypedef FrameView *FrameViewPtr
ctypedef FrameCount *FrameCountPtr
ctypedef FrameWork *WorkPtr
ctypedef FrameWriting *WritingPtr

cdef class FrameTable:
    cdef FrameView view
    cdef Arena arena
    cdef FrameWork work
    cdef object owners           # keeps the memory of the inputs alive
    cdef list synthetic          # [records, address, size] of the linker's own code
    cdef public uint64_t size    # of .eh_frame with its terminator, 0: there is none; after size_up()
    cdef public uint64_t hdr_size    # of .eh_frame_hdr; after size_up()
    cdef public uint32_t hdr_count
    cdef public bint unshared    # each object has CIEs of its own
    cdef readonly uint64_t room  # bytes behind the records, of a record that says nothing
    cdef int take_rows(self) except -1
    cdef int merge_cies(self) except -1
    # Split every .eh_frame of the live objects, when names are bound for good.  Raises KernelFault.
    cdef int split(self, Pool pool, Names *names, SymbolRow *symbols) except -1
    # Choose the FDEs of live sections and the CIEs they need.
    cpdef int size_up(self, Pool pool) except -1
    # Fill `size` bytes at `to` and `hdr_size` bytes at `hdr` (NULL: no .eh_frame_hdr).  Raises KernelFault.
    # `drafts` (or NULL) are those of the output that `to` is in.
    cdef int write(self, Pool pool, Drafts *drafts, uint8_t *to, uint64_t address, uint8_t *hdr, uint64_t hdr_address,
                   ValueOf value_of, void *context) except -1

cdef inline bint frame_lives(const FrameRow *frame, const Sections *sections) noexcept nogil:
    """Is the function of an FDE in the output?"""
    if frame.target == FRAME_KEPT:
        return True
    return frame.target != FRAME_DROPPED and sections.row[frame.target].flags & SEC_LIVE != 0

cdef inline uint64_t frame_offset(const FrameView *view, uint32_t link, uint64_t offset) noexcept nogil:
    """Where a byte of an input .eh_frame is in the output section; `link` is SectionRow.link.

    For a byte that is not there (of a record that is dropped or shared, a terminator), where it would be: what is
    defined in .eh_frame are the marks of crtbegin.o and crtend.o for its begin and end.
    """
    cdef const EhSection *eh = &view.eh[link]
    cdef uint32_t low = eh.first_frame, high = eh.frame_end, middle
    if offset == 0:
        return eh.out
    while low < high:
        middle = low + ((high - low) >> 1)
        if view.frame[middle].offset + view.frame[middle].size <= offset:
            low = middle + 1
        else:
            high = middle
    while low < eh.frame_end and view.frame[low].out == NONE:
        low += 1
    if low == eh.frame_end:
        return eh.out + eh.size_out
    if offset < view.frame[low].offset:
        return eh.out + view.frame[low].out
    return eh.out + view.frame[low].out + (offset - view.frame[low].offset)
