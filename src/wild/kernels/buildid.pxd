# The fast hash behind --build-id, and what of an output has been hashed.

from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcpy, memset

from wild.kernels.cc cimport fetch_add, mix
from wild.kernels.elf cimport read64

cdef extern from * nogil:
    """
    static const uint64_t wild_hash_spread = 0x9E3779B97F4A7C15ull;  /* 2^64 over the golden ratio */
    /* Digits of pi. */
    static const uint64_t wild_hash_key[8] = {
        0x243F6A8885A308D3ull, 0x13198A2E03707344ull, 0xA4093822299F31D0ull, 0x082EFA98EC4E6C89ull,
        0x452821E638D01377ull, 0xBE5466CF34E90C6Cull, 0xC0AC29B7C97C50DDull, 0x3F84D5B5B5470917ull};
    """
    const uint64_t *KEY "wild_hash_key"
    const uint64_t SPREAD "wild_hash_spread"

cdef enum:
    STRIPE = 64                  # bytes that are hashed together
    CHUNK = 32768                # bytes of a leaf

cdef struct Digest:              # of some stripes: the sums of what they come to
    uint64_t a, b

cdef struct HashedRun:           # bytes of the output, as file offsets; whole stripes
    uint64_t begin, end

cdef struct Hashing:             # of an output
    Digest *leaf                 # by chunk: what has been hashed of it
    HashedRun *run               # what is hashed while it is written
    int64_t count
    const uint8_t *data          # the whole output, in the end
    HashedRun *piece             # what is hashed then
    bint mapped                  # the data are a map of a file

cdef inline uint64_t product(const uint8_t *data, int one, int other, const uint64_t *key, uint64_t number) noexcept nogil:
    return mix(read64(data + 8 * one) ^ key[0], read64(data + 8 * other) ^ key[1] ^ number)

cdef inline void hash_stripe(Digest *sum, const uint8_t *data, uint64_t number) noexcept nogil:
    number *= SPREAD
    sum.a += mix(product(data, 0, 1, KEY, number) ^ product(data, 4, 5, KEY + 4, number),
                 product(data, 2, 3, KEY + 2, number) ^ product(data, 6, 7, KEY + 6, number))
    sum.b += mix(product(data, 1, 2, KEY, number) ^ product(data, 5, 6, KEY + 4, number),
                 product(data, 3, 4, KEY + 2, number) ^ product(data, 7, 0, KEY + 6, number))

cdef inline void add_bytes(Digest *sum, const uint8_t *data, uint64_t size, uint64_t at) noexcept nogil:
    """Add bytes that stand at `at`, a multiple of STRIPE; what the last stripe lacks counts as zeros."""
    cdef Digest found
    cdef uint8_t last[STRIPE]
    cdef uint64_t number = at // STRIPE
    found.a = 0
    found.b = 0
    while size >= STRIPE:
        hash_stripe(&found, data, number)
        data += STRIPE
        size -= STRIPE
        number += 1
    if size:
        memset(last, 0, STRIPE)
        memcpy(last, data, size)
        hash_stripe(&found, last, number)
    sum.a += found.a
    sum.b += found.b

cdef inline void add_to_leaves(Hashing *hashing, const uint8_t *data, uint64_t begin, uint64_t end) noexcept nogil:
    """Hash bytes of the output from one offset, a multiple of STRIPE, to another; `data`: the first of them."""
    cdef Digest found
    cdef uint64_t size
    cdef Digest *leaf
    while begin < end:
        size = min(end, (begin // CHUNK + 1) * CHUNK) - begin
        found.a = 0
        found.b = 0
        add_bytes(&found, data, size, begin)
        leaf = hashing.leaf + begin // CHUNK
        fetch_add(<int64_t *> &leaf.a, <int64_t> found.a)
        fetch_add(<int64_t *> &leaf.b, <int64_t> found.b)
        data += size
        begin += size

cdef inline void hash_run(Hashing *hashing, const uint8_t *run, uint64_t size, uint64_t at) noexcept nogil:
    """Hash the whole stripes of bytes that are in the cache and will be at `at`, and note that."""
    cdef uint64_t begin = (at + STRIPE - 1) // STRIPE * STRIPE
    cdef uint64_t end = (at + size) // STRIPE * STRIPE
    cdef HashedRun *row
    if begin < end:
        add_to_leaves(hashing, run + (begin - at), begin, end)
        row = hashing.run + fetch_add(&hashing.count, 1)
        row.begin = begin
        row.end = end
