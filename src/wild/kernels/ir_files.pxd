# What the plugin kernel sees of the files of intermediate code.

from libc.stdint cimport int64_t, uint32_t, uint64_t

from wild.kernels.elf cimport MutableBytes
from wild.kernels.files cimport Inputs

cdef int stand_in_for(Inputs inputs, int64_t file, MutableBytes base, uint64_t size) except -1
