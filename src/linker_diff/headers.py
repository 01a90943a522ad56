"""The ELF header, program headers and section headers, by meaning."""

from __future__ import annotations

from collections.abc import Iterator

from linker_diff import elf_names as elf
from linker_diff.image import Image, Section
from linker_diff.match import Pair
from linker_diff.report import Difference, Row

Facts = dict[str, str]
RESERVED_WORDS = 24  # bytes of .got.plt that only the dynamic linker writes, before the program runs


def differing(key: str, a: Facts, b: Facts, pair: Pair, text: str = "") -> Iterator[Difference]:
    """A difference for each name whose value is not the same in both; an absent one shows as `-`."""
    for name in a.keys() | b.keys():
        if a.get(name) != b.get(name):
            yield value_difference(pair, key + name, a.get(name, "-"), b.get(name, "-"), text)


def value_difference(pair: Pair, key: str, a: str, b: str, text: str = "") -> Difference:
    rows = Row(pair.ours.image.label, b), Row(pair.ref.image.label, a)
    return Difference(key, text, rows)


def compare_headers(pair: Pair) -> Iterator[Difference]:
    """Everything but addresses, offsets and sizes."""
    ref, ours = pair.ref.image, pair.ours.image
    yield from differing("header.", header_facts(ref), header_facts(ours), pair)
    if bool(ref.entry) != bool(ours.entry) or (ref.entry and not pair.same(ref.entry, ours.entry)):
        a, b = pair.ref.describe(ref.entry), pair.ours.describe(ours.entry)
        yield value_difference(pair, "header.entry", a, b)


def header_facts(image: Image) -> Facts:
    return {
        "type": {elf.ET_EXEC: "EXEC", elf.ET_DYN: "DYN"}[image.type],
        "flags": f"{image.flags:#x}",
        "osabi": str(image.osabi),
    }


# --- segments ------------------------------------------------------------------------------------------------


def compare_segments(pair: Pair) -> Iterator[Difference]:
    """Which there are, with which permissions, and what they cover."""
    a, b = segment_facts(pair.ref.image), segment_facts(pair.ours.image)
    for name in sorted(a.keys() ^ b.keys()):
        if "." not in name:  # a segment that only one file has is one difference
            end = "missing" if name in a else "extra"
            yield value_difference(pair, f"segment.{name}.{end}", a.get(name, "-"), b.get(name, "-"))
            a, b = (
                {fact: value for fact, value in facts.items() if fact.partition(".")[0] != name}
                for facts in (a, b)
            )
    yield from differing("segment.", a, b, pair)
    covered_a, covered_b = protected_sections(pair.ref.image), protected_sections(pair.ours.image)
    for name in covered_a.keys() & covered_b.keys():
        if covered_a[name] != covered_b[name]:
            yield value_difference(pair, f"section{name}.relro", covered_a[name], covered_b[name])


def segment_facts(image: Image) -> Facts:
    facts: Facts = {}
    permissions = set()
    for segment in image.segments:
        name = elf.named(segment.type, elf.SEGMENT_TYPES)
        flags = elf.flag_names(segment.flags, elf.SEGMENT_FLAGS, "")
        if segment.type == elf.PT_LOAD:
            permissions.add(flags)
            facts["LOAD.alignment"] = f"{segment.alignment:#x}"
            continue
        if name == "PHDR" and not any(it.type == elf.PT_INTERP for it in image.segments):
            continue  # only a dynamic linker asks for it
        facts[name] = "present"
        if name not in ("NOTE", "GNU_PROPERTY", "PHDR", "INTERP", "GNU_RELRO", "GNU_EH_FRAME"):
            facts[f"{name}.flags"] = flags
        if name == "TLS":
            facts["TLS.alignment"] = f"{segment.alignment:#x}"
        if name == "INTERP":
            facts["INTERP.path"] = image.data[segment.offset : segment.offset + segment.filesz].decode(
                "utf-8", "replace"
            )
    if "RWX" in permissions or "WX" in permissions:
        facts["LOAD.writable-code"] = "present"
    facts["LOAD.executable"] = "present" if any("X" in it for it in permissions) else "absent"
    facts["LOAD.writable"] = "present" if any("W" in it for it in permissions) else "absent"
    return facts


def protected_sections(image: Image) -> Facts:
    """For each writable section whether it is made read-only after relocation."""
    relro = next((it for it in image.segments if it.type == elf.PT_GNU_RELRO), None)
    found = {}
    for section in image.mapped:
        if section.name == ".got.plt" and section.size <= RESERVED_WORDS:
            continue
        if section.flags & elf.SHF_WRITE:
            inside = (
                relro is not None
                and relro.address <= section.address
                and section.end <= (relro.address + relro.memsz)
            )
            found[section.name] = "read-only after relocation" if inside else "writable"
    return found


# --- sections ------------------------------------------------------------------------------------------------

# SHF_MERGE, SHF_STRINGS, SHF_INFO_LINK, SHF_LINK_ORDER, SHF_GNU_RETAIN: what linkers may do; nobody else asks.
KEPT_FLAGS = ~0x2000F0
# Copies of variables that are read-only after relocation: a section of their own, or part of .data.rel.ro.
COPIES, COPIES_PLACE = ".bss.rel.ro", ".data.rel.ro"


def compare_sections(pair: Pair) -> Iterator[Difference]:
    """Sections of the same name: type, flags, entry size, alignment, permissions in memory."""
    ref, ours = pair.ref.image, pair.ours.image
    sections_a, sections_b = sections_by_name(ref), sections_by_name(ours)
    for name in dict.fromkeys([*sections_a, *sections_b]):
        a, b = sections_a.get(name), sections_b.get(name)
        if not name:
            continue
        key = f"section.{name.lstrip('.')}"
        if a is None or b is None:
            existing = b if a is None else a
            if existing is not None and existing.size:
                kind = "extra" if a is None else "missing"
                yield value_difference(pair, f"{key}.{kind}", shown(a), shown(b))
            continue
        facts = section_facts(ref, a), section_facts(ours, b)
        if a.size and b.size:
            yield from differing(f"{key}.", *facts, pair)


def sections_by_name(image: Image) -> dict[str, Section]:
    """All sections, with copies where most linkers have them."""
    found = dict(image.by_name)
    copies = found.pop(COPIES, None)
    if copies is not None:
        other = found.get(COPIES_PLACE)
        alignment = max(copies.alignment, other.alignment if other else 1)
        found[COPIES_PLACE] = (other or copies._replace(type=elf.SHT_PROGBITS))._replace(alignment=alignment)
    return found


def shown(section: Section | None) -> str:
    if section is None:
        return "-"
    flags = elf.flag_names(section.flags, elf.SECTION_FLAGS, "")
    return f"{elf.named(section.type, elf.SECTION_TYPES)} {flags} {section.size:#x} bytes"


def section_facts(image: Image, section: Section) -> Facts:
    facts = {
        "type": elf.named(section.type, elf.SECTION_TYPES),
        "flags": elf.flag_names(section.flags & KEPT_FLAGS, elf.SECTION_FLAGS, ""),
        "entsize": str(section.entsize),
        "alignment": str(max(section.alignment, 1)),
    }
    if section.is_mapped:
        segment = image.segment_at(section.address)
        writable = bool(segment and segment.flags & 2)
        executable = bool(segment and segment.flags & 1)
        wanted = bool(section.flags & elf.SHF_WRITE), bool(section.flags & elf.SHF_EXECINSTR)
        facts["memory"] = "mapped" if segment else "not in a segment"
        if wanted[0] != writable:
            facts["memory"] += ", writable" if writable else ", not writable"
        if wanted[1] and not executable:
            facts["memory"] += ", not executable"
    if elf.named(section.type, elf.SECTION_TYPES) in (
        "SYMTAB",
        "DYNSYM",
        "DYNAMIC",
        "GNU_HASH",
        "HASH",
        "GNU_VERSYM",
    ):
        facts["link"] = image.sections[section.link].name if section.link < len(image.sections) else "?"
    return facts
