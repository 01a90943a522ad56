"""SHF_COMPRESSED inputs (zlib and zstd): debug information is decompressed, and what refers to it stays
right.
"""

from __future__ import annotations

import subprocess
import zlib

import pytest
from programs import assemble, compile_c, compile_cxx, exit_with

SOURCE = '#include <stdio.h>\nint main(void)\n{\n    puts("x");\n    return 42;\n}\n'
SHF_COMPRESSED = 0x800


def line_of(program, name: str) -> str:
    address = hex(program.symbols[name].value)
    return subprocess.run(
        ["addr2line", "-e", program.path, address], capture_output=True, text=True, check=True
    ).stdout


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("version", ["-gdwarf-4", "-gdwarf-5"])
def test_zlib_compressed_debug_information(link, version, compiler):
    main = compile_c(SOURCE, version, "-gz=zlib", name="source", compiler=compiler)

    program = link(main)

    assert not any(section.flags & SHF_COMPRESSED for section in program.section_list)
    assert "source.c:3" in line_of(program, "main")


def test_zstd_compressed_debug_information(link):
    main = compile_c(SOURCE, "-g", "-gz=zstd", name="source", compiler="clang")

    program = link(main)

    assert not any(section.flags & SHF_COMPRESSED for section in program.section_list)
    assert "source.c:3" in line_of(program, "main")


def test_compressed_and_plain_inputs_mix(link):
    objects = [
        compile_c(f"int f{n}(void) {{ return {n}; }}", "-g", *flags, name=f"unit{n}")
        for n, flags in enumerate(((), ("-gz=zlib",), ()))
    ]

    program = link(compile_c(SOURCE, "-g", "-gz=zlib", name="source"), *objects)

    assert all(f"unit{n}.c:1" in line_of(program, f"f{n}") for n in range(3))


def test_large_compressed_section(link):
    """Big enough that compression pays and the size in the header matters."""
    source = (
        '#include <map>\n#include <string>\nint main() { std::map<std::string, int> m; m["x"] = 42; '
        'return m["x"]; }'
    )

    program = link(compile_cxx(source, "-g", "-gz=zlib"), driver="g++")

    program.run(status=42)
    assert "Warning" not in program.readelf("--debug-dump=info")


def compressed_object(link, data: bytes, size: int, kind: int = 1):
    """An object with a section .debug_mine that claims to be compressed."""
    header = kind.to_bytes(4, "little") + bytes(4) + size.to_bytes(8, "little") + (1).to_bytes(8, "little")
    text = ", ".join(str(byte) for byte in header + data)
    plain = assemble(f'.section .debug_mine,"",@progbits\n.byte {text}\n', name="compressed")
    patched = bytearray(plain.read_bytes())
    shoff = int.from_bytes(patched[40:48], "little")
    for index in range(int.from_bytes(patched[60:62], "little")):
        row = shoff + 64 * index
        if patched[row + 4] == 1 and int.from_bytes(patched[row + 32 : row + 40], "little") == len(
            header + data
        ):
            patched[row + 9] |= SHF_COMPRESSED >> 8
    path = link.directory / "compressed.o"
    path.write_bytes(patched)
    return path


def start():
    return assemble(".globl _start\n_start:" + exit_with("$42"))


def test_contents_are_what_was_compressed(link):
    text = b"some contents " * 1000

    program = link.raw(start(), compressed_object(link, zlib.compress(text), len(text)))

    assert program.contents(".debug_mine") == text


NOT_BY_LLD = pytest.mark.unlike("lld", reason="believes the size")
FAULTS = ["cut off", "no zlib", "unknown kind", "no header"]


@pytest.mark.unlike("ld", reason="does not name the file")
@pytest.mark.parametrize(
    "fault",
    [*FAULTS, pytest.param("wrong size", marks=NOT_BY_LLD), pytest.param("absurd size", marks=NOT_BY_LLD)],
)
def test_broken_compression_is_an_error(link, fault):
    text = b"some contents " * 100
    packed, size, kind = zlib.compress(text), len(text), 1
    if fault == "wrong size":
        size += 5
    elif fault == "cut off":
        packed = packed[: len(packed) // 2]
    elif fault == "no zlib":
        packed = b"\x01\x02\x03\x04" * 5
    elif fault == "unknown kind":
        kind = 77
    elif fault == "absurd size":
        size = 1 << 60
    path = compressed_object(link, packed, size, kind)
    if fault == "no header":
        path = truncated_header(link, path)

    assert "compressed.o" in link.fails(start(), path, driver="raw")


def truncated_header(link, path):
    """The section shrunk to fewer bytes than its header has."""
    data = bytearray(path.read_bytes())
    shoff = int.from_bytes(data[40:48], "little")
    for index in range(int.from_bytes(data[60:62], "little")):
        row = shoff + 64 * index
        if data[row + 9] & SHF_COMPRESSED >> 8:
            data[row + 32 : row + 40] = (10).to_bytes(8, "little")
    path.write_bytes(data)
    return path
