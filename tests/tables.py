"""Tables of a link made by hand, so that a kernel can be tested without the passes before it.

The layouts of the rows are read from the kernels' own .pxd, so a changed row cannot make a test read
nonsense.
"""

from __future__ import annotations

import ctypes
import re
import struct
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from wild.kernels.pool import KernelFault

KERNELS = Path(__file__).resolve().parent.parent / "src" / "wild" / "kernels"
TYPES: dict[str, Any] = {
    "uint8_t": ctypes.c_uint8,
    "uint16_t": ctypes.c_uint16,
    "uint32_t": ctypes.c_uint32,
    "uint64_t": ctypes.c_uint64,
    "int64_t": ctypes.c_int64,
}
NONE = 0xFFFFFFFF
SHARDS = 64


@cache
def structures(name: str) -> dict[str, Any]:
    """The structs of a .pxd as ctypes classes; a pointer is a number."""
    known = dict(TYPES)
    text = re.sub(r"#.*", "", (KERNELS / f"{name}.pxd").read_text())
    for struct_name, body in re.findall(r"cdef struct (\w+): *\n((?: +.*\n|\n)+)", text):
        fields = []
        for line in body.split("\n"):
            if match := re.match(r" +(?:const )?(\w+) (.+)", line.rstrip()):
                for field in match[2].split(","):
                    fields.append(field_of(known, match[1], field.strip()))
        known[struct_name] = type(struct_name, (ctypes.Structure,), {"_fields_": fields})
    return known


def field_of(known: dict[str, Any], type_name: str, declared: str) -> tuple[str, Any]:
    if declared.startswith("*"):
        return declared.lstrip("*"), ctypes.c_uint64
    if match := re.match(r"(\w+)\[(\d+)\]", declared):
        return match[1], known[type_name] * int(match[2])
    return declared, known[type_name]


@cache
def constants(name: str) -> dict[str, int]:
    """The enum values of a .pxd."""
    text = (KERNELS / f"{name}.pxd").read_text()
    found: dict[str, int] = {}
    for constant, value in re.findall(r"^ +([A-Z]\w+) = ([0-9A-Fa-fx]+(?: << \d+)?)", text, re.M):
        found[constant] = eval(value)
    return found


def fault_code(run: Callable[[], object]) -> int:
    """The code of the fault that a call finds in its input; 0: none."""
    try:
        run()
    except KernelFault as fault:
        return int(fault.args[0])
    return 0


class Symbol(NamedTuple):
    """One row of an input's symbol table."""

    name: bytes
    info: int = 0x10
    shndx: int = 0
    value: int = 0
    size: int = 0
    other: int = 0


class Section(NamedTuple):
    """What a SectionRow says: kind, part, SEC_* flags, address."""

    kind: int = 1
    part: int = 1
    flags: int = 1
    address: int = 0


class File:
    """An input: locals first (the null symbol is added), then globals; sections from index 1 on."""

    def __init__(self, kind: int, local: list[Symbol], symbols: list[Symbol], live: bool = True) -> None:
        self.kind = kind
        self.symbols = [Symbol(b""), *local, *symbols]
        self.first_global = 1 + len(local)
        self.live = live
        self.sections: list[Section] = []
        self.headers = b""  # contents behind the symbol table; section headers and what they refer to
        self.fields: dict[str, int] = {}
        self.shared: dict[str, int] | None = None

    def contents(self) -> tuple[bytes, int, int]:
        """The file's bytes, the offset of its string table and that table's size."""
        strings = bytearray(b"\0")
        rows = []
        for symbol in self.symbols:
            offset = len(strings) if symbol.name else 0
            if symbol.name:
                strings += symbol.name + b"\0"
            rows.append(
                struct.pack(
                    "<IBBHQQ", offset, symbol.info, symbol.other, symbol.shndx, symbol.value, symbol.size
                )
            )
        table = b"".join(rows)
        return table + bytes(strings) + self.headers, len(table), len(strings)


class World:
    """The tables of a link over some files; `symbol` gives the SymbolRow of a name."""

    def __init__(self, files: list[File]) -> None:
        self.files = files
        self.types = structures("tables")
        self.keep: list[Any] = []
        self.first: dict[bytes, int] = {}
        self.of: list[int] = []
        self.mentions: list[tuple[int, int, bytes]] = []  # file, offset of the name in its strings, name
        self.make_files()
        self.make_names()
        self.make_sections()
        self.rows = self.array("SymbolRow", self.capacity)
        for row in self.rows:
            row.file = NONE
        self.versions = (ctypes.c_uint16 * self.capacity)()
        self.keep.append(self.versions)

    def array(self, name: str, count: int) -> Any:
        rows = (self.types[name] * max(count, 1))()
        self.keep.append(rows)
        return rows

    def make_files(self) -> None:
        view = self.view_files = self.types["Files"]()
        rows = self.file_rows = self.array("FileRow", len(self.files))
        bases = (ctypes.c_uint64 * max(len(self.files), 1))()
        live = (ctypes.c_uint32 * max(len(self.files), 1))()
        shared = self.array("SharedRow", len(self.files))
        sections = globals_ = 0
        for number, file in enumerate(self.files):
            data, stroff, strsize = file.contents()
            buffer = ctypes.create_string_buffer(data, len(data) + 1)
            self.keep.append(buffer)
            bases[number] = ctypes.addressof(buffer)
            live[number] = file.live
            row = rows[number]
            row.size, row.stroff, row.strsize = len(data), stroff, strsize
            row.nsyms, row.first_global, row.kind = len(file.symbols), file.first_global, file.kind
            row.global_base, row.sec_base, row.shnum = globals_, sections, 1 + len(file.sections)
            for field, value in file.fields.items():
                setattr(row, field, value)
            if file.shared is not None:
                row.shared = view.shared_count
                shared[row.shared].file = number
                for field, value in file.shared.items():
                    setattr(shared[row.shared], field, value)
                view.shared_count += 1
            sections += row.shnum
            globals_ += len(file.symbols) - file.first_global
            self.mention(number, file)
        self.keep += [bases, live]
        view.count, view.row, view.base = len(self.files), ctypes.addressof(rows), ctypes.addressof(bases)
        view.live, view.shared = ctypes.addressof(live), ctypes.addressof(shared)
        view.globals, view.sections = globals_, sections

    def mention(self, number: int, file: File) -> None:
        offset = 1 + sum(len(symbol.name) + 1 for symbol in file.symbols[: file.first_global] if symbol.name)
        for symbol in file.symbols[file.first_global :]:
            name = symbol.name
            if file.kind != 2:
                name = name.partition(b"@@")[0]
            self.mentions.append((number, offset, name))
            offset += len(symbol.name) + 1 if symbol.name else 0

    def make_names(self) -> None:
        """Number the names shard by shard, in each in input order; a shard has one place too many."""
        for mention, (_, _, name) in enumerate(self.mentions):
            self.first.setdefault(name, mention)
        shards: list[list[bytes]] = [[] for _ in range(SHARDS)]
        for name in self.first:
            if name:
                shards[zlib.crc32(name) % SHARDS].append(name)
        view = self.view_names = self.types["Names"]()
        self.ids: dict[bytes, int] = {b"": 0}
        next_id = 1
        for shard, names in enumerate(shards):
            view.start[shard], view.count[shard] = next_id, len(names)
            self.ids.update((name, next_id + number) for number, name in enumerate(names))
            next_id += len(names) + 1
        view.start[SHARDS] = view.capacity = self.capacity = next_id
        rows = self.array("NameRow", next_id)
        of = (ctypes.c_uint32 * max(len(self.mentions), 1))(*[self.ids[name] for _, _, name in self.mentions])
        for name, number in self.ids.items():
            if name:
                file, offset, _ = self.mentions[self.first[name]]
                rows[number].file, rows[number].offset = file, offset
                rows[number].length, rows[number].first = len(name), self.first[name]
        self.keep.append(of)
        view.row, view.of = ctypes.addressof(rows), ctypes.addressof(of)

    def make_sections(self) -> None:
        view = self.view_sections = self.types["Sections"]()
        rows = self.array("SectionRow", self.view_files.sections)
        view.count, view.row = self.view_files.sections, ctypes.addressof(rows)
        for number, file in enumerate(self.files):
            for index, section in enumerate(file.sections, 1):
                row = rows[self.file_rows[number].sec_base + index]
                row.kind, row.part, row.flags, row.address = section

    def symbol(self, name: bytes) -> Any:
        return self.rows[self.ids[name]]

    def section_id(self, file: int, index: int) -> int:
        return int(self.file_rows[file].sec_base) + index

    def views(self) -> Any:
        """The Views over all this."""
        from wild.kernels.views import Views

        return Views.at(
            self,
            ctypes.addressof(self.view_files),
            ctypes.addressof(self.view_names),
            ctypes.addressof(self.rows),
            ctypes.addressof(self.versions),
            ctypes.addressof(self.view_sections),
        )
