# The lines of the map, as numbers; the layout file and the trace (layout_text.py) are made from the same ones.

from libc.stdint cimport int64_t, uint32_t, uint64_t

from wild.kernels.image cimport Image
from wild.kernels.measure cimport Layout
from wild.kernels.pool cimport Arena, Pool
from wild.kernels.resolve cimport CommonRow
from wild.kernels.text cimport Namer, Text

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

cdef struct Map                  # forward, for its own member

ctypedef void (*LineFormat)(Map *map, Line *line, Text *text) noexcept nogil

cdef struct Map:
    Image *image
    Namer namer
    Line *line
    int64_t count
    Own *own
    CommonRow *common
    uint32_t *file_of            # SectionId -> FileId
    uint32_t *first              # SectionId -> its first symbol in `defined`
    Defined *defined
    Text *text                   # by block of one round
    int64_t begin                # the first line of the round
    LineFormat format
    const char **type_names      # of relocations, by type (the trace)

cdef int list_lines(Arena arena, Layout layout, Map *map, list own, uint32_t common) except -1
cdef int write_lines(Pool pool, Arena arena, Map *map, LineFormat format, int descriptor) except -1
cdef int list_symbols(Arena arena, Map *map) except -1
cdef int compare_symbols(const void *a, const void *b) noexcept nogil
