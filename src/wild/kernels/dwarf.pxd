# Units of debug information in the finished output, and what .gdb_index says about them.

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

cdef struct Content:              # a section's contents; empty if there is none
    const uint8_t *at
    uint64_t size

cdef struct Dwarf:
    Content info, types, abbrev, addr, ranges, rnglists, pubnames, pubtypes

cdef enum:                       # UnitRow.kind
    UNIT_CODE = 1                # a compilation unit, or the skeleton of one
    UNIT_TYPE = 2                # a type unit of .debug_info
    UNIT_OLD_TYPE = 3            # ... of .debug_types

cdef struct UnitRow:
    uint64_t offset, size        # in its section, with the length field
    uint64_t abbrev              # offset of its abbreviations
    uint64_t die                 # offset of its first entry, in its section
    uint64_t signature, type_offset
    uint64_t low                 # DW_AT_low_pc
    uint64_t addr_base, rnglists_base
    uint64_t first_range, ranges # in AddressRow
    uint32_t index               # in the list of compilation units, or that of type units
    uint8_t kind, version, address_size
    uint8_t wide                 # 64-bit DWARF
    uint8_t named                # a set of names speaks of it
    uint8_t bad

cdef struct AddressRow:
    uint64_t low, high
    uint32_t unit

cdef struct Reader:              # reads forward; `failed` is set instead of reading behind the end
    const uint8_t *at
    const uint8_t *end
    bint failed

cdef inline uint64_t take(Reader *r, uint64_t size) noexcept nogil:
    """An unsigned number of 1 to 8 bytes, little-endian."""
    cdef uint64_t value = 0
    cdef uint64_t i
    if r.failed or <uint64_t> (r.end - r.at) < size:
        r.failed = True
        return 0
    for i in range(size):
        value |= <uint64_t> r.at[i] << (8 * i)
    r.at += size
    return value

cdef inline void skip(Reader *r, uint64_t size) noexcept nogil:
    if r.failed or <uint64_t> (r.end - r.at) < size:
        r.failed = True
    else:
        r.at += size

cdef inline uint64_t take_uleb(Reader *r) noexcept nogil:
    cdef uint64_t value = 0
    cdef int shift = 0
    cdef uint8_t byte
    while True:
        if r.failed or r.at == r.end:
            r.failed = True
            return 0
        byte = r.at[0]
        r.at += 1
        if shift < 64:
            value |= <uint64_t> (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value

cdef inline void skip_string(Reader *r) noexcept nogil:
    cdef uint8_t last
    while not r.failed:
        if r.at == r.end:
            r.failed = True
            return
        last = r.at[0]
        r.at += 1
        if last == 0:
            return

cdef inline Reader reader_of(Content *section, uint64_t offset) noexcept nogil:
    """Reads a section from an offset to its end."""
    cdef Reader r
    r.failed = offset > section.size
    r.at = section.at if r.failed else section.at + offset
    r.end = section.at + section.size
    return r

cdef inline Reader unit_reader(Content *section, const UnitRow *unit) noexcept nogil:
    """Reads a unit from its first entry to its end."""
    cdef Reader r = reader_of(section, unit.die)
    r.end = section.at + unit.offset + unit.size
    if r.at > r.end:
        r.failed = True
    return r
