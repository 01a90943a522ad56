# Reading units of debug information.

from libc.stdint cimport int64_t, uint64_t

from wild.kernels.dwarf cimport AddressRow, Content, Dwarf, UnitRow

cdef struct Attribute:           # of a first entry; form 0: it has none
    uint64_t form, value

cdef int64_t read_units(Content *section, bint old_types, UnitRow *units) noexcept nogil
cdef uint64_t unit_ranges(Dwarf *dwarf, UnitRow *unit, AddressRow *out) noexcept nogil
