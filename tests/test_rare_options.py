"""Options that few links use: binary inputs, remapped inputs, built-in dynamic lists, properties, error scripts."""

from __future__ import annotations

import pytest
from elf import Elf
from programs import assemble, compile_c, compile_cxx, exit_with, pic_c

START = ".globl _start\n_start:" + exit_with("$42")
BLOB = """
#include <stdio.h>
extern const char _binary_blob_txt_start[], _binary_blob_txt_end[], _binary_blob_txt_size[];
int main(void) {
    printf("%.*s %ld", (int)(_binary_blob_txt_end - _binary_blob_txt_start), _binary_blob_txt_start,
           (long)_binary_blob_txt_size);
    return 0;
}
"""


def test_a_binary_file_becomes_data_with_symbols_for_its_bounds(link):
    (link.directory / "blob.txt").write_text("some data")
    main = compile_c(BLOB, "-fno-pie")

    program = link(main, "-no-pie", "-Wl,-z,noexecstack,-b,binary", "blob.txt", "-Wl,-b,elf64-x86-64")

    assert program.run() == "some data 9"


def test_an_object_after_b_binary_is_taken_as_bytes(link):
    (link.directory / "start.o").write_bytes(assemble(START).read_bytes())

    program = link.raw("-b", "binary", "start.o", "-b", "default", assemble(START), "-z", "noexecstack")

    size = (link.directory / "start.o").stat().st_size
    assert program.symbols["_binary_start_o_size"].value == size


@pytest.mark.parametrize("pattern", ["missing.o", "mis*.o"])
def test_remapped_inputs_are_read_instead(link, pattern):
    link.raw(f"--remap-inputs={pattern}={assemble(START)}", "missing.o")


def test_inputs_remapped_to_nothing_are_left_out(link):
    (link.directory / "map").write_text("# nothing\nmissing.o /dev/null\n")

    link.raw("--remap-inputs-file=map", "missing.o", assemble(START)).run(status=42)


@pytest.mark.only_wild
def test_a_bad_remap_file_is_an_error(link):
    (link.directory / "map").write_text("one two three\n")

    assert "line 1 is not PATTERN FILE" in link.fails(
        "--remap-inputs-file=map", assemble(START), driver="raw"
    )


LISTED = "int data = 1; int f(void) { return data; } int *where(void) { return &data; }"


def test_dynamic_list_data_leaves_variables_preemptible_and_binds_functions(link):
    library = link.shared(pic_c(LISTED + " int g(void) { return f(); }"), "-Wl,--dynamic-list-data")

    relocations = library.readelf("-r")
    assert "data" in relocations
    assert " f + 0" not in relocations


def test_dynamic_list_cpp_new_lists_operator_new(link):
    source = (
        "#include <cstdlib>\nvoid *operator new(size_t n) { return malloc(n); } int other() { return 1; }"
    )
    program = link(
        compile_cxx(source + " int main() { return 0; }"), "-Wl,--dynamic-list-cpp-new", driver="g++"
    )

    names = {name.partition("@")[0] for name in program.versioned}
    assert "_Znwm" in names
    assert "_Z5otherv" not in names


def test_default_symver_versions_everything_by_the_soname(link):
    library = link.shared(pic_c("int f(void) { return 1; }"), "-Wl,--default-symver")

    assert "f@@libshared.so" in library.versioned


def test_default_symver_versions_what_a_version_script_exports_without_a_version(link, tmp_path):
    """As in GNU ld: what the script makes local stays local."""
    script = tmp_path / "script"
    script.write_text("{ global: f; local: *; };")
    source = pic_c("int f(void) { return 1; } int g(void) { return 2; }")

    library = link.shared(source, f"-Wl,--default-symver,--version-script={script}")

    assert "f@@libshared.so" in library.versioned
    assert "g" not in library.dynamic_symbols


def test_default_symver_leaves_the_versions_of_a_version_script(link, tmp_path):
    script = tmp_path / "script"
    script.write_text("V1 { global: f; };")
    source = pic_c("int f(void) { return 1; } int g(void) { return 2; }")

    library = link.shared(source, f"-Wl,--default-symver,--version-script={script}")

    assert {"f@@V1", "g@@libshared.so"} <= library.versioned


@pytest.mark.parametrize(
    ("keyword", "text"),
    [
        ("x86-64-v2", "x86 ISA needed: x86-64-v2"),
        ("x86-64-v3", "x86 ISA needed: x86-64-v3"),
        ("lam-u57", "x86 feature: LAM_U57"),
        ("lam-u48", "x86 feature: LAM_U48, LAM_U57"),
    ],
)
def test_a_property_that_z_asks_for_is_written(link, keyword, text):
    program = link.raw(assemble(START), "-z", keyword)

    assert text in program.readelf("-n")


@pytest.mark.parametrize(("option", "flag"), [("-Bgroup", "GROUP"), ("-zglobalaudit", "GLOBAUDIT")])
def test_a_flag_of_the_dynamic_section_is_set(link, option, flag):
    library = link.shared(pic_c("int f;"), option, driver="raw")

    flags = next(line for line in library.readelf("-d").splitlines() if "FLAGS_1" in line)
    assert flag in flags


@pytest.mark.only_wild
def test_no_identity_comment_leaves_the_name_out(link):
    program = link.raw(assemble(START), "--no-identity-comment")

    assert b"Linker: Wild" not in program.path.read_bytes()
    assert ".comment" not in Elf(program.path.read_bytes()).sections


@pytest.mark.only_wild
def test_the_directory_is_where_names_count_from(link):
    (link.directory / "inner").mkdir()
    (link.directory / "inner" / "start.o").write_bytes(assemble(START).read_bytes())

    link.raw("--directory=inner", "start.o").run(status=42)


SCRIPT = '#!/bin/sh\necho "called: $*"\nexit ${FAIL:-0}\n'


@pytest.fixture
def script(link):
    path = link.directory / "script.sh"
    path.write_text(SCRIPT)
    path.chmod(0o755)
    return path


def test_the_error_script_hears_of_undefined_symbols(link, script):
    start = assemble(".globl _start\n_start: call nowhere\n")
    done = link.attempt(
        start, f"--error-handling-script={script}", driver="raw", output="program", linker=None
    )

    assert done.returncode == 1
    assert "called: undefined-symbol nowhere" in done.stdout + done.stderr


def test_the_error_script_hears_of_missing_libraries(link, script):
    done = link.attempt(
        assemble(START), "-lnowhere", f"--error-handling-script={script}",
        driver="raw", output="program", linker=None,
    )  # fmt: skip

    assert done.returncode == 1
    assert "called: missing-lib nowhere" in done.stdout + done.stderr
