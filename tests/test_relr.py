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


def packed(program) -> set[int]:
    """The addresses that .relr.dyn relocates, each once."""
    addresses = decode(program.contents(".relr.dyn"))
    assert len(addresses) == len(set(addresses))
    return set(addresses)


GAPS = (0, 8, 496, 504, 512, 2, 6, 4096, 12, 1000)


def spread_pointers(section: str, prefix: str) -> str:
    """Pointers to `target` + their number, with gaps longer than a bitmap and halves of words between them."""
    lines = [
        f".zero {gap}\n.globl {prefix}{number}\n{prefix}{number}: .quad target + {number}\n"
        for number, gap in enumerate(GAPS)
    ]
    return f'.section {section},"aw"\n.balign 8\n' + "".join(lines)


def test_pointers_far_apart(link):
    target = ".data\n.globl target\ntarget: .quad 0\n"
    data = assemble(
        spread_pointers(".data.rel.ro", "p") + spread_pointers(".data", "q") + target, name="data"
    )
    names = [f"{prefix}{number}" for prefix in "pq" for number in range(len(GAPS))]
    checks = " && ".join(f"{name} == target + {name[1:]}" for name in names)
    main = f"extern char target[], *{', *'.join(names)}; int main(void) {{ return {checks} ? 42 : 1; }}"

    program = link(data, compile_c(main), PACK)

    program.run(status=42)
    assert {program.symbols[name].value for name in names} <= packed(program)
    assert not [row for row in program.relocations if row.type == "RELATIVE"]


def test_section_of_alignment_1_keeps_its_relocations(link):
    """Where it will stand is not known when relocations are counted."""
    data = '.section mine,"aw"\n.globl p\np: .quad target\n.data\n.globl target\ntarget: .long 42\n'
    main = "extern int *p __attribute__((aligned(1))); int main(void) { return *p; }"

    program = link(compile_c(main), assemble(data, name="mine"), PACK)

    program.run(status=42)
    assert program.symbols["p"].value in {row.offset for row in program.relocations if row.type == "RELATIVE"}


def test_word_with_two_relocations_is_relocated_once(link):
    """DT_RELR adds to the word, so twice would be once too often."""
    data = ".data\n.balign 8\n.globl p\np: .quad 0\n.reloc p, R_X86_64_64, target\n.reloc p, R_X86_64_64, target\n"
    data += ".globl target\ntarget: .long 42\n"

    program = link(
        compile_c("extern int *p; int main(void) { return *p; }"), assemble(data, name="twice"), PACK
    )

    program.run(status=42)
    assert program.symbols["p"].value in packed(program)


def test_slots_of_the_got_are_in_the_table(link):
    source = ".globl f\nf: xor %eax, %eax\n add mine@GOTPCREL(%rip), %rax\n mov (%rax), %eax\n ret\n"
    data = ".data\n.hidden mine\n.globl mine\nmine: .long 42\n"

    library = link.shared(assemble(source + data), PACK)

    link(compile_c("int f(void); int main(void) { return f(); }"), library).run(status=42)
    slots = [address for address in packed(library) if address in library.sections[".got"]]
    assert [library.word(slot) for slot in slots] == [library.symbols["mine"].value]


def test_read_only_pointers_are_packed_with_text_relocations(link):
    data = ".section .rodata\n.balign 8\n.globl p\np: .quad target\n.data\n.globl target\ntarget: .long 42\n"
    main = compile_c("extern int *const p; int main(void) { return *p; }")

    program = link(main, assemble(data, name="data"), PACK, "-Wl,-z,notext")

    program.run(status=42)
    assert program.symbols["p"].value in packed(program)


@pytest.mark.unlike("lld", reason="keeps .ctors apart")
def test_constructors_are_packed(link):
    """A .ctors section is turned round with its relocations."""
    old = '.section .ctors,"aw"\n.balign 8\n.quad second, first\n'
    source = "int n; void first(void) { n += 20; } void second(void) { n = n * 2 + 2; }"
    main = compile_c(source + "int main(void) { return n; }")

    program = link(main, assemble(old, name="old"), PACK, "-Wl,--gc-sections")

    program.run(status=42)
    assert len([a for a in packed(program) if a in program.sections[".init_array"]]) >= 2


def test_shared_object_without_libc_requires_no_version(link):
    library = link.shared(pic_c("static int t; int *p = &t;"), PACK, "-nostdlib")

    assert library.sections[".relr.dyn"].size
    assert "GLIBC_ABI_DT_RELR" not in library.readelf("-V")


def test_order_of_the_sections_does_not_matter(link):
    """Parts that are sorted by number, and orphans."""
    pointer = ".balign 8\n.quad say\n"
    data = "".join(
        f'.section .init_array.{n},"aw",@init_array\n{pointer}.section own{n % 3},"aw"\n{pointer}'
        for n in (500, 100, 300, 200, 400)
    )
    main = compile_c("int n; void say(void) { n += 8; } int main(void) { return n + 2; }")

    program = link(main, assemble(data, name="data"), PACK)

    program.run(status=42)
    addresses = decode(program.contents(".relr.dyn"))
    assert addresses == sorted(addresses)
    assert len([a for a in addresses if a in program.sections[".init_array"]]) >= 5
