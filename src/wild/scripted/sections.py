"""Output sections of a layout script: what they hold, item by item, in the order of the script."""

from __future__ import annotations

from wild.elf import SHF_ALLOC
from wild.output_sections import OutputSection
from wild.scripted.tree import Assignment, Data, Fill

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.scripted.tree import Output, Statement


class Piece:
    """Something with a size: a part of inputs (`key` says that it is laid out section by section), or what the linker
    makes itself."""

    __slots__ = ("address", "align", "flags", "key", "made", "nobits", "part", "size")

    def __init__(self, part: int, key: int, made: OutputSection | None) -> None:
        self.part = part
        self.key = key
        self.made = made
        self.address = 0
        self.size = 0
        self.align = 1
        self.flags = 0  # SHF_*
        self.nobits = False


class ScriptedSection(OutputSection):
    """`items` are pieces and the statements between them; `output` is None for an orphan.

    `fills` are (offset, pattern): what gaps from there on hold; `contents` are (offset, bytes) of BYTE and its like.
    """

    __slots__ = (
        "contents",
        "fills",
        "follows",
        "forced",
        "items",
        "kept",
        "load_address",
        "output",
        "relro",
        "unloaded",
    )

    def __init__(self, name: str, output: Output | None) -> None:
        super().__init__(name)
        self.output = output
        self.follows: Output | None = None  # the statement that an orphan stands behind
        self.items: list[Piece | Statement] = []
        self.fills: list[tuple[int, bytes]] = []
        self.contents: list[tuple[int, bytes]] = []
        self.load_address = 0
        self.kept = False
        self.forced = False  # to be in the output even when nothing is in it
        self.relro = False
        self.unloaded = False  # COPY and its like: it takes addresses all the same, as in GNU ld

    def takes_addresses(self) -> bool:
        return self.unloaded or bool(self.flags & SHF_ALLOC)

    def is_bare(self) -> bool:
        """Is the section there only because the script wants it, without a byte?"""
        return self.forced and not self.size and not self.pieces()

    def begins_with_data(self) -> bool:
        """Are BYTE and its like the first that is in a section without inputs?  To GNU ld it is read-only then."""
        first = next((item for item in self.items if isinstance(item, (Assignment, Data, Fill, Piece))), None)
        return isinstance(first, Data)

    def loaded_at(self) -> int:
        return self.load_address if self.takes_addresses() else self.address

    def made_pieces(self) -> list[OutputSection]:
        return [piece.made for piece in self.pieces() if piece.made is not None]

    def pieces(self) -> list[Piece]:
        return [item for item in self.items if isinstance(item, Piece)]
