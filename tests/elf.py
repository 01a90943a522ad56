"""A small ELF64 little-endian reader for assertions about outputs, quick enough to be run on every link.

It reads objects, too, and shares only names with linker-diff's reader: what one of them misreads the other should not.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from linker_diff import elf_names

SHT_PROGBITS, SHT_SYMTAB, SHT_STRTAB, SHT_RELA, SHT_HASH, SHT_DYNAMIC, SHT_NOTE, SHT_NOBITS = (
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
)
SHT_REL, SHT_DYNSYM, SHT_INIT_ARRAY, SHT_RELR = 9, 11, 14, 19
SHF_WRITE, SHF_ALLOC, SHF_EXECINSTR, SHF_MERGE, SHF_STRINGS, SHF_TLS = 1, 2, 4, 0x10, 0x20, 0x400
SHF_GNU_RETAIN = 0x200000
PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_NOTE, PT_PHDR, PT_TLS = 1, 2, 3, 4, 6, 7
PT_GNU_EH_FRAME, PT_GNU_STACK, PT_GNU_RELRO, PT_GNU_PROPERTY = 0x6474E550, 0x6474E551, 0x6474E552, 0x6474E553
PF_X, PF_W, PF_R = 1, 2, 4
ET_REL, ET_EXEC, ET_DYN = 1, 2, 3
SHN_UNDEF, SHN_ABS, SHN_COMMON, SHN_XINDEX = 0, 0xFFF1, 0xFFF2, 0xFFFF
BINDINGS = elf_names.BINDINGS | {10: "UNIQUE"}
SYMBOL_TYPES = elf_names.SYMBOL_TYPES | {10: "IFUNC"}
VISIBILITIES, RELOCATIONS = elf_names.VISIBILITIES, elf_names.RELOCATION_NAMES
DYNAMIC_TAGS, STRING_TAGS = elf_names.DYNAMIC_TAGS, elf_names.STRING_TAGS


class Section(NamedTuple):
    """One row of the section header table, with its name looked up."""

    name: str
    type: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    alignment: int
    entry_size: int
    index: int

    @property
    def end(self) -> int:
        return self.address + self.size

    def __contains__(self, address: object) -> bool:
        return isinstance(address, int) and self.address <= address < self.end


class Segment(NamedTuple):
    """One program header, in the order of its fields in the file."""

    type: int
    flags: int
    offset: int
    address: int
    physical: int
    file_size: int
    size: int
    alignment: int

    @property
    def end(self) -> int:
        return self.address + self.size


class Symbol(NamedTuple):
    """One symbol; `section` is a name, or UNDEF, ABS, COMMON."""

    name: str
    value: int
    size: int
    binding: str
    type: str
    visibility: str
    section: str


class Relocation(NamedTuple):
    """One dynamic relocation with an explicit addend."""

    offset: int
    type: str
    symbol: str
    addend: int


class Note(NamedTuple):
    """One entry of a note section."""

    name: str
    type: int
    description: bytes


def string_at(data: bytes, offset: int) -> str:
    return data[offset : data.index(b"\0", offset)].decode(errors="surrogateescape")


class Elf:
    """An ELF file held in memory; everything is parsed when first asked for."""

    def __init__(self, data: bytes) -> None:
        assert data[:6] == b"\x7fELF\2\1", "not a 64-bit little-endian ELF file"
        self.data = data
        self.osabi = data[7]
        self.type, self.machine, _, self.entry, self.phoff, self.shoff = struct.unpack_from(
            "<HHIQQQ", data, 16
        )
        self.phentsize, self.phnum, self.shentsize, self.shnum, self.shstrndx = struct.unpack_from(
            "<HHHHH", data, 54
        )

    @cached_property
    def section_list(self) -> list[Section]:
        """All sections in file order, the null section first; empty when there is no section header table."""
        if not self.shoff:
            return []
        first = struct.unpack_from("<IIQQQQIIQQ", self.data, self.shoff)
        count = self.shnum or first[5]
        names = first[6] if self.shstrndx == SHN_XINDEX else self.shstrndx
        table = self.data[self.shoff : self.shoff + 64 * count]
        rows = list(struct.iter_unpack("<IIQQQQIIQQ", table))
        return [
            Section(string_at(self.data, rows[names][4] + row[0]), *row[1:], index)
            for index, row in enumerate(rows)
        ]

    @cached_property
    def sections(self) -> dict[str, Section]:
        """Sections by name; of equal names the first."""
        return {section.name: section for section in reversed(self.section_list)}

    @cached_property
    def segments(self) -> list[Segment]:
        table = self.data[self.phoff : self.phoff + 56 * self.phnum]
        return [Segment(*row) for row in struct.iter_unpack("<IIQQQQQQ", table)]

    def segments_of(self, kind: int) -> list[Segment]:
        return [segment for segment in self.segments if segment.type == kind]

    def contents(self, name: str) -> bytes:
        """The bytes of a section; zeros for one that takes no room in the file."""
        section = self.sections[name]
        if section.type == SHT_NOBITS:
            return bytes(section.size)
        return self.data[section.offset : section.offset + section.size]

    def read(self, address: int, size: int) -> bytes:
        """Bytes at an address of the loaded image, before any dynamic relocation."""
        for segment in self.segments_of(PT_LOAD):
            if segment.address <= address and address + size <= segment.end:
                start = segment.offset + address - segment.address
                held = self.data[start : min(start + size, segment.offset + segment.file_size)]
                return held.ljust(size, b"\0")
        raise AssertionError(f"no segment holds address {address:#x}")

    def word(self, address: int) -> int:
        """The 64-bit word at an address of the loaded image."""
        return int.from_bytes(self.read(address, 8), "little")

    def c_string(self, address: int) -> str:
        return string_at(self.read(address, self.segment_at(address).end - address), 0)

    def segment_at(self, address: int) -> Segment:
        """The loadable segment that holds an address."""
        return next(
            seg for seg in self.segments_of(PT_LOAD) if seg.address <= address < max(seg.end, seg.address + 1)
        )

    def section_at(self, address: int) -> str:
        """Name of the allocated section that holds an address."""
        for section in self.section_list:
            if section.flags & SHF_ALLOC and not section.flags & SHF_TLS and address in section:
                return section.name
        raise AssertionError(f"no section holds address {address:#x}")

    def symbol_table(self, section: Section) -> Iterator[Symbol]:
        strings = self.section_list[section.link].offset
        table = self.data[section.offset : section.offset + section.size]
        for name, info, other, index, value, size in struct.iter_unpack("<IBBHQQ", table):
            yield Symbol(
                string_at(self.data, strings + name),
                value,
                size,
                BINDINGS.get(info >> 4, str(info >> 4)),
                SYMBOL_TYPES.get(info & 15, str(info & 15)),
                VISIBILITIES[other & 3],
                self.section_name(index),
            )

    def section_name(self, index: int) -> str:
        special = {SHN_UNDEF: "UNDEF", SHN_ABS: "ABS", SHN_COMMON: "COMMON", SHN_XINDEX: "XINDEX"}
        return special.get(index) or self.section_list[index].name

    @cached_property
    def symbol_list(self) -> list[Symbol]:
        """The rows of .symtab without the null symbol; empty when it was stripped."""
        return [] if ".symtab" not in self.sections else list(self.symbol_table(self.sections[".symtab"]))[1:]

    @cached_property
    def symbols(self) -> dict[str, Symbol]:
        """.symtab by name; of equal names the last, because globals come after locals."""
        return {symbol.name: symbol for symbol in self.symbol_list}

    @cached_property
    def dynamic_symbol_list(self) -> list[Symbol]:
        """All rows of .dynsym, the null symbol included, so that indices of other tables fit."""
        return list(self.symbol_table(self.sections[".dynsym"])) if ".dynsym" in self.sections else []

    @cached_property
    def dynamic_symbols(self) -> dict[str, Symbol]:
        return {symbol.name: symbol for symbol in self.dynamic_symbol_list[1:]}

    @cached_property
    def exports(self) -> set[str]:
        """Names that the dynamic symbol table defines."""
        return {symbol.name for symbol in self.dynamic_symbol_list[1:] if symbol.section != "UNDEF"}

    @cached_property
    def dynamic(self) -> list[tuple[str, int]]:
        """Rows of the dynamic section up to the first DT_NULL; unknown tags as numbers."""
        rows: list[tuple[str, int]] = []
        for segment in self.segments_of(PT_DYNAMIC):
            table = self.data[segment.offset : segment.offset + segment.file_size]
            for tag, value in struct.iter_unpack("<QQ", table):
                if not tag:
                    break
                rows.append((DYNAMIC_TAGS.get(tag, hex(tag)), value))
        return rows

    def tag(self, name: str) -> list[int]:
        """Values of one dynamic tag, in order."""
        return [value for tag, value in self.dynamic if tag == name]

    def tag_strings(self, name: str) -> list[str]:
        """Values of a dynamic tag whose value is a string."""
        assert name in STRING_TAGS
        strings = self.tag("STRTAB")[0]
        return [self.c_string(strings + value) for value in self.tag(name)]

    @cached_property
    def relocations(self) -> list[Relocation]:
        """All dynamic relocations: DT_RELA, then DT_JMPREL; in a static program those of .rela.* sections."""
        tables = [
            section
            for section in self.section_list
            if section.type == SHT_RELA and section.flags & SHF_ALLOC and section.size
        ]
        return [row for table in tables for row in self.relocation_table(table)]

    def relocation_table(self, section: Section) -> Iterator[Relocation]:
        table = self.data[section.offset : section.offset + section.size]
        for offset, info, addend in struct.iter_unpack("<QQq", table):
            symbols = self.dynamic_symbol_list
            symbol = symbols[info >> 32].name if info >> 32 else ""
            kind = RELOCATIONS.get(info & 0xFFFFFFFF, str(info & 0xFFFFFFFF))
            yield Relocation(offset, kind, symbol, addend)

    def relocation_set(self, kind: str) -> set[str]:
        """Names of the symbols that relocations of one kind are against."""
        return {relocation.symbol for relocation in self.relocations if relocation.type == kind}

    def notes(self, name: str) -> list[Note]:
        """Entries of one note section."""
        section, data = self.sections[name], self.contents(name)
        found, position = [], 0
        align = max(section.alignment, 4)
        while position + 12 <= len(data):
            name_size, size, kind = struct.unpack_from("<III", data, position)
            start = position + -(-(12 + name_size) // align) * align
            owner = data[position + 12 : position + 12 + name_size].rstrip(b"\0").decode()
            found.append(Note(owner, kind, data[start : start + size]))
            position = start + -(-size // align) * align
        return found


def with_relocation_type(data: bytes, section: str, number: int) -> bytes:
    """An object with the first relocation type of a section changed to one that assemblers do not know."""
    position = Elf(data).sections[section].offset + 8
    return data[:position] + number.to_bytes(4, "little") + data[position + 4 :]
