"""Line number programs: where one ends, and the fields in it (DWARF 5, section 6.2.4).

The rows of a program follow from its bytes and the addresses that it sets, so programs whose other bytes are equal make
equal rows from equal addresses. Only opcodes that set an address are wanted, and a regular expression skips all others
as fast as bytes can be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from linker_diff.dwarf import FORM_LINE_STRP, FORM_STRP, Field, after_form, leb128

SET_ADDRESS = b"\x00\x09\x02"


def line_fields(data: bytes, start: int) -> tuple[int, list[Field]]:
    """The size of a line program, and its fields at offsets from its start."""
    length, wide = int.from_bytes(data[start : start + 4], "little"), 4
    if length == 0xFFFFFFFF:
        length, wide = int.from_bytes(data[start + 4 : start + 12], "little"), 8
    at = start + (12 if wide == 8 else 4)
    end = min(at + length, len(data))
    version = int.from_bytes(data[at : at + 2], "little")
    at += 4 if version >= 5 else 2
    program = at + wide + int.from_bytes(data[at : at + wide], "little")
    at += wide + (6 if version >= 4 else 5)
    opcodes = data[at - 1] if at <= len(data) else 0
    lengths = data[at : at + max(opcodes - 1, 0)]
    fields = list(header_fields(data, start, at + len(lengths), end, wide)) if version >= 5 else []
    fields += (
        Field(place - start, "line_address", 0, 8) for place in addresses(data, program, end, bytes(lengths))
    )
    return end - start, fields


def header_fields(data: bytes, start: int, at: int, end: int, wide: int) -> Iterator[Field]:
    """The strings of the tables of directories and files of DWARF 5."""
    for _ in range(2):
        count, at = data[at] if at < end else 0, at + 1
        forms = []
        for _ in range(count):
            _, at = leb128(data, at)
            form, at = leb128(data, at)
            forms.append(form)
        rows, at = leb128(data, at)
        for _ in range(rows if forms else 0):
            for form in forms:
                if form in (FORM_STRP, FORM_LINE_STRP):
                    kind = "string" if form == FORM_STRP else "line_string"
                    yield Field(at - start, kind, 0, wide)
                at = after_form(data, at, form, wide)
            if at >= end:
                return


def addresses(data: bytes, at: int, end: int, lengths: bytes) -> Iterator[int]:
    """The places of all addresses that a program sets."""
    skip = skipper(lengths)
    while at < end:
        found = skip.match(data, at, end)
        at = found.end() if found else at
        if data.startswith(SET_ADDRESS, at):
            yield at + 3
            at += 11
        elif data[at : at + 1] == b"\0":  # an extended opcode that the expression does not know
            size, at = leb128(data, at + 1)
            at += size
        else:
            return


@cache
def skipper(lengths: bytes) -> re.Pattern[bytes]:
    """Matches opcodes that set no address; `lengths` tells how many numbers follow each standard opcode."""
    number = rb"[\x80-\xff]*[\x00-\x7f]"
    parts = [
        rb"\x00(?:\x01\x01|\x02\x04.|\x03\x04..)",
        rb"[" + re.escape(bytes([len(lengths) + 1])) + rb"-\xff]",
    ]
    for opcode, count in enumerate(lengths, 1):
        operands = rb".." if opcode == 9 and count == 1 else number * count  # DW_LNS_fixed_advance_pc
        parts.append(re.escape(bytes([opcode])) + operands)
    return re.compile(rb"(?s:" + rb"|".join(parts) + rb")*+")
