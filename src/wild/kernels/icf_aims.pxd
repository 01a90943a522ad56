# Hashing and comparing foldable sections.

from libc.stdint cimport int64_t, uint32_t, uint64_t

from wild.kernels.icf cimport Icf

cdef uint64_t hash_candidate(Icf *icf, int64_t i, bint with_candidates) noexcept nogil
cdef bint same_candidates(Icf *icf, uint32_t a, uint32_t b) noexcept nogil
