# Archives as lists of members.

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from wild.kernels.mapping cimport MapRow
from wild.kernels.pool cimport Pool

cdef enum:
    SLOT_WHOLE = 128             # in Slot.flags: in --whole-archive, or a member that is wanted anyway

cdef struct Slot:                # a file of the link before it has a FileRow
    uint64_t offset, size        # in its map
    uint64_t name_offset         # of its name, in the archive
    uint64_t origin              # of the member header in a nested archive, 0: the whole map is meant
    uint32_t name_length
    uint32_t map                 # NONE: member of a thin archive that is not open yet
    uint32_t archive             # MapId of the archive that names it, NONE: not a member
    uint8_t flags                # FILE_*, SLOT_WHOLE
    uint8_t kind                 # KIND_*

# The number of members in each of `count` archives, given by slot number.
cdef int count_members(Pool pool, MapRow *maps, const Slot *slots, const int64_t *archives, int64_t *counts, int64_t count) except -1
# The members of each archive, from place[i] on in `out`.
cdef int fill_members(Pool pool, MapRow *maps, const Slot *slots, const int64_t *archives, const int64_t *place, Slot *out, int64_t count) except -1
# Sets offset and size of a member of a nested archive; 0, or -1 when there is none at its origin.
cdef int find_member(const MapRow *archive, Slot *slot) noexcept nogil
# KIND_OBJECT, KIND_BITCODE or KIND_OTHER.
cdef int member_kind(const uint8_t *base, uint64_t size) noexcept nogil
# FileRow.flags of a slot.
cdef uint8_t file_flags(const Slot *slot) noexcept nogil
