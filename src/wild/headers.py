"""The ELF header, program headers and section headers of the output."""

from __future__ import annotations

from wild.output_sections import by_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.kernels.output import Output
    from wild.layout import Placement
    from wild.output_sections import OutputSection
    from wild.segments import Segment

EHDR_SIZE, PHDR_SIZE, SHDR_SIZE = 64, 56, 64
SHN_LORESERVE, SHN_XINDEX = 0xFF00, 0xFFFF


def numbers(*pairs: tuple[int, int]) -> bytes:
    """(value, bytes) each, little-endian."""
    return b"".join((value & ((1 << 8 * size) - 1)).to_bytes(size, "little") for value, size in pairs)


class NameTable:
    """.shstrtab: section names, each once."""

    def __init__(self, sections: list[OutputSection]) -> None:
        self.data = bytearray(1)
        self.offsets: dict[str, int] = {}
        for section in sections:
            if section.name not in self.offsets:
                self.offsets[section.name] = len(self.data)
                self.data += section.name.encode("utf-8", "surrogateescape") + b"\0"


def write_headers(
    output: Output, placement: Placement, type: int, machine: int, entry: int, osabi: int
) -> None:
    """Write all three header tables."""
    count = len(placement.sections) + 1
    shstrtab = placement.sections[-1].shndx
    ident = b"\x7fELF\x02\x01\x01" + bytes([osabi]) + bytes(8)
    output.write(
        0,
        ident
        + numbers(
            (type, 2),
            (machine, 2),
            (1, 4),
            (entry, 8),
            (EHDR_SIZE, 8),
            (placement.section_headers, 8),
            (0, 4),
        )
        + numbers((EHDR_SIZE, 2), (PHDR_SIZE, 2), (len(placement.segments), 2), (SHDR_SIZE, 2))
        + numbers(
            (count if count < SHN_LORESERVE else 0, 2), (shstrtab if count < SHN_LORESERVE else SHN_XINDEX, 2)
        ),
    )
    output.write(EHDR_SIZE, b"".join(program_header(segment) for segment in placement.segments))
    null = numbers((0, 32), (0 if count < SHN_LORESERVE else count, 8))
    null += numbers((0 if count < SHN_LORESERVE else shstrtab, 4), (0, 20))
    found = by_name(placement.sections)
    rows = [section_header(section, placement.names, found) for section in placement.sections]
    output.write(placement.section_headers, null + b"".join(rows))


def program_header(segment: Segment) -> bytes:
    return numbers(
        (segment.type, 4),
        (segment.flags, 4),
        (segment.offset, 8),
        (segment.address, 8),
        (segment.address if segment.load_address is None else segment.load_address, 8),
        (segment.file_size, 8),
        (segment.memory_size, 8),
        (segment.align, 8),
    )


def section_header(section: OutputSection, names: NameTable, sections: dict[str, OutputSection]) -> bytes:
    link = sections[section.link].shndx if section.link in sections else 0
    info = section.info
    if isinstance(info, str):
        info = sections[info].shndx if info in sections else 0
    return numbers(
        (names.offsets[section.name], 4),
        (section.type, 4),
        (section.flags, 8),
        (section.address, 8),
        (section.offset, 8),
        (section.size, 8),
        (link, 4),
        (info, 4),
        (section.align, 8),
        (section.entsize, 8),
    )
