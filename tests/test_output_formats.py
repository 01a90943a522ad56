"""Outputs that are not all of an ELF file, and alignments of segments in the file."""

from __future__ import annotations

import struct
import subprocess

import pytest
from elf import PT_LOAD
from linking import linker_under_test
from programs import assemble, compile_c, tool
from scripts import script

SOURCE = """
    .globl _start
    .text
    _start: call next
    .section .rodata
    .ascii "text"
    .data
    .balign 32
    .quad 1
    .section .text.next,"ax"
    next: ret
    .bss
    .skip 64
"""
PLACES = """
    MEMORY { ROM (rx) : ORIGIN = 0x10000, LENGTH = 64K
             RAM (rw) : ORIGIN = 0x200000, LENGTH = 64K }
    SECTIONS {
        .text : { *(.text .text.*) } >ROM
        .rodata : { *(.rodata) } >ROM
        .data : { *(.data) } >RAM AT>ROM
        .bss : { *(.bss) } >RAM
    }
"""


@pytest.mark.unlike("lld", "mold", "gold", reason="take the places in the file, or have no scripts")
def test_binary_image_is_that_of_ld(link):
    images = []
    for linker in (linker_under_test(), tool("ld")):
        path = link.directory / f"image{len(images)}"
        command = [linker, "-T", script(link, PLACES), assemble(SOURCE), "--oformat", "binary", "-o", path]
        subprocess.run(command, check=True, capture_output=True)
        images.append(path.read_bytes())

    assert images[0] == images[1]
    assert b"text" in images[0]


@pytest.mark.only_wild
def test_binary_image_of_sections_far_apart_is_an_error(link):
    command = [
        linker_under_test(),
        assemble(SOURCE),
        "--oformat=binary",
        "-Tdata=0x7000000000",
        "-o",
        "image",
    ]
    done = subprocess.run(command, cwd=link.directory, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "--oformat=binary: from " in done.stderr
    assert "sections are too far apart" in done.stderr
    assert not (link.directory / "image").exists()


@pytest.mark.unlike("ld", "gold", reason="do not have the option")
@pytest.mark.parametrize("kind", ["-pie", "-no-pie", "-static"])
def test_a_program_without_section_headers_runs(link, kind):
    source = compile_c('#include <stdio.h>\nint main(void) { puts("runs"); return 3; }')
    path = link.directory / "program"
    done = link.attempt(source, kind, "-Wl,-z,nosectionheader", driver="gcc", output="program", linker=None)

    assert done.returncode == 0, done.stderr
    assert (
        "Number of section headers:         0"
        in subprocess.run([tool("readelf"), "-h", path], capture_output=True, text=True, check=True).stdout
    )
    assert subprocess.run([path], capture_output=True, text=True, check=False).returncode == 3


@pytest.mark.unlike("ld", "lld", "gold", "mold", reason="do not have the option, or leave more in the file")
@pytest.mark.parametrize("form", ["-Wl,-z,nosectionheader", "-Wl,--oformat=binary"])
@pytest.mark.parametrize("kind", ["fast", "sha1"])
def test_a_build_id_is_of_the_bytes_that_are_left(link, form, kind):
    """Another name in the symbol table, which is cut away, does not change it; the kind of file does."""
    wanted = f"-Wl,--build-id={kind}"
    path = link.directory / "program"
    ids = []
    for word, name in ((form, "first"), (form, "other"), ("", "other")):
        source = compile_c(f"static int {name} = 1; int main(void) {{ return ++{name}; }}", "-O0")
        words = ("-static", wanted, *([word] if word else []))
        done = link.attempt(source, *words, driver="gcc", output="program", linker=None)
        assert done.returncode == 0, done.stderr
        image = path.read_bytes()
        note = image.index(struct.pack("<I", 3) + b"GNU\0")
        size = struct.unpack_from("<I", image, note - 4)[0]
        ids.append(image[note + 8 : note + 8 + size])

    assert ids[0] == ids[1]
    assert any(ids[0])
    assert ids[1] != ids[2]


@pytest.mark.unlike("ld", "gold", "mold", reason="do not have the option, or another rule")
@pytest.mark.parametrize("kind", ["-pie", "-static", "-shared"])
def test_segments_share_no_page_of_the_file(link, kind):
    source = compile_c('int data = 3; const char *text = "text"; int main(void) { return data; }', "-fPIC")
    program = link(source, kind, "-Wl,-z,separate-loadable-segments")

    loads = [segment for segment in program.segments if segment.type == PT_LOAD]
    assert len(loads) > 2
    assert all(load.offset % 0x1000 == 0 for load in loads)
    if kind != "-shared":
        program.run(status=3)


def test_compressed_debug_information_under_a_script(link):
    text = "SECTIONS { marked = .; } INSERT AFTER .bss;"
    source = compile_c("int main(void) { return 4; }", "-g")
    program = link(source, f"-Wl,-T,{script(link, text)}", "-Wl,--compress-debug-sections=zlib")

    program.run(status=4)
    assert "main" in program.readelf("--debug-dump=info")
