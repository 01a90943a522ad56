"""Reading input section descriptions: `KEEP(file(section …))` and all that may stand around the names."""

from __future__ import annotations

from wild import elf
from wild.scripted.tree import (
    BACKWARDS,
    BY_ALIGNMENT,
    BY_FILE,
    BY_NAME,
    BY_PRIORITY,
    REVERSED,
    SECOND,
    Input,
    SectionPattern,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.scripted.parser import LayoutParser
    from wild.scripted.tree import FilePattern

# Longer names first: each is looked for as a whole word.
SORTS = {
    "SORT_BY_NAME": BY_NAME, "SORT_BY_ALIGNMENT": BY_ALIGNMENT, "SORT_BY_INIT_PRIORITY": BY_PRIORITY,
    "SORT_NONE": 0, "SORT": BY_NAME,
}  # fmt: skip
FLAGS = {
    "SHF_WRITE": elf.SHF_WRITE, "SHF_ALLOC": elf.SHF_ALLOC, "SHF_EXECINSTR": elf.SHF_EXECINSTR,
    "SHF_MERGE": elf.SHF_MERGE, "SHF_STRINGS": elf.SHF_STRINGS, "SHF_TLS": elf.SHF_TLS,
    "SHF_INFO_LINK": 0x40, "SHF_LINK_ORDER": 0x80, "SHF_GROUP": 0x200, "SHF_COMPRESSED": 0x800,
    "SHF_GNU_RETAIN": elf.SHF_GNU_RETAIN, "SHF_X86_64_LARGE": elf.SHF_X86_64_LARGE,
}  # fmt: skip
MOST_SORTS = 2
REVERSE = "REVERSE"


def read_input(parser: LayoutParser) -> Input | None:
    """One description; None for SORT(CONSTRUCTORS), which is about formats before ELF."""
    if parser.accept_word("KEEP"):
        parser.expect("(", "after KEEP")
        found = read_files(parser)
        parser.expect(")", "at the end of KEEP")
        if found is not None:
            found.keep = True
        return found
    return read_files(parser)


def read_files(parser: LayoutParser) -> Input | None:
    having = lacking = 0
    if parser.accept_word("INPUT_SECTION_FLAGS"):
        having, lacking = read_flags(parser)
    excluded = read_excluded(parser) if parser.accept_word("EXCLUDE_FILE") else ()
    by_file = next((each for each in SORTS if parser.accept_word(each)), "")
    if by_file:
        parser.expect("(", f"after {by_file}")
        if parser.accept_word("CONSTRUCTORS"):
            parser.expect(")", f"at the end of {by_file}")
            return None
        if parser.accept_word("EXCLUDE_FILE"):
            excluded = read_excluded(parser)
    files = file_pattern(parser.word("the name of a file"))
    if by_file:
        parser.expect(")", f"at the end of {by_file}")
    sections = [SectionPattern(b"*", 0, ())]
    if parser.accept("("):
        sections = read_sections(parser)
    found = Input(files, sections)
    found.excluded, found.having, found.lacking = excluded, having, lacking
    found.sort = BY_FILE if SORTS.get(by_file) else 0
    return found


def read_flags(parser: LayoutParser) -> tuple[int, int]:
    """INPUT_SECTION_FLAGS(flag & !flag …): the bits that have to be set, and those that must not be."""
    parser.expect("(", "after INPUT_SECTION_FLAGS")
    having = lacking = 0
    while True:
        negative = parser.accept("!")
        name = parser.word("a section flag", "&!")
        if name not in FLAGS:
            raise parser.script.error(f"unknown section flag {name}")
        if negative:
            lacking |= FLAGS[name]
        else:
            having |= FLAGS[name]
        if not parser.accept("&"):
            parser.expect(")", "at the end of INPUT_SECTION_FLAGS")
            return having, lacking


def read_excluded(parser: LayoutParser) -> tuple[FilePattern, ...]:
    parser.expect("(", "after EXCLUDE_FILE")
    found = []
    while not parser.accept(")"):
        if not parser.accept(","):
            found.append(file_pattern(parser.word("the name of a file or ')' in EXCLUDE_FILE")))
    return tuple(found)


def read_sections(parser: LayoutParser) -> list[SectionPattern]:
    """The names up to the closing parenthesis."""
    found: list[SectionPattern] = []
    while not parser.accept(")"):
        if parser.accept(","):
            continue
        excluded = read_excluded(parser) if parser.accept_word("EXCLUDE_FILE") else ()
        sorts: list[int] = []
        reversal = 0
        nested = 0
        while (name := next((each for each in (*SORTS, REVERSE) if parser.accept_word(each)), "")) != "":
            if name == REVERSE and reversal:
                raise parser.script.error("REVERSE inside of REVERSE")
            if name == REVERSE:
                reversal = BACKWARDS if sorts else REVERSED
            elif len(sorts) == MOST_SORTS:
                raise parser.script.error(f"more than {MOST_SORTS} sorts, one inside the other")
            else:
                sorts.append(SORTS[name])
            parser.expect("(", f"after {name}")
            nested += 1
        if parser.accept_word("EXCLUDE_FILE"):
            excluded = read_excluded(parser)
        names = [parser.word("a section name or ')'")]
        while nested and parser.peek() not in (")", ""):
            if not parser.accept(","):
                names.append(parser.word("a section name or ')'"))
        for _ in range(nested):
            parser.expect(")", "after the sorted names")
        order = reversal | (sorts[0] if sorts else 0) | (sorts[1] << SECOND if len(sorts) > 1 else 0)
        found += [SectionPattern(name.encode("utf-8", "surrogateescape"), order, excluded) for name in names]
    return found


def file_pattern(text: str) -> FilePattern:
    """`file`, `archive:file`, `archive:` or `:file`; `*` alone is any file."""
    archive, colon, file = text.encode("utf-8", "surrogateescape").rpartition(b":")
    name = None if file in (b"*", b"") else file
    return (archive if colon else None), name
