"""Segments: which sections share one, and which program headers the output has.

A PT_LOAD is a run of sections of one kind of memory.  Usually code, read-only data, what is read-only once
relocated (RELRO), and writable data are runs of their own.  With -z noseparate-code or --no-rosegment everything
read-only is one run with the code, as it was before there was -z separate-code; so it is with -n (--nmagic), and
with -N (--omagic) all sections are one run that can be read, written and executed.

An address for a section (-Ttext, -Tdata, -Tbss, --section-start) begins a run, and what follows goes on behind
it, as in GNU ld.  That is so for sections that have their place in the order of the output; another one (`.mine`)
is moved alone, and the run it stood in goes on in a run of its own.
"""

from __future__ import annotations

from wild import elf
from wild.output_sections import (
    CODE,
    DATA,
    HEADERS,
    LARGE_DATA,
    LARGE_READ_ONLY,
    ORDER,
    READ_ONLY,
    RELRO,
    UNLOADED,
    by_name,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.options import Options
    from wild.output_sections import OutputSection

PERMISSIONS = {
    HEADERS: elf.PF_R,
    READ_ONLY: elf.PF_R,
    CODE: elf.PF_R | elf.PF_X,
    RELRO: elf.PF_R | elf.PF_W,
    DATA: elf.PF_R | elf.PF_W,
    LARGE_READ_ONLY: elf.PF_R,
    LARGE_DATA: elf.PF_R | elf.PF_W,
}


class Segment:
    """A program header: what kind, which permissions, which sections (for PT_LOAD also the headers)."""

    __slots__ = (
        "address", "align", "file_size", "flags", "load_address", "memory_size", "offset", "sections", "type",
    )  # fmt: skip

    def __init__(self, type: int, flags: int, sections: list[OutputSection], align: int = 1) -> None:
        self.type = type
        self.flags = flags
        self.sections = sections
        self.align = align
        self.offset = 0
        self.address = 0
        self.load_address: int | None = None  # where it is not the address
        self.file_size = 0
        self.memory_size = 0

    def cover(self) -> None:
        """Take place and size from the sections."""
        first = self.sections[0]
        self.offset, self.address = first.offset, first.address
        # Zero-initialised thread-locals have addresses of the TLS template only.
        whole = self.type == elf.PT_TLS
        ends = [each.address + each.size for each in self.sections if whole or not is_tbss(each)]
        self.memory_size = max(ends, default=first.address) - first.address
        filled = [section for section in self.sections if not section.nobits]
        self.file_size = filled[-1].offset + filled[-1].size - self.offset if filled else 0
        self.align = max([self.align, *(section.align for section in self.sections)])


def is_tbss(section: OutputSection) -> bool:
    """Thread-local and zero-initialised: takes room neither in the file nor in the image."""
    return section.nobits and bool(section.flags & elf.SHF_TLS)


def is_unpaged(options: Options) -> bool:
    """Do segments begin anywhere in a page (-n, -N)?"""
    return options.nmagic or options.omagic


def uses_relro(options: Options) -> bool:
    """Is there memory that is made read-only at start?  That takes pages of its own."""
    return options.z_relro and not is_unpaged(options)


def rank_of_kind(kind: int, options: Options) -> int:
    """The place of a kind of memory in the output.

    Read-only data stands before the code, where -Ttext would leave it behind and -N would leave it in front of what
    is to be at the first address; as in GNU ld, it follows the code then.
    """
    text_first = is_unpaged(options) or ".text" in options.section_start
    if text_first and kind in (CODE, READ_ONLY):
        return READ_ONLY if kind == CODE else CODE
    return kind


def cut_runs(sections: list[OutputSection], options: Options) -> list[list[OutputSection]]:
    """The loaded sections of each PT_LOAD, in order."""
    runs: list[list[OutputSection]] = []
    last: int | None = None
    for section in sections:
        if section.kind == UNLOADED:
            continue
        key = run_key(section, options)
        if key != last or section.name in options.section_start or is_moved_alone(runs[-1][0], options):
            runs.append([])
        runs[-1].append(section)
        last = key
    return runs


def run_key(section: OutputSection, options: Options) -> int:
    """Neighbours whose keys are equal share a PT_LOAD."""
    if options.omagic:
        return DATA
    if section.kind in (HEADERS, READ_ONLY):
        return CODE if shares_code(options) else READ_ONLY
    return DATA if section.kind == RELRO and not uses_relro(options) else section.kind


def shares_code(options: Options) -> bool:
    """Is read-only data in one segment with the code (-z noseparate-code, --no-rosegment, -n)?"""
    return options.nmagic or not (options.z_separate_code and options.rosegment)


def is_moved_alone(section: OutputSection, options: Options) -> bool:
    """Has it an address from the command line that is nothing to the sections behind it?"""
    return section.name in options.section_start and section.name not in ORDER


def permissions(run: list[OutputSection], options: Options) -> int:
    """What all sections of a run together need."""
    if options.omagic:
        return elf.PF_R | elf.PF_W | elf.PF_X
    found = 0
    for section in run:
        found |= PERMISSIONS[section.kind]
    return found


def fill_holes(run: list[OutputSection]) -> None:
    """A zero-initialised section with contents behind it in the same run has to be in the file after all."""
    filled = False
    for section in reversed(run):
        if is_tbss(section):
            continue
        if filled and section.nobits:
            section.type = elf.SHT_PROGBITS
        filled = filled or not section.nobits


def note_segments(sections: list[OutputSection]) -> list[Segment]:
    """A PT_NOTE for each run of notes of the same alignment (gABI "Note Section": readers step by it)."""
    found: list[Segment] = []
    previous: OutputSection | None = None
    for section in sections:
        if section.type == elf.SHT_NOTE:
            if previous is None or previous.type != elf.SHT_NOTE or previous.align != section.align:
                found.append(Segment(elf.PT_NOTE, elf.PF_R, []))
            found[-1].sections.append(section)
        previous = section
    return found


def stack_segment(options: Options, executable: bool) -> Segment:
    """PT_GNU_STACK: whether the stack is executable, and its size if one is asked for."""
    flags = elf.PF_R | elf.PF_W | (elf.PF_X if executable else 0)
    stack = Segment(elf.PT_GNU_STACK, flags, [], 16)
    stack.memory_size = options.z_stack_size or 0
    return stack


def describing_segments(
    sections: list[OutputSection], options: Options, executable_stack: bool
) -> list[Segment]:
    """The program headers that say what is where in the loaded segments, but for RELRO."""
    named = by_name(sections)
    found: list[Segment] = []
    if ".dynamic" in named:
        writable = 0 if options.z_rodynamic else elf.PF_W
        found.append(Segment(elf.PT_DYNAMIC, elf.PF_R | writable, [named[".dynamic"]]))
    found += note_segments(sections)
    if ".note.gnu.property" in named:
        found.append(Segment(elf.PT_GNU_PROPERTY, elf.PF_R, [named[".note.gnu.property"]]))
    tls = [section for section in sections if section.flags & elf.SHF_TLS]
    if tls:
        found.append(Segment(elf.PT_TLS, elf.PF_R, tls))
    if ".eh_frame_hdr" in named:
        found.append(Segment(elf.PT_GNU_EH_FRAME, elf.PF_R, [named[".eh_frame_hdr"]]))
    if not options.z_nognustack:
        found.append(stack_segment(options, executable_stack))
    if options.z_wxneeded:
        found.append(Segment(elf.PT_OPENBSD_WXNEEDED, elf.PF_X, []))
    if options.z_nobtcfi:
        found.append(Segment(elf.PT_OPENBSD_NOBTCFI, elf.PF_X, []))
    return found


def spare_segments(options: Options) -> list[Segment]:
    """Empty entries at the end, which tools can overwrite (--spare-program-headers)."""
    return [Segment(elf.PT_NULL, 0, []) for _ in range(options.spare_program_headers)]
