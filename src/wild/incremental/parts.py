"""To which parts of the output the sections of changed objects belong.

Most sections are placed by a rule, which knows the part.  Of the others the initial link has noted what was in each
part (`keys`).  What is of a kind that there was not goes to a part of the same output section that has room: there are
such parts even of sections that were empty, if many programs have them (room.py).
"""

from __future__ import annotations

from wild.errors import CannotUpdate
from wild.incremental.save import key_of
from wild.kernels.merge import MergeTable
from wild.output_sections import SEC_ALLOC, SEC_EXEC, SEC_NOBITS, SEC_TLS, SEC_WRITE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.incremental.update import Update

STRINGS, CONSTANTS = 2, 3  # SectionRow.kind
APART = SEC_ALLOC | SEC_WRITE | SEC_EXEC | SEC_NOBITS | SEC_TLS  # what sections of one part have in common


def assign_parts(update: Update) -> MergeTable:
    """Give the unusual sections of the changed objects their parts, and those that merge a table.

    Raises CannotUpdate."""
    sections, bounded = update.sections, update.output["bounded"]
    merged = MergeTable.of(update.inputs, sections)
    numbers = []
    first = 0
    for index, key in enumerate(sections.part_keys()):
        rule, name, kind, entsize, _, align, flags, _, count, _ = key
        section = name.decode("utf-8", "surrogateescape")
        if rule >= 0:
            section = update.parts.section[update.rules[rule][2]]
        part = update.control["keys"].get(key_of(key))
        if part is None and (rule < 0 or kind in (STRINGS, CONSTANTS)):
            # Mergeable in a way that none was: such a section can always be copied as a whole.
            sections.unmerge(index)
            part, kind = part_with_room(update, section, flags), 0
        if part is None:
            raise CannotUpdate("D8", "a section of a new kind")
        numbers.append(part)
        if kind in (STRINGS, CONSTANTS):
            merged.add_group(entsize, kind == STRINGS, align.bit_length() - 1, first, count)
        first += count
        if rule < 0 and section in bounded:
            sections.keep(index)
    sections.assign_parts(numbers)
    return merged


def part_with_room(update: Update, section: str, flags: int, bytes: int = 1) -> int | None:
    """A part of an output section that has so much room, at least, for what has such SEC_* flags."""
    parts: list[tuple[str, int, int, int]] = update.control["parts"]
    for number, (name, used, size, grows) in enumerate(parts):
        apart = (update.saved.part_flags(number) ^ flags) & APART
        if name == section and used + bytes <= size and grows and not apart:
            return number
    return None
