"""-Bsymbolic and its variants: which references inside a shared object are bound at link time."""

from __future__ import annotations

import pytest
from programs import compile_c, pic_c

SOURCE = """
    int function(void) { return 42; }
    __attribute__((weak)) int weak_function(void) { return 42; }
    int data = 42;
    int call(void) { return function() + weak_function() + data; }
"""
ALL = {"function", "weak_function", "data"}


def preemptible(library) -> set[str]:
    """Names of the library's own definitions that the loader is asked for."""
    kinds = ("JUMP_SLOT", "GLOB_DAT", "64")
    return {name for kind in kinds for name in library.relocation_set(kind)} & library.exports


@pytest.mark.parametrize(
    ("flag", "expected"),
    [
        ("-Bdynamic", ALL),
        ("-Bsymbolic", set()),
        ("-Bsymbolic-functions", {"data"}),
        pytest.param(
            "-Bsymbolic-non-weak",
            {"weak_function"},
            marks=pytest.mark.unlike("ld", reason="does not know it"),
        ),
        pytest.param(
            "-Bsymbolic-non-weak-functions",
            {"weak_function", "data"},
            marks=pytest.mark.unlike("ld", reason="does not know it"),
        ),
    ],
)
def test_which_symbols_stay_preemptible(link, flag, expected):
    library = link.shared(pic_c(SOURCE), f"-Wl,{flag}")

    assert preemptible(library) == expected
    assert library.exports >= ALL


def test_symbolic_library_ignores_the_programs_definition(link):
    library = link.shared(pic_c("int f(void) { return 42; } int g(void) { return f(); }"), "-Wl,-Bsymbolic")
    main = compile_c("int g(void); int f(void) { return 1; } int main(void) { return g(); }")

    link(main, library).run(status=42)


def test_symbolic_leaves_its_mark(link):
    library = link.shared(pic_c("int f(void) { return 42; }"), "-Wl,-Bsymbolic")

    assert library.tag("SYMBOLIC") or any(flags & 2 for flags in library.tag("FLAGS"))


def test_symbolic_has_no_effect_on_a_program(link):
    program = link(compile_c("int main(void) { return 42; }"), "-Wl,-Bsymbolic")

    program.run(status=42)


def test_no_symbolic_undoes_it(link):
    library = link.shared(pic_c(SOURCE), "-Wl,-Bsymbolic,-Bno-symbolic")

    assert preemptible(library) == ALL
