"""`wild run COMMAND…`: run a build so that its links go through wild, without changing the build.

Nothing is preloaded and no compiler is replaced.  gcc and clang look for `ld` in the directories of COMPILER_PATH
before their own (GCC manual, "Environment Variables"), whatever -fuse-ld names, so a directory that holds wild under
the names of all linkers is put there; and in front of PATH, for builds that run `ld` themselves.  rustc brings a linker
and tells gcc where it is, which is turned off by a flag: in RUSTFLAGS if that is set, else for the target, because
RUSTFLAGS would hide the flags of .cargo/config.toml.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from wild.cli import gcc_directory
from wild.errors import LinkError

USAGE = """\
usage: wild run COMMAND [ARGUMENT...]

Runs a build (make, ninja, cargo build, go build, ...) so that gcc, clang, rustc and whatever calls `ld` link with
wild.  The exit status is the command's."""

NAMES = ("ld", "ld.bfd", "ld.gold", "ld.lld", "ld.mold", "lld", "mold")
RUST_TARGET = "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS"
RUST_FLAG = "-Clinker-features=-lld"
RUST_BRINGS_LLD = (1, 90)  # the first version whose default is its own linker on x86-64 Linux
COMMAND_NOT_FOUND = 127


def run(arguments: list[str]) -> int:
    """Run the command; returns its exit status.  Raises LinkError if it cannot be started."""
    if arguments[:1] == ["--"]:
        arguments = arguments[1:]
    if not arguments or arguments[0] in ("--help", "-h"):
        print(USAGE, file=sys.stdout if arguments else sys.stderr)
        return 0 if arguments else 2
    try:
        status = subprocess.run(arguments, env=build_environment(dict(os.environ)), check=False).returncode
    except FileNotFoundError:
        print(f"wild: error: {arguments[0]}: command not found", file=sys.stderr)
        return COMMAND_NOT_FOUND
    except OSError as error:
        raise LinkError(f"{arguments[0]}: cannot be run: {error.strerror}") from None
    return status if status >= 0 else 128 - status


def build_environment(environment: dict[str, str]) -> dict[str, str]:
    """The environment of a build whose links go through wild."""
    directory = linker_directory(environment)
    for variable in ("COMPILER_PATH", "PATH"):
        rest = environment.get(variable)
        environment[variable] = f"{directory}:{rest}" if rest else directory
    version = rust_version()
    if version is not None and version >= RUST_BRINGS_LLD:
        variable = "RUSTFLAGS" if "RUSTFLAGS" in environment else RUST_TARGET
        environment[variable] = f"{environment.get(variable, '')} {RUST_FLAG}".strip()
    return environment


def linker_directory(environment: dict[str, str]) -> str:
    """A directory with wild under the name of every linker.

    Its path stays the same from run to run, because build systems note down the linker they found.
    """
    linker = f"{gcc_directory()}/ld"
    cache = environment.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    directory = os.path.join(cache, "wild", "linkers")
    try:
        os.makedirs(directory, exist_ok=True)
        for name in NAMES:
            path = os.path.join(directory, name)
            if not os.path.islink(path) or os.readlink(path) != linker:
                beside = f"{path}.{os.getpid()}"
                os.symlink(linker, beside)
                os.replace(beside, path)
    except OSError as error:
        raise LinkError(f"{directory}: cannot be made: {error.strerror}") from None
    return directory


def rust_version() -> tuple[int, int] | None:
    """The version of the rustc on PATH, None if there is none."""
    if not shutil.which("rustc"):
        return None
    done = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=False)
    words = done.stdout.split()
    major, _, rest = (words[1] if len(words) > 1 else "").partition(".")
    minor = rest.partition(".")[0]
    return (int(major), int(minor)) if major.isdigit() and minor.isdigit() else None
