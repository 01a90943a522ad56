"""The statements of a linker script as GNU ld's map shows them: with their values, in the spelling of its manual.

Inside of an output section they stand between what it holds.  Those behind it, and sections of the script that the
output lacks, are lines of their own behind the section before them.
"""

from __future__ import annotations

from wild.expression import evaluate
from wild.map_file import OUTSIDE, SCRIPT
from wild.script import HIDDEN, PROVIDE
from wild.scripted.parts import DISCARD
from wild.scripted.sections import ScriptedSection
from wild.scripted.tree import (
    BACKWARDS,
    BY_ALIGNMENT,
    BY_FILE,
    BY_NAME,
    BY_PRIORITY,
    REVERSED,
    SECOND,
    Assertion,
    Assignment,
    Data,
    Fill,
    Input,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.expression import Node
    from wild.map_file import Line
    from wild.scripted.composition import ScriptedComposition
    from wild.scripted.layouter import Step
    from wild.scripted.tree import FilePattern, SectionPattern

LAST = (1 << 64) - 1
BEHIND_ALL = (1 << 32) - 1  # the index of no section
BLANKS = " " * 16
DATA_NAMES = {1: "BYTE", 2: "SHORT", 4: "LONG", 8: "QUAD"}
SORTS = {BY_NAME: "SORT_BY_NAME", BY_ALIGNMENT: "SORT_BY_ALIGNMENT", BY_PRIORITY: "SORT_BY_INIT_PRIORITY"}


def lines_of(composition: ScriptedComposition, history: list[Step]) -> list[Line]:
    """The lines of all statements; `history` is what the last round of the layout has done."""
    found: list[Line] = []
    shndx = 0  # of the output section that was begun last
    at = 0  # where the statement before this one ends
    for item, section, start, end, value in history:
        if isinstance(item, ScriptedSection):
            if item.kept:
                shndx, at = item.shndx, item.address
            else:
                found.append(line(LAST, 0, shndx, f"\n{item.name}", OUTSIDE))
            continue
        text = text_of(item, at, end, value)
        if section is not None and section.kept:
            place = at if isinstance(item, Input) else start
            found.append(line(place, end - start if isinstance(item, Data) else 0, shndx, text, SCRIPT))
            at = end
        elif text:
            found.append(line(LAST, 0, shndx, text, OUTSIDE))
    for output in composition.script.outputs():
        if output.name == DISCARD:
            patterns = [f"\n {input_text(each)}" for each in output.statements if isinstance(each, Input)]
            found.append(line(LAST, 0, BEHIND_ALL, f"\n{DISCARD}{''.join(patterns)}", OUTSIDE))
    return [each for each in found if each[4]]


def line(place: int, size: int, shndx: int, text: str, kind: int) -> Line:
    return place, size, 1, shndx, text.encode("utf-8", "surrogateescape"), kind, 0


def text_of(item: object, start: int, end: int, value: int | None) -> str:
    """One statement, "" if the map does not show it."""
    if isinstance(item, Assignment):
        return assignment_text(item, value)
    if isinstance(item, Assertion):
        return f"{BLANKS}0x{1:016x}{BLANKS}{expression_text(item.value)}"
    if isinstance(item, Data):
        name = DATA_NAMES.get(item.size, "ASCIZ")
        shown = f"0x{value:x}" if value is not None else repr(item.text[:-1].decode("latin-1"))
        return f"{BLANKS}0x{start:016x}{f'0x{end - start:x}':>11} {name} {shown}"
    if isinstance(item, Fill):
        pattern = item.pattern
        return (
            f" FILL mask {f'0x{pattern.hex()}' if isinstance(pattern, bytes) else expression_text(pattern)}"
        )
    return f" {input_text(item)}" if isinstance(item, Input) else ""


def assignment_text(item: Assignment, value: int | None) -> str:
    shown = f"{item.name} = {expression_text(item.value)}"
    if item.flags & PROVIDE:
        shown = f"{'PROVIDE_HIDDEN' if item.flags & HIDDEN else 'PROVIDE'} ({shown})"
    place = "[!provide]        " if value is None else f"0x{value:016x}"
    return f"{BLANKS}{place}{BLANKS}{shown}"


# --- input statements
# ----------------------------------------------------------------------------------------------


def input_text(item: Input) -> str:
    """`files(sections)`."""
    files = file_text(item.files)
    if item.excluded:
        files = f"EXCLUDE_FILE({' '.join(map(file_text, item.excluded))}) {files}"
    if item.sort & BY_FILE:
        files = f"SORT_BY_NAME({files})"
    return f"{files}({' '.join(map(pattern_text, item.sections))})" if item.sections else files


def file_text(pattern: FilePattern) -> str:
    archive, file = pattern
    name = "*" if file is None else file.decode("utf-8", "surrogateescape")
    return name if archive is None else f"{archive.decode('utf-8', 'surrogateescape')}:{name}"


def pattern_text(pattern: SectionPattern) -> str:
    shown = pattern.name.decode("utf-8", "surrogateescape")
    if pattern.excluded:
        shown = f"EXCLUDE_FILE({' '.join(map(file_text, pattern.excluded))}) {shown}"
    if pattern.sort & BACKWARDS:
        shown = f"REVERSE({shown})"
    for sort in (pattern.sort >> SECOND & 15, pattern.sort & 15):  # the inner one first
        shown = f"{SORTS[sort]}({shown})" if sort else shown
    return f"REVERSE({shown})" if pattern.sort & REVERSED else shown


# --- expressions
# ----------------------------------------------------------------------------------------------


def expression_text(node: Node) -> str:
    """An expression with all its parentheses; numbers are hexadecimal, and what is made of numbers only is one."""
    kind = node[0]
    if kind == "place":
        return expression_text(node[2])
    if is_plain(node):
        return f"0x{evaluate(node, lambda name: None):x}"
    if kind == "symbol":
        return str(node[1])
    if kind == "unary":
        return f"{node[1]} ({expression_text(node[2])})"
    if kind == "binary":
        return f"({expression_text(node[2])} {node[1]} {expression_text(node[3])})"
    if kind == "conditional":
        return "{}?{}:{}".format(*(expression_text(each) for each in node[1:]))
    arguments = [each if isinstance(each, str) else expression_text(each) for each in node[2]]
    if node[1] == "ASSERT":
        return f"ASSERT ({arguments[0]}, {arguments[1]})"
    return node[1] if arguments == [""] else f"{node[1]} ({', '.join(arguments)})"


def is_plain(node: Node) -> bool:
    if node[0] in ("unary", "binary"):
        return all(is_plain(child) for child in node[2:])
    return bool(node[0] == "number")
