# What other kernels see of call frame information: the records of .eh_frame, and which of them belong to a section.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from wild.kernels.elf cimport Elf64_Rela
from wild.kernels.pool cimport Arena, Fault, Pool
from wild.kernels.tables cimport Files, Names, Sections, SymbolRow

cdef enum:                       # FrameRow.target other than a SectionId
    FRAME_DROPPED = 0            # of a section that is not in the link
    FRAME_KEPT = 0xFFFFFFFF      # says by no relocation what it describes: always kept

cdef struct EhSection:           # one .eh_frame of an object; SectionRow.link is its number
    uint32_t section             # SectionId
    uint32_t file                # FileId
    const Elf64_Rela *rela       # its relocations, in the order of r_offset
    uint32_t rela_count
    uint32_t size
    uint32_t first_cie, cie_end
    uint32_t first_frame, frame_end
    uint32_t size_out            # of its records in the output
    uint32_t first_hdr           # entry in .eh_frame_hdr
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

# S + A of a relocation: `addend` is r_addend.  Called from several threads.
ctypedef uint64_t (*ValueOf)(void *context, uint32_t file, uint32_t symbol, int64_t addend, uint32_t r_type) noexcept nogil

cdef class FrameTable:
    cdef FrameView view
    cdef Arena arena
    cdef Files *files
    cdef Sections *sections
    cdef list synthetic          # [record bytes, address, size] of the linker's own code
    cdef public uint64_t size    # of .eh_frame with its terminator, 0: there is none; after size_up()
    cdef public uint64_t hdr_size    # of .eh_frame_hdr; after size_up()
    cdef public uint32_t hdr_count
    # Split every .eh_frame of the live objects.  Raises KernelFault.
    cdef int split(self, Pool pool, Names *names, SymbolRow *symbols) except -1
    # Choose the FDEs of live sections and the CIEs they need.
    cdef int size_up(self, Pool pool) except -1
    # Fill `size` bytes at `to` and `hdr_size` bytes at `hdr` (NULL: no .eh_frame_hdr).  Raises KernelFault.
    cdef int write(self, Pool pool, uint8_t *to, uint64_t address, uint8_t *hdr, uint64_t hdr_address,
                   ValueOf value_of, void *context) except -1
