"""linker-diff finds planted faults: each test damages one thing in a good link, and expects it to be named."""

from __future__ import annotations

import struct
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path

import debug_faults  # noqa: F401, its faults are tried too
import nameless_faults  # noqa: F401, as are these
import pytest
from damage import FAULTS, Damaged, fault
from diff_programs import PROGRAMS, REFERENCES
from linking import Link, linker_under_test

from linker_diff import elf_names as elf
from linker_diff.code import Decoded
from linker_diff.compare import compare

# --- the faults; more are in nameless_faults.py ------------------------------------------------------------------


@fault("pie", "asm.main")
def call_one_byte_beyond(it: Damaged) -> None:
    it.add(it.field("main", "branch"), 1)


@fault("pie", "asm.main")
def call_of_another_function(it: Damaged) -> None:
    at = it.field("main", "branch")
    it.add(at, it.symbol("second").value - it.symbol("pick").value)


@fault("pie", "asm.main")
def address_of_a_string_off_by_one(it: Damaged) -> None:
    address = it.image.section_at(it.symbol("_IO_stdin_used").value)
    assert address is not None
    for number in range(8):
        at = it.field("main", "memory", number)
        if address.address <= at + 4 + it.image.word(at, 4, True) < address.end:
            it.add(at, 1)
            return
    raise AssertionError("main takes no address in .rodata")


@fault("pie", "asm.main")
def letter_of_a_string(it: Damaged) -> None:
    it.replace(b"hello", b"hallo", ".rodata")


@fault("exceptions", "asm.*")
def letter_of_a_string_behind_one_that_is_the_same(it: Damaged) -> None:
    it.replace(b"%d %d", b"%d %x", ".rodata")


@fault("pie", "asm.pick")
def constant_in_a_function(it: Damaged) -> None:
    function = it.symbol("pick")
    code = it.image.read(function.value, function.size)
    it.put_at(function.value + code.index(struct.pack("<I", 17)), struct.pack("<I", 18))


@fault("pie", "asm.pick")
def wrong_variable(it: Damaged) -> None:
    function = Decoded(it.image).function(it.symbol("pick").value, it.symbol("pick").size)
    widths = [found.width for found in function.fields if found.kind == "memory"]
    it.add(it.field("pick", "memory", widths.index(4)), 4)


@fault("pie", "data.names")
def addend_of_a_pointer(it: Damaged) -> None:
    row = it.relocation_in("names", 8)
    it.put(row + 16, struct.pack("<q", struct.unpack_from("<q", it.data, row + 16)[0] + 1))


@fault("pie", "rel.missing.names")
def lost_relative_relocation(it: Damaged) -> None:
    it.put(it.relocation_in("names", 16) + 8, bytes(8))


@fault("relr", "rel.missing.*")
def lost_bit_of_packed_relocations(it: Damaged) -> None:
    table = it.image.tags["RELR"]
    last = it.image.tags["RELRSZ"] - 8
    value = it.image.word(table + last)
    it.put_at(table + last, struct.pack("<Q", value & ~(1 << value.bit_length() - 1)))


@fault("pie", "data.table")
def value_of_a_variable(it: Damaged) -> None:
    it.add(it.symbol("table").value + 8, 1)


@fault("pie", "data.table")
def symbol_at_the_wrong_place(it: Damaged) -> None:
    row = it.symbol_row("table")
    it.put(row + 8, struct.pack("<Q", it.symbol("table").value + 4))


@fault("pie", "symbol.size.table")
def size_of_a_symbol(it: Damaged) -> None:
    it.put(it.symbol_row("table") + 16, struct.pack("<Q", 12))


@fault("pie", "symbol.binding.main")
def binding_of_a_symbol(it: Damaged) -> None:
    it.put(it.symbol_row("main") + 4, bytes([elf.STB_WEAK << 4 | elf.STT_FUNC]))


@fault("pie", "symbol.missing.pick")
def lost_symbol(it: Damaged) -> None:
    it.put(it.symbol_row("pick"), bytes(24))


@fault("pie", "rel.missing.printf")
def relocation_against_another_symbol(it: Damaged) -> None:
    names = [symbol.name for symbol in it.image.dynamic_symbols]
    row = it.relocation_of("printf")
    it.put(row + 12, struct.pack("<I", names.index("fflush")))


@fault("pie", "rel.duplicate.*")
def relocation_of_another_slot(it: Damaged) -> None:
    other = struct.unpack_from("<Q", it.data, it.relocation_of("fflush"))[0]
    it.put(it.relocation_of("printf"), struct.pack("<Q", other))


@fault("pie", "rel.place.*")
def relocation_in_code(it: Damaged) -> None:
    it.put(it.relocation_of("printf"), struct.pack("<Q", it.symbol("main").value))


@fault("no-pie", "plt.printf")
def wrong_contents_of_a_slot(it: Damaged) -> None:
    names = [symbol.name for symbol in it.image.dynamic_symbols]
    row = it.relocation_of("printf")
    it.put(row + 12, struct.pack("<I", names.index("fflush")))


@fault("pie", "asm.main")
def plt_entry_of_another_slot(it: Damaged) -> None:
    code = Decoded(it.image)
    symbol = it.symbol("main")
    for found in code.function(symbol.value, symbol.size).fields:
        at = found.value
        if found.kind == "branch" and (it.image.section_at(at) or it.section(".text")).name.startswith(
            ".plt"
        ):
            jump = it.image.read(at, 16).index(b"\xff\x25")
            fflush = struct.unpack_from("<Q", it.data, it.relocation_of("fflush"))[0]
            it.put_at(at + jump + 2, struct.pack("<i", fflush - (at + jump + 6)))
            return
    raise AssertionError("main calls nothing through the PLT")


@fault("lazy", "plt.lazy.*")
def number_that_a_plt_entry_pushes(it: Damaged) -> None:
    slot = struct.unpack_from("<Q", it.data, it.relocation_of("printf"))[0]
    push = it.image.word(slot)
    it.add(push + it.image.read(push, 8).index(b"\x68") + 1, 1)


@fault("lazy", "plt.lazy.printf")
def where_a_lazy_slot_leads_at_first(it: Damaged) -> None:
    it.add(struct.unpack_from("<Q", it.data, it.relocation_of("printf"))[0], 1, 8)


@fault("pie", ".init_array")
def order_of_constructors(it: Damaged) -> None:
    section = it.section(".init_array")
    rows = [
        it.relocation_row(lambda at, *_, place=place: at == place)
        for place in range(section.address, section.end, 8)
    ]
    addends = [bytes(it.data[row + 16 : row + 24]) for row in rows]
    it.put(rows[-1] + 16, addends[-2])
    it.put(rows[-2] + 16, addends[-1])


@fault("pie", ".dynamic.DT_INIT_ARRAYSZ")
def constructor_that_is_not_called(it: Damaged) -> None:
    at = it.dynamic_row("INIT_ARRAYSZ")
    it.put(at, struct.pack("<Q", struct.unpack_from("<Q", it.data, at)[0] - 8))


@fault("pie", ".dynamic.DT_FLAGS_1")
def flag_in_the_dynamic_section(it: Damaged) -> None:
    at = it.dynamic_row("FLAGS_1")
    it.put(at, struct.pack("<Q", it.image.tags["FLAGS_1"] | 8))


@fault("pie", ".dynamic.DT_NEEDED.*")
def name_of_a_needed_library(it: Damaged) -> None:
    it.replace(b"libc.so.6", b"libd.so.6", ".dynstr")


@fault("versions", ".dynamic.DT_SONAME")
def name_of_the_library(it: Damaged) -> None:
    it.replace(b"libversioned", b"libversionee", ".dynstr")


@fault("pie", ".dynamic.DT_STRSZ")
def size_of_a_table(it: Damaged) -> None:
    it.put(it.dynamic_row("STRSZ"), struct.pack("<Q", it.image.tags["STRSZ"] - 1))


@fault("pie", ".dynamic.DT_SYMTAB")
def address_of_a_table(it: Damaged) -> None:
    it.put(it.dynamic_row("SYMTAB"), struct.pack("<Q", it.image.tags["SYMTAB"] + 24))


@fault("pie", ".dynamic.DT_INIT")
def address_of_init(it: Damaged) -> None:
    it.put(it.dynamic_row("INIT"), struct.pack("<Q", it.image.tags["INIT"] + 4))


@fault("pie", "header.entry")
def entry_point(it: Damaged) -> None:
    it.put(24, struct.pack("<Q", it.image.entry + 4))


@fault("pie", "segment.GNU_STACK.flags")
def executable_stack(it: Damaged) -> None:
    it.put(it.segment_row(elf.PT_GNU_STACK) + 4, struct.pack("<I", 7))


@fault("pie", "segment.LOAD.writable-code")
def writable_code(it: Damaged) -> None:
    it.put(it.segment_row(elf.PT_LOAD, 1) + 4, struct.pack("<I", 7))


@fault("pie", "section.*.relro")
def lost_protection(it: Damaged) -> None:
    it.put(it.segment_row(elf.PT_GNU_RELRO) + 40, bytes(8))


@fault("pie", "segment.INTERP.path")
def interpreter(it: Damaged) -> None:
    it.replace(b"ld-linux", b"ld-linus", ".interp")


@fault("pie", "section.text.flags")
def flags_of_a_section(it: Damaged) -> None:
    it.put(it.header_row(".text") + 8, struct.pack("<Q", 7))


@fault("pie", ".comment")
def compiler_in_the_comment(it: Damaged) -> None:
    it.replace(b"GCC: ", b"GDC: ", ".comment")


@fault("pie", "note.GNU.ABI_TAG")
def contents_of_a_note(it: Damaged) -> None:
    it.add(it.section(".note.ABI-tag").address + 20, 1)


@fault("pie", "fde.missing.pick")
def lost_unwind_record(it: Damaged) -> None:
    """The record before swallows it: zeros are DW_CFA_nop."""
    frame = it.frame("pick")
    records = sorted([*it.frames.cies, *(found.address for found in it.frames.by_start.values())])
    before = records[records.index(frame.address) - 1]
    size = it.image.word(frame.address, 4) + 4
    it.add(before, size)
    it.put_at(frame.address, bytes(size))


@fault("pie", "fde.size.pick")
def size_in_an_unwind_record(it: Damaged) -> None:
    it.add(it.frame("pick").address + 12, 1)


@fault("pie", "fde.cfi.main")
def instruction_in_an_unwind_record(it: Damaged) -> None:
    it.add(it.frame("main").address + 18, 1, 1)


@fault("pie", "eh_frame_hdr.order")
def unsorted_index(it: Damaged) -> None:
    first, second = (it.image.read(it.index_row(number), 8) for number in (0, 1))
    it.put_at(it.index_row(0), second)
    it.put_at(it.index_row(1), first)


@fault("pie", "eh_frame_hdr.entry.*")
def index_that_leads_to_another_record(it: Damaged) -> None:
    it.put_at(it.index_row(1) + 4, it.image.read(it.index_row(2) + 4, 4))


@fault("pie", "eh_frame_hdr.target")
def index_of_another_table(it: Damaged) -> None:
    it.add(it.section(".eh_frame_hdr").address + 4, 8)


@fault("exceptions", "fde.lsda.*")
def call_site(it: Damaged) -> None:
    frame = next(found for found in it.frames.by_start.values() if found.lsda)
    sites = it.frames.call_sites(frame.lsda)
    at = it.image.read(frame.lsda, 64).index(sites.fixed[:4])
    it.add(frame.lsda + at, 1, 1)


@fault("exceptions", "fde.lsda.*")
def type_that_is_caught(it: Damaged) -> None:
    tables = (it.frames.call_sites(found.lsda) for found in it.frames.by_start.values() if found.lsda)
    it.add(next(table for table in tables if table.types).types[0], 8)


@fault("exceptions", "fde.lsda.*")
def lost_call_sites(it: Damaged) -> None:
    frame = next(found for found in it.frames.by_start.values() if found.lsda)
    it.put_at(frame.address + 17, bytes(4))


@fault("exceptions", "fde.personality.*")
def personality(it: Damaged) -> None:
    address = next(at for at, cie in it.frames.cies.items() if cie.personality)
    begin = (
        it.image.read(address, 32).index(b"zPLR") + 5 + 4
    )  # factors, return register, length of augmentation
    it.add(address + begin + 1, 8)


@fault("exceptions", "data._ZTV7Derived")
def slot_of_a_vtable(it: Damaged) -> None:
    rows = [it.relocation_in("_ZTV7Derived", offset) for offset in (24, 32)]
    it.put(rows[0] + 16, bytes(it.data[rows[1] + 16 : rows[1] + 24]))


@fault("exceptions-no-pie", "data._ZTV7Derived")
def pointer_at_a_fixed_address(it: Damaged) -> None:
    it.put_at(it.symbol("_ZTV7Derived").value + 24, struct.pack("<Q", it.symbol("main").value))


@fault("no-pie", "asm.main")
def absolute_address_in_code(it: Damaged) -> None:
    it.add(it.field("main", "absolute"), 1)


@fault("no-pie", "data.pointer")
def absolute_pointer(it: Damaged) -> None:
    it.add(it.symbol("pointer").value, 1, 8)


@fault("tls", "asm.*")
def offset_from_the_thread_pointer(it: Damaged) -> None:
    it.add(it.field("sum", "thread"), 4)


@fault("tls", "rel.missing.imported")
def thread_local_import(it: Damaged) -> None:
    it.put(it.relocation_of("imported", elf.R_TPOFF64) + 8, struct.pack("<I", elf.R_GLOB_DAT))


@fault("tls", "data.first")
def initial_value_of_a_thread_local(it: Damaged) -> None:
    symbol = next(found for found in it.image.symbols if found.name == "first" and found.type == elf.STT_TLS)
    segment = next(found for found in it.image.segments if found.type == elf.PT_TLS)
    it.add(segment.address + symbol.value, 1)


@fault("tls", "segment.TLS.alignment")
def alignment_of_thread_locals(it: Damaged) -> None:
    row = it.segment_row(elf.PT_TLS) + 48
    it.put(row, struct.pack("<Q", struct.unpack_from("<Q", it.data, row)[0] * 2))


@fault("tls-shared", "*.of_second")
def offset_in_the_block_of_a_library(it: Damaged) -> None:
    row = it.relocation_row(lambda _, kind, index: kind == elf.R_DTPMOD64 and index == 0)
    place = struct.unpack_from("<Q", it.data, row)[0]
    it.put_at(place + 8, struct.pack("<Q", it.image.word(place + 8) + 4))


@fault("copy", "rel.missing.value")
def lost_copy_relocation(it: Damaged) -> None:
    it.put(it.relocation_of("value", elf.R_COPY) + 8, bytes(4))


@fault("copy", "data.pointer")
def pointer_to_an_import(it: Damaged) -> None:
    row = None
    try:
        row = it.relocation_in("pointer")
    except AssertionError:
        it.put_at(it.symbol("pointer").value, struct.pack("<Q", it.symbol("main").value))
    if row is not None:
        names = [symbol.name for symbol in it.image.dynamic_symbols]
        it.put(row + 12, struct.pack("<I", names.index("value")))


@fault("versions", "dynsym.missing.f@V1")
def lost_version_of_a_symbol(it: Damaged) -> None:
    table = it.section(".gnu.version")
    index = next(
        at for at, found in enumerate(it.image.dynamic_symbols) if (found.name, found.version) == ("f", "@V1")
    )
    it.put(table.offset + index * 2, b"\1\0")


@fault("versions", "dynsym.version.plain")
def another_version_of_a_symbol(it: Damaged) -> None:
    table = it.section(".gnu.version")
    index = next(at for at, found in enumerate(it.image.dynamic_symbols) if found.name == "plain")
    other = next(at for at, found in enumerate(it.image.dynamic_symbols) if found.name == "caller")
    it.put(table.offset + index * 2, bytes(it.data[table.offset + other * 2 : table.offset + other * 2 + 2]))


@fault("pie", "version.needed.*")
def needed_version(it: Damaged) -> None:
    it.replace(b"GLIBC_2.34", b"GLIBC_2.35", ".dynstr")


@fault("versions", "dynsym.type.caller")
def type_of_an_exported_symbol(it: Damaged) -> None:
    it.put(it.symbol_row("caller", ".dynsym") + 4, bytes([elf.STB_GLOBAL << 4 | elf.STT_OBJECT]))


@fault("versions", ".gnu.hash.*")
def filter_of_the_hash_table(it: Damaged) -> None:
    it.put_at(it.image.tags["GNU_HASH"] + 16, bytes(8))


@fault("versions", ".gnu.hash.*")
def chain_of_the_hash_table(it: Damaged) -> None:
    base = it.image.tags["GNU_HASH"]
    buckets, words = it.image.word(base, 4), it.image.word(base + 8, 4)
    it.add(base + 16 + words * 8 + buckets * 4, 2)


@fault("versions", "asm.caller")
def call_that_cannot_be_interposed(it: Damaged) -> None:
    at = it.field("caller", "branch")
    it.put_at(at, struct.pack("<i", it.symbol("plain").value - (at + 4)))


@fault("ifunc", "*global*")
def resolver_of_an_ifunc(it: Damaged) -> None:
    resolvers = {it.symbol(name).value for name in ("global_choose", "choose")}
    for address, size in it.image.rela_tables():
        for row in range(it.offset(address), it.offset(address) + size, 24):
            _, info, addend = struct.unpack_from("<QQq", it.data, row)
            if info == elf.R_IRELATIVE and addend == it.symbol("global_choose").value:
                it.put(row + 16, struct.pack("<q", min(resolvers - {addend})))
                return
    raise AssertionError("there is no resolver")


# --- the tests ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def links(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[list[Path], Path]]:
    """References and ours of a program, linked once for all tests of the module."""
    made: dict[str, tuple[list[Path], Path]] = {}

    def of(program: str) -> tuple[list[Path], Path]:
        if program not in made:
            link = Link(tmp_path_factory.mktemp(program))
            paths = [
                PROGRAMS[program](link, f"{program}.{linker.rpartition('/')[2]}", linker).path
                for linker in (*REFERENCES, linker_under_test())
            ]
            made[program] = paths[:-1], paths[-1]
        return made[program]

    return of


@pytest.mark.skipif(not REFERENCES, reason="neither ld nor lld is installed")
@pytest.mark.parametrize(("program", "expected", "damage"), FAULTS, ids=[it[2].__name__ for it in FAULTS])
def test_a_planted_fault_is_found(links, tmp_path, program, expected, damage):
    references, ours = links(program)
    damaged = Damaged(ours)
    damage(damaged)
    path = tmp_path / "damaged"
    path.write_bytes(damaged.data)

    report = compare(references, path, wild_defaults=True)

    assert any(fnmatchcase(key, expected) for key in report.keys), report.render() or "nothing was reported"
