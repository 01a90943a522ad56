# What the passes that write dynamic relocations and .dynamic see of the dynamic symbols.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from wild.kernels.dynhash cimport HashTables
from wild.kernels.dynnames cimport DynamicTables
from wild.kernels.dynversions cimport Versions
from wild.kernels.pool cimport Arena, Pool
from wild.kernels.views cimport Tables, Views

cdef class DynamicSymbols:
    cdef Pool pool
    cdef Views views
    cdef Arena arena
    cdef readonly Versions versions
    cdef DynamicTables view
    cdef HashTables hashes
    cdef uint64_t string_size    # of .dynstr
    cdef dict strings            # bytes -> offset, of what was added by add_string
    cdef list fixed              # the same strings in order
    cdef uint64_t fixed_size
    cdef bint gnu, sysv, prepared
    cdef int64_t spare           # entries of .dynsym, bytes of .dynstr and .gnu.version_r for later links
    cdef uint64_t spare_names, spare_versions
    cdef readonly uint32_t per_bucket    # the same for definitions, in each bucket of .gnu.hash
    cdef int number_rows(self) except -1
