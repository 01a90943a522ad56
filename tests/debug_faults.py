"""Planted faults in debug information: one address, offset, row or tombstone wrong in an otherwise good link."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

from damage import Damaged, fault

from linker_diff.debug_claims import is_tombstone
from linker_diff.dwarf import Dwarf, Unit, table_fields, unit_fields
from linker_diff.dwarf_lines import line_fields
from linker_diff.dwarf_lists import list_fields
from linker_diff.places import Places

LOW_PC, NAME, CALL_ORIGIN = 0x11, 0x03, 0x7F
MAIN, OTHER = 0, 1  # the two units


def fields(it: Damaged, number: int, kind: str, attribute: int = 0) -> Iterator[tuple[int, int, int]]:
    """(offset in the file, width, value) of the fields of a unit's entries."""
    dwarf = Dwarf(it.image)
    unit = dwarf.units[number]
    for field in unit_fields(dwarf.sections[unit.section], unit):
        if field.kind == kind and attribute in (0, field.attribute):
            at = it.section(unit.section).offset + unit.start + field.at
            yield at, field.width, int.from_bytes(it.data[at : at + field.width], "little")


def led_to(it: Damaged, number: int, kind: str) -> tuple[int, int, Unit]:
    """Where the first such field of a unit leads to, in a section whose offset in the file is the second value."""
    _, _, value = next(fields(it, number, kind))
    names = {
        "lines": ".debug_line", "ranges": ".debug_rnglists", "location": ".debug_loclists",
        "string_offsets": ".debug_str_offsets", "addresses": ".debug_addr",
    }  # fmt: skip
    unit = Dwarf(it.image).units[number]
    name = names[kind]
    if unit.version < 5:
        name = {"ranges": ".debug_ranges", "location": ".debug_loc"}.get(kind, name)
    return value, it.section(name).offset, unit


def live(it: Damaged, value: int) -> bool:
    return not is_tombstone(Places(it.image), value)


def add_at(it: Damaged, at: int, amount: int, width: int) -> None:
    value = int.from_bytes(it.data[at : at + width], "little") + amount
    it.put(at, (value % (1 << 8 * width)).to_bytes(width, "little"))


def first(
    it: Damaged, found: Iterator[tuple[int, int, int]], wanted: Callable[[int], bool]
) -> tuple[int, int]:
    return next((at, width) for at, width, value in found if wanted(value))


@fault("debug", "debug.info.*")
@fault("debug-4", "debug.info.*")
def address_of_a_described_function(it: Damaged) -> None:
    at, width = first(it, fields(it, MAIN, "address", LOW_PC), lambda value: live(it, value))
    add_at(it, at, 1, width)


@fault("debug", "debug.info.*")
@fault("debug-4", "debug.info.*")
def address_of_another_described_function(it: Damaged) -> None:
    at, _ = first(it, fields(it, MAIN, "address", LOW_PC), lambda value: value == it.symbol("main").value)
    it.put(at, struct.pack("<Q", it.symbol("_Z5otheri").value))


@fault("debug", "debug.info.*")
@fault("debug-4", "debug.info.*")
@fault("debug-clang", "debug.str_offsets.*")
def offset_of_a_described_name(it: Damaged) -> None:
    if ".debug_str_offsets" in it.image.by_name:
        base, section, _ = led_to(it, MAIN, "string_offsets")
        add_at(it, section + base + 20, 1, 4)
        return
    at, width = list(fields(it, MAIN, "string", NAME))[3][:2]
    add_at(it, at, 1, width)


@fault("debug", "debug.*")
def name_of_a_source_file(it: Damaged) -> None:
    at, width, _ = next(fields(it, MAIN, "line_string", NAME))
    add_at(it, at, 1, width)


@fault("debug", "debug.line.*")
@fault("debug-4", "debug.line.*")
@fault("debug-clang", "debug.line.*")
def address_of_a_row_of_lines(it: Damaged) -> None:
    value, section, _ = led_to(it, MAIN, "lines")
    data = Dwarf(it.image).sections[".debug_line"]
    rows = [field.at for field in line_fields(data, value)[1] if field.kind == "line_address"]
    add_at(it, section + value + rows[-1], 1, 8)


@fault("debug", "debug.line.*")
def last_opcode_of_lines(it: Damaged) -> None:
    value, section, _ = led_to(it, OTHER, "lines")
    size = line_fields(Dwarf(it.image).sections[".debug_line"], value)[0]
    add_at(it, section + value + size - 4, 1, 1)


@fault("debug", "debug.line.*")
def file_of_lines(it: Damaged) -> None:
    value, section, _ = led_to(it, MAIN, "lines")
    found = line_fields(Dwarf(it.image).sections[".debug_line"], value)[1]
    add_at(it, section + value + next(it.at for it in found if it.kind == "line_string"), 1, 4)


@fault("debug", "debug.line.*")
@fault("debug-4", "debug.line.*")
def lines_of_another_unit(it: Damaged) -> None:
    at, width, _ = next(fields(it, MAIN, "lines"))
    it.put(at, next(fields(it, OTHER, "lines"))[2].to_bytes(width, "little"))


@fault("debug", "debug.info.*")
@fault("debug-4", "debug.info.*")
def tombstone_of_a_dropped_function_lost(it: Damaged) -> None:
    at, _ = first(it, fields(it, MAIN, "address", LOW_PC), lambda value: not live(it, value) and value < 2)
    rows = [row for row in fields(it, MAIN, "address", LOW_PC) if not live(it, row[2])]
    it.put(rows[-1][0] if rows else at, struct.pack("<Q", it.symbol("main").value))


@fault("debug", "debug.info.*")
@fault("debug-4", "debug.info.*")
def function_that_is_kept_has_a_tombstone(it: Damaged) -> None:
    """An inline function, which another unit describes as well."""
    place = it.symbol("_Z5twicei").value
    units = (MAIN, OTHER)
    found = [row for unit in units for row in fields(it, unit, "address", LOW_PC) if row[2] == place]
    assert len(found) == 1
    it.put(found[0][0], bytes(8))


@fault("debug", "debug.rnglists.*")
@fault("debug-4", "debug.ranges.*")
def address_in_a_list_of_ranges(it: Damaged) -> None:
    change_list(it, "ranges", 1)


@fault("debug", "debug.loclists.*")
@fault("debug-4", "debug.loc.*")
def address_in_a_list_of_locations(it: Damaged) -> None:
    change_list(it, "location", 1)


def change_list(it: Damaged, kind: str, amount: int) -> None:
    """Change the first live address of the first such list of a unit."""
    section = {"ranges": (".debug_ranges", ".debug_rnglists"), "location": (".debug_loc", ".debug_loclists")}[
        kind
    ]
    unit = Dwarf(it.image).units[MAIN]
    name = section[unit.version >= 5]
    data = Dwarf(it.image).sections[name]
    for _, _, value in fields(it, MAIN, kind):
        for field in list_fields(data, value, name, unit.wide, unit.has_base)[1]:
            address = int.from_bytes(data[value + field.at : value + field.at + 8], "little")
            if field.kind == "address" and live(it, address):
                add_at(it, it.section(name).offset + value + field.at, amount, 8)
                return
    raise AssertionError("there is no such address")


@fault("debug-4", "debug.ranges.*")
def tombstone_that_ends_a_list(it: Damaged) -> None:
    """Zeros instead of ones: all ranges behind are lost."""
    section = it.section(".debug_ranges")
    at = it.data.index(struct.pack("<QQ", 1, 1), section.offset, section.offset + section.size)
    it.put(at, bytes(16))


@fault("debug", "debug.info.*")
def address_of_a_described_variable(it: Damaged) -> None:
    place = it.symbol("shared").value
    at, width = first(it, fields(it, MAIN, "address", 2), lambda value: value == place)
    add_at(it, at, 4, width)


@fault("debug", "debug.info.*")
def offset_of_a_described_thread_local(it: Damaged) -> None:
    at, width, _ = next(fields(it, MAIN, "tls"))
    add_at(it, at, 4, width)


@fault("debug", "debug.missing.*")
def abbreviations_of_another_unit(it: Damaged) -> None:
    at, width, _ = next(fields(it, OTHER, "abbreviations"))
    it.put(at, bytes(width))


@fault("debug-clang", "debug.addr.*")
def entry_of_the_table_of_addresses(it: Damaged) -> None:
    base, section, unit = led_to(it, MAIN, "addresses")
    data = Dwarf(it.image).sections[".debug_addr"]
    for field in table_fields(data, base, "addresses", unit.wide)[1]:
        address = int.from_bytes(data[base + field.at : base + field.at + 8], "little")
        if live(it, address):
            add_at(it, section + base + field.at, 1, 8)
            return


@fault("debug", "debug.aranges.*")
def address_in_the_index_of_units(it: Damaged) -> None:
    section = it.section(".debug_aranges")
    place = struct.pack("<Q", it.symbol("main").value)
    add_at(it, it.data.index(place, section.offset, section.offset + section.size), 1, 8)


@fault("debug", "debug.aranges.*")
def unit_in_the_index_of_units(it: Damaged) -> None:
    section = it.section(".debug_aranges")
    add_at(it, section.offset + 6, 1, 4)


@fault("debug", "debug.info.*")
def constant_of_an_entry(it: Damaged) -> None:
    """The offset of a type in its unit, which no linker changes."""
    section = it.section(".debug_info")
    low_pc = next(row for row in fields(it, MAIN, "address", LOW_PC) if row[2] == it.symbol("main").value)[0]
    assert section.offset < low_pc
    add_at(it, low_pc - 1, 1, 1)


@fault("debug", "debug.missing.*")
def lost_unit(it: Damaged) -> None:
    """The first unit ends the section."""
    section = it.section(".debug_info")
    size = int.from_bytes(it.data[section.offset : section.offset + 4], "little") + 4
    it.put(it.header_row(".debug_info") + 32, struct.pack("<Q", size))
