"""Constructors and destructors that come and go: lists of functions stand without gaps, in the order of the objects."""

from __future__ import annotations

from pathlib import Path

import pytest
from editing import Project, initial
from elf import Elf

pytestmark = pytest.mark.only_wild

MAIN = """
#include <stdio.h>
int part(int);
int main(void) { printf("main %d\\n", part(3)); return 0; }
"""
CALL = """
#include <stdio.h>
__attribute__(({kind})) static void {name}(void) {{ printf("{name}\\n"); fflush(stdout); }}
"""
PART = "int part(int x) { return x + 1; }\n"
KINDS = ["-pie -fPIE", "-no-pie -fno-pie"]


def call(name: str, kind: str = "constructor") -> str:
    return CALL.format(name=name, kind=kind)


def project_of(directory: Path, flags: str = "-pie -fPIE", link: str = "") -> Project:
    """main.o, first.o, part.o, last.o; the first and the last have constructors and destructors."""
    made = Project(
        directory / "project", f"-O1 {flags.rsplit(maxsplit=1)[-1]}", f"{flags.split(maxsplit=1)[0]} {link}"
    )
    made.write("main.c", MAIN)
    made.write("first.c", call("first") + call("end_of_first", "destructor"))
    made.write("part.c", PART)
    made.write("last.c", call("last") + call("end_of_last", "destructor"))
    return made


def words(printed: str) -> list[str]:
    """What was printed, without the return code."""
    return printed.split("\n")[1:-1]


def after(project: Project, text: str, mode: str = "update") -> list[str]:
    project.write("part.c", text)
    return words(project.step(mode))


ENDS = ["end_of_last", "end_of_first"]


@pytest.mark.parametrize("flags", KINDS)
@pytest.mark.parametrize("link", ["", "-Wl,--gc-sections"])
def test_constructors_come_and_go(tmp_path, flags, link):
    made = project_of(tmp_path, flags, link)
    assert words(initial(made)) == ["first", "last", "main 4", *ENDS]

    assert after(made, PART + call("own")) == ["first", "own", "last", "main 4", *ENDS]
    assert after(made, PART + call("own") + "int more = 3;\n") == ["first", "own", "last", "main 4", *ENDS]
    two = ["first", "own", "second", "last", "main 4", *ENDS]
    assert after(made, PART + call("own") + call("second")) == two
    both = call("own") + call("end", "destructor")
    assert after(made, both + PART) == [
        "first",
        "own",
        "last",
        "main 4",
        "end_of_last",
        "end",
        "end_of_first",
    ]
    assert after(made, PART) == ["first", "last", "main 4", *ENDS]
    made.write("first.c", "int first;\n")
    assert words(made.step("update")) == ["last", "main 4", "end_of_last"]
    made.write("first.c", call("first"))
    assert words(made.step("update")) == ["first", "last", "main 4", "end_of_last"]
    sections = Elf((made.directory / made.output).read_bytes()).sections
    assert sections[".init_array"].size == 24


def test_several_objects_at_once(tmp_path):
    made = project_of(tmp_path)
    initial(made)
    made.write("main.c", MAIN + call("of_main"))
    made.write("last.c", call("last") + call("last_too"))
    assert after(made, PART + call("own")) == [
        "of_main",
        "first",
        "own",
        "last",
        "last_too",
        "main 4",
        "end_of_first",
    ]


def test_of_a_shared_object(tmp_path):
    made = Project(tmp_path / "project", "-O1 -fPIC", "-shared", output="libown.so")
    made.write("part.c", PART)
    made.write("last.c", call("last"))
    initial(made)
    (made.directory / "caller.c").write_text(MAIN)
    made.call("gcc", "caller.c", "libown.so", "-Wl,-rpath,.", "-o", "caller")
    made.write("part.c", PART + call("own"))
    made.step("update")
    assert made.call("./caller").stdout.split("\n") == ["own", "last", "main 4", ""]


def test_priorities_stay_in_front(tmp_path):
    made = project_of(tmp_path)
    urgent = call("urgent", "constructor(200)")
    made.write("last.c", call("last") + urgent)
    made.write("part.c", PART + call("most_urgent", "constructor(150)"))
    initial(made)
    text = PART + call("most_urgent", "constructor(150)") + call("own")
    expected = ["most_urgent", "urgent", "first", "own", "last", "main 4", "end_of_first"]
    assert after(made, text) == expected
    text += call("too_urgent", "constructor(180)")
    expected.insert(1, "too_urgent")
    assert after(made, text) == expected
    text += call("last_of_all", "destructor(102)") + call("end_of_part", "destructor")
    expected[-1:] = ["end_of_part", "end_of_first", "last_of_all"]
    assert after(made, text) == expected
    assert after(made, PART) == ["urgent", "first", "last", "main 4", "end_of_first"]


@pytest.mark.parametrize("flags", KINDS)
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_the_first_priorities(tmp_path, flags, compiler):
    """They come before what crtbegin.o has a name for; clang writes numbers without zeros in front."""
    made = project_of(tmp_path, flags)
    made.write("part.c", PART)
    initial(made)
    for number in (900, 2000, 900):
        made.driver = compiler
        made.write("last.c", call("late", f"constructor({number})") + call("last"))
        made.write("part.c", PART + call("early", "constructor(1000)"))
        made.driver = "gcc"
        early = ["late", "early"] if number == 900 else ["early", "late"]
        assert words(made.step("update")) == [*early, "first", "last", "main 4", "end_of_first"]
    made.write("last.c", call("last"))
    assert after(made, PART) == ["first", "last", "main 4", "end_of_first"]


def test_global_objects(tmp_path):
    made = Project(tmp_path / "project", "-O0 -g", driver="g++")
    made.write("main.cc", MAIN)
    text = (
        "#include <string>\n#include <vector>\nstatic std::vector<std::string> names{%s};\n"
        "int part(int x) { return x + names.size(); }\n"
    )
    made.write("other.cc", (text % '"a"').replace("int part", "int other"))
    made.write("part.cc", PART)
    initial(made)
    made.write("part.cc", text % '"one", "two"')
    assert words(made.step("update")) == ["main 5"]
    made.write("part.cc", PART)
    assert words(made.step("update")) == ["main 4"]


def test_code_that_asks_for_the_ends(tmp_path):
    made = project_of(tmp_path)
    ends = "extern void *__init_array_start[], *__init_array_end[];\n"
    made.write("part.c", ends + "int part(int x) { return x + __init_array_end - __init_array_start; }\n")
    initial(made)
    made.write("first.c", call("first") + call("another"))
    made.step("initial:E8")


def test_until_there_is_no_room(tmp_path):
    made = project_of(tmp_path)
    initial(made)
    many = "".join(call(f"own{number}") for number in range(30))
    assert len(after(made, PART + many)) == 35
    made.write("first.c", call("first") + call("end_of_first", "destructor") + many.replace("own", "more"))
    made.step("initial:D1")
    made.write("first.c", call("first"))
    made.step("update")
