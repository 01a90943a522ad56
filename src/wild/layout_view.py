"""Reads `OUTPUT.layout` and `OUTPUT.trace` (wild/layout_file.py): which input bytes an address comes from.

The files of a large program have millions of lines, and a question is about a few of them.  Lines of what is loaded
are ordered by address and begin with it in 16 digits, so a place is found by halving; nothing else is read.
"""

from __future__ import annotations

import mmap
import os

from wild.errors import LinkError
from wild.object_view import ObjectView

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD = b"wild layout 1\n"
DIGITS = 16


class SortedLines:
    """A text file whose lines from `begin` to `end` begin with an address in 16 digits, in order."""

    def __init__(self, path: str) -> None:
        self.path = path
        try:
            with open(path, "rb") as file:
                empty = not os.fstat(file.fileno()).st_size
                self.data = b"" if empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except OSError as error:
            raise LinkError(f"{path}: {error.strerror}") from None
        self.begin = 0
        star = self.data.find(b"\n*")
        self.end = len(self.data) if star < 0 else star + 1

    def line_start(self, at: int) -> int:
        """Where the line begins that holds the byte `at`."""
        return max(self.data.rfind(b"\n", 0, at) + 1, self.begin)

    def line(self, start: int) -> str:
        end = self.data.find(b"\n", start)
        return self.data[start : end if end >= 0 else len(self.data)].decode("utf-8", "surrogateescape")

    def first_at(self, address: int) -> int:
        """Where the first line with at least this address begins; the end if there is none."""
        low, high = self.begin, self.end
        while low < high:
            start = self.line_start((low + high) // 2)
            if self.address(start) < address:
                low = self.data.find(b"\n", start) + 1 or self.end
            else:
                high = start
        return low

    def address(self, start: int) -> int:
        """The address that a line begins with."""
        try:
            return int(self.data[start : start + DIGITS], 16)
        except ValueError:
            raise LinkError(f"{self.path}: no address at offset {start}; the file is damaged") from None

    def lines_from(self, start: int) -> Iterator[str]:
        while start < self.end:
            line = self.line(start)
            yield line
            start += len(line.encode("utf-8", "surrogateescape")) + 1


class Piece:
    """A run of bytes of the output: `kind` is output, input, made or common, `name` its section's or symbol's."""

    def __init__(self, line: str) -> None:
        address, size, self.kind, rest = line.split(" ", 3)
        self.address, self.size = int(address, 16), int(size, 16)
        self.offset = self.file = self.index = 0
        if self.kind == "input":
            offset, file, index, rest = rest.split(" ", 3)
            self.offset, self.file, self.index = int(offset, 16), int(file, 16), int(index, 16)
        self.name = rest


class LayoutView:
    """The layout file of one output.  Raises LinkError if it is not there or is no layout file."""

    def __init__(self, path: str) -> None:
        self.lines = SortedLines(path)
        data = self.lines.data
        if data[: len(HEAD)] != HEAD:
            raise LinkError(f"{path}: no layout file; link again with WILD_WRITE_LAYOUT=1")
        self.files: dict[int, tuple[int, int, str, str]] = {}  # offset, size, path on disk, name
        at = len(HEAD)
        while data[at : at + 5] == b"file ":
            line = self.lines.line(at)
            at = data.find(b"\n", at) + 1
            _, number, offset, size, rest = line.split(" ", 4)
            path_on_disk, _, name = rest.partition("\t")
            self.files[int(number, 16)] = int(offset, 16), int(size, 16), path_on_disk, name
        self.lines.begin = at
        self.objects: dict[int, ObjectView] = {}

    def pieces(self, address: int) -> list[Piece]:
        """What holds the byte at an address: the output section first, then what is in it."""
        found: dict[str, Piece] = {}
        # Output sections do not nest: the last one that begins at or before the address is the one.
        start = self.lines.first_at(address + 1)
        while start > self.lines.begin and "output" not in found:
            start = self.lines.line_start(start - 1)
            piece = Piece(self.lines.line(start))
            if address < piece.address + piece.size:
                found.setdefault("output" if piece.kind == "output" else "inner", piece)
            elif piece.kind == "output" and piece.size:
                break
        return [found[kind] for kind in ("output", "inner") if kind in found]

    def object_of(self, piece: Piece) -> ObjectView | None:
        """The object of an input piece, if it is still there and can be read."""
        return self.object_numbered(piece.file)

    def object_numbered(self, number: int) -> ObjectView | None:
        """The object of that number in `files`, likewise."""
        if number not in self.objects:
            offset, size, path, _ = self.files[number]
            try:
                with open(path, "rb") as file:
                    file.seek(offset)
                    self.objects[number] = ObjectView(file.read(size))
            except (OSError, ValueError, LookupError):
                return None
        return self.objects[number]

    def file_name(self, piece: Piece) -> str:
        """The name of an input piece's object as error texts show it."""
        return self.files[piece.file][3]


class TraceView:
    """The trace of one output."""

    def __init__(self, path: str) -> None:
        self.lines = SortedLines(path)

    def messages(self, begin: int, end: int) -> list[tuple[int, str]]:
        """(address, message) of the relocations whose places are in [begin, end)."""
        found = []
        for line in self.lines.lines_from(self.lines.first_at(begin)):
            address = int(line[:DIGITS], 16)
            if address >= end:
                break
            found.append((address, line[DIGITS + 1 :]))
        return found
