"""Updates of objects with common symbols, as -fcommon makes them of variables without a value."""

from __future__ import annotations

from pathlib import Path

import pytest
from editing import Project, initial
from elf import Elf

pytestmark = pytest.mark.only_wild

KINDS = {
    "pie": ("-O1 -fcommon -fPIE", "-pie"),
    "position-dependent": ("-O0 -g -fcommon -fno-pie", "-no-pie"),
    "static": ("-O1 -fcommon -fno-pie", "-static"),
    "sections": ("-O1 -g -fcommon -fPIE -ffunction-sections -fdata-sections", "-pie -Wl,--gc-sections"),
    "exported": ("-O1 -fcommon -fPIE", "-pie -Wl,-E"),
}
MAIN = """
#include <stdio.h>
int part(int); int other(int); int shared; extern int plain;
int main(void) {
    shared = 5;
    for (int i = 0; i < 2; i++) printf("%d %d %d\\n", part(i), other(i), shared + plain);
    return 0;
}
"""
OTHER = (
    "int shared; int plain; long own_of_other[4];\n"
    "int other(int x) { own_of_other[x] += x; return ++shared + own_of_other[x]; }\n"
)
PART = "int shared; extern int plain; int part(int x) { plain += x; return shared + x; }\n"


def project_of(directory: Path, kind: str) -> Project:
    flags, link_flags = KINDS[kind]
    made = Project(directory / "project", flags, link_flags)
    made.write("main.c", MAIN)
    made.write("part.c", PART)
    made.write("other.c", OTHER)
    initial(made)
    return made


def after(project: Project, mode: str, text: str, name: str = "part.c") -> None:
    project.write(name, text)
    project.step(mode)


@pytest.mark.parametrize("kind", KINDS)
def test_common_symbols_that_do_not_change(tmp_path, kind):
    """Of the object that was the first to have them, and of others."""
    made = project_of(tmp_path, kind)
    for number in (1, 2):
        more = f"static int more{number} = {number};\n"
        after(made, "update", more + PART.replace("return ", f"return more{number}++ + "))
        after(made, "update", more + OTHER.replace("return ", f"return more{number}++ + "), "other.c")
        after(made, "update", more + MAIN.replace("return 0", f"return --more{number} * 0"), "main.c")
    made.write("part.c", PART)
    made.write("other.c", "int before;\n" + OTHER.replace("int shared; int plain;", "int plain, shared;"))
    made.step("update" if kind != "exported" else "initial:E12")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "exported"])
def test_a_common_symbol_comes_and_goes(tmp_path, kind):
    made = project_of(tmp_path, kind)
    more = "int fresh; char large[5000]; __attribute__((aligned(64))) int aligned[3];\n"
    use = "return ++fresh + ++large[x] + ++aligned[x] + ((unsigned long) aligned & 63) + "
    for text in (more + PART.replace("return ", use), PART) * 2:
        after(made, "update", text)
    after(made, "update", more + PART.replace("return ", use))
    after(made, "update", "extern int fresh;\n" + OTHER.replace("return ", "return ++fresh + "), "other.c")


@pytest.mark.parametrize("kind", ["pie", "static", "sections"])
def test_a_common_symbol_gets_a_value(tmp_path, kind):
    """Others refer to it; they are told where it is now."""
    made = project_of(tmp_path, kind)
    for text in (OTHER.replace("int plain;", "int plain = 20;"), OTHER) * 2:
        after(made, "update", text, "other.c")


def test_its_size_is_that_of_the_symbol_table(tmp_path):
    made = project_of(tmp_path, "pie")
    after(made, "update", "int more[7];\n" + PART.replace("return ", "return more[x]++ + "))
    after(made, "update", "int z; int more[7];\n" + PART.replace("return ", "return z + more[x]++ + "))
    symbols = Elf((made.directory / made.output).read_bytes()).symbols
    assert (symbols["more"].size, symbols["shared"].size, symbols["own_of_other"].size) == (28, 4, 32)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("other.c", OTHER.replace("long own_of_other[4]", "long own_of_other[5]")),
        ("part.c", PART.replace("int shared", "int shared[2]").replace("return shared", "return *shared")),
        ("part.c", PART.replace("int shared", "int shared = 3")),
        ("main.c", MAIN.replace("int shared", "extern int shared")),
        ("part.c", PART.replace("extern int plain", "int plain[2]").replace("plain +=", "*plain +=")),
    ],
)  # fmt: skip
def test_what_others_have_to_say_about(tmp_path, name, text):
    """Sizes of other objects' common symbols are not known, and definitions go before them."""
    made = project_of(tmp_path, "pie")
    made.write(name, text)
    line = made.link()
    assert (line["mode"], line["code"]) in (("initial", "E12"), ("initial", "E6"))
    made.check()


def test_a_common_symbol_that_a_library_defines(tmp_path):
    made = Project(tmp_path / "project", *KINDS["pie"])
    made.write("main.c", MAIN)
    made.write("other.c", OTHER)
    made.write("part.c", PART)
    initial(made)
    after(made, "initial:E12", "char **environ;\n" + PART.replace("return ", "return (environ != 0) + "))


def test_a_member_that_defines_it_waits(tmp_path):
    """A full link takes the member."""
    made = project_of(tmp_path, "pie")
    (made.directory / "late.c").write_text("int late = 9;\n")
    made.call("gcc", "-c", "late.c")
    made.call("ar", "rc", "lib.a", "late.o")
    made.objects.append("lib.a")
    made.step("initial:C1")
    after(made, "initial:E12", "int late;\n" + PART.replace("return ", "return late + "))


def test_a_common_symbol_that_was_dropped_is_needed(tmp_path):
    """Nothing used it, so that it has no place: neither for its own object nor for another."""
    made = project_of(tmp_path, "sections")
    made.write("other.c", "int idle; int also_idle;\n" + OTHER)
    made.step("update")
    made.write("part.c", "int idle_too;\n" + PART)
    made.link("-Wl,--incremental=canonical")
    after(made, "update", "int idle_too;\n" + PART.replace("return ", "return ++idle_too + "))
    indirect = "int idle_last; int last(void) { return ++idle_last; }\n"
    made.write("last.c", indirect)
    made.link("-Wl,--incremental=canonical")
    call = "int last(void);\n" + PART.replace("return ", "return last() + ")
    after(made, "update", "int idle_too;\n" + PART)
    after(made, "update", call)
    after(made, "initial:E12", "extern int also_idle;\n" + PART.replace("return ", "return ++also_idle + "))
