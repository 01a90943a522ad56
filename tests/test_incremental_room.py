"""Incremental links use what earlier ones have left, and look at no more than matters."""

from __future__ import annotations

from pathlib import Path

import pytest
from editing import Project, initial
from programs import tool

pytestmark = pytest.mark.only_wild

MAIN = "int value(int); int main(void) { return value(3) - 4; }\n"
PART = "int value(int x) { return x + 1; }\n"


def program(directory: Path) -> Project:
    """A program of two objects, not linked yet."""
    made = Project(directory / "project", flags="-O1")
    made.write("main.c", MAIN)
    made.write("part.c", PART)
    return made


def test_a_member_that_is_not_linked_does_not_matter(tmp_path):
    """As where many programs are linked with one archive."""
    project = program(tmp_path)
    objects = list(project.objects)
    for number, expected in ((1, "initial:A1"), (2, "unchanged"), (3, "unchanged")):
        project.write("more.c", f"int more = {number}; int last(int x) {{ return x + {number}; }}\n")
        project.call(tool("ar"), "rc", "libmore.a", "more.o")
        project.objects = [*objects, "libmore.a"]
        project.step(expected)


def test_the_first_sections_of_a_kind(tmp_path):
    """Sections for which only a part of the output is new go to another part of the output section."""
    made = program(tmp_path)
    initial(made)
    made.write(
        "part.c",
        "static const int numbers[] = {1, 2, 3, 4}; int (*volatile number)(int);\n"
        "__attribute__((hot)) int often(int x) { return x + numbers[x]; }\n"
        '__attribute__((section(".data.rel.ro.local"))) static int (*const table[])(int) = {often};\n'
        "int value(int x) { number = table[0]; return number(x) - 3; }\n",
    )
    made.step("update")
    made.write("part.c", PART + "__attribute__((cold)) int seldom(int x) { return x + 1; }\n")
    made.step("update")


LAST = {
    "pointers": "static int one; int *const pointers[] = { &one };\n",
    "own": 'int mine __attribute__((section(".own"))) = 3;\n',
    "thread-local": "__thread int variable = 3; __thread int zero;\n",
    "constructor": "static int seen; __attribute__((constructor)) static void begin(void) { seen = 1; }\n",
    "constants": "double half(double x) { return x * 1.5 + 2.5; }\n",
    "wide": 'const int *text(void) { return L"wide"; }\n',
    "note": 'asm(".pushsection .note.own,\\"a\\",@note\\n.long 4,4,1\\n.asciz \\"own\\"\\n.long 1\\n.popsection");\n',
}


@pytest.mark.parametrize("how", LAST)
def test_the_last_section_of_a_kind_goes_and_comes(tmp_path, how):
    """It stays in the output, with nothing in it: that is no difference between an update and a full link."""
    made = Project(tmp_path / "project", flags="-O1 -fPIE", link_flags="-pie")
    made.write("main.c", "int part(void); int main(void) { return part(); }\n")
    part = "int part(void) { return 3; }\n"
    made.write("part.c", part + LAST[how])
    initial(made)

    gapless = how in ("note", "thread-local")
    for text in (part, part + LAST[how]) * 2:
        made.write("part.c", text)
        line = made.link()
        assert line["mode"] == "update" or (gapless and line["mode"] == "initial"), line
        made.check()


def test_functions_that_come_and_go_use_the_places_of_others(tmp_path):
    """Records and symbols have little room, and each object's move at its first edit, so what they leave is used."""
    made = program(tmp_path)
    made.environment.pop("WILD_VERIFY_INCREMENTAL")  # which would take most of the time
    functions = [f"int own_{number}(int x) {{ return x + {number}; }}\n" for number in range(120)]
    for number in range(4):
        made.write(f"own{number}.c", "".join(functions).replace("own", f"own{number}"))
    initial(made)
    for step in range(12):
        more = "".join(functions[: 10 + 2 * step]).replace("own", f"more{step}")
        made.write(f"own{step % 4}.c", "".join(functions).replace("own", f"own{step % 4}") + more)
        line = made.link()
        assert line["mode"] == "update", f"{step}: {line}"
    made.check()


def test_one_large_object_grows(tmp_path):
    """All that it has moves at the first edit: records, symbols and their names, debug information."""
    made = Project(tmp_path / "project", flags="-O0 -g")
    made.environment.pop("WILD_VERIFY_INCREMENTAL")  # which would take most of the time
    made.write("main.c", MAIN)
    name = "function_with_a_name_as_long_as_those_of_templates_are_" + "x" * 80
    functions = "".join(f"int {name}_{number}(int x) {{ return x + {number}; }}\n" for number in range(2500))
    made.write("part.c", functions + PART)
    initial(made)
    for step in range(4):
        functions += f"int more_{step}(int x) {{ int y = x * {step}; return y; }}\n"
        made.write("part.c", functions + PART)
        made.step("update")
