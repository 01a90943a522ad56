"""The input statements of a linker script as the rules of kernels/rules.py.

Neighbouring patterns of one statement that are sorted alike are one *group*: their sections stand in one list, in
input order or sorted, as GNU ld has it.  A group becomes one part of the output, and more where its sections are
merged strings and constants.  The first pattern in the whole script that fits a section gets it.
"""

from __future__ import annotations

from wild import elf
from wild.errors import LinkError
from wild.expression import evaluate
from wild.output_sections import DROP, EXACT, PREFIX, ROOT, Parts
from wild.scripted.tree import Input, LayoutScript, Output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from wild.scripted.tree import FilePattern, SectionPattern

GLOB = 3
LARGEST_ALIGN = 1 << 32
LISTED, REVERSED = 8, 16  # kernels/sections.pxd
WILD = b"*?[\\"
DISCARD = "/DISCARD/"
ANY_FILE: tuple[FilePattern, tuple[FilePattern, ...]] = ((None, None), ())
# The linker makes one of what all inputs say in these, wherever a script wants them.
REMADE = (b".note.gnu.property", b".note.GNU-stack")
CONSTRUCTOR_SECTIONS = (".init_array", ".fini_array")


class Group:
    """Patterns whose sections stand together: a place in an output section statement."""

    __slots__ = ("common", "input", "output", "patterns", "sort")

    def __init__(self, output: Output, input: Input, sort: int) -> None:
        self.output = output
        self.input = input
        self.sort = sort
        self.patterns: list[SectionPattern] = []


class ScriptedParts(Parts):
    """The parts of a link whose layout is that of a script."""

    scripted = True

    def __init__(self, script: LayoutScript, dropped: Sequence[str] = ()) -> None:
        super().__init__(dropped=dropped)
        self.script = script
        self.groups: list[Group] = []
        for output in script.matched:
            for statement in output.statements:
                if isinstance(statement, Input):
                    self.groups += groups_of(output, statement)
        # What Composition looks up by the number of a rule.
        self.table = tuple(
            (b"", PREFIX, group.output.name, number, 0) for number, group in enumerate(self.groups)
        )

    def rules(self, whole: bool) -> list[tuple[Any, ...]]:
        """The rules as the kernel wants them."""
        found: list[tuple[Any, ...]] = list(self.dropped)
        if not whole:
            found += [(name, EXACT, 0, 0, DROP) for name in REMADE]
        for number, group in enumerate(self.groups):
            part = 0 if group.output.name == DISCARD else self.add(group.output.name, 0)
            found += [self.rule(group, pattern, part, number) for pattern in group.patterns]
        return found

    def rule(self, group: Group, pattern: SectionPattern, part: int, number: int) -> tuple[Any, ...]:
        text, how = how_it_fits(pattern.name)
        flags = LISTED
        flags |= DROP if group.output.name == DISCARD else 0
        flags |= ROOT if group.input.keep else 0
        if group.output.name in CONSTRUCTOR_SECTIONS and text.startswith((b".ctors", b".dtors")):
            flags |= REVERSED
        files: tuple[FilePattern, tuple[FilePattern, ...]] | None = (
            group.input.files,
            group.input.excluded + pattern.excluded,
        )
        if files == ANY_FILE:
            files = None
        having, lacking = group.input.having, group.input.lacking
        if group.output.constraint == "ONLY_IF_RO":
            lacking |= elf.SHF_WRITE
        elif group.output.constraint == "ONLY_IF_RW":
            having |= elf.SHF_WRITE
        subalign = alignment_of(group.output)
        return (text, how, part, number, flags, files, having, lacking, group.sort, subalign)


def alignment_of(output: Output) -> int:
    """SUBALIGN, which has to be known before anything is placed; raises LinkError."""
    if output.subalign is None:
        return 0
    value = evaluate(output.subalign, lambda name: None)
    if value & (value - 1) or value > LARGEST_ALIGN:
        raise LinkError(f"{output.where}: SUBALIGN({value}) is no power of two up to 2^32")
    return value


def groups_of(output: Output, statement: Input) -> list[Group]:
    """The groups of one statement; the sort of a whole SORT(files) holds for all of them."""
    found: list[Group] = []
    for pattern in statement.sections:
        sort = pattern.sort | statement.sort
        if not found or found[-1].sort != sort:
            found.append(Group(output, statement, sort))
        found[-1].patterns.append(pattern)
    return found


def how_it_fits(name: bytes) -> tuple[bytes, int]:
    """A pattern as text and HOW_*: most are whole names, or beginnings of names."""
    if not is_wild(name):
        return name, EXACT
    if name.endswith(b"*") and not is_wild(name[:-1]):
        return name[:-1], PREFIX
    return name, GLOB


def is_wild(name: bytes) -> bool:
    return any(char in WILD for char in name)


def named_files(script: LayoutScript) -> list[tuple[str, str]]:
    """(name, place in the script) of the files that input statements name without a pattern."""
    found: dict[str, str] = {}
    for output in script.outputs():
        for statement in output.statements:
            if isinstance(statement, Input) and output.name != DISCARD:
                archive, file = statement.files
                name = (file if archive in (None, b"") else archive) or b"*"
                if not is_wild(name):
                    found.setdefault(name.decode("utf-8", "surrogateescape"), output.where)
    return list(found.items())
