"""The dynamic section by meaning, and what the dynamic linker reads through it: hash tables, the sizes of tables."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from linker_diff import elf_names as elf
from linker_diff.headers import Facts, differing, value_difference
from linker_diff.image import Image
from linker_diff.match import Pair
from linker_diff.places import Places
from linker_diff.report import Difference

SIZES = frozenset("PLTRELSZ RELASZ STRSZ RELRSZ RELACOUNT VERNEEDNUM VERDEFNUM".split())
CODE = frozenset(("INIT", "FINI"))


def compare_dynamic(pair: Pair) -> Iterator[Difference]:
    """Strings, flags, and what addresses point at; sizes by whether they fit the table they are about."""
    facts = dynamic_facts(pair.ref), dynamic_facts(pair.ours)
    for tag in facts[0].keys() | facts[1].keys():
        values = facts[0].get(tag), facts[1].get(tag)
        if values[0] != values[1]:
            end = ".extra" if values[0] is None else ".missing" if values[1] is None else ""
            yield value_difference(pair, f".dynamic.DT_{tag}{end}", values[0] or "-", values[1] or "-")
    yield from compare_libraries(pair)
    a, b = pair.ref.image.tags, pair.ours.image.tags
    for tag in CODE & a.keys() & b.keys():
        if not pair.same(a[tag], b[tag]):
            texts = pair.ref.describe(a[tag]), pair.ours.describe(b[tag])
            yield value_difference(pair, f".dynamic.DT_{tag}", *texts)


def compare_libraries(pair: Pair) -> Iterator[Difference]:
    """Each library by name; the order too, because the loader searches in it."""
    a, b = libraries(pair.ref.image), libraries(pair.ours.image)
    yield from differing(".dynamic.DT_NEEDED.", dict.fromkeys(a, "needed"), dict.fromkeys(b, "needed"), pair)
    common = [[it for it in names if it in a and it in b] for names in (a, b)]
    if common[0] != common[1]:
        yield value_difference(pair, ".dynamic.DT_NEEDED", ", ".join(a), ", ".join(b), "the order differs")


def libraries(image: Image) -> list[str]:
    names = (image.dynamic_string(value) for tag, value in image.dynamic if tag == "NEEDED")
    return [image.library_name(name) for name in names]


def dynamic_facts(places: Places) -> Facts:
    image = places.image
    facts: Facts = {}
    for tag, value in image.dynamic:
        if tag == "NEEDED":
            continue
        text = dynamic_value(image, tag, value)
        facts[tag] = f"{facts[tag]}, {text}" if tag in facts else text
    flags, flags_1 = image.tags.get("FLAGS", 0), image.tags.get("FLAGS_1", 0)
    if "BIND_NOW" in facts:  # three spellings of one wish
        del facts["BIND_NOW"]
        flags |= 8
    if flags:
        facts["FLAGS"] = elf.flag_names(flags, elf.DT_FLAGS_NAMES)
    if flags_1:
        facts["FLAGS_1"] = elf.flag_names(flags_1, elf.DT_FLAGS_1_NAMES)
    return facts


def dynamic_value(image: Image, tag: str, value: int) -> str:
    if tag in elf.STRING_TAGS:
        return image.dynamic_string(value)
    if tag in ("RELAENT", "SYMENT", "RELRENT", "RELENT"):
        return str(value)
    if tag == "PLTREL":
        return elf.DYNAMIC_TAGS.get(value, str(value))
    if tag in CODE or tag in ("FLAGS", "FLAGS_1", "DEBUG", "TEXTREL", "SYMBOLIC", "BIND_NOW"):
        return "present"
    if tag.endswith("SZ") or tag in SIZES:
        return measured(image, tag, value)
    section = image.section_at(value)
    if section is None:
        section = next(
            (it for it in image.sections if it.address == value and it.flags & elf.SHF_ALLOC), None
        )
    if section is None:
        return f"{value:#x}"
    if tag == "PLTGOT":
        return "the GOT" if section.name.startswith(".got") else section.name
    distance = value - section.address
    return section.name + (f"+{distance:#x}" if distance else "")


def measured(image: Image, tag: str, value: int) -> str:
    """`fits`, or how the number disagrees with the file."""
    table = {"PLTRELSZ": "JMPREL", "RELASZ": "RELA", "STRSZ": "STRTAB", "RELRSZ": "RELR"}.get(
        tag, tag.removesuffix("SZ")
    )
    if tag == "RELACOUNT":
        size = image.tags.get("RELASZ", 0) // 24
        data = image.read(image.tags.get("RELA", 0), size * 24)
        kinds = [info & 0xFFFFFFFF for _, info, _ in struct.iter_unpack("<QQq", data[: len(data) // 24 * 24])]
        leading = next((at for at, kind in enumerate(kinds) if kind != elf.R_RELATIVE), len(kinds))
        return "fits" if value <= leading else f"{value}, but only {leading} relocations are relative"
    if tag == "VERNEEDNUM":
        found = len({library for library, _ in image.versions.needed})
        return "fits" if value == found else f"{value}, but {found} libraries are there"
    if tag == "VERDEFNUM":
        found = len(image.versions.defined) + 1  # the first is the file itself
        return "fits" if value == found else f"{value}, but {found} versions are there"
    section = image.section_at(image.tags.get(table, 0))
    if section is None or section.address != image.tags.get(table):
        return "fits"
    return "fits" if value == section.size else f"{value:#x}, but {section.name} has {section.size:#x} bytes"


# --- hash tables ---------------------------------------------------------------------------------------------


def hash_faults(places: Places) -> Iterator[tuple[str, str]]:
    """Defined dynamic symbols that a loader would not find: (key, text)."""
    image = places.image
    exported = [
        (index, symbol.name)
        for index, symbol in enumerate(image.dynamic_symbols)
        if index and symbol.is_defined and symbol.binding != elf.STB_LOCAL
    ]
    if "GNU_HASH" in image.tags:
        yield from gnu_faults(image, exported)
    if "HASH" in image.tags:
        yield from sysv_faults(image, exported)


def gnu_hash(name: bytes) -> int:
    value = 5381
    for byte in name:
        value = (value * 33 + byte) & 0xFFFFFFFF
    return value


def gnu_faults(image: Image, exported: list[tuple[int, str]]) -> Iterator[tuple[str, str]]:
    """Look each symbol up as glibc does: filter, bucket, chain."""
    base = image.tags["GNU_HASH"]
    buckets, first, words, shift = struct.unpack("<4I", image.read(base, 16).ljust(16, b"\0"))
    at = base + 16 + words * 8 + buckets * 4
    for index, name in exported:
        value = gnu_hash(name.encode("utf-8", "surrogateescape"))
        if not buckets or not words:
            yield f".gnu.hash.{name}", "the table is empty"
            continue
        word = image.word(base + 16 + value // 64 % words * 8)
        if not (word >> value % 64 & 1 and word >> (value >> shift) % 64 & 1):
            yield f".gnu.hash.{name}", "the filter says that there is no such symbol"
            continue
        place = image.word(base + 16 + words * 8 + value % buckets * 4, 4)
        while place >= first:
            entry = image.word(at + (place - first) * 4, 4)
            if place == index and entry | 1 == value | 1:
                break
            place = 0 if entry & 1 else place + 1
        else:
            yield f".gnu.hash.{name}", "the chain of its bucket does not lead to it"


def sysv_hash(name: bytes) -> int:
    value = 0
    for byte in name:
        value = (value << 4) + byte
        high = value & 0xF0000000
        value = (value ^ high >> 24) & ~high
    return value


def sysv_faults(image: Image, exported: list[tuple[int, str]]) -> Iterator[tuple[str, str]]:
    base = image.tags["HASH"]
    buckets, chains = image.word(base, 4), image.word(base + 4, 4)
    for index, name in exported:
        value = sysv_hash(name.encode("utf-8", "surrogateescape"))
        place = image.word(base + 8 + value % buckets * 4, 4) if buckets else 0
        for _ in range(chains):
            if place in (0, index):
                break
            place = image.word(base + 8 + (buckets + place) * 4, 4)
        if place != index:
            yield f".hash.{name}", "the chain of its bucket does not lead to it"
