"""Warnings about a link that succeeds, and what -y, -t and --print-gc-sections tell.

- `.gnu.warning.SYMBOL` sections hold a text that is shown when something refers to SYMBOL; glibc has one for
  `gets`.
- --warn-common: a common symbol has other definitions.
- --warn-textrel: the output has run-time relocations in read-only sections.
"""

from __future__ import annotations

from wild.kernels.usage import (
    COMMON,
    DEFINITION,
    LAZY,
    REFERENCE,
    SHARED,
    common_names,
    dropped_sections,
    mentions,
    symbol_size,
    text_relocations,
)
from wild.locations import Locations, more_references

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.kernels.references import LinkTables
    from wild.options import Options

KINDS = {
    REFERENCE: "reference to",
    DEFINITION: "definition of",
    COMMON: "common definition of",
    SHARED: "shared definition of",
    LAZY: "lazy definition of",
}
PLACES_SHOWN = 3


def traced_symbols(tables: LinkTables, options: Options) -> list[str]:
    """-y: every file that mentions a symbol, and how; a lazy definition is in an archive member that is not
    linked.
    """
    lines = []
    for symbol in options.trace_symbols:
        name = tables.names.find(symbol.encode("utf-8", "surrogateescape"))
        for file, _, kind in mentions(tables, name) if name else ():
            lines.append(f"{tables.inputs.file_name(file)}: {KINDS[kind]} {symbol}")
    return lines


def dropped(tables: LinkTables) -> str:
    """--print-gc-sections."""
    return dropped_sections(tables).decode("utf-8", "surrogateescape").rstrip("\n")


def linker_warnings(tables: LinkTables, found: list[tuple[int, int, bytes]], options: Options) -> list[str]:
    """The texts of .gnu.warning sections, with the places that refer to their symbols.

    `found`: what `warnings_in_force` of kernels/usage.py returned.
    """
    texts = [f"{tables.inputs.file_name(file)}: {shown(text)}" for file, name, text in found if not name]
    wanted = {name: text for _, name, text in reversed(found) if name}
    locations = Locations(tables, options)
    references = tables.references(list(wanted), PLACES_SHOWN)
    for text, (count, places) in zip(wanted.values(), references, strict=True):
        if count:
            lines = [shown(text)]
            for place in places:
                lines += locations.lines("referenced by", *place)
            if count > len(places):
                lines.append(more_references(count - len(places)))
            texts.append("\n".join(lines))
    return texts


def shown(text: bytes) -> str:
    return text.decode("utf-8", "replace").strip()


def common_conflicts(tables: LinkTables, options: Options) -> list[str]:
    """--warn-common: names that are common in one object and defined in another, or common in several."""
    locations = Locations(tables, options)
    texts = []
    for name in common_names(tables):
        found = [each for each in mentions(tables, name) if each[2] in (COMMON, DEFINITION)]
        if len(found) > 1:
            lines = [f"common symbol {locations.shown(tables.names.text(name))} has other definitions"]
            for file, symbol, kind in found:
                what = "common" if kind == COMMON else "defined"
                lines.append(
                    f">>> {what} in {locations.file(file)}, {symbol_size(tables, file, symbol)} bytes"
                )
            texts.append("\n".join(lines))
    return texts


def text_relocation_warning(tables: LinkTables) -> str:
    """--warn-textrel."""
    lines = ["the output has run-time relocations in read-only sections (DT_TEXTREL); recompile with -fPIC"]
    for file, section in text_relocations(tables, PLACES_SHOWN):
        name = tables.section_name(file, section).decode("utf-8", "replace")
        lines.append(f">>> in {tables.inputs.file_name(file)}:({name})")
    return "\n".join(lines)
