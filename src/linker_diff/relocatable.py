"""One relocatable output (`-r`), read so that it can be compared: sections, groups, symbols, and relocations by target.

Sections are known by their name, their group and a running number, since there may be several of one name. A
relocation is against a symbol; what that is called says what it means. Where it is a local one or stands for a section,
the place in that section does: the text or constant in one that is merged, elsewhere the distance from the symbol
around it, since linkers put input sections together in orders of their own.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from linker_diff import elf_names as elf
from linker_diff.image import DiffError
from wild.machine.x86_64 import RELOCATIONS, relocation_name
from wild.object_view import ObjectView

SHT_STRTAB, SHT_REL, SHT_GROUP, SHT_SYMTAB_SHNDX, SHT_CREL = 3, 9, 17, 18, 0x40000014
TABLES = frozenset(
    (0, elf.SHT_SYMTAB, SHT_STRTAB, elf.SHT_RELA, SHT_REL, SHT_GROUP, SHT_SYMTAB_SHNDX, SHT_CREL)
)
SHF_MERGE, SHF_STRINGS, SHN_COMMON = 0x10, 0x20, 0xFFF2
FIELDS = {type: size for type, (_, _, size, *_) in RELOCATIONS.items()}
# Types whose addend counts from the end of a field of four bytes.
FROM_THE_END = frozenset((2, 4, 9, 19, 20, 22, 26, 34, 41, 42))


def is_relocatable(path: Path) -> bool:
    """Is it an ELF file of type ET_REL?"""
    try:
        with path.open("rb") as file:
            head = file.read(18)
    except OSError:
        return False
    return head[:4] == b"\x7fELF" and head[16:18] == b"\1\0"


class Symbol(NamedTuple):
    """A row of the symbol table; `section` is an index or an SHN_ value."""

    name: str
    type: int
    binding: int
    visibility: int
    value: int
    size: int
    section: int


class Reference(NamedTuple):
    """A relocation: its type's name, the bytes it fills, and what it refers to, in words that two files share."""

    type: str
    width: int
    target: str


class Relocatable:
    """A relocatable file. Raises DiffError where it cannot be read."""

    def __init__(self, path: Path, label: str) -> None:
        self.path, self.label = path, label
        try:
            self.data = path.read_bytes()
            self.view = ObjectView(self.data)
            self.headers = self.view.headers
            self.names = [self.view.string(self.view.names, header[0]) for header in self.headers]
            self.symbols = [self.symbol(index) for index in range(len(self.view.symbols))]
            self.groups = self.read_groups()
            self.sections = self.read_sections()
            self.references = {key: self.read_references(index) for key, index in self.sections.items()}
        except OSError as error:
            raise DiffError(f"{path}: {error.strerror}") from None
        except (ValueError, LookupError, struct.error):
            raise DiffError(f"{path}: cannot be read as a relocatable file") from None

    def symbol(self, index: int) -> Symbol:
        name, info, value, size, section = self.view.symbols[index]
        table = self.headers[self.view.symbol_table()]
        other = self.data[table[4] + 24 * index + 5]
        return Symbol(self.view.symbol_name(name), info & 15, info >> 4, other & 3, value, size, section)

    def read_groups(self) -> dict[str, tuple[int, list[int]]]:
        """Signature -> (flags, indices of the members)."""
        groups = {}
        for index, header in enumerate(self.headers):
            if header[1] == SHT_GROUP:
                words = [word for (word,) in struct.iter_unpack("<I", self.view.contents(index))]
                symbol = self.symbols[header[7]]
                groups[symbol.name or self.names[symbol.section]] = words[0], words[1:]
        return groups

    def read_sections(self) -> dict[str, int]:
        """What a section is called here -> its index; tables of the file itself are left out."""
        group_of = {member: name for name, (_, members) in self.groups.items() for member in members}
        found: dict[str, int] = {}
        counts: Counter[str] = Counter()
        for index, header in enumerate(self.headers):
            if header[1] in TABLES:
                continue
            key = self.names[index] + (f"[{group_of[index]}]" if index in group_of else "")
            counts[key] += 1
            found[key if counts[key] == 1 else f"{key}#{counts[key]}"] = index
        return found

    @property
    def counts(self) -> dict[str, int]:
        """How much there is to compare."""
        relocations = sum(map(len, self.references.values()))
        return {"sections": len(self.sections), "symbols": len(self.symbols), "relocations": relocations}

    @cached_property
    def key_of(self) -> dict[int, str]:
        return {index: key for key, index in self.sections.items()}

    @cached_property
    def around(self) -> dict[int, tuple[list[int], list[Symbol]]]:
        """Of each section the places of its symbols, in order, and the symbols."""
        inside: dict[int, dict[int, Symbol]] = {}
        for symbol in self.symbols:
            if symbol.type not in (elf.STT_SECTION, elf.STT_FILE) and symbol.name:
                known = inside.setdefault(symbol.section, {})
                if symbol.value not in known or symbol.name < known[symbol.value].name:
                    known[symbol.value] = symbol
        return {
            section: (sorted(known), [known[at] for at in sorted(known)]) for section, known in inside.items()
        }

    def symbol_at(self, section: int, place: int) -> Symbol | None:
        """The last symbol of a section that does not begin behind a place."""
        places, symbols = self.around.get(section, ([], []))
        index = bisect_right(places, place) - 1
        return symbols[index] if index >= 0 else None

    def describe(self, section: int, place: int) -> str:
        """A place by what stands there, or by the symbol around it."""
        flags, entsize = self.headers[section][2], self.headers[section][9]
        if flags & SHF_MERGE and 0 <= place < self.headers[section][5]:
            data = self.view.contents(section)
            if flags & SHF_STRINGS:
                return f"{self.names[section]} {text_at(data, place, max(entsize, 1))!r}"
            return f"{self.names[section]} {data[place : place + entsize].hex()}"
        symbol = self.symbol_at(section, place)
        base, name = (
            (symbol.value, symbol.name) if symbol else (0, self.key_of.get(section, self.names[section]))
        )
        return f"{name}{place - base:+#x}" if place != base else name

    def read_references(self, section: int) -> dict[int, Reference]:
        """The relocations of a section by place; the last of several at one place."""
        found = {}
        for header in self.headers:
            if header[1] in (elf.SHT_RELA, SHT_CREL) and header[7] == section:
                for place, type, symbol, addend in self.view.relocations(header):
                    if type == elf.R_NONE:
                        continue  # of what was dropped; some linkers keep the row, some what it referred to
                    target = self.target(self.symbols[symbol], type, addend)
                    found[place] = Reference(relocation_name(type), FIELDS.get(type, 8), target)
        return found

    def target(self, symbol: Symbol, type: int, addend: int) -> str:
        if symbol.binding == elf.STB_LOCAL and 0 < symbol.section < len(self.headers):
            shift = 4 if type in FROM_THE_END else 0
            return f"{self.describe(symbol.section, symbol.value + addend + shift)}{-shift or ''}"
        return f"{symbol.name}{addend:+#x}" if addend else symbol.name


def text_at(data: bytes, place: int, size: int) -> bytes:
    """Up to the next zero of `size` bytes."""
    end = place
    while end + size <= len(data) and any(data[end : end + size]):
        end += size
    return data[place:end]
