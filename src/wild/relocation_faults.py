"""The texts about relocations: values that do not fit, and relocations that this kind of output cannot have.

The first line begins with the place, as `main.o:(.text.f+0x18)`; below it stand the source line, where the
symbol is defined, and what to do.  The codes are those of kernels/faults.pxd.
"""

from __future__ import annotations

from wild.locations import Locations
from wild.machine import x86_64

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.kernels.references import LinkTables
    from wild.options import Options

Fault = tuple[int, int, int, int, int]  # code, file, place, extra, value

FIRST, LAST = 160, 173
# fmt: off
(
    UNKNOWN_TYPE, OUTSIDE, NO_SYMBOL, OVERFLOW, PIC, TEXTREL, PROTECTED, COPY, TLS_MISMATCH, TLS_CODE,
    TLS_SHARED, DISCARDED, DYNAMIC, MERGED,
) = range(FIRST, LAST + 1)
# fmt: on
# With --noinhibit-exec the output is written all the same, unless applying such a relocation would read or
# write outside its section.
BENIGN = frozenset((OVERFLOW, PIC, TEXTREL, PROTECTED, COPY, TLS_MISMATCH, TLS_SHARED, DISCARDED, MERGED))

PLACE_BITS = (1 << 64) - 1
DEFINED, BY_SHARED = 3, 2  # SymbolRow.flags: SYM_OBJECT_DEF | SYM_SHARED_DEF (kernels/tables.pxd)
STT_SECTION = 3
NOUNS = {"exec": "an executable", "pie": "a PIE", "shared": "a shared object"}
DAMAGED = "; the file is damaged, rebuild it"

TOO_FAR = (
    ">>> more than 2 GiB are between code and data: compile with -mcmodel=medium or -mcmodel=large, so",
    ">>> that large variables are out of the way",
)
CANNOT = "relocation {type} against {symbol} cannot be used when making {output}; recompile with "
COPYING = "relocation {type} would need a copy of {symbol}, which "
TEXTS = {
    UNKNOWN_TYPE: "{type} is not a relocation type of x86-64" + DAMAGED,
    OUTSIDE: "{type} is about bytes outside the section" + DAMAGED,
    NO_SYMBOL: "{type} refers to symbol {number}, which does not exist" + DAMAGED,
    OVERFLOW: "relocation {type} out of range: {value} is not in [{low}, {high}]; references {symbol}",
    PIC: CANNOT + "{flag}",
    TEXTREL: "relocation {type} against {symbol} would have to be applied at run time, in read-only section"
    " {section}; recompile with {flag}, or allow it with -z notext",
    PROTECTED: "relocation {type} would need a copy of {symbol}, or a PLT entry that stands for it, but its shared"
    " object protects it; recompile with {flag}",
    COPY: COPYING + "-z nocopyreloc forbids; recompile with {flag}",
    TLS_MISMATCH: "relocation {type} is a thread-local access, but {symbol} is not thread-local; is"
    " thread_local or __thread missing at its definition?",
    TLS_CODE: "relocation {type} against {symbol} is not in the instructions that the psABI prescribes for"
    " it, so the access to thread-local data cannot be rewritten",
    TLS_SHARED: CANNOT + "-fPIC",
    DISCARDED: "relocation {type} refers to {symbol}, which was discarded",
    DYNAMIC: "relocation {type} is one for the dynamic linker, which objects cannot have" + DAMAGED,
    MERGED: "relocation {type} points outside the merged contents of {symbol}" + DAMAGED,
}
PLAIN_MISMATCH = (
    "relocation {type} is no thread-local access, but {symbol} is thread-local; is thread_local or __thread"
    " missing in a declaration?"
)


ELSEWHERE = (
    "relocation {type} reaches thread-local variables of {output} itself, but {symbol} is one of a shared object;"
    " recompile with -ftls-model=initial-exec, or without -ftls-model"
)


def describe_faults(tables: LinkTables, faults: list[Fault], options: Options) -> list[str]:
    """One text for each fault at a relocation."""
    locations = Locations(tables, options)
    return ["\n".join(Subject(locations, fault).lines(options)) for fault in faults]


class Subject:
    """A relocation that is at fault: where it is and what it refers to."""

    def __init__(self, locations: Locations, fault: Fault) -> None:
        self.locations = locations
        self.code, self.file, place, extra, self.value = fault
        self.section = extra >> 32
        self.offset = (place - (self.section << 40)) & PLACE_BITS
        try:
            found = locations.tables.relocation(self.file, self.section, self.offset, extra & 0xFFFFFFFF)
        except IndexError:
            found = (0, 0, 0)
        self.type, self.number, self.addend = found
        self.name = 0  # NameId of a global symbol
        self.home = 0  # index of the section that a local symbol is in
        self.symbol = self.symbol_text()

    def symbol_text(self) -> str:
        """`symbol 'x'`, `local symbol 'x'`, `section .rodata`."""
        try:
            self.name, text, self.home, _, info, _ = self.locations.tables.symbol(self.file, self.number)
        except IndexError:
            return f"symbol {self.number}"
        if self.name:
            return f"symbol '{self.locations.shown(self.locations.tables.names.text(self.name))}'"
        if info & 15 == STT_SECTION or not text:
            return f"section {self.locations.section(self.file, self.home)}"
        return f"local symbol '{self.locations.shown(text)}'"

    def lines(self, options: Options) -> list[str]:
        """The whole text."""
        place = self.locations.place(self.file, self.section, self.offset)
        text = TEXTS[self.code]
        if self.code == TLS_MISMATCH and not is_thread_local(self.type):
            text = PLAIN_MISMATCH
        if self.code == TLS_SHARED and self.is_elsewhere():
            text = ELSEWHERE
        lines = [f"{place}: {text.format_map(self.fields(options))}"]
        source = self.locations.source(self.file, self.section, self.offset)
        function = self.locations.function(self.file, self.section, self.offset)
        if source or function:
            lines.append(f">>> referenced{' by ' if source else ''}{source}{function}")
        if self.code == DISCARDED:
            return lines + self.discarded()
        if self.name:
            lines += self.locations.definition(self.name)
        if self.code == OVERFLOW and self.is_too_far():
            lines += TOO_FAR
        return lines

    def is_elsewhere(self) -> bool:
        """Is the symbol defined by a shared object alone?"""
        return (
            bool(self.name) and self.locations.tables.resolution.symbol(self.name)[4] & DEFINED == BY_SHARED
        )

    def fields(self, options: Options) -> dict[str, str]:
        """What the texts may mention."""
        low, high = allowed_range(self.type)
        return {
            "type": x86_64.relocation_name(self.type),
            "number": str(self.number),
            "symbol": self.symbol,
            "value": str(self.value),
            "low": str(low),
            "high": str(high),
            "output": NOUNS.get(options.kind, "this output"),
            "flag": "-fPIC" if options.kind == "shared" or self.is_distance() else "-fPIE",
            "section": self.locations.section(self.file, self.section),
        }

    def is_distance(self) -> bool:
        """Does the code compute an address from its own?  In a PIE that reaches everything but what does not move."""
        return self.code == PIC and x86_64.RELOCATIONS.get(self.type, ("", ""))[1].endswith("-P")

    def is_too_far(self) -> bool:
        """Is it the distance that does not fit, and not a number somebody chose?"""
        if x86_64.RELOCATIONS.get(self.type, ("", "", 0, 0, 0))[2] != 4 or not abs(self.value) >> 31:
            return False
        return not self.name or self.locations.tables.resolution.symbol(self.name)[3] != 0

    def discarded(self) -> list[str]:
        """Which group was discarded, and whose counts."""
        tables = self.locations.tables
        lines = [f">>> defined in {self.locations.file(self.file)}"]
        if self.home:
            lines[0] += f":({self.locations.section(self.file, self.home)})"
        signature, winner = tables.group(self.file, self.home)
        if signature:
            lines.append(f">>> section group signature: {self.locations.shown(tables.names.text(signature))}")
            lines.append(f">>> prevailing definition is in {self.locations.file(winner)}")
        return lines


def is_thread_local(type: int) -> bool:
    """Is a relocation of this type part of an access to thread-local data?"""
    form = x86_64.RELOCATIONS.get(type, ("", "", 0, 0, 0))[1]
    return "tp" in form or form.startswith("tls")


def allowed_range(type: int) -> tuple[int, int]:
    """The least and the greatest value that a relocation of this type can hold."""
    _, _, size, check, _ = x86_64.RELOCATIONS.get(type, ("", "", 8, x86_64.UNCHECKED, 0))
    bits = 8 * (size or 8)
    low = 0 if check == x86_64.UNSIGNED else -(1 << bits - 1)
    return low, (1 << bits) - 1 if check in (x86_64.UNSIGNED, x86_64.EITHER) else (1 << bits - 1) - 1
