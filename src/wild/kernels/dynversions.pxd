# Symbol versions of the output: what it requires of shared objects and what it defines.

from libc.stdint cimport int64_t, uint8_t, uint16_t

from wild.kernels.dynhash cimport DynamicRow
from wild.kernels.pool cimport Arena, Fault, Pool
from wild.kernels.views cimport Tables

cdef enum:
    SEEN = 1                     # a version that some symbol of the output is bound to
    SEEN_STRONGLY = 2            # ... by a reference that is not weak
    VERSIONS = 32768             # version indices have 15 bits

cdef struct VersionTables:
    Tables *tables
    DynamicRow *row
    uint8_t *seen                # SharedRow x VERSIONS
    uint16_t *number             # SharedRow x VERSIONS -> index in the output
    Fault *fault

cdef class Versions:
    cdef VersionTables view
    cdef Arena arena
    cdef object dynsyms          # whose add_string is used
    cdef dict required           # soname -> {version: is it needed strongly}
    cdef list implied            # (beginning of a soname, beginning of a version, version that comes with it)
    cdef list numbered           # (SharedRow, version index there, soname, version) of what symbols are bound to
    cdef readonly bytes requirements     # contents of .gnu.version_r
    cdef readonly bytes definitions      # ... and .gnu.version_d, after bind()
    cdef bytes base
    cdef list nodes              # (name, parents) of .gnu.version_d
    cdef int bind(self, Pool pool, Tables *tables, DynamicRow *row, int64_t total, list sonames) except -1
    cdef int require_of(self, int64_t shared, bytes soname) except -1
    cdef int add_implied(self) except -1
    cdef int number_requirements(self) except -1
    cdef bytes encode_requirements(self)
    cdef bytes encode_definitions(self, list used)
