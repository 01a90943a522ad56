"""A symbol defined twice is an error that shows both places."""

from __future__ import annotations

import pytest
from programs import archive, assemble, compile_c, compile_cxx

ONE, TWO = "int f(void) { return 42; }", "int f(void) { return 1; }"
MAIN = "int f(void); int main(void) { return f(); }"


def test_both_files_are_named(link):
    message = link.fails(compile_c(MAIN), compile_c(ONE, name="one"), compile_c(TWO, name="two"))

    assert "one.o" in message
    assert "two.o" in message
    assert "f" in message


def test_every_duplicate_is_reported(link):
    source = "int {0}_a(void) {{ return 1; }} int {0}_b = 1; int {0}_c(void) {{ return 2; }}".format("twice")
    one, two = compile_c(source, name="one"), compile_c(source, name="two")

    message = link.fails(compile_c("int main(void) { return 0; }"), one, two)

    assert all(f"twice_{letter}" in message for letter in "abc")


def test_source_lines_of_both_are_named(link):
    one = compile_c(f"\n\n{ONE}", "-g", name="one")
    two = compile_c(f"\n\n\n\n{TWO}", "-g", name="two")

    message = link.fails(compile_c(MAIN), one, two)

    assert "one.c:3" in message
    assert "two.c:5" in message


def test_names_are_demangled(link):
    source = "namespace shape { int area(long) { return 1; } }"
    main = compile_cxx("int main() {}")

    message = link.fails(main, compile_cxx(source, name="one"), compile_cxx(source, name="two"), driver="g++")

    assert "shape::area(long)" in message


def test_function_and_data_of_one_name_are_duplicates(link):
    assert "f" in link.fails(compile_c(MAIN), compile_c(ONE, name="one"), compile_c("int f = 1;", name="two"))


def test_two_absolute_symbols_of_different_value_are_duplicates(link):
    objects = [assemble(f".globl level\nlevel = {value}", name=f"level{value}") for value in (1, 2)]

    assert "level" in link.fails(compile_c("int main(void) { return 0; }"), *objects)


def test_main_twice_through_an_archive_that_is_loaded_for_another_symbol(link):
    library = archive([compile_c(f"{ONE} int main(void) {{ return 1; }}", name="member")])

    assert "main" in link.fails(compile_c(MAIN), library)


@pytest.mark.parametrize("flag", ["-z,muldefs", "--allow-multiple-definition"])
def test_first_definition_is_taken_when_allowed(link, flag):
    one, two = compile_c(ONE, name="one"), compile_c(TWO, name="two")

    link(compile_c(MAIN), one, two, f"-Wl,{flag}").run(status=42)


def test_definition_in_a_section_that_would_be_dropped_is_still_a_duplicate(link):
    """Duplicates are found before garbage collection, so that --gc-sections does not hide them."""
    one = compile_c(ONE, "-ffunction-sections", name="one")
    two = compile_c(TWO, "-ffunction-sections", name="two")

    assert "f" in link.fails(compile_c("int main(void) { return 0; }"), one, two, "-Wl,--gc-sections")


def test_duplicates_and_undefined_symbols_are_both_reported(link):
    """Errors of one kind do not hide those of the other."""
    main = compile_c("int f(void), missing(void); int main(void) { return f() + missing(); }")

    message = link.fails(main, compile_c(ONE, name="one"), compile_c(TWO, name="two"))

    assert "two.o" in message


def test_dynamic_library_of_the_same_symbol_is_no_duplicate(link):
    one = compile_c(ONE, name="one")
    library = link.shared(compile_c(TWO, "-fPIC", name="two"))

    link(compile_c(MAIN), one, library).run(status=42)


def test_the_same_number_twice_is_no_duplicate(link):
    """Constants that several files of assembly include."""
    one = assemble(".globl number\nnumber = 42\n", name="one")
    other = assemble(".globl number\nnumber = 42\n", name="other")
    start = assemble(".globl _start\n_start: mov $number, %edi\nmov $60, %eax\nsyscall\n")

    link.raw(start, one, other).run(status=42)


def test_two_numbers_are_duplicates(link):
    one = assemble(".globl number\nnumber = 42\n", name="one")
    other = assemble(".globl number\nnumber = 43\n", name="other")

    message = link.fails(one, other, "-nostdlib")

    assert "number" in message
