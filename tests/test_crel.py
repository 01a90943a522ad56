"""SHT_CREL: compact relocations (LEB128 deltas), which a linker must decode or refuse, never ignore."""

from __future__ import annotations

import pytest
from programs import compile_c, compile_cxx, pic_c

CREL = ("-Wa,--crel,--allow-experimental-crel",)
pytestmark = [
    pytest.mark.unlike("ld", reason="2.40 does not know CREL"),
    pytest.mark.unlike("lld", reason="19 does not know CREL"),
]
PROGRAM = """
    #include <stdio.h>
    static int values[] = {1, 2, 3};
    int *pointers[] = {&values[2], &values[0], 0, &values[1]};
    int (*print)(const char *, ...) = printf;
    int helper(int);
    int main(void) { print("%d\\n", helper(*pointers[0]) + *pointers[1] + *pointers[3]); return 0; }
"""


def test_program_runs(link):
    objects = (
        compile_c(PROGRAM, *CREL, compiler="clang"),
        compile_c("int helper(int n) { return n * 13; }", *CREL, name="helper", compiler="clang"),
    )

    for kind in ("-pie", "-static-pie"):
        assert link(*objects, kind, driver="clang").run() == "42\n"


def test_cxx_program_with_debug_information(link):
    source = (
        '#include <iostream>\n#include <stdexcept>\nint main() { try { throw std::runtime_error("42"); } '
        'catch (std::exception &e) { std::cout << e.what() << "\\n"; } }'
    )

    program = link(compile_cxx(source, "-g", *CREL, compiler="clang++"), driver="clang++")

    assert program.run() == "42\n"
    assert "Warning" not in program.readelf("--debug-dump=info")


def test_sections_are_collected_by_compact_relocations(link):
    functions = compile_c(
        "int used(void) { return 42; } int unused(void) { return 1; }",
        "-ffunction-sections",
        *CREL,
        name="f",
        compiler="clang",
    )

    program = link(
        compile_c("int used(void); int main(void) { return used(); }", *CREL, compiler="clang"),
        functions,
        "-Wl,--gc-sections",
    )

    program.run(status=42)
    assert "unused" not in program.symbols


def test_shared_object(link):
    library = link.shared(
        pic_c("extern int x; int *p = &x; int f(void) { return *p + x; }", *CREL, compiler="clang"),
        pic_c("int x = 21;", *CREL, name="x", compiler="clang"),
    )

    link(compile_c("int f(void); int main(void) { return f(); }"), library).run(status=42)


def test_compact_and_ordinary_files_mix(link):
    helper = compile_c("int helper(int n) { return n * 13; }", name="helper")

    assert link(compile_c(PROGRAM, *CREL, compiler="clang"), helper).run() == "42\n"
