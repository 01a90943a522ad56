# The context of writing the input sections.

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from wild.kernels.drafts cimport Drafts
from wild.kernels.elf cimport write16, write32, write64
from wild.kernels.image cimport Image
from wild.kernels.pool cimport Fault
from wild.kernels.relocation cimport CHECK_NONE, CHECK_SIGNED, CHECK_UNSIGNED
from wild.kernels.units cimport Units

cdef struct Tombstone:           # of the command line, for sections that are not loaded and whose names match
    const uint8_t *glob
    uint32_t length
    uint64_t value

cdef struct Write:
    Image *image
    Drafts *drafts
    Tombstone *tombstone         # the last one that fits counts
    int64_t tombstones
    uint8_t **run                # by worker and part: where its first byte is, or would be, for the unit at hand
    Fault *fault
    Units *units
    uint64_t *cursor             # by worker and part: where the last section ended

cdef struct Spot:                # the section being written
    uint32_t file, section, shndx
    uint16_t flags
    const unsigned char *code    # its contents in the input
    unsigned char *to            # ... in the output
    uint64_t address, size
    uint8_t *relocs              # where the output's first R_*_RELATIVE is, or would be
    uint64_t relative, symbolic  # numbers of its next dynamic relocations
    uint64_t tombstone           # for references to dead code; not loaded sections only
    bint lines                   # .debug_line: folded functions have lines

cdef uint64_t drafted_size(const Write *write, int64_t unit) noexcept nogil
cdef int write_section(Write *write, uint32_t file, uint32_t k, uint8_t *to, uint8_t *relocs) noexcept nogil
cdef int write_units(void *context, int64_t begin, int64_t end, int worker) noexcept nogil
cdef uint64_t tombstone_of(const uint8_t *name) noexcept nogil

cdef inline bint fits(int check, int size, int64_t value) noexcept nogil:
    """Does the value fit a field of `size` bytes?"""
    cdef int64_t limit
    if check == CHECK_NONE or size == 8:
        return True
    if size == 4 and check == CHECK_SIGNED:
        return value == <int64_t> <int32_t> value
    if size == 4 and check == CHECK_UNSIGNED:
        return value == <int64_t> <uint32_t> value
    limit = (<int64_t> 1) << (8 * size - 1)
    return -limit <= value < (limit if check == CHECK_SIGNED else 2 * limit)

cdef inline void store(uint8_t *p, int size, uint64_t value) noexcept nogil:
    if size == 4:
        write32(p, <uint32_t> value)
    elif size == 8:
        write64(p, value)
    elif size == 2:
        write16(p, <uint16_t> value)
    elif size == 1:
        p[0] = <uint8_t> value
