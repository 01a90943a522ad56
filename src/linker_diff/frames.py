"""Unwind records: `.eh_frame` by function, `.eh_frame_hdr`, and the call-site tables they lead to.

LSB Core, "Exception Frames" and "Exception Frame Header"; DWARF 5, section 6.4. The call-site tables
(`.gcc_except_table`) have no specification but the Itanium C++ ABI's "Exception Handling Tables".
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property
from typing import NamedTuple

from linker_diff.image import Image, Section

DW_EH_PE_OMIT, DW_EH_PE_INDIRECT = 0xFF, 0x80
FORMATS = {
    0: (8, False),
    2: (2, False),
    3: (4, False),
    4: (8, False),
    10: (2, True),
    11: (4, True),
    12: (8, True),
}


class Cie(NamedTuple):
    """What the records of many functions share; `augmentation` without the pointers in it."""

    augmentation: str
    factors: tuple[int, int, int]
    program: bytes
    personality: int
    code_encoding: int
    lsda_encoding: int


class Frame(NamedTuple):
    """The record of one function (FDE); `lsda` is 0 if it has none."""

    start: int
    size: int
    cie: Cie
    program: bytes
    lsda: int
    address: int

    @property
    def end(self) -> int:
        return self.start + self.size


class CallSites(NamedTuple):
    """The table of one function: all but addresses as bytes, and the places of the types it catches."""

    fixed: bytes
    types: list[int]
    encoding: int


class Reader:
    """Reads numbers from the memory of an image; past its end they are 0."""

    def __init__(self, image: Image, address: int, size: int) -> None:
        self.image, self.base, self.at = image, address, 0
        self.data = image.read(address, size)

    @property
    def address(self) -> int:
        return self.base + self.at

    def take(self, size: int) -> bytes:
        self.at += size
        return self.data[self.at - size : self.at]

    def number(self, size: int, signed: bool = False) -> int:
        return int.from_bytes(self.take(size), "little", signed=signed)

    def leb128(self, signed: bool = False) -> int:
        value = shift = 0
        while self.at < len(self.data) and shift < 70:
            byte = self.number(1)
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value - (1 << shift) if signed and byte & 64 else value
        return value

    def text(self) -> str:
        end = self.data.find(b"\0", self.at)
        text = self.data[self.at : end if end >= 0 else len(self.data)]
        self.at += len(text) + 1
        return text.decode("ascii", "replace")

    def pointer(self, encoding: int, data_base: int = 0) -> int:
        """An encoded pointer, not yet read through if it is indirect; 0 stays 0."""
        if encoding == DW_EH_PE_OMIT:
            return 0
        place = self.address
        if encoding & 15 in (1, 9):
            value = self.leb128(encoding & 15 == 9)
        else:
            value = self.number(*FORMATS.get(encoding & 15, (8, False)))
        if value and encoding & 0x70 == 0x10:
            value += place
        elif value and encoding & 0x70 == 0x30:
            value += data_base
        return value & ((1 << 64) - 1)


class Frames:
    """All unwind records of a file, by function."""

    def __init__(self, image: Image) -> None:
        self.image = image
        self.by_start: dict[int, Frame] = {}
        self.cies: dict[int, Cie] = {}
        self.records: dict[int, set[int]] = {}  # function -> addresses of the records about it
        self.duplicates: list[Frame] = []
        section = image.by_name.get(".eh_frame")
        if section is not None and section.is_mapped:
            self.read_section(section)
        self.starts = sorted(self.by_start)

    def at(self, address: int) -> Frame | None:
        """The record of the function that an address lies in."""
        index = bisect_right(self.starts, address) - 1
        frame = self.by_start[self.starts[index]] if index >= 0 else None
        return frame if frame and address < frame.end else None

    def read_section(self, section: Section) -> None:
        at = section.address
        while at + 4 <= section.end:
            length, header = self.image.word(at, 4), 4
            if length == 0:  # the terminator that crtend.o brings; some linkers put it in the middle
                at += 4
                continue
            if length == 0xFFFFFFFF:
                length, header = self.image.word(at + 4), 12
            if length + header > section.end - at:
                break
            reader = Reader(self.image, at + header, length)
            distance = reader.number(4)
            if distance:
                self.read_frame(at, at + header - distance, reader)
            else:
                self.cies[at] = read_cie(reader)
            at += header + length

    def read_frame(self, address: int, cie_address: int, reader: Reader) -> None:
        cie = self.cies.get(cie_address)
        if cie is None:
            return
        start = reader.pointer(cie.code_encoding)
        size = reader.pointer(cie.code_encoding & 15)
        lsda = 0
        if "z" in cie.augmentation:
            length = reader.leb128()
            end = reader.at + length
            if "L" in cie.augmentation:
                lsda = reader.pointer(cie.lsda_encoding)
            reader.at = end
        frame = Frame(start, size, cie, reader.data[reader.at :].rstrip(b"\0"), lsda, address)
        self.records.setdefault(start, set()).add(address)
        if size == 0 and start in self.by_start:
            return  # it is about no code
        if start in self.by_start and self.by_start[start].size:
            self.duplicates.append(frame)
        else:
            self.by_start[start] = frame

    @cached_property
    def index(self) -> list[tuple[int, int]] | None:
        """The binary search table of `.eh_frame_hdr`: (function, record); None if there is no such table."""
        section = self.image.by_name.get(".eh_frame_hdr")
        if section is None or not section.is_mapped:
            return None
        reader = Reader(self.image, section.address, section.size)
        _, frame_encoding, count_encoding, table_encoding = reader.take(4).ljust(4, b"\xff")
        self.index_target = reader.pointer(frame_encoding, section.address)
        if DW_EH_PE_OMIT in (count_encoding, table_encoding):
            return None
        count = min(reader.pointer(count_encoding, section.address), section.size // 4)
        return [
            (reader.pointer(table_encoding, section.address), reader.pointer(table_encoding, section.address))
            for _ in range(count)
        ]

    def call_sites(self, address: int) -> CallSites:
        """The table of a function at an address in `.gcc_except_table`."""
        section = self.image.section_at(address)
        reader = Reader(self.image, address, section.end - address if section else 0)
        base_encoding = reader.number(1)
        if base_encoding != DW_EH_PE_OMIT:
            reader.pointer(base_encoding)
        encoding = reader.number(1)
        types_at = reader.leb128() + reader.at if encoding != DW_EH_PE_OMIT else 0
        site_encoding, size = reader.number(1), reader.leb128()
        sites, actions = reader.at, reader.at + size
        last, end = read_actions(reader, sites, actions, site_encoding)
        width = FORMATS.get(encoding & 15, (8, False))[0]
        places = [address + types_at - width * (index + 1) for index in range(last)] if types_at else []
        # The distance to the types depends on alignment, which is the linker's to choose.
        return CallSites(reader.data[sites:end], places, encoding)


def read_cie(reader: Reader) -> Cie:
    version, augmentation = reader.number(1), reader.text()
    if version == 4:
        reader.take(2)
    factors = (reader.leb128(), reader.leb128(True), reader.number(1) if version == 1 else reader.leb128())
    personality, code_encoding, lsda_encoding = 0, 0, DW_EH_PE_OMIT
    if augmentation.startswith("z"):
        length = reader.leb128()
        end = reader.at + length
        for letter in augmentation[1:]:
            if letter == "P":
                encoding = reader.number(1)
                personality = reader.pointer(encoding)
                if encoding & DW_EH_PE_INDIRECT and personality:
                    personality = -personality  # through the word there
            elif letter == "R":
                code_encoding = reader.number(1)
            elif letter == "L":
                lsda_encoding = reader.number(1)
        reader.at = end
    program = reader.data[reader.at :].rstrip(b"\0")
    return Cie(augmentation, factors, program, personality, code_encoding, lsda_encoding)


def read_actions(reader: Reader, sites: int, actions: int, encoding: int) -> tuple[int, int]:
    """How many types the actions of all call sites refer to, and where the last action ends."""
    highest, last = 0, actions
    pending: set[int] = set()
    seen: set[int] = set()
    reader.at = sites
    while reader.at < actions:
        for _ in range(3):
            reader.pointer(encoding & 15)
        action = reader.leb128()
        if action:
            pending.add(actions + action - 1)
    while pending:
        reader.at = pending.pop()
        if reader.at in seen or reader.at >= len(reader.data):
            continue
        seen.add(reader.at)
        highest = max(highest, reader.leb128(True))
        place = reader.at
        following = reader.leb128(True)
        last = max(last, reader.at)
        if following:
            pending.add(place + following)
    return min(highest, 4096), last
