# What the C compiler offers and Cython has no spelling for: atomics, a 64x64->128 multiply for hashing, futexes, prefetch.

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef extern from *:
    """
    #include <linux/futex.h>
    #include <limits.h>
    #include <stdint.h>
    #include <string.h>
    #include <sys/syscall.h>
    #include <unistd.h>

    #define wild_fetch_add(p, n) __atomic_fetch_add((p), (n), __ATOMIC_RELAXED)
    #define wild_fetch_add32(p, n) __atomic_fetch_add((p), (n), __ATOMIC_RELAXED)
    #define wild_fetch_or32(p, n) __atomic_fetch_or((p), (n), __ATOMIC_RELAXED)
    #define wild_fetch_or8(p, n) __atomic_fetch_or((p), (n), __ATOMIC_RELAXED)
    #define wild_fetch_or16(p, n) __atomic_fetch_or((p), (n), __ATOMIC_RELAXED)
    #define wild_load32(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
    #define wild_store32(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
    #define wild_exchange32(p, v) __atomic_exchange_n((p), (v), __ATOMIC_ACQ_REL)
    #define wild_likely(x) __builtin_expect(!!(x), 1)
    #define wild_unlikely(x) __builtin_expect(!!(x), 0)

    /* Publish before counting down: pairs with the acquire in the waiter. */
    static inline uint32_t wild_add_release32(uint32_t *p, uint32_t n) {
        return __atomic_add_fetch(p, n, __ATOMIC_ACQ_REL);
    }
    static inline void wild_min64(uint64_t *p, uint64_t v) {
        uint64_t old = __atomic_load_n(p, __ATOMIC_RELAXED);
        while (v < old && !__atomic_compare_exchange_n(p, &old, v, 1, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {}
    }
    static inline void wild_min32(uint32_t *p, uint32_t v) {
        uint32_t old = __atomic_load_n(p, __ATOMIC_RELAXED);
        while (v < old && !__atomic_compare_exchange_n(p, &old, v, 1, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {}
    }
    static inline void wild_max32(uint32_t *p, uint32_t v) {
        uint32_t old = __atomic_load_n(p, __ATOMIC_RELAXED);
        while (v > old && !__atomic_compare_exchange_n(p, &old, v, 1, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {}
    }
    /* OR that leaves a shared cache line alone when there is nothing to add. */
    static inline void wild_set_bits32(uint32_t *p, uint32_t bits) {
        if ((__atomic_load_n(p, __ATOMIC_RELAXED) & bits) != bits)
            __atomic_fetch_or(p, bits, __ATOMIC_RELAXED);
    }
    static inline void wild_set_bits8(uint8_t *p, uint8_t bits) {
        if ((__atomic_load_n(p, __ATOMIC_RELAXED) & bits) != bits)
            __atomic_fetch_or(p, bits, __ATOMIC_RELAXED);
    }
    static inline uint64_t wild_mix(uint64_t a, uint64_t b) {
        __uint128_t r = (__uint128_t)a * b;
        return (uint64_t)r ^ (uint64_t)(r >> 64);
    }
    static inline long wild_futex_wait(uint32_t *p, uint32_t expected) {
        return syscall(SYS_futex, p, FUTEX_WAIT_PRIVATE, expected, 0, 0, 0);
    }
    static inline long wild_futex_wake(uint32_t *p, int count) {
        return syscall(SYS_futex, p, FUTEX_WAKE_PRIVATE, count, 0, 0, 0);
    }
    /* The barrier costs nothing and does nothing, but a function that only prefetches is for GCC one without effects,
       whose calls it drops. */
    static inline void wild_prefetch(const void *p) {
        __builtin_prefetch(p);
        __asm__ volatile("");
    }
    static inline void wild_relax(void) { __builtin_ia32_pause(); }
    static inline int wild_ctz64(uint64_t x) { return __builtin_ctzll(x); }
    """
    int64_t fetch_add "wild_fetch_add"(int64_t *p, int64_t n) noexcept nogil
    uint32_t fetch_add32 "wild_fetch_add32"(uint32_t *p, uint32_t n) noexcept nogil
    uint32_t fetch_or32 "wild_fetch_or32"(uint32_t *p, uint32_t bits) noexcept nogil
    uint16_t fetch_or16 "wild_fetch_or16"(uint16_t *p, uint16_t bits) noexcept nogil
    uint8_t fetch_or8 "wild_fetch_or8"(uint8_t *p, uint8_t bits) noexcept nogil
    uint32_t load32 "wild_load32"(uint32_t *p) noexcept nogil
    void store32 "wild_store32"(uint32_t *p, uint32_t v) noexcept nogil
    uint32_t exchange32 "wild_exchange32"(uint32_t *p, uint32_t v) noexcept nogil
    uint32_t add_release32 "wild_add_release32"(uint32_t *p, uint32_t n) noexcept nogil
    void atomic_min64 "wild_min64"(uint64_t *p, uint64_t v) noexcept nogil
    void atomic_min32 "wild_min32"(uint32_t *p, uint32_t v) noexcept nogil
    void atomic_max32 "wild_max32"(uint32_t *p, uint32_t v) noexcept nogil
    void set_bits32 "wild_set_bits32"(uint32_t *p, uint32_t bits) noexcept nogil
    void set_bits8 "wild_set_bits8"(uint8_t *p, uint8_t bits) noexcept nogil
    uint64_t mix "wild_mix"(uint64_t a, uint64_t b) noexcept nogil
    long futex_wait "wild_futex_wait"(uint32_t *p, uint32_t expected) noexcept nogil
    long futex_wake "wild_futex_wake"(uint32_t *p, int count) noexcept nogil
    void relax "wild_relax"() noexcept nogil
    void prefetch "wild_prefetch"(const void *p) noexcept nogil
    bint likely "wild_likely"(bint x) noexcept nogil
    bint unlikely "wild_unlikely"(bint x) noexcept nogil
    int ctz64 "wild_ctz64"(uint64_t x) noexcept nogil

cdef extern from * nogil:
    """
    /* A 64-bit hash of a byte string, 16 bytes a step by a folded 64x64 multiply. */
    static inline uint64_t wild_hash(const uint8_t *p, uint64_t n) {
        uint64_t h = 0x9E3779B97F4A7C15ull ^ n, a, b;
        while (n > 16) {
            memcpy(&a, p, 8); memcpy(&b, p + 8, 8);
            h = wild_mix(a ^ h ^ 0xA0761D6478BD642Full, b ^ 0xE7037ED1A0B428DBull);
            p += 16; n -= 16;
        }
        if (n >= 8) { memcpy(&a, p, 8); memcpy(&b, p + n - 8, 8); }
        else if (n >= 4) { uint32_t x, y; memcpy(&x, p, 4); memcpy(&y, p + n - 4, 4); a = x; b = y; }
        else if (n) { a = ((uint64_t)p[0] << 16) | ((uint64_t)p[n >> 1] << 8) | p[n - 1]; b = 0; }
        else { a = b = 0; }
        h = wild_mix(a ^ h ^ 0xA0761D6478BD642Full, b ^ 0xE7037ED1A0B428DBull);
        return wild_mix(h ^ 0x8EBC6AF09C88C6E3ull, 0x589965CC75374CC3ull);
    }
    """
    uint64_t hash_bytes "wild_hash"(const uint8_t *p, uint64_t n) noexcept
