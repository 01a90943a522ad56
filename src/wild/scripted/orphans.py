"""Where sections go that the script does not name (GNU ld's manual, "Orphan Sections").

An orphan stands behind the section with the usual name of its kind (.text for code, .rodata …), or else the last one of
its kind, and behind the assignments of symbols that follow that one, so that these still mark the end of what the
script says.  Without a section of its kind it goes behind one of another, as was found by linking with GNU ld by all
scripts of up to four sections (BEHIND); sections that are not loaded go to the end.  Common symbols and copies of
variables that the script does not name belong to .bss.
"""

from __future__ import annotations

from wild import elf
from wild.errors import LinkError
from wild.output_sections import ARRAY_TYPES
from wild.scripted.sections import ScriptedSection
from wild.scripted.tree import Assertion, Assignment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from wild.compose import Composition
    from wild.kernels.references import LinkTables
    from wild.options import Options
    from wild.scripted.composition import ScriptedComposition
    from wild.scripted.tree import Output

    Warn = Callable[..., None]

NOTES, READ_ONLY, CODE, MIXED, THREAD, THREAD_ZEROS, DATA, ZEROS, NOT_LOADED, UNLOADED = range(10)
FILLED = frozenset((NOTES, READ_ONLY, CODE, MIXED, DATA))
# Kind of an orphan: the section that it goes behind, even if that is empty.
STANDARD = {
    NOTES: ".interp",
    READ_ONLY: ".rodata",
    CODE: ".text",
    THREAD: ".tdata",
    DATA: ".data",
    ZEROS: ".bss",
}
# Where the script has no such section: behind the last one of which kinds it goes; those of the second set count where
# there are none of the first, and without any the orphan is the first of all.
BEHIND = {
    NOTES: ({NOTES}, {READ_ONLY, CODE}),
    READ_ONLY: ({READ_ONLY}, {CODE}),
    CODE: ({CODE, MIXED},),
    THREAD: ({THREAD}, FILLED),
    THREAD_ZEROS: ({THREAD, THREAD_ZEROS}, FILLED),
    DATA: ({DATA}, {READ_ONLY, CODE, MIXED}),
    ZEROS: ({ZEROS, THREAD_ZEROS}, set(range(UNLOADED))),
}


def kind_of(section: ScriptedSection) -> int:
    flags = section.flags
    if not flags & elf.SHF_ALLOC:
        return UNLOADED
    if section.output is not None and section.output.type == "NOLOAD":
        return NOT_LOADED
    if section.nobits:
        return THREAD_ZEROS if flags & elf.SHF_TLS else ZEROS
    if flags & elf.SHF_EXECINSTR:
        return MIXED if flags & elf.SHF_WRITE else CODE
    if flags & elf.SHF_TLS:
        return THREAD
    if not flags & elf.SHF_WRITE:
        return NOTES if section.type == elf.SHT_NOTE or section.name == ".interp" else READ_ONLY
    return DATA


def place_orphans(order: list[object], options: Options) -> list[object]:
    """`order` with the orphans at their places."""
    placed = [each for each in order if not is_orphan(each)]
    for orphan in order:
        if is_orphan(orphan) and isinstance(orphan, ScriptedSection) and orphan.kept:
            at = place_of(orphan, placed)
            placed.insert(at, orphan)
    before: Output | None = None
    for each in placed:
        if is_orphan(each):
            each.follows = before  # type: ignore[attr-defined]
        elif isinstance(each, ScriptedSection):
            before = each.output
    return placed


def is_orphan(each: object) -> bool:
    return isinstance(each, ScriptedSection) and (each.output is None or each.output.floating)


def orphan_texts(composition: ScriptedComposition, tables: LinkTables) -> list[str]:
    """What --orphan-handling says about the sections of inputs that no statement places."""
    from wild.kernels.script_checks import sections_of_parts

    parts = [part for places in composition.orphan_parts.values() for part in places]
    texts = []
    for file, section in sections_of_parts(tables, parts):
        name = tables.section_name(file, section).decode("utf-8", "surrogateescape")
        texts.append(
            f"{tables.inputs.file_name(file)}:({name}): the linker script does not say where this section goes"
        )
    return texts


def report_orphans(composition: Composition, tables: LinkTables, options: Options, warn: Warn) -> None:
    """--orphan-handling=warn and error; raises LinkError."""
    texts = orphan_texts(composition, tables)  # type: ignore[arg-type]
    if texts and options.orphan_handling == "error":
        raise LinkError(*texts)
    warn(*texts)


def place_of(orphan: ScriptedSection, placed: list[object]) -> int:
    """The index in `placed` where an orphan goes."""
    wanted = kind_of(orphan)
    if wanted == UNLOADED:
        return len(placed)
    sections = [(index, each) for index, each in enumerate(placed) if isinstance(each, ScriptedSection)]
    kinds = {index: kind_of(each) for index, each in sections if each.kept and counts(each, orphan, wanted)}
    if wanted == NOTES and any(each.name == STANDARD[READ_ONLY] for _, each in sections):
        kinds = {index: kind for index, kind in kinds.items() if placed[index].pieces()}  # type: ignore[attr-defined]
    if wanted == THREAD and THREAD not in kinds.values() and THREAD_ZEROS in kinds.values():
        return next(index for index, kind in kinds.items() if kind == THREAD_ZEROS)
    behind = [
        [index for index, each in sections if each.name == STANDARD.get(wanted) and not is_orphan(each)]
    ]
    behind += [[index for index, kind in kinds.items() if kind in group] for group in BEHIND[wanted]]
    at = next((found[-1] + 1 for found in behind if found), 0)
    if at == 0:
        return sections[0][0] if sections else len(placed)
    while at < len(placed) and (is_passed(placed[at]) or (is_orphan(placed[at]) and kinds.get(at) == wanted)):
        at += 1
    return at


def counts(section: ScriptedSection, orphan: ScriptedSection, wanted: int) -> bool:
    """Does a section say where an orphan goes?

    Where only the script says what is in one, GNU ld does not yet know its kind, unless it begins with data.  Other
    data do not go behind a list of functions.
    """
    if not section.pieces():
        return wanted in (NOTES, ZEROS) and section.begins_with_data()
    is_list = section.type in ARRAY_TYPES and not is_orphan(section)
    return not is_list or orphan.type in ARRAY_TYPES or wanted == ZEROS


def is_passed(each: object) -> bool:
    """Assignments of symbols go before an orphan, what moves the location counter does not."""
    return isinstance(each, Assertion) or (isinstance(each, Assignment) and each.name != ".")
