"""The texts about names: undefined symbols with who refers to them, duplicate symbols with all their places.

The first line says what is wrong; the lines below it, marked `>>>`, where, and what the likely cause is.
The form is lld's, so that editors which know it can jump to the places.
"""

from __future__ import annotations

from wild.causes import SYM_RESTRICTED, likely_causes, restriction_of, unused_definitions
from wild.kernels.ir_files import is_claimed
from wild.locations import Locations, more_references
from wild.machine.x86_64 import opening_types

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.kernels.references import LinkTables
    from wild.options import Options

# Name, then file, SectionId and value of both definitions.
Duplicate = tuple[int, int, int, int, int, int, int]

VISIBILITIES = ("default", "internal", "hidden", "protected")  # by number (gABI, "Symbol Visibility")
PLACES_SHOWN = 3  # references of one undefined symbol


def undefined_symbols(tables: LinkTables, missing: list[int], options: Options) -> list[str]:
    """One text for each NameId that live code refers to and nothing defines."""
    locations = Locations(tables, options)
    # A program's thread-local variables are found without calls: who called __tls_get_addr there does not need it.
    rewritten = () if options.kind == "shared" else opening_types()
    references = tables.references(missing, PLACES_SHOWN, rewritten)
    causes = likely_causes(locations, missing)
    texts = []
    for name, (count, places), cause in zip(missing, references, causes, strict=True):
        kind = restriction(locations, name)
        lines = [f"undefined {kind}symbol: {locations.shown(tables.names.text(name))}"]
        for file, section, offset in places:
            lines += locations.lines("referenced by", file, section, offset)
        if count > len(places):
            lines.append(more_references(count - len(places)))
        texts.append("\n".join(lines + cause))
    return texts


def restriction(locations: Locations, name: int) -> str:
    """The visibility of an undefined name if it is one that rules out a definition in another module, and a blank."""
    if not locations.tables.resolution.symbol(name)[4] & SYM_RESTRICTED:
        return ""
    return f"{VISIBILITIES[restriction_of(locations, name)[1]]} "


def undefined_in_shared(
    tables: LinkTables, candidates: list[int], complete: set[int], options: Options
) -> list[str]:
    """One text for each NameId that shared objects refer to and nothing in the link defines.

    `complete`: the shared objects all of whose own libraries are part of the link; what another one lacks
    may be in a library that this link does not see.  A name that some library has in an old version only
    counts as defined.
    """
    locations = Locations(tables, options)
    found = unused_definitions(locations, candidates)
    texts = []
    for name, elsewhere in zip(candidates, found, strict=True):
        if any(tables.inputs.file_row(file)["kind"] == FILE_SHARED for file, _ in elsewhere):
            continue
        users = [file for file, _ in tables.resolution.references_of(name, len(complete) + PLACES_SHOWN)]
        users = [file for file in users if file in complete]
        if users:
            lines = [f"undefined symbol: {locations.shown(tables.names.text(name))}"]
            lines += [f">>> referenced by {locations.file(file)}" for file in users[:PLACES_SHOWN]]
            lines.append(">>> --allow-shlib-undefined leaves it to the dynamic linker")
            texts.append("\n".join(lines))
    return texts


FILE_SHARED = 2  # FileRow.kind (kernels/tables.pxd)


def duplicate_symbols(tables: LinkTables, found: list[Duplicate], options: Options) -> list[str]:
    """One text for each name, with every place that defines it."""
    locations = Locations(tables, options)
    texts: dict[int, list[str]] = {}
    for name, file, section, value, other_file, other_section, other_value in found:
        lines = texts.get(name)
        if lines is None:
            lines = texts[name] = [f"duplicate symbol: {locations.shown(tables.names.text(name))}"]
            lines += definition_lines(locations, file, section, value)
        lines += definition_lines(locations, other_file, other_section, other_value)
        if file != other_file and locations.file(file) == locations.file(other_file):
            lines.append(f">>> {locations.file(file)} is given twice")
    return ["\n".join(lines) for lines in texts.values()]


def definition_lines(locations: Locations, file: int, section: int, value: int) -> list[str]:
    """Where a definition is; `section` is a SectionId, 0 for an absolute symbol."""
    if is_claimed(locations.tables.inputs, file):
        return [f">>> defined in {locations.file(file)}, which is intermediate code"]
    if not section:
        return [f">>> defined in {locations.file(file)} as the number {value:#x}"]
    _, index = locations.tables.place_of(section)
    return locations.lines("defined at", file, index, value)
