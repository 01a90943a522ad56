"""Linker scripts of partial links (-r -T): which section of the output each input statement is about.

Such scripts gather the tables that every object brings a piece of, as the Linux kernel's module.lds does.  There are
no addresses, so what needs one is refused.
"""

from __future__ import annotations

from wild.errors import LinkError
from wild.expression import evaluate
from wild.own_symbols import encode
from wild.scripted.parts import LARGEST_ALIGN
from wild.scripted.tree import BY_NAME, Assignment, Input, Output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.expression import Node
    from wild.output_sections import Parts
    from wild.scripted.parts import ScriptedParts
    from wild.scripted.tree import LayoutScript


def statements_of(parts: Parts) -> list[tuple[bytes, int, bool]]:
    """(name of the output section, its alignment, are sections sorted by name?) by group; raises LinkError."""
    scripted: ScriptedParts = parts  # type: ignore[assignment]
    check_script(scripted.script)
    found = []
    for group in scripted.groups:
        if group.sort & ~BY_NAME:
            raise LinkError(
                f"{group.output.where}: -r: {group.output.name}: sections can be sorted by name only"
            )
        align = constant(group.output.align, group.output, "its alignment")
        if align & (align - 1) or align > LARGEST_ALIGN:
            raise LinkError(f"{group.output.where}: ALIGN({align}) is no power of two up to 2^32")
        found.append((encode(group.output.name), align or 1, bool(group.sort & BY_NAME)))
    return found


def check_script(script: LayoutScript) -> None:
    """Refuse what only a final link can do."""
    for statement in script.statements:
        if not isinstance(statement, Output):
            where = statement.where if isinstance(statement, Assignment) else "ASSERT"
            raise LinkError(
                f"{where}: -r: a script can only name sections here; it has no values to assign or test"
            )
        if constant(statement.address, statement, "its address") or statement.region or statement.overlay:
            raise LinkError(f"{statement.where}: -r: output section {statement.name} can have no address")
        if not all(isinstance(each, Input) for each in statement.statements):
            raise LinkError(
                f"{statement.where}: -r: output section {statement.name} can hold sections only,"
                " no data and no assignments"
            )


def constant(node: Node | None, output: Output, what: str) -> int:
    if node is None:
        return 0
    try:
        return evaluate(node, lambda name: None)
    except LinkError:
        raise LinkError(f"{output.where}: -r: {output.name}: {what} must be a constant") from None
