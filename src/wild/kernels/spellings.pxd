# What the C library offers for searching, and Cython does not declare.

cdef extern from "string.h" nogil:
    void *memmem(const void *text, size_t length, const void *piece, size_t size) noexcept
