# -z unique-symbol: every local symbol has a name of its own.

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from wild.kernels.elf cimport Elf64_Sym
from wild.kernels.partial cimport Partial
from wild.kernels.pool cimport Arena
from wild.kernels.symslices cimport SymtabTables

cdef inline uint64_t suffix_size(uint32_t number) noexcept nogil:
    """Bytes of a full stop and a number in hexadecimal."""
    cdef uint64_t size = 2
    while number > 15:
        number >>= 4
        size += 1
    return size

cdef inline void write_suffix(uint8_t *to, uint32_t number) noexcept nogil:
    """Write the suffix and a NUL."""
    cdef uint64_t i = suffix_size(number)
    to[0] = b"."
    to[i] = 0
    while i > 1:
        i -= 1
        to[i] = b"0123456789abcdef"[number & 15]
        number >>= 4

cdef bint is_numbered(const Elf64_Sym *sym) noexcept nogil
cdef int number_slices(SymtabTables *view, int64_t slices, Arena arena) except -1
cdef int number_partial(Partial *partial, Arena arena) except -1
