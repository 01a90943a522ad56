"""Which units describe an address: GNU ld lets all that had a definition of an inline function describe the one kept.

It finds the addresses of a definition that it drops in the one that it keeps, even if they are of another size, while
others leave tombstones. So a tombstone of ours stands for an address of the reference if the unit describes a function
there that another unit describes too, and ours has left tombstones for that function; the unit of the kept definition
still has to say where it is.

The other way round, what only our file has, as an update of an incremental link leaves it, has addresses instead of
tombstones. That there is more in our file is said of its symbols. For a thread-local variable that was dropped, all
linkers leave the offset 0, at which there mostly is another one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from functools import cached_property

from linker_diff.dwarf import Dwarf, Unit, table_fields, unit_fields
from linker_diff.dwarf_lines import line_fields
from linker_diff.match import Names, Pair
from linker_diff.places import Places, short


class Claims:
    """The addresses that the units of two files describe; computed if a tombstone has to be judged."""

    def __init__(self, pair: Pair, ref: Dwarf, ours: Dwarf) -> None:
        self.pair, self.ref, self.ours = pair, ref, ours
        self.extra: dict[int, bool] = {}
        self.lost: dict[int, tuple[list[int], list[int]]] = {}

    @cached_property
    def counts(self) -> Counter[int]:
        """How many units of the reference describe an address."""
        return Counter(address for unit in self.ref.units for address in set(addresses_of(self.ref, unit)))

    @cached_property
    def variables(self) -> tuple[Counter[str], Counter[str]]:
        """How many thread-local variables of a name each file has."""
        ref, ours = (
            Counter(short(it) for names in places.tls_at.values() for it in names)
            for places in (self.pair.ref, self.pair.ours)
        )
        return ref, ours

    @cached_property
    def kept(self) -> set[str]:
        """The names of what our file describes."""
        table = self.pair.ours.at
        places = {address for unit in self.ours.units for address in addresses_of(self.ours, unit)}
        return {short(identity) for address in places for identity in table.get(address, ())}

    def is_second(self, a: Unit, b: Unit, address: int, can_end: bool) -> bool:
        """Is an address of a unit of the reference in a function of which our unit had another definition?"""
        lost, kept = self.of_unit(a, b)
        for place in (address, address - 1) if can_end else (address,):
            before, behind = bisect_right(lost, place), bisect_right(kept, place)
            if before and (not behind or lost[before - 1] > kept[behind - 1]):
                return True
        return False

    def is_extra(self, a: Unit, b: Unit, address: int) -> bool:
        """Is at an address of our unit something that the reference has not, or without a name in a unit with such?"""
        if a.start not in self.extra:
            couples = zip(addresses_of(self.ref, a), addresses_of(self.ours, b), strict=False)
            found = (other for one, other in couples if is_tombstone(self.pair.ref, one))
            self.extra[a.start] = any(self.is_only_ours(other) for other in found)
        clear = self.clear_names(self.pair.ours, self.pair.our_names, address)
        return self.is_only_ours(address) or (not clear and self.extra[a.start])

    def is_only_ours(self, address: int) -> bool:
        clear = self.clear_names(self.pair.ours, self.pair.our_names, address)
        return bool(clear) and clear.isdisjoint(self.pair.ref_names.address_of)

    def is_extra_variable(self, a: int, b: int) -> bool:
        """Is an offset in the TLS block of the reference the tombstone of a variable that only our file has?

        Local ones are counted, since of several with one name some may be left."""
        if a:
            return False
        ref, ours = self.variables
        there = self.pair.ours.tls_at.get(self.pair.ours.tls_start(b), set())
        return any(ours[short(it)] > ref[short(it)] for it in there)

    @staticmethod
    def clear_names(places: Places, names: Names, address: int) -> set[str]:
        span = places.span_at(address) or places.span_at(address - 1)
        return names.at.get(span.start if span else address, set())

    def of_unit(self, a: Unit, b: Unit) -> tuple[list[int], list[int]]:
        """The addresses of the reference's unit, in order: those that our unit has dropped, and all others."""
        if a.start not in self.lost:
            couples = list(zip(addresses_of(self.ref, a), addresses_of(self.ours, b), strict=False))
            kept = {one for one, other in couples if not self.is_dropped(one, other)}
            self.lost[a.start] = sorted({one for one, _ in couples} - kept), sorted(kept)
        return self.lost[a.start]

    def is_dropped(self, a: int, b: int) -> bool:
        """Has ours a tombstone for a second definition, or for what it has not at all, which is said of the symbol?"""
        if not is_tombstone(self.pair.ours, b) or is_tombstone(self.pair.ref, a):
            return False
        clear = self.clear_names(self.pair.ref, self.pair.ref_names, a)
        if clear and clear.isdisjoint(self.pair.our_names.address_of):
            return True
        names = {short(identity) for identity in self.pair.ref.at.get(a, ())}
        return self.counts[a] > 1 and not (names and names.isdisjoint(self.kept))


def addresses_of(side: Dwarf, unit: Unit) -> list[int]:
    """The addresses of entries and lines, in an order that is the same for every copy of the unit."""
    found = []
    data = side.sections[unit.section]
    for at, kind, _, width in unit_fields(data, unit):
        value = int.from_bytes(data[unit.start + at : unit.start + at + width], "little")
        if kind == "address":
            found.append(value)
            continue
        table = side.sections.get({"lines": ".debug_line", "addresses": ".debug_addr"}.get(kind, ""), b"")
        if table:
            fields = (
                line_fields(table, value)[1]
                if kind == "lines"
                else table_fields(table, value, kind, unit.wide)[1]
            )
            places = [value + field.at for field in fields if field.width == 8]
            found += (int.from_bytes(table[place : place + 8], "little") for place in places)
    return found


def is_tombstone(places: Places, address: int) -> bool:
    """What lies in no section, nor where one ends."""
    return places.image.section_at(address) is None and places.image.section_at(address - 1) is None
