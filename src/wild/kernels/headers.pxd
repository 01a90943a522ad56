# The ELF headers of objects and shared objects.

from libc.stdint cimport int64_t, uint32_t

from wild.kernels.pool cimport Pool
from wild.kernels.tables cimport Files

cdef enum:
    PT_LOAD = 1
    PT_DYNAMIC = 2
    DT_HASH = 4
    DT_SYMTAB = 6
    DT_GNU_HASH = 0x6FFFFEF5
    DT_VERSYM = 0x6FFFFFF0
    DT_FLAGS_1 = 0x6FFFFFFB
    DT_VERDEF = 0x6FFFFFFC
    DT_VERDEFNUM = 0x6FFFFFFD
    DF_1_PIE = 0x08000000

# Fills in the rows of files [1, count) and gives every file its GlobalIds and LocalIds.
cdef int read_all_headers(Pool pool, Files *files) except -1
