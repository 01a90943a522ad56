"""The functions of objects and archives for `wild duplicates`, as if all of them were linked together.

Relocations say which bytes are positions and what they refer to; branches within a section, which an assembler resolves
itself, are found by disassembling. Of COMDAT groups of one name, and of weak functions of one name, the first is taken:
a linker drops the others, so they cost nothing.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import NamedTuple

from linker_diff.candidates import text_of
from linker_diff.code import BRANCHES, iced
from linker_diff.duplicates import Candidate
from linker_diff.image import DiffError
from wild.demangle import demangle
from wild.machine.x86_64 import RELOCATIONS
from wild.object_view import ObjectView

SHT_RELA, SHT_GROUP, SHT_CREL = 4, 17, 0x40000014
SHF_WRITE, SHF_EXECINSTR, SHF_MERGE, SHF_STRINGS = 1, 4, 0x10, 0x20
STB_LOCAL, STB_WEAK, STT_FUNC = 0, 2, 2
R_PC32 = 2
SIZES = {type: size for type, (_, _, size, *_) in RELOCATIONS.items()}
PC_RELATIVE = frozenset(
    (2, 4, 9, 22, 26, 41, 42, 19, 20, 34)
)  # fields whose addend counts from the next instruction
CONSTANT = 64  # bytes of data without a name that are looked at
LONGEST_TABLE = 8192  # bytes
HEADER = 60  # bytes of a member's header
Reference = tuple[int | None, Hashable]


def candidates_of_inputs(paths: list[Path]) -> list[Candidate]:
    """The functions of all objects that would be linked; raises DiffError."""
    program = Program()
    for path in paths:
        for name, data in objects_in(path):
            try:
                program.add(ObjectView(data))
            except (ValueError, LookupError, struct.error):
                raise DiffError(f"{name}: cannot be read as an object") from None
    if not program.functions:
        raise DiffError("the inputs have no functions")
    try:
        return program.candidates()
    except (ValueError, LookupError, struct.error):
        raise DiffError("a relocation leads out of its object") from None


def objects_in(path: Path) -> Iterator[tuple[str, bytes]]:
    """(name, contents) of a file, or of the objects in an archive, thin or not."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DiffError(f"{path}: {error.strerror}") from None
    if data.startswith((b"!<arch>\n", b"!<thin>\n")):
        yield from members(path, data, data.startswith(b"!<thin>\n"))
    elif is_object(data):
        yield str(path), data
    else:
        raise DiffError(f"{path}: is neither an x86-64 object nor an archive")


def is_object(data: bytes) -> bool:
    return data[:6] == b"\x7fELF\x02\x01" and data[16:20] == b"\1\0\x3e\0" and len(data) >= 64


def members(path: Path, data: bytes, thin: bool) -> Iterator[tuple[str, bytes]]:
    at, long_names = 8, b""
    while at + HEADER <= len(data):
        name, digits = data[at : at + 16].rstrip(), data[at + 48 : at + 58].strip()
        if data[at + 58 : at + HEADER] != b"`\n" or not digits.isdigit():
            raise DiffError(f"{path}: is damaged at offset {at:#x}")
        size, at = int(digits), at + HEADER
        special = name in (b"/", b"/SYM64/", b"//")
        body = data[at : at + size]
        if name == b"//":
            long_names = body
        if thin and not special:
            offset = int(name[1:]) if name[1:].isdigit() else 0
            file = path.parent / long_names[offset:].partition(b"/\n")[0].decode("utf-8", "surrogateescape")
            yield from ((f"{path}({each})", contents) for each, contents in objects_in(file))
            continue
        if name.startswith(b"#1/") and name[3:].isdigit():
            body = body[int(name[3:]) :]
        if not special and is_object(body):
            yield f"{path}({at - HEADER:#x})", body
        at += size + size % 2


class Extent(NamedTuple):
    """Where a function is: the number of the object, its section, the offset there, and the size."""

    number: int
    section: int
    start: int
    size: int


class Relocation(NamedTuple):
    """An entry of SHT_RELA or SHT_CREL."""

    place: int
    type: int
    symbol: int
    addend: int


class Program:
    """All objects, and where each function and each global name is."""

    def __init__(self) -> None:
        self.objects: list[ObjectView] = []
        self.functions: list[tuple[int, int, int, int, str]] = []  # object, section, offset, size, name
        self.index: dict[tuple[int, int, int], int] = {}  # object, section, offset -> of a function
        self.globals: dict[str, int] = {}
        self.groups: set[str] = set()
        self.constants: dict[int, dict[tuple[int, int], int]] = {}  # object -> (section, offset) -> size
        self.relocations: dict[tuple[int, int], list[Relocation]] = {}

    def add(self, elf: ObjectView) -> None:
        """Number the functions of an object; those whose group or name a linker has already are only known by name."""
        number = len(self.objects)
        self.objects.append(elf)
        dropped = self.dropped_sections(elf)
        for name, info, value, size, section in elf.symbols:
            if info & 15 != STT_FUNC or not size or not 0 < section < len(elf.headers) or section in dropped:
                continue
            if not elf.headers[section][2] & SHF_EXECINSTR:
                continue
            text, binding = elf.symbol_name(name), info >> 4
            if binding == STB_WEAK and text in self.globals:
                continue
            key = (number, section, value)
            if key not in self.index:
                self.index[key] = len(self.functions)
                self.functions.append((number, section, value, size, text))
            if binding != STB_LOCAL:
                self.globals.setdefault(text, self.index[key])

    def dropped_sections(self, elf: ObjectView) -> set[int]:
        """The members of groups of which an earlier object has one of the same name."""
        dropped: set[int] = set()
        for index, header in enumerate(elf.headers):
            if header[1] != SHT_GROUP:
                continue
            words = memoryview(elf.contents(index)[: header[5] // 4 * 4]).cast("I").tolist()
            signature = elf.symbols[header[7]]
            name = elf.symbol_name(signature[0])
            if words and words[0] & 1:
                if name in self.groups:
                    dropped.update(words[1:])
                self.groups.add(name)
        return dropped

    def candidates(self) -> list[Candidate]:
        return [self.candidate(Extent(*where), name) for *where, name in self.functions]

    def candidate(self, of: Extent, name: str) -> Candidate:
        body = bytearray(self.objects[of.number].contents(of.section)[of.start : of.start + of.size])
        found: dict[int, Reference] = {}
        for relocation in self.relocations_in(of.number, of.section, of.start, of.size):
            at, width = relocation.place - of.start, SIZES.get(relocation.type, 4)
            body[at : at + width] = bytes(len(body[at : at + width]))
            found[at] = self.reference(of, relocation)
        for at, width, target in outer_branches(bytes(body), of.start):
            if not any(place in found for place in range(at, at + width)):
                body[at : at + width] = bytes(width)
                found[at] = self.at(of, of.section, target)
        targets = tuple(found[at] for at in sorted(found))
        return Candidate(demangle(name), of.size, bytes(body), targets)

    def relocations_in(self, number: int, section: int, offset: int, size: int) -> list[Relocation]:
        """The relocations of a stretch of a section, in order."""
        key = (number, section)
        if key not in self.relocations:
            elf = self.objects[number]
            self.relocations[key] = sorted(
                Relocation(*row)
                for header in elf.headers
                if header[1] in (SHT_RELA, SHT_CREL) and header[7] == section
                for row in elf.relocations(header)
            )
        rows = self.relocations[key]
        return rows[bisect_left(rows, (offset,)) : bisect_left(rows, (offset + size,))]

    def reference(self, of: Extent, it: Relocation) -> Reference:
        """What a relocation of a function refers to."""
        elf = self.objects[of.number]
        name, info, value, _, section = elf.symbols[it.symbol]
        if info >> 4 != STB_LOCAL:
            text = elf.symbol_name(name)
            index = self.globals.get(text)
            return (None, (it.type, text, it.addend)) if index is None else (index, (it.type, it.addend))
        if not 0 < section < len(elf.headers):
            return None, (it.type, "absolute", value + it.addend)
        index, what = self.at(of, section, value + it.addend + (4 if it.type in PC_RELATIVE else 0))
        return index, (it.type, what)

    def at(self, of: Extent, section: int, offset: int) -> Reference:
        """What is at a place of the function's object."""
        elf = self.objects[of.number]
        if elf.headers[section][2] & SHF_EXECINSTR:
            index = self.index.get((of.number, section, offset))
            inner = offset - of.start if section == of.section else offset
            return (None, ("code", inner)) if index is None else (index, 0)
        if elf.headers[section][2] & SHF_WRITE:
            return None, ("variable", of.number, section, offset)
        table = self.jump_table(of, section, offset)
        if table:
            return None, ("jump table", table)
        size = self.constant_size(of.number, section, offset)
        inside = self.relocations_in(of.number, section, offset, size)
        if not inside:
            data = elf.contents(section)[offset : offset + size]
            return None, ("constant", data if size != CONSTANT else text_of(data))
        names = [(it.place - offset, it.addend, self.name(of.number, it.symbol)) for it in inside]
        return None, ("pointers", tuple(names))

    def constant_size(self, number: int, section: int, offset: int) -> int:
        """By the symbol there, or the section if all of it are constants of one size; else as far as is looked."""
        elf = self.objects[number]
        if number not in self.constants:
            self.constants[number] = {
                (index, value): size
                for _, _, value, size, index in elf.symbols
                if size and index < len(elf.headers)
            }
        header = elf.headers[section]
        merged = header[9] if header[2] & SHF_MERGE and not header[2] & SHF_STRINGS else 0
        return self.constants[number].get((section, offset)) or merged or CONSTANT

    def jump_table(self, of: Extent, section: int, offset: int) -> tuple[int, ...]:
        """The distances into the function that the entries of a table lead to."""
        found: list[int] = []
        for it in self.relocations_in(of.number, section, offset, LONGEST_TABLE):
            _, _, value, _, target = self.objects[of.number].symbols[it.symbol]
            counted = (
                it.place - offset if it.type == R_PC32 else 0
            )  # an entry is the distance from the table's begin
            distance = value + it.addend - counted - of.start
            if target != of.section or not 0 <= distance < of.size:
                break
            found.append(distance)
        return tuple(found)

    def name(self, number: int, symbol: int) -> Hashable:
        """A symbol that is the same in other objects only if it has a global name."""
        elf = self.objects[number]
        name, info, value, _, section = elf.symbols[symbol]
        return (number, section, value) if info >> 4 == STB_LOCAL else elf.symbol_name(name)


def outer_branches(code: bytes, start: int) -> Iterator[tuple[int, int, int]]:
    """(offset of the field, its width, offset in the section) of branches that leave a function, as assembled."""
    decoder = iced.Decoder(64, code, ip=start)
    for insn in decoder:
        if insn.op_count and insn.op0_kind in BRANCHES:
            target = insn.near_branch_target
            if not start <= target < start + len(code):
                constants = decoder.get_constant_offsets(insn)
                yield insn.ip - start + constants.immediate_offset, constants.immediate_size, target
