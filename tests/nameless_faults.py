"""Planted faults where neither symbols nor unwind records help: stripped files, the large model, PLT entries."""

from __future__ import annotations

import struct

from damage import Damaged, fault

from linker_diff.code import Decoded


def function_of_array(it: Damaged, array: str) -> int:
    """The first function of `.init_array` or `.fini_array`."""
    place = it.section(array).address
    row = it.relocation_row(lambda at, *_: at == place)
    address: int = struct.unpack_from("<q", it.data, row + 16)[0]
    return address


@fault("stripped", "asm.*")
def function_that_nothing_tells_of(it: Damaged) -> None:
    """The constant in `cmpb $0, completed(%rip)`, in a function of crtbegin.o without an unwind record."""
    function = function_of_array(it, ".fini_array")
    assert function not in it.frames.by_start
    it.add(function + it.image.read(function, 16).index(b"\x80\x3d") + 6, 1, 1)


@fault("stripped", "*")
def pointer_to_another_function_without_a_name(it: Damaged) -> None:
    place = it.section(".fini_array").address
    row = it.relocation_row(lambda at, *_: at == place)
    it.put(row + 16, struct.pack("<q", function_of_array(it, ".init_array")))


def wide_constant(it: Damaged, function: str, number: int) -> int:
    """The address of the eight bytes of a `movabs`."""
    symbol = it.symbol(function)
    insns = Decoded(it.image).instructions(symbol.value, symbol.size)
    return next(insn.ip + 2 for insn in [it for it in insns if it.len == 10][number:])


@fault("large", "asm.of")
def distance_to_the_got(it: Damaged) -> None:
    it.add(wide_constant(it, "of", 0), 1, 8)


@fault("large", "asm.of")
def distance_from_the_got(it: Damaged) -> None:
    it.add(wide_constant(it, "of", 1), 4, 8)


@fault("large-static", "asm.of")
def distance_from_the_got_of_a_static_program(it: Damaged) -> None:
    it.add(wide_constant(it, "of", 1), 4, 8)


@fault("large", "asm.main")
def distance_of_a_plt_entry_from_the_got(it: Damaged) -> None:
    section = it.section(".plt")
    for number in range(12):
        at = wide_constant(it, "main", number)
        target = it.symbol("_GLOBAL_OFFSET_TABLE_").value + it.image.word(at, 8, True)
        if section.address <= target < section.end:
            it.add(at, 16, 8)
            return
    raise AssertionError("main calls nothing through the PLT")


@fault("ifunc-static", "*")
def canonical_entry_of_another_ifunc(it: Damaged) -> None:
    """A pointer to one ifunc becomes one to the next PLT entry."""
    at = it.symbol("pointer").value
    section = it.section(".plt")
    other = next(
        address
        for address in range(section.address, section.end, 16)
        if address != it.image.word(at) and it.image.read(address, 2) == b"\xff\x25"
    )
    it.put_at(at, struct.pack("<Q", other))


# --- tables without a name: whatever entry is wrong --------------------------------------------------------------


def of_table(it: Damaged, function: str, number: int = 0) -> int:
    """The address of the table that a function uses."""
    found = it.symbol(function)
    fields = Decoded(it.image).function(found.value, found.size).fields
    return [field.value for field in fields if field.kind != "branch"][number]


@fault("tables", "asm.choose")
def late_entry_of_a_jump_table(it: Damaged) -> None:
    table = of_table(it, "choose")
    it.put_at(table + 28, it.image.read(table + 24, 4))


@fault("tables", "asm.*")
@fault("tables-no-pie", "asm.*")
def late_number_of_a_table(it: Damaged) -> None:
    it.add(of_table(it, "number") + 36, 1)


@fault("tables", "asm.*")
def two_numbers_exchanged(it: Damaged) -> None:
    table = of_table(it, "number")
    third, fifth = it.image.read(table + 12, 4), it.image.read(table + 20, 4)
    it.put_at(table + 12, fifth)
    it.put_at(table + 20, third)


@fault("tables", "asm.half")
@fault("tables-no-pie", "asm.half")
def late_constant_of_a_table(it: Damaged) -> None:
    it.add(of_table(it, "half") + 56, 1, 8)


@fault("tables", "asm.word")
def pointer_to_another_text(it: Damaged) -> None:
    place = of_table(it, "word") + 40
    row = it.relocation_row(lambda at, *_: at == place)
    other = it.relocation_row(lambda at, *_: at == place + 8)
    it.put(row + 16, bytes(it.data[other + 16 : other + 24]))


@fault("tables-no-pie", "asm.word")
def fixed_pointer_to_another_text(it: Damaged) -> None:
    place = of_table(it, "word") + 40
    it.put_at(place, it.image.read(place + 8, 8))


@fault("tables", "*")
def pointer_to_another_function_in_a_table(it: Damaged) -> None:
    table = of_table(it, "act") & ~15
    rows = [it.relocation_row(lambda at, *_, place=table + entry: at == place) for entry in (32, 48)]
    it.put(rows[0] + 16, bytes(it.data[rows[1] + 16 : rows[1] + 24]))


@fault("tables", "*")
def lost_relocation_in_a_table(it: Damaged) -> None:
    place = of_table(it, "word") + 48
    it.put(it.relocation_row(lambda at, *_: at == place) + 8, bytes(8))


@fault("tables", "asm.pick")
def addend_of_a_late_pointer(it: Damaged) -> None:
    place = of_table(it, "pick") + 16
    row = it.relocation_row(lambda at, *_: at == place)
    it.put(row + 16, struct.pack("<q", struct.unpack_from("<q", it.data, row + 16)[0] + 4))
