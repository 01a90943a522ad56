"""One linked ELF file, read once and checked while it is read.

Only what a loader or a debugger would look at: headers, sections, segments, symbols with their versions, the
dynamic section and the dynamic relocations. What the addresses in it stand for is the business of places.py.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from linker_diff import elf_names as elf
from linker_diff.versions import Versions, read_versions


class DiffError(Exception):
    """A file that cannot be compared; the text names it."""


class Section(NamedTuple):
    """A section header, with its name looked up (gABI, "Section Header")."""

    name: str
    type: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    alignment: int
    entsize: int

    @property
    def end(self) -> int:
        return self.address + self.size

    @property
    def is_mapped(self) -> bool:
        """Has it addresses at run time? `.tbss` has none of its own."""
        return bool(self.flags & elf.SHF_ALLOC) and not (
            self.type == elf.SHT_NOBITS and self.flags & elf.SHF_TLS
        )


class Segment(NamedTuple):
    """A program header (gABI, "Program Header")."""

    type: int
    flags: int
    offset: int
    address: int
    filesz: int
    memsz: int
    alignment: int


class Symbol(NamedTuple):
    """A row of `.symtab` or `.dynsym`; `section` is an index or an SHN_ value, `file` the STT_FILE before it."""

    name: str
    value: int
    size: int
    type: int
    binding: int
    visibility: int
    section: int
    file: str
    version: str  # dynamic symbols only: "@V", "@@V" or nothing

    @property
    def is_defined(self) -> bool:
        return self.section != elf.SHN_UNDEF

    @property
    def end(self) -> int:
        return self.value + self.size


class Relocation(NamedTuple):
    """A dynamic relocation; RELR entries appear as RELATIVE with the addend that stands at the place."""

    address: int
    type: int
    symbol: Symbol | None
    addend: int


class Image:
    """A linked file. Raises DiffError where it is not a sound x86-64 executable or shared object."""

    def __init__(self, path: Path, label: str) -> None:
        self.path, self.label = path, label
        try:
            self.data = path.read_bytes()
        except OSError as error:
            raise DiffError(f"{path}: {error.strerror}") from None
        self.read_header()
        self.segments = [
            Segment(*self.reordered(row)) for row in self.table(self.phoff, self.phnum, "<IIQQQQQQ")
        ]
        self.sections = self.read_sections()
        self.loads = sorted(
            (segment for segment in self.segments if segment.type == elf.PT_LOAD), key=lambda it: it.address
        )
        self.load_starts = [segment.address for segment in self.loads]
        mapped = (section for section in self.sections if section.is_mapped and section.size)
        self.mapped = sorted(mapped, key=lambda it: it.address)
        self.mapped_starts = [section.address for section in self.mapped]
        self.low = self.loads[0].address if self.loads else 0
        self.high = max((segment.address + segment.memsz for segment in self.loads), default=0)

    def fail(self, reason: str) -> DiffError:
        return DiffError(f"{self.path}: {reason}")

    # --- headers ---------------------------------------------------------------------------------------------

    def read_header(self) -> None:
        if self.data[:4] != b"\x7fELF" or len(self.data) < 64:
            raise self.fail("not an ELF file")
        if self.data[4:6] != b"\x02\x01":
            raise self.fail("not a 64-bit little-endian ELF file")
        self.osabi = self.data[7]
        fields = struct.unpack_from("<HHIQQQIHHHHHH", self.data, 16)
        self.type: int = fields[0]
        machine, _, self.entry, self.phoff, self.shoff, self.flags = fields[1:7]
        _, _, self.phnum, _, self.shnum, self.shstrndx = fields[7:]
        self.elf_machine = machine
        if machine != elf.EM_X86_64:
            raise self.fail(f"is for machine {machine}; only x86-64 files can be compared")
        if self.type not in (elf.ET_EXEC, elf.ET_DYN):
            raise self.fail("is neither an executable nor a shared object")
        if not self.shoff:
            raise self.fail("has no section headers, which the comparison needs")

    def table(self, offset: int, count: int, layout: str) -> Iterator[tuple[int, ...]]:
        size = struct.calcsize(layout) * count
        if offset + size > len(self.data):
            raise self.fail("a header table reaches beyond the end of the file")
        return struct.iter_unpack(layout, self.data[offset : offset + size])

    @staticmethod
    def reordered(row: tuple[int, ...]) -> tuple[int, ...]:
        kind, flags, offset, address, _, filesz, memsz, alignment = row
        return kind, flags, offset, address, filesz, memsz, alignment

    def read_sections(self) -> list[Section]:
        rows = list(self.table(self.shoff, self.shnum or 1, "<IIQQQQIIQQ"))
        if self.shnum == 0:  # gABI: the real numbers are in the first header
            rows = list(self.table(self.shoff, rows[0][5], "<IIQQQQIIQQ"))
        index = rows[0][6] if self.shstrndx == elf.SHN_XINDEX else self.shstrndx
        if index >= len(rows):
            raise self.fail("the table of section names does not exist")
        names = self.data[rows[index][4] : rows[index][4] + rows[index][5]]
        for row in rows:
            if row[1] not in (0, elf.SHT_NOBITS) and row[4] + row[5] > len(self.data):
                raise self.fail("a section reaches beyond the end of the file")
        return [Section(text_at(names, row[0]), *row[1:]) for row in rows]

    @cached_property
    def by_name(self) -> dict[str, Section]:
        return {section.name: section for section in reversed(self.sections)}

    @cached_property
    def is_position_independent(self) -> bool:
        return self.type == elf.ET_DYN

    @cached_property
    def is_executable(self) -> bool:
        """An executable of either kind, not a shared object: nothing can take the place of its definitions."""
        if self.type == elf.ET_EXEC or self.tags.get("FLAGS_1", 0) & 0x08000000:
            return True
        return "SONAME" not in self.tags and any(segment.type == elf.PT_INTERP for segment in self.segments)

    # --- memory ----------------------------------------------------------------------------------------------

    def contains(self, address: int) -> bool:
        return self.low <= address < self.high and self.segment_at(address) is not None

    def touches(self, address: int) -> bool:
        """Is it in a segment or right behind one, where `_end` is?"""
        return self.contains(address) or self.contains(address - 1)

    def segment_at(self, address: int) -> Segment | None:
        index = bisect_right(self.load_starts, address) - 1
        if index < 0:
            return None
        segment = self.loads[index]
        return segment if address < segment.address + segment.memsz else None

    def section_at(self, address: int) -> Section | None:
        index = bisect_right(self.mapped_starts, address) - 1
        if index < 0:
            return None
        section = self.mapped[index]
        return section if address < section.end else None

    def read(self, address: int, size: int) -> bytes:
        """Memory as it is loaded, before relocation: short where a segment ends, empty where none is."""
        segment = self.segment_at(address)
        if segment is None:
            return b""
        offset = address - segment.address
        size = max(min(size, segment.memsz - offset), 0)
        in_file = max(min(size, segment.filesz - offset), 0)
        start = segment.offset + offset
        data = self.data[start : start + in_file]
        return data + bytes(size - len(data))

    def word(self, address: int, size: int = 8, signed: bool = False) -> int:
        """A little-endian number in memory; 0 where there is none."""
        return int.from_bytes(self.read(address, size), "little", signed=signed)

    def contents(self, section: Section) -> bytes:
        if section.type == elf.SHT_NOBITS:
            return b""
        return self.data[section.offset : section.offset + section.size]

    # --- dynamic section -------------------------------------------------------------------------------------

    @cached_property
    def dynamic(self) -> list[tuple[str, int]]:
        """Tags by name without `DT_`, up to DT_NULL."""
        found = []
        for segment in self.segments:
            if segment.type == elf.PT_DYNAMIC:
                data = self.data[segment.offset : segment.offset + segment.filesz // 16 * 16]
                for tag, value in struct.iter_unpack("<QQ", data[: len(data) // 16 * 16]):
                    if tag == 0:
                        break
                    found.append((elf.DYNAMIC_TAGS.get(tag, f"{tag:#x}"), value))
        return found

    @cached_property
    def tags(self) -> dict[str, int]:
        return dict(reversed(self.dynamic))

    def dynamic_string(self, offset: int) -> str:
        address = self.tags.get("STRTAB", 0)
        return text_at(self.read(address + offset, 65536), 0)

    def library_name(self, name: str) -> str:
        """The text of DT_NEEDED: one in the folder of this file, or below it, as `./NAME`.

        A library without a DT_SONAME is recorded under the path that it was linked by, and every linker's outputs can
        have a folder of their own.
        """
        here = f"{self.path.absolute().parent}/"
        return f"./{name[len(here) :]}" if name.startswith(here) else name

    # --- symbols ---------------------------------------------------------------------------------------------

    @cached_property
    def symbols(self) -> list[Symbol]:
        return self.read_symbols(elf.SHT_SYMTAB)

    @cached_property
    def dynamic_symbols(self) -> list[Symbol]:
        return self.read_symbols(elf.SHT_DYNSYM)

    @cached_property
    def versions(self) -> Versions:
        return read_versions(self)

    def read_symbols(self, kind: int) -> list[Symbol]:
        table = next((section for section in self.sections if section.type == kind), None)
        if table is None:
            return []
        if table.link >= len(self.sections):
            raise self.fail(f"{table.name}: its string table does not exist")
        strings = self.contents(self.sections[table.link])
        data = self.contents(table)
        versions = self.versions.of_symbols if kind == elf.SHT_DYNSYM else []
        wide = self.wide_indices(table)
        found: list[Symbol] = []
        file = ""
        for index, row in enumerate(struct.iter_unpack("<IBBHQQ", data[: len(data) // 24 * 24])):
            name, info, other, section, value, size = row
            if section == elf.SHN_XINDEX and index < len(wide):
                section = wide[index]
            text = text_at(strings, name)
            if info & 15 == elf.STT_FILE:
                file = text
            version = versions[index] if index < len(versions) else ""
            found.append(
                Symbol(
                    text,
                    value,
                    size,
                    info & 15,
                    info >> 4,
                    other & 3,
                    section,
                    file if info >> 4 == 0 else "",
                    version,
                )
            )
        return found

    def wide_indices(self, table: Section) -> tuple[int, ...]:
        for section in self.sections:
            if elf.SECTION_TYPES.get(section.type) == "SYMTAB_SHNDX" and self.sections[section.link] is table:
                data = self.contents(section)
                return struct.unpack(f"<{len(data) // 4}I", data[: len(data) // 4 * 4])
        return ()

    def section_of(self, symbol: Symbol) -> str:
        """The name of the output section that a symbol is in: `ABS` and `UND` for none."""
        if symbol.section == elf.SHN_UNDEF:
            return "UND"
        if symbol.section == elf.SHN_ABS:
            return "ABS"
        if symbol.section < len(self.sections):
            return self.sections[symbol.section].name
        return f"{symbol.section:#x}"

    # --- dynamic relocations ---------------------------------------------------------------------------------

    @cached_property
    def relocations(self) -> list[Relocation]:
        """All of them, in the order of the file: RELA, the PLT's, RELR."""
        return [*self.rela_entries(), *self.relr_entries()]

    @cached_property
    def relocation_at(self) -> dict[int, Relocation]:
        """The relocation of a place; DTPMOD64 wins over the DTPOFF64 that follows it in the next word."""
        return {relocation.address: relocation for relocation in self.relocations}

    @cached_property
    def relocated(self) -> list[int]:
        return sorted(self.relocation_at)

    def rela_tables(self) -> list[tuple[int, int]]:
        tags = self.tags
        if tags:
            pairs = [("RELA", "RELASZ"), ("JMPREL", "PLTRELSZ")]
            found = [(tags[at], tags.get(size, 0)) for at, size in pairs if at in tags]
            if len(found) == 2 and found[0][0] <= found[1][0] < sum(found[0]):
                return (
                    found[:1]
                    if sum(found[1]) <= sum(found[0])
                    else [(found[0][0], sum(found[1]) - found[0][0])]
                )
            return found
        kinds = (elf.SHT_RELA, elf.SHF_ALLOC)
        return [(it.address, it.size) for it in self.sections if (it.type, it.flags & elf.SHF_ALLOC) == kinds]

    def rela_entries(self) -> Iterator[Relocation]:
        symbols = self.dynamic_symbols
        for address, size in self.rela_tables():
            data = self.read(address, size)
            for place, info, addend in struct.iter_unpack("<QQq", data[: len(data) // 24 * 24]):
                index = info >> 32
                if info & 0xFFFFFFFF == elf.R_NONE:
                    continue
                if index >= max(len(symbols), 1):
                    raise self.fail(
                        f"the relocation at {place:#x} is against symbol {index}, which does not exist"
                    )
                yield Relocation(place, info & 0xFFFFFFFF, symbols[index] if index else None, addend)

    def relr_entries(self) -> Iterator[Relocation]:
        """gABI, "Relative Relocation Table": an even word is a place, an odd one a bitmap of the 63 after it."""
        data = self.read(self.tags.get("RELR", 0), self.tags.get("RELRSZ", 0)) if "RELR" in self.tags else b""
        base = 0
        for (entry,) in struct.iter_unpack("<Q", data[: len(data) // 8 * 8]):
            if entry & 1 == 0:
                yield Relocation(entry, elf.R_RELATIVE, None, self.word(entry))
                base = entry + 8
                continue
            for bit in range(63):
                if entry >> (bit + 1) & 1:
                    yield Relocation(base + bit * 8, elf.R_RELATIVE, None, self.word(base + bit * 8))
            base += 63 * 8


def text_at(data: bytes, offset: int) -> str:
    """The NUL-terminated text at an offset; empty beyond the end."""
    end = data.find(b"\0", offset)
    return data[offset : end if end >= 0 else len(data)].decode("utf-8", "backslashreplace")
