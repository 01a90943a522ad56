"""The checks that every link of the tests goes through find what they are there to find."""

from __future__ import annotations

import sanity
from elf import PT_LOAD, Elf
from programs import compile_c, pic_c

MAIN = "int f(void); int data = 1; int main(void) { return f() + data; }"


def section_row(file: Elf, name: str) -> int:
    """File offset of the header of a section."""
    return file.shoff + 64 * file.sections[name].index


def faults_of(file, changes: dict[int, tuple[int, int]]) -> str:
    """What is found in a copy in which numbers (offset: (width, value)) are changed."""
    data = bytearray(file.data)
    for offset, (width, value) in changes.items():
        data[offset : offset + width] = (value % 2 ** (8 * width)).to_bytes(width, "little")
    damaged = file.path.with_name("damaged")
    damaged.write_bytes(data)
    return "\n".join(sanity.faults(Elf(bytes(data)), damaged))


def program(link):
    library = link.shared(pic_c("int f(void) { return 41; }"), linker="ld")
    return link(compile_c(MAIN), library, "-rdynamic", linker="ld")


def test_segment_whose_offset_and_address_disagree(link):
    file = program(link)
    number = next(n for n, segment in enumerate(file.segments) if segment.type == PT_LOAD and segment.offset)

    found = faults_of(file, {file.phoff + 56 * number + 8: (8, file.segments[number].offset + 16)})

    assert f"segment {number}: offset and address differ" in found


def test_section_moved_onto_another(link):
    file = program(link)

    found = faults_of(file, {section_row(file, ".data") + 24: (8, file.sections[".dynamic"].offset)})

    assert "overlap in the file" in found


def test_local_symbol_count_that_is_wrong(link):
    file = program(link)

    assert "sh_info is 1" in faults_of(file, {section_row(file, ".symtab") + 44: (4, 1)})


def test_dynamic_symbol_the_hash_table_does_not_find(link):
    file = program(link)
    table = file.sections[".gnu.hash"]
    blooms = int.from_bytes(file.data[table.offset + 8 : table.offset + 12], "little")

    found = faults_of(file, {table.offset + 16 + 8 * n: (8, 0) for n in range(blooms)})

    assert ".gnu.hash does not find main" in found


def test_function_missing_from_the_unwind_table(link):
    file = program(link)
    header = file.sections[".eh_frame_hdr"]

    assert "lacks" in faults_of(file, {header.offset + 16: (4, 0)})


def test_unsorted_unwind_table(link):
    file = program(link)
    header = file.sections[".eh_frame_hdr"]

    assert "not sorted" in faults_of(file, {header.offset + 12: (4, 0x7FFFFFFF)})


def test_relocation_in_read_only_memory(link):
    file = program(link)
    table = file.sections[".rela.dyn"]

    found = faults_of(file, {table.offset: (8, file.sections[".text"].address)})

    assert "changes read-only memory" in found


def test_symbol_outside_its_section(link):
    file = program(link)
    table = file.sections[".symtab"]
    index = [symbol.name for symbol in file.symbol_table(table)].index("main")

    found = faults_of(file, {table.offset + 24 * index + 8: (8, 0x10)})

    assert "main: 0x10 is outside its section .text" in found


def test_dynamic_tag_that_points_elsewhere(link):
    file = program(link)
    row = file.sections[".dynamic"].offset + 16 * [tag for tag, _ in file.dynamic].index("STRSZ")

    assert "DT_STRSZ" in faults_of(file, {row + 8: (8, 1)})


def test_sound_file(link):
    assert faults_of(program(link), {}) == ""
