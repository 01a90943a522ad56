"""What a link can tell: the map, the trace of files, the trace of a symbol, the dependency file."""

from __future__ import annotations

import pytest
from programs import archive, assemble, compile_c, exit_with

START = ".globl _start\n_start: call f" + exit_with("$42")
F = ".globl f\nf: ret\n"


@pytest.mark.unlike("ld", reason="names members only when -t is given twice")
def test_trace_lists_the_files_that_are_linked(link):
    library = archive([assemble(F, name="used"), assemble(".globl g\ng: ret", name="unused")], "libtrace.a")

    for flag in ("-t", "--trace"):
        messages = link.raw(assemble(START, name="start"), library, flag).messages
        assert "start.o" in messages
        assert "used.o" in messages
        assert "unused.o" not in messages


@pytest.mark.parametrize("form", ["-y", "--trace-symbol="])
def test_trace_of_a_symbol_names_definition_and_uses(link, form):
    option = (f"{form}f",)

    messages = link.raw(assemble(START, name="start"), assemble(F, name="definition"), *option).messages

    assert "start.o" in messages
    assert "definition.o" in messages


@pytest.mark.parametrize("form", [("-Map={}",), ("-Map", "{}"), ("--Map={}",)])
def test_map_file_has_sections_symbols_and_files(link, form):
    path = link.directory / "out.map"

    program = link.raw(
        assemble(START, name="start"), assemble(F, name="f"), *(word.format(path) for word in form)
    )

    text = path.read_text()
    assert ".text" in text
    assert "start.o" in text
    assert "f.o" in text
    assert f"{program.symbols['f'].value:x}" in text


@pytest.mark.parametrize("flag", ["-M", "--print-map"])
def test_map_on_the_standard_output(link, flag):
    assert ".text" in link.raw(assemble(START, name="start"), assemble(F, name="f"), flag).messages


def test_dependency_file_lists_every_input(link):
    library = archive([assemble(F, name="f")], "libdep.a")
    path = link.directory / "program.d"

    link.raw(assemble(START, name="start"), library, f"--dependency-file={path}")

    text = path.read_text()
    assert text.startswith(f"{link.directory}/program:")
    assert "start.o" in text
    assert "libdep.a" in text


@pytest.mark.unlike("ld", reason="does not escape")
def test_dependency_file_escapes_spaces(link):
    source = link.directory / "with space.o"
    source.write_bytes(assemble(START.replace("call f", ""), name="start").read_bytes())
    path = link.directory / "program.d"

    link.raw(source, f"--dependency-file={path}")

    assert "with\\ space.o" in path.read_text()


def test_cross_reference_table(link):
    messages = link(
        compile_c("int f(void); int main(void) { return f(); }", name="user"),
        compile_c("int f(void) { return 42; }", name="definer"),
        "-Wl,--cref,-Map=/dev/stdout",
    ).messages

    assert "user.o" in messages
    assert "definer.o" in messages


def test_verbose_succeeds(link):
    link.raw(assemble(START.replace("call f", "")), "--verbose").run(status=42)


def test_fatal_warnings(link):
    main = assemble(".globl f\nf: ret")

    assert link.fails(main, "--fatal-warnings", driver="raw")


def test_unknown_keyword_is_a_warning(link):
    program = link.raw(assemble(START.replace("call f", "")), "-z", "no-such-keyword")

    program.run(status=42)
    assert "no-such-keyword" in program.messages


def test_unknown_option_is_an_error(link):
    message = link.fails(assemble(START), "--no-such-option", driver="raw")

    assert "no-such-option" in message
