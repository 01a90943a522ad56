"""Lists of ranges and of locations: where one ends, and the fields in it (DWARF 5, 2.17.3, 2.6.2 and 7.25; DWARF 4)."""

from __future__ import annotations

from collections.abc import Iterator

from linker_diff.dwarf import Field, leb128
from linker_diff.dwarf_operations import expression_fields

BASE = b"\xff" * 8  # selects another base address
# The operands of an entry by its kind: `u` a LEB128 number, `a` an address, `e` an expression. Kind 0 ends a list.
RANGES = {1: "u", 2: "uu", 3: "uu", 4: "uu", 5: "a", 6: "aa", 7: "au"}  # DW_RLE_
LOCATIONS = {
    1: "u", 2: "uue", 3: "uue", 4: "uue", 5: "e", 6: "a", 7: "aae", 8: "aue", 9: "uu",
}  # DW_LLE_, and DW_LLE_GNU_view_pair  # fmt: skip


def list_fields(data: bytes, start: int, section: str, wide: int, relative: bool) -> tuple[int, list[Field]]:
    """The size of the list at an offset of one of the four sections, and its fields.

    `relative`: do those before DWARF 5 begin with distances from the base address of the unit?"""
    if section in (".debug_ranges", ".debug_loc"):
        fields = list(pairs(data, start, section == ".debug_loc", wide, relative))
    else:
        fields = list(entries(data, start, RANGES if section == ".debug_rnglists" else LOCATIONS, wide))
    end = fields.pop()
    return end.at, fields


def entries(data: bytes, start: int, operands: dict[int, str], wide: int) -> Iterator[Field]:
    """Those of DWARF 5; the last one is where the list ends."""
    at = start
    while at < len(data):
        kind, at = data[at], at + 1
        if kind not in operands:
            break
        for operand in operands[kind]:
            if operand == "a":
                yield Field(at - start, "address", 0, 8)
                at += 8
                continue
            value, at = leb128(data, at)
            if operand == "e":
                yield from expression(data, start, at, value, wide)
                at += value
    yield Field(min(at, len(data)) - start, "end", 0, 0)


def pairs(data: bytes, start: int, locations: bool, wide: int, relative: bool) -> Iterator[Field]:
    """Those before DWARF 5: pairs of addresses, or of distances from a base address; two zeros end a list."""
    at = start
    while at + 16 <= len(data):
        begin = data[at : at + 8]
        if begin == BASE:
            yield Field(at + 8 - start, "address", 0, 8)
            relative = True
        elif not relative:
            yield Field(at - start, "address", 0, 8)
            yield Field(at + 8 - start, "address", 0, 8)
        ends = not any(data[at : at + 16])
        at += 16
        if ends:
            break
        if locations and begin != BASE:
            length, at = int.from_bytes(data[at : at + 2], "little"), at + 2
            yield from expression(data, start, at, length, wide)
            at += length
    yield Field(min(at, len(data)) - start, "end", 0, 0)


def expression(data: bytes, start: int, at: int, length: int, wide: int) -> Iterator[Field]:
    for place, kind, width in expression_fields(data, at, at + length, wide):
        yield Field(place - start, kind, 0, width)
