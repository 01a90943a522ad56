# Sections sorted by number.

from libc.stdint cimport int64_t, uint8_t, uint64_t

from wild.kernels.image cimport Image
from wild.kernels.measure cimport Layout
from wild.kernels.sections cimport PartKey

cdef object place_by_number(Layout layout, PartKey *key)
cdef uint64_t number_in_name(const uint8_t *name) noexcept nogil
cdef bint is_in_file(Image *image, int64_t file, uint64_t section) noexcept nogil
