"""The operations of DWARF expressions, as far as is needed to find the addresses in them (DWARF 5, section 7.7.1)."""

from __future__ import annotations

from collections.abc import Iterator

ADDR, CALL_REF, IMPLICIT_POINTER, FORM_TLS, GNU_TLS = 0x03, 0x9A, 0xA0, 0x9B, 0xE0
CONSTANTS = {0x0C: 4, 0x0D: 4, 0x0E: 8, 0x0F: 8}  # DW_OP_const4u … const8s
REFERRING = frozenset((CALL_REF, IMPLICIT_POINTER, 0xF2, 0xFD))  # and GNU's implicit_pointer, variable_value
# Operands: a digit is so many bytes, `u` a LEB128 number of either sign, `b` a block, `c` one of a one-byte length,
# `o` an offset. Operations that are not named here have none.
OPERANDS = {
    0x03: "8", 0x08: "1", 0x09: "1", 0x0A: "2", 0x0B: "2", 0x0C: "4", 0x0D: "4", 0x0E: "8", 0x0F: "8", 0x10: "u",
    0x11: "u", 0x15: "1", 0x23: "u", 0x28: "2", 0x2F: "2", **dict.fromkeys(range(0x70, 0x92), "u"), 0x92: "uu",
    0x93: "u", 0x94: "1", 0x95: "1", 0x98: "2", 0x99: "4", 0x9A: "o", 0x9D: "uu", 0x9E: "b", 0xA0: "ou", 0xA1: "u",
    0xA2: "u", 0xA3: "b", 0xA4: "uc", 0xA5: "uu", 0xA6: "1u", 0xA7: "1u", 0xA8: "u", 0xA9: "u", 0xF2: "ou", 0xF3: "b",
    0xF4: "uc", 0xF5: "uu", 0xF6: "1u", 0xF7: "u", 0xF9: "u", 0xFA: "4", 0xFB: "u", 0xFC: "u", 0xFD: "o",
}  # fmt: skip
MARKS = frozenset((ADDR, *REFERRING, *CONSTANTS))


def expression_fields(data: bytes, at: int, end: int, wide: int) -> Iterator[tuple[int, str, int]]:
    """(place, kind, width) of the fields of an expression: addresses, thread-local offsets, references to entries."""
    if MARKS.isdisjoint(data[at:end]):
        return
    while at < end:
        operation, at = data[at], at + 1
        if operation == ADDR:
            yield at, "address", 8
        elif operation in REFERRING:
            yield at, "reference", wide
        begin = at
        for operand in OPERANDS.get(operation, ""):
            at = after_operand(data, at, operand, wide)
        if operation in CONSTANTS and data[at : at + 1] in (b"\x9b", b"\xe0") and at < end:
            yield begin, "tls", CONSTANTS[operation]


def after_operand(data: bytes, at: int, operand: str, wide: int) -> int:
    if operand.isdigit():
        return at + int(operand)
    if operand == "o":
        return at + wide
    if operand == "c":
        return at + 1 + (data[at] if at < len(data) else 0)
    value = shift = 0
    while at < len(data):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    return at + value if operand == "b" else at
