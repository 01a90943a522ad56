"""Edits after which a variable of a shared object is used directly for the first time: a program gets a copy of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from editing import Project, initial
from elf import Elf
from test_incremental_libraries import library

pytestmark = pytest.mark.only_wild

MAIN = """
#include <stdio.h>
int part(int); int other(int); int count(void); int (*volatile counts)(void) = count;
int main(void) { int first = part(3); printf("%d %d\\n", first, other(4)); return 0; }
"""
PART = "int zero[100]; int part(int x) { return x + 1 + zero[x]; }\n"
OTHER = "int other(int x) { return x; }\n"
LIBRARY = """
int counter = 5; extern int second __attribute__((alias("counter")));
const int fixed[4] = { 1, 2, 3, 4 };
int count(void) { return ++counter; }
"""
KINDS = ["-fPIE -pie", "-fno-pie -no-pie"]


def project_of(directory: Path, kind: str) -> Project:
    compiler, driver = kind.split()
    made = Project(directory / "project", f"-O1 {compiler}", f"{driver} libown.so -Wl,-rpath,.")
    library(made, "own", LIBRARY)
    made.write("main.c", MAIN)
    made.write("part.c", PART)
    made.write("other.c", "int count(void); int other(int x) { return x + count(); }\n")
    initial(made)
    return made


def copies(project: Project) -> list[str]:
    """The variables that the loader copies into the program."""
    text = project.call("readelf", "-rW", project.output).stdout
    return [line.split()[4].partition("@")[0] for line in text.splitlines() if "R_X86_64_COPY" in line]


@pytest.mark.parametrize("kind", KINDS)
def test_a_variable_of_libc(tmp_path, kind):
    made = project_of(tmp_path, kind)
    write = '#include <stdio.h>\nint part(int x) { fputs("written\\n", stderr); return x; }\n'
    made.write("part.c", write)
    assert "written" in made.step("update")
    assert copies(made) == ["stderr"]
    made.write("part.c", write.replace("return x", "fflush(stdout); return x"))
    assert "written" in made.step("update")
    assert sorted(copies(made)) == ["stderr", "stdout"]
    made.write("other.c", '#include <stdio.h>\nint other(int x) { fputs("again\\n", stderr); return x; }\n')
    assert "again" in made.step("update")
    made.write("part.c", PART)
    made.write("other.c", OTHER)
    assert "written" not in made.step("update")
    made.write("part.c", write)
    assert "written" in made.step("update")


@pytest.mark.parametrize("kind", KINDS)
def test_all_names_of_a_variable_are_one(tmp_path, kind):
    """And the library uses the copy, too."""
    made = project_of(tmp_path, kind)
    made.write("part.c", "extern int second; int part(int x) { second = 50; return second; }\n")
    assert "50 55" in made.step("update")
    assert len(copies(made)) == 1
    made.write(
        "other.c", "extern int counter; int count(void);\nint other(int x) { count(); return counter; }\n"
    )
    assert "50 51" in made.step("update")
    assert {"counter", "second"} <= Elf((made.directory / "program").read_bytes()).exports


@pytest.mark.parametrize("kind", KINDS)
def test_a_variable_that_is_read_only(tmp_path, kind):
    made = project_of(tmp_path, kind)
    made.write("part.c", "extern const int fixed[4]; int part(int x) { return fixed[x]; }\n")
    line = made.link()
    assert line["mode"] == "update" or line["code"] == "D1", line
    made.check()
    assert "4 10" in made.run()


def test_environ(tmp_path):
    """It has three names."""
    made = project_of(tmp_path, KINDS[0])
    made.write("part.c", "extern char **environ; int part(int x) { return environ != 0; }\n")
    assert "1 10" in made.step("update")
    made.write(
        "other.c", "extern char **__environ, **environ; int other(int x) { return environ == __environ; }\n"
    )
    assert "1 1" in made.step("update")


def test_streams_of_cxx(tmp_path):
    made = Project(tmp_path / "project", "-O1", driver="g++")
    made.write("main.cc", "int part(int); int main() { return part(3); }\n")
    made.write("part.cc", "int zero[100]; int part(int x) { return x - 3 + zero[x]; }\n")
    initial(made)
    made.write(
        "part.cc",
        '#include <iostream>\nint zero[100];\nint part(int x) { std::cout << "written " << x; return 0; }\n',
    )
    line = made.link()
    assert line["mode"] == "update", line
    made.check()
    assert "written 3" in made.run()


def test_a_variable_that_was_imported_is_for_a_full_link(tmp_path):
    """Its entry of .dynsym is one of a reference, and stands where the hash table does not know it."""
    made = project_of(tmp_path, KINDS[0])
    made.write(
        "part.c", "extern int counter; int *pointer = &counter; int part(int x) { return *pointer + x; }\n"
    )
    made.step("update")
    made.write("other.c", "extern int counter; int other(int x) { return counter; }\n")
    made.step("initial:D2")
