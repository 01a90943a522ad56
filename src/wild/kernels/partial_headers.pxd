# Section headers of a partial link.

from wild.kernels.partial cimport Partial

cdef enum:
    ELFOSABI_GNU = 3

cdef enum:                       # where the names of the linker's own sections begin in .shstrtab
    NAME_GROUP = 1
    NAME_SYMTAB = 8
    NAME_XINDEX = 16
    NAME_STRTAB = 30
    NAME_SHSTRTAB = 38
    NAMES_SIZE = 48

cdef void number_headers(Partial *partial) noexcept nogil
cdef void place_contents(Partial *partial) noexcept nogil
cdef void write_headers(Partial *partial) noexcept nogil
cdef void name_groups(Partial *partial) noexcept nogil
