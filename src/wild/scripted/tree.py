"""What a linker script says about the layout of the output, as the parser leaves it.

Expressions are nodes of wild.expression. `where` is `path:line:column` of the statement, for errors.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from wild.expression import Node

    # (pattern of the archive, pattern of the file): None fits everything, b"" stands for "no archive".
    FilePattern: TypeAlias = tuple[bytes | None, bytes | None]
    Statement: TypeAlias = "Assignment | Assertion | Input | Data | Fill | Output"

# How sections are sorted (kernels/listed.pxd).
BY_NAME, BY_ALIGNMENT, BY_PRIORITY, SECOND, BY_FILE = 1, 2, 3, 4, 256
REVERSED, BACKWARDS = 512, 1024


class Assignment:
    """`name = value`, `.` being the location counter; flags as in wild.script."""

    __slots__ = ("flags", "name", "value", "where")

    def __init__(self, name: str, value: Node, flags: int, where: str) -> None:
        self.name = name
        self.value = value
        self.flags = flags
        self.where = where


class Assertion:
    """ASSERT(expression, message): `value` is the whole call."""

    __slots__ = ("value",)

    def __init__(self, value: Node) -> None:
        self.value = value


class SectionPattern:
    """The names of input sections, how they are sorted, and the files whose sections are left out."""

    __slots__ = ("excluded", "name", "sort")

    def __init__(self, name: bytes, sort: int, excluded: tuple[FilePattern, ...]) -> None:
        self.name = name
        self.sort = sort
        self.excluded = excluded


class Input:
    """`files(sections)`: the input sections that go here."""

    __slots__ = ("excluded", "files", "having", "keep", "lacking", "sections", "sort")

    def __init__(self, files: FilePattern, sections: list[SectionPattern]) -> None:
        self.files = files
        self.sections = sections
        self.excluded: tuple[FilePattern, ...] = ()
        self.keep = False
        self.having = 0  # SHF_* bits
        self.lacking = 0
        self.sort = 0  # BY_FILE


class Data:
    """BYTE, SHORT, LONG, QUAD (`size` bytes of a value), or ASCIZ (`text`)."""

    __slots__ = ("size", "text", "value")

    def __init__(self, size: int, value: Node | None, text: bytes = b"") -> None:
        self.size = size
        self.value = value
        self.text = text


class Fill:
    """FILL(expression) or =expression: what gaps from here on hold, repeated."""

    __slots__ = ("pattern",)

    def __init__(self, pattern: bytes | Node) -> None:
        self.pattern = pattern


class Output:
    """An output section; `name` is `/DISCARD/` for what is left out."""

    __slots__ = (
        "address", "align", "align_load", "constraint", "entry_size", "fill", "floating", "headers", "load_address",
        "load_region", "name", "overlay", "region", "statements", "subalign", "type", "type_value", "where",
    )  # fmt: skip

    def __init__(self, name: str, where: str) -> None:
        self.name = name
        self.where = where
        self.statements: list[Statement] = []
        self.address: Node | None = None
        self.type = ""  # NOLOAD, DSECT, COPY, INFO, OVERLAY, READONLY, TYPE
        self.type_value: Node | None = None
        self.load_address: Node | None = None
        self.align: Node | None = None
        self.align_load = False  # ALIGN_WITH_INPUT
        self.floating = False  # to stand where an orphan would
        self.subalign: Node | None = None
        self.constraint = ""  # ONLY_IF_RO, ONLY_IF_RW
        self.region: str | None = None
        self.load_region: str | None = None
        self.headers: list[str] | None = None
        self.fill: bytes | Node | None = None
        self.overlay: Overlay | None = None


class Overlay:
    """OVERLAY: sections that take turns at one address; their names in order."""

    __slots__ = ("address", "load_address", "members", "where")

    def __init__(self, where: str) -> None:
        self.where = where
        self.address: Node | None = None
        self.load_address: Node | None = None
        self.members: list[Output] = []


class Region:
    """A region of MEMORY; `attributes` as written, `!` and all."""

    __slots__ = ("attributes", "length", "name", "origin", "where")

    def __init__(self, name: str, attributes: str, origin: Node, length: Node, where: str) -> None:
        self.name = name
        self.attributes = attributes
        self.origin = origin
        self.length = length
        self.where = where


class Header:
    """A program header of PHDRS."""

    __slots__ = ("flags", "has_file_header", "has_headers", "load_address", "name", "type", "where")

    def __init__(self, name: str, where: str) -> None:
        self.name = name
        self.where = where
        self.type: Node = ("number", 0)
        self.has_file_header = False
        self.has_headers = False
        self.load_address: Node | None = None
        self.flags: Node | None = None


class Insertion:
    """INSERT AFTER or BEFORE: the statements that go there."""

    __slots__ = ("after", "name", "statements", "where")

    def __init__(self, name: str, after: bool, statements: list[Statement], where: str) -> None:
        self.name = name
        self.after = after
        self.statements = statements
        self.where = where


class LayoutScript:
    """SECTIONS, MEMORY, PHDRS and what else decides where things are, of all scripts of a link."""

    __slots__ = (
        "aliases", "cross", "headers", "implicit", "insertions", "matched", "overwritten", "regions", "sections",
        "statements",
    )  # fmt: skip

    def __init__(self) -> None:
        self.statements: list[Statement] = []
        self.regions: dict[str, Region] = {}
        self.aliases: dict[str, str] = {}
        self.headers: list[Header] | None = None
        self.insertions: list[Insertion] = []
        self.overwritten: list[Output] = []  # of OVERWRITE_SECTIONS
        self.matched: list[Output] = []  # all that match inputs, those first whose patterns go before
        # NOCROSSREFS, NOCROSSREFS_TO: names, is it about references to the first only?, where
        self.cross: list[tuple[list[str], bool, str]] = []
        self.sections = 0  # how many SECTIONS there are that no INSERT has moved
        self.implicit = ""  # the path, if the script was given as an input and not by -T

    def outputs(self) -> list[Output]:
        """All output section statements, in order."""
        return [each for each in self.statements if isinstance(each, Output)]

    def add_assignment(self, name: str, value: Node, flags: int, where: str) -> None:
        self.statements.append(Assignment(name, value, flags, where))
