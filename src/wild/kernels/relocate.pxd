# The context of writing the input sections.

from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t

from wild.kernels.image cimport Image
from wild.kernels.pool cimport Fault

cdef struct Write:
    Image *image
    Fault *fault
    uint32_t *block              # first FileId of each block of files, and one behind the last
    uint64_t *cursor             # by worker and part: where the last section ended
    uint64_t *block_start        # by block and part: offset of the block's run in the part

cdef struct Spot:                # the section being written
    uint32_t file, section, shndx
    uint16_t flags
    const unsigned char *code    # its contents in the input
    unsigned char *to            # ... in the output
    uint64_t address, size
    uint64_t relative, symbolic  # numbers of its next dynamic relocations
    uint64_t tombstone           # for references to dead code; not loaded sections only

cdef int write_blocks(void *context, int64_t begin, int64_t end, int worker) noexcept nogil
