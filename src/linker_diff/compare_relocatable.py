"""The comparison of outputs of `-r`: sections, groups, symbols, contents, and relocations by section and target.

Linkers agree here about more than in other outputs, because the inputs are only put together: contents are compared
byte by byte, but for fields that relocations fill. Where the sections of inputs come in another order, what has a
symbol is compared by that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from linker_diff import elf_names as elf
from linker_diff.headers import Facts
from linker_diff.relocatable import (
    SHF_MERGE,
    SHF_STRINGS,
    SHN_COMMON,
    Reference,
    Relocatable,
    Symbol,
    text_at,
)
from linker_diff.report import Difference, Row

SHF_GROUP = 0x200
UNWIND_RECORDS = ".eh_frame"
# Put together and renumbered by every linker in its own way; what is in them is compared by other means.
WITHOUT_CONTENTS = (".comment", ".note.gnu.property", ".note.GNU-stack")


def compare_relocatable(ref: Relocatable, ours: Relocatable) -> Iterator[Difference]:
    """All differences of two relocatable files."""
    for check in (compare_sections, compare_groups, compare_symbols, compare_contents):
        yield from check(ref, ours)


def valued(ref: Relocatable, ours: Relocatable, key: str, a: str, b: str) -> Difference:
    return Difference(key, "", (Row(ours.label, b), Row(ref.label, a)))


def differing(ref: Relocatable, ours: Relocatable, key: str, a: Facts, b: Facts) -> Iterator[Difference]:
    for name in sorted(a.keys() | b.keys()):
        if a.get(name) != b.get(name):
            yield valued(ref, ours, key + name, a.get(name, "-"), b.get(name, "-"))


def compare_sections(ref: Relocatable, ours: Relocatable) -> Iterator[Difference]:
    """Which there are, and their headers."""
    for key in dict.fromkeys([*ref.sections, *ours.sections]):
        name = f"section.{key.lstrip('.')}"
        a, b = section_facts(ref, key), section_facts(ours, key)
        if a and b:
            yield from differing(ref, ours, f"{name}.", a, b)
        elif (ref if a else ours).headers[(ref if a else ours).sections[key]][5]:
            shown = [", ".join(facts.values()) or "-" for facts in (a, b)]
            yield valued(ref, ours, f"{name}.{'missing' if a else 'extra'}", *shown)


def section_facts(file: Relocatable, key: str) -> Facts:
    if key not in file.sections:
        return {}
    _, kind, flags, _, _, _, _, _, alignment, entsize = file.headers[file.sections[key]]
    return {
        "type": elf.named(kind, elf.SECTION_TYPES),
        "flags": elf.flag_names(flags & ~SHF_GROUP, elf.SECTION_FLAGS, ""),
        "alignment": str(max(alignment, 1)),
        "entsize": str(entsize),
    }


def compare_groups(ref: Relocatable, ours: Relocatable) -> Iterator[Difference]:
    """By signature: `group.NAME`."""
    yield from differing(ref, ours, "group.", group_facts(ref), group_facts(ours))


def group_facts(file: Relocatable) -> Facts:
    """What a group consists of, without the relocations of its members."""
    facts = {}
    for name, (flags, members) in file.groups.items():
        names = sorted(file.names[it] for it in members if it in file.key_of)
        facts[name] = ("COMDAT " if flags & 1 else "") + ", ".join(names)
    return facts


# --- symbols -------------------------------------------------------------------------------------------------


def compare_symbols(ref: Relocatable, ours: Relocatable) -> Iterator[Difference]:
    """Global ones with their properties, local ones by whether they are there."""
    a, b = global_symbols(ref), global_symbols(ours)
    for name in dict.fromkeys([*a, *b]):
        if name not in a or name not in b:
            yield valued(
                ref, ours, f"symbol.{'missing' if name in a else 'extra'}.{name}",
                *(", ".join(symbol_facts(file, table[name]).values()) if name in table else "-"
                  for file, table in ((ref, a), (ours, b))),
            )  # fmt: skip
            continue
        for fact, value in symbol_facts(ref, a[name]).items():
            other = symbol_facts(ours, b[name])[fact]
            if value != other:
                yield valued(ref, ours, f"symbol.{fact}.{name}", value, other)
    counts = [local_symbols(file) for file in (ref, ours)]
    for name in dict.fromkeys([*counts[0], *counts[1]]):
        if counts[0][name] != counts[1][name]:
            kind = "missing" if counts[0][name] > counts[1][name] else "extra"
            yield valued(ref, ours, f"symbol.local.{kind}.{name}", str(counts[0][name]), str(counts[1][name]))


def global_symbols(file: Relocatable) -> dict[str, Symbol]:
    return {it.name: it for it in file.symbols if it.binding != elf.STB_LOCAL and it.name}


def local_symbols(file: Relocatable) -> Counter[str]:
    kinds = (elf.STT_SECTION, elf.STT_FILE)
    return Counter(
        it.name for it in file.symbols if it.binding == elf.STB_LOCAL and it.type not in kinds and it.name
    )


def symbol_facts(file: Relocatable, symbol: Symbol) -> Facts:
    common = symbol.section == SHN_COMMON
    places = {0: "UND", elf.SHN_ABS: "ABS", SHN_COMMON: "COMMON"}
    return {
        "type": elf.named(symbol.type, elf.SYMBOL_TYPES) if symbol.section else "",
        "binding": elf.named(symbol.binding, elf.BINDINGS),
        "visibility": elf.VISIBILITIES[symbol.visibility],
        "size": str(symbol.size if symbol.section else 0),
        "section": places.get(symbol.section) or file.key_of.get(symbol.section, "?"),
        "value": f"{symbol.value:#x}" if common or symbol.section == elf.SHN_ABS else "",
    }


# --- contents ------------------------------------------------------------------------------------------------


def compare_contents(ref: Relocatable, ours: Relocatable) -> Iterator[Difference]:
    """The bytes of each section and its relocations."""
    for key in ref.sections.keys() & ours.sections.keys():
        if ref.names[ref.sections[key]] in WITHOUT_CONTENTS:
            continue
        a, b = Region(ref, key), Region(ours, key)
        if is_merged(ref, key) and is_merged(ours, key):
            yield from compare_pieces(a, b)
            continue
        if key == UNWIND_RECORDS and (a.size, a.data) != (b.size, b.data):
            yield from compare_records(a, b)
            continue
        found = list(compare_regions(a, b)) if a.size == b.size else []
        if a.size == b.size:
            yield from compare_places(ref, ours, key, bool(a.data) and not found)
        if not found and a.size == b.size:
            continue
        symbols = [regions_of(file, key) for file in (ref, ours)]
        names = symbols[0].keys() & symbols[1].keys()
        by_symbol = [it for name in names for it in compare_regions(symbols[0][name], symbols[1][name])]
        if a.size != b.size:
            found = [valued(ref, ours, f"contents.{key}", f"{a.size:#x} bytes", f"{b.size:#x} bytes")]
        if symbols[0].keys() == symbols[1].keys() and len(symbols[0]) > 1 and not by_symbol:
            found = [Difference(f"order.{key}", "the same in another order", found[0].rows)]
        yield from by_symbol or found


def compare_places(ref: Relocatable, ours: Relocatable, key: str, same: bool) -> Iterator[Difference]:
    """Symbols at other places: all of them where contents are the `same`, else those that are not in most places."""
    places = [places_in(file, key) for file in (ref, ours)]
    both = places[0].keys() & places[1].keys()
    moved = sorted(name for name in both if places[0][name] != places[1][name])
    if same or len(moved) * 2 < len(both):
        for name in moved:
            yield valued(ref, ours, f"symbol.place.{name}", *(f"{key}+{it[name]:#x}" for it in places))


def places_in(file: Relocatable, key: str) -> dict[str, int]:
    """The symbols of a section whose names are used once."""
    symbols = [it for it in file.symbols if it.section == file.sections[key] and it.name]
    counts = Counter(it.name for it in symbols)
    return {it.name: it.value for it in symbols if counts[it.name] == 1}


def compare_records(a: Region, b: Region) -> Iterator[Difference]:
    """Unwind records, of which some linkers join the common parts (CIE): which functions and tables they refer to."""
    counts = [Counter(found.target for found in it.references.values()) for it in (a, b)]
    for target in sorted(counts[0].keys() | counts[1].keys()):
        if bool(counts[0][target]) != bool(counts[1][target]):
            kind = "missing" if counts[0][target] else "extra"
            yield valued(a.file, b.file, f"fde.{kind}.{target}", *(str(it[target]) for it in counts))


def is_merged(file: Relocatable, key: str) -> bool:
    return bool(file.headers[file.sections[key]][2] & SHF_MERGE) and not file.references[key]


class Region:
    """Bytes of a section, with fields that relocations fill set to zero, and the relocations by distance."""

    def __init__(self, file: Relocatable, key: str, start: int = 0, size: int = -1, name: str = "") -> None:
        self.file, self.key, self.start, self.name = file, key, start, name
        index = file.sections[key]
        self.size = file.headers[index][5] if size < 0 else size
        self.references = {
            place - start: found
            for place, found in file.references[key].items()
            if start <= place < start + self.size
        }
        data = bytearray(file.view.contents(index)[start : start + self.size])
        for place, reference in self.references.items():
            data[place : place + reference.width] = bytes(len(data[place : place + reference.width]))
        self.data = bytes(data)

    def subject(self, place: int) -> str:
        """What a place belongs to, as the middle of a key: `asm.main`, `data.table`, `contents..text`."""
        index = self.file.sections[self.key]
        symbol = self.file.symbol_at(index, self.start + place)
        name = self.name or (symbol.name if symbol else "")
        code = self.file.headers[index][2] & elf.SHF_EXECINSTR
        return f"{'asm' if code else 'data'}.{name}" if name else f"contents.{self.key}"


def regions_of(file: Relocatable, key: str) -> dict[str, Region]:
    """Functions and variables of a section by name; names that are used twice say too little."""
    index = file.sections[key]
    symbols = [it for it in file.symbols if it.section == index and it.size and it.name]
    counts = Counter(it.name for it in symbols)
    return {it.name: Region(file, key, it.value, it.size, it.name) for it in symbols if counts[it.name] == 1}


def compare_regions(a: Region, b: Region) -> Iterator[Difference]:
    """The first byte that differs, and every relocation that does: `rel.missing.SUBJECT` and its kin."""
    ref, ours = a.file, b.file
    if a.data != b.data:
        both = enumerate(zip(a.data, b.data, strict=False))
        at = next((at for at, two in both if two[0] != two[1]), min(a.size, b.size))
        rows = tuple(Row(it.file.label, "", it.start + at, it.data[at : at + 8]) for it in (b, a))
        yield Difference(a.subject(at), f"differs at offset {at:#x}", rows)
    for place in sorted(a.references.keys() | b.references.keys()):
        one, other = a.references.get(place), b.references.get(place)
        if one == other:
            continue
        texts = [f"{it.type} {it.target}" if it else "-" for it in (one, other)]
        rows = Row(ours.label, texts[1], b.start + place), Row(ref.label, texts[0], a.start + place)
        subject = a.subject(place)
        key = f"rel.{kind_of(one, other)}.{subject.partition('.')[2]}"
        yield Difference(key, f"at {a.name or a.key}+{place:#x}", rows, ("rel", subject, place))


def kind_of(one: Reference | None, other: Reference | None) -> str:
    """What is different about two relocations at one place."""
    if one is None or other is None:
        return "extra" if one is None else "missing"
    return "type" if one.target == other.target else "target"


def compare_pieces(a: Region, b: Region) -> Iterator[Difference]:
    """Strings and constants that linkers may merge: only which there are counts."""
    one, other = (pieces(it) for it in (a, b))
    for kind, lost in (("missing", one - other), ("extra", other - one)):
        for piece in sorted(lost)[:1]:
            texts = (repr(piece), "-") if kind == "missing" else ("-", repr(piece))
            yield valued(a.file, b.file, f"contents.{kind}.{a.key}", *texts)


def pieces(region: Region) -> set[bytes]:
    """The strings or constants of a section."""
    header = region.file.headers[region.file.sections[region.key]]
    size = max(header[9], 1)
    if not header[2] & SHF_STRINGS:
        return {region.data[at : at + size] for at in range(0, len(region.data), size)}
    found: set[bytes] = set()
    at = 0
    while at < len(region.data):
        text = text_at(region.data, at, size)
        found.add(text)
        at += len(text) + size
    return found
