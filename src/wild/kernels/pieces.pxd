# Cutting mergeable sections: where the zero bytes of a stretch are, and a hash wide enough to stand for the bytes.
#
# A search that restarts at every string spends its time on mispredicted ends.  A mask of the zero bytes of 64 bytes
# costs the same whatever it finds, and its set bits are the ends of all strings that end there.

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

cdef extern from * nogil:
    """
    #include <stdint.h>
    #include <string.h>
    #ifdef __SSE2__
    #include <emmintrin.h>
    #endif

    /* Bit i: p[i] is zero, for 64 bytes. */
    static inline uint64_t wild_zeros64(const uint8_t *p) {
        uint64_t mask = 0;
    #ifdef __SSE2__
        const __m128i zero = _mm_setzero_si128();
        #pragma GCC unroll 4
        for (int i = 0; i < 4; i++) {
            __m128i v = _mm_loadu_si128((const __m128i *)(p + 16 * i));
            mask |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v, zero)) << 16 * i;
        }
    #else
        const uint64_t low = 0x7F7F7F7F7F7F7F7Full;
        for (int i = 0; i < 8; i++) {
            uint64_t v;
            memcpy(&v, p + 8 * i, 8);
            v = ~(((v & low) + low) | v | low);      /* 0x80 in every zero byte, exactly */
            mask |= ((v >> 7) * 0x0102040810204080ull >> 56) << 8 * i;
        }
    #endif
        return mask;
    }

    /* How many of n bytes are zero. */
    static inline uint64_t wild_count_zeros(const uint8_t *p, uint64_t n) {
        uint64_t count = 0;
    #ifdef __SSE2__
        const __m128i zero = _mm_setzero_si128();
        while (n >= 16) {
            uint64_t blocks = n / 16 < 255 ? n / 16 : 255;   /* what a byte can count to */
            __m128i sum = zero;
            for (uint64_t i = 0; i < blocks; i++, p += 16)
                sum = _mm_sub_epi8(sum, _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)p), zero));
            sum = _mm_sad_epu8(sum, zero);
            count += _mm_cvtsi128_si64(sum) + _mm_cvtsi128_si64(_mm_srli_si128(sum, 8));
            n -= 16 * blocks;
        }
    #endif
        while (n--)
            count += *p++ == 0;
        return count;
    }

    typedef struct { uint64_t high; uint32_t low; } wild_wide_hash;

    static inline uint64_t wild_fold(uint64_t a, uint64_t b) {
        __uint128_t r = (__uint128_t)a * b;
        return (uint64_t)r ^ (uint64_t)(r >> 64);
    }

    /* 96 bits: every 16 bytes go through two folded multiplies with independent constants. */
    static inline wild_wide_hash wild_hash_piece(const uint8_t *p, uint64_t n) {
        uint64_t h = 0x9E3779B97F4A7C15ull ^ n, g = 0xC2B2AE3D27D4EB4Full + n, a, b;
        while (n > 16) {
            memcpy(&a, p, 8); memcpy(&b, p + 8, 8);
            h = wild_fold(a ^ h ^ 0xA0761D6478BD642Full, b ^ 0xE7037ED1A0B428DBull);
            g = wild_fold(a ^ 0x8EBC6AF09C88C6E3ull, b ^ g ^ 0x589965CC75374CC3ull);
            p += 16; n -= 16;
        }
        if (n >= 8) { memcpy(&a, p, 8); memcpy(&b, p + n - 8, 8); }
        else if (n >= 4) { uint32_t x, y; memcpy(&x, p, 4); memcpy(&y, p + n - 4, 4); a = x; b = y; }
        else if (n) { a = ((uint64_t)p[0] << 16) | ((uint64_t)p[n >> 1] << 8) | p[n - 1]; b = 0; }
        else { a = b = 0; }
        h = wild_fold(a ^ h ^ 0xA0761D6478BD642Full, b ^ 0xE7037ED1A0B428DBull);
        g = wild_fold(a ^ 0x8EBC6AF09C88C6E3ull, b ^ g ^ 0x589965CC75374CC3ull);
        wild_wide_hash wide;
        wide.high = wild_fold(h ^ 0x1D8E4E27C47D124Full, 0xEB44ACCAB455D165ull);
        wide.low = (uint32_t)(wild_fold(g ^ 0x2127599BF4325C37ull, 0x880355F21E6D1965ull) >> 16);
        return wide;
    }
    """
    ctypedef struct WideHash "wild_wide_hash":
        uint64_t high
        uint32_t low
    uint64_t zeros64 "wild_zeros64"(const uint8_t *p) noexcept
    int lowest "__builtin_ctzll"(uint64_t x) noexcept
    int popcount64 "__builtin_popcountll"(uint64_t x) noexcept
    uint64_t count_zeros "wild_count_zeros"(const uint8_t *p, uint64_t n) noexcept
    WideHash hash_piece "wild_hash_piece"(const uint8_t *p, uint64_t n) noexcept

cdef struct Cutter:              # the zero-terminated strings of one section
    const uint8_t *bytes
    uint64_t size                # a multiple of the width
    uint32_t width               # of a character: a power of two up to 64
    uint64_t starts              # bit i: a character of a 64-byte block may start at i

cdef inline Cutter cutter(const uint8_t *bytes, uint64_t size, uint32_t width) noexcept nogil:
    cdef Cutter cut
    cdef uint32_t i = width
    cut.bytes = bytes
    cut.size = size
    cut.width = width
    cut.starts = 1
    while i < 64:
        cut.starts |= cut.starts << i
        i *= 2
    return cut

cdef inline uint64_t terminators(const Cutter *cut, uint64_t at) noexcept nogil:
    """Bit i: the character at `at` + i is zero; for the 64 bytes from `at` on, none of it behind the section's end."""
    cdef uint8_t[64] rest
    cdef uint64_t mask
    cdef uint32_t i = 1
    cdef int k
    if at + 64 <= cut.size:
        mask = zeros64(cut.bytes + at)
    else:
        for k in range(64):
            rest[k] = cut.bytes[at + k] if at + k < cut.size else 1
        mask = zeros64(rest)
    while i < cut.width:
        mask &= mask >> i
        i *= 2
    return mask & cut.starts

cdef inline uint64_t first_start(const Cutter *cut, uint64_t at) noexcept nogil:
    """The first string that starts at or behind `at`, a multiple of the width; cut.size if there is none."""
    cdef uint64_t mask, before
    if at == 0:
        return 0
    before = at - cut.width
    while before < cut.size:
        mask = terminators(cut, before)
        if mask:
            return before + cut.width + lowest(mask)
        before += 64
    return cut.size

cdef inline uint64_t count_starts(const Cutter *cut, uint64_t begin, uint64_t end) noexcept nogil:
    """How many strings start in [begin, end), both multiples of the width; not empty."""
    cdef uint64_t count = begin == 0, at = 0 if begin == 0 else begin - cut.width, mask
    cdef uint64_t limit = end - cut.width
    if cut.width == 1:
        return count + count_zeros(cut.bytes + at, limit - at)
    while at < limit:
        mask = terminators(cut, at)
        if limit - at < 64:
            mask &= (<uint64_t> 1 << (limit - at)) - 1
        count += popcount64(mask)
        at += 64
    return count

# The jobs of merge.py over batches; the context is a MergeWork.
cdef int count_pieces(void *context, int64_t begin, int64_t end, int worker) noexcept nogil
cdef int cut_batches(void *context, int64_t begin, int64_t end, int worker) noexcept nogil
