"""Undefined symbols of shared objects whose own libraries the link does not name: where those are looked for."""

from __future__ import annotations

import os

import pytest
from programs import compile_c, pic_c

MAIN = "int f(void); int main(void) { return f(); }"
OUTER = "int inner(void), other(void); int f(void) { return inner(); } int g(void) { return other(); }"


@pytest.fixture
def outer(link):
    """libouter.so, which needs libinner.so for `inner` and has nobody for `other`; libinner.so is in inner/."""
    (link.directory / "inner").mkdir()
    inner = link.shared(
        pic_c("int inner(void) { return 42; }"), "-Wl,-soname,libinner.so", output="inner/libinner.so"
    )

    def make(*options: str, source: str = OUTER):
        return link.shared(pic_c(source), inner, *options, "-nostdlib", output="libouter.so")

    return make


@pytest.mark.unlike("lld", reason="looks for no library")
@pytest.mark.parametrize(
    "way",
    ["-Wl,-rpath-link,inner", "-Wl,-rpath-link=none:inner", "-Wl,-rpath,inner", "-Wl,--rpath-link,./inner"],
)
def test_library_found_in_a_given_directory(link, outer, way):
    """`inner` is there, so only `other` is missing."""
    message = link.fails(compile_c(MAIN), outer(), way)

    assert "other" in message
    assert "undefined symbol: inner" not in message


@pytest.mark.unlike("lld", reason="looks for no library")
def test_library_found_by_the_library_path_of_the_loader(link, outer):
    library = outer()

    assert "other" in link.fails(compile_c(MAIN), library, LD_LIBRARY_PATH=f"{link.directory}/inner")


@pytest.mark.unlike("lld", reason="looks for no library")
@pytest.mark.parametrize("tags", ["--enable-new-dtags", "--disable-new-dtags"])
def test_library_found_by_the_path_in_the_library_that_needs_it(link, outer, tags):
    library = outer("-Wl,-rpath,$ORIGIN/inner", f"-Wl,{tags}")

    assert "other" in link.fails(compile_c(MAIN), library)


@pytest.mark.unlike("ld", reason="counts a library that is not found as empty")
def test_nothing_is_said_where_a_library_is_not_found(link, outer):
    program = link(compile_c(MAIN), outer())

    program.run(status=42, LD_LIBRARY_PATH=f"{link.directory}:{link.directory}/inner")


def test_complete_program_links_without_a_word(link, outer):
    library = outer(source="int inner(void); int f(void) { return inner(); }")

    program = link(compile_c(MAIN), library, "-Wl,-rpath-link,inner")

    program.run(status=42, LD_LIBRARY_PATH=f"{link.directory}:{link.directory}/inner")
    assert program.messages == ""
    assert "libinner.so" not in program.tag("NEEDED")


def test_definition_two_libraries_away(link, outer):
    """The dynamic linker looks in all libraries that are loaded, whoever needs them."""
    (link.directory / "far").mkdir()
    far = link.shared(pic_c("int other(void) { return 1; }"), "-Wl,-soname,libfar.so", output="far/libfar.so")
    link.shared(
        pic_c("int inner(void) { return 42; }"),
        "-Wl,-soname,libinner.so,--no-as-needed",
        far,
        output="inner/libinner.so",
    )

    program = link(compile_c(MAIN), outer(), "-Wl,-rpath-link,inner:far")

    assert program.messages == ""


def test_older_version_of_a_symbol_counts(link, outer):
    """The reference may be to that version."""
    source = '__asm__(".symver old, other@V1"); int old(void) { return 1; } int inner(void) { return 42; }'
    (link.directory / "map").write_text("V1 { };")
    link.shared(pic_c(source), "-Wl,-soname,libinner.so,--version-script=map", output="inner/libinner.so")

    assert link(compile_c(MAIN), outer(), "-Wl,-rpath-link,inner").messages == ""


@pytest.mark.unlike("lld", reason="looks for no library")
def test_file_that_is_no_library_is_passed_over(link, outer):
    (link.directory / "bad").mkdir()
    (link.directory / "bad" / "libinner.so").write_bytes(b"\x7fELF" + bytes(100))
    library = outer()

    message = link.fails(compile_c(MAIN), library, "-Wl,-rpath-link,bad:inner")

    assert "other" in message
    assert os.fspath(link.directory / "bad") not in message
