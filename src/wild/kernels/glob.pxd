# Shell patterns over bytes, and the table of patterns of a version script or dynamic list.
#
# The patterns are those of fnmatch(3) without flags, which GNU ld's manual names for VERSION: `*` any bytes, `?` one
# byte, `[a-z]` one of a set, `[!a-z]` or `[^a-z]` one not of the set (a `]` standing first is a member), `\x` the byte x.
# A bracket that is never closed stands for itself; a backslash at the end matches nothing.  Character classes such as
# `[[:alpha:]]` cannot be written in a version script and are not known.
#
# A `*` is matched greedily from the left and only the last one is ever retried, which is enough because every earlier
# one already took the shortest prefix that works; so the time is at most the product of both lengths.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memcmp

cdef enum:                       # GlobPattern.flags
    GLOB_CXX = 1                 # compared with the demangled name
    GLOB_EXACT = 2               # no pattern: the text itself

cdef struct GlobPattern:
    const uint8_t *text
    uint32_t length
    uint16_t version             # index as in .gnu.version: 0 local, 1 global, 2 the first named node
    uint16_t flags

cdef inline uint32_t bracket_match(const uint8_t *pattern, uint32_t plen, uint32_t at, uint8_t byte, bint *hit) noexcept nogil:
    """The index behind the bracket expression that begins at `at`, 0 when it is never closed; is `byte` in the set?"""
    cdef uint32_t i = at + 1
    cdef uint8_t low, high
    cdef bint negated = i < plen and (pattern[i] == b"!" or pattern[i] == b"^"), found = False
    i += negated
    cdef uint32_t first = i
    while i < plen:
        low = pattern[i]
        if low == b"]" and i > first:
            hit[0] = found != negated
            return i + 1
        if low == b"\\":
            i += 1
            if i == plen:
                return 0
            low = pattern[i]
        i += 1
        high = low
        if i + 1 < plen and pattern[i] == b"-" and pattern[i + 1] != b"]":
            i += 1
            if pattern[i] == b"\\":
                i += 1
                if i == plen:
                    return 0
            high = pattern[i]
            i += 1
        if low <= byte <= high:
            found = True
    return 0

cdef inline uint32_t element_match(const uint8_t *pattern, uint32_t plen, uint32_t at, uint8_t byte) noexcept nogil:
    """The index behind the pattern element at `at` if it matches `byte`, else 0.  Not for `*`."""
    cdef uint8_t first = pattern[at]
    cdef bint hit = False
    cdef uint32_t end
    if first == b"?":
        return at + 1
    if first == b"[":
        end = bracket_match(pattern, plen, at, byte, &hit)
        if end:
            return end if hit else 0
    elif first == b"\\":
        return at + 2 if at + 1 < plen and pattern[at + 1] == byte else 0
    return at + 1 if first == byte else 0

cdef inline bint glob_match(const uint8_t *pattern, uint32_t plen, const uint8_t *name, uint32_t nlen) noexcept nogil:
    """Does the whole name match the whole pattern?"""
    cdef uint32_t p = 0, n = 0, after_star = 0, retry = 0, next
    cdef bint star = False
    while True:
        if p < plen and pattern[p] == b"*":
            p += 1
            if p == plen:
                return True
            star = True
            after_star = p
            retry = n
            continue
        if n == nlen:
            return p == plen
        next = element_match(pattern, plen, p, name[n]) if p < plen else 0
        if next:
            p = next
            n += 1
        elif not star:
            return False
        else:
            retry += 1
            n = retry
            p = after_star

cdef inline bint pattern_match(const GlobPattern *pattern, const uint8_t *name, uint32_t length) noexcept nogil:
    if pattern.flags & GLOB_EXACT:
        return pattern.length == length and memcmp(pattern.text, name, length) == 0
    return glob_match(pattern.text, pattern.length, name, length)

cdef inline int64_t first_match(const GlobPattern *patterns, int64_t count, const uint8_t *name, uint32_t length,
                                const uint8_t *demangled, uint32_t demangled_length) noexcept nogil:
    """The index of the first pattern that matches, else -1.

    Pass the name itself as `demangled` where it is no C++ name: GNU ld compares C++ patterns with such names as they are.
    """
    cdef int64_t i
    for i in range(count):
        if patterns[i].flags & GLOB_CXX:
            if pattern_match(&patterns[i], demangled, demangled_length):
                return i
        elif pattern_match(&patterns[i], name, length):
            return i
    return -1
