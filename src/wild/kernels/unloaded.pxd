# Relocations of sections that are not loaded.

from wild.kernels.relocate cimport Spot, Write

cdef int relocate_unloaded(Write *write, Spot *spot) noexcept nogil
