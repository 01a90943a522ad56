"""`wild diff OLD.o NEW.o`: which sections an edit has changed: what an update of the output has to write.

Sections are paired one by one.  Those that define a global or named local symbol are the same if they define the same
names; the others (constants, strings: compilers number them anew each time) are the same if the same places of paired
sections refer to them, whatever they are called; what is left is paired by name, then by contents.  Two sections are
equal if their bytes are, without the fields of relocations, and if their relocations refer to the same names, or to
equal sections, with the same addends.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from struct import error as struct_error

from wild.object_view import SHF_COMPRESSED, ObjectView

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

USAGE = "usage: wild diff [--all] OLD.o NEW.o   (--all: sections that are not loaded, too)\n"
SHF_ALLOC, SHT_NULL, SHT_RELA, SHT_CREL, SHT_GROUP, SHT_NOBITS = 2, 0, 4, 0x40000014, 17, 8
STT_SECTION, STB_LOCAL = 3, 0
EQUAL, DIFFERENT, FAILED = 0, 1, 2


def run(arguments: list[str]) -> int:
    """Print the list; the exit status is 0 if nothing differs, 1 if something does, 2 for errors."""
    files = [argument for argument in arguments if argument[:1] != "-"]
    whole = "--all" in arguments
    if len(files) != 2 or len(arguments) != 2 + whole:
        sys.stderr.write(USAGE)
        return FAILED
    sides = []
    for path in files:
        try:
            with open(path, "rb") as file:
                data = file.read()
            if data[:6] != b"\x7fELF\2\1" or data[16] != 1:
                raise ValueError("not a relocatable object")
            sides.append(Side(data, whole))
        except OSError as error:
            sys.stderr.write(f"wild: error: {path}: {error.strerror}\n")
            return FAILED
        except (ValueError, LookupError, struct_error) as error:
            sys.stderr.write(f"wild: error: {path}: {error}\n")
            return FAILED
    updates = compare(*sides)
    sys.stdout.write("".join(f"{update}\n" for update in updates))
    return DIFFERENT if updates else EQUAL


class Section:
    """One section: its name, contents, the names that it defines, and what refers to it."""

    def __init__(self, name: str, size: int, kind: int, flags: int) -> None:
        self.name, self.size, self.kind, self.flags = name, size, kind, flags
        self.data = b""
        self.names: list[str] = []
        self.relocations: list[tuple[int, int, str, int, int]] = []  # offset, type, name, section, addend
        self.partner = 0

    def bare(self) -> bytes:
        """The contents without the fields that relocations fill."""
        data = bytearray(self.data)
        for offset, type, *_ in self.relocations:
            size = WIDTHS.get(type, 4)
            data[offset : offset + size] = bytes(len(data[offset : offset + size]))
        return bytes(data)

    def describe(self) -> str:
        return f"{self.name} ({', '.join(sorted(self.names))})" if self.names else self.name


WIDTHS = {
    1: 8,
    12: 2,
    13: 2,
    14: 1,
    15: 1,
    24: 8,
    25: 8,
    33: 8,
}  # bytes of the fields (psABI, "Relocation Types")


class Side:
    """The sections of one object that an update may have to write, by index."""

    def __init__(self, data: bytes, whole: bool) -> None:
        """Raises ValueError, LookupError and struct.error for a damaged file."""
        view = ObjectView(data)
        self.sections: dict[int, Section] = {}
        for index, (name, kind, flags, _, _, size, *_) in enumerate(view.headers):
            loaded = flags & SHF_ALLOC or (whole and flags & ~SHF_COMPRESSED == 0x30) or (whole and kind == 1)
            if kind in (SHT_NULL, SHT_GROUP, SHT_RELA, SHT_CREL) or not loaded:
                continue
            section = Section(view.string(view.names, name), size, kind, flags)
            section.data = view.contents(index)
            self.sections[index] = section
        for name, info, _, _, home in view.symbols:
            if home in self.sections and info & 15 != STT_SECTION:
                self.sections[home].names.append(view.symbol_name(name))
        for header in view.headers:
            if header[1] in (SHT_RELA, SHT_CREL) and header[7] in self.sections:
                self.sections[header[7]].relocations = sorted(self.references(view, header))

    def references(
        self, view: ObjectView, header: tuple[int, ...]
    ) -> Iterator[tuple[int, int, str, int, int]]:
        """Relocations; those against local symbols name a section, all others a symbol."""
        for offset, type, symbol, addend in view.relocations(header):
            name, info, value, _, home = view.symbols[symbol]
            if home in self.sections and info >> 4 == STB_LOCAL:
                yield offset, type, "", home, value + addend
            else:
                yield offset, type, view.symbol_name(name), 0, addend


def compare(old: Side, new: Side) -> list[str]:
    """A line for each section that is not the same in both."""
    pair_all(old, new)
    equal = equal_sections(old, new)
    lines = []
    for index, section in new.sections.items():
        before = old.sections.get(section.partner)
        if before is None:
            lines.append(f"added    {section.describe()}  {section.size} bytes")
        elif index not in equal:
            sizes = (
                f"{section.size} bytes"
                if before.size == section.size
                else f"{before.size} -> {section.size} bytes"
            )
            lines.append(f"changed  {section.describe()}  {sizes}")
    lines += [f"removed  {it.describe()}  {it.size} bytes" for it in old.sections.values() if not it.partner]
    return lines


def pair_all(old: Side, new: Side) -> None:
    """Find the partners, from what is certain to what is likely."""

    def pair(a: int, b: int) -> bool:
        before, after = old.sections[a], new.sections[b]
        if before.partner or after.partner or before.kind != after.kind or before.flags != after.flags:
            return False
        before.partner, after.partner = b, a
        return True

    def pair_by(key_of: Callable[[Section], object]) -> None:
        groups: dict[object, list[int]] = defaultdict(list)
        for index, section in old.sections.items():
            if not section.partner and (key := key_of(section)) is not None:
                groups[key].append(index)
        for index, section in new.sections.items():
            key = None if section.partner else key_of(section)
            if key is not None and groups.get(key):
                pair(groups[key].pop(0), index)

    pair_by(lambda it: (it.name, *sorted(it.names)) if it.names else None)
    pair_by(lambda it: next((name for name in it.names if name[:1] != "."), None))
    queue = [index for index, section in old.sections.items() if section.partner]
    for index in queue:
        # What the same places refer to is the same thing, if the code between them has not changed.
        before = old.sections[index]
        after = new.sections[before.partner]
        for a, b in zip(before.relocations, after.relocations, strict=False):
            if a[3] and b[3] and a[1] == b[1] and pair(a[3], b[3]):
                queue.append(a[3])
    pair_by(lambda it: None if it.names else (it.name, it.bare()))
    pair_by(lambda it: None if it.names else it.name)
    pair_by(lambda it: None if it.names else it.bare() or None)


def equal_sections(old: Side, new: Side) -> set[int]:
    """Indices in the new object of what need not be written: what is referred to may have changed, if it is the same
    name, or the same place of the paired section."""
    same = {
        index
        for index, section in new.sections.items()
        if section.partner and old.sections[section.partner].bare() == section.bare()
        and old.sections[section.partner].size == section.size
        and sorted(old.sections[section.partner].names) == sorted(section.names)
    }  # fmt: skip
    found = set()
    for index in same:
        before, after = old.sections[new.sections[index].partner], new.sections[index]
        if len(before.relocations) == len(after.relocations) and all(
            a[:3] == b[:3]
            and a[4] == b[4]
            and (a[3] == b[3] == 0 or (b[3] != 0 and new.sections[b[3]].partner == a[3]))
            for a, b in zip(before.relocations, after.relocations, strict=True)
        ):
            found.add(index)
    return found
