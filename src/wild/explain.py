"""`wild explain OUTPUT ADDRESS|SYMBOL`: where the bytes of an output came from, and what was done to them.

The answer is read from the files that a link writes with WILD_WRITE_LAYOUT=1 and WILD_WRITE_TRACE=1
(wild/layout_file.py) and from the inputs themselves, as far as they are still there.
"""

from __future__ import annotations

import sys

from wild.demangle import demangle
from wild.errors import LinkError
from wild.layout_view import LayoutView, TraceView
from wild.machine.x86_64 import RELOCATIONS, relocation_name
from wild.object_view import ObjectView

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from wild.layout_view import Piece

USAGE = """\
usage: wild explain OUTPUT ADDRESS|SYMBOL[+OFFSET]

Tells which input section the byte at an address came from, what stood there in the input, and what the linker did
about its relocations.  OUTPUT must have been linked with WILD_WRITE_LAYOUT=1 in the environment; WILD_WRITE_TRACE=1
adds what was decided, and why."""

STT_SECTION, STT_FILE, STT_TLS = 3, 4, 6
SHF_TLS = 0x400
AROUND, MOST_SHOWN = 16, 64  # bytes that are shown of a single address, and of a symbol
LARGEST_FIELD = 8  # bytes that a relocation fills
SIZES = {name: max(size, 1) for name, _, size, _, _ in RELOCATIONS.values()}


def run(arguments: list[str]) -> int:
    """Run the command; returns the exit status.  Raises LinkError if the question cannot be answered."""
    if len(arguments) != 2 or arguments[0].startswith("-"):
        print(USAGE, file=sys.stdout if arguments in (["--help"], ["-h"]) else sys.stderr)
        return 0 if arguments in (["--help"], ["-h"]) else 2
    print(answer(*arguments))
    return 0


def answer(output: str, question: str) -> str:
    """The text of the answer; raises LinkError if there is none."""
    view = LayoutView(f"{output}.layout")
    return "\n".join(explained(output, view, *Question(output).place(question)))


class Question:
    """What is asked about: an address, or a symbol of the output."""

    def __init__(self, output: str) -> None:
        self.output = output

    def place(self, text: str) -> tuple[int, int]:
        """(first address, end) of a question; without a size the end is the next byte."""
        name, plus, offset = text.partition("+")
        try:
            if text[:1].isdigit():
                address = int(text, 16 if not text.lower().startswith("0x") else 0)
                return address, address + 1
            distance = int(offset, 0) if plus else 0
        except ValueError:
            raise LinkError(f"{text}: is neither an address nor SYMBOL+OFFSET") from None
        value, size = self.symbol(name)
        return value + distance, (value + distance + 1) if plus else value + max(size, 1)

    def symbol(self, name: str) -> tuple[int, int]:
        """Value and size of a symbol of the output, by its name as it is or as in the source."""
        try:
            with open(self.output, "rb") as file:
                elf = ObjectView(file.read())
        except OSError as error:
            raise LinkError(f"{self.output}: {error.strerror}") from None
        except (ValueError, LookupError, ArithmeticError):
            raise LinkError(f"{self.output}: cannot be read as an ELF file") from None
        named = [
            (elf.symbol_name(row[0]), row)
            for row in elf.symbols
            if row[4] and row[1] & 15 not in (STT_SECTION, STT_FILE)
        ]
        exact = [row for shown, row in named if shown == name]
        found = exact or [row for shown, row in named if demangle(shown).partition("(")[0] == name]
        if not found:
            raise LinkError(
                f"{self.output}: has no symbol {name} that is defined; was it stripped or collected?"
            )
        _, info, value, size, _ = found[0]
        if info & 15 == STT_TLS:  # it counts from the start of the TLS segment
            value += min(header[3] for header in elf.headers if header[2] & SHF_TLS)
        return value, size


def explained(output: str, view: LayoutView, begin: int, end: int) -> Iterator[str]:
    """The lines of the answer."""
    pieces = view.pieces(begin)
    if not pieces:
        raise LinkError(f"{output}: no section is at {begin:#x}")
    yield f"{begin:#x} is in output section {pieces[0].name}, {begin - pieces[0].address:#x} bytes from its start"
    inner = pieces[-1]
    if inner.kind == "input":
        yield from origin(view, inner, begin, min(end, inner.address + inner.size))
    elif inner.kind == "made":
        from wild.explain_made import about_made

        yield f"  made by the linker: {inner.name}"
        yield from about_made(output, view, inner, begin)
    elif inner.kind == "common":
        yield f"  common symbol {demangle(inner.name)}"
    else:
        yield "  between input sections: alignment, or a merged section"
    try:
        trace = TraceView(f"{output}.trace")
    except LinkError:
        yield f"  (no {output}.trace: link with WILD_WRITE_TRACE=1 to see what was decided)"
        return
    for address, message in trace.messages(begin - LARGEST_FIELD + 1, end):
        if address + SIZES.get(message.partition(" ")[0], LARGEST_FIELD) > begin:
            yield f"  TRACE {address:#x} {message}"


def origin(view: LayoutView, piece: Piece, begin: int, end: int) -> Iterator[str]:
    """Input file, section, original bytes and relocations of [begin, end)."""
    start = begin - piece.address
    yield f"  from {view.file_name(piece)}:({piece.name}+{start:#x}), section {piece.index} of {piece.size:#x} bytes"
    elf = view.object_of(piece)
    if elf is None or piece.index >= len(elf.headers):
        yield "  ORIG  the input cannot be read any more"
        return
    stop = end - piece.address
    shown = min(start + AROUND, piece.size) if end == begin + 1 else min(stop, start + MOST_SHOWN)
    yield f"  ORIG  {elf.contents(piece.index)[start:shown].hex(' ') or 'zeros'}"
    for place, type, symbol, addend in relocations(elf, piece.index):
        if place < stop and place + SIZES.get(relocation_name(type), LARGEST_FIELD) > start:
            where = piece.address + place
            yield f"  ORIG  {where:#x} {relocation_name(type)} {symbol_name(elf, symbol)}{addend:+#x}"


def relocations(elf: ObjectView, section: int) -> Iterator[tuple[int, int, int, int]]:
    """(offset, type, symbol, addend) of a section's relocations."""
    for header in elf.headers:
        if header[1] in (4, 0x40000014) and header[7] == section:  # SHT_RELA, SHT_CREL
            yield from elf.relocations(header)


def symbol_name(elf: ObjectView, index: int) -> str:
    """A symbol's name; that of its section where it stands for one."""
    name, info, _, _, section = elf.symbols[index]
    if info & 15 == STT_SECTION:
        return elf.string(elf.names, elf.headers[section][0])
    return demangle(elf.symbol_name(name))
