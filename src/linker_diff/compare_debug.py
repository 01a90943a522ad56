"""Debug information, unit by unit: entries, lines, lists of ranges and locations, tables of strings and addresses.

Units correspond by name, directory and size. Linkers copy them as they are, so all of a unit but its fields has to be
equal (dwarf.py), and fields by what they mean: strings by their letters, addresses by symbol and distance, references
by unit and distance; what a field leads to in another section is compared in the same way.

Code that is not in the output has a tombstone instead of its address, and each linker its own: whatever lies in no
section is one (but see debug_claims.py).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator

from linker_diff.debug_claims import Claims, is_tombstone
from linker_diff.dwarf import Dwarf, Field, Unit, table_fields, unit_fields
from linker_diff.dwarf_lines import line_fields
from linker_diff.dwarf_lists import list_fields
from linker_diff.dwarf_names import ATTRIBUTES
from linker_diff.match import Pair
from linker_diff.places import Identity, Places, Target, short
from linker_diff.report import Difference, Row

LOW_PC = 0x11
ADDRESSES = ("address", "line_address")
STRINGS = {"string": ".debug_str", "line_string": ".debug_line_str"}
LISTS = {"ranges": (".debug_ranges", ".debug_rnglists"), "location": (".debug_loc", ".debug_loclists")}
TABLES = {
    "string_offsets": ".debug_str_offsets", "addresses": ".debug_addr", "ranges_base": ".debug_rnglists",
    "locations_base": ".debug_loclists",
}  # fmt: skip
INDEXED = {"ranges_base": "ranges", "locations_base": "location"}
FOLLOWED = {"lines": ".debug_line", **dict.fromkeys(LISTS, ""), **TABLES}


class DebugComparison:
    """The debug information of two files, and what has been found equal already."""

    def __init__(self, pair: Pair, ref: Dwarf, ours: Dwarf) -> None:
        self.pair, self.ref, self.ours = pair, ref, ours
        self.partner: dict[tuple[str, int], int] = {}
        self.starts = sorted(unit.start for unit in ref.units if unit.section == ".debug_info")
        self.same: set[tuple[str, int, int]] = set()
        self.done: set[tuple[str, int, int]] = set()
        self.claims = Claims(pair, ref, ours)
        self.current: tuple[Unit, Unit]

    def differences(self) -> Iterator[Difference]:
        couples, lone = pair_units(self.ref, self.ours)
        self.partner = {(a.section, a.start): b.start for a, b in couples}
        for kind, side, unit in lone:
            yield Difference(f"debug.{kind}.{title(unit)}", "", (Row(side.image.label, unit.name),), unit.key)
        for a, b in couples:
            yield from self.unit(a, b)
        yield from self.address_ranges(couples)

    # --- units and what they lead to -------------------------------------------------------------------------

    def unit(self, a: Unit, b: Unit) -> Iterator[Difference]:
        self.current = a, b
        fields = list(unit_fields(self.ref.sections[a.section], a))
        yield from self.stretch("info", a, (a.section, a.start, b.start, a.end - a.start), fields)

    def stretch(
        self, what: str, unit: Unit, where: tuple[str, int, int, int], fields: list[Field]
    ) -> Iterator[Difference]:
        """`where`: the section, the two offsets in it, the size."""
        section, start_a, start_b, size = where
        data_a = self.ref.sections.get(section, b"")[start_a : start_a + size]
        data_b = self.ours.sections.get(section, b"")[start_b : start_b + size]
        key = f"debug.{what}.{title(unit)}"
        found = first_difference(blanked(data_a, fields), blanked(data_b, fields))
        if found is not None:
            rows = tuple(
                Row(side.image.label, f"{section}+{start + found:#x}", 0, data[found : found + 8])
                for side, start, data in ((self.ours, start_b, data_b), (self.ref, start_a, data_a))
            )
            yield Difference(key, f"differs at offset {found:#x}", rows, (key, unit.key, found))
            return
        for field in fields:
            at, kind, _, width = field
            value_a = int.from_bytes(data_a[at : at + width], "little")
            value_b = int.from_bytes(data_b[at : at + width], "little")
            if (kind, value_a, value_b) in self.same:
                continue
            if kind == "views":  # stand before the list of locations that follows
                continue
            if kind in FOLLOWED:
                yield from self.follow(unit, kind, value_a, value_b)
            elif self.is_same(kind, value_a, value_b):
                self.same.add((kind, value_a, value_b))
            elif not self.is_dropped(field, value_a, value_b):
                yield self.difference(key, unit, field, value_a, value_b)

    def difference(self, key: str, unit: Unit, field: Field, a: int, b: int) -> Difference:
        rows = tuple(
            Row(side.image.label, described(side, places, field.kind, value))
            for side, places, value in ((self.ours, self.pair.ours, b), (self.ref, self.pair.ref, a))
        )
        name = (
            f"DW_AT_{ATTRIBUTES.get(field.attribute, hex(field.attribute))}"
            if field.attribute
            else field.kind
        )
        return Difference(key, f"{name} at offset {field.at:#x}", rows, (key, unit.key, field.at))

    def follow(self, unit: Unit, kind: str, a: int, b: int) -> Iterator[Difference]:
        """What an offset leads to, each only once."""
        section = FOLLOWED[kind]
        if kind in LISTS:
            section = LISTS[kind][unit.version >= 5]
        if (section, a, b) in self.done:
            return
        self.done.add((section, a, b))
        data, others = self.ref.sections.get(section, b""), self.ours.sections.get(section, b"")
        if kind == "lines":
            size, fields = line_fields(data, a)
        elif kind in LISTS:
            size, fields = list_fields(data, a, section, unit.wide, unit.has_base)
            ours = list_fields(others, b, section, unit.wide, unit.has_base)[0]
            if ours < size:  # a pair of zeros, the tombstone of one who forgets that it is the end
                yield self.short_list(unit, section, (a, b), (size, ours))
                return
        elif kind in INDEXED:
            yield from self.lists(unit, INDEXED[kind], section, a, b)
            return
        else:
            size, fields = table_fields(data, a, kind, unit.wide)
        yield from self.stretch(section.removeprefix(".debug_"), unit, (section, a, b, size), fields)

    def lists(self, unit: Unit, kind: str, section: str, a: int, b: int) -> Iterator[Difference]:
        """The lists that are known by an index, behind the offsets of them."""
        count = int.from_bytes(self.ref.sections.get(section, b"")[a - 4 : a], "little")
        size = count * unit.wide
        yield from self.stretch(section.removeprefix(".debug_"), unit, (section, a - 4, b - 4, size + 4), [])
        table = self.ref.sections.get(section, b"")[a : a + size]
        for at in range(0, len(table), unit.wide):
            offset = int.from_bytes(table[at : at + unit.wide], "little")
            yield from self.follow(unit, kind, a + offset, b + offset)

    def short_list(self, unit: Unit, section: str, at: tuple[int, int], size: tuple[int, int]) -> Difference:
        rows = tuple(
            Row(side.image.label, f"{length} bytes at {section}+{start:#x}")
            for side, start, length in ((self.ours, at[1], size[1]), (self.ref, at[0], size[0]))
        )
        key = f"debug.{section.removeprefix('.debug_')}.{title(unit)}"
        return Difference(key, "the list ends early", rows, (key, unit.key))

    def address_ranges(self, couples: list[tuple[Unit, Unit]]) -> Iterator[Difference]:
        """.debug_aranges, which may be missing: that is said of the section."""
        section = ".debug_aranges"
        if section not in self.ref.sections or section not in self.ours.sections:
            return
        ref, ours = (dict(range_sets(side.sections[section])) for side in (self.ref, self.ours))
        for a, b in couples:
            if a.start not in ref or a.section != ".debug_info":
                continue
            self.current = a, b
            start, size, fields = ref[a.start]
            if b.start not in ours:
                key = f"debug.aranges.{title(a)}"
                yield Difference(key, "the unit has none", (Row(self.ours.image.label, "-"),), (key, a.key))
                continue
            yield from self.stretch("aranges", a, (section, start, ours[b.start][0], size), fields)

    # --- values ----------------------------------------------------------------------------------------------

    def is_same(self, kind: str, a: int, b: int) -> bool:
        if kind in STRINGS:
            return self.ref.same_string(STRINGS[kind], a, self.ours, b)
        if kind == "tls":
            return self.pair.same_tls(Target("tls", a), Target("tls", b))
        if kind == "reference":
            return self.same_entry(a, b)
        if kind == "abbreviations":
            ends = self.ref.abbreviations_end.get(a, a), self.ours.abbreviations_end.get(b, b)
            name = ".debug_abbrev"
            return self.ref.sections[name][a : ends[0]] == self.ours.sections[name][b : ends[1]]
        return kind == "other" or self.same_address(a, b)

    def same_entry(self, a: int, b: int) -> bool:
        """The same distance into units that correspond?"""
        index = bisect_right(self.starts, a) - 1
        if index < 0:
            return False
        start = self.starts[index]
        return self.partner.get((".debug_info", start), -1) == b - a + start

    def same_address(self, a: int, b: int) -> bool:
        lost_a, lost_b = is_tombstone(self.pair.ref, a), is_tombstone(self.pair.ours, b)
        if lost_a or lost_b:
            return lost_a and lost_b
        return self.same_place(a, b) or self.pair.same(a, b)

    def is_dropped(self, field: Field, a: int, b: int) -> bool:
        """Has one of the two a tombstone for what only the other has, or for another definition of it?"""
        if field.kind not in ADDRESSES:
            return field.kind == "tls" and self.claims.is_extra_variable(a, b)
        if is_tombstone(self.pair.ref, a):
            return self.claims.is_extra(*self.current, b)
        can_end = field.kind == "address" and field.attribute != LOW_PC
        return is_tombstone(self.pair.ours, b) and self.claims.is_second(*self.current, a, can_end)

    def same_place(self, a: int, b: int) -> bool:
        """By the names there, of which a local one is good enough: the unit says which of several is meant."""
        span_a, span_b = self.pair.ref.span_at(a), self.pair.ours.span_at(b)
        if (
            span_a
            and span_b
            and a - span_a.start == b - span_b.start
            and not names(self.pair.ref.at, span_a.start).isdisjoint(names(self.pair.ours.at, span_b.start))
        ):
            return True
        ends = names(self.pair.ref.ends, a), names(self.pair.ours.ends, b)
        starts = names(self.pair.ref.at, a), names(self.pair.ours.at, b)
        return not (ends[0].isdisjoint(ends[1]) and starts[0].isdisjoint(starts[1]))


def pair_units(ref: Dwarf, ours: Dwarf) -> tuple[list[tuple[Unit, Unit]], list[tuple[str, Dwarf, Unit]]]:
    """Those that correspond, in the order of the reference, and those that are missing or extra in ours.

    Several of one name and size, as of generic code of Rust, correspond by what they are without their fields.
    """
    waiting: dict[object, list[Unit]] = {}
    for unit in ours.units:
        waiting.setdefault(unit.key, []).append(unit)
    couples: list[tuple[Unit, Unit]] = []
    lone: list[tuple[str, Dwarf, Unit]] = []
    for unit in ref.units:
        found = waiting.get(unit.key, [])
        if not found:
            lone.append(("missing", ref, unit))
            continue
        index = 0
        if len(found) > 1:
            mine = skeleton(ref, unit)
            index = next((at for at, other in enumerate(found) if skeleton(ours, other) == mine), 0)
        couples.append((unit, found.pop(index)))
    lone += (("extra", ours, unit) for units in waiting.values() for unit in units)
    return couples, lone


def skeleton(side: Dwarf, unit: Unit) -> bytes:
    data = side.sections[unit.section]
    return blanked(data[unit.start : unit.end], unit_fields(data, unit))


def blanked(data: bytes, fields: Iterable[Field]) -> bytes:
    """With zeros instead of fields."""
    made = bytearray(data)
    for at, _, _, width in fields:
        made[at : at + width] = bytes(width)
    return bytes(made)


def first_difference(a: bytes, b: bytes) -> int | None:
    if a == b:
        return None
    return next(
        (at for at, two in enumerate(zip(a, b, strict=False)) if two[0] != two[1]), min(len(a), len(b))
    )


def range_sets(data: bytes) -> Iterator[tuple[int, tuple[int, int, list[Field]]]]:
    """(unit, (start, size, fields)) of each set of .debug_aranges (DWARF 5, section 6.1.2)."""
    start = 0
    while start + 12 <= len(data):
        size = int.from_bytes(data[start : start + 4], "little") + 4
        if size <= 4 or start + size > len(data):
            return
        fields = [Field(6, "reference", 0, 4), *(Field(at, "address", 0, 8) for at in range(16, size, 16))]
        yield int.from_bytes(data[start + 6 : start + 10], "little"), (start, size, fields)
        start += size


def title(unit: Unit) -> str:
    """The name of the source file, or the signature of a type."""
    return unit.name.rpartition("/")[2] or unit.signature.hex() or "nameless"


def names(table: dict[int, set[Identity]], address: int) -> set[str]:
    return {short(it) for it in table.get(address, ())}


def described(side: Dwarf, places: Places, kind: str, value: int) -> str:
    if kind in STRINGS:
        return f'"{side.string(STRINGS[kind], value).decode("utf-8", "replace")}"'
    if kind in ADDRESSES:
        return f"{value:#x}, a tombstone" if is_tombstone(places, value) else places.describe(value)
    if kind == "tls":
        return places.describe_target(Target("tls", value))
    return f"{value:#x}"
