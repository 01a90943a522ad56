"""`wild doctor`: which linker each installed compiler would use now, and the line that makes it wild.

Compilers are asked themselves: a tiny program is linked by each, and the linker's signature is read from `.comment` of
the result, since what a driver prints about itself and what it does are not always the same.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile

from wild.cli import VERSION_LINE, gcc_directory
from wild.errors import LinkError

USAGE = "usage: wild doctor\n\nTells which linker each compiler on PATH uses now, and how to make it wild."

SOURCE_C = "int main(void) { return 0; }\n"
SOURCE_RUST = "fn main() {}\n"
SOURCE_GO = 'package main\n\nimport "C"\n\nfunc main() {}\n'
NEWEST, OLDEST = 30, 9  # versions that may be part of a compiler's name
COMPILERS = ("cc", "gcc", "c++", "g++", "clang", "clang++")
SIGNATURES = ((b"Linker: Wild", "wild"), (b"Linker: LLD", "lld"), (b"mold ", "mold"))
TIME_LIMIT = 120  # seconds, for a compiler

LINES = {
    "gcc": '-B"$(wild --print-gcc-dir)"',
    "clang": "--ld-path=wild",
    "rustc": '-C linker-features=-lld -C link-arg=-B"$(wild --print-gcc-dir)"',
    "go": "-ldflags='-linkmode=external -extldflags=-B'\"$(wild --print-gcc-dir)\"",
}


def run(arguments: list[str]) -> int:
    """Print the report; returns the exit status."""
    if arguments:
        print(USAGE, file=sys.stdout if arguments[0] in ("--help", "-h") else sys.stderr)
        return 0 if arguments[0] in ("--help", "-h") else 2
    print(VERSION_LINE)
    print(f"python {platform.python_version()} ({sys.executable}), {len(os.sched_getaffinity(0))} processors")
    print(f"directory for gcc -B: {directory_or_reason()}\n")
    rows = [("compiler", "links with", "to use wild, add")]
    with tempfile.TemporaryDirectory() as scratch:
        for name, family in compilers():
            linker = linker_of(name, family, scratch)
            rows.append((name, linker, "" if linker == "wild" else LINES[family]))
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    for row in rows:
        print(f"{row[0]:{widths[0]}}  {row[1]:{widths[1]}}  {row[2]}".rstrip())
    print("\nor, for any build: wild run COMMAND...")
    return 0


def directory_or_reason() -> str:
    try:
        return gcc_directory()
    except LinkError as error:
        return str(error)


def compilers() -> list[tuple[str, str]]:
    """(name, family) of the compilers on PATH, each executable once."""
    names = list(COMPILERS)
    names += [f"{name}-{version}" for name in COMPILERS[1:] for version in range(NEWEST, OLDEST - 1, -1)]
    found: dict[str, tuple[str, str]] = {}
    for name in (*names, "rustc", "go"):
        path = shutil.which(name)
        if path and os.path.realpath(path) not in found:
            found[os.path.realpath(path)] = name, family_of(name)
    return list(found.values())


def family_of(name: str) -> str:
    """gcc, clang, rustc or go; what `cc` is, it says itself."""
    if name in ("rustc", "go"):
        return name
    text = subprocess.run([name, "--version"], capture_output=True, text=True, check=False).stdout
    return "clang" if "clang" in text else "gcc"


def linker_of(name: str, family: str, scratch: str) -> str:
    """Who links for a compiler: the signature in a program that it makes."""
    output = os.path.join(scratch, "program")
    if os.path.exists(output):
        os.remove(output)
    try:
        done = subprocess.run(
            command_for(name, family, scratch, output),
            cwd=scratch, capture_output=True, text=True, errors="replace", timeout=TIME_LIMIT, check=False,
        )  # fmt: skip
        with open(output, "rb") as file:
            data = file.read()
    except (OSError, subprocess.TimeoutExpired):
        return "does not link a program"
    if done.returncode:
        return "does not link a program"
    return next((linker for signature, linker in SIGNATURES if signature in data), "ld")


def command_for(name: str, family: str, scratch: str, output: str) -> list[str]:
    """The command that compiles and links a tiny program."""
    ending, source = {"rustc": ("rs", SOURCE_RUST), "go": ("go", SOURCE_GO)}.get(family, ("c", SOURCE_C))
    path = os.path.join(scratch, f"main.{ending}")
    with open(path, "w", encoding="ascii") as file:
        file.write(source)
    if family == "go":
        return [name, "build", "-ldflags=-linkmode=external", "-o", output, path]
    language = ["-x", "c++"] if "++" in name else []
    return [name, *language, path, "-o", output]
