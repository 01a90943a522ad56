"""The layout of an output whose sections are placed by a script: the interface of wild.layout.Placement.

Without PHDRS, sections share a PT_LOAD as long as nothing speaks against it; the rules are those that GNU ld's manual
names in "PHDRS" and that its outputs show: a new one begins where the load address is not as far from the address as
before, where sections go backwards or leave a page out, where contents follow what has none, and on a new page also
where code meets data if -z separate-code asks for that, and where writable data begin.
With PHDRS, the script says all.
"""

from __future__ import annotations

from wild import elf
from wild.errors import LinkError
from wild.layout import EHDR_SIZE, PHDR_SIZE, SHDR_SIZE, Placement
from wild.scripted.headers import forbid_headers, scripted_segments
from wild.scripted.layouter import Layouter
from wild.scripted.sections import ScriptedSection
from wild.scripted.symbols import ScriptSymbols
from wild.segments import Segment, describing_segments, is_tbss, is_unpaged, spare_segments, uses_relro

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.headers import NameTable as SectionNames
    from wild.kernels.measure import Layout
    from wild.kernels.names import NameTable
    from wild.kernels.resolve import Resolution
    from wild.kernels.views import Views
    from wild.map_file import Line
    from wild.options import Options
    from wild.output_sections import OutputSection
    from wild.scripted.composition import ScriptedComposition


class ScriptedPlacement(Placement):
    """Sections and segments with their final addresses."""

    def __init__(
        self,
        sections: list[OutputSection],
        section_names: SectionNames,
        options: Options,
        page: int,
        executable_stack: bool,
        composition: ScriptedComposition,
        layout: Layout,
        names: NameTable,
        resolution: Resolution,
    ) -> None:
        super().__init__(sections, section_names, options, 0, page, executable_stack)
        self.loaded = [section for section in sections if section.flags & elf.SHF_ALLOC]
        self.unloaded = [section for section in sections if not section.flags & elf.SHF_ALLOC]
        self.composition = composition
        self.symbols = ScriptSymbols(composition.script, names, resolution)
        self.layouter = Layouter(composition, layout, self.symbols, self.count_headers, uses_relro(options))
        self.described: list[Segment] = []

    def place(self) -> None:
        """Give every section its address and file offset, then build the program headers; raises LinkError."""
        self.layouter.run()
        if self.options.check_sections:
            self.check_overlap()
        self.leave_bare()
        self.cut_segments()
        self.headers_size = EHDR_SIZE + PHDR_SIZE * len(self.segments)
        self.loaded_end = self.place_in_file()
        self.place_unloaded(self.loaded_end)
        for segment in self.segments:
            self.finish_segment(segment)

    def check_overlap(self) -> None:
        """Two sections must not share addresses, nor load addresses; those that begin together are overlays, as in
        GNU ld.
        """
        sections = [each for each in self.sections_in_order() if each.size and not is_tbss(each)]
        texts = overlaps([(each.address, each.size, each.name, True) for each in sections], "")
        texts += overlaps(
            [(each.load_address, each.size, each.name, False) for each in sections if not each.nobits],
            "load ",
        )
        if texts:
            raise LinkError(*texts)

    def leave_bare(self) -> None:
        """What the script makes and nothing is in has an address, but is in no segment, as from GNU ld."""
        for section in [*self.loaded]:
            if isinstance(section, ScriptedSection) and section.is_bare():
                section.type = elf.SHT_PROGBITS
                self.loaded.remove(section)
                self.unloaded.append(section)

    def count_headers(self) -> int:
        """SIZEOF_HEADERS: with the program headers that the layout so far needs, if there will be room for all."""
        if self.layouter.round:
            self.cut_segments()
        return self.headers_size

    def cut_segments(self) -> None:
        for section in self.loaded:
            assert isinstance(section, ScriptedSection)
        headers = self.composition.script.headers
        if headers is not None:
            self.segments, self.loads, self.headers = scripted_segments(
                headers, self.sections_in_order(), self.layouter.values, self.options
            )
        else:
            forbid_headers(self.sections_in_order())
            self.default_segments()
            return
        self.headers_size = EHDR_SIZE + PHDR_SIZE * len(self.segments)

    def sections_in_order(self) -> list[ScriptedSection]:
        return [
            section
            for section in self.loaded
            if isinstance(section, ScriptedSection) and not section.is_bare()
        ]

    def default_segments(self) -> None:
        """What a script without PHDRS gets."""
        sections = sorted(self.sections_in_order(), key=load_order)
        self.loads = []
        last: ScriptedSection | None = None
        for section in sections:
            if is_tbss(section):
                if self.loads:
                    self.loads[-1].sections.append(section)
                continue
            if last is None or self.begins_segment(last, section):
                self.loads.append(Segment(elf.PT_LOAD, 0, [], self.page))
            self.loads[-1].sections.append(section)
            self.loads[-1].flags |= section_permissions(section)
            last = section
        last_headers = describing_segments(self.loaded, self.options, self.executable_stack)
        self.relro = self.relro_range()
        if self.relro is not None:
            last_headers.append(self.relro)
        last_headers += spare_segments(self.options)
        first: list[Segment] = []
        interpreter = [section for section in sections if section.name == ".interp"]
        if interpreter:
            first = [Segment(elf.PT_PHDR, elf.PF_R, [], 8), Segment(elf.PT_INTERP, elf.PF_R, [*interpreter])]
        self.headers = self.load_with_headers(len(first) + len(last_headers))
        if self.headers is None and first:
            del first[0]
        self.segments = first + self.loads + last_headers

    def begins_segment(self, last: ScriptedSection, section: ScriptedSection) -> bool:
        """Does a new PT_LOAD begin between these two?"""
        last_end = last.load_address + last.size
        if last.load_address - last.address != section.load_address - section.address:
            return True
        if section.load_address < last_end:
            return True
        if is_unpaged(self.options):
            return last.nobits and not section.nobits
        if -(-last_end // self.page) < section.load_address // self.page:
            return True
        if max(last_end - 1, 0) // self.page == section.load_address // self.page:
            return False
        if last.nobits and last.size and not section.nobits:
            return True
        if self.options.z_separate_code and (last.flags ^ section.flags) & elf.SHF_EXECINSTR:
            return True
        return not self.loads[-1].flags & elf.PF_W and bool(section.flags & elf.SHF_WRITE)

    def load_with_headers(self, others: int) -> Segment | None:
        """The first PT_LOAD, if the headers have room on the page before its first section; with a script that asks
        how large they are, else on the pages before that one.

        Before code, GNU ld gives them a segment of their own; only the room for that is kept."""
        if not self.loads or is_unpaged(self.options):
            return None
        first = self.loads[0]
        spare = self.options.z_separate_code and bool(first.flags & elf.PF_X)
        size = self.headers_size = EHDR_SIZE + PHDR_SIZE * (others + len(self.loads) + spare)
        section = first.sections[0]
        assert isinstance(section, ScriptedSection)
        page = section.address - section.address % self.page
        if any(page <= each.address < section.address for each in self.sections_in_order()):
            return None  # what has a later load address is on the same page
        if section.address - page >= size:
            return first
        align = max(self.page, *(each.align for each in first.sections))
        before = size + (section.address - size) % align
        room = self.layouter.headers_asked and min(section.address, section.load_address) >= before
        return first if room else None

    def relro_range(self) -> Segment | None:
        """PT_GNU_RELRO: the sections between DATA_SEGMENT_ALIGN and DATA_SEGMENT_RELRO_END."""
        data = self.layouter.data_segment
        if not data.wanted or data.start is None or data.end is None:
            return None
        start, end = data.start, data.end
        relro = [
            section
            for section in self.sections_in_order()
            if start <= section.address < end and section.flags & elf.SHF_WRITE
        ]
        if not relro or not any(section.size for section in relro):
            return None
        return Segment(elf.PT_GNU_RELRO, elf.PF_R, list(relro))

    # --- the file
    # ---------------------------------------------------------------------------------------------

    def place_in_file(self) -> int:
        """File offsets: in a PT_LOAD they are as far from the address as at its beginning; returns the end."""
        offset = self.headers_size
        for load in self.loads:
            sections = [section for section in load.sections if isinstance(section, ScriptedSection)]
            if not sections:
                continue
            widest = max(section.align for section in sections)
            load.align = widest if is_unpaged(self.options) else max(self.page, widest)
            first = sections[0]
            if load is self.headers:
                self.base = first.address - first.address % self.page
                start = first.address - self.base
                if start < offset:
                    # The headers have pages of their own in front.
                    start = offset + (first.address - offset) % load.align
                    self.base = first.address - start
                if self.base < 0:
                    raise LinkError(
                        f"section {first.name} at {first.address:#x} leaves no room for the headers of the file, which "
                        "PHDRS puts into its segment: begin with `. = SIZEOF_HEADERS;`, or leave out FILEHDR and PHDRS"
                    )
            else:
                start = offset + (first.address - offset) % load.align
            offset = self.place_run_in_file(sections, start)
        return offset

    def place_run_in_file(self, sections: list[ScriptedSection], start: int) -> int:
        end = start
        first = sections[0].address
        for section in sections:
            section.offset = start + section.address - first
            if is_tbss(section):
                section.offset = end
            if not section.nobits:
                end = max(end, section.offset + section.size)
            for piece in section.pieces():
                if piece.made is not None:
                    piece.made.offset = section.offset + piece.address - section.address
        return end

    def place_unloaded(self, offset: int) -> None:
        """Sections that are only in the file, then the section headers."""
        for section in self.unloaded:
            offset += -offset % section.align
            section.offset = offset
            if not isinstance(section, ScriptedSection):
                section.address = 0
            else:
                for piece in section.pieces():
                    if piece.made is not None:
                        piece.made.offset = section.offset + piece.address - section.address
            offset += 0 if section.nobits else section.size
        self.section_headers = offset + -offset % 8
        self.file_size = self.section_headers + SHDR_SIZE * (len(self.sections) + 1)

    def finish_segment(self, segment: Segment) -> None:
        super().finish_segment(segment)
        first = segment.sections[0] if segment.sections else None
        if segment.load_address is not None:
            return  # PHDRS says it
        if isinstance(first, ScriptedSection):
            segment.load_address = segment.address + first.load_address - first.address
        elif segment.type == elf.PT_PHDR and self.headers is not None:
            head = self.headers.sections[0] if self.headers.sections else None
            if isinstance(head, ScriptedSection):
                segment.load_address = segment.address + head.load_address - head.address

    def pad_relro(self, relro: Segment) -> None:
        """It ends where the script says, which may be inside of a section."""
        end = self.layouter.data_segment.end
        assert end is not None
        relro.memory_size = end - relro.address
        relro.file_size = min(relro.file_size, relro.memory_size)
        relro.align = 1

    # --- contents
    # ---------------------------------------------------------------------------------------------

    def set_symbols(self, layout: Layout, views: Views) -> None:
        views.place_own(self.symbols.finish(layout))
        if self.composition.script.cross:
            from wild.scripted.crossing import check_crossing

            check_crossing(self.composition.script, self.sections_in_order(), layout, self.options)

    def memory_usage(self) -> list[str]:
        return self.layouter.regions.usage()

    def regions(self) -> list[tuple[str, int, int, str]]:
        return [
            (space.name, space.origin, space.length, space.region.attributes)
            for space in self.layouter.regions.spaces.values()
        ]

    def statement_lines(self) -> list[Line]:
        from wild.scripted.statement_text import lines_of

        return lines_of(self.composition, self.layouter.history)

    def gaps(self) -> list[tuple[int, int, bytes]]:
        """(offset, size, pattern): what the sections hold before anything is written into them."""
        found = []
        for section in self.sections:
            if not isinstance(section, ScriptedSection) or section.nobits or not section.size:
                continue
            fills = section.fills or []
            if section.flags & elf.SHF_EXECINSTR and (not fills or fills[0][0]):
                fills = [(0, b"\x90"), *fills]
            for index, (at, pattern) in enumerate(fills):
                end = fills[index + 1][0] if index + 1 < len(fills) else section.size
                if any(pattern) and end > at:
                    found.append((section.offset + at, end - at, pattern))
        return found

    def data(self) -> list[tuple[int, bytes]]:
        """(offset, bytes) of BYTE, LONG and their like."""
        return [
            (section.offset + at, text)
            for section in self.sections
            if isinstance(section, ScriptedSection) and not section.nobits
            for at, text in section.contents
        ]


def overlaps(rows: list[tuple[int, int, str, bool]], what: str) -> list[str]:
    """Texts about neighbours that share addresses; a row is (address, size, name, may it begin with another?)."""
    texts = []
    rows.sort(key=lambda row: row[:2])
    start, end, before = -1, -1, ""
    for address, size, name, may_begin_together in rows:
        if address < end and not (address == start and may_begin_together):
            texts.append(
                f"section {name} at {what}address {address:#x} overlaps section {before}, which is at "
                f"{start:#x} to {end:#x}; move one, or use --no-check-sections"
            )
        if address + size > end:
            start, end, before = address, address + size, name
    return texts


def load_order(section: ScriptedSection) -> tuple[int, int, bool, int, int]:
    """Segments hold sections by load address; what takes no room there first, and what has no contents last."""
    loaded = 0 if section.nobits else section.size
    at_end = section.nobits and section.size > 0 and not section.flags & elf.SHF_TLS
    return section.load_address, section.address, at_end, loaded, section.shndx


def section_permissions(section: OutputSection) -> int:
    """What a section asks of the memory it is in."""
    found = elf.PF_R
    found |= elf.PF_W if section.flags & elf.SHF_WRITE else 0
    return found | (elf.PF_X if section.flags & elf.SHF_EXECINSTR else 0)
