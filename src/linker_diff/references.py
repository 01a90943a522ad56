"""Every address of a file that its code or its data refer to: where things without a name begin, and others end.

A constant, a table or a text without a symbol has no size anywhere in a linked file. But whatever is used is
referred to, so that it reaches no further than the next address that something refers to; what nobody refers to may
lie between.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from linker_diff import elf_names as elf
from linker_diff.code import Decoded
from linker_diff.frames import Frames
from linker_diff.places import Places

POINTING = frozenset(("memory", "absolute"))  # kinds of fields that can refer to data


class References:
    """The addresses that one file refers to, in order; all its functions are decoded for that."""

    def __init__(self, places: Places, frames: Frames, code: Decoded) -> None:
        self.places, self.frames = places, frames
        found: set[int] = set()
        for start, size in functions(places, frames):
            found.update(field.value for field in code.function(start, size).fields if field.kind in POINTING)
        found.update(pointers(places))
        self.marks = sorted(found)

    def extent(self, address: int) -> int:
        """The most bytes that something without a name can have: up to a symbol, a reference, the section's end."""
        end = self.places.bound(address)
        index = bisect_right(self.marks, address)
        return min(self.marks[index] if index < len(self.marks) else end, end) - address


def functions(places: Places, frames: Frames) -> Iterator[tuple[int, int]]:
    """(address, size) of all functions whose size is known."""
    for address in frames.by_start.keys() | places.size_at.keys():
        frame = frames.by_start.get(address)
        size = places.size_at.get(address, 0) or (frame.size if frame else 0)
        if size and places.is_code(address):
            yield address, size


def pointers(places: Places) -> Iterator[int]:
    """What words of data point at: by relocations, or in files whose addresses are fixed by what they are."""
    image = places.image
    for relocation in image.relocations:
        symbol = relocation.symbol
        if relocation.type in (elf.R_RELATIVE, elf.R_IRELATIVE):
            yield relocation.addend
        elif symbol is not None and symbol.is_defined and symbol.type != elf.STT_TLS:
            yield symbol.value + relocation.addend
    if image.is_position_independent:
        return
    for section in image.mapped:
        if (
            section.type == elf.SHT_PROGBITS
            and not section.flags & elf.SHF_EXECINSTR
            and section.address % 8 == 0
        ):
            data = image.contents(section)
            words = memoryview(data[: len(data) // 8 * 8]).cast("Q")
            yield from (word for word in words if image.low <= word < image.high)
