"""Addresses: every section of the output at its place in memory and in the file.

What shares a segment is decided in segments.py; here the runs are placed one behind the other.  With -z
separate-code (the default, as in GNU ld on Linux) code begins and ends on pages of its own in the file too, so
that no byte of data can be executed.  Otherwise two segments may share a page of the file, mapped twice: the
next address is on a new page, with the file's offset in it.  What is read-only once relocated ends on a page
boundary of memory, since the loader protects whole pages.

The ELF header and the program headers are at the start of the first segment.  Where that segment begins at an
address of the command line, they have a segment to themselves on the page before, if there is one.
"""

from __future__ import annotations

from itertools import pairwise

from wild import elf
from wild.errors import LinkError
from wild.output_sections import RELRO, UNLOADED, by_name
from wild.segments import (
    Segment,
    cut_runs,
    describing_segments,
    is_moved_alone,
    is_tbss,
    is_unpaged,
    permissions,
    shares_code,
    spare_segments,
    uses_relro,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.headers import NameTable
    from wild.kernels.measure import Layout
    from wild.kernels.views import Views
    from wild.map_file import Line
    from wild.options import Options
    from wild.output_sections import OutputSection

EHDR_SIZE, PHDR_SIZE, SHDR_SIZE = 64, 56, 64
USER_SPACE, ALL_SPACE = 1 << 47, 1 << 64
SMALLEST_PAGE = 4096  # of the processor, whatever -z max-page-size says


class Placement:
    """The layout of one output: sections and segments with their final addresses."""

    def __init__(
        self,
        sections: list[OutputSection],
        names: NameTable,
        options: Options,
        base: int,
        page: int,
        executable_stack: bool,
    ) -> None:
        self.names = names
        self.options = options
        self.base = base
        self.page = SMALLEST_PAGE if is_unpaged(options) else page
        self.sections = sections
        self.loaded = [section for section in sections if section.kind != UNLOADED]
        self.unloaded = [section for section in sections if section.kind == UNLOADED]
        self.segments: list[Segment] = []
        self.loads: list[Segment] = []
        self.headers: Segment | None = None  # the PT_LOAD that holds the headers
        self.relro: Segment | None = None
        for section in sections:
            section.align = max(section.align, options.section_align.get(section.name, 1))
        self.limit = ALL_SPACE if options.section_start or options.image_base is not None else USER_SPACE
        self.file_size = 0
        self.loaded_end = 0  # in the file
        self.section_headers = 0
        self.headers_size = 0
        self.tls_start = 0
        self.tls_end = 0
        self.executable_stack = executable_stack

    def place(self) -> None:
        """Give every section its address and file offset, then build the program headers; raises LinkError."""
        if (self.options.image_base or 0) % self.page:
            raise LinkError(
                f"--image-base={self.base:#x}: must be a multiple of the page size {self.page:#x}"
            )
        self.cut_segments()
        self.loaded_end = self.place_loaded()
        self.place_unloaded(self.loaded_end)
        for segment in self.segments:
            self.finish_segment(segment)
        # gABI, "Program Header": PT_LOAD entries ascend; sections with addresses of their own need not.
        ascending = iter(sorted(self.loads, key=lambda load: load.address))
        self.segments = [next(ascending) if each.type == elf.PT_LOAD else each for each in self.segments]
        if self.options.section_start and self.options.check_sections:
            self.check_overlap()

    def cut_segments(self) -> None:
        """Which program headers there will be; their number decides where the first section goes."""
        self.loads = [
            Segment(elf.PT_LOAD, permissions(run, self.options), run)
            for run in cut_runs(self.loaded, self.options)
        ]
        self.headers = self.header_load()
        if self.headers is not None and not self.headers.sections:
            self.loads.insert(0, self.headers)
        first: list[Segment] = []
        interpreter = by_name(self.loaded).get(".interp")
        if interpreter is not None:
            first = [Segment(elf.PT_PHDR, elf.PF_R, [], 8)] if self.headers is not None else []
            first.append(Segment(elf.PT_INTERP, elf.PF_R, [interpreter]))
        last = describing_segments(self.loaded, self.options, self.executable_stack)
        self.relro = self.relro_segment()
        if self.relro is not None:
            last.append(self.relro)
        self.segments = first + self.loads + last + spare_segments(self.options)
        self.headers_size = EHDR_SIZE + PHDR_SIZE * len(self.segments)

    def header_load(self) -> Segment | None:
        """The PT_LOAD that holds the headers: the first one, or one of their own; None if there is no room."""
        if not self.loads:
            return None
        first = self.loads[0]
        start = self.options.section_start.get(first.sections[0].name)
        if start is None and (not first.flags & elf.PF_X or shares_code(self.options)):
            return first
        if is_unpaged(self.options):
            return first if start is None else None
        if start is not None and self.options.image_base is None:
            # The headers have less than a page: there are fewer than seventy segments.
            self.base = start - start % self.page - self.page
            if self.base < 0:
                return None
        return Segment(elf.PT_LOAD, elf.PF_R, [], self.page)

    def relro_segment(self) -> Segment | None:
        """PT_GNU_RELRO: one run of memory, so only what stands in one PT_LOAD."""
        for load in self.loads:
            relro = [section for section in load.sections if section.kind == RELRO]
            if relro and uses_relro(self.options):
                return Segment(elf.PT_GNU_RELRO, elf.PF_R, relro)
        return None

    def place_loaded(self) -> int:
        """Addresses and offsets of the sections in memory; returns the end of the file so far."""
        address, offset = self.base + self.headers_size, self.headers_size
        before: Segment | None = None
        for load in self.loads:
            resume = address
            if load.sections:
                address, offset = self.begin_run(load, before, address, offset)
                address, offset = self.place_run(load.sections, address, offset)
                if is_moved_alone(load.sections[0], self.options):
                    address = resume
            before = load
        return offset

    def begin_run(self, load: Segment, before: Segment | None, address: int, offset: int) -> tuple[int, int]:
        """Where a PT_LOAD begins: at the address asked for, else on a new page of memory; the offset in the page of
        memory is that in the page of the file."""
        widest = max(section.align for section in load.sections)
        load.align = widest if is_unpaged(self.options) else max(self.page, widest)
        step = max(self.page, widest)
        start = self.options.section_start.get(load.sections[0].name)
        separate = self.options.z_separate_code and not is_unpaged(self.options)
        if (
            separate
            and load is not self.headers
            and ((before.flags if before else elf.PF_R) ^ load.flags) & elf.PF_X
        ):
            offset += -offset % self.page
        alone = self.options.z_separate_loadable_segments and separate
        # Valgrind up to 3.19 takes a page of the file that is mapped twice for one, and knows no variable there.
        twice = before is not None and before.flags & load.flags & elf.PF_W and not is_unpaged(self.options)
        if before is not None and (alone or twice):
            offset += -offset % self.page
        if start is None:
            if load is not self.headers:
                address += -address % self.page
                address += (offset - address) % step
            return address, offset
        address = start + -start % load.sections[0].align
        return address, offset + (address - offset) % (widest if is_unpaged(self.options) else step)

    def place_run(self, sections: list[OutputSection], address: int, offset: int) -> tuple[int, int]:
        """Place the sections of one segment one behind the other."""
        for section in sections:
            gap = -address % section.align
            section.address = address + gap
            if section.nobits:
                section.offset = offset
                if not is_tbss(section):
                    address = section.address + section.size
            else:
                offset += gap
                section.offset = offset
                address = section.address + section.size + section.room
                offset += section.size + section.room
            if address > self.limit or offset > USER_SPACE:
                raise LinkError(f"section {section.name} would end at {address:#x}, beyond the address space")
        return address, offset

    def place_unloaded(self, offset: int) -> None:
        """Sections that are only in the file, then the section headers."""
        for section in self.unloaded:
            offset += -offset % section.align
            section.offset = offset
            section.address = 0
            offset += section.size
        self.section_headers = offset + -offset % 8
        self.file_size = self.section_headers + SHDR_SIZE * (len(self.sections) + 1)

    def replace_unloaded(self, names: NameTable) -> None:
        """Place the sections that are not loaded anew: their sizes and names have changed, or some are gone."""
        self.names = names
        self.sections[-1].size = len(names.data)
        for index, section in enumerate(self.sections, 1):
            section.shndx = index
        self.place_unloaded(self.loaded_end)

    def finish_segment(self, segment: Segment) -> None:
        """Place and size of a program header, once its sections have theirs."""
        if segment.type == elf.PT_PHDR:
            segment.offset, segment.address = EHDR_SIZE, self.base + EHDR_SIZE
            segment.file_size = segment.memory_size = PHDR_SIZE * len(self.segments)
        elif segment.sections:
            segment.cover()
        if segment is self.headers:
            if segment.sections:
                segment.file_size += segment.offset
                segment.memory_size += segment.address - self.base
            else:
                segment.file_size = segment.memory_size = self.headers_size
            segment.offset, segment.address = 0, self.base
        if segment.type == elf.PT_TLS:
            self.tls_start = segment.address
            end = segment.address + segment.memory_size
            self.tls_end = -(-end // segment.align) * segment.align
        if segment is self.relro:
            self.pad_relro(segment)

    def pad_relro(self, relro: Segment) -> None:
        """The loader protects whole pages, so the segment has to have whole pages that nothing else is on."""
        page = min(self.page, self.options.z_common_page_size)
        padding = -(relro.address + relro.memory_size) % page
        relro.memory_size += padding
        relro.align = 1
        for load in self.loads:
            if load.sections and load.sections[-1] is relro.sections[-1]:
                load.memory_size += padding

    def set_symbols(self, layout: Layout, views: Views) -> None:
        """Give the symbols of a script their values."""

    def memory_usage(self) -> list[str]:
        """The lines of --print-memory-usage: there are no regions without a script."""
        from wild.scripted.regions import USAGE_HEAD

        return [USAGE_HEAD]

    def regions(self) -> list[tuple[str, int, int, str]]:
        """(name, origin, length, attributes) of the regions that a script declares."""
        return []

    def statement_lines(self) -> list[Line]:
        """The lines of the map about a script's statements."""
        return []

    def gaps(self) -> list[tuple[int, int, bytes]]:
        """(offset, size, pattern): what sections hold before anything is written into them; scripts say that."""
        return []

    def data(self) -> list[tuple[int, bytes]]:
        """(offset, bytes) that a script puts into sections."""
        return []

    def check_overlap(self) -> None:
        """Addresses of the command line can put one section onto another; raises LinkError."""
        placed = [section for section in self.loaded if section.size and not is_tbss(section)]
        placed.sort(key=lambda section: section.address)
        for one, other in pairwise(placed):
            if other.address < one.address + one.size:
                raise LinkError(
                    f"section {other.name} at {other.address:#x} overlaps section {one.name}, which is at "
                    f"{one.address:#x} and has {one.size:#x} bytes; give one of them another address"
                )
        end = self.base + self.headers_size
        for section in placed:
            if self.headers and section.address < end and self.base < section.address + section.size:
                raise LinkError(
                    f"section {section.name} at {section.address:#x} overlaps the program headers, which are at "
                    f"{self.base:#x}; choose another address, or another --image-base"
                )
