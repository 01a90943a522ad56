# Sections sorted by number.

from wild.kernels.measure cimport Layout
from wild.kernels.sections cimport PartKey

cdef object place_by_number(Layout layout, PartKey *key)
