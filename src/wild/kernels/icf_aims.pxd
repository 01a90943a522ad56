# Hashing and comparing foldable sections.

from libc.stdint cimport int64_t, uint32_t, uint64_t

from wild.kernels.elf cimport Elf64_Rela
from wild.kernels.icf cimport Aim, Icf

cdef void aim_of(Icf *icf, uint32_t file, const Elf64_Rela *rela, Aim *aim) noexcept nogil
cdef uint64_t hash_candidate(Icf *icf, int64_t i, bint with_candidates) noexcept nogil
cdef bint same_candidates(Icf *icf, uint32_t a, uint32_t b) noexcept nogil
