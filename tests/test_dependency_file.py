"""--dependency-file: what it says is what make reads."""

from __future__ import annotations

import subprocess

import pytest
from programs import assemble, exit_with, tool, write

pytestmark = pytest.mark.only_wild
START = ".globl _start\n_start:" + exit_with("$42")
ODD_NAMES = [
    "plain",
    "with space",
    "has#hash",
    "cost$5",
    "two:points",
    "back\\slash",
    "back\\ space",
    "per%cent",
]


def dependencies(link, *arguments: object, output: str = "program") -> str:
    path = link.directory / "out.d"
    link.raw(*arguments, f"--dependency-file={path}", output=output)
    return path.read_text().replace(f"{link.directory}/", "")


def copies(link, *names: str) -> list[str]:
    """Objects of these names in the test's directory, to be given without a directory."""
    for name in names:
        (link.directory / f"{name}.o").write_bytes(assemble("nop\n", name="nop").read_bytes())
    return [f"{name}.o" for name in names]


def test_golden_rule(link):
    (link.directory / "main.o").write_bytes(assemble(START).read_bytes())

    assert dependencies(link, "main.o", *copies(link, "one", "with space"), "one.o") == (
        "program: \\\n  main.o \\\n  one.o \\\n  with\\ space.o\n\nmain.o:\n\none.o:\n\nwith\\ space.o:\n"
    )


def test_scripts_and_lists_are_inputs_too(link):
    main = assemble(START)
    script = write(link.directory / "libs.txt", f"INPUT ( {main} )\n")
    versions = write(link.directory / "versions.txt", "{ local: *; };\n")
    symbols = write(link.directory / "symbols.txt", "{ _start; };\n")

    text = dependencies(link, script, f"--version-script={versions}", f"--dynamic-list={symbols}")

    assert [
        name for name in ("libs.txt", "main.o", "versions.txt", "symbols.txt") if f"{name}:\n" not in text
    ] == []


def test_scripts_are_named_where_they_were_found(link):
    """By -T in the directories of -L, and by INCLUDE beside the script."""
    main = assemble(START)
    (link.directory / "scripts").mkdir()
    write(link.directory / "scripts" / "layout.txt", "INCLUDE sections.txt")
    write(link.directory / "scripts" / "sections.txt", "SECTIONS { .text 0x400000 : { *(.text) } }")

    text = dependencies(link, "-Lscripts", "-T", "layout.txt", main)

    names = [line.removesuffix(":") for line in text.splitlines() if line.endswith(":")]
    assert [name for name in names if name.endswith(".txt")] == ["scripts/layout.txt", "scripts/sections.txt"]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_make_understands_every_name(link, name):
    """With a newer input make wants to build the output again, and without one it does not."""
    path = link.directory / f"{name}.o"
    path.write_bytes(assemble(START).read_bytes())
    link.raw(f"{name}.o", "--dependency-file=out.d", output="program")
    rules = (link.directory / "out.d").read_text().replace(f"{link.directory}/program:", "program:")
    makefile = write(link.directory / "Makefile", f"{rules}\nprogram:\n\ttouch program\n")
    make = [tool("make"), "-q", "-f", makefile, "program"]

    fresh = subprocess.run(make, cwd=link.directory, capture_output=True, text=True, check=False)
    path.touch()
    stale = subprocess.run(make, cwd=link.directory, capture_output=True, text=True, check=False)

    assert (fresh.returncode, fresh.stderr) == (0, "")
    assert (stale.returncode, stale.stderr) == (1, "")


def test_file_that_cannot_be_written(link):
    done = link.attempt(
        assemble(START), "--dependency-file=nowhere/out.d", driver="raw", output="program", linker=None
    )

    assert done.returncode == 1
    assert "nowhere/out.d: cannot write the dependencies: No such file or directory" in done.stderr
