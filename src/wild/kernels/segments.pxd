# The dynamic section of shared objects.

from libc.stdint cimport uint32_t, uint8_t

from wild.kernels.pool cimport Fault
from wild.kernels.tables cimport FileRow, SharedRow

# Finds what headers.py finds by section headers in a shared object that has none.
cdef int read_dynamic_tables(const uint8_t *base, FileRow *row, SharedRow *shared, uint32_t file, Fault *fault) noexcept nogil
# Checks .dynamic, whose place is known, against the string table, and finds the SONAME.
cdef int check_dynamic(const uint8_t *base, FileRow *row, SharedRow *shared, uint32_t file, Fault *fault) noexcept nogil
