# A hash table of names that the user listed in a file, each with its place in the list.

from libc.stdint cimport uint64_t, uint8_t
from libc.string cimport memcmp

from wild.kernels.cc cimport hash_bytes

cdef struct ListedName:          # a slot; the names belong to whoever made the table
    const uint8_t *text          # NULL: free
    uint64_t length
    uint64_t number              # from 1 on
    bint found

cdef inline uint64_t listed_name_slots(uint64_t count) noexcept nogil:
    """A power of two that leaves at least half of the slots free."""
    cdef uint64_t slots = 2
    while slots < 2 * count:
        slots *= 2
    return slots

cdef inline ListedName *find_listed_name(ListedName *table, uint64_t mask, const uint8_t *text, uint64_t length) noexcept nogil:
    """The slot of a name, or the free one where it would be put."""
    cdef uint64_t at = hash_bytes(text, length) & mask
    while table[at].text != NULL and (table[at].length != length or memcmp(table[at].text, text, length)):
        at = (at + 1) & mask
    return table + at

cdef inline int list_name(ListedName *table, uint64_t mask, const uint8_t *text, uint64_t length, uint64_t number) noexcept nogil:
    """Enter a name; of equal ones the first counts."""
    cdef ListedName *slot = find_listed_name(table, mask, text, length)
    if slot.text == NULL:
        slot.text = text
        slot.length = length
        slot.number = number
    return 0
