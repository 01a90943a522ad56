"""Updates repeat the warnings of the initial link, or leave them to a full link where they could be others."""

from __future__ import annotations

from pathlib import Path

import pytest
from editing import Project

pytestmark = pytest.mark.only_wild

MAIN = "int part(int), other(int);\nint main(void) { return part(3) + other(4) - 11; }\n"
PART = "int part(int x) { return x + 1; }\n"
WARNED = 'int old(int x) { return x; }\nasm(".section .gnu.warning.old\\n.asciz \\"old is dangerous\\"\\n.text");\n'
USE = "int old(int);\n"


def project_of(directory: Path, other: str, part: str = PART, link_flags: str = "") -> Project:
    made = Project(directory / "project", flags="-O1", link_flags=link_flags)
    made.write("main.c", MAIN)
    made.write("part.c", part)
    made.write("other.c", other)
    made.write("warned.c", WARNED)
    return made


def link(project: Project, mode: str) -> str:
    """The warnings of an incremental link, which must be those of a full one."""
    line = project.link()
    assert f"{line['mode']}:{line['code']}".rstrip(":") == mode, line
    full = project.call(*project.command("program.full", "-Wl,--no-incremental"))
    assert str(line["messages"]).replace("program.full", "program") == full.stderr.replace(
        "program.full", "program"
    )
    return str(line["messages"])


def test_a_warning_about_an_unchanged_object_is_repeated(tmp_path):
    project = project_of(tmp_path, USE + "int other(int x) { return old(x); }\n")
    assert "old is dangerous" in link(project, "initial:A1")
    project.write("part.c", PART.replace("x + 1", "(x ^ 0) * 7 - 17"))
    assert "old is dangerous" in link(project, "update")
    assert "old is dangerous" in link(project, "unchanged")


def test_the_object_that_a_warning_is_about_changes(tmp_path):
    project = project_of(tmp_path, USE + "int other(int x) { return old(x); }\n")
    link(project, "initial:A1")
    project.write("other.c", "int other(int x) { return x; }\n")
    assert link(project, "initial:E18") == ""


@pytest.mark.parametrize(
    "others", ["int other(int x) { return x; }\n", USE + "int other(int x) { return old(x); }\n"]
)
def test_a_name_with_a_warning_is_used(tmp_path, others):
    """By the first object, or by one more."""
    project = project_of(tmp_path, others)
    link(project, "initial:A1")
    project.write("part.c", USE + PART.replace("x + 1", "old(x) + 1"))
    assert "old is dangerous" in link(project, "initial:E18")
    project.write("part.c", PART)
    link(project, "initial:E18")


def test_a_warning_about_what_is_missing(tmp_path):
    project = project_of(
        tmp_path,
        "int missing(void);\nint other(int x) { return x > 99 ? missing() : x; }\n",
        link_flags="-Wl,--warn-unresolved-symbols",
    )
    assert "missing" in link(project, "initial:A1")
    project.write("part.c", PART.replace("x + 1", "(x ^ 0) * 7 - 17"))
    assert "missing" in link(project, "update")
    project.write("part.c", "int missing(void);\n" + PART.replace("x + 1", "x > 99 ? missing() : x + 1"))
    link(project, "initial:E2")
