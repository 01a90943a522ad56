"""`__start_NAME` and `__stop_NAME` around every output section whose name is a C identifier."""

from __future__ import annotations

import pytest
from programs import assemble, compile_c, exit_with, pic_c

ENTRY = '__attribute__((section("table"), used)) static int entry_{0} = {0};'
WALK = """
    extern int __start_table[], __stop_table[];
    int main(void) { int sum = 0; for (int *p = __start_table; p < __stop_table; p++) sum += *p; return sum; }
"""


def test_entries_of_all_files_stand_between_the_symbols(link):
    one = compile_c(ENTRY.format(30), name="one")
    two = compile_c(ENTRY.format(2), name="two")

    program = link(compile_c(ENTRY.format(10) + WALK), one, two)

    program.run(status=42)
    section = program.sections["table"]
    assert (program.symbols["__start_table"].value, program.symbols["__stop_table"].value) == (
        section.address,
        section.end,
    )


@pytest.mark.parametrize("flag", ["-static", "-pie", "-no-pie"])
def test_symbols_work_in_every_output_kind(link, flag):
    link(compile_c(ENTRY.format(42) + WALK, "-fpie"), flag).run(status=42)


def test_symbols_work_in_a_shared_object(link):
    library = link.shared(pic_c((ENTRY.format(42) + WALK).replace("main", "sum")))

    link(compile_c("int sum(void); int main(void) { return sum(); }"), library).run(status=42)


def test_symbols_of_a_program_and_its_library_are_different(link):
    """Both have a section `table`; each walks its own."""
    library = link.shared(pic_c((ENTRY.format(40) + WALK).replace("main", "sum")))
    driver = compile_c(
        "int sum(void); int own(void); int main(void) { return sum() + own(); }", name="driver"
    )
    main = compile_c((ENTRY.format(2) + WALK).replace("main", "own"))

    link(driver, main, library).run(status=42)


def test_symbol_without_section_is_undefined(link):
    assert "__start_nothing" in link.fails(
        compile_c("extern int __start_nothing[]; int main(void) { return *__start_nothing; }")
    )


def test_weak_symbol_without_section_is_null(link):
    source = (
        "extern int __start_nothing[] __attribute__((weak)); int main(void) { "
        "return __start_nothing ? 1 : 42; }"
    )

    link(compile_c(source)).run(status=42)


def test_name_that_is_no_identifier_has_no_symbols(link):
    source = '.section .dotted,"aw"\n.long 1\n.globl _start\n.text\n_start:' + exit_with()

    assert not any(
        "dotted" in symbol.name
        for symbol in link.raw(assemble(source)).symbol_list
        if symbol.type != "SECTION"
    )


def test_reference_keeps_the_section_from_collection(link):
    """Entries nothing else refers to survive because the walk refers to __start_table (nostart-stop-gc)."""
    entries = compile_c(
        '__attribute__((section("table"))) int entry = 42;', "-fdata-sections", name="entries"
    )

    program = link(compile_c(WALK), entries, "-Wl,--gc-sections,-z,nostart-stop-gc")

    program.run(status=42)


@pytest.mark.unlike("lld", reason="drops them by default")
def test_reference_keeps_the_section_by_default(link):
    entries = compile_c('__attribute__((section("table"))) int entry = 42;', name="entries")

    link(compile_c(WALK), entries, "-Wl,--gc-sections").run(status=42)


def test_unreferenced_table_is_collected(link):
    entries = compile_c('__attribute__((section("table"))) int entry = 42;', name="entries")

    program = link(compile_c("int main(void) { return 42; }"), entries, "-Wl,--gc-sections")

    program.run(status=42)
    assert "table" not in program.sections


def test_start_stop_gc_drops_what_only_the_walk_refers_to(link):
    entries = compile_c('__attribute__((section("table"))) int entry = 1;', name="entries")
    kept = compile_c(
        '__attribute__((section("table"), retain)) int kept = 42;', name="kept", compiler="clang"
    )

    program = link(compile_c(WALK), entries, kept, "-Wl,--gc-sections,-z,start-stop-gc")

    program.run(status=42)


def test_bounds_of_what_start_stop_gc_drops_are_an_error(link):
    entries = compile_c('__attribute__((section("table"))) int entry = 1;', name="entries")
    messages = link.fails(compile_c(WALK), entries, "-Wl,--gc-sections,-z,start-stop-gc")

    assert "undefined symbol: __start_table" in messages
    assert "__stop_table" in messages
    assert "nostart-stop-gc" in messages


def test_stop_alone_keeps_the_section(link):
    entries = compile_c('__attribute__((section("table"))) int entry = 42;', name="entries")
    main = compile_c("extern int __stop_table[]; int main(void) { return __stop_table[-1]; }")

    link(main, entries, "-Wl,--gc-sections,-z,nostart-stop-gc").run(status=42)


def test_defined_symbol_of_that_name_is_the_users(link):
    source = ENTRY.format(1) + "int __start_table = 42; int main(void) { return __start_table; }"

    link(compile_c(source)).run(status=42)


@pytest.mark.unlike("ld", reason="exports them all the same")
def test_visibility_is_hidden_when_asked_for(link):
    source = pic_c((ENTRY.format(42) + WALK).replace("main", "sum"))

    assert "__start_table" not in link.shared(source, "-Wl,-z,start-stop-visibility=hidden").exports


def test_alignment_of_entries_leaves_no_gap_at_the_start(link):
    """__start_ is the address of the first entry, behind any padding in front of the section."""
    main = compile_c(WALK)
    odd = assemble('.section before,"aw"\n.byte 1\n.section table,"aw"\n.balign 4\n.long 42', name="odd")

    link(main, odd).run(status=42)


@pytest.mark.parametrize(
    ("visibility", "shown"), [("default", "DEFAULT"), ("hidden", "HIDDEN"), ("protected", "PROTECTED")]
)
def test_symbol_table_tells_the_visibility(link, visibility, shown):
    program = link(
        compile_c(
            '__attribute__((section("table"))) int a; extern int __start_table[];'
            "int main(void) { return *__start_table; }"
        ),
        f"-Wl,-z,start-stop-visibility={visibility}",
    )

    assert program.symbols["__start_table"].visibility == shown


@pytest.mark.parametrize("flag", ["-Wl,--gc-sections", "-Wl,--gc-sections,-z,nostart-stop-gc"])
def test_bound_that_only_dead_code_mentions_keeps_nothing(link, flag):
    entries = compile_c('__attribute__((section("table"))) int entry = 1;', name="entries")
    main = compile_c(WALK.replace("main", "dead") + "int main(void) { return 42; }", "-ffunction-sections")

    program = link(main, entries, flag)

    program.run(status=42)
    assert "table" not in program.sections
    assert "__start_table" not in program.symbols


@pytest.mark.unlike("lld", reason="drops them by default")
def test_tables_that_are_reached_by_way_of_tables_are_kept(link):
    """The entry of one table refers to code that walks over the next."""
    first = compile_c(
        'int walk(void); __attribute__((section("first"))) int (*call)(void) = walk;'
        "extern int (*__start_first[])(void); int main(void) { return __start_first[0](); }"
    )
    walk = compile_c(WALK.replace("main", "walk"), "-ffunction-sections", name="walk")
    entries = compile_c('__attribute__((section("table"))) int entry = 42;', name="entries")

    link(first, walk, entries, "-Wl,--gc-sections").run(status=42)


@pytest.mark.unlike("lld", reason="drops them by default")
def test_exported_bound_keeps_its_section(link):
    """Other files can ask for it."""
    entries = pic_c('__attribute__((section("table"))) int entry = 42;', name="entries")
    dead = pic_c(WALK.replace("main", '__attribute__((visibility("hidden"))) dead'), "-ffunction-sections")

    assert "table" in link.shared(dead, entries, "-Wl,--gc-sections").sections
