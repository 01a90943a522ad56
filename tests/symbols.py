"""Objects and shared objects that are nothing but symbols, and links of them up to a pass: for tests of
resolution.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from objects import STRTAB, SYMTAB, StringTable, link_edit

from wild.kernels.files import AS_NEEDED, EXCLUDED_LIBS, LAZY, Inputs
from wild.kernels.names import NameTable
from wild.kernels.pool import Arena, Pool
from wild.kernels.resolve import Resolution
from wild.kernels.sections import SectionTable

__all__ = [
    "AS_NEEDED",
    "EXCLUDED_LIBS",
    "LAZY",
    "Symbol",
    "arrange",
    "bind",
    "grouped",
    "relocatable",
    "shared",
]

LOCAL, GLOBAL, WEAK, UNIQUE = 0, 1, 2, 10
NOTYPE, OBJECT, FUNC, TLS, IFUNC = 0, 1, 2, 6, 10
DEFAULT, INTERNAL, HIDDEN, PROTECTED = range(4)
UNDEF, ABS, COMMON, XINDEX = 0, 0xFFF1, 0xFFF2, 0xFFFF
GROUP, DYNAMIC, DYNSYM, VERDEF, VERSYM = 17, 6, 11, 0x6FFFFFFD, 0x6FFFFFFF
TEXT, DATA = 1, 2  # the sections of every object

DT_SONAME, DT_STRTAB, DT_STRSZ = 14, 5, 10


class Symbol(NamedTuple):
    """A row of a symbol table; `version` is a shared object's definition's, with `@` or `@@` in front."""

    name: str
    section: int = TEXT
    binding: int = GLOBAL
    type: int = NOTYPE
    visibility: int = DEFAULT
    value: int = 0
    size: int = 0
    version: str = ""

    def packed(self, strings: StringTable) -> bytes:
        name = strings.add(self.name) if self.name else 0
        info = self.binding << 4 | self.type
        return struct.pack("<IBBHQQ", name, info, self.visibility, self.section, self.value, self.size)


def undefined(name: str, binding: int = GLOBAL, type_: int = NOTYPE, visibility: int = DEFAULT) -> Symbol:
    return Symbol(name, UNDEF, binding, type_, visibility)


def common(name: str, size: int, alignment: int) -> Symbol:
    return Symbol(name, COMMON, GLOBAL, OBJECT, DEFAULT, alignment, size)


def table_of(symbols: list[Symbol]) -> tuple[bytes, bytes, int]:
    """Symbol table, string table, index of the first global symbol."""
    strings = StringTable()
    ordered = sorted(symbols, key=lambda symbol: symbol.binding != LOCAL)
    table = bytes(24) + b"".join(symbol.packed(strings) for symbol in ordered)
    return table, bytes(strings.data), 1 + sum(symbol.binding == LOCAL for symbol in symbols)


def relocatable(symbols: list[Symbol]) -> bytes:
    """An object with .text, .data and these symbols, the local ones first."""
    return grouped(symbols, [])


def grouped(symbols: list[Symbol], groups: list[tuple[int, int]]) -> bytes:
    """The same with COMDAT groups, (index of the signature's symbol, index of the one member) each."""
    table, strings, first = table_of(symbols)
    rows = [(".text", 1, 6, bytes(16), 0, 0, 1, 0), (".data", 1, 3, bytes(16), 0, 0, 1, 0)]
    symtab = 3 + len(groups)
    for signature, member in groups:
        rows.append((".group", GROUP, 0, struct.pack("<II", 1, member), symtab, signature, 4, 4))
    rows.append((".symtab", SYMTAB, 0, table, symtab + 1, first, 8, 24))
    rows.append((".strtab", STRTAB, 0, strings, 0, 0, 1, 0))
    return link_edit(rows, StringTable())


def shared(symbols: list[Symbol], soname: str = "", needed: tuple[str, ...] = ()) -> bytes:
    """A shared object; a definition without a version has the global one."""
    strings = StringTable()
    table = bytes(24) + b"".join(symbol.packed(strings) for symbol in symbols)
    versions = list(dict.fromkeys(symbol.version.lstrip("@") for symbol in symbols if symbol.version))
    halves = [0]
    for symbol in symbols:
        index = 2 + versions.index(symbol.version.lstrip("@")) if symbol.version else 1
        halves.append(index | (0x8000 if symbol.version and not symbol.version.startswith("@@") else 0))
    verdef = b""
    for number, version in enumerate(versions):
        following = 28 if number + 1 < len(versions) else 0
        verdef += struct.pack("<HHHHIII", 1, 0, number + 2, 1, 0, 20, following)
        verdef += struct.pack("<II", strings.add(version), 0)
    dynamic = [(1, strings.add(name)) for name in needed]
    if soname:
        dynamic.append((DT_SONAME, strings.add(soname)))
    packed = b"".join(struct.pack("<QQ", *entry) for entry in [*dynamic, (0, 0)])
    rows = [
        (".text", 1, 6, bytes(16), 0, 0, 1, 0),
        (".dynsym", DYNSYM, 2, table, 3, 1, 8, 24),
        (".dynstr", STRTAB, 2, bytes(strings.data), 0, 0, 1, 0),
        (".dynamic", DYNAMIC, 3, packed, 3, 0, 8, 16),
        (".gnu.version", VERSYM, 2, struct.pack(f"<{len(halves)}H", *halves), 2, 0, 2, 2),
    ]
    if versions:
        rows.append((".gnu.version_d", VERDEF, 2, verdef, 3, len(versions), 8, 0))
    content = bytearray(link_edit(rows, StringTable()))
    content[16] = 3  # ET_DYN
    return bytes(content)


def arrange(pool: Pool, files: list[tuple[bytes, int]], internal: list[Symbol] | None = None) -> Inputs:
    """The files table of (content, flags), with file 0 holding `internal`, and headers read."""
    inputs = Inputs(Arena())
    maps = [inputs.add_bytes(f"{number}.o", content) for number, (content, _) in enumerate(files, 1)]
    inputs.arrange(pool, maps, [flags for _, flags in files])
    own = internal or []
    inputs.set_internal(
        [symbol.name.encode() for symbol in own],
        [symbol.value for symbol in own],
        [symbol.section for symbol in own],
        [symbol.binding << 4 | symbol.type for symbol in own],
        [symbol.visibility for symbol in own],
    )
    inputs.read_headers(pool)
    return inputs


RULES = [(b".text", 2, 1, 1, 0), (b".data", 2, 2, 2, 0)]


class Bound:
    """A link up to binding; `symbol("f")` is the row of a name."""

    def __init__(self, pool: Pool, inputs: Inputs, sections: bool) -> None:
        self.pool = pool
        self.inputs = inputs
        self.names = NameTable(pool, inputs)
        self.resolution = Resolution(pool, inputs, self.names)
        self.resolution.load(pool)
        self.sections = SectionTable(pool, inputs, self.names, RULES, False, False) if sections else None
        self.resolution.bind(pool, self.sections)

    def symbol(self, name: str) -> tuple[int | None, int, int, int, int]:
        return self.resolution.symbol(self.names.find(name.encode()))

    def file(self, name: str) -> int | None:
        return self.symbol(name)[0]

    def flags(self, name: str) -> int:
        return self.symbol(name)[4]

    def live(self) -> list[int]:
        return [int(name.removesuffix(".o")) for name in self.inputs.live_files_text()]

    def spelt(self, names: list[int]) -> list[str]:
        return [self.names.text(name).decode() for name in names]


def bind(
    pool: Pool, files: list[tuple[bytes, int]], internal: list[Symbol] | None = None, sections: bool = False
) -> Bound:
    return Bound(pool, arrange(pool, files, internal), sections)
