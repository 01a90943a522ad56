# What other kernels see of versions of symbols: aliases, and the names of a shared object's versions.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from wild.kernels.files cimport Inputs
from wild.kernels.names cimport NameTable
from wild.kernels.resolve cimport Resolve
from wild.kernels.tables cimport Files

cdef int find_aliases(Inputs inputs, NameTable names, Resolve *state) except -1
cdef const char *version_name(const Files *files, uint32_t file, uint32_t version) noexcept nogil
