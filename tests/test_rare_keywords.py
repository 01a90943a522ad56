"""Keywords of -z that few links use."""

from __future__ import annotations

import pytest
from programs import assemble, compile_c, exit_with, pic_c

PT_DYNAMIC = 2
START = ".globl _start\n_start:" + exit_with("$42")
CALLS = "_start: call *f@GOTPCREL(%rip)\n jmp *f@GOTPCREL(%rip)\n.globl _start, f\nf: ret\n"
DEAD = (
    '.section .text.dead,"ax"\nnop\ndead: nop\n.section .debug_info,"",@progbits\n.quad dead\n'
    '.section .debug_ranges,"",@progbits\n.quad dead\n.section .other,"",@progbits\n.quad dead\n.long dead\n'
)


def test_a_read_only_dynamic_section(link):
    program = link(compile_c("int main(void) { return 42; }"), "-Wl,-z,rodynamic")

    program.run(status=42)
    section = program.sections[".dynamic"]
    assert section.flags == 2
    assert not program.tag("DEBUG")
    assert next(row for row in program.segments if row.type == PT_DYNAMIC).flags == 4


def test_a_library_with_a_read_only_dynamic_section(link):
    library = link.shared(pic_c("int f(void) { return 42; }"), "-Wl,-z,rodynamic")

    link(compile_c("int f(void); int main(void) { return f(); }"), library).run(status=42)


@pytest.mark.parametrize(
    ("padding", "code"),
    [
        ("prefix-addr", "67 e8 08 00 00 00"),
        ("suffix-nop", "e8 09 00 00 00 90"),
        ("prefix-0x2e", "2e e8 08 00 00 00"),
        ("suffix-102", "e8 09 00 00 00 66"),
    ],
)
def test_calls_are_filled_as_asked(link, padding, code):
    program = link.raw(assemble(CALLS), "-z", f"call-nop={padding}")

    start = program.symbols["_start"].value - program.sections[".text"].address
    assert program.symbols["f"].value == program.symbols["_start"].value + 12
    wanted = bytes.fromhex(code)
    distance = 12 - (6 if wanted[0] != 0xE8 else 5)
    wanted = wanted.replace(bytes([wanted[2 if wanted[0] != 0xE8 else 1]]), bytes([distance]), 1)
    assert program.contents(".text")[start : start + 6] == wanted


@pytest.mark.only_wild
@pytest.mark.parametrize("padding", ["nop", "prefix-", "prefix-256", "middle-1", "suffix-x"])
def test_a_bad_filler_is_an_error(link, padding):
    assert f"call-nop={padding}" in link.fails(assemble(CALLS), "-z", f"call-nop={padding}", driver="raw")


def test_filled_calls_keep_their_relocations(link):
    program = link.raw(assemble(CALLS), "-z", "call-nop=suffix-nop", "--emit-relocs")

    rows = [row.split() for row in program.readelf("-r").splitlines() if "R_X86_64_" in row]
    offsets = {int(row[0], 16) - program.symbols["_start"].value for row in rows}
    assert offsets == {1, 7}


LOCALS = "loc: nop\ndup: nop\n"


def local_names(output):
    return [row.split()[7] for row in output.readelf("-s").splitlines() if " LOCAL " in row and " NOTYPE " in row
            and len(row.split()) == 8]  # fmt: skip


@pytest.mark.parametrize("flags", [[], ["-r"]])
def test_local_symbols_get_names_of_their_own(link, flags):
    """The numbers are GNU ld's: by name, in hexadecimal, from 0."""
    objects = [assemble(START + LOCALS), *(assemble(LOCALS + f"dup.1: nop # {n}\n") for n in range(17))]

    names = [
        name for name in local_names(link.raw(*flags, *objects, "-z", "unique-symbol")) if name[0] != "_"
    ]

    assert names[:5] == ["loc.0", "dup.0", "loc.1", "dup.1", "dup.1.0"]
    assert {"loc.a", "loc.11", "dup.1.10"} <= set(names)
    assert len(set(names)) == len(names) == 2 * 18 + 17


def test_global_and_hidden_names_stay(link):
    program = link.raw(assemble(START + ".globl hid\n.hidden hid\nhid: nop\n"), assemble("hid: nop\n"),
                       "-z", "unique-symbol")  # fmt: skip

    assert {"hid", "hid.0", "_start"} <= set(program.symbols)


def test_the_last_of_unique_symbol_and_nounique_symbol_wins(link):
    program = link.raw(assemble(START + LOCALS), "-z", "unique-symbol", "-z", "nounique-symbol")

    assert "loc" in program.symbols


@pytest.mark.parametrize(
    ("flags", "kind"), [([], "COMMON"), (["-z", "common"], "COMMON"), (["-z", "nocommon"], "OBJECT")]
)
def test_the_type_of_common_symbols_of_an_object(link, flags, kind):
    common = assemble(".comm com,8,8\n.type com,@common\n", "-Wa,--elf-stt-common=yes")
    output = link.raw("-r", common, *flags)

    row = next(row for row in output.readelf("-s").splitlines() if row.endswith(" com"))
    assert row.split()[3] == kind


def test_unique_sets_its_flag(link):
    library = link("-shared", pic_c("int f;"), "-z", "unique", driver="raw")

    assert "UNIQUE" in next(row for row in library.readelf("-d").splitlines() if "GNU_FLAGS_1" in row)


def test_indirect_extern_access_is_a_property(link):
    assert "indirect external access" in link.raw(assemble(START), "-z", "indirect-extern-access").readelf(
        "-n"
    )


@pytest.mark.only_wild
def test_memory_seal_is_a_property(link):
    """GNU_PROPERTY_MEMORY_SEAL (3) has no data."""
    note = link.raw(assemble(START), "-z", "memory-seal").contents(".note.gnu.property")

    assert note == bytes.fromhex("04000000 08000000 05000000 474e5500 03000000 00000000")


@pytest.mark.parametrize(
    ("flags", "values"),
    [
        ([], (0, 1)),
        (["-z", "dead-reloc-in-nonalloc=.debug_*=0xffffffffffffffff"], (2**64 - 1, 2**64 - 1)),
        (["-z", "dead-reloc-in-nonalloc=*=5", "-z", "dead-reloc-in-nonalloc=*_info=7"], (7, 5)),
    ],
)
def test_references_to_dropped_code_are_what_was_asked(link, flags, values):
    program = link.raw(assemble(START + DEAD), "--gc-sections", *flags)

    found = [int.from_bytes(program.contents(name), "little") for name in (".debug_info", ".debug_ranges")]
    assert tuple(found) == values


@pytest.mark.parametrize("value", [".debug_info", ".debug_info=x", "=1"])
def test_a_bad_tombstone_is_an_error(link, value):
    flag = f"dead-reloc-in-nonalloc={value}"

    assert "dead-reloc-in-nonalloc" in link.fails(assemble(START), "-z", flag, driver="raw")


@pytest.mark.parametrize(
    ("keyword", "marks"),
    [("lam-u48-report", ["U48"]), ("lam-u57-report", ["U57"]), ("lam-report", ["U48", "U57"])],
)
def test_objects_without_a_mark_are_reported(link, keyword, marks):
    warnings = link.raw(assemble(START), "-z", f"{keyword}=warning").messages
    error = link.fails(assemble(START), "-z", f"{keyword}=error", driver="raw")

    assert all(f"LAM_{mark}" in warnings and f"LAM_{mark}" in error for mark in marks)
