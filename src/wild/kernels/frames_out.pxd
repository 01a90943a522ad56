# Writing call frame information.

from libc.stdint cimport uint8_t, uint64_t

from wild.kernels.frames cimport FrameWriting
from wild.kernels.pool cimport Pool

# Write all records, `synthetic` ones ([records, address, size]) last, the terminator and .eh_frame_hdr.
cdef int write_frames(Pool pool, FrameWriting *writing, list synthetic) except -1

cdef void write_unused(uint8_t *to, uint64_t size) noexcept nogil
