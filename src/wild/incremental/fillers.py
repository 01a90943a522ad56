"""What stands in the holes of sections that are read from one end to the other.

Debug information is a row of units that say how long they are, so a hole has to look like a unit that says nothing.
Each of these has been tried with readelf, objdump, nm -l, addr2line, gdb, llvm-dwarfdump --verify and
llvm-symbolizer (DWARF 5, sections 7.5.1, 6.2.4, 7.26-7.29):

- .debug_info: a partial unit whose only entry has one vendor attribute, a block that covers the rest.  Its
  abbreviations are the linker's own table at the start of the room of .debug_abbrev.
- .debug_line: a complete header without files, and an unknown extended opcode that covers the rest.
- lists and offsets: a unit that has a header only.
- strings, abbreviations, and the lists of DWARF 4 that are only reached by offset: zeros.
"""

from __future__ import annotations

# DW_TAG_partial_unit without children, attribute 0x2cce (a vendor's) as DW_FORM_block4; end of table.
ABBREVIATIONS = bytes((1, 0x3C, 0, 0xCE, 0x59, 0x04, 0, 0, 0))
ZEROS = frozenset(
    (".debug_abbrev", ".debug_str", ".debug_line_str", ".debug_ranges", ".debug_loc", ".comment")
)
SMALLEST = 64  # a hole is empty or has at least so many bytes
INFO_HEADER, LINE_HEADER = 17, 40


def fills(section: str) -> bool:
    """Is there something to fill holes of this section with?"""
    return section in ZEROS or section in UNITS


def filler(section: str, size: int, abbreviations: int) -> bytes:
    """`size` bytes (none or at least SMALLEST); `abbreviations` is the offset of ABBREVIATIONS in .debug_abbrev."""
    head = filler_head(section, size, abbreviations)
    return head + bytes(size - len(head))


def filler_head(section: str, size: int, abbreviations: int) -> bytes:
    """What of a filler is not zero."""
    return UNITS[section](size, abbreviations) if section in UNITS and size else b""


def info(size: int, abbreviations: int) -> bytes:
    head = number(size - 4, 4) + number(5, 2) + bytes((3, 8)) + number(abbreviations, 4)
    return head + b"\x01" + number(size - INFO_HEADER, 4)


def line(size: int, abbreviations: int) -> bytes:
    """Version 5; one directory and one file, both "", in DW_FORM_string."""
    tables = bytes((1, 1, 8, 1, 0)) + bytes((1, 1, 8, 1, 0))
    fields = bytes((1, 1, 1, 0xFB, 14, 13)) + bytes((0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1)) + tables
    head = number(5, 2) + bytes((8, 0)) + number(len(fields), 4) + fields
    rest = size - 4 - len(head) - 1 - 5  # behind the opcode's 0 and a length of five bytes
    return number(size - 4, 4) + head + b"\x00" + leb128(rest) + b"\x7f"


def header_only(size: int, abbreviations: int) -> bytes:
    """Length, version 5, address size 8, segment selector size 0, no offsets."""
    return number(size - 4, 4) + number(5, 2) + bytes((8, 0)) + number(0, 4)


def offsets(size: int, abbreviations: int) -> bytes:
    """.debug_str_offsets and .debug_addr: length, version 5, and two bytes that differ."""
    return number(size - 4, 4) + number(5, 2) + bytes(2)


def addresses(size: int, abbreviations: int) -> bytes:
    return number(size - 4, 4) + number(5, 2) + bytes((8, 0))


def leb128(value: int) -> bytes:
    """Five bytes, whatever the value."""
    return bytes((value >> 7 * i & 0x7F) | (0x80 if i < 4 else 0) for i in range(5))


def number(value: int, size: int) -> bytes:
    return value.to_bytes(size, "little")


UNITS = {
    ".debug_info": info,
    ".debug_line": line,
    ".debug_rnglists": header_only,
    ".debug_loclists": header_only,
    ".debug_str_offsets": offsets,
    ".debug_addr": addresses,
}
