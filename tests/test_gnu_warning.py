"""`.gnu.warning.SYMBOL`: its text is shown when something refers to SYMBOL; the section stays out of the
output.
"""

from __future__ import annotations

import pytest
from programs import archive, assemble, compile_c

pytestmark = pytest.mark.unlike("lld", reason="copies the section and says nothing")
MAIN = "int old(void); int main(void) { return old(); }"


def warned(name: str = "old"):
    source = (
        "int old(void) {{ return 42; }}\nstatic const char text[] "
        '__attribute__((section(".gnu.warning.{}\\n\\t#"))) = "old is dangerous";'
    )
    return compile_c(source.format(name), name="old")


def test_text_is_shown_where_the_symbol_is_used(link):
    program = link(compile_c(MAIN), warned())

    program.run(status=42)
    assert "old is dangerous" in program.messages
    assert "main.o" in program.messages


def test_nothing_is_shown_without_a_use(link):
    program = link(compile_c("int main(void) { return 42; }"), warned())

    assert "dangerous" not in program.messages


def test_text_is_not_part_of_the_output(link):
    program = link(compile_c(MAIN), warned())

    assert b"old is dangerous" not in program.data
    assert not any("gnu.warning" in name for name in program.sections)


def test_text_in_an_archive_member(link):
    assert "old is dangerous" in link(compile_c(MAIN), archive([warned()])).messages


def test_libc_warns_about_its_own_functions(link):
    """tmpnam and gets are the famous ones."""
    main = compile_c(
        "#include <stdio.h>\nint main(void) { char name[L_tmpnam]; return tmpnam(name) ? 42 : 1; }",
        "-fno-pie",
    )

    program = link(main, "-static")

    assert "tmpnam" in program.messages
    assert "dangerous" in program.messages


def test_fatal_warnings_make_it_an_error(link):
    assert "old is dangerous" in link.fails(compile_c(MAIN), warned(), "-Wl,--fatal-warnings")


def test_anonymous_warning_is_shown_whenever_the_file_is_linked(link):
    """A section named just `.gnu.warning` belongs to the whole file."""
    source = assemble(
        '.globl f\nf: ret\n.section .gnu.warning,"a",@progbits\n.ascii "this file is old"\n', name="f"
    )

    assert (
        "this file is old"
        in link(compile_c("void f(void); int main(void) { f(); return 0; }"), source).messages
    )
