"""Where in the source a place of an object is: `main.c:3` from its line table, the function from its symbols.

Only for error texts (`>>> referenced by main.c:3`). The line tables of DWARF 2 to 5 (DWARF 5, section 6.2)
are read directly instead of with a DWARF library: an error should show the line whatever else is installed,
at once, and whatever nonsense the table of a broken object holds. In the tests pyelftools is the twin.

In a relocatable object a table speaks of no addresses yet. Each sequence of rows begins with an address that
a relocation against some section will fill in, so the relocations of `.debug_line` say which section a
sequence is about and at which offset it begins; and a table that no relocation ties to the wanted section
need not be decoded.

Places in data are looked for in debug_variables.py.

Everything is read through slices and `struct`, which raise for what lies outside. Whatever goes wrong in
here, the answer is None: debug information is a courtesy, and the error that is being worded matters more.
"""

from __future__ import annotations

import struct

from wild.object_view import ObjectView

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeAlias

    Object: TypeAlias = bytes | memoryview | ObjectView
    Targets: TypeAlias = dict[int, tuple[int, int]]  # place in .debug_line -> section, offset in it

SHF_EXECINSTR = 4
STT_FUNC = 2
STT_GNU_IFUNC = 10

_FAILURES = (struct.error, LookupError, ValueError, ArithmeticError, MemoryError)

_LARGEST_TABLE = 16 << 20  # bytes of one table, which take some seconds

# DW_LNS_* and DW_LNE_* opcodes (DWARF 5, sections 6.2.5.2 and 6.2.5.3)
_COPY, _ADVANCE_PC, _ADVANCE_LINE, _SET_FILE, _CONST_ADD_PC, _FIXED_ADVANCE_PC = 1, 2, 3, 4, 8, 9
_END_SEQUENCE, _SET_ADDRESS = 1, 2

# DW_LNCT_* and DW_FORM_* of DWARF 5 file tables (sections 6.2.4.1 and 7.5.6)
_PATH, _DIRECTORY_INDEX = 1, 2
_STRING, _STRP, _LINE_STRP, _UDATA, _BLOCK = 0x08, 0x0E, 0x1F, 0x0F, 0x09
_FIXED_FORMS = {0x0B: 1, 0x05: 2, 0x06: 4, 0x07: 8, 0x1E: 16}  # data1, data2, data4, data8, data16


def source_of(object_bytes: Object, section_index: int, offset: int) -> str | None:
    """`directory/file.c:12` of a place in a section of a relocatable object; None where it does not say.

    The path is relative to the directory that the compiler ran in where it lies below it. Who asks about one
    object several times makes an ObjectView of it, which remembers what was read.
    """
    try:
        return _source_of(_view_of(object_bytes), section_index, offset)
    except _FAILURES:
        return None


def function_of(object_bytes: Object, section_index: int, offset: int) -> str | None:
    """The name, still mangled, of the function that holds a place in a section of a relocatable object."""
    try:
        return _function_of(_view_of(object_bytes), section_index, offset)
    except _FAILURES:
        return None


def _view_of(object_bytes: Object) -> ObjectView:
    return object_bytes if isinstance(object_bytes, ObjectView) else ObjectView(object_bytes)


def _function_of(view: ObjectView, section: int, offset: int) -> str | None:
    """The symbol whose bytes hold the place; else the last before it that has no size, as in assembly."""
    nearest, distance = 0, offset + 1
    for name, info, value, size, shndx in view.symbols:
        if shndx != section or info & 15 not in {STT_FUNC, STT_GNU_IFUNC} or value > offset:
            continue
        if offset < value + size:
            nearest = name
            break
        if not size and offset - value < distance:
            nearest, distance = name, offset - value
    return view.symbol_name(nearest) if nearest else None


def _source_of(view: ObjectView, section: int, offset: int) -> str | None:
    index = view.find_debug("line")
    if not index:
        return None
    if not view.headers[section][2] & SHF_EXECINSTR:
        from wild.debug_variables import variable_source

        return variable_source(view, section, offset)
    data = view.contents(index)
    targets = view.relocation_targets(index)
    places = [place for place, (target, _) in targets.items() if target == section]
    for unit in line_tables(data):
        if any(unit.begin <= place < unit.end for place in places):
            found = unit.row_of(section, offset, targets)
            if found is not None:
                file, line = found
                return f"{Files(unit, view, targets).path(file)}:{line}" if line else None
    return None


def line_tables(data: bytes) -> Iterator[LineTable]:
    at = 0
    while at < len(data):
        unit = LineTable(data, at)
        yield unit
        at = unit.end


class LineTable:
    """One line number program: the fixed part of its header (DWARF 5, section 6.2.4)."""

    def __init__(self, data: bytes, begin: int) -> None:
        self.data = data
        self.begin = at = begin
        (length,) = struct.unpack_from("<I", data, at)
        self.offset_size = 4
        at += 4
        if length == 0xFFFFFFFF:
            (length,) = struct.unpack_from("<Q", data, at)
            self.offset_size = 8
            at += 8
        self.end = at + length
        if self.end > len(data):
            raise ValueError("a table that is cut short")
        (self.version,) = struct.unpack_from("<H", data, at)
        if not 2 <= self.version <= 5:
            raise ValueError("an unknown version")
        at += 4 if self.version == 5 else 2  # version 5 has sizes of addresses and segment selectors here
        header_length = int.from_bytes(data[at : at + self.offset_size], "little")
        at += self.offset_size
        self.program = at + header_length
        self.unit_of_address = data[at]
        at += 2 if self.version >= 4 else 1  # operations per instruction
        # Behind one byte, whether rows begin as statements:
        self.line_base, self.line_range, self.opcode_base = struct.unpack_from("<bBB", data, at + 1)
        self.lengths = data[at + 4 : at + 3 + self.opcode_base]
        self.tables = at + 3 + self.opcode_base  # of directories and files

    def row_of(self, section: int, offset: int, targets: Targets) -> tuple[int, int] | None:
        """(file, line) of the row that holds the place."""
        if self.end - self.program > _LARGEST_TABLE:
            return None
        at = self.program
        while at < self.end:
            found, at = self.row_in_sequence(at, section, offset, targets)
            if found:
                return found
        return None

    def row_in_sequence(
        self, at: int, section: int, offset: int, targets: Targets
    ) -> tuple[tuple[int, int] | None, int]:
        """Run the state machine over one sequence; the row if it is in there, and where the sequence ends."""
        data = self.data
        here, address, file, line = -1, 0, 1, 1
        row_address, row = offset + 1, (0, 0)  # the row before
        while at < self.end:
            opcode = data[at]
            at += 1
            ends = False
            if opcode >= self.opcode_base:
                advance, step = divmod(opcode - self.opcode_base, self.line_range)
                address += advance * self.unit_of_address
                line += self.line_base + step
            elif opcode == 0:
                length, at = uleb(data, at)
                ends = data[at] == _END_SEQUENCE
                if data[at] == _SET_ADDRESS:
                    here, address = targets.get(at + 1, (-1, 0))
                at += length
                if not ends:
                    continue
            elif opcode == _ADVANCE_LINE:
                step, at = _sleb(data, at)
                line += step
                continue
            elif opcode == _SET_FILE:
                file, at = uleb(data, at)
                continue
            elif opcode != _COPY:
                advance, at = self.advance(opcode, at)
                address += advance
                continue
            if here == section and row_address <= offset < address:
                return row, at
            if ends:
                break
            row_address, row = address, (file, line)
        return None, at

    def advance(self, opcode: int, at: int) -> tuple[int, int]:
        """How far a standard opcode moves the address (most: not at all), and where the next opcode is."""
        if opcode == _ADVANCE_PC:
            operand, at = uleb(self.data, at)
            return operand * self.unit_of_address, at
        if opcode == _CONST_ADD_PC:
            return (255 - self.opcode_base) // self.line_range * self.unit_of_address, at
        if opcode == _FIXED_ADVANCE_PC:
            return int.from_bytes(self.data[at : at + 2], "little"), at + 2
        for _ in range(self.lengths[opcode - 1]):
            _, at = uleb(self.data, at)
        return 0, at


class Files:
    """The directories and files of a unit; `directories` and `files` count from 0 as the table does."""

    def __init__(self, unit: LineTable, view: ObjectView, targets: Targets) -> None:
        self.unit = unit
        self.data = unit.data
        self.view = view
        self.targets = targets
        self.at = unit.tables
        self.directories: list[str] = []
        self.files: list[tuple[str, int]] = []  # name, index of its directory
        if unit.version == 5:
            self.directories = [name for name, _ in self.entries()]
            self.files = self.entries()
        else:
            self.old_tables()

    def path(self, file: int) -> str:
        if self.unit.version < 5:
            file -= 1
        if file < 0:
            raise IndexError("file 0 before DWARF 5")
        name, directory = self.files[file]
        if directory and not name.startswith("/"):
            name = f"{self.directories[directory]}/{name}"
        below = f"{self.directories[0]}/"
        return name.removeprefix(below) if below != "/" else name

    def old_tables(self) -> None:
        """Strings up to an empty one, twice.  Directory 0 is the compiler's, which is not in the table."""
        self.directories.append("")
        while name := self.string_here():
            self.directories.append(name)
        while name := self.string_here():
            numbers = []
            for _ in range(3):  # directory, time, size
                number, self.at = uleb(self.data, self.at)
                numbers.append(number)
            self.files.append((name, numbers[0]))

    def entries(self) -> list[tuple[str, int]]:
        """A table that begins with a description of its columns; (path, directory index) of every row."""
        columns = []
        count = self.data[self.at]
        self.at += 1
        for _ in range(count):
            content, self.at = uleb(self.data, self.at)
            form, self.at = uleb(self.data, self.at)
            columns.append((content, form))
        count, self.at = uleb(self.data, self.at)
        if count > self.unit.end - self.at or not columns:  # every column takes a byte at least
            raise ValueError("more rows than bytes")
        rows = []
        for _ in range(count):
            row = {content: self.value(form) for content, form in columns}
            rows.append((str(row.get(_PATH, "")), int(row.get(_DIRECTORY_INDEX, 0))))
        return rows

    def value(self, form: int) -> str | int:
        if form == _STRING:
            return self.string_here()
        if form in {_STRP, _LINE_STRP}:
            place = self.at
            self.at += self.unit.offset_size
            written = int.from_bytes(self.data[place : self.at], "little")
            _, offset = self.targets.get(place, (0, written))
            section = self.view.find_debug("str" if form == _STRP else "line_str")
            return self.view.string(section, offset)
        if form in _FIXED_FORMS:
            begin = self.at
            self.at += _FIXED_FORMS[form]
            return int.from_bytes(self.data[begin : self.at], "little")
        number, self.at = uleb(self.data, self.at)
        if form == _BLOCK:
            self.at += number
        elif form != _UDATA:
            raise ValueError("a form that file tables do not use")
        return number

    def string_here(self) -> str:
        end = self.data.index(0, self.at)
        text = self.data[self.at : end].decode("utf-8", "replace")
        self.at = end + 1
        return text


def uleb(data: bytes, at: int) -> tuple[int, int]:
    """An unsigned LEB128 number and the place behind it."""
    byte = data[at]
    at += 1
    value = byte & 0x7F
    shift = 7
    while byte & 0x80:
        if shift > 63:
            raise ValueError("a number of more than 64 bits")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
    return value, at


def _sleb(data: bytes, at: int) -> tuple[int, int]:
    value, end = uleb(data, at)
    return value - (1 << 7 * (end - at)) if data[end - 1] & 0x40 else value, end
