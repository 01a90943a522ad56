"""Linker scripts of partial links (-r -T): which section of the output each input statement is about.

Such scripts gather the tables that every object brings a piece of, as the Linux kernel's module.lds does, with symbols
where a table begins and ends.  There are no addresses, so what needs one is refused: inside of a section the location
counter can be aligned in front of sections, and named.
"""

from __future__ import annotations

from wild.errors import LinkError
from wild.expression import evaluate
from wild.own_symbols import encode
from wild.scripted.parts import LARGEST_ALIGN
from wild.scripted.tree import BY_NAME, Assertion, Assignment, Input, Output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.expression import Node
    from wild.output_sections import Parts
    from wild.scripted.parts import ScriptedParts
    from wild.scripted.tree import LayoutScript

    # symbol, first and last statement of its output section, the statement that it stands in front of
    Place = tuple[str, int, int, int]


def statements_of(parts: Parts) -> list[tuple[bytes, int, bool, int]]:
    """(name of the output section, its alignment, are sections sorted by name?, alignment in front of them) by group;
    raises LinkError."""
    scripted: ScriptedParts = parts  # type: ignore[assignment]
    check_script(scripted.script)
    numbers_of(parts)
    found = []
    for group in scripted.groups:
        if group.sort & ~BY_NAME:
            raise LinkError(
                f"{group.output.where}: -r: {group.output.name}: sections can be sorted by name only"
            )
        align = alignment(group.output.align, group.output, "its alignment")
        found.append((encode(group.output.name), align, bool(group.sort & BY_NAME), 1))
    for output in scripted.script.matched:
        for number, align in alignments(scripted, output):
            name, whole, by_name, _ = found[number]
            found[number] = name, whole, by_name, align
    return found


def alignments(parts: ScriptedParts, output: Output) -> list[tuple[int, int]]:
    """(statement, alignment in front of its sections), of those that have one; raises LinkError."""
    found = []
    pending = 1
    for each in output.statements:
        if isinstance(each, Assignment) and each.name == ".":
            pending = max(pending, alignment(aligned(each.value), output, "what . is aligned to"))
        elif isinstance(each, Input) and pending > 1:
            found.append((first_group(parts, each), pending))
            pending = 1
    if pending > 1:
        raise LinkError(f"{output.where}: -r: {output.name}: . can be aligned in front of sections only")
    return found


def places_of(parts: Parts) -> list[Place]:
    """The symbols inside of output sections."""
    scripted: ScriptedParts = parts  # type: ignore[assignment]
    found = []
    for output in scripted.script.matched:
        numbers = [number for number, group in enumerate(scripted.groups) if group.output is output]
        if not numbers:
            continue
        behind = numbers[0]
        for each in output.statements:
            if isinstance(each, Input):
                behind = 1 + max(n for n in numbers if scripted.groups[n].input is each)
            elif isinstance(each, Assignment) and each.name != ".":
                found.append((each.name, numbers[0], numbers[-1], behind))
    return found


def numbers_of(parts: Parts) -> list[tuple[str, int]]:
    """The symbols outside of output sections, with their values; raises LinkError for a failed ASSERT."""
    scripted: ScriptedParts = parts  # type: ignore[assignment]
    known: dict[str, int] = {}
    for each in scripted.script.statements:
        if isinstance(each, Assignment):
            known[each.name] = number(each.value, known)
        elif isinstance(each, Assertion):
            number(plain(each.value)[2][0], known)
            evaluate(each.value, known.get)
    return list(known.items())


def number(node: Node, known: dict[str, int]) -> int:
    """The value of an expression outside of output sections; raises LinkError if it needs more than numbers."""
    try:
        return evaluate(node, known.get)
    except LinkError as error:
        raise LinkError(
            f"{error.messages[0]}: with -r, only numbers are known outside of output sections"
        ) from None


def first_group(parts: ScriptedParts, statement: Input) -> int:
    return next(number for number, group in enumerate(parts.groups) if group.input is statement)


def check_script(script: LayoutScript) -> None:
    """Refuse what only a final link can do."""
    for statement in script.statements:
        if isinstance(statement, Assertion):
            continue
        if isinstance(statement, Assignment):
            if statement.name == ".":
                raise LinkError(f"{statement.where}: -r: there is no location counter outside of sections")
            continue
        if not isinstance(statement, Output):
            continue
        if constant(statement.address, statement, "its address") or statement.region or statement.overlay:
            raise LinkError(f"{statement.where}: -r: output section {statement.name} can have no address")
        for each in statement.statements:
            if not isinstance(each, Input) and not is_place(each):
                raise LinkError(
                    f"{statement.where}: -r: output section {statement.name} can hold sections, symbols of their"
                    " places and `. = ALIGN(…)` only"
                )


def is_place(statement: object) -> bool:
    """Is it `. = ALIGN(…)`, or a symbol for the location counter?"""
    if not isinstance(statement, Assignment):
        return False
    if statement.name == ".":
        return aligned(statement.value) is not None
    return plain(statement.value) == ("symbol", ".")


def aligned(node: Node) -> Node | None:
    """The alignment of ALIGN(alignment), None of anything else."""
    node = plain(node)
    is_call = node[0] == "call" and node[1] == "ALIGN" and len(node[2]) == 1
    return node[2][0] if is_call else None


def plain(node: Node) -> Node:
    while node[0] == "place":
        node = node[2]
    return node


def alignment(node: Node | None, output: Output, what: str) -> int:
    align = constant(node, output, what)
    if align & (align - 1) or align > LARGEST_ALIGN:
        raise LinkError(f"{output.where}: ALIGN({align}) is no power of two up to 2^32")
    return align or 1


def constant(node: Node | None, output: Output, what: str) -> int:
    if node is None:
        return 0
    try:
        return evaluate(node, lambda name: None)
    except LinkError:
        raise LinkError(f"{output.where}: -r: {output.name}: {what} must be a constant") from None
