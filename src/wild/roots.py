"""Names that stand for sections: `__start_NAME`, `__stop_NAME`; and the roots of --gc-sections (GNU ld manual).

A section whose name C code can spell has its bounds defined if something refers to them.  Such a reference in live
code keeps all sections of that name alive, unless -z start-stop-gc says otherwise.
"""

from __future__ import annotations

from wild.kernels.symbol_marks import define_bounds, hide_names, keep_exported, keep_names
from wild.own_symbols import INTERNAL_FILE, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.inputs import InputSet
    from wild.kernels.names import NameTable
    from wild.kernels.references import LinkTables
    from wild.kernels.resolve import Resolution
    from wild.kernels.sections import SectionTable
    from wild.options import Options
    from wild.own_symbols import OwnSymbols

# What the addresses in .note.stapsdt are relative to; debuggers find no probe without it. The note is not loaded, and
# so keeps nothing.
PROBE_BASE = b".stapsdt.base"
REFERENCES_SHOWN = 3
SYM_OBJECT_DEF, SYM_REF = 1, 1 << 9  # kernels/tables.pxd


def define_section_bounds(
    names: NameTable, resolution: Resolution, sections: SectionTable, options: Options
) -> None:
    """Define the bounds of sections that will be in the output, whatever shared objects define."""
    bounds = []
    for name in {name for rule, name, *_ in sections.part_keys() if rule < 0 and is_identifier(name)}:
        for bound in bounds_of(name):
            number = names.find(bound)
            if number and resolution.symbol(number)[4] & (SYM_REF | SYM_OBJECT_DEF) == SYM_REF:
                bounds.append(number)
    visibility = options.z_start_stop_visibility
    define_bounds(resolution, bounds, visibility in ("hidden", "internal"), visibility == "protected")


def dropped_bounds(
    names: NameTable, resolution: Resolution, sections: SectionTable, tables: LinkTables, options: Options
) -> list[str]:
    """What live code asks for the bounds of, and -z start-stop-gc has dropped: errors, as in lld."""
    live: dict[bytes, bool] = {}
    for index, (rule, name, *_) in enumerate(sections.part_keys()):
        if rule < 0 and is_identifier(name):
            live[name] = live.get(name, False) or sections.is_kept(index)
    wanted = []
    for name in sorted(name for name, kept in live.items() if not kept):
        for bound in bounds_of(name):
            number = names.find(bound)
            if number and resolution.symbol(number)[0] == INTERNAL_FILE:
                wanted.append((number, name.decode("ascii")))
    from wild.locations import Locations

    locations = Locations(tables, options)
    texts = []
    for (number, section), (count, places) in zip(
        wanted, tables.references([number for number, _ in wanted], REFERENCES_SHOWN), strict=True
    ):
        if count:
            lines = [f"undefined symbol: {locations.shown(names.text(number))}"]
            for file, k, offset in places:
                lines += locations.lines("referenced by", file, k, offset)
            lines.append(
                f">>> --gc-sections has dropped all of section {section}; -z nostart-stop-gc would keep it"
            )
            texts.append("\n".join(lines))
    return texts


def hide_excluded(names: NameTable, resolution: Resolution, sources: InputSet) -> None:
    """Hide what members that --exclude-libs is about defined before a plugin compiled them."""
    if sources.hidden:
        hide_names(resolution, [found for found in map(names.find, sources.hidden) if found])


def mark_roots(
    names: NameTable, resolution: Resolution, sections: SectionTable, own: OwnSymbols, options: Options
) -> list[tuple[int, list[int]]] | None:
    """Entry point, -u, -init and -fini; returns `bounded_keys`, or None without --gc-sections."""
    if not options.gc_sections:
        return None
    wanted = [encode(options.init), encode(options.fini), encode(options.entry or "_start"), *own.references]
    if own.layout is not None:
        from wild.scripted.symbols import operands_of_wanted

        wanted += operands_of_wanted(own.layout, names, resolution)
    keep_names(resolution, [found for found in map(names.find, wanted) if found])
    if options.gc_keep_exported:
        keep_exported(resolution, names)
    for index, (_, name, *_) in enumerate(sections.part_keys()):
        if name == PROBE_BASE:
            sections.keep(index)
    return [] if options.z_start_stop_gc else bounded_keys(names, resolution, sections)


def bounded_keys(
    names: NameTable, resolution: Resolution, sections: SectionTable
) -> list[tuple[int, list[int]]]:
    """(number in `part_keys`, NameIds of the bounds) of the sections that --gc-sections keeps if live code refers to a
    bound.

    Those that only dead code mentions are dropped, as by GNU ld; lld agrees.
    """
    return [
        (index, [found for found in map(names.find, bounds_of(name)) if found])
        for index, (rule, name, *_) in enumerate(sections.part_keys())
        if rule < 0 and is_bounded(name, names, resolution)
    ]


def is_bounded(section: bytes, names: NameTable, resolution: Resolution) -> bool:
    """Does something refer to the bounds of a section?"""
    if not is_identifier(section):
        return False
    numbers = [found for found in map(names.find, bounds_of(section)) if found]
    return any(resolution.symbol(number)[4] & SYM_REF for number in numbers)


def bounds_of(section: bytes) -> tuple[bytes, bytes]:
    """The symbols of its ends."""
    return b"__start_" + section, b"__stop_" + section


def is_identifier(name: bytes) -> bool:
    """Can C code name the section's bounds?"""
    return name.replace(b"_", b"a").isalnum() and not name[:1].isdigit()
