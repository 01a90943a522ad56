# Units: the files that are written at once, by one worker.
#
# The layout is measured in blocks of files.  Each begins at a place that suits all its sections, so the size of blocks
# shows in the layout and is the same for all programs.  A program of few large files has few of them, and they are cut
# into units: where each begins in each part is noted on the way through its block.

from libc.stdint cimport int64_t, uint32_t, uint64_t

from wild.kernels.pool cimport Arena

cdef enum:
    BLOCK_FILES = 32
    UNITS = 64                   # as many as that, if there are so many files
    UNIT_CELLS = 1 << 18         # unless their table would be larger

cdef struct PartSum:             # of one block of files in one part
    uint64_t size
    uint64_t largest             # of its sections
    uint32_t align               # log2
    uint32_t flags

cdef struct Units:
    int64_t count
    int64_t files                # in a unit; divides BLOCK_FILES
    int64_t parts
    uint32_t *first              # FileId; and one behind the last
    uint64_t *starts             # by unit and part, and one more unit: offset of its run in the part
    uint64_t *relatives          # number of its first R_*_RELATIVE; and one behind the last

cdef inline int cut_units(Units *units, Arena arena, int64_t files, int64_t parts) except -1:
    cdef int64_t u
    units.parts = parts
    units.files = BLOCK_FILES
    while units.files > 1 and files < UNITS * units.files and files * parts < UNIT_CELLS * units.files:
        units.files //= 2
    units.count = (files + units.files - 1) // units.files
    units.first = <uint32_t *> arena.array(units.count + 1, 4)
    units.starts = <uint64_t *> arena.array((units.count + 1) * parts, 8)
    units.relatives = <uint64_t *> arena.array(units.count + 1, 8)
    for u in range(units.count + 1):
        units.first[u] = <uint32_t> min(u * units.files, files)
    return 0

cdef inline void note_unit(Units *units, uint32_t file, const PartSum *sums, uint64_t relatives) noexcept nogil:
    """Where in its block a unit begins, if `file` is its first."""
    cdef int64_t u = file // units.files, p
    if units.first[u] == file:
        for p in range(units.parts):
            units.starts[u * units.parts + p] = sums[p].size
        units.relatives[u] = relatives

cdef inline void place_units(Units *units, const uint64_t *starts, const uint64_t *relatives) noexcept nogil:
    """Add where the blocks begin: `starts` by block and part, `relatives` by block."""
    cdef int64_t u, b, p
    for u in range(units.count + 1):
        b = (units.first[u] + BLOCK_FILES - 1) // BLOCK_FILES if u == units.count else units.first[u] // BLOCK_FILES
        for p in range(units.parts):
            units.starts[u * units.parts + p] += starts[b * units.parts + p]
        units.relatives[u] += relatives[b]
