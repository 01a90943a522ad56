"""-Map and --cref: what is where in the output, and who mentions which name; the kernels make the text.

GNU ld's form is the one that tools read (kernels/map_gnu.py); lld's costs nothing more, since its lines are the same.

The names of C++ are demangled by the C++ runtime library, as in all other texts; those that Rust mangles in
its newer way stay as they are, since a map has millions of lines and only a kernel is fast enough for them.
"""

from __future__ import annotations

import posix

from wild.errors import LinkError
from wild.kernels.cross_reference import write_cross_reference
from wild.kernels.map_tables import tables_of_link

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.compose import Composition
    from wild.kernels.map_tables import MapTables
    from wild.kernels.measure import Layout
    from wild.kernels.partial_link import PartialLink
    from wild.kernels.pool import Pool
    from wild.kernels.references import LinkTables
    from wild.layout import Placement
    from wild.options import Options
    from wild.output_sections import OutputSection

# What a line is about (kernels/map_text.pxd LINE_*).
OUTPUT, SCRIPT, OWN, OUTSIDE = 0, 1, 2, 5

# place, size, alignment, index of the output section, text, what it is about, load address
Line = tuple[int, int, int, int, bytes, int, int]

STANDARD_OUTPUT = 1
TABLES = frozenset((".symtab", ".symtab_shndx", ".strtab", ".shstrtab"))


class MapContents:
    """What a map tells: the tables, lines for what comes from no input section, PartIds of the common symbols by
    their area, and the regions of memory of a script."""

    __slots__ = ("commons", "lines", "regions", "tables")

    def __init__(
        self,
        tables: MapTables,
        lines: list[Line],
        commons: list[int],
        regions: list[tuple[str, int, int, str]],
    ) -> None:
        self.tables = tables
        self.lines = lines
        self.commons = commons
        self.regions = regions


def contents_of_link(
    options: Options, tables: LinkTables, layout: Layout, composition: Composition, placement: Placement
) -> MapContents:
    """Of an ordinary link; addresses must be final."""
    shown = placement.sections
    if options.map_format == "gnu":  # which knows nothing of the tables of symbols
        shown = [section for section in shown if section.name not in TABLES or not section.made]
    lines = own_lines(composition, shown)
    if options.map_format == "gnu":
        lines += definition_lines(options, tables, layout) + placement.statement_lines()
    return MapContents(tables_of_link(layout), lines, composition.commons, placement.regions())


def contents_of_partial(partial: PartialLink) -> MapContents:
    """Of a partial link that is measured: every section of the output begins at 0."""
    lines: list[Line] = []
    for size, align, shndx, name, own, label in partial.map_rows():
        lines.append((0, size, align, shndx, name, OUTPUT, 0))
        if own < size:
            lines.append((own, size - own, align, shndx, label, OWN, 0))
    return MapContents(partial.map_tables(), lines, [], [])


def write_maps(pool: Pool, options: Options, tables: LinkTables, contents: MapContents) -> None:
    """Write the map, and behind it the cross reference table; without -Map the latter goes to standard
    output.
    """
    path = options.map_file or "-"
    demangle = demangler() if options.demangle else 0
    try:
        descriptor = STANDARD_OUTPUT
        if path != "-":
            flags = posix.O_WRONLY | posix.O_CREAT | posix.O_TRUNC | posix.O_CLOEXEC
            descriptor = posix.open(path, flags, 0o666)
        try:
            if options.map_file:
                write_form(pool, options, tables, contents, descriptor, demangle)
            if options.cref:
                write_cross_reference(tables, descriptor, demangle)
        finally:
            if descriptor != STANDARD_OUTPUT:
                posix.close(descriptor)
    except OSError as error:
        raise LinkError(f"{path}: cannot write the map: {error.strerror}") from None


def write_form(
    pool: Pool, options: Options, tables: LinkTables, contents: MapContents, descriptor: int, demangle: int
) -> None:
    """Write the map in the form that --Map-format names; raises OSError."""
    of_link, lines, commons = contents.tables, contents.lines, contents.commons
    if options.map_format == "lld":
        from wild.kernels.map_text import write_map

        write_map(pool, of_link, lines, commons, descriptor, demangle)
    elif options.map_format == "json":
        import json

        from wild.kernels.map_json import write_json

        name = json.dumps(options.output).encode()
        write_json(pool, of_link, lines, commons, descriptor, demangle, name)
    else:
        from wild.kernels.map_gnu import write_gnu_map
        from wild.map_summary import texts_of

        texts = texts_of(tables, options, contents.regions)
        write_gnu_map(
            pool, of_link, lines, commons, descriptor, demangle, texts,
            options.print_map_discarded, options.print_map_locals,
        )  # fmt: skip


def definition_lines(options: Options, tables: LinkTables, layout: Layout) -> list[Line]:
    """--defsym, in front of all sections."""
    if not options.defsyms:
        return []
    from wild.expression import parse_expression
    from wild.scripted.statement_text import BLANKS, expression_text, line

    lines = []
    for name, text in options.defsyms:
        value = layout.symbol_address(tables.names.find(name.encode("utf-8", "surrogateescape")))
        shown = expression_text(parse_expression(text, name))
        lines.append(line(0, 0, 0, f"{BLANKS}0x{value:016x}{BLANKS}{name} = {shown}", SCRIPT))
    return lines


def own_lines(composition: Composition, sections: list[OutputSection]) -> list[Line]:
    """Lines for the output sections, and for what is in them that comes from no input section."""
    lines: list[Line] = []
    for section in sections:
        name = section.name.encode("utf-8", "surrogateescape")
        row = (section.address, section.size, section.align, section.shndx, name)
        lines.append((*row, OUTPUT, section.loaded_at()))
        if section.made:
            lines.append((*row, OWN, 0))
        for made in section.made_pieces():
            name = made.name.encode("utf-8", "surrogateescape")
            lines.append((made.address, made.size, made.align, section.shndx, name, OWN, 0))
        for part in section.parts:
            label = part_label(composition, section, part)
            size, align, _ = composition.measured[part]
            if label and size:
                place = composition.part_address(part)
                name = label.encode("utf-8", "surrogateescape")
                lines.append((place, size, 1 << align, section.shndx, name, OWN, 0))
    return lines


def part_label(composition: Composition, section: OutputSection, part: int) -> str:
    """How a part is called that has no input sections of its own, "" for the others."""
    if part in composition.merge_kinds:
        entsize, strings = composition.merge_kinds[part]
        align = 1 << composition.measured[part][1]
        return f"{section.name}.str{entsize}.{align}" if strings else f"{section.name}.cst{entsize}"
    return ".dynbss" if part == composition.copies else ""


def demangler() -> int:
    """The address of __cxa_demangle, 0 where there is none."""
    from wild.demangle import cxx_demangler_address

    return cxx_demangler_address()
