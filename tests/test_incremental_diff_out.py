"""--incremental-diff-out: the functions that an update has changed, with old and new addresses, as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from editing import Project
from elf import Elf

pytestmark = pytest.mark.only_wild

MAIN = "int value(int), same(int); int main(void) { return value(3) + same(1) - 14; }\n"
PART = """
static __attribute__((noinline)) int helper(int x) { return x + %s; }
int same(int x) { return x; }
int value(int x) { %s return helper(x); }
"""
WHERE = "-Wl,--incremental-diff-out=changes.json"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path / "project", "-O1 -ffunction-sections")
    made.write("main.c", MAIN)
    made.write("part.c", PART % (10, ""))
    return made


def link(project: Project, *more: str) -> dict:
    """Link, and read the file, which a link without changes must write as well."""
    (project.directory / "changes.json").unlink(missing_ok=True)
    project.link(WHERE, *more)
    return json.loads((project.directory / "changes.json").read_text())


def symbols(project: Project) -> dict[str, tuple[int, int]]:
    image = Elf((project.directory / "program").read_bytes())
    return {symbol.name: (symbol.value, symbol.size) for symbol in image.symbol_list if symbol.type == "FUNC"}


def test_changed_functions_have_their_old_and_new_places(project):
    assert link(project) == {
        "version": 1, "output": f"{project.directory}/program", "mode": "initial", "objects": [], "functions": None,
    }  # fmt: skip
    before = symbols(project)
    more = "for (int i = 0; i < x; i++) x += helper(i) * 7; " * 3
    project.write("part.c", PART % (11, more))

    found = link(project)

    after = symbols(project)
    assert (found["mode"], found["objects"]) == ("update", ["part.o"])
    assert after["value"] != before["value"]
    assert {row["name"]: row for row in found["functions"]} == {
        name: {
            "name": name, "object": "part.o", "old_address": before[name][0], "old_size": before[name][1],
            "new_address": after[name][0], "new_size": after[name][1],
        }
        for name in ("helper", "value")
    }  # fmt: skip


def test_functions_come_and_go(project):
    link(project)
    project.write("part.c", PART % (10, "") + "int fresh(int x) { return x * 5; }\n")
    came = [row for row in link(project)["functions"] if row["name"] == "fresh"]
    project.write("part.c", PART % (10, ""))
    gone = [row for row in link(project)["functions"] if row["name"] == "fresh"]

    assert (came[0]["old_address"], came[0]["old_size"]) == (None, None)
    assert (gone[0]["new_address"], gone[0]["new_size"]) == (None, None)
    assert gone[0]["old_address"] == came[0]["new_address"]


def test_what_is_no_update(project):
    link(project)
    assert link(project) | {"output": ""} == {
        "version": 1, "output": "", "mode": "unchanged", "objects": [], "functions": [],
    }  # fmt: skip
    project.call(*project.command("program", WHERE, "-Wl,--no-incremental"))
    full = json.loads((project.directory / "changes.json").read_text())
    assert (full["mode"], full["functions"]) == ("full", None)


def test_an_output_without_symbols(project):
    link(project, "-Wl,-s")
    project.write("part.c", PART % (12, ""))

    found = link(project, "-Wl,-s")

    assert (found["mode"], found["objects"], found["functions"]) == ("update", ["part.o"], None)
