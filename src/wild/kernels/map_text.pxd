# The lines of the map, as numbers.

from libc.stdint cimport uint32_t, uint64_t

cdef enum:                       # Line.kind, in the order of lines of one address
    LINE_OUTPUT = 0              # an output section: `what` is a row of Own
    LINE_OWN = 1                 # something of the linker's own making, likewise
    LINE_INPUT = 2               # an input section: `what` is a SectionId
    LINE_COMMON = 3              # a common symbol: `what` is a row of Resolution.commons

cdef struct Line:
    uint64_t address
    uint32_t shndx               # of the output section
    uint32_t kind
    uint32_t what
    uint32_t _pad

cdef struct Own:
    uint64_t address, size, align
    const char *name

cdef struct Defined:             # a symbol that is defined in a section
    uint64_t value               # st_value
    uint32_t file, sym
