# The thread-local actions.

from libc.stdint cimport uint64_t

from wild.kernels.elf cimport Elf64_Rela
from wild.kernels.image cimport Target
from wild.kernels.relocate cimport Spot, Write
from wild.kernels.relocation cimport Decision

cdef int carry_out_tls(Write *write, Spot *spot, const Elf64_Rela *rela, uint64_t index, Target *target,
                       Decision *decision) noexcept nogil
