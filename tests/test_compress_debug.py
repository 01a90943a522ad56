"""Compressed debug information in the output, and the old form of it in inputs."""

from __future__ import annotations

import subprocess
import zlib

import pytest
from elf import Elf
from linking import gdb
from programs import compile_c, tool

SOURCE = """
    #include <stdio.h>
    struct point { int x, y; } origin = {3, 4};
    int sum(struct point *p) { return p->x + p->y; }
    int main(void) { printf("%d\\n", sum(&origin)); return 0; }
"""
# Random enough not to vanish, and longer than a chunk.
LARGE = "".join(f"int function_{n * 7919 % 100003}_{n}(int x) {{ return x + {n}; }}\n" for n in range(26000))


def obj(*flags: str):
    return compile_c(SOURCE, "-g", *flags)


def plain(output) -> dict[str, bytes]:
    """Debug sections as they are without compression."""
    copy = output.path.with_suffix(".plain")
    subprocess.run([tool("objcopy"), "--decompress-debug-sections", output.path, copy], check=True)
    found = Elf(copy.read_bytes())
    return {name: found.contents(name) for name in found.sections if name.startswith(".debug_")}


@pytest.mark.parametrize("kind", ["zlib", "zlib-gabi", "zstd", "zlib-gnu"])
def test_contents_are_the_same_when_decompressed(link, kind):
    expected = link(obj("-O1"), output="plain")
    program = link(obj("-O1"), f"-Wl,--compress-debug-sections={kind}")

    assert program.run() == "7\n"
    assert plain(program) == {
        name: expected.contents(name) for name in expected.sections if name.startswith(".debug_")
    }
    prefix = ".zdebug" if kind == "zlib-gnu" else ".debug"
    section = program.sections[f"{prefix}_info"]
    assert section.size < expected.sections[".debug_info"].size
    assert bool(section.flags & 0x800) == (kind != "zlib-gnu")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["zlib", "zstd"])
def test_chunks_are_one_stream(link, kind):
    """A section of several chunks, whose checksum is made of theirs."""
    inputs = [compile_c(LARGE, "-g", name="large"), obj()]
    expected = link(*inputs, output="plain")
    program = link(*inputs, f"-Wl,--compress-debug-sections={kind},--threads=3")

    assert expected.sections[".debug_info"].size > 1 << 20
    data = program.contents(".debug_info")[24:]
    if kind == "zlib":
        assert zlib.decompress(data) == expected.contents(".debug_info")
    assert plain(program)[".debug_info"] == expected.contents(".debug_info")
    again = link(*inputs, f"-Wl,--compress-debug-sections={kind},--threads=1", output="again")
    assert again.data == program.data


def test_debugger_reads_them(link):
    program = link(obj(), "-Wl,--compress-debug-sections=zlib")

    text = gdb(program, "break sum", "run", "print *p")

    assert "main.c:4" in text
    assert "{x = 3, y = 4}" in text


def test_what_does_not_become_smaller_is_left_alone(link):
    program = link(obj(), "-Wl,--compress-debug-sections=zlib")

    assert not program.sections[".debug_aranges"].flags & 0x800


def test_sections_by_name(link):
    program = link(obj(), "-Wl,--compress-sections=.debug_s*=zlib:9,--compress-sections=.debug_info=none")

    assert program.sections[".debug_str"].flags & 0x800
    assert not program.sections[".debug_info"].flags & 0x800


def test_pattern_that_is_no_text_matches_nothing(link):
    program = link(obj(), "-Wl,--compress-sections=\udcff*=zlib")

    assert not program.sections[".debug_str"].flags & 0x800


@pytest.mark.parametrize("value", [".debug_info", "=zlib", "x=lzma", "x=zlib:10"])
def test_bad_choice_is_refused(link, value):
    assert "--compress-sections" in link.fails(obj(), f"-Wl,--compress-sections={value}")


def test_build_id_is_that_of_the_file(link):
    flags = ("-Wl,--compress-debug-sections=zlib", "-Wl,--build-id=sha1")
    one = link(obj(), *flags, output="one")
    other = link(obj("-DX=1"), *flags, "-Wl,-z,now", output="other")

    assert one.notes(".note.gnu.build-id") != other.notes(".note.gnu.build-id")


def old_form(path, directory):
    copy = directory / f"old-{path.name}"
    command = [tool("objcopy"), "--compress-debug-sections=zlib-gnu", path, copy]
    subprocess.run(command, check=True)
    return copy


@pytest.mark.parametrize("flags", [(), ("-r",)])
def test_old_form_is_read(link, flags):
    inputs = [old_form(compile_c(LARGE[:20000].rpartition("\n")[0], "-g", name="a"), link.directory)]
    inputs.append(old_form(obj(), link.directory))
    if flags:
        inputs = [link.raw("-r", *inputs, output="joined.o")]
        assert ".zdebug_info" not in inputs[0].sections

    program = link(*inputs)

    assert ".debug_info" in program.sections
    assert ".zdebug_info" not in program.sections
    assert "{x = 3, y = 4}" in gdb(program, "break sum", "run", "print *p")


def test_damaged_old_form_is_an_error(link):
    path = old_form(compile_c(LARGE[:20000].rpartition("\n")[0], "-g", name="a"), link.directory)
    data = path.read_bytes()
    at = data.index(b"ZLIB") + 12
    path.write_bytes(data[:at] + b"\xff\xff\xff\xff" + data[at + 4 :])

    assert "damaged" in link.fails(path, "-shared")


def test_device_output(link):
    done = link.attempt(
        obj(),
        "-Wl,--compress-debug-sections=zlib",
        driver="gcc",
        output="../../../../../dev/null",
        linker=None,
    )

    assert done.returncode == 0
