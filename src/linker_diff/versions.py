"""Symbol versions of a shared object or dynamic executable (gABI supplement, "Symbol Versioning")."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from linker_diff.image import Image

HIDDEN, VERSION_MASK = 0x8000, 0x7FFF
VER_FLG_BASE, VER_FLG_WEAK = 1, 2


class Versions(NamedTuple):
    """`of_symbols`: per dynamic symbol "@V", "@@V" or "". `defined`: name -> (flags, parents), in order.
    `needed`: (library, version) -> flags."""

    of_symbols: list[str]
    defined: dict[str, tuple[int, tuple[str, ...]]]
    needed: dict[tuple[str, str], int]


def read_versions(image: Image) -> Versions:
    """Follow DT_VERDEF and DT_VERNEED, then look up each half word of DT_VERSYM."""
    names: dict[int, str] = {}
    defined = read_definitions(image, names)
    own = set(names)
    needed = read_needs(image, names)
    return Versions(read_symbol_versions(image, names, own), defined, needed)


def read_definitions(image: Image, names: dict[int, str]) -> dict[str, tuple[int, tuple[str, ...]]]:
    defined = {}
    address = image.tags.get("VERDEF", 0)
    for _ in range(image.tags.get("VERDEFNUM", 0)):
        flags, index = image.word(address + 2, 2), image.word(address + 4, 2)
        count, auxiliary, following = (
            image.word(address + 6, 2),
            address + image.word(address + 12, 4),
            image.word(address + 16, 4),
        )
        texts = []
        for _ in range(count):
            texts.append(image.dynamic_string(image.word(auxiliary, 4)))
            auxiliary += image.word(auxiliary + 4, 4)
        if texts and not flags & VER_FLG_BASE:
            defined[texts[0]] = (flags, tuple(texts[1:]))
            names[index & VERSION_MASK] = texts[0]
        if not following:
            break
        address += following
    return defined


def read_needs(image: Image, names: dict[int, str]) -> dict[tuple[str, str], int]:
    needed = {}
    address = image.tags.get("VERNEED", 0)
    for _ in range(image.tags.get("VERNEEDNUM", 0)):
        count = image.word(address + 2, 2)
        library = image.library_name(image.dynamic_string(image.word(address + 4, 4)))
        auxiliary, following = address + image.word(address + 8, 4), image.word(address + 12, 4)
        for _ in range(count):
            flags, index = image.word(auxiliary + 4, 2), image.word(auxiliary + 6, 2)
            name = image.dynamic_string(image.word(auxiliary + 8, 4))
            needed[library, name] = flags
            names[index & VERSION_MASK] = name
            auxiliary += image.word(auxiliary + 12, 4)
        if not following:
            break
        address += following
    return needed


def read_symbol_versions(image: Image, names: dict[int, str], own: set[int]) -> list[str]:
    table = image.by_name.get(".gnu.version")
    if table is None or "VERSYM" not in image.tags:
        return []
    data = image.read(image.tags["VERSYM"], table.size)
    found = []
    for offset in range(0, len(data) - 1, 2):
        value = int.from_bytes(data[offset : offset + 2], "little")
        index = value & VERSION_MASK
        name = names.get(index, "" if index < 2 else f"<version {index}>")
        if index == 0:
            name = "LOCAL"
        mark = "@@" if index in own and not value & HIDDEN else "@"
        found.append(mark + name if name else "")
    return found
