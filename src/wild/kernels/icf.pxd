# Identical code folding: the tables that its loops share.

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from wild.kernels.elf cimport Elf64_Rela
from wild.kernels.frames cimport FrameView
from wild.kernels.tables cimport Files, Names, Sections, SymbolRow

cdef enum:                       # how much may be folded
    ICF_SAFE = 1                 # what nobody compares the address of
    ICF_ALL = 2

cdef enum:                       # Aim.kind
    AIM_SECTION = 0              # a place in a section; `id` is its SectionId
    AIM_CANDIDATE = 1            # a place in a candidate; `id` is its number
    AIM_NAME = 2                 # a symbol that is not defined here, or that is more than an address
    AIM_PIECE = 3                # a merged string or constant, by its bytes
    AIM_NUMBER = 4

cdef struct Aim:                 # what a relocation refers to, so that two can be compared
    uint32_t kind
    uint64_t id
    uint64_t offset              # behind that place; the addend is in it
    const uint8_t *piece
    uint64_t length

cdef struct Icf:
    Files *files
    Sections *sections
    Names *names
    SymbolRow *symbols
    FrameView *frames
    uint32_t *candidate          # SectionIds, in input order
    uint32_t *file               # of each candidate
    uint32_t *number             # SectionId -> candidate + 1
    uint8_t *significant         # SectionId -> somebody may compare the address
    uint64_t *own                # of each candidate: hash of what does not depend on other candidates
    uint64_t *hash               # ... and of the rest too, as it was after the last round
    uint64_t *next
    uint32_t *leader             # of each candidate: the one that stands for it
    uint8_t *differs             # of each candidate: it is not like its leader after all
    int64_t count
    int safe, data
    int placed                   # by a script: what its statements place apart stays apart

ctypedef Icf *IcfPtr

cdef inline bint is_code(const uint8_t *name) noexcept nogil:
    """.text and .text.NAME; sections that are found by their names are none."""
    return name[0] == 46 and name[1] == 116 and name[2] == 101 and name[3] == 120 and name[4] == 116 and (
        name[5] == 0 or name[5] == 46)
