"""Where in the source a variable of an object is defined: `main.c:3`, from its debug information.

Line tables are about code; what is known of data stands in .debug_info (DWARF 2 to 5, sections 2, 4.1 and 7.5): an
entry of a variable has its address and the line of its declaration.  As in debug_lines.py, the address is still a
relocation, so the relocations say where the entry is, or, where the compiler has put addresses into .debug_addr, which
of those it has.  Entries can only be read from the beginning of their unit, so that unit is, up to the entry.

The answer is None, or an exception that debug_lines.py takes for that, where something is missing or broken.
"""

from __future__ import annotations

import struct

from wild.debug_lines import Files, line_tables, uleb

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeAlias

    from wild.object_view import ObjectView

    Targets: TypeAlias = dict[int, tuple[int, int]]
    Abbreviation: TypeAlias = list[
        tuple[int, int, int | None]
    ]  # attribute, form, value of an implicit constant
    Entry: TypeAlias = dict[int, tuple[int, int, int]]  # attribute -> value, where it begins, where it ends

STT_OBJECT, STT_TLS = 1, 6
LARGEST_UNIT = 16 << 20  # bytes
MOST_ATTRIBUTES = 1 << 20  # of one unit: a second or so

LOCATION, STATEMENTS, DECLARED_FILE, DECLARED_LINE = 0x02, 0x10, 0x3A, 0x3B  # DW_AT_*
SPECIFICATION, ADDRESS_BASE = 0x47, 0x73
ADDRESS_INDEX = 0xA1  # DW_OP_addrx
SKELETON, SPLIT, TYPE, SPLIT_TYPE = 4, 5, 2, 6  # DW_UT_*

# DW_FORM_* (DWARF 5, section 7.5.6) by how they are read.
FIXED = {
    0x0B: 1, 0x05: 2, 0x06: 4, 0x07: 8, 0x1E: 16, 0x0C: 1, 0x19: 0, 0x11: 1, 0x12: 2, 0x13: 4, 0x14: 8, 0x20: 8,
    0x1C: 4, 0x24: 8, 0x25: 1, 0x26: 2, 0x27: 3, 0x28: 4, 0x29: 1, 0x2A: 2, 0x2B: 3, 0x2C: 4,
}  # fmt: skip
OFFSETS = frozenset((0x0E, 0x17, 0x1D, 0x1F, 0x1F20, 0x1F21))
NUMBERS = frozenset((0x0D, 0x0F, 0x15, 0x1A, 0x1B, 0x22, 0x23, 0x1F01, 0x1F02))  # LEB128
BLOCKS = {0x0A: 1, 0x03: 2, 0x04: 4}  # with a length of so many bytes
ADDRESS, STRING, BLOCK, EXPRESSION, REFERENCE, INDIRECT, IMPLICIT = 0x01, 0x08, 0x09, 0x18, 0x10, 0x16, 0x21


def variable_source(view: ObjectView, section: int, offset: int) -> str | None:
    """`file.c:12` of the variable that holds a place."""
    index = view.find_debug("info")
    start = beginning_of(view, section, offset)
    if not index or start is None:
        return None
    targets = view.relocation_targets(index)
    places = places_of(targets, section, start)
    addresses = places_of(view.relocation_targets(view.find_debug("addr")), section, start)
    for unit in units(view, index):
        if addresses or any(unit.begin <= place < unit.end for place in places):
            found = unit.source_of(places, addresses)
            if found is not None:
                return found
    return None


def beginning_of(view: ObjectView, section: int, offset: int) -> int | None:
    """Where the variable begins that holds a place."""
    for _, info, value, size, shndx in view.symbols:
        if shndx == section and info & 15 in (STT_OBJECT, STT_TLS) and value <= offset < value + max(size, 1):
            return value
    return None


def places_of(targets: Targets, section: int, offset: int) -> set[int]:
    return {place for place, target in targets.items() if target == (section, offset)}


def units(view: ObjectView, index: int) -> Iterator[Unit]:
    at = 0
    while at < len(view.contents(index)):
        unit = Unit(view, index, at)
        yield unit
        at = unit.end


class Unit:
    """A unit of .debug_info (DWARF 5, section 7.5.1)."""

    def __init__(self, view: ObjectView, index: int, begin: int) -> None:
        self.view = view
        self.data = view.contents(index)
        self.targets = view.relocation_targets(index)
        self.begin = at = begin
        (length,) = struct.unpack_from("<I", self.data, at)
        self.offset_size = 4
        at += 4
        if length == 0xFFFFFFFF:
            (length,) = struct.unpack_from("<Q", self.data, at)
            self.offset_size = 8
            at += 8
        self.end = at + length
        if self.end > len(self.data):
            raise ValueError("a unit that is cut short")
        (self.version,) = struct.unpack_from("<H", self.data, at)
        if not 2 <= self.version <= 5:
            raise ValueError("an unknown version")
        at += 2
        kind = 0
        if self.version == 5:
            kind = self.data[at]
            self.address_size = self.data[at + 1]
            at += 2
        self.abbreviations = self.number(at, self.offset_size)
        at += self.offset_size
        if self.version < 5:
            self.address_size = self.data[at]
            at += 1
        at += 8 if kind in (SKELETON, SPLIT, TYPE, SPLIT_TYPE) else 0
        at += self.offset_size if kind in (TYPE, SPLIT_TYPE) else 0
        self.first = at

    def number(self, at: int, size: int) -> int:
        """A number of the section, or what a relocation puts there."""
        written = int.from_bytes(self.data[at : at + size], "little")
        return self.targets[at][1] if at in self.targets else written

    def source_of(self, places: set[int], addresses: set[int]) -> str | None:
        """The line of the variable whose address is a relocation at one of some places, or one in .debug_addr."""
        if self.end - self.begin > LARGEST_UNIT:
            return None
        table = read_abbreviations(self.view.contents(self.view.find_debug("abbrev")), self.abbreviations)
        root: Entry = {}
        at = self.first
        attributes = 0
        while at < self.end and attributes < MOST_ATTRIBUTES:
            code, at = uleb(self.data, at)
            if not code:
                continue
            entry, at = self.entry(table[code], at)
            attributes += len(entry) + 1
            root = root or entry
            if LOCATION in entry and self.is_at(entry[LOCATION], root, places, addresses):
                return self.declaration(entry, root, table)
        return None

    def is_at(
        self, location: tuple[int, int, int], root: Entry, places: set[int], addresses: set[int]
    ) -> bool:
        _, begin, end = location
        if any(begin <= place < end for place in places):
            return True
        for at in range(begin, min(begin + 5, end)):  # behind the length of the expression
            if self.data[at] == ADDRESS_INDEX:
                index, behind = uleb(self.data, at + 1)
                base = root[ADDRESS_BASE][0] if ADDRESS_BASE in root else 8
                return behind == end and base + self.address_size * index in addresses
        return False

    def declaration(self, entry: Entry, root: Entry, table: dict[int, Abbreviation]) -> str | None:
        """The file and line of an entry; what it leaves out is as in the one that it completes."""
        if SPECIFICATION in entry:
            at = self.begin + entry[SPECIFICATION][0]
            code, at = uleb(self.data, at)
            entry = {**self.entry(table[code], at)[0], **entry}
        if DECLARED_LINE not in entry or DECLARED_FILE not in entry or STATEMENTS not in root:
            return None
        lines = self.view.find_debug("line")
        targets = self.view.relocation_targets(lines)
        for unit in line_tables(self.view.contents(lines)):
            if unit.begin == root[STATEMENTS][0]:
                path = Files(unit, self.view, targets).path(entry[DECLARED_FILE][0])
                return f"{path}:{entry[DECLARED_LINE][0]}"
        return None

    def entry(self, abbreviation: Abbreviation, at: int) -> tuple[Entry, int]:
        """The attributes of an entry, and where it ends."""
        found: Entry = {}
        for attribute, form, constant in abbreviation:
            begin = at
            if constant is None:
                value, at = self.value(form, at)
            else:
                value = constant
            found[attribute] = value, begin, at
        return found, at

    def value(self, form: int, at: int) -> tuple[int, int]:
        """The value, 0 for what is no number, and where it ends."""
        if form in FIXED:
            size = FIXED[form]
        elif form in OFFSETS:
            size = self.offset_size
        elif form == ADDRESS:
            size = self.address_size
        elif form == REFERENCE:
            size = self.offset_size if self.version > 2 else self.address_size
        elif form in NUMBERS:
            return uleb(self.data, at)
        elif form == INDIRECT:
            form, at = uleb(self.data, at)
            if form in (INDIRECT, IMPLICIT):
                raise ValueError("a form that says nothing")
            return self.value(form, at)
        else:
            return 0, self.end_of_block(form, at)
        return self.number(at, size) if size else 1, at + size

    def end_of_block(self, form: int, at: int) -> int:
        if form == STRING:
            return self.data.index(0, at) + 1
        if form in BLOCKS:
            size = BLOCKS[form]
            return at + size + int.from_bytes(self.data[at : at + size], "little")
        if form not in (BLOCK, EXPRESSION):
            raise ValueError("an unknown form")
        length, at = uleb(self.data, at)
        return at + length


def read_abbreviations(data: bytes, at: int) -> dict[int, Abbreviation]:
    """The table of abbreviations that begins at a place of .debug_abbrev, by code (DWARF 5, section 7.5.3)."""
    found: dict[int, Abbreviation] = {}
    code, at = uleb(data, at)
    while code:
        _, at = uleb(data, at)  # the tag
        at += 1  # does it have children?
        attributes: Abbreviation = []
        while True:
            attribute, at = uleb(data, at)
            form, at = uleb(data, at)
            constant: int | None = None
            if form == IMPLICIT:
                constant, at = uleb(data, at)
            if not attribute and not form:
                break
            attributes.append((attribute, form, constant))
        found[code] = attributes
        code, at = uleb(data, at)
    return found
