"""Call frame information, read as an unwinder reads it: .eh_frame by its records, .eh_frame_hdr by
its table.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from elf import PT_GNU_EH_FRAME, Elf

DW_EH_PE_PCREL_SDATA4, DW_EH_PE_UDATA4, DW_EH_PE_DATAREL_SDATA4 = 0x1B, 0x03, 0x3B


class Fde(NamedTuple):
    """One frame description entry."""

    address: int  # of the entry itself
    function: int
    size: int  # bytes of code
    cie: int  # offset of its common entry


class Frames(NamedTuple):
    """All records of a section."""

    cies: list[int]
    fdes: list[Fde]
    faults: list[str]


def pointer_encoding(record: bytes) -> int:
    """How the FDEs of a CIE write their addresses (LSB, augmentation character R)."""
    augmentation = record[9 : record.index(b"\0", 9)].decode()
    position = 9 + len(augmentation) + 1
    for _ in range(3):  # code alignment, data alignment, return address register
        position = skip_leb128(record, position)
    if not augmentation.startswith("z"):
        return 0
    position = skip_leb128(record, position)
    for letter in augmentation[1:]:
        if letter == "R":
            return record[position]
        position += {"L": 1, "S": 0, "B": 0}.get(letter, 0)
        if letter == "P":
            position += 1 + {0: 8, 2: 2, 3: 4, 4: 8}[record[position] & 7]
    return 0


def skip_leb128(data: bytes, position: int) -> int:
    while data[position] & 0x80:
        position += 1
    return position + 1


def records(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Offset and bytes (from the length field on) of every record up to the terminator or the end."""
    position = 0
    while position + 4 <= len(data):
        (length,) = struct.unpack_from("<I", data, position)
        if not length:
            position += 4  # crtend.o's terminator; a linker may keep it only as the last word
            continue
        yield position, data[position : position + 4 + length]
        position += 4 + length


def read_frames(file: Elf) -> Frames:
    """Read .eh_frame; faults are records that point nowhere."""
    cies: dict[int, int] = {}
    fdes, wrong = [], []
    base = file.sections[".eh_frame"].address
    for offset, record in records(file.contents(".eh_frame")):
        (pointer,) = struct.unpack_from("<I", record, 4)
        if not pointer:
            cies[offset] = pointer_encoding(record)
        elif offset + 4 - pointer not in cies:
            wrong.append(f".eh_frame+{offset:#x}: its CIE would be at {offset + 4 - pointer:#x}")
        elif cies[offset + 4 - pointer] == DW_EH_PE_PCREL_SDATA4:
            start, size = struct.unpack_from("<iI", record, 8)
            fdes.append(Fde(base + offset, (base + offset + 8 + start) % 2**64, size, offset + 4 - pointer))
        else:
            start, size = struct.unpack_from("<qQ", record, 8)
            fdes.append(Fde(base + offset, (base + offset + 8 + start) % 2**64, size, offset + 4 - pointer))
    return Frames(list(cies), fdes, wrong)


def search_table(file: Elf) -> list[tuple[int, int]]:
    """Rows (function, address of its FDE) of .eh_frame_hdr (LSB, .eh_frame_hdr)."""
    header = file.segments_of(PT_GNU_EH_FRAME)[0]
    data = file.data[header.offset : header.offset + header.file_size]
    encodings = DW_EH_PE_PCREL_SDATA4, DW_EH_PE_UDATA4, DW_EH_PE_DATAREL_SDATA4
    assert (1, *encodings) == tuple(data[:4]), f".eh_frame_hdr begins with {data[:4].hex()}"
    frame, count = struct.unpack_from("<iI", data, 4)
    assert header.address + 4 + frame == file.sections[".eh_frame"].address, "eh_frame_ptr points elsewhere"
    rows = struct.iter_unpack("<ii", data[12 : 12 + 8 * count])
    return [(header.address + function, header.address + fde) for function, fde in rows]


def faults(file: Elf) -> Iterator[str]:
    """The records hang together, and the search table has each function once, in ascending order."""
    if ".eh_frame" not in file.sections or not file.sections[".eh_frame"].size:
        return
    frames = read_frames(file)
    yield from frames.faults
    if file.segments_of(PT_GNU_EH_FRAME):
        table = search_table(file)
        if table != sorted(table):
            yield ".eh_frame_hdr is not sorted"
        missing = {(fde.function, fde.address) for fde in frames.fdes if fde.size} - set(table)
        if missing:
            yield f".eh_frame_hdr lacks {len(missing)} of {len(frames.fdes)} functions"
        if len(table) > len(frames.fdes):
            yield f".eh_frame_hdr has {len(table)} rows for {len(frames.fdes)} functions"
