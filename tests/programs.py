"""Compile the small programs the tests link: C, C++, assembly and archives of them.

Every object is kept under `build/test-cache/KEY/`, where KEY is a hash of the source, the flags and the
compiler (its path, size and time), so a second run of the tests costs only the links. A cached object keeps
a telling file name (`main.o`, `lib.a`), because error messages of the linker are about names.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

import wild

ROOT = Path(__file__).resolve().parent.parent
CACHE = Path(os.environ.get("WILD_TEST_CACHE", ROOT / "build" / "test-cache"))
NEWEST_LLVM, OLDEST_LLVM = 24, 14


def interpreter() -> list[str]:
    """The command for an interpreter that can load the kernels of this process: sanitized ones bring libraries."""
    environment = Path(wild.__file__).parents[2] / "bin" / "environment"
    return ["sh", str(environment), sys.executable] if environment.exists() else [sys.executable]


@cache
def tool(name: str) -> str:
    """Path of a program, also when its LLVM version is part of its name; skips the test where there
    is none.
    """
    names = [name, *(f"{name}-{version}" for version in range(NEWEST_LLVM, OLDEST_LLVM, -1))]
    for candidate in names:
        if path := shutil.which(candidate):
            return path
    pytest.skip(f"{name} is not installed")


def skip_without_clang_libraries() -> None:
    """Skip the test if clang has no libraries for -fsanitize and -fprofile-instr-generate, which it installs apart."""
    asked = [tool("clang++"), "--rtlib=compiler-rt", "-print-libgcc-file-name"]
    path = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    if not Path(path).is_file():
        pytest.skip("clang's run-time libraries are not installed")


@cache
def identity(program: str) -> str:
    """What changes when a compiler is replaced by another version."""
    path = os.path.realpath(program)
    status = os.stat(path)
    return f"{path} {status.st_size} {status.st_mtime_ns}"


def cached(name: str, key: tuple[str, ...], command: list[str], source: str | None = None) -> Path:
    """The file `name` that `command` makes; {source} and {output} in it are replaced by paths.

    Two test processes may build the same file at once: each writes its own and renames it into place.
    """
    digest = hashlib.sha256("\0".join((*key, *command, source or "")).encode()).hexdigest()[:20]
    output = CACHE / digest / name
    if output.exists():
        return output
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent) as scratch:
        made = Path(scratch, name)
        words = {"{output}": str(made), "{source}": source_file(output, key[0], source, Path(scratch))}
        done = subprocess.run(
            [words.get(word, word) for word in command],
            cwd=output.parent,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command} failed:\n{done.stderr}\n{source}"
        made.rename(output)
    return output


def source_file(output: Path, suffix: str, source: str | None, scratch: Path) -> str:
    """Write the source beside its object, under a name that debug information may refer to."""
    if source is None:
        return ""
    path = output.with_suffix(suffix)
    draft = scratch / path.name
    draft.write_text(source)
    draft.rename(path)
    return str(path)


def compile_source(suffix: str, compiler: str, source: str, flags: tuple[str, ...], name: str) -> Path:
    program = tool(compiler)
    command = [program, "-c", "{source}", "-o", "{output}", *flags]
    return cached(f"{name}.o", (suffix, identity(program)), command, source)


def compile_c(source: str, *flags: str, name: str = "main", compiler: str = "gcc") -> Path:
    """An object file from C; without flags as the compiler likes it: position independent, not optimised."""
    return compile_source(".c", compiler, source, flags, name)


def compile_cxx(source: str, *flags: str, name: str = "main", compiler: str = "g++") -> Path:
    """An object file from C++."""
    return compile_source(".cc", compiler, source, flags, name)


def assemble(source: str, *flags: str, name: str = "main", compiler: str = "gcc") -> Path:
    """An object file from assembly (AT&T syntax). A line that says the stack is not executable is added."""
    note = '\n.section .note.GNU-stack,"",@progbits\n'
    return compile_source(".s", compiler, source + note, flags, name)


def pic_c(source: str, *flags: str, name: str = "lib", compiler: str = "gcc") -> Path:
    """An object file from C for a shared object."""
    return compile_c(source, "-fPIC", *flags, name=name, compiler=compiler)


def exit_with(status: str = "$0") -> str:
    """Assembly that ends the process; `status` is the operand moved to the exit status."""
    return f"\n mov {status}, %edi\n mov $60, %eax\n syscall\n"


def archive(members: Mapping[str, Path] | list[Path], name: str = "lib.a", *flags: str) -> Path:
    """An archive in GNU format with an index; `flags` replaces the `rcs` given to ar."""
    return make_archive(members, name, ["ar", *(flags or ("rcs",))])


def thin_archive(members: Mapping[str, Path] | list[Path], name: str = "lib.a") -> Path:
    """A thin archive: the members are named in it and stay where they are."""
    return make_archive(members, name, ["ar", "rcsT"])


def bsd_archive(members: Mapping[str, Path] | list[Path], name: str = "lib.a", *flags: str) -> Path:
    """An archive in BSD format: long names stand before the contents, the index is called __.SYMDEF."""
    return make_archive(members, name, [tool("llvm-ar"), "--format=bsd", *(flags or ("rcs",))])


def make_archive(members: Mapping[str, Path] | list[Path], name: str, command: list[str]) -> Path:
    """Members are copied beside the archive under their member names, which a thin archive then refers to."""
    named = members if isinstance(members, Mapping) else {path.name: path for path in members}
    assert len(named) == len(members), "two members of one name: give a mapping"
    key = " ".join(f"{member}={path}" for member, path in named.items())
    directory = CACHE / hashlib.sha256(" ".join((name, key, *command)).encode()).hexdigest()[:20]
    if (directory / name).exists():
        return directory / name
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory.parent) as scratch:
        for member, path in named.items():
            shutil.copyfile(path, Path(scratch, member))
        subprocess.run([*command, name, *named], cwd=scratch, check=True, capture_output=True)
        publish(Path(scratch), directory)
    return directory / name


def publish(scratch: Path, directory: Path) -> None:
    """Give a finished directory its cached name; another test process may have been faster."""
    try:
        scratch.rename(directory)
    except OSError:
        assert directory.exists()
    else:
        scratch.mkdir()


def write(path: Path, text: str) -> Path:
    """Write a text file and return its path, so that it can stand in a command line."""
    path.write_text(text)
    return path
