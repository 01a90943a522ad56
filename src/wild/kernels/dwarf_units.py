"""Units of debug information in the finished output: their headers, and which addresses their code has.

A unit's first entry says where its code is: DW_AT_low_pc and DW_AT_high_pc, or DW_AT_ranges with a list in
.debug_ranges (DWARF 4, 2.17.3) or .debug_rnglists (DWARF 5, 2.17.3), whose addresses may stand in .debug_addr.  Split
units have a skeleton here that says the same.  Code that was dropped has the tombstone 0 or 1 for its address, or an
empty range, and is left out.

Everything is read through a Reader that never leaves its section; a unit that cannot be read is marked bad.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint8_t, uint64_t
from cython.cimports.wild.kernels.dwarf import *
from cython.cimports.wild.kernels.dwarf_units import Attribute

WIDE = cython.declare(cython.const[uint64_t], 0xFFFFFFFF)
NO_BASE = cython.declare(cython.const[uint64_t], 0xFFFFFFFFFFFFFFFF)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def read_units(
    section: cython.pointer[Content], old_types: cython.bint, units: cython.pointer[UnitRow]
) -> int64_t:
    """Count the units of a section, or fill their rows if `units` is not NULL; -1: a header cannot be read."""
    count: int64_t = 0
    at: uint64_t = 0
    unit = cython.declare(UnitRow)
    while at < section.size:
        if not read_header(section, at, old_types, cython.address(unit)):
            return -1
        if units is not cython.NULL:
            units[count] = unit
        count += 1
        at += unit.size
    return count


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def read_header(
    section: cython.pointer[Content], at: uint64_t, old_types: cython.bint, unit: cython.pointer[UnitRow]
) -> cython.bint:
    """DWARF 5, 7.5.1, and DWARF 4, 7.5.1."""
    r: Reader = reader_of(section, at)
    zero(unit)
    unit.offset = at
    unit.size = take(cython.address(r), 4) + 4
    if unit.size == WIDE + 4:
        unit.wide = 1
        unit.size = take(cython.address(r), 8) + 12
    word: uint64_t = 8 if unit.wide else 4
    if r.failed or unit.size < 4 or unit.size > section.size - at:
        return False
    unit.version = cython.cast(uint8_t, min(take(cython.address(r), 2), 255))
    kind: uint64_t = 4 if old_types else 1  # DW_UT_type, DW_UT_compile
    if unit.version >= 5:
        kind = take(cython.address(r), 1)
        unit.address_size = cython.cast(uint8_t, take(cython.address(r), 1))
    unit.abbrev = take(cython.address(r), word)
    if unit.version < 5:
        unit.address_size = cython.cast(uint8_t, take(cython.address(r), 1))
    unit.kind = UNIT_CODE
    if kind == 2 or kind == 6:  # DW_UT_type, DW_UT_split_type
        kind = 4
    elif unit.version >= 5 and kind == 4:  # DW_UT_skeleton
        skip(cython.address(r), 8)
        kind = 1
    elif unit.version >= 5 and kind == 5:  # DW_UT_split_compile
        skip(cython.address(r), 8)
    if kind == 4:
        unit.kind = UNIT_OLD_TYPE if old_types else UNIT_TYPE
        unit.signature = take(cython.address(r), 8)
        unit.type_offset = take(cython.address(r), word)
    unit.die = cython.cast(uint64_t, r.at - section.at)
    return not r.failed and 2 <= unit.version <= 5 and unit.address_size == 8


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def zero(unit: cython.pointer[UnitRow]) -> cython.void:
    unit.kind = unit.wide = unit.named = unit.bad = unit.version = unit.address_size = 0
    unit.signature = unit.type_offset = unit.low = unit.addr_base = 0
    unit.rnglists_base = NO_BASE
    unit.first_range = unit.ranges = 0
    unit.index = 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def find_abbreviation(dwarf: cython.pointer[Dwarf], offset: uint64_t, wanted: uint64_t) -> Reader:
    """A reader of the attributes of an abbreviation (DWARF 5, 7.5.3)."""
    r: Reader = reader_of(cython.address(dwarf.abbrev), offset)
    while True:
        code: uint64_t = take_uleb(cython.address(r))
        if r.failed or code == 0:
            r.failed = True
            return r
        take_uleb(cython.address(r))
        skip(cython.address(r), 1)
        if code == wanted:
            return r
        while not r.failed:
            attribute: uint64_t = take_uleb(cython.address(r))
            form: uint64_t = take_uleb(cython.address(r))
            if form == 0x21:  # DW_FORM_implicit_const
                take_uleb(cython.address(r))
            if attribute == 0 and form == 0:
                break


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def take_form(
    r: cython.pointer[Reader], unit: cython.pointer[UnitRow], form: uint64_t, constant: uint64_t
) -> uint64_t:
    """Read a value of a form (DWARF 5, 7.5.6); blocks and strings are passed over."""
    word: uint64_t = 8 if unit.wide else 4
    if form == 0x16:  # indirect
        form = take_uleb(r)
    if form == 0x19:
        return 1
    if form == 0x21:
        return constant
    if form == 0x08:
        skip_string(r)
        return 0
    if form == 0x09 or form == 0x18:
        skip(r, take_uleb(r))
        return 0
    if form == 0x03 or form == 0x04 or form == 0x0A:
        skip(r, take(r, 2 if form == 0x03 else (4 if form == 0x04 else 1)))
        return 0
    if form == 0x1E:
        skip(r, 16)
        return 0
    if form == 0x0D or form == 0x0F or form == 0x15 or form == 0x1A or form == 0x1B or form == 0x22:
        return take_uleb(r)
    if form == 0x23 or form == 0x1F01 or form == 0x1F02:
        return take_uleb(r)
    return take(r, fixed_size(r, form, word, unit.version))


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def fixed_size(r: cython.pointer[Reader], form: uint64_t, word: uint64_t, version: uint8_t) -> uint64_t:
    """Bytes of a form of fixed size; an unknown one ends the reading."""
    if form == 0x0B or form == 0x0C or form == 0x11 or form == 0x25 or form == 0x29:
        return 1
    if form == 0x05 or form == 0x12 or form == 0x26 or form == 0x2A:
        return 2
    if form == 0x27 or form == 0x2B:
        return 3
    if form == 0x06 or form == 0x13 or form == 0x1C or form == 0x28 or form == 0x2C:
        return 4
    if form == 0x01 or form == 0x07 or form == 0x14 or form == 0x20 or form == 0x24:
        return 8
    if form == 0x10:
        return 8 if version == 2 else word
    if form == 0x0E or form == 0x17 or form == 0x1D or form == 0x1F or form == 0x1F20 or form == 0x1F21:
        return word
    r.failed = True
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def unit_ranges(
    dwarf: cython.pointer[Dwarf], unit: cython.pointer[UnitRow], out: cython.pointer[AddressRow]
) -> uint64_t:
    """How many ranges of addresses a compilation unit has; they are written to `out` if that is not NULL."""
    r: Reader = unit_reader(cython.address(dwarf.info), unit)
    code: uint64_t = take_uleb(cython.address(r))
    if code == 0 and not r.failed:
        return 0
    names: Reader = find_abbreviation(dwarf, unit.abbrev, code)
    low = cython.declare(Attribute, Attribute(0, 0))
    high = cython.declare(Attribute, Attribute(0, 0))
    ranges = cython.declare(Attribute, Attribute(0, 0))
    while not r.failed and not names.failed:
        attribute: uint64_t = take_uleb(cython.address(names))
        form: uint64_t = take_uleb(cython.address(names))
        constant: uint64_t = take_uleb(cython.address(names)) if form == 0x21 else 0
        if attribute == 0 and form == 0:
            break
        value: uint64_t = take_form(cython.address(r), unit, form, constant)
        if attribute == 0x11:
            low = Attribute(form, value)
        elif attribute == 0x12:
            high = Attribute(form, value)
        elif attribute == 0x55:
            ranges = Attribute(form, value)
        elif attribute == 0x73 or attribute == 0x2133:
            unit.addr_base = value
        elif attribute == 0x74:
            unit.rnglists_base = value
    if r.failed or names.failed:
        unit.bad = 1
        return 0
    if low.form:
        unit.low = low.value if low.form == 0x01 else address_at(dwarf, unit, low.value)
    if ranges.form:
        if unit.version >= 5:
            return list_ranges(dwarf, unit, cython.address(ranges), out)
        return old_ranges(dwarf, unit, ranges.value, out)
    if not high.form:
        return 0
    end: uint64_t = high.value if high.form == 0x01 else unit.low + high.value
    return add_range(unit, unit.low, end, out, 0)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def add_range(
    unit: cython.pointer[UnitRow],
    low: uint64_t,
    high: uint64_t,
    out: cython.pointer[AddressRow],
    count: uint64_t,
) -> uint64_t:
    """Add a range behind `count` others; returns the new count.  0 and 1 are tombstones."""
    if low <= 1 or low >= high:
        return count
    if out is not cython.NULL:
        out[count].low = low
        out[count].high = high
        out[count].unit = unit.index
    return count + 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def address_at(dwarf: cython.pointer[Dwarf], unit: cython.pointer[UnitRow], index: uint64_t) -> uint64_t:
    """An entry of .debug_addr; 0 if there is none."""
    if index > dwarf.addr.size // 8:
        return 0
    r: Reader = reader_of(cython.address(dwarf.addr), unit.addr_base + 8 * index)
    return take(cython.address(r), 8)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def old_ranges(
    dwarf: cython.pointer[Dwarf], unit: cython.pointer[UnitRow], at: uint64_t, out: cython.pointer[AddressRow]
) -> uint64_t:
    """.debug_ranges: pairs relative to a base, until one of zeros."""
    r: Reader = reader_of(cython.address(dwarf.ranges), at)
    base: uint64_t = unit.low
    dropped: cython.bint = False
    count: uint64_t = 0
    while True:
        low: uint64_t = take(cython.address(r), 8)
        high: uint64_t = take(cython.address(r), 8)
        if r.failed:
            unit.bad = 1
            return count
        if low == 0 and high == 0:
            return count
        if low == NO_BASE:
            base = high
            dropped = base <= 1
        elif not dropped:
            count = add_range(unit, base + low, base + high, out, count)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def list_ranges(
    dwarf: cython.pointer[Dwarf],
    unit: cython.pointer[UnitRow],
    ranges: cython.pointer[Attribute],
    out: cython.pointer[AddressRow],
) -> uint64_t:
    """.debug_rnglists (DWARF 5, 7.25)."""
    at: uint64_t = ranges.value
    word: uint64_t = 8 if unit.wide else 4
    r = cython.declare(Reader)
    if ranges.form == 0x23:  # an index into the table of offsets
        table: uint64_t = unit.rnglists_base if unit.rnglists_base != NO_BASE else 4 + 2 * word
        r = reader_of(cython.address(dwarf.rnglists), table + word * min(at, dwarf.rnglists.size))
        at = table + take(cython.address(r), word)
    r = reader_of(cython.address(dwarf.rnglists), at)
    base: uint64_t = unit.low
    dropped: cython.bint = False
    count: uint64_t = 0
    while True:
        kind: uint64_t = take(cython.address(r), 1)
        if r.failed or kind > 7:
            unit.bad = 1
            return count
        if kind == 0:
            return count
        first: uint64_t = take(cython.address(r), 8) if kind >= 5 else take_uleb(cython.address(r))
        if kind <= 3:
            first = address_at(dwarf, unit, first)
        if kind == 1 or kind == 5:
            base = first
            dropped = base <= 1
            continue
        second: uint64_t = take(cython.address(r), 8) if kind == 6 else take_uleb(cython.address(r))
        if kind == 2:
            second = address_at(dwarf, unit, second)
        elif kind == 4:
            second += base
            first += base
        elif kind != 6:
            second += first
        if kind != 4 or not dropped:
            count = add_range(unit, first, second, out, count)
