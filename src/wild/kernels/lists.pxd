# A list of ids that grows, one for each worker: what a parallel loop finds before anybody knows how much it will be.

from libc.stdint cimport int64_t, uint32_t
from libc.stdlib cimport free, realloc

cdef struct IdList:
    uint32_t *item
    int64_t count, room

cdef inline int push(IdList *list, uint32_t item) noexcept nogil:
    """Append; non-zero when memory is exhausted."""
    cdef int64_t room
    cdef void *grown
    if list.count == list.room:
        room = 2 * list.room if list.room else 256
        grown = realloc(list.item, room * 4)
        if grown == NULL:
            return 1
        list.item = <uint32_t *> grown
        list.room = room
    list.item[list.count] = item
    list.count += 1
    return 0

cdef inline void drop(IdList *list) noexcept nogil:
    free(list.item)
    list.item = NULL
    list.count = 0
    list.room = 0
