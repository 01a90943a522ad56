"""Common symbols: the largest of all mentions, in .bss, .lbss or .tbss, if nothing else defines them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from linking import kind_of, linker_under_test
from programs import assemble, compile_c, exit_with, pic_c

COMMON = "-fcommon"
START = ".globl _start\n_start: lea x(%rip), %rdi\n" + exit_with("$42")
MEDIUM = """
    int big[100000], small, *address = &big[99999];
    static int zeros[100000];
    int data[100000] = {1};
    extern const int constants[100000];
    extern int elsewhere[100000];
    int main(void) {
        big[99999] = 30;
        zeros[5] = 1;
        return *address + data[0] + zeros[5] + small + constants[1] + elsewhere[9] - 1;
    }
"""
PARTS = "const int constants[100000] = {0, 7}; int elsewhere[100000] = {[9] = 4}; int big[10];"


def test_largest_size_and_alignment_count(link):
    sizes = [
        assemble(f".comm x, {size}, {align}\n", name=f"x{size}")
        for size, align in ((4, 64), (100, 4), (8, 8))
    ]

    program = link.raw(assemble(START), *sizes)

    assert program.symbols["x"].size == 100
    assert program.symbols["x"].value % 64 == 0
    assert program.section_at(program.symbols["x"].value) == ".bss"
    assert program.symbols["x"].type == "OBJECT"


def test_common_symbols_do_not_overlap(link):
    names = [f"c{number}" for number in range(20)]
    source = "".join(
        f".comm {name}, {3 * number + 1}, {1 << number % 5}\n" for number, name in enumerate(names)
    )

    program = link.raw(assemble(START + ".comm x, 1\n" + source))

    places = sorted((program.symbols[name].value, program.symbols[name].size) for name in names)
    assert all(one + size <= other for (one, size), (other, _) in pairwise(places))
    assert program.sections[".bss"].end >= sum(places[-1])


def test_definition_goes_before_common_symbols(link):
    main = compile_c("int x[100]; extern int y; int main(void) { return x[0] + y; }", COMMON)
    definition = compile_c("int x[100] = {40}; int y = 2;", name="definition")

    for objects in ((main, definition), (definition, main)):
        program = link(*objects)
        program.run(status=42)
        assert program.section_at(program.symbols["x"].value) == ".data"


@pytest.mark.unlike("lld", reason="leaves ours as small as we have it")
def test_larger_variable_of_a_shared_object_widens_ours(link):
    """Its code relies on its own size, and it is bound to our symbol."""
    code = "void fill(void) { for (int n = 0; n < 1000; n++) x[n] = 1; }"
    library = link.shared(pic_c("int x[1000] = {1};" + code))
    main = (
        "int x[2]; int after[1000]; void fill(void); int main(void) { fill(); return after[0] + x[1] + 41; }"
    )

    program = link(compile_c(main, COMMON), library)

    program.run(status=42)
    assert program.symbols["x"].size == 4000
    assert program.dynamic_symbols["x"].size == 4000


@pytest.mark.unlike("lld", reason="has no large common symbols")
def test_large_common_symbol_lands_in_lbss(link):
    program = link.raw(assemble(START + ".largecomm x, 1000, 32\n.comm y, 8\n"))

    program.run(status=42)
    assert program.section_at(program.symbols["x"].value) == ".lbss"
    assert program.sections[".lbss"].flags & 0x10000000
    assert program.section_at(program.symbols["y"].value) == ".bss"


@pytest.mark.unlike("lld", reason="has no large common symbols")
@pytest.mark.parametrize("order", [1, -1])
def test_common_symbol_is_large_only_if_all_mentions_are(link, order):
    """Small code reaches 2 GiB, so what it uses must not be in .lbss."""
    files = [assemble(".largecomm x, 8, 8\n", name="large"), assemble(".comm x, 4000\n", name="small")]

    program = link.raw(assemble(START), *files[::order])

    assert program.section_at(program.symbols["x"].value) == ".bss"
    assert program.symbols["x"].size == 4000


@pytest.mark.unlike("lld", reason="refuses it")
def test_thread_local_common_symbol(link):
    """.tls_common: its memory is in the TLS template, behind what has contents."""
    source = ".globl get\nget: mov %fs:tls@tpoff, %eax\n add $2, %eax\n ret\n.tls_common tls, 4, 16\n"
    main = """
        extern __thread int tls;
        int get(void);
        int main(void) { tls = 40; return (long)&tls % 16 ? 1 : get(); }
    """

    program = link(compile_c(main, "-fpie"), assemble(source, name="tls"))

    program.run(status=42)
    assert program.symbols["tls"].type == "TLS"
    assert program.symbols["tls"].section == ".tbss"


@pytest.mark.unlike("lld", reason="has no large common symbols")
@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("-fno-pie", "-no-pie"),
        ("-fpie", "-pie"),
        ("-fPIC", "-pie"),
        ("-fno-pie", "-static"),
        ("-fpie", "-static-pie"),
    ],
)
def test_programs_of_the_medium_code_model(link, code, kind):
    flags = ("-mcmodel=medium", code, COMMON)

    program = link(compile_c(MEDIUM, *flags), compile_c(PARTS, *flags, name="parts"), kind)

    program.run(status=42)
    assert {".lbss", ".ldata", ".lrodata"} <= program.sections.keys()
    assert all(program.sections[name].flags & 0x10000000 for name in (".lbss", ".ldata", ".lrodata"))


@pytest.mark.unlike("lld", reason="has no large common symbols")
def test_shared_object_of_the_medium_code_model(link):
    flags = ("-mcmodel=medium", COMMON)
    main = "int fill(int), big[100000]; int main(void) { big[7] = 40; return fill(7); }"

    library = link.shared(pic_c("int big[100000]; int fill(int n) { return big[n] + 2; }", *flags))

    link(compile_c(main, "-mcmodel=medium", "-fPIC", COMMON), library).run(status=42)


UNUSED = "int used, unused, exported; int main(void) { return used + 42; }"


@pytest.mark.unlike("ld", reason="keeps them")
def test_collection_drops_common_symbols_nobody_refers_to(link):
    program = link(compile_c(UNUSED, COMMON, "-g"), "-Wl,--gc-sections,--export-dynamic-symbol=exported")

    program.run(status=42)
    assert {"used", "exported"} <= program.symbols.keys()
    assert "unused" not in program.symbols


@pytest.mark.only_wild
def test_impossible_common_symbol_is_refused(link):
    text = link.fails(assemble(START + ".comm x, 0x7fffffffffffffff, 8\n"), driver="raw")

    assert "common symbol x of 9223372036854775807 bytes" in text


SHARING = "int shared_area[4]; int kept = 3; int sum(void) { return shared_area[1] + kept; }"
OWNER = "int shared_area[4] = {0, 39}; int sum(void); int main(void) { return sum(); }"


@pytest.mark.parametrize("how", ["-Wl,--no-define-common", "inhibit.ld"])
def test_a_shared_object_can_leave_its_common_symbols_to_others(link, how):
    if how == "inhibit.ld":
        if kind_of(linker_under_test()) == "ld":
            pytest.skip("GNU ld reads the script too late and stops with an internal error")
        (link.directory / how).write_text("INHIBIT_COMMON_ALLOCATION")
    library = link.shared(pic_c(SHARING, COMMON), how)

    assert library.dynamic_symbols["shared_area"].section == "UNDEF"
    link(compile_c(OWNER), library).run(status=42)


@pytest.mark.parametrize("command", ["FORCE_COMMON_ALLOCATION", "INHIBIT_COMMON_ALLOCATION"])
def test_scripts_say_whether_common_symbols_get_memory_in_a_partial_link(link, command):
    (link.directory / "commons.ld").write_text(command)

    both = link.raw("-r", pic_c(SHARING, COMMON), "-d" if command[0] == "I" else "-x", "commons.ld")

    assert (both.symbols["shared_area"].section == "COMMON") == (command[0] == "I")


@pytest.mark.only_wild
def test_a_program_cannot_leave_its_common_symbols_to_others(link):
    message = link.fails(assemble(START + ".comm x, 8\n"), "--no-define-common", driver="raw")

    assert "--no-define-common (INHIBIT_COMMON_ALLOCATION) is for shared objects" in message
