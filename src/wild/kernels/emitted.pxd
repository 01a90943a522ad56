# The context of keeping relocations in the output.

from libc.stdint cimport int64_t, uint32_t, uint64_t

from wild.kernels.image cimport Image

cdef enum:                       # types that rewritten instructions have (psABI, "Relocation Types")
    R_NONE = 0
    R_PC32 = 2
    R_32S = 11
    R_TPOFF64 = 18
    R_GOTTPOFF = 22
    R_TPOFF32 = 23

cdef struct EmitPart:            # a part of the output, by PartId
    uint64_t count               # relocations of its sections
    uint64_t offset              # of the first one in the file
    uint64_t start               # address of the output section
    uint32_t symbol              # of the output section

cdef struct Emit:
    Image *image
    EmitPart *part
    uint32_t *first              # SectionId -> number of its first relocation in its part
    uint32_t *eh_first           # EhSection -> number of its first relocation
    uint64_t eh_offset           # of .rela.eh_frame in the file
    uint32_t eh_symbol
    uint32_t *local_index        # LocalId -> index in .symtab, 0: not there
    uint32_t *name_index         # NameId -> the same

ctypedef Emit *EmitPtr
