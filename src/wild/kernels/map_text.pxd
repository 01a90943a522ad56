# The lines of the map, as numbers; the layout file and the trace (layout_text.py) are made from the same ones.

from libc.stdint cimport int64_t, uint32_t, uint64_t

from wild.kernels.image cimport Image
from wild.kernels.map_tables cimport MapTables
from wild.kernels.pool cimport Arena, Pool
from wild.kernels.resolve cimport CommonRow
from wild.kernels.text cimport Namer, Text

cdef enum:                       # Line.kind, in the order of lines of one address
    LINE_OUTPUT = 0              # an output section: `what` is a row of Own
    LINE_SCRIPT = 1              # a statement of a linker script inside of one, likewise
    LINE_OWN = 2                 # something of the linker's own making, likewise
    LINE_INPUT = 3               # an input section: `what` is a SectionId
    LINE_COMMON = 4              # a common symbol: `what` is a row of Resolution.commons
    LINE_OUTSIDE = 5             # a statement of a linker script behind an output section: a row of Own

cdef struct Line:
    uint64_t address
    uint32_t shndx               # of the output section
    uint32_t kind
    uint32_t what
    uint32_t out                 # the row of Own of its output section

cdef struct Own:
    uint64_t address, size, align
    uint64_t load                # load address of an output section
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
    uint64_t *gap                # by line: bytes that nothing is in before it (map_gnu.py)
    bint whole                   # MapTables.whole
    bint locals                  # show local symbols too (map_gnu.py)
    LineFormat format
    const char **type_names      # of relocations, by type (the trace)

cdef int list_lines(Arena arena, MapTables tables, Map *map, list own, list commons) except -1
cdef int write_lines(Pool pool, Arena arena, Map *map, LineFormat format, int descriptor) except -1
cdef int list_symbols(Arena arena, Map *map) except -1
cdef int compare_symbols(const void *a, const void *b) noexcept nogil
cdef void put_common_name(Map *map, uint32_t common, Text *text) noexcept nogil
cdef void add_line(Map *map, uint32_t shndx, uint64_t address, uint32_t kind, uint32_t what) noexcept nogil
