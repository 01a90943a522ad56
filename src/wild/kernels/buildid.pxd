# The state of the fast hash.

from libc.stdint cimport int64_t, uint8_t, uint64_t

cdef enum:
    LANES = 4
    STRIPE = 64                  # bytes: two words for each lane
    CHUNK = 262144               # bytes of a leaf

cdef struct Digest:              # of some bytes; two words for each lane
    uint64_t word[8]

cdef struct Leaves:              # context of the loop over chunks
    const uint8_t *data
    uint64_t size
    Digest *leaf
    bint mapped                  # the data are a map of a file

cdef void hash_stripes(const uint8_t *data, uint64_t size, Digest *digest) noexcept nogil
