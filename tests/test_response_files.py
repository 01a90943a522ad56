"""@FILE: arguments from a file, with the quoting of GNU's libiberty, nested, and of any size."""

from __future__ import annotations

import time

import pytest
from programs import assemble, compile_c, exit_with, write

START = ".globl _start\n_start:" + exit_with("$42")


def linked_by(link, text: str, *arguments: object):
    return link.raw(f"@{write(link.directory / 'arguments', text)}", *arguments)


def test_arguments_are_taken_in_place(link):
    main = assemble(START)

    linked_by(link, f"{main}\n--defsym=x=1 --defsym y=2\n").run(status=42)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("--defsym=x='41 + 1'", 42),
        ('--defsym=x="41 + 1"', 42),
        ("--defsym=x=41\\ +\\ 1", 42),
        ('--defsym="x"=4"2"', 42),
        ("--def'sym=x=4'2", 42),
        ("\t--defsym=x=42\n\n", 42),
        ('--defsym=x="\\42"', 42),
    ],
)
def test_quoting(link, text, expected):
    program = linked_by(link, text, assemble(START))

    assert program.symbols["x"].value == expected


def test_backslash_inside_single_quotes_escapes(link):
    """libiberty treats a backslash alike everywhere, also inside single quotes."""
    (link.directory / "a file.o").write_bytes(assemble(START).read_bytes())

    linked_by(link, "'a\\ file.o'").run(status=42)


def test_name_with_spaces(link):
    (link.directory / "a file.o").write_bytes(assemble(START).read_bytes())

    linked_by(link, '"a file.o"').run(status=42)


@pytest.mark.unlike("lld", reason="drops it")
def test_empty_quoted_argument_is_an_argument(link):
    arguments = write(link.directory / "arguments", f"{assemble(START)} ''")

    assert "open" in link.fails(f"@{arguments}", driver="raw") or "find" in link.fails(
        f"@{arguments}", driver="raw"
    )


def test_response_file_names_another(link):
    write(link.directory / "inner", str(assemble(START)))

    linked_by(link, "@inner --defsym=x=1").run(status=42)


@pytest.mark.unlike("ld", reason="does not name it")
def test_response_file_that_names_itself_is_an_error(link):
    write(link.directory / "again", "@again")

    assert "again" in link.fails("@again", driver="raw")


def test_missing_response_file_is_taken_as_a_file_name(link):
    assert "@missing" in link.fails("@missing", driver="raw")


def test_bytes_that_are_no_utf8(link):
    name = b"name\xff.o"
    path = link.directory.__fspath__().encode() + b"/" + name
    with open(path, "wb") as file:
        file.write(assemble(START).read_bytes())
    (link.directory / "arguments").write_bytes(name)

    link.raw("@arguments").run(status=42)


def test_compiler_driver_passes_it_on(link):
    write(link.directory / "arguments", f"{compile_c('int main(void) { return 42; }')} -Wl,--defsym=x=1")

    link("@arguments").run(status=42)


@pytest.mark.slow
def test_ten_megabytes_are_read_quickly(link):
    """A large build's argument list: reading it is no noticeable part of a link."""
    main = assemble(START)
    path = write(link.directory / "arguments", f"{main}\n" + "-L/a/directory/of/the/build/tree\n" * 300_000)

    began = time.monotonic()
    link.raw(f"@{path}").run(status=42)

    assert path.stat().st_size > 9_000_000
    assert time.monotonic() - began < 5
