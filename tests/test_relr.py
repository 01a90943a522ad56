"""-z pack-relative-relocs: relative relocations as a bitmap (DT_RELR), with the loader version it needs."""

from __future__ import annotations

import struct

import pytest
from programs import assemble, compile_c, pic_c

POINTERS = "int target; int *pointers[200] = {" + ", ".join("&target" for _ in range(200)) + "};"
CHECK = "int main(void) { for (int n = 0; n < 200; n++) if (pointers[n] != &target) return 1; return 42; }"
PACK = "-Wl,-z,pack-relative-relocs"


def decode(data: bytes) -> list[int]:
    """Addresses of a RELR table: an even word is an address, an odd one a bitmap over the next 63 words
    (gABI).
    """
    addresses, base = [], 0
    for (word,) in struct.iter_unpack("<Q", data):
        if word % 2 == 0:
            addresses.append(word)
            base = word + 8
        else:
            addresses += [base + 8 * bit for bit in range(63) if word >> (bit + 1) & 1]
            base += 63 * 8
    return addresses


def test_program_runs(link):
    program = link(compile_c(POINTERS + CHECK), PACK)

    program.run(status=42)
    assert program.sections[".relr.dyn"].size < 64


def test_every_relative_relocation_is_packed(link):
    program = link(compile_c(POINTERS + CHECK), PACK)

    first = program.symbols["pointers"].value
    assert set(range(first, first + 1600, 8)) <= set(decode(program.contents(".relr.dyn")))
    assert not [row for row in program.relocations if row.type == "RELATIVE"]


def test_packed_words_hold_the_addends(link):
    program = link(compile_c(POINTERS + CHECK), PACK)

    assert program.word(program.symbols["pointers"].value) == program.symbols["target"].value


def test_loader_version_is_required(link):
    """A loader that does not know RELR would start the program unrelocated; the version need makes
    it refuse.
    """
    program = link(compile_c(POINTERS + CHECK), PACK)

    assert "GLIBC_ABI_DT_RELR" in program.readelf("-V")


def test_tags_describe_the_table(link):
    program = link(compile_c(POINTERS + CHECK), PACK)

    section = program.sections[".relr.dyn"]
    assert (program.tag("RELR"), program.tag("RELRSZ"), program.tag("RELRENT")) == (
        [section.address],
        [section.size],
        [8],
    )


def test_unaligned_words_stay_ordinary_relocations(link):
    """RELR addresses are even: a pointer at an odd address keeps its RELATIVE relocation."""
    data = (
        '.section .data.odd,"aw"\n.byte 1\n.globl odd\nodd: .quad target\n.data\n.globl target\n'
        "target: .long 42\n"
    )
    main = compile_c(
        "extern int target; extern char odd[]; int main(void) { int *p; "
        "__builtin_memcpy(&p, odd, 8); return *p; }"
    )

    program = link(main, assemble(data, name="odd"), PACK)

    program.run(status=42)
    assert program.symbols["odd"].value in {
        row.offset for row in program.relocations if row.type == "RELATIVE"
    }


def test_shared_object(link):
    library = link.shared(
        pic_c(
            "static "
            + POINTERS.replace("; int *", "; int *", 1)
            + "int f(void) { return pointers[199] == &target ? 42 : 1; }"
        ),
        PACK,
    )

    link(compile_c("int f(void); int main(void) { return f(); }"), library).run(status=42)
    assert library.sections[".relr.dyn"].size


def test_static_pie(link):
    link(compile_c(POINTERS + CHECK, "-fpie"), "-static-pie", PACK).run(status=42)


def test_got_slots_are_packed(link):
    source = (
        'extern int hidden_ __attribute__((visibility("hidden"))); int *f(void) { return &hidden_; } '
        "int main(void) { return *f(); }"
    )
    main = compile_c(source, "-fPIC")

    link(main, compile_c("int hidden_ = 42;", name="data"), PACK, "-Wl,--no-relax").run(status=42)


@pytest.mark.parametrize("flag", ["-Wl,-z,nopack-relative-relocs", "-Wl,--hash-style=gnu"])
def test_not_packed_unless_asked(link, flag):
    program = link(compile_c(POINTERS + CHECK), flag)

    program.run(status=42)
    assert ".relr.dyn" not in program.sections
    assert program.tag("RELACOUNT")[0] >= 200


@pytest.mark.unlike("lld", reason="asks for it all the same")
def test_program_without_relative_relocations_needs_no_version(link):
    program = link(compile_c("int main(void) { return 42; }", "-fno-pie"), "-no-pie", PACK)

    program.run(status=42)
    assert not program.tag("RELR")
    assert "GLIBC_ABI_DT_RELR" not in program.readelf("-V")


@pytest.mark.unlike("ld", reason="2.40 does not know --pack-dyn-relocs")
def test_other_spelling(link):
    program = link(compile_c(POINTERS + CHECK), "-Wl,--pack-dyn-relocs=relr")

    assert program.tag("RELR")
