"""The ELF header, program headers and section headers of the output."""

from __future__ import annotations

from wild.output_sections import by_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from wild.kernels.output import Output
    from wild.layout import Placement
    from wild.output_sections import OutputSection
    from wild.segments import Segment

EHDR_SIZE, PHDR_SIZE, SHDR_SIZE = 64, 56, 64
SHN_LORESERVE, SHN_XINDEX = 0xFF00, 0xFFFF
# Bytes of the fields, in order (gABI, "ELF Header", "Sections", "Program Header").
EHDR_FIELDS = b"\2\2\4\10\10\10\4\2\2\2\2\2\2"
PHDR_FIELDS = b"\4\4\10\10\10\10\10\10"
SHDR_FIELDS = b"\4\4\10\10\10\10\4\4\10\10"
MASKS = [(1 << 8 * size) - 1 for size in range(9)]
ORDER: list[Literal["little"]] = ["little"] * 16


def numbers(sizes: bytes, *values: int) -> bytes:
    """Little-endian numbers of so many bytes each."""
    cut = map(int.__and__, values, map(MASKS.__getitem__, sizes))
    return b"".join(map(int.to_bytes, cut, sizes, ORDER))


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
    extended = count >= SHN_LORESERVE  # the first section header has the numbers then (gABI, "ELF Header")
    output.write(
        0,
        ident
        + numbers(
            EHDR_FIELDS,
            type,
            machine,
            1,
            entry,
            EHDR_SIZE,
            placement.section_headers,
            0,
            EHDR_SIZE,
            PHDR_SIZE,
            len(placement.segments),
            SHDR_SIZE,
            0 if extended else count,
            SHN_XINDEX if extended else shstrtab,
        ),
    )
    output.write(EHDR_SIZE, b"".join(program_header(segment) for segment in placement.segments))
    null = numbers(SHDR_FIELDS, 0, 0, 0, 0, 0, count if extended else 0, shstrtab if extended else 0, 0, 0, 0)
    found = by_name(placement.sections)
    rows = [section_header(section, placement.names, found) for section in placement.sections]
    output.write(placement.section_headers, null + b"".join(rows))


def program_header(segment: Segment) -> bytes:
    return numbers(
        PHDR_FIELDS,
        segment.type,
        segment.flags,
        segment.offset,
        segment.address,
        segment.address if segment.load_address is None else segment.load_address,
        segment.file_size,
        segment.memory_size,
        segment.align,
    )


def section_header(section: OutputSection, names: NameTable, sections: dict[str, OutputSection]) -> bytes:
    link = sections[section.link].shndx if section.link in sections else 0
    info = section.info
    if isinstance(info, str):
        info = sections[info].shndx if info in sections else 0
    return numbers(
        SHDR_FIELDS,
        names.offsets[section.name],
        section.type,
        section.flags,
        section.address,
        section.offset,
        section.size,
        link,
        info,
        section.align,
        section.entsize,
    )
