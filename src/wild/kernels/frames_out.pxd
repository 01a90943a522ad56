# Writing call frame information.

from wild.kernels.frames cimport FrameWriting
from wild.kernels.pool cimport Pool

# Write all records, `synthetic` ones ([records, address, size]) last, the terminator and .eh_frame_hdr.
cdef int write_frames(Pool pool, FrameWriting *writing, list synthetic) except -1
