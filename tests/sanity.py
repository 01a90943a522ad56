"""What must hold for every file a linker writes, whatever it was asked for.

`faults` is run on the output of every link of the tests. It is the cheapest place to catch the mistakes that
no single test looks for: a segment whose offset and address disagree, a section outside its segment,
    a dynamic
symbol the hash table does not find, an address that .eh_frame_hdr does not know,
    a local symbol after a global.
Each check returns sentences; GNU ld's, lld's and mold's outputs pass all of them.
"""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import elf
import frames
import hashing
from elf import Elf

PAGE = 4096


def faults(file: Elf, path: Path) -> list[str]:
    """Sentences about what is wrong with an output; none if it is sound."""
    if file.type == elf.ET_REL:
        found = [sentence for check in (file_overlaps, symbol_order) for sentence in check(file)]
        return [*found, *readelf_complaints(path)]
    checks = (
        segments,
        load_order,
        shared_pages,
        sections_in_segments,
        file_overlaps,
        symbol_order,
        symbol_places,
    )
    dynamic = (
        dynamic_addresses,
        version_counts,
        relocation_places,
        relative_first,
        hashing.faults,
        frames.faults,
    )
    found = [sentence for check in (*checks, *dynamic) for sentence in check(file)]
    return [*found, *readelf_complaints(path)]


def segments(file: Elf) -> Iterator[str]:
    """Every program header is inside the file and aligned as the loader needs it (gABI, Program Header)."""
    for number, segment in enumerate(file.segments):
        if segment.type != elf.PT_GNU_STACK and segment.offset + segment.file_size > len(file.data):
            yield f"segment {number} ends outside the file"
        if segment.file_size > segment.size and segment.type != elf.PT_NOTE:
            yield f"segment {number} is larger in the file than in memory"
        if segment.alignment & (segment.alignment - 1):
            yield f"segment {number}: alignment {segment.alignment:#x} is no power of two"
        mapped = segment.type in (elf.PT_LOAD, elf.PT_TLS) and segment.file_size
        if mapped and (segment.offset - segment.address) % max(segment.alignment, 1):
            yield f"segment {number}: offset and address differ modulo the alignment"


def load_order(file: Elf) -> Iterator[str]:
    """Loadable segments ascend, and those of different permission share no page (unless only one is
    mapped).
    """
    for one, other in pairwise(file.segments_of(elf.PT_LOAD)):
        if other.address < one.end:
            yield f"loadable segments overlap at {other.address:#x}"
        elif one.size and (one.end - 1) // PAGE == other.address // PAGE and one.flags != other.flags:
            yield f"loadable segments share the page of {other.address:#x}"


def shared_pages(file: Elf) -> Iterator[str]:
    """A page is mapped for each segment that begins in it, whole: what the one before has there must be the same in
    the file.
    """
    for one, other in pairwise(file.segments_of(elf.PT_LOAD)):
        start = max(one.address, other.address - other.address % PAGE)
        if (
            not one.size
            or not other.file_size
            or min(one.alignment, other.alignment) < PAGE
            or one.end <= start
        ):
            continue
        held, offset = file.read(start, one.end - start), other.offset - (other.address - start)
        if file.data[offset : offset + len(held)] != held:
            yield f"the segment at {other.address:#x} changes what the one before has on its first page"


def sections_in_segments(file: Elf) -> Iterator[str]:
    """An allocated section lies in one loadable segment that allows what the section's flags promise."""
    for section in file.section_list:
        if not section.flags & elf.SHF_ALLOC or not section.size:
            continue
        if section.alignment > 1 and section.address % section.alignment:
            yield f"{section.name}: address {section.address:#x} is not aligned to {section.alignment}"
        if section.flags & elf.SHF_TLS and section.type == elf.SHT_NOBITS:
            continue
        holders = [seg for seg in file.segments_of(elf.PT_LOAD) if seg.address <= section.address < seg.end]
        if len(holders) != 1 or section.end > holders[0].end:
            yield f"{section.name} lies in no loadable segment"
        elif section.flags & elf.SHF_WRITE and not holders[0].flags & elf.PF_W:
            yield f"{section.name} is writable, its segment is not"
        elif section.flags & elf.SHF_EXECINSTR and not holders[0].flags & elf.PF_X:
            yield f"{section.name} is executable, its segment is not"
        elif section.type != elf.SHT_NOBITS and distance(section, holders[0]):
            yield f"{section.name}: offset and address do not agree with its segment"


def distance(section: elf.Section, segment: elf.Segment) -> int:
    """How far a section's offset in the file is from where its address says."""
    return (section.offset - segment.offset) - (section.address - segment.address)


def file_overlaps(file: Elf) -> Iterator[str]:
    """No two sections, nor a section and a header table, share bytes of the file."""
    places = [(0, 64, "the ELF header"), (file.phoff, 56 * file.phnum, "the program headers")]
    if file.section_list:
        places.append((file.shoff, 64 * len(file.section_list), "the section headers"))
    for section in file.section_list[1:]:
        if section.type != elf.SHT_NOBITS and section.size:
            places.append((section.offset, section.size, section.name))
    places.sort()
    for one, other in pairwise(places):
        if one[0] + one[1] > other[0] and one[1] and other[1]:
            yield f"{one[2]} and {other[2]} overlap in the file"
    if places and places[-1][0] + places[-1][1] > len(file.data):
        yield f"{places[-1][2]} ends outside the file"


def symbol_order(file: Elf) -> Iterator[str]:
    """Local symbols come first and sh_info tells where they end (gABI, Symbol Table)."""
    for section in file.section_list:
        if section.type in (elf.SHT_SYMTAB, elf.SHT_DYNSYM):
            bindings = [symbol.binding for symbol in file.symbol_table(section)]
            locals_first = bindings.index(next((b for b in bindings if b != "LOCAL"), "LOCAL"))
            last = locals_first if any(b != "LOCAL" for b in bindings) else len(bindings)
            if section.info != last:
                yield f"{section.name}: sh_info is {section.info}, the first global symbol is {last}"
            if "LOCAL" in bindings[last:]:
                yield f"{section.name}: a local symbol stands after a global one"


def symbol_places(file: Elf) -> Iterator[str]:
    """A function or object that has a size lies in the section its symbol names."""
    for symbol in (*file.symbol_list, *file.dynamic_symbol_list):
        section = file.sections.get(symbol.section)
        if section is None or not symbol.size or symbol.type not in ("FUNC", "OBJECT", "IFUNC"):
            continue
        same_name = [other for other in file.section_list if other.name == section.name]
        if not any(other.address <= symbol.value <= other.end - symbol.size for other in same_name):
            yield f"{symbol.name}: {symbol.value:#x} is outside its section {section.name}"


DYNAMIC_SECTIONS = {
    "HASH": ".hash",
    "GNU_HASH": ".gnu.hash",
    "STRTAB": ".dynstr",
    "SYMTAB": ".dynsym",
    "VERSYM": ".gnu.version",
    "VERDEF": ".gnu.version_d",
    "VERNEED": ".gnu.version_r",
    "INIT_ARRAY": ".init_array",
    "FINI_ARRAY": ".fini_array",
    "PREINIT_ARRAY": ".preinit_array",
    "RELR": ".relr.dyn",
}
DYNAMIC_SIZES = {
    "INIT_ARRAYSZ": ".init_array",
    "FINI_ARRAYSZ": ".fini_array",
    "STRSZ": ".dynstr",
    "RELRSZ": ".relr.dyn",
}


def dynamic_addresses(file: Elf) -> Iterator[str]:
    """What the dynamic section says of addresses and sizes is what the section headers say."""
    for tag, value in file.dynamic:
        section = file.sections.get(DYNAMIC_SECTIONS.get(tag, "none"))
        if section is not None and section.address != value:
            yield f"DT_{tag} is {value:#x}, {section.name} stands at {section.address:#x}"
        sized = file.sections.get(DYNAMIC_SIZES.get(tag, "none"))
        if sized is not None and sized.size != value:
            yield f"DT_{tag} is {value:#x}, {sized.name} has {sized.size:#x} bytes"


def version_counts(file: Elf) -> Iterator[str]:
    """sh_info of the version sections counts their entries, as DT_VERDEFNUM and DT_VERNEEDNUM do."""
    for name, tag in ((".gnu.version_d", "VERDEFNUM"), (".gnu.version_r", "VERNEEDNUM")):
        if name in file.sections and [file.sections[name].info] != file.tag(tag):
            yield f"{name}: sh_info is {file.sections[name].info}, DT_{tag} is {file.tag(tag)}"


def relocation_places(file: Elf) -> Iterator[str]:
    """Dynamic relocations change only writable memory, or DT_TEXTREL admits that they do not."""
    if file.tag("TEXTREL") or any(flags & 4 for flags in file.tag("FLAGS")):
        return
    loads = [seg for seg in file.segments_of(elf.PT_LOAD) if seg.flags & elf.PF_W]
    for relocation in file.relocations:
        if relocation.type != "NONE" and not any(seg.address <= relocation.offset < seg.end for seg in loads):
            yield f"a {relocation.type} relocation changes read-only memory at {relocation.offset:#x}"


def relative_first(file: Elf) -> Iterator[str]:
    """DT_RELACOUNT counts the relative relocations, which come first (the loader relies on it)."""
    for count in file.tag("RELACOUNT"):
        start, size = file.tag("RELA")[0], file.tag("RELASZ")[0]
        table = file.read(start, size)
        kinds = [info & 0xFFFFFFFF for _, info, _ in struct.iter_unpack("<QQq", table)]
        if kinds[:count] != [8] * count or 8 in kinds[count:]:
            yield f"DT_RELACOUNT is {count}, but the relocations are {kinds}"


def readelf_complaints(path: Path) -> list[str]:
    """readelf reads everything it knows and finds nothing to warn about."""
    done = subprocess.run(["readelf", "-aW", path], capture_output=True, check=False)
    text = done.stderr.decode(errors="replace")
    return [line for line in text.splitlines() if "arning" in line or "rror" in line]
