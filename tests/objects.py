"""Relocatable objects written byte by byte, for kernels that are to see what no compiler makes."""

from __future__ import annotations

import struct
from typing import NamedTuple

from wild.kernels.files import Inputs
from wild.kernels.pool import Arena, Pool

PROGBITS, SYMTAB, STRTAB, RELA = 1, 2, 3, 4
ALLOC, EXEC, MERGE, STRINGS = 2, 4, 0x10, 0x20


class Relocation(NamedTuple):
    offset: int
    type: int
    symbol: int
    addend: int = 0


class Section(NamedTuple):
    name: str
    data: bytes = b""
    flags: int = ALLOC
    entry_size: int = 0
    alignment: int = 1
    relocations: tuple[Relocation, ...] = ()
    type: int = PROGBITS


class Symbol(NamedTuple):
    """Local if it has no name.  `section` counts the object's sections from 1; 0: undefined."""

    name: str
    section: int
    value: int = 0


class StringTable:
    def __init__(self) -> None:
        self.data = bytearray(1)

    def add(self, text: str) -> int:
        self.data += text.encode() + b"\0"
        return len(self.data) - len(text) - 1


def relocatable(sections: list[Section], symbols: list[Symbol] | None = None) -> bytes:
    """An object; section n of the list has index n + 1, symbol n has index n + 1 (local ones come first)."""
    symbols = symbols or []
    names, strings = StringTable(), StringTable()
    locals_ = 1 + sum(not symbol.name for symbol in symbols)
    table = bytes(24) + b"".join(
        struct.pack(
            "<IBBHQQ", strings.add(s.name) if s.name else 0, 0x10 if s.name else 0, 0, s.section, s.value, 0
        )
        for s in symbols
    )
    symtab = len(sections) + 1
    rows = [(s.name, s.type, s.flags, s.data, 0, 0, s.alignment, s.entry_size) for s in sections]
    rows.append((".symtab", SYMTAB, 0, table, symtab + 1, locals_, 8, 24))
    rows.append((".strtab", STRTAB, 0, bytes(strings.data), 0, 0, 1, 0))
    for number, section in enumerate(sections, 1):
        if section.relocations:
            packed = b"".join(
                struct.pack("<QIIq", r.offset, r.type, r.symbol, r.addend) for r in section.relocations
            )
            rows.append((f".rela{section.name}", RELA, 0x40, packed, symtab, number, 8, 24))
    return link_edit(rows, names)


def link_edit(rows: list[tuple[str, int, int, bytes, int, int, int, int]], names: StringTable) -> bytes:
    """The file that has these sections, and one for their names."""
    offsets = [names.add(row[0]) for row in rows]
    rows.append((".shstrtab", STRTAB, 0, b"", 0, 0, 1, 0))
    offsets.append(names.add(".shstrtab"))
    body, headers = bytearray(64), bytearray(64)
    for name, (_, kind, flags, data, link, info, alignment, entry_size) in zip(offsets, rows, strict=True):
        content = data if name != offsets[-1] else bytes(names.data)
        body += bytes(-len(body) % max(alignment, 1))
        headers += struct.pack(
            "<IIQQQQIIQQ", name, kind, flags, 0, len(body), len(content), link, info, alignment, entry_size
        )
        body += content
    body += bytes(-len(body) % 8)
    ident = b"\x7fELF\2\1\1".ljust(16, b"\0")
    header = ident + struct.pack(
        "<HHIQQQIHHHHHH", 1, 62, 1, 0, 0, len(body), 0, 64, 0, 0, 64, len(rows) + 1, len(rows)
    )
    return header + bytes(body[64:]) + bytes(headers)


def loaded(pool: Pool, objects: list[bytes]) -> Inputs:
    """The files table of these objects, 0.o, 1.o and so on, with their headers read."""
    inputs = Inputs(Arena())
    maps = [inputs.add_bytes(f"{number}.o", content) for number, content in enumerate(objects)]
    inputs.arrange(pool, maps, [0] * len(maps))
    inputs.set_internal([], [], [], [], [])
    inputs.read_headers(pool)
    return inputs
