"""A linked file to be damaged: finds its symbols, relocations, records and fields, and changes single values."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from linker_diff.code import Decoded
from linker_diff.frames import Frame, Frames
from linker_diff.image import Image, Section, Symbol

FAULTS: list[tuple[str, str, Callable[[Damaged], None]]] = []


def fault(program: str, expected: str) -> Callable[[Callable[[Damaged], None]], Callable[[Damaged], None]]:
    """A function that damages a link of the program, and a glob of the key that has to be reported."""

    def register(damage: Callable[[Damaged], None]) -> Callable[[Damaged], None]:
        FAULTS.append((program, expected, damage))
        return damage

    return register


class Damaged:
    """A copy of a linked file, with ways to find things in it and to change them."""

    def __init__(self, path: Path) -> None:
        self.image = Image(path, "ours")
        self.data = bytearray(self.image.data)

    def offset(self, address: int) -> int:
        segment = self.image.segment_at(address)
        assert segment is not None
        return address - segment.address + segment.offset

    def put(self, offset: int, data: bytes) -> None:
        assert self.data[offset : offset + len(data)] != data, "the damage changes nothing"
        self.data[offset : offset + len(data)] = data

    def put_at(self, address: int, data: bytes) -> None:
        self.put(self.offset(address), data)

    def add(self, address: int, amount: int, size: int = 4) -> None:
        value = int.from_bytes(self.data[self.offset(address) : self.offset(address) + size], "little")
        self.put_at(address, ((value + amount) % (1 << size * 8)).to_bytes(size, "little"))

    # --- finding ---------------------------------------------------------------------------------------------

    def section(self, name: str) -> Section:
        return self.image.by_name[name]

    def symbol(self, name: str) -> Symbol:
        return next(
            it for it in (*self.image.symbols, *self.image.dynamic_symbols) if it.name == name and it.value
        )

    def symbol_row(self, name: str, table: str = ".symtab") -> int:
        """The offset of a symbol's row."""
        symbols = self.image.symbols if table == ".symtab" else self.image.dynamic_symbols
        index = next(index for index, it in enumerate(symbols) if it.name.partition("@")[0] == name)
        return self.section(table).offset + index * 24

    def dynamic_row(self, tag: str) -> int:
        """The offset of a value in the dynamic section."""
        index = [name for name, _ in self.image.dynamic].index(tag)
        return self.section(".dynamic").offset + index * 16 + 8

    def header_row(self, section: str) -> int:
        index = [it.name for it in self.image.sections].index(section)
        return self.image.shoff + index * 64

    def segment_row(self, kind: int, flags: int = 0) -> int:
        rows = enumerate(self.image.segments)
        index = next(index for index, it in rows if it.type == kind and it.flags & flags == flags)
        return self.image.phoff + index * 56

    def relocation_row(self, wanted: Callable[[int, int, int], bool]) -> int:
        """The offset of the first RELA entry with (place, type, symbol)."""
        for address, size in self.image.rela_tables():
            for at in range(self.offset(address), self.offset(address) + size, 24):
                place, info, _ = struct.unpack_from("<QQq", self.data, at)
                if wanted(place, info & 0xFFFFFFFF, info >> 32):
                    return at
        raise AssertionError("there is no such relocation")

    def relocation_of(self, name: str, kind: int | None = None) -> int:
        symbols = self.image.dynamic_symbols
        return self.relocation_row(
            lambda _, type_, index: symbols[index].name == name and kind in (None, type_)
        )

    def relocation_in(self, symbol: str, offset: int = 0) -> int:
        place = self.symbol(symbol).value + offset
        return self.relocation_row(lambda address, *_: address == place)

    def field(self, function: str, kind: str, number: int = 0) -> int:
        """The address of the four bytes of a position-dependent field in a function."""
        symbol = self.symbol(function)
        code = Decoded(self.image)
        fields = [it for it in code.function(symbol.value, symbol.size).fields if it.kind == kind]
        insn = code.instructions(symbol.value + fields[number].offset, 16)[0]
        at = insn.ip + insn.len - 4
        if kind == "memory" and insn.ip_rel_memory_address != insn.ip + insn.len + self.image.word(
            at, 4, True
        ):
            raise AssertionError("the displacement is not at the end")
        return int(at)

    @cached_property
    def frames(self) -> Frames:
        return Frames(self.image)

    def frame(self, function: str) -> Frame:
        return self.frames.by_start[self.symbol(function).value]

    def index_row(self, number: int) -> int:
        return self.section(".eh_frame_hdr").address + 12 + number * 8

    def replace(self, text: bytes, other: bytes, section: str) -> None:
        where = self.section(section)
        at = self.data.index(text, where.offset, where.offset + where.size)
        self.put(at, other)
