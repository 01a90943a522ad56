"""Compact relocations (SHT_CREL) read for error texts; kernels/crel.py tells of the encoding."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def relocations(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """(offset, type, symbol, addend) of each relocation; LookupError: the section ends too early."""
    header, at = read_number(data, 0)
    header %= 1 << 64
    shift, flag_bits = header & 3, 3 if header & 4 else 2
    offset = type = symbol = addend = 0
    for _ in range(header >> 3):
        flags = data[at] & ((1 << flag_bits) - 1)
        delta, at = read_number(data, at)
        offset += delta >> flag_bits
        if flags & 1:
            delta, at = read_signed(data, at)
            symbol += delta
        if flags & 2:
            delta, at = read_signed(data, at)
            type += delta
        if flags & 4:
            delta, at = read_signed(data, at)
            addend += delta
        wrapped = (addend + (1 << 63)) % (1 << 64) - (1 << 63)
        yield (offset << shift) % (1 << 64), type % (1 << 32), symbol % (1 << 32), wrapped


def read_number(data: bytes, at: int) -> tuple[int, int]:
    """An unsigned LEB128 (DWARF 5, 7.6), and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        shift += 7
        at += 1
        if byte < 0x80:
            return value, at


def read_signed(data: bytes, at: int) -> tuple[int, int]:
    """A signed LEB128, and where it ends."""
    value, end = read_number(data, at)
    bits = 7 * (end - at)
    return value - (1 << bits) if value >> (bits - 1) else value, end
