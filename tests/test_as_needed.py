"""--as-needed: a library is needed if something refers to it that is not weak and not dropped."""

from __future__ import annotations

import pytest
from programs import archive, compile_c, pic_c

CALL_F = "int f(void); int main(void) { return f(); }"


def library(link, *, name: str = "libf.so", source: str = "int f(void) { return 42; }"):
    return link.shared(pic_c(source), output=name)


def needed(program) -> list[str]:
    return program.tag_strings("NEEDED")


def test_unused_library_is_left_out(link):
    program = link(compile_c("int main(void) { return 0; }"), "-Wl,--as-needed", library(link))

    assert needed(program) == ["libc.so.6"]


def test_used_library_is_kept(link):
    program = link(compile_c(CALL_F), "-Wl,--as-needed", library(link))

    assert "libf.so" in needed(program)


def test_no_as_needed_keeps_an_unused_library(link):
    main = compile_c("int main(void) { return 0; }")

    assert "libf.so" in needed(link(main, "-Wl,--no-as-needed", library(link)))


def test_flag_is_positional(link):
    one, two = library(link, name="libone.so"), library(link, name="libtwo.so", source="int g;")
    main = compile_c("int main(void) { return 0; }")

    program = link(main, "-Wl,--as-needed", one, "-Wl,--no-as-needed", two, "-Wl,--as-needed")

    assert needed(program) == ["libtwo.so", "libc.so.6"]


def test_pop_state_restores_the_flag(link):
    main = compile_c("int main(void) { return 0; }")

    program = link(main, "-Wl,--no-as-needed,--push-state,--as-needed,--pop-state", library(link))

    assert "libf.so" in needed(program)


@pytest.mark.unlike("ld", reason="counts a weak reference as a use")
def test_weak_reference_does_not_need_the_library(link):
    main = compile_c("extern int f(void) __attribute__((weak)); int main(void) { return f ? 1 : 42; }")

    program = link(main, "-Wl,--as-needed", library(link))

    program.run(status=42)
    assert "libf.so" not in needed(program)


def test_reference_from_another_library_does_not_need_it(link):
    """A library must name what it needs itself; the program's DT_NEEDED lists only its own."""
    inner = library(link)
    outer = link.shared(pic_c("int f(void); int g(void) { return f(); }"), inner, output="libouter.so")
    main = compile_c("int g(void); int main(void) { return g(); }")

    program = link(main, "-Wl,--as-needed", outer, inner)

    program.run(status=42)
    assert "libf.so" not in needed(program)


@pytest.mark.unlike("ld", reason="counts references of dropped sections")
def test_reference_from_a_dropped_section_does_not_need_the_library(link):
    unused = compile_c("int f(void); int unused(void) { return f(); }", "-ffunction-sections", name="unused")
    main = compile_c("int main(void) { return 0; }")

    program = link(main, unused, "-Wl,--as-needed,--gc-sections", library(link))

    assert "libf.so" not in needed(program)


def test_library_whose_symbol_the_program_defines_is_not_needed(link):
    main = compile_c("int f(void) { return 42; } int main(void) { return f(); }")

    program = link(main, "-Wl,--as-needed", library(link))

    assert "libf.so" not in needed(program)


def test_second_library_of_the_same_symbol_is_not_needed(link):
    one = library(link, name="libone.so")
    two = library(link, name="libtwo.so", source="int f(void) { return 1; }")

    program = link(compile_c(CALL_F), "-Wl,--as-needed", one, two)

    program.run(status=42)
    assert needed(program)[0] == "libone.so"
    assert "libtwo.so" not in needed(program)


def test_data_reference_needs_the_library(link):
    main = compile_c("extern int value; int main(void) { return value; }")

    program = link(main, "-Wl,--as-needed", library(link, source="int value = 42;"))

    program.run(status=42)
    assert "libf.so" in needed(program)


@pytest.mark.unlike("ld", reason="resolves archives in the order of the command line")
def test_reference_of_an_archive_member_needs_the_library(link):
    member = archive([compile_c("int f(void); int g(void) { return f(); }", name="g")])
    main = compile_c("int g(void); int main(void) { return g(); }")

    program = link(main, "-Wl,--as-needed", library(link), member)

    assert "libf.so" in needed(program)


ARCHIVED = "int wanted(void) { return 21; }"
WANTS = "int wanted(void); int f(void) { return 2 * wanted(); }"


@pytest.mark.unlike("lld", reason="loads what any shared object on the line refers to")
def test_a_library_that_is_not_needed_loads_no_archive_member(link):
    program = link(
        compile_c("int main(void) { return 0; }"),
        "-Wl,--as-needed",
        archive([pic_c(ARCHIVED)], "libwanted.a"),
        library(link, source=WANTS),
    )

    assert needed(program) == ["libc.so.6"]
    assert "wanted" not in {symbol.name for symbol in program.symbol_list}


def test_a_library_that_is_needed_loads_archive_members(link):
    """Also when what needs it is a member that was loaded itself."""
    caller = archive([compile_c("int f(void); int g(void) { return f(); }")], "libcaller.a")

    program = link(
        compile_c("int g(void); int main(void) { return g(); }"),
        "-Wl,--as-needed",
        caller,
        library(link, source=WANTS),
        archive([pic_c(ARCHIVED)], "libwanted.a"),
    )

    program.run(status=42)
    assert "wanted" in program.exports


def test_order_of_needed_libraries_is_that_of_the_line(link):
    one, two = (
        library(link, name="libone.so"),
        library(link, name="libtwo.so", source="int g(void) { return 0; }"),
    )
    main = compile_c("int f(void); int g(void); int main(void) { return g() + f(); }")

    assert needed(link(main, two, one)) == ["libtwo.so", "libone.so", "libc.so.6"]


def test_versions_of_a_dropped_library_are_not_needed(link):
    """No version need may name a library that is not in DT_NEEDED: the loader would stop."""
    program = link(compile_c("int main(void) { return 42; }"), "-Wl,--as-needed", "-lm", "-ldl", "-lpthread")

    program.run(status=42)
    assert needed(program) == ["libc.so.6"]
    assert "libm" not in program.readelf("-V")
