"""Which of several copies counts after an update: the first on the command line, as after a full link.

Every update is compared with a full link, debug information included, so a step fails if another copy was taken.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from editing import Project, initial
from test_incremental_joining import joined, library

pytestmark = pytest.mark.only_wild

TEMPLATE = "template<class X> X twice(X x) { return x + x; }\n"
MAIN = """\
#include <cstdio>
template<class X> X same(X x) { return x; }
int first(int); int part(int); int last(int);
int main() { std::printf("%d %d %d\\n", first(same(1)), part(2), last(3)); }
"""
KINDS = ["-O0", "-O0 -g", "-O0 -g -fdebug-types-section", "-O0 -g3 -fPIE"]


def source(name: str, uses: bool) -> str:
    """A function that uses the template, or has it unused."""
    return f"{TEMPLATE}int {name}(int x) {{ return {'twice(x)' if uses else 'x + x'}; }}\n"


def project_of(directory: Path, flags: str, first: bool, part: bool, last: bool) -> Project:
    project = Project(directory / "project", flags=flags, driver="g++")
    project.write("main.cc", MAIN)
    for name, uses in (("first", first), ("part", part), ("last", last)):
        project.write(f"{name}.cc", source(name, uses))
    return project


def after(project: Project, name: str, uses: bool) -> list[str]:
    """An update after an edit of one file; which objects joined."""
    project.write(f"{name}.cc", source(name, uses))
    assert "2 4 6" in project.step("update")
    return joined(project)


@pytest.mark.parametrize("flags", KINDS)
def test_an_earlier_object_gets_a_copy_and_loses_it(tmp_path, flags):
    project = project_of(tmp_path, flags, False, False, True)
    initial(project)

    assert after(project, "part", True) == ["last.o"]
    assert after(project, "first", True) == ["part.o"]
    assert after(project, "first", False) == ["part.o"]
    assert after(project, "part", False) == ["last.o"]
    assert after(project, "last", False) == []
    assert after(project, "part", True) == []
    assert after(project, "last", True) == []


@pytest.mark.parametrize("flags", KINDS)
def test_a_later_object_gets_a_copy_and_loses_it(tmp_path, flags):
    project = project_of(tmp_path, flags, True, False, False)
    initial(project)

    assert after(project, "last", True) == []
    assert after(project, "part", True) == []
    assert after(project, "last", False) == []
    assert after(project, "first", False) == ["part.o"]


@pytest.mark.parametrize("flags", KINDS)
def test_several_objects_change_at_once(tmp_path, flags):
    project = project_of(tmp_path, flags, True, True, False)
    initial(project)
    # The first copy goes, and a last one comes; that of the object between them counts.
    project.write("first.cc", source("first", False))
    assert after(project, "last", True) == ["part.o"]
    project.write("first.cc", source("first", True))
    assert after(project, "part", False) == []
    project.write("part.cc", source("part", True))
    assert after(project, "first", False) == []


def test_copies_that_differ(tmp_path):
    """The one-definition rule says they do not; which one counts shows when they do."""
    project = project_of(tmp_path, "-O0 -g", False, False, True)
    initial(project)
    other = TEMPLATE.replace("x + x", "x + x + 100") + "int part(int x) { return twice(x); }\n"
    project.write("part.cc", other)

    assert "2 104 106" in project.step("update")
    assert after(project, "part", False) == ["last.o"]


@pytest.mark.parametrize("flags", ["-O0", "-O0 -g"])
def test_a_group_of_a_member_that_is_loaded(tmp_path, flags):
    project = project_of(tmp_path, flags, False, False, True)
    project.write("member.cc", source("member", True))
    library(project, "libmember.a", "member.o")
    project.objects.insert(project.objects.index("last.o"), "libmember.a")
    initial(project)
    project.write("part.cc", "int member(int);\nint part(int x) { return member(x); }\n")

    assert "2 4 6" in project.step("update")
    assert sorted(joined(project)) == ["last.o", "libmember.a(member.o)"]


@pytest.mark.parametrize("first", [False, True])
def test_a_group_of_a_new_member(tmp_path, first):
    """It counts in the order of the archive, not of its arrival."""
    project = project_of(tmp_path, "-O0 -g", False, False, True)
    project.write("used.cc", source("used", True))
    project.write("spare.cc", source("spare", True))
    library(project, "libmember.a", "used.o")
    project.objects.remove("spare.o")
    project.objects.insert(project.objects.index("last.o"), "libmember.a")
    project.write("part.cc", "int used(int);\nint part(int x) { return used(x); }\n")
    initial(project)
    order = ["spare.o", "used.o"] if first else ["used.o", "spare.o"]
    library(project, "libmember.a", *order)
    project.write(
        "part.cc", "int used(int), spare(int);\nint part(int x) { return (used(x) + spare(x)) / 2; }\n"
    )

    assert "2 4 6" in project.step("update")
    assert sorted(joined(project)) == (["libmember.a(used.o)"] if first else [])


@pytest.mark.parametrize("flags", ["-O0", "-O0 -g"])
def test_a_member_with_a_copy_is_not_needed_any_more(tmp_path, flags):
    """A full link would take the copy of the next object, and it does."""
    project = project_of(tmp_path, flags, False, False, True)
    project.write("used.cc", source("used", True))
    library(project, "libmember.a", "used.o")
    project.objects.insert(project.objects.index("last.o"), "libmember.a")
    project.write("part.cc", "int used(int);\nint part(int x) { return used(x); }\n")
    initial(project)
    project.write("part.cc", source("part", False))

    assert "2 4 6" in project.step("initial:E15")


@pytest.mark.parametrize("flags", ["-O1", "-O1 -g"])
def test_weak_definitions(tmp_path, flags):
    """The first weak definition counts: what comes or goes elsewhere is for a full link."""
    main = '#include <stdio.h>\nint value(void); int main(void) { printf("%d\\n", value()); return 0; }\n'
    project = Project(tmp_path / "project", flags=flags)
    project.write("main.c", main)
    weak = "__attribute__((weak)) int value(void) { return %d; }\n"
    project.write("first.c", "int first;\n" + weak % 1)
    project.write("part.c", "int part;\n")
    project.write("last.c", "int last;\n" + weak % 3)
    assert "1" in initial(project)

    project.write("last.c", "int last;\n" + weak % 4)
    assert "1" in project.step("update")
    project.write("part.c", "int part;\n" + weak % 2)
    assert "1" in project.step("initial:E6")
    project.write("first.c", "int first;\n")
    project.write("last.c", "int last;\n" + weak % 5)
    assert "2" in project.step("initial:E3")
    project.write("part.c", "int part;\n")
    assert "5" in project.step("initial:E5")
    project.write("first.c", "int first;\n" + weak % 1)
    assert "1" in project.step("initial:E6")


def test_linkonce_sections(tmp_path):
    """Which of them counts is for a full link."""
    text = 'asm(".section .gnu.linkonce.r.shared,\\"a\\",@progbits\\n.quad %d\\n.text\\n");\n'
    project = Project(tmp_path / "project", flags="-O1")
    project.write("main.c", "int main(void) { return 0; }\n")
    project.write("part.c", "int part;\n")
    project.write("last.c", "int last;\n" + text % 3)
    initial(project)

    project.write("part.c", "int part;\n" + text % 3)
    project.step("initial:E18")
    project.write("part.c", "int part;\n")
    project.step("initial:E18")
