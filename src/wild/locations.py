"""Words for places in objects: `main.o:(.text.f+0x18)`, the source line and the function there.

A message about a place begins with the object's name as the user wrote it, the section and the offset,
which is always known; debug information, where there is some, adds the line, and the symbol table the
function.
"""

from __future__ import annotations

import struct

from wild.debug_lines import function_of, source_of
from wild.object_view import ObjectView

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.kernels.references import LinkTables
    from wild.options import Options

_DAMAGED = (ValueError, LookupError, struct.error, MemoryError)


class Locations:
    """Places of one link; what was read of an object is remembered for its next place."""

    def __init__(self, tables: LinkTables, options: Options) -> None:
        self.tables = tables
        self.options = options
        self.views: dict[int, ObjectView | None] = {}

    def shown(self, name: bytes) -> str:
        """A symbol as its source spells it, unless --no-demangle."""
        text = name.decode("utf-8", "surrogateescape")
        if not self.options.demangle:
            return text
        from wild.demangle import demangle

        return demangle(text)

    def file(self, file: int) -> str:
        """`lib.a(member.o)`."""
        return self.tables.inputs.file_name(file)

    def section(self, file: int, section: int) -> str:
        """The name of a section, or its number where it has none.

        -ffunction-sections makes names of `.text.` and the symbol, which is shown as symbols are.
        """
        name = self.tables.section_name(file, section)
        begin, _, symbol = name.partition(b"._")
        if symbol:
            return f"{begin.decode('utf-8', 'replace')}.{self.shown(b'_' + symbol)}"
        return name.decode("utf-8", "replace") or f"section {section}"

    def place(self, file: int, section: int, offset: int) -> str:
        """`lib.a(member.o):(.text+0x18)`."""
        return f"{self.file(file)}:({self.section(file, section)}+{offset:#x})"

    def source(self, file: int, section: int, offset: int) -> str:
        """`main.c:3 (src/main.c:3)`, or "" where the object does not say."""
        view = self.view(file)
        path = source_of(view, section, offset) if view else None
        if not path:
            return ""
        name = path.rpartition("/")[2]
        return name if name == path else f"{name} ({path})"

    def function(self, file: int, section: int, offset: int) -> str:
        """` in function f`, or "" where that is not known, or where the section's name says so."""
        view = self.view(file)
        name = function_of(view, section, offset) if view else None
        symbol = name.encode("utf-8", "surrogateescape") if name else b""
        if not symbol or self.tables.section_name(file, section).endswith(b"." + symbol):
            return ""
        return f" in function {self.shown(symbol)}"

    def view(self, file: int) -> ObjectView | None:
        """The object, or None if it is too damaged to be read."""
        if file not in self.views:
            try:
                self.views[file] = ObjectView(self.tables.file_data(file))
            except _DAMAGED:
                self.views[file] = None
        return self.views[file]

    def lines(self, verb: str, file: int, section: int, offset: int) -> list[str]:
        """`>>> VERB main.c:3 (src/main.c:3)` and the place in the object below it, or the latter alone."""
        place = self.place(file, section, offset)
        if verb != "defined at":
            place += self.function(file, section, offset)
        source = self.source(file, section, offset)
        if not source:
            return [f">>> {verb} {place}"]
        return [f">>> {verb} {source}", f">>> {' ' * len(verb)} {place}"]

    def definition(self, name: int) -> list[str]:
        """Where a name is defined, if it is."""
        file, _, _, _, _ = self.tables.resolution.symbol(name)
        if file is None:
            return []
        if file == 0:
            text = self.tables.names.text(name).decode("utf-8", "surrogateescape")
            by_option = any(text == symbol for symbol, _ in self.options.defsyms)
            return [f">>> defined by {'--defsym' if by_option else 'the linker or a script'}"]
        return [f">>> defined in {self.file(file)}"]


def more_references(count: int) -> str:
    """The line that stands for the places that are not shown."""
    return f">>> referenced {count} more time{'' if count == 1 else 's'}"
