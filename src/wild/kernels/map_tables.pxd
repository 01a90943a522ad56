from wild.kernels.files cimport Inputs
from wild.kernels.image cimport Image
from wild.kernels.resolve cimport Resolution

cdef class MapTables:
    cdef Image view
    cdef Resolution resolution
    cdef Inputs inputs
    cdef object owner            # of what `view` points to
    cdef bint whole              # all sections are in the output as they are, whatever their kind (-r)
