"""When a configuration of a program test is skipped: what the machine and its tools have to offer."""

from __future__ import annotations

import platform
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import pytest
from directives import Config
from programs import tool

SFRAME_GLIBC = "2.42"


def skip_if_unfit(config: Config) -> None:
    """Skip the test, with the reason, where the configuration cannot be built or run."""
    machine = platform.machine()
    wanted = config["Arch"]
    if wanted is not None and machine not in wanted:
        pytest.skip(f"for {', '.join(wanted)} only")
    if machine in config["SkipArch"]:
        pytest.skip(f"not for {machine}")
    if config["RequiresGlibc"] and platform.libc_ver()[0] != "glibc":
        pytest.skip("needs glibc")
    for asked in (config["RequiresGlibcVersion"], config["RequiresSFrameBacktrace"] and SFRAME_GLIBC):
        if asked and version(platform.libc_ver()[1]) < version(str(asked)):
            pytest.skip(f"needs glibc {asked}")
    for flags in config["RequiresCompilerFlags"]:
        if not compiler_takes(tool(str(config["Compiler"])), ("-c", *flags)):
            pytest.skip(f"{config['Compiler']} does not take {' '.join(flags)}")
    if config["RequiresLinkerPlugin"] and not compiler_takes(tool("gcc"), ("-flto",)):
        pytest.skip("gcc -flto does not work")
    skip_without_rust(config)


def skip_without_rust(config: Config) -> None:
    if config.source.suffix == ".rs":
        tool("rustc")
    if config["RequiresNightlyRustc"] and "nightly" not in said_by(tool("rustc"), "--version"):
        pytest.skip("needs a nightly rustc")
    if config["RequiresRustMusl"]:
        target = "x86_64-unknown-linux-musl"
        if not Path(said_by(tool("rustc"), "--print=target-libdir", f"--target={target}").strip()).is_dir():
            pytest.skip(f"rustc has no {target}")


def version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())


@cache
def said_by(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


@cache
def compiler_takes(compiler: str, flags: tuple[str, ...]) -> bool:
    """Does it compile a small program with these flags; and link it, unless they have -c?"""
    text = "int main(void) { return 0; }\n"
    with tempfile.TemporaryDirectory() as folder:
        command = [compiler, *flags, "-Werror", "-x", "c", "-", "-o", f"{folder}/program"]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    return done.returncode == 0
