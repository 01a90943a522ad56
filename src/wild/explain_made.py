"""`wild explain` of bytes that the linker made: slots, PLT entries, unwind records, merged strings, rows of tables.

The layout file only says that the linker made them; what they are is read from the output itself.
"""

from __future__ import annotations

from pathlib import Path

from linker_diff import elf_names as elf
from linker_diff.frames import Frames
from linker_diff.headers import RESERVED_WORDS
from linker_diff.image import DiffError, Image
from linker_diff.places import Places
from wild.demangle import demangle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from linker_diff.image import Relocation, Section
    from wild.layout_view import LayoutView, Piece

MERGED = 0x10  # SHF_MERGE
SHF_STRINGS = 0x20
MOST_INPUTS = 5
LONGEST_TEXT = 200  # characters
PLT_ENTRY = 16  # bytes


def about_made(output: str, view: LayoutView, piece: Piece, address: int) -> Iterator[str]:
    """Lines about the byte at an address in a piece that the linker made; none if the output says no more."""
    try:
        made = Made(Image(Path(output), ""), view)
    except DiffError:
        return
    section = made.image.section_at(address)
    if section is not None:
        yield from made.lines(section, piece, address)


class Made:
    """One output, and what it says about the linker's own tables."""

    def __init__(self, image: Image, view: LayoutView) -> None:
        self.image, self.view = image, view
        self.places = Places(image)

    def lines(self, section: Section, piece: Piece, address: int) -> Iterator[str]:
        """By what stands in a section of that name."""
        name = section.name
        if name.startswith((".plt", ".iplt")):
            yield from self.plt_entry(address)
        elif self.places.is_slot(address & ~7):
            yield from self.slot(address & ~7)
        elif name == ".eh_frame":
            yield from self.frame(section, address)
        elif name == ".eh_frame_hdr":
            yield from self.index_row(address - section.address)
        elif name == ".dynamic":
            yield from self.dynamic_row((address - section.address) // 16)
        elif name == ".dynsym":
            yield from self.symbol_row((address - section.address) // 24)
        elif name.startswith(".rela"):
            yield from self.relocation_row((address - section.address) // 24, section)
        elif name == ".dynstr":
            yield f'  the text "{shown_text(self.text(piece, address))}"'
        else:
            yield from self.merged(piece, address)

    # --- tables of the dynamic linker ------------------------------------------------------------------------

    def plt_entry(self, address: int) -> Iterator[str]:
        start = address & ~(PLT_ENTRY - 1)
        slot = self.places.stub(start)
        if slot is None:
            yield "  the head of the table, or an entry that no slot belongs to"
            return
        yield f"  PLT entry of {self.target_in(slot)}, which jumps through the slot at {slot:#x}"

    def slot(self, address: int) -> Iterator[str]:
        relocation = self.image.relocation_at.get(address)
        section = self.image.by_name.get(".got.plt")
        if section is not None and 0 <= address - section.address < RESERVED_WORDS:
            yield "  one of the three words that the loader keeps for itself"
        elif relocation is None:
            yield f"  slot that the linker has filled: {self.target_in(address)}"
        else:
            yield f"  slot of {self.target_in(address)}, which the loader fills: {kind_of(relocation)}"

    def target_in(self, slot: int) -> str:
        return demangle(self.places.describe_target(self.places.in_slot(slot)))

    def dynamic_row(self, number: int) -> Iterator[str]:
        if number < len(self.image.dynamic):
            tag, value = self.image.dynamic[number]
            text = f' "{self.image.dynamic_string(value)}"' if tag in elf.STRING_TAGS else ""
            yield f"  DT_{tag} {value:#x}{text}"

    def symbol_row(self, number: int) -> Iterator[str]:
        if 0 < number < len(self.image.dynamic_symbols):
            symbol = self.image.dynamic_symbols[number]
            state = f"at {symbol.value:#x}" if symbol.is_defined else "which other files define"
            yield f"  row {number}: {demangle(symbol.name)}{symbol.version}, {state}"

    def relocation_row(self, number: int, section: Section) -> Iterator[str]:
        place = self.image.word(section.address + number * 24)
        found = self.image.relocation_at.get(place)
        if found is not None:
            name = demangle(found.symbol.name) if found.symbol else ""
            where = demangle(self.places.describe(place))
            yield f"  row {number}: {kind_of(found)} {name}{found.addend:+#x} of {place:#x}, {where}"

    # --- unwind records --------------------------------------------------------------------------------------

    def frame(self, section: Section, address: int) -> Iterator[str]:
        frames = Frames(self.image)
        starts = sorted([*frames.cies, *(frame.address for frame in frames.by_start.values())])
        start = max((it for it in starts if it <= address), default=section.address)
        if start in frames.cies:
            yield "  what the unwind records of many functions share (CIE)"
        for frame in frames.by_start.values():
            if frame.address == start:
                yield f"  unwind record of {self.function(frame.start)}"

    def index_row(self, offset: int) -> Iterator[str]:
        index, row = Frames(self.image).index or [], (offset - 12) // 8
        if 0 <= row < len(index):
            start, record = index[row]
            yield f"  row {row}: {self.function(start)} has its unwind record at {record:#x}"

    def function(self, start: int) -> str:
        """A function with the input that it came from."""
        pieces = self.view.pieces(start)
        inner = pieces[-1] if pieces else None
        origin = (
            f" from {self.view.file_name(inner)}:({inner.name})" if inner and inner.kind == "input" else ""
        )
        return f"{demangle(self.places.describe(start))} at {start:#x}{origin}"

    # --- merged strings and constants ------------------------------------------------------------------------

    def merged(self, piece: Piece, address: int) -> Iterator[str]:
        """A string or constant, and the inputs that have it: in sections of any name, since these are joined."""
        for size in (1, 4, 2):
            data = self.text(piece, address, size)
            inputs = list(self.holders(data + bytes(size), True, size))
            if inputs:
                yield f'  the string "{shown_text(data, size)}", merged from {listed(inputs)}'
                return
        size = constant_size(piece.name)
        data = self.image.read(address - (address - piece.address) % size, size)
        inputs = list(self.holders(data, False, size))
        if inputs:
            yield f"  the constant {data.hex(' ')}, merged from {listed(inputs)}"

    def text(self, piece: Piece, address: int, size: int = 1) -> bytes:
        """The letters of `size` bytes between two zeros that an address lies in."""
        data, end = self.image.read(piece.address, piece.size), bytes(size)
        first = last = (address - piece.address) // size * size
        while first and data[first - size : first] != end:
            first -= size
        while last < len(data) and data[last : last + size] != end:
            last += size
        return data[first:last]

    def holders(self, data: bytes, strings: bool, size: int) -> Iterator[str]:
        """Places in sections of inputs that are merged where the bytes stand, as `file.o:(.rodata.str1.1+0x4)`."""
        for number, (_, _, _, name) in self.view.files.items():
            view = self.view.object_numbered(number)
            for index, header in enumerate(view.headers if view else ()):
                kinds = header[2] & MERGED, bool(header[2] & SHF_STRINGS), header[9]
                if view is None or kinds != (MERGED, strings, size):
                    continue
                at = aligned_find(view.contents(index), data, strings, size)
                if at >= 0:
                    yield f"{name}:({view.string(view.names, header[0])}+{at:#x})"


def aligned_find(contents: bytes, data: bytes, strings: bool, size: int) -> int:
    """Where a whole string or constant stands, -1 if it does not."""
    at = contents.find(data)
    while at >= 0 and (contents[at - 1 : at] not in (b"", b"\0") if strings else at % size):
        at = contents.find(data, at + 1)
    return at


def constant_size(name: str) -> int:
    """The size in the name of a section of constants (`.rodata.cst16`); 8 if there is none."""
    digits = name.rpartition(".cst")[2]
    return int(digits) if digits.isdigit() and int(digits) else 8


def shown_text(data: bytes, size: int = 1) -> str:
    encoding = {1: "utf-8", 2: "utf-16-le", 4: "utf-32-le"}[size]
    text = data.decode(encoding, "backslashreplace").encode("unicode_escape").decode("ascii")
    return text[:LONGEST_TEXT].replace('"', '\\"') + ("…" if len(text) > LONGEST_TEXT else "")


def listed(inputs: list[str]) -> str:
    """The first of them, and how many more there are."""
    more = f" and {len(inputs) - MOST_INPUTS} more" if len(inputs) > MOST_INPUTS else ""
    return ", ".join(inputs[:MOST_INPUTS]) + more


def kind_of(relocation: Relocation) -> str:
    return elf.named(relocation.type, elf.RELOCATION_NAMES)
