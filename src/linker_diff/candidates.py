"""The functions that `wild duplicates` compares: blanked, and with what their fields refer to.

A linked file is disassembled, because only instructions tell there which bytes are positions (code.py); objects have
relocations (object_candidates.py).
References to data compare by contents if nothing writes there, else by which variable it is. A jump table compares by
where in the function its entries lead.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable
from pathlib import Path

from linker_diff import elf_names as elf
from linker_diff.code import Decoded, Field
from linker_diff.duplicates import Candidate
from linker_diff.image import DiffError, Image
from linker_diff.places import Places, Target
from linker_diff.unnamed import is_text
from wild.demangle import demangle

STT_FUNC = 2
CONSTANT = 64  # bytes of a constant without a name that are looked at
NAMED_CONSTANT = 4096
Reference = tuple[int | None, Hashable]


def candidates_of(paths: list[Path]) -> list[Candidate]:
    """The functions of one linked file, or of objects and archives; raises DiffError."""
    if len(paths) == 1 and is_linked(paths[0]):
        return Linked(paths[0]).candidates()
    from linker_diff.object_candidates import candidates_of_inputs

    return candidates_of_inputs(paths)


def is_linked(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(18)
    except OSError as error:
        raise DiffError(f"{path}: {error.strerror}") from None
    return head[:4] == b"\x7fELF" and head[16:18] != b"\1\0"


def text_of(data: bytes) -> bytes:
    """A text without what stands behind its NUL; other data as it is."""
    text = data.partition(b"\0")[0]
    return text if text and is_text(text) else data


class Linked:
    """A linked file."""

    def __init__(self, path: Path) -> None:
        self.image = Image(path, path.name)
        self.places = Places(self.image)
        self.code = Decoded(self.image)
        self.names: dict[tuple[int, int], str] = {}
        for symbol in (*self.image.symbols, *self.image.dynamic_symbols):
            if (
                symbol.type == STT_FUNC
                and symbol.is_defined
                and symbol.size
                and self.places.is_code(symbol.value)
            ):
                self.names.setdefault((symbol.value, symbol.size), symbol.name)
        if not self.names:
            raise DiffError(f"{path}: has no symbols of functions; was it stripped?")
        self.order = sorted(self.names)
        self.starts = [start for start, _ in self.order]

    def candidates(self) -> list[Candidate]:
        found = []
        for start, size in self.order:
            function = self.code.function(start, size)
            targets = tuple(self.reference(field, start, size) for field in function.fields)
            found.append(Candidate(demangle(self.names[start, size]), size, function.skeleton, targets))
        return found

    def reference(self, field: Field, start: int, size: int) -> Reference:
        """What a field of the function at `start` refers to."""
        places = self.places
        if field.kind == "thread":
            return None, ("thread", field.value)
        if field.kind == "memory" and field.width and places.is_slot(field.value):
            return self.target(places.in_slot(field.value), 0)
        if field.kind != "branch" and not field.width:
            for width in (4, 8):
                table = self.jump_table(field.value, width, start, size)
                if table:
                    return None, ("jump table", table)
        return self.target(places.follow(field.value).target, field.width)

    def target(self, target: Target, width: int) -> Reference:
        if target.kind != "address":
            return None, target
        address = int(target.value)
        index = bisect_right(self.starts, address) - 1
        if index >= 0 and address < self.starts[index] + self.order[index][1]:
            return index, address - self.starts[index]
        return None, self.contents(address, width)

    def contents(self, address: int, width: int) -> Hashable:
        """What is at an address of data: its bytes with pointers described, if nothing writes there."""
        section = self.image.section_at(address)
        if section is None or (section.flags & elf.SHF_WRITE and not self.is_read_only(address)):
            return "variable", address
        span = self.places.span_at(address)
        if span is not None:
            size = min(span.end - address, NAMED_CONSTANT)
        else:
            size = width or min(self.places.bound(address) - address, CONSTANT)
        data = self.image.read(address, size)
        if span is None and not width:
            data = text_of(data)
        pointers = [
            self.places.describe_target(self.places.in_slot(place))
            for place in range(address, address + size, 8)
            if place in self.image.relocation_at
        ]
        return "constant", data, tuple(pointers)

    def is_read_only(self, address: int) -> bool:
        """Is it in what relocation alone writes, as `.data.rel.ro`?"""
        return any(
            it.type == elf.PT_GNU_RELRO and it.address <= address < it.address + it.memsz
            for it in self.image.segments
        )

    def jump_table(self, address: int, width: int, start: int, size: int) -> tuple[int, ...]:
        """The distances into the function that a table leads to, of 32-bit distances from it or 64-bit addresses."""
        section = self.image.section_at(address)
        if section is None or section.flags & (elf.SHF_WRITE | elf.SHF_EXECINSTR):
            return ()
        found: list[int] = []
        for place in range(address, section.end - width + 1, width):
            base = address if width == 4 else 0
            distance = base + self.image.word(place, width, signed=True) - start
            if not 0 <= distance < size:
                break
            found.append(distance)
        return tuple(found)
