"""PHDRS: the program headers that a script asks for, and which sections are in each."""

from __future__ import annotations

from wild import elf
from wild.errors import LinkError
from wild.segments import Segment, is_unpaged

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.options import Options
    from wild.scripted.sections import ScriptedSection
    from wild.scripted.tree import Header
    from wild.scripted.values import Values

NONE = "NONE"


def scripted_segments(
    headers: list[Header], sections: list[ScriptedSection], values: Values, options: Options
) -> tuple[list[Segment], list[Segment], Segment | None]:
    """All segments, those that are loaded, and the one that holds the file's headers; raises LinkError.

    A section without `:name` is where the section before it is; before the first with one, in the first PT_LOAD.
    """
    segments: dict[str, Segment] = {}
    for header in headers:
        if header.name in segments:
            raise LinkError(f"{header.where}: program header {header.name} is defined twice")
        segments[header.name] = Segment(values.number(header.type), 0, [], 1)
    loads = [segment for segment in segments.values() if segment.type == elf.PT_LOAD]
    current = [next((name for name, segment in segments.items() if segment.type == elf.PT_LOAD), "")]
    for section in sections:
        output = section.output
        if output is not None and output.headers is not None:
            current = [name for name in output.headers if name.upper() != NONE]
            for name in current:
                if name not in segments:
                    raise LinkError(f"{output.where}: there is no program header {name} in PHDRS")
        for name in filter(None, current):
            segments[name].sections.append(section)
    with_headers = None
    for header in headers:
        segment = segments[header.name]
        segment.flags = flags_of(header, segment, values)
        if header.load_address is not None:
            segment.load_address = values.address(header.load_address)
        if segment.type == elf.PT_LOAD and not is_unpaged(options):
            segment.align = options.z_max_page_size or 4096
        if (
            segment.type == elf.PT_LOAD
            and (header.has_file_header or header.has_headers)
            and with_headers is None
        ):
            with_headers = segment
    return list(segments.values()), loads, with_headers


def forbid_headers(sections: list[ScriptedSection]) -> None:
    """Without PHDRS a section can only be in `:NONE`."""
    for section in sections:
        output = section.output
        if output is None:
            continue
        for name in output.headers or ():
            if name.upper() != NONE:
                raise LinkError(f"{output.where}: there is no program header {name}, and no PHDRS")


def flags_of(header: Header, segment: Segment, values: Values) -> int:
    """FLAGS, or what the sections ask for."""
    if header.flags is not None:
        return values.number(header.flags)
    if segment.type == elf.PT_GNU_STACK:
        return elf.PF_R | elf.PF_W
    found = elf.PF_R
    for section in segment.sections:
        found |= elf.PF_W if section.flags & elf.SHF_WRITE else 0
        found |= elf.PF_X if section.flags & elf.SHF_EXECINSTR else 0
    return found
