"""Debug information of incremental updates: what addr2line and readelf make of functions that changed, came or went."""

from __future__ import annotations

import subprocess

import pytest
from editing import Project, initial
from elf import Elf
from programs import tool
from test_incremental import MAIN, part

pytestmark = pytest.mark.only_wild


def test_debug_information_follows(tmp_path):
    project = Project(tmp_path / "project", "-O0 -g")
    project.write("main.c", MAIN)
    project.write("part.c", part())
    initial(project)
    project.write("part.c", part(5, body="int fresh_local = x; x = fresh_local + 1;\n"))
    project.step("update")

    lines = subprocess.run(
        [tool("addr2line"), "-fe", "program", address_of(project, "value")],
        cwd=project.directory, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert lines.splitlines()[0] == "value"
    assert lines.splitlines()[1].partition(":")[0].endswith("part.c")
    warnings = subprocess.run(
        [tool("readelf"), "-wilaofF", "program"],
        cwd=project.directory,
        capture_output=True,
        text=True,
        check=True,
    ).stderr
    assert warnings == ""


def test_functions_with_debug_information_come_and_go(tmp_path):
    """.debug_aranges has an entry for each and no room for gaps; debuggers do without it."""
    main = "int value(int);\nint main(void) {{ return value(5) != {}; }}\n"
    project = Project(tmp_path / "project", "-O0 -g -ffunction-sections", "-Wl,--gc-sections")
    project.write("main.c", main.format(6))
    project.write("part.c", "int value(int x) { return x + 1; }\n")
    initial(project)
    assert ".debug_aranges" not in Elf((project.directory / "program").read_bytes()).sections

    project.write(
        "part.c", "static int fresh(int x) { return x * 7; }\nint value(int x) { return fresh(x); }\n"
    )
    project.write("main.c", main.format(35))
    project.step("update")
    place = subprocess.run(
        [tool("addr2line"), "-fe", "program", address_of(project, "fresh")],
        cwd=project.directory, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert place.startswith("fresh\n")
    assert place.strip().endswith("part.c:1")

    project.write("part.c", "int value(int x) { return x * 7; }\n")
    project.step("update")


def address_of(project: Project, name: str) -> str:
    listed = subprocess.run(
        [tool("nm"), "program"], cwd=project.directory, capture_output=True, text=True, check=True
    ).stdout
    return next(line.split()[0] for line in listed.splitlines() if line.endswith(f" {name}"))
