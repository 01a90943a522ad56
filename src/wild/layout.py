"""Addresses: output sections in order, cut into segments, each at its place in memory and in the file.

A segment is a run of sections of one kind of memory.  With -z separate-code (the default, as in GNU ld on Linux) code
begins and ends on pages of its own in the file too, so that no byte of data can be executed.  Otherwise two segments
may share a page of the file, mapped twice: the next address is on a new page, with the file's offset in it.  What is
read-only once relocated ends on a page boundary of memory, since the loader protects whole pages.
"""

from __future__ import annotations

from wild import elf
from wild.errors import LinkError
from wild.output_sections import (
    CODE,
    DATA,
    HEADERS,
    LARGE_DATA,
    LARGE_READ_ONLY,
    READ_ONLY,
    RELRO,
    UNLOADED,
    by_name,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.headers import NameTable
    from wild.options import Options
    from wild.output_sections import OutputSection

EHDR_SIZE, PHDR_SIZE, SHDR_SIZE = 64, 56, 64
ADDRESS_LIMIT = 1 << 47

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

    __slots__ = ("address", "align", "file_size", "flags", "memory_size", "offset", "sections", "type")

    def __init__(self, type: int, flags: int, sections: list[OutputSection], align: int = 1) -> None:
        self.type = type
        self.flags = flags
        self.sections = sections
        self.align = align
        self.offset = 0
        self.address = 0
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


class Placement:
    """The layout of one output: sections and segments with their final addresses."""

    def __init__(
        self, sections: list[OutputSection], names: NameTable, options: Options, base: int, page: int
    ) -> None:
        self.names = names
        self.options = options
        self.base = base
        self.page = page
        self.sections = sections
        self.loaded = [section for section in sections if section.kind != UNLOADED]
        self.unloaded = [section for section in sections if section.kind == UNLOADED]
        self.segments: list[Segment] = []
        self.loads: list[Segment] = []
        self.relro: Segment | None = None
        self.file_size = 0
        self.section_headers = 0
        self.headers_size = 0
        self.tls_start = 0
        self.tls_end = 0
        self.executable_stack = False

    def place(self) -> None:
        """Give every section its address and file offset, then build the program headers."""
        self.cut_segments()
        self.headers_size = EHDR_SIZE + PHDR_SIZE * len(self.segments)
        end = self.place_loaded()
        self.place_unloaded(end)
        for segment in self.segments:
            self.finish_segment(segment)

    def cut_segments(self) -> None:
        """Which program headers there will be; their number decides where the first section goes."""
        found = by_name(self.loaded)
        special: list[Segment] = []
        if ".interp" in found:
            special.append(Segment(elf.PT_PHDR, elf.PF_R, [], 8))
            special.append(Segment(elf.PT_INTERP, elf.PF_R, [found[".interp"]]))
        self.cut_loads()
        later: list[Segment] = []
        if ".dynamic" in found:
            later.append(Segment(elf.PT_DYNAMIC, elf.PF_R | elf.PF_W, [found[".dynamic"]]))
        later += self.note_segments()
        if ".note.gnu.property" in found:
            later.append(Segment(elf.PT_GNU_PROPERTY, elf.PF_R, [found[".note.gnu.property"]]))
        tls = [section for section in self.loaded if section.flags & elf.SHF_TLS]
        if tls:
            later.append(Segment(elf.PT_TLS, elf.PF_R, tls))
        if ".eh_frame_hdr" in found:
            later.append(Segment(elf.PT_GNU_EH_FRAME, elf.PF_R, [found[".eh_frame_hdr"]]))
        if not self.options.z_nognustack:
            later.append(self.stack_segment())
        relro = [section for section in self.loaded if section.kind == RELRO]
        if relro and self.options.z_relro:
            self.relro = Segment(elf.PT_GNU_RELRO, elf.PF_R, relro)
            later.append(self.relro)
        self.segments = special + self.loads + later

    def stack_segment(self) -> Segment:
        """PT_GNU_STACK: whether the stack is executable, and its size if one is asked for."""
        executable = elf.PF_X if self.executable_stack else 0
        stack = Segment(elf.PT_GNU_STACK, elf.PF_R | elf.PF_W | executable, [], 16)
        stack.memory_size = self.options.z_stack_size or 0
        return stack

    def cut_loads(self) -> None:
        """One PT_LOAD for each run of sections of the same kind; kinds of equal permissions share, but for RELRO."""
        last: int | None = None
        if self.options.z_separate_code and self.loaded and self.loaded[0].kind not in (HEADERS, READ_ONLY):
            self.loads.append(Segment(elf.PT_LOAD, elf.PF_R, [], self.page))
        for section in self.loaded:
            kind = READ_ONLY if section.kind == HEADERS else section.kind
            if kind != last:
                self.loads.append(Segment(elf.PT_LOAD, PERMISSIONS[kind], [], self.page))
                last = kind
            self.loads[-1].sections.append(section)

    def note_segments(self) -> list[Segment]:
        """A PT_NOTE for each run of notes of the same alignment (gABI "Note Section": readers step by it)."""
        found: list[Segment] = []
        previous: OutputSection | None = None
        for section in self.loaded:
            if section.type == elf.SHT_NOTE:
                if previous is None or previous.type != elf.SHT_NOTE or previous.align != section.align:
                    found.append(Segment(elf.PT_NOTE, elf.PF_R, []))
                found[-1].sections.append(section)
            previous = section
        return found

    def place_loaded(self) -> int:
        """Addresses and offsets of the sections in memory; returns the end of the file so far."""
        address, offset = self.base + self.headers_size, self.headers_size
        for number, load in enumerate(self.loads):
            if number:
                address, offset = self.next_segment(address, offset, self.loads[number - 1], load)
            address, offset = self.place_run(load.sections, address, offset)
        return offset

    def next_segment(self, address: int, offset: int, before: Segment, after: Segment) -> tuple[int, int]:
        """Where a segment may begin: on a new page of memory, with the file's offset in it."""
        page = self.page
        if self.options.z_separate_code and (before.flags ^ after.flags) & elf.PF_X:
            offset += -offset % page
        address += -address % page
        after.align = max([page, *(section.align for section in after.sections)])
        return address + (offset - address) % after.align, offset

    def place_run(self, sections: list[OutputSection], address: int, offset: int) -> tuple[int, int]:
        """Place the sections of one segment one behind the other."""
        for section in sections:
            gap = -address % section.align
            wanted = self.options.section_start.get(section.name)
            if wanted is not None:
                gap = self.gap_to(section, wanted, address)
            section.address = address + gap
            if section.nobits:
                section.offset = offset
                if not is_tbss(section):
                    address = section.address + section.size
                continue
            offset += gap
            section.offset = offset
            address = section.address + section.size
            offset += section.size
            if address > ADDRESS_LIMIT:
                raise LinkError(f"section {section.name} would end at {address:#x}, beyond the address space")
        return address, offset

    def gap_to(self, section: OutputSection, wanted: int, address: int) -> int:
        """--section-start and -Ttext: only forward, since what stands before is already placed."""
        if wanted < address:
            raise LinkError(
                f"--section-start={section.name}={wanted:#x}: the sections before it reach to {address:#x}; "
                "choose a higher address or a lower --image-base"
            )
        return wanted - address

    def place_unloaded(self, offset: int) -> None:
        """Sections that are only in the file, then the section headers."""
        for section in self.unloaded:
            offset += -offset % section.align
            section.offset = offset
            section.address = 0
            offset += section.size
        self.section_headers = offset + -offset % 8
        self.file_size = self.section_headers + SHDR_SIZE * (len(self.sections) + 1)

    def finish_segment(self, segment: Segment) -> None:
        """Place and size of a program header, once its sections have theirs."""
        if segment.type == elf.PT_PHDR:
            segment.offset, segment.address = EHDR_SIZE, self.base + EHDR_SIZE
            segment.file_size = segment.memory_size = PHDR_SIZE * len(self.segments)
        elif segment.sections:
            segment.cover()
        if self.loads and segment is self.loads[0] and not segment.sections:
            segment.address = self.base
            segment.file_size = segment.memory_size = self.headers_size
        elif self.loads and segment is self.loads[0]:
            segment.file_size += segment.offset
            segment.memory_size += segment.address - self.base
            segment.offset, segment.address = 0, self.base
        if segment.type == elf.PT_TLS:
            self.tls_start = segment.address
            end = segment.address + segment.memory_size
            self.tls_end = -(-end // segment.align) * segment.align
        if segment is self.relro:
            self.pad_relro(segment)

    def pad_relro(self, relro: Segment) -> None:
        """The loader protects whole pages, so the segment has to have whole pages that nothing else is on."""
        padding = -(relro.address + relro.memory_size) % self.page
        relro.memory_size += padding
        relro.align = 1
        for load in self.loads:
            if load.sections and load.sections[-1] is relro.sections[-1]:
                load.memory_size += padding
