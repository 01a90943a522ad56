"""Cases of incremental links that no other test is about: what the surroundings do, and what is seen elsewhere only.

That a link is a full one is right in all of these that say so; that nothing else is right is what they are about.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from editing import Project, initial
from elf import Elf
from programs import tool

pytestmark = pytest.mark.only_wild

MAIN = '#include <stdio.h>\nint value(int); int main(void) { printf("%d\\n", value(3)); return 0; }\n'
PART = "int value(int x) { return x + 1; }\n"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path / "project", "-O1 -ffunction-sections", "-Wl,--gc-sections")
    made.write("main.c", MAIN)
    made.write("part.c", PART)
    return made


def test_a_strong_definition_becomes_a_weak_one_and_back(project):
    initial(project)
    for text in ("__attribute__((weak)) " + PART, PART):
        project.write("part.c", text.replace("+ 1", "+ 2"))
        line = project.link()
        assert line["mode"] == "update" or line["code"] == "E6", line
        project.check()


def test_what_was_undefined_and_weak_is_defined(project):
    """Code of an object that has not changed compares its address with zero, and calls it."""
    asks = (
        "extern int maybe(int) __attribute__((weak));\nint value(int x) { return maybe ? maybe(x) : -1; }\n"
    )
    project.write("part.c", asks)
    project.write("last.c", "int last;\n")
    assert initial(project).split()[1] == "-1"
    project.write("last.c", "int last; int maybe(int x) { return x * 7; }\n")
    assert project.step("initial:E6").split()[1] == "21"
    project.write("last.c", "int last;\n")
    assert project.step("initial:E5").split()[1] == "-1"


def test_an_earlier_archive_defines_it_too(project):
    """The archive that comes first on the command line counts."""
    for number in (1, 2):
        project.write(f"of{number}.c", f"int used(int x) {{ return x + {number}; }}\n")
    project.write("none.c", "int none;\n")
    project.write("part.c", "int used(int);\nint value(int x) { return used(x); }\n")
    project.call("ar", "rc", "lib1.a", "none.o")
    project.call("ar", "rc", "lib2.a", "of2.o")
    project.objects = ["main.o", "part.o", "lib1.a", "lib2.a"]
    assert initial(project).split()[1] == "5"
    project.call("ar", "rc", "lib1.a", "of1.o")
    line = project.link()
    assert (line["mode"], line["code"]) in (("initial", "B7"), ("initial", "E6")), line
    project.check()
    assert project.run().split()[1] == "4"


def test_a_copied_variable_gets_another_size(project):
    source = project.directory / "own.c"
    source.write_text("int shared[2] = {4, 5};\n")
    project.call("gcc", "-shared", "-fPIC", "own.c", "-o", "libown.so")
    project.write("part.c", "extern int shared[];\nint value(int x) { return x + shared[1]; }\n")
    project.link_flags += ["libown.so", "-Wl,-rpath,."]
    assert initial(project).split()[1] == "8"
    source.write_text("int shared[40] = {4, 6}; int *end(void) { return &shared[39]; }\n")
    project.call("gcc", "-shared", "-fPIC", "own.c", "-o", "libown.so")
    assert project.step("initial:B5").split()[1] == "9"


def test_only_dropped_code_refers_to_what_is_gone(project):
    """An update keeps what nothing calls any more, but errors are those of a full link."""
    project.write("last.c", "int gone(int); int chain(int x) { return gone(x); }\n")
    project.write(
        "part.c", "int chain(int); int gone(int x) { return x; }\nint value(int x) { return chain(x) + 1; }\n"
    )
    initial(project)
    project.write("part.c", "int gone(int x) { return x; }\nint value(int x) { return x + 2; }\n")
    assert project.step("update").split()[1] == "5"
    project.write("part.c", "int value(int x) { return x + 3; }\n")
    assert project.step("initial:E5").split()[1] == "6"


@pytest.mark.parametrize("section", [".init", ".fini"])
def test_code_that_falls_through(project, section):
    """Between crti.o and crtn.o, the code of all objects is one function."""
    fragment = f'asm(".section {section}\\n{{}}.text\\n");\n'
    project.write("part.c", PART + fragment.format("nop\\n"))
    initial(project)
    project.write("part.c", PART + fragment.format("nop\\nnop\\n"))
    project.step("initial:E8")
    project.write("part.c", PART)
    project.step("initial:E8")


@pytest.mark.parametrize("style", ["fast", "sha1", "md5"])
def test_the_build_id_is_that_of_the_contents(project, style):
    project.link_flags.append(f"-Wl,--build-id={style}")
    initial(project)
    found = []
    for text in (PART.replace("1", "2"), PART.replace("1", "3"), PART.replace("1", "2")):
        project.write("part.c", text)
        project.step("update")
        notes = Elf((project.directory / project.output).read_bytes())
        found.append(notes.contents(".note.gnu.build-id"))
    assert found[0] == found[2] != found[1]


def test_debug_information_in_files_of_its_own(project):
    project.flags += ["-g", "-gsplit-dwarf"]
    project.write("main.c", MAIN)
    project.write("part.c", PART)
    initial(project)
    project.write("part.c", "int more = 3;\n" + PART.replace("+ 1", "+ more"))
    project.step("update")
    told = project.call(tool("gdb"), "-nx", "-batch", "-ex", "info line value", "program").stdout
    assert told.startswith('Line 2 of "part.c"'), told


def test_two_outputs_of_the_same_objects(project):
    """Each has its own state."""
    initial(project)
    project.output = "second"
    initial(project)
    project.write("part.c", PART.replace("1", "2"))
    assert project.step("update").split()[1] == "5"
    project.output = "program"
    assert project.run().split()[1] == "4"
    assert project.step("update").split()[1] == "5"


def test_the_directory_is_copied(project):
    """All files are others then, so nothing that is known of them holds; nor is the first output touched."""
    initial(project)
    copy = project.directory.parent / "copy"
    shutil.copytree(project.directory, copy)
    before = (project.directory / "program").read_bytes()
    project.directory = copy
    project.write("part.c", PART.replace("1", "2"))
    line = project.link()
    assert (line["mode"], str(line["code"])[0]) in (("initial", "A"), ("initial", "C")), line
    assert project.run().split()[1] == "5"
    assert (copy.parent / "project" / "program").read_bytes() == before


def test_the_directory_is_moved(project):
    initial(project)
    moved = project.directory.parent / "moved"
    os.rename(project.directory, moved)
    project.directory = moved
    project.write("part.c", PART.replace("1", "2"))
    line = project.link()
    assert line["mode"] in ("initial", "update"), line
    project.check()
    assert project.run().split()[1] == "5"


def test_other_features_of_the_processor(project):
    """What all objects say holds for the output (GNU_PROPERTY_X86_FEATURE_1_AND)."""
    initial(project)
    project.flags.append("-fcf-protection=none")
    project.write("part.c", PART.replace("1", "2"))
    line = project.link()
    assert line["mode"] == "update" or line["code"] == "E2", line
    project.check()
