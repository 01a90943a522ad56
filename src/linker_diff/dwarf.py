"""Units of debug information, cut into what is the same wherever they are placed, and fields that are not.

As with code (code.py), two linkers' copies of a unit are equal once the position-dependent fields are zeros, and then
only fields need to be compared: addresses, offsets of strings, offsets into other debug sections. Where the fields are
follows from the abbreviations (DWARF 5, sections 7.5 and 7.7), so one pass over a unit finds them; an abbreviation
is prepared once, as runs of known length with a form of unknown length behind each, since a program has a million
entries. Lines and lists are cut in the same way, in dwarf_lines.py and dwarf_lists.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from linker_diff.dwarf_names import EARLY_OFFSETS, OFFSET_KINDS
from linker_diff.dwarf_operations import expression_fields
from linker_diff.image import DiffError, Image
from wild.decompress import uncompress

SHF_COMPRESSED = 0x800
NAME, COMP_DIR, HIGH_PC, STR_OFFSETS_BASE = 0x03, 0x1B, 0x12, 0x72  # DW_AT_
TYPE_UNITS, WITH_ID = (2, 6), (4, 5)  # DW_UT_
# DW_FORM_: bytes; 0 in FIXED for offsets, whose size the unit tells.
FIXED = {
    0x01: 8, 0x05: 2, 0x06: 4, 0x07: 8, 0x0B: 1, 0x0C: 1, 0x0E: 0, 0x10: 0, 0x11: 1, 0x12: 2, 0x13: 4, 0x14: 8,
    0x17: 0, 0x19: 0, 0x1C: 4, 0x1D: 0, 0x1E: 16, 0x1F: 0, 0x20: 8, 0x21: 0, 0x24: 8, 0x25: 1, 0x26: 2, 0x27: 3,
    0x28: 4, 0x29: 1, 0x2A: 2, 0x2B: 3, 0x2C: 4, 0x1F20: 0, 0x1F21: 0,
}  # fmt: skip
BLOCKS = {0x0A: 1, 0x03: 2, 0x04: 4}  # DW_FORM_block1, 2, 4: the size of the length
LEB128 = frozenset((0x0D, 0x0F, 0x15, 0x1A, 0x1B, 0x22, 0x23, 0x1F01, 0x1F02))
FORM_ADDR, FORM_STRING, FORM_STRP, FORM_REF_ADDR, FORM_SEC_OFFSET, FORM_LINE_STRP = (
    1,
    8,
    0x0E,
    0x10,
    0x17,
    0x1F,
)
FORM_BLOCK, FORM_EXPRLOC, FORM_INDIRECT, FORM_IMPLICIT_CONST, FORM_FLAG_PRESENT = 0x09, 0x18, 0x16, 0x21, 0x19
STRING_INDICES = {0x1A: 0, 0x25: 1, 0x26: 2, 0x27: 3, 0x28: 4}  # DW_FORM_strx, strx1 …: bytes, 0 for LEB128


class Field(NamedTuple):
    """A position-dependent part, at an offset in its unit or list."""

    at: int
    kind: str  # address, string, line_string, reference, tls, or what the offset leads to: lines, ranges …
    attribute: int  # DW_AT_, or 0
    width: int


class Step(NamedTuple):
    """A part of an entry: `size` bytes with fields at known distances, then one form of unknown length, or 0."""

    size: int
    fields: tuple[Field, ...]
    form: int
    attribute: int


Steps = dict[int, tuple[Step, ...]]  # by the code of an abbreviation
Rows = dict[int, list[tuple[int, int]]]  # attribute and form


class Unit(NamedTuple):
    """A unit of .debug_info or .debug_types."""

    section: str
    start: int
    end: int
    version: int
    kind: int  # DW_UT_; 0 before DWARF 5
    wide: int  # bytes of an offset
    header: int  # bytes
    abbreviations: Steps
    signature: bytes
    name: str
    directory: str
    has_base: bool  # are lists of DWARF 4 relative to its DW_AT_low_pc, as of code in one piece?

    @property
    def key(self) -> tuple[object, ...]:
        """What the unit has in common with that of another link."""
        return self.section, self.signature, self.name, self.directory, self.version, self.end - self.start


class Dwarf:
    """The debug sections of one file, decompressed, and their units."""

    def __init__(self, image: Image) -> None:
        self.image = image
        self.tables: dict[tuple[int, int, int], tuple[Steps, Rows]] = {}
        self.abbreviations_end: dict[int, int] = {}  # by where they begin

    @cached_property
    def sections(self) -> dict[str, bytes]:
        return {
            it.name: self.contents(it.name) for it in self.image.sections if it.name.startswith(".debug_")
        }

    def contents(self, name: str) -> bytes:
        section = self.image.by_name[name]
        data = self.image.contents(section)
        if not section.flags & SHF_COMPRESSED or len(data) < 24:
            return data
        size = int.from_bytes(data[8:16], "little")
        try:
            return uncompress(data[24:], int.from_bytes(data[:4], "little"), size)
        except ValueError as error:
            raise DiffError(f"{self.image.path}: {name}: {error}") from None

    def string(self, section: str, offset: int) -> bytes:
        data = self.sections.get(section, b"")
        end = data.find(b"\0", offset)
        return data[offset : end if end >= 0 else len(data)]

    def same_string(self, section: str, offset: int, other: Dwarf, place: int) -> bool:
        """Is it the same text in another file? What was compiled for each may tell the folder of the output."""
        one, two = self.string(section, offset), other.string(section, place)
        return one == two or self.here(one) == other.here(two)

    def here(self, text: bytes) -> bytes:
        """The text, `.` for the folder of this file or of one in it."""
        folder = bytes(self.image.path.absolute().parent)
        return b"." + text[len(folder) :] if text == folder or text.startswith(folder + b"/") else text

    @cached_property
    def units(self) -> list[Unit]:
        """Whatever can be read; what is damaged ends the section, and its units are missing."""
        return [unit for name in (".debug_info", ".debug_types") for unit in self.units_of(name)]

    def units_of(self, name: str) -> Iterator[Unit]:
        data, at = self.sections.get(name, b""), 0
        while at + 12 <= len(data):
            length, wide = int.from_bytes(data[at : at + 4], "little"), 4
            if length == 0xFFFFFFFF:
                length, wide = int.from_bytes(data[at + 4 : at + 12], "little"), 8
            end = at + length + (12 if wide == 8 else 4)
            if end > len(data) or not length:
                return
            yield self.read_unit(name, data, at, end, wide)
            at = end

    def read_unit(self, section: str, data: bytes, start: int, end: int, wide: int) -> Unit:
        at = start + (12 if wide == 8 else 4)
        version, kind, at = int.from_bytes(data[at : at + 2], "little"), 0, at + 2
        if version >= 5:
            kind, at = data[at], at + 2  # and the size of addresses
        table, at = int.from_bytes(data[at : at + wide], "little"), at + wide
        at += version < 5
        signature = b""
        if kind in TYPE_UNITS or section == ".debug_types":
            signature, at = data[at : at + 8], at + 8 + wide
        elif kind in WITH_ID:
            at += 8
        steps, rows = self.abbreviations(table, version, wide)
        first = self.first_entry(data, at, rows, wide)
        return Unit(section, start, end, version, kind, wide, at - start, steps, signature, *first)

    # --- abbreviations ---------------------------------------------------------------------------------------

    def abbreviations(self, offset: int, version: int, wide: int) -> tuple[Steps, Rows]:
        """The steps, and the attributes with their forms, by code."""
        key = (offset, version, wide)
        if key not in self.tables:
            rows, end = read_abbreviations(self.sections.get(".debug_abbrev", b""), offset)
            self.abbreviations_end[offset] = end
            self.tables[key] = {code: tuple(steps_of(row, version, wide)) for code, row in rows.items()}, rows
        return self.tables[key]

    def first_entry(self, data: bytes, at: int, rows: Rows, wide: int) -> tuple[str, str, bool]:
        """DW_AT_name and DW_AT_comp_dir of the first entry; has it DW_AT_high_pc?"""
        code, at = leb128(data, at)
        found: dict[int, tuple[int, int]] = {}
        for attribute, form in rows.get(code, ()):
            found[attribute] = form, at
            if form == FORM_INDIRECT:
                break
            at = after_form(data, at, form, wide)
        base_form, base_at = found.get(STR_OFFSETS_BASE, (0, 0))
        base = int.from_bytes(data[base_at : base_at + wide], "little") if base_form else 2 * wide
        texts = [self.text(data, *found.get(it, (0, 0)), wide, base) for it in (NAME, COMP_DIR)]
        return texts[0], texts[1], HIGH_PC in found

    def text(self, data: bytes, form: int, at: int, wide: int, base: int) -> str:
        """The text of an attribute."""
        found = b""
        offset = int.from_bytes(data[at : at + wide], "little")
        if form == FORM_STRING:
            found = data[at : data.find(b"\0", at)]
        elif form == FORM_STRP:
            found = self.string(".debug_str", offset)
        elif form == FORM_LINE_STRP:
            found = self.string(".debug_line_str", offset)
        elif form in STRING_INDICES:
            width = STRING_INDICES[form]
            index = int.from_bytes(data[at : at + width], "little") if width else leb128(data, at)[0]
            row = base + index * wide
            offsets = self.sections.get(".debug_str_offsets", b"")
            found = self.string(".debug_str", int.from_bytes(offsets[row : row + wide], "little"))
        return self.here(found).decode("utf-8", "replace")


def read_abbreviations(data: bytes, at: int) -> tuple[Rows, int]:
    """(attribute, form) of all attributes, by code, and where the table ends."""
    rows: Rows = {}
    while at < len(data):
        code, at = leb128(data, at)
        if not code:
            break
        _, at = leb128(data, at)
        at += 1  # has it children?
        row: list[tuple[int, int]] = []
        while at < len(data):
            attribute, at = leb128(data, at)
            form, at = leb128(data, at)
            if form == FORM_IMPLICIT_CONST:
                _, at = leb128(data, at)
            if not attribute and not form:
                break
            row.append((attribute, form))
        rows[code] = row
    return rows, at


def steps_of(row: list[tuple[int, int]], version: int, wide: int) -> Iterator[Step]:
    """An abbreviation as runs of known length and forms of unknown length."""
    size, fields = 0, []
    for attribute, form in row:
        if form in FIXED:
            width = width_of(form, version, wide)
            kind = kind_of(attribute, form, version)
            if kind:
                fields.append(Field(size, kind, attribute, width))
            size += width
        else:
            yield Step(size, tuple(fields), form, attribute)
            size, fields = 0, []
    if size:
        yield Step(size, tuple(fields), 0, 0)


def width_of(form: int, version: int, wide: int) -> int:
    if form in (FORM_IMPLICIT_CONST, FORM_FLAG_PRESENT):
        return 0
    if form == FORM_REF_ADDR and version == 2:
        return 8
    return FIXED[form] or wide


def kind_of(attribute: int, form: int, version: int) -> str:
    """What a field of this form is; nothing if it is the same wherever the unit is placed."""
    kinds = {
        FORM_ADDR: "address",
        FORM_STRP: "string",
        FORM_LINE_STRP: "line_string",
        FORM_REF_ADDR: "reference",
    }
    if form == FORM_SEC_OFFSET or (version < 4 and form in EARLY_OFFSETS):
        return OFFSET_KINDS.get(attribute, "" if form in EARLY_OFFSETS else "location")
    return kinds.get(form, "")


# --- walking -----------------------------------------------------------------------------------------------------


def unit_fields(data: bytes, unit: Unit) -> Iterator[Field]:
    """All fields of a unit, at offsets from its start, the offset of its abbreviations first."""
    wide, start, end = unit.wide, unit.start, unit.end
    yield Field(abbreviation_place(unit), "abbreviations", 0, wide)
    at, table = start + unit.header, unit.abbreviations
    while at < end:
        code = data[at]
        at += 1
        if code >= 0x80:
            code, at = leb128(data, at - 1)
        if not code:
            continue
        for size, fields, form, attribute in table.get(code, ()):
            for field in fields:
                yield Field(at - start + field.at, *field[1:])
            at += size
            if form in (FORM_EXPRLOC, FORM_BLOCK) or form in BLOCKS:
                length, at = block_length(data, at, form)
                for offset, kind, width in expression_fields(data, at, at + length, wide):
                    yield Field(offset - start, kind, attribute, width)
                at += length
            elif form:
                at = after_form(data, at, form, wide)


def table_fields(data: bytes, base: int, kind: str, wide: int) -> tuple[int, list[Field]]:
    """The size of a unit's part of .debug_str_offsets or .debug_addr behind its header of 8 (or 16) bytes, and its
    entries."""
    length = int.from_bytes(data[base - 8 : base - 4] if wide == 4 else data[base - 12 : base - 4], "little")
    width, what = (wide, "string") if kind == "string_offsets" else (8, "address")
    size = min(max(length - 4, 0), max(len(data) - base, 0)) // width * width
    return size, [Field(at, what, 0, width) for at in range(0, size, width)]


def abbreviation_place(unit: Unit) -> int:
    """Where the header tells the abbreviations."""
    return (12 if unit.wide == 8 else 4) + (4 if unit.version >= 5 else 2)


def block_length(data: bytes, at: int, form: int) -> tuple[int, int]:
    """The length of a block, and where it begins."""
    width = BLOCKS.get(form)
    return (int.from_bytes(data[at : at + width], "little"), at + width) if width else leb128(data, at)


def after_form(data: bytes, at: int, form: int, wide: int) -> int:
    """The end of a value; the end of the data for what is not known."""
    if form in FIXED:
        return at + width_of(form, 5, wide)
    if form in LEB128:
        return leb128(data, at)[1]
    if form == FORM_STRING:
        return data.find(b"\0", at) + 1 or len(data)
    if form in (FORM_EXPRLOC, FORM_BLOCK) or form in BLOCKS:
        length, at = block_length(data, at, form)
        return at + length
    if form == FORM_INDIRECT:
        form, at = leb128(data, at)
        return after_form(data, at, form, wide)
    return len(data)


def leb128(data: bytes, at: int) -> tuple[int, int]:
    """An unsigned number, and the end of it."""
    value = shift = 0
    while at < len(data):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
        shift += 7
    return value, at
