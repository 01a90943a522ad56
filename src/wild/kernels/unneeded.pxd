# Archive members and libraries that an update leaves without a use.

from wild.kernels.graft cimport Graft

cdef int check_left(Graft graft, dict shapes) except -1
