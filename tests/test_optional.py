"""Libraries that may be missing, and how an isolated interpreter finds those that are there."""

from __future__ import annotations

import subprocess
import sys

import pytest
from programs import ROOT, tool

from wild.optional import decompress_zstd, import_optional


def test_a_library_that_is_there():
    assert import_optional("zlib").__name__ == "zlib"


def test_a_submodule():
    assert import_optional("elftools.elf.elffile").ELFFile


def test_a_library_that_is_missing():
    assert import_optional("no_such_library") is None


def test_an_isolated_interpreter_finds_what_pip_installed():
    """The environment's directory is not on the path under -IS, not even as sys.prefix before Python 3.14."""
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'src')!r})\n"
        "from wild.optional import import_optional\n"
        "before = len(sys.path)\n"
        "assert import_optional('zlib') and len(sys.path) == before\n"
        "print(import_optional('elftools') is not None)\n"
    )

    assert subprocess.check_output([sys.executable, "-IS", "-c", code], text=True) == "True\n"


def test_zstd(tmp_path):
    if decompress_zstd(b"", 0) is None:
        pytest.skip("no zstd library for this interpreter")
    text = b"linker " * 10_000
    command = [tool("zstd"), "-q", "-c"]
    packed = subprocess.run(command, input=text, capture_output=True, check=True).stdout

    assert decompress_zstd(packed, len(text)) == text
    for damaged, size in (
        (packed, len(text) - 1),
        (packed, len(text) + 1),
        (packed[:-9], len(text)),
        (b"\0" * 50, 50),
    ):
        with pytest.raises(ValueError, match=r"."):
            decompress_zstd(damaged, size)
