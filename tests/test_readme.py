"""Each block of shell in README.md's section "Use it" is run as it is, and what it links is examined.

The blocks find `wild` on PATH. With WILD_TEST_LINKER set, a stand-in of that name runs the other linker: that
shows whether the lines themselves are right.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from linking import kind_of, linker_under_test
from programs import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(
    r"^```sh\n(.+?)^```$", README.partition("## Use it")[2].partition("\n## ")[0], re.M | re.S
)
TIME_LIMIT = 120  # seconds
SIGNATURES = {"wild": "Linker: Wild", "lld": "LLD"}  # in .comment; others leave none

FILES = {
    "hello.c": '#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n',
    "hello.rs": 'fn main() { println!("hello"); }\n',
    "src/main.rs": 'fn main() { println!("hello"); }\n',
    "Cargo.toml": '[package]\nname = "hello"\nversion = "1.0.0"\nedition = "2021"\n',
    "CMakeLists.txt": (
        "cmake_minimum_required(VERSION 3.13)\nproject(hello C)\nadd_library(greeting SHARED greeting.c)\n"
        "add_executable(hello main.c)\ntarget_link_libraries(hello greeting)\n"
    ),
    "meson.build": (
        "project('hello', 'c')\ngreeting = shared_library('greeting', 'greeting.c')\n"
        "executable('hello', 'main.c', link_with: greeting)\n"
    ),
    "greeting.c": '#include <stdio.h>\nvoid greet(void) { puts("hello"); }\n',
    "main.c": "void greet(void);\nint main(void) { greet(); return 0; }\n",
    "configure": '#!/bin/sh\nfor word; do echo "$word"; done >config.mk\n',
    "Makefile": "include config.mk\nhello: hello.c\n\tcc $(LDFLAGS) hello.c -o hello\n",
}
# A block is about the first of these words in it.
TOOLS = ("configure", "meson", "cmake", "cargo", "rustc", "clang", "gcc", "readelf")
PRODUCTS = {"cmake": "build/hello", "meson": "build/hello", "cargo": "target/debug/hello"}


def tool_of(block: str) -> str:
    return next(tool for tool in TOOLS if tool in block)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    (tmp_path / "configure").chmod(0o755)
    return tmp_path


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """PATH begins with a directory that has the linker as `wild`, and clang without a version in its name."""
    commands = tmp_path / "commands"
    gcc_directory = commands / "gcc"
    gcc_directory.mkdir(parents=True)
    linker = linker_under_test()
    if kind_of(linker) == "wild":
        (commands / "wild").symlink_to(linker)
    else:
        (gcc_directory / "ld").symlink_to(linker)
        stand_in = (
            "#!/bin/sh\n"
            f'[ "$1" != --print-gcc-dir ] || exec echo {shlex.quote(str(gcc_directory))}\n'
            f'exec {shlex.quote(linker)} "$@"\n'
        )
        (commands / "wild").write_text(stand_in)
        (commands / "wild").chmod(0o755)
    if not shutil.which("clang") and (clang := newest_clang()):
        (commands / "clang").symlink_to(clang)
    return {
        **os.environ,
        "PATH": f"{commands}:{os.environ['PATH']}",
        "CARGO_TARGET_DIR": str(tmp_path / "target"),
    }


def newest_clang() -> str | None:
    return next((found for version in range(30, 13, -1) if (found := shutil.which(f"clang-{version}"))), None)


def run(command: str | list[str], directory: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        command,
        shell=isinstance(command, str),
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_section_has_its_blocks():
    assert sorted(map(tool_of, BLOCKS)) == sorted([*TOOLS, "gcc", "cmake"])


@pytest.mark.parametrize("block", [block for block in BLOCKS if tool_of(block) != "readelf"], ids=tool_of)
def test_block_links_with_wild(block, project, environment):
    tool = tool_of(block)
    if tool != "configure" and not shutil.which(tool, path=environment["PATH"]):
        pytest.skip(f"{tool} is not installed")

    run(block, project, environment)

    product = project / PRODUCTS.get(tool, "hello")
    shown = run(["readelf", "-p", ".comment", product.relative_to(project)], project, environment)
    assert run([product], project, environment) == "hello\n"
    assert SIGNATURES.get(kind_of(linker_under_test()), "") in shown


def test_readelf_shows_the_linker(project, environment):
    run(next(block for block in BLOCKS if tool_of(block) == "gcc"), project, environment)

    shown = run(next(block for block in BLOCKS if tool_of(block) == "readelf"), project, environment)

    assert SIGNATURES.get(kind_of(linker_under_test()), "") in shown
