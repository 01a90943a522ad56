# Common records of call frame information: what they say, and which are equal.

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from wild.kernels.frames cimport CieRow, FrameRow, FrameWork

# Fill `encoding` and `readable` from the bytes of the record.
cdef void read_augmentation(CieRow *cie, const uint8_t *record) noexcept nogil
# Fill `hash`; the row's relocations are known.
cdef void hash_cie(FrameWork *work, CieRow *cie) noexcept nogil
# Set `canonical` of the CIEs in use to the first equal one; `slot` has mask + 1 zeroed words, twice as many as are used.
cdef void intern_cies(FrameWork *work, uint32_t *slot, uint64_t mask) noexcept nogil
# Can the FDE be found by its function's address in .eh_frame_hdr?
cdef bint has_hdr_entry(FrameWork *work, FrameRow *frame) noexcept nogil
