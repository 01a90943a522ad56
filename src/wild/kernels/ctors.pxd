# .ctors and .dtors as other kernels see them.

from libc.stdint cimport uint8_t
from libc.string cimport strncmp

from wild.kernels.files cimport Inputs
from wild.kernels.tables cimport SectionRow

cdef inline bint is_ctors(const uint8_t *name) noexcept nogil:
    """Is it .ctors, .dtors, .ctors.N or .dtors.N?"""
    if name[0] != 46 or (name[1] != 99 and name[1] != 100):  # .c, .d: that is cheaper than a call
        return False
    if strncmp(<const char *> name, b".ctors", 6) != 0 and strncmp(<const char *> name, b".dtors", 6) != 0:
        return False
    return name[6] == 0 or name[6] == 46  # a dot

# Leaves the sections of the compiler's own start files where those expect them; before parts are chosen.
cdef int spare_start_files(Inputs inputs, SectionRow *sections) except -1
