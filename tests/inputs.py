"""The files table as tests make and read it, and archives written the naive way."""

from __future__ import annotations

import subprocess
from pathlib import Path

from wild import faults
from wild.errors import LinkError
from wild.kernels.files import Inputs
from wild.kernels.pool import Arena, KernelFault, Pool


def arranged(pool: Pool, paths: list[Path | str], flags: list[int] | None = None) -> Inputs:
    """The files table of `paths`."""
    inputs = Inputs(Arena())
    first = inputs.open(pool, [str(path) for path in paths])
    inputs.arrange(pool, list(range(first, first + len(paths))), flags or [0] * len(paths))
    return inputs


def indexed(pool: Pool, paths: list[Path | str], flags: list[int] | None = None) -> Inputs:
    """The same with the headers read."""
    inputs = arranged(pool, paths, flags)
    inputs.set_internal([], [], [], [], [])
    read_headers(inputs, pool)
    return inputs


def read_headers(inputs: Inputs, pool: Pool) -> None:
    try:
        inputs.read_headers(pool)
    except KernelFault as fault:
        raise LinkError(faults.describe(inputs, fault)) from None


def names(inputs: Inputs) -> list[str]:
    """Names of all files except the internal one."""
    found = []
    while True:
        try:
            found.append(inputs.file_name(len(found) + 1))
        except IndexError:
            return found


def rows(inputs: Inputs) -> list[dict[str, int]]:
    return [inputs.file_row(file) for file in range(1, len(names(inputs)) + 1)]


def library(directory: Path, name: str, *arguments: str | Path) -> Path:
    """A shared object."""
    path = directory / name
    subprocess.run(["gcc", "-shared", "-o", path, *arguments], check=True)
    return path


def patched(content: bytes, offset: int, new: bytes) -> bytes:
    return content[:offset] + new + content[offset + len(new) :]


def member_header(name: bytes, size: int) -> bytes:
    return b"%-16s%-12d%-6d%-6d%-8s%-10d`\n" % (name, 0, 0, 0, b"644", size)


def gnu_archive(members: list[tuple[bytes, bytes]], thin: bool = False) -> bytes:
    """As GNU ar writes it, with an index that says nothing."""
    table = b"".join(name + b"/\n" for name, _ in members)
    text = (b"!<thin>\n" if thin else b"!<arch>\n") + member_header(b"/", 4) + bytes(4)
    text += member_header(b"//", len(table)) + table + b"\n" * (len(table) % 2)
    at = 0
    for name, content in members:
        short = len(name) <= 15 and not thin
        text += member_header(name + b"/" if short else b"/%d" % at, len(content))
        at += len(name) + 2
        if not thin:
            text += content + b"\n" * (len(content) % 2)
    return text


def bsd_archive(members: list[tuple[bytes, bytes]]) -> bytes:
    text = b"!<arch>\n" + member_header(b"__.SYMDEF SORTED", 8) + bytes(8)
    for name, content in members:
        padded = name + bytes(-len(name) % 4)
        whole = padded + content if len(name) > 16 or b" " in name else content
        field = b"#1/%d" % len(padded) if whole is not content else name
        text += member_header(field, len(whole)) + whole + b"\n" * (len(whole) % 2)
    return text
