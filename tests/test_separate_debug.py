"""--separate-debug-file: the two files are what objcopy makes of one, and debuggers find one through the other."""

from __future__ import annotations

import subprocess
import zlib

import pytest
from linking import gdb
from programs import assemble, compile_c, exit_with, tool

pytestmark = pytest.mark.only_wild

SOURCE = """
    int twice(int x) { return 2 * x; }
    int main(void) { return twice(21); }
"""


@pytest.fixture
def main():
    return compile_c(SOURCE, "-g")


def names(path: object) -> set[str]:
    done = subprocess.run([tool("readelf"), "-SW", path], capture_output=True, text=True, check=True)
    return {line[7:].split()[0] for line in done.stdout.splitlines() if line[2:3] == "[" and line[7:].strip()}


def contents(link, path: object, name: str) -> bytes:
    out = link.directory / "section"
    subprocess.run([tool("objcopy"), "--dump-section", f"{name}={out}", path, "/dev/null"], check=True)
    return out.read_bytes()


def link_of(program) -> tuple[str, int]:
    data = program.contents(".gnu_debuglink")
    return data[: data.index(b"\0")].decode(), int.from_bytes(data[-4:], "little")


def test_the_output_names_the_file_and_its_checksum(link, main):
    program = link(main, "-Wl,--separate-debug-file")

    program.run(status=42)
    debug = link.directory / "program.dbg"
    assert link_of(program) == ("program.dbg", zlib.crc32(debug.read_bytes()))
    assert not any(name.startswith(".debug") for name in names(program.path))
    assert {".debug_info", ".debug_line", ".symtab"} <= names(debug)
    assert ".gnu_debuglink" not in names(debug)


@pytest.mark.parametrize("flags", [(), ("-static",), ("-Wl,--compress-debug-sections=zlib",)])
def test_gdb_finds_lines_through_the_link(link, main, flags):
    program = link(main, "-Wl,--separate-debug-file", *flags)

    assert 'Line 2 of "<stdin>"' in gdb(program, "info line twice") or "Line 2 of" in gdb(
        program, "info line twice"
    )


def test_the_file_can_be_named(link, main):
    (link.directory / "symbols").mkdir()

    program = link(main, "-Wl,--separate-debug-file=symbols/my.debug")

    data = (link.directory / "symbols" / "my.debug").read_bytes()
    assert link_of(program) == ("my.debug", zlib.crc32(data))


def test_both_files_have_the_build_id_of_the_link(link, main):
    program = link(main, "-Wl,--separate-debug-file,--build-id=sha1")

    notes = [
        subprocess.run([tool("readelf"), "-n", path], capture_output=True, text=True, check=True).stdout
        for path in (program.path, link.directory / "program.dbg")
    ]
    assert "Build ID: " in notes[0]
    assert notes[0] == notes[1]


def test_the_debug_file_has_what_objcopy_keeps(link, main):
    """Section by section: the same addresses, sizes and bytes as in a file that has all."""
    whole = link(main, output="whole")
    link(main, "-Wl,--separate-debug-file")
    debug = link.directory / "program.dbg"

    copy = link.directory / "copy"
    subprocess.run([tool("objcopy"), "--only-keep-debug", whole.path, copy], check=True)

    for name in (".debug_info", ".debug_line", ".debug_str", ".debug_abbrev"):
        assert contents(link, debug, name) == contents(link, copy, name)
    assert len(debug.read_bytes()) < len(whole.path.read_bytes())


def test_the_outputs_code_is_that_of_a_link_without_it(link, main):
    whole = link(main, output="whole")
    program = link(main, "-Wl,--separate-debug-file")

    for name in (".text", ".data", ".dynamic", ".eh_frame"):
        assert program.contents(name) == whole.contents(name)
    assert program.symbols["twice"].value == whole.symbols["twice"].value


def test_without_debug_information_there_is_no_file(link):
    program = link.raw(assemble(".globl _start\n_start:" + exit_with("$42")), "--separate-debug-file")

    program.run(status=42)
    assert ".gnu_debuglink" not in names(program.path)
    assert not (link.directory / "program.dbg").exists()


def test_stripped_output_has_no_debug_file(link, main):
    program = link(main, "-Wl,--separate-debug-file,--strip-debug")

    program.run(status=42)
    assert not (link.directory / "program.dbg").exists()


def test_the_last_option_counts(link, main):
    program = link(main, "-Wl,--separate-debug-file,--no-separate-debug-file")

    assert ".debug_info" in names(program.path)
    assert not (link.directory / "program.dbg").exists()


def test_a_debug_file_that_cannot_be_written(link, main):
    message = link.fails(main, "-Wl,--separate-debug-file=nowhere/x")

    assert "nowhere/x" in message


@pytest.mark.parametrize("flag", ["--oformat=binary", "-z,nosectionheader"])
def test_outputs_without_sections_cannot_name_the_file(link, main, flag):
    assert "it needs section headers" in link.fails(main, f"-Wl,--separate-debug-file,{flag}")
