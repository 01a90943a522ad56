"""NOCROSSREFS and NOCROSSREFS_TO: references between sections that are not in memory at the same time.

GNU ld's manual, "Miscellaneous Commands": they are errors, whichever input has them.
"""

from __future__ import annotations

from wild.errors import LinkError
from wild.kernels.references import LinkTables
from wild.kernels.script_checks import cross_references

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.kernels.measure import Layout
    from wild.options import Options
    from wild.scripted.sections import ScriptedSection
    from wild.scripted.tree import LayoutScript

MOST_SHOWN = 20


def check_crossing(
    script: LayoutScript, sections: list[ScriptedSection], layout: Layout, options: Options
) -> None:
    """Raise LinkError if there are forbidden references; `sections` have all their parts."""
    numbers = {section.name: number for number, section in enumerate(sections, 1)}
    forbidden: dict[tuple[int, int], str] = {}
    for names, to_first, where in script.cross:
        known = [numbers[name] for name in names if name in numbers]
        targets = known if not to_first else known[:1] if names[:1] and names[0] in numbers else []
        for target in targets:
            forbidden |= {(source, target): where for source in known if source != target}
    if not forbidden:
        return
    output_of_part = [0] * (1 + max((part for section in sections for part in section.parts), default=0))
    for number, section in enumerate(sections, 1):
        for part in section.parts:
            output_of_part[part] = number
    tables = LinkTables.of(layout)
    found = cross_references(tables, output_of_part, set(forbidden))
    if not found:
        return
    from wild.locations import Locations

    locations = Locations(tables, options)
    texts = []
    for file, index, offset, symbol, source, target in found[:MOST_SHOWN]:
        name = tables.symbol(file, symbol)[1].decode("utf-8", "surrogateescape")
        aim = f"{name} in {sections[target - 1].name}" if name else sections[target - 1].name
        texts.append(
            f"{locations.place(file, index, offset)}: prohibited cross reference from {sections[source - 1].name}"
            f" to {aim}; {forbidden[source, target]} says that they are not in memory together"
        )
    if len(found) > MOST_SHOWN:
        texts.append(f"{len(found) - MOST_SHOWN} more prohibited cross references")
    raise LinkError(*texts)
