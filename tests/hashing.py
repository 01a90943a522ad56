"""The two hash tables of the dynamic linker, read as the loader reads them."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from elf import Elf


def sysv_hash(name: str) -> int:
    """The hash function of DT_HASH (gABI, Hash Table)."""
    value = 0
    for byte in name.encode(errors="surrogateescape"):
        value = (value << 4) + byte
        high = value & 0xF0000000
        value = (value ^ (high >> 24)) & ~high
    return value & 0xFFFFFFFF


def gnu_hash(name: str) -> int:
    """The hash function of DT_GNU_HASH."""
    value = 5381
    for byte in name.encode(errors="surrogateescape"):
        value = (value * 33 + byte) & 0xFFFFFFFF
    return value


def words(data: bytes, offset: int, count: int, size: int = 4) -> tuple[int, ...]:
    return struct.unpack_from(f"<{count}{'I' if size == 4 else 'Q'}", data, offset)


def sysv_finds(table: bytes, names: list[str], index: int) -> bool:
    """Whether a walk through the chain of a symbol's bucket meets the symbol."""
    buckets, chains = words(table, 0, 2)
    current = words(table, 8 + 4 * (sysv_hash(names[index]) % buckets), 1)[0]
    for _ in range(chains):
        if current == index or not current:
            break
        current = words(table, 8 + 4 * (buckets + current), 1)[0]
    return current == index


def gnu_finds(table: bytes, names: list[str], index: int) -> bool:
    """Whether the Bloom filter lets a symbol pass and the walk through its bucket meets it."""
    buckets, first, blooms, shift = words(table, 0, 4)
    value = gnu_hash(names[index])
    bloom = words(table, 16 + 8 * (value // 64 % blooms), 1, 8)[0]
    if not (bloom >> value % 64) & (bloom >> (value >> shift) % 64) & 1:
        return False
    chains = 16 + 8 * blooms + 4 * buckets
    current = words(table, 16 + 8 * blooms + 4 * (value % buckets), 1)[0]
    while current >= first:
        chained = words(table, chains + 4 * (current - first), 1)[0]
        if (chained | 1) == (value | 1) and current == index:
            return True
        if chained & 1:
            break
        current += 1
    return False


def faults(file: Elf) -> Iterator[str]:
    """Every defined dynamic symbol is found through each hash table that is there."""
    symbols = file.dynamic_symbol_list
    names = [symbol.name for symbol in symbols]
    defined = [number for number, symbol in enumerate(symbols) if number and symbol.section != "UNDEF"]
    for section, finds in ((".gnu.hash", gnu_finds), (".hash", sysv_finds)):
        if section in file.sections:
            table = file.contents(section)
            yield from (f"{section} does not find {names[n]}" for n in defined if not finds(table, names, n))
    if file.tag("HASH") and words(file.contents(".hash"), 4, 1)[0] != len(symbols):
        yield ".hash does not have one chain word for each dynamic symbol"
