"""Objects and archive members that come and go between links, as rustc divides a crate anew after an edit."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from editing import Project, initial

from wild.incremental.command_line import CommandLine
from wild.incremental.fingerprint import Fingerprint
from wild.incremental.units import unit_of

pytestmark = pytest.mark.only_wild

MAIN = """\
#include <stdio.h>
int first(int); int second(int);
int main(void) { printf("%d\\n", first(1) + second(2)); return 0; }
"""
FIRST = "static int state = 3;\nint first(int x) { return x * state++; }\n"
SECOND = '#include <stdio.h>\nint second(int x) { puts("second"); return x + 7; }\n'
HELPER = "int helper(int x) { return x * 100; }\n"
CALLS_HELPER = "int helper(int);\n" + FIRST.replace("x * state++", "helper(x) + state++")


class Crate(Project):
    """Units by name; each link gives all objects the name of another invocation."""

    def __init__(
        self, directory: Path, archive: bool = False, flags: str = "-O1", link_flags: str = ""
    ) -> None:
        super().__init__(directory, flags, link_flags)
        self.units: dict[str, str] = {}
        self.invocation = 0
        self.archive = archive

    def build(self, **units: str | None) -> None:
        """Compile units that are new or others, drop those that are None, and name all objects anew."""
        self.invocation += 1
        self.units |= {name: text for name, text in units.items() if text is not None}
        for name in [name for name, text in units.items() if text is None]:
            del self.units[name]
        self.objects = []
        for name, text in units.items():
            if text is not None:
                self.write(f"{name}.c", text)
        names = []
        for name in sorted(self.units):
            names.append(f"crate-0123.{name}.inv{self.invocation}.rcgu.o")
            os.link(self.directory / f"{name}.o", self.directory / names[-1])
        self.objects = names
        if self.archive:
            (self.directory / "libcrate.rlib").unlink(missing_ok=True)
            self.call("ar", "rcsD", "libcrate.rlib", *[name for name in names if ".main." not in name])
            main = [name for name in names if ".main." in name]
            os.replace(self.directory / main[0], self.directory / "program.main.o")
            self.objects = ["program.main.o", "libcrate.rlib"]


@pytest.fixture(params=[False, True], ids=["objects", "archive"])
def crate(request, tmp_path):
    crate = Crate(tmp_path / "project", request.param)
    crate.build(main=MAIN, bfirst=FIRST, second=SECOND)
    assert initial(crate) == "0\nsecond\n12\n"
    return crate


def test_nothing_but_the_names_is_another(crate):
    crate.build()
    assert crate.step("unchanged") == "0\nsecond\n12\n"


def test_a_unit_comes(crate):
    crate.build(bfirst=CALLS_HELPER, ahelper=HELPER)
    assert crate.step("update") == "0\nsecond\n112\n"
    crate.build(ahelper=HELPER.replace("100", "1000"))
    assert crate.step("update") == "0\nsecond\n1012\n"
    crate.build(second=SECOND.replace("7", "8"))
    assert crate.step("update") == "0\nsecond\n1013\n"


def test_a_unit_goes(crate):
    crate.build(bfirst=FIRST + SECOND, second=None)
    assert crate.step("update") == "0\nsecond\n12\n"
    crate.build(bfirst=FIRST + SECOND.replace("7", "9"))
    assert crate.step("update") == "0\nsecond\n14\n"


def test_units_come_and_go_again_and_again(crate):
    for number in range(4):
        crate.build(bfirst=CALLS_HELPER, ahelper=HELPER, second=None, third=SECOND.replace("7", str(number)))
        assert crate.step("update") == f"0\nsecond\n{105 + number}\n"
        crate.build(bfirst=FIRST, ahelper=None, second=SECOND, third=None)
        assert crate.step("update") == "0\nsecond\n12\n"


def test_a_function_moves_into_a_new_unit(crate):
    crate.build(bfirst="int unrelated;\n", moved=FIRST)
    assert crate.step("update") == "0\nsecond\n12\n"
    crate.build(bfirst=None)
    assert crate.step("update") == "0\nsecond\n12\n"


def test_a_unit_is_gone_that_is_needed(crate):
    crate.build(second=None)
    line = crate.link(check=False)
    assert (line["mode"], line["code"]) == ("failed", "E5")
    assert "second" in str(line["messages"])


def test_two_units_define_a_name(crate):
    crate.build(third=SECOND, bfirst=FIRST + "int third = 1;\n")
    line = crate.link(check=False)
    if crate.archive:  # a member that nobody needs is not loaded
        assert (line["mode"], line["code"]) == ("initial", "E6")
    else:
        assert (line["mode"], line["code"]) == ("failed", "E6")
        assert "duplicate" in str(line["messages"])


def test_a_new_member_that_nobody_needs_is_for_a_full_link(tmp_path):
    crate = Crate(tmp_path / "project", True)
    crate.build(main=MAIN, bfirst=FIRST, second=SECOND)
    initial(crate)
    crate.build(unused=HELPER)
    crate.step("initial:B7")


def test_a_new_member_that_another_new_one_needs(tmp_path):
    crate = Crate(tmp_path / "project", True)
    crate.build(main=MAIN, bfirst=FIRST, second=SECOND)
    initial(crate)
    crate.build(
        bfirst=CALLS_HELPER, ahelper="int deeper(int);\nint helper(int x) { return deeper(x) * 100; }\n",
        zdeeper="int deeper(int x) { return x + 1; }\n",
    )  # fmt: skip
    assert crate.step("update") == "0\nsecond\n212\n"


def test_members_in_another_order_are_for_a_full_link(tmp_path):
    crate = Crate(tmp_path / "project", True)
    crate.build(main=MAIN, bfirst=FIRST, second=SECOND)
    initial(crate)
    names = sorted(crate.directory.glob("crate-*.rcgu.o"), reverse=True)
    (crate.directory / "libcrate.rlib").unlink()
    crate.call("ar", "rcsD", "libcrate.rlib", *[name.name for name in names])
    crate.step("initial:B7")


def test_a_member_that_waited_goes(tmp_path):
    crate = Crate(tmp_path / "project", True)
    crate.build(main=MAIN, bfirst=FIRST, second=SECOND, unused=HELPER)
    initial(crate)
    crate.build(unused=None)
    crate.step("unchanged")
    crate.build(bfirst=CALLS_HELPER)
    line = crate.link(check=False)
    assert (line["mode"], line["code"]) == ("failed", "E2")


def test_with_sections_that_are_dropped_and_debug_information(tmp_path):
    crate = Crate(tmp_path / "project", False, "-O1 -g -ffunction-sections", "-Wl,--gc-sections")
    crate.build(main=MAIN, bfirst=FIRST, second=SECOND)
    initial(crate)
    crate.build(bfirst=CALLS_HELPER, ahelper=HELPER + "int unused(int x) { return x; }\n")
    assert crate.step("update") == "0\nsecond\n112\n"
    crate.build(bfirst=FIRST, ahelper=None)
    assert crate.step("update") == "0\nsecond\n12\n"


def test_names_of_units():
    assert unit_of(b"out/rg-1f.0abc.xyz12.rcgu.o") == b"rg-1f.0abc"
    assert unit_of(b"rg-1f.0abc.rcgu.o") == b"rg-1f.0abc"


def test_one_mark_stands_for_all_units():
    one = Fingerprint(CommandLine(["a.o", "x/c-1.a.i.rcgu.o", "b.o"]))
    two = Fingerprint(CommandLine(["a.o", "x/c-1.a.j.rcgu.o", "x/c-1.b.j.rcgu.o", "b.o"]))
    other = Fingerprint(CommandLine(["a.o", "b.o", "x/c-1.a.i.rcgu.o"]))

    assert one.key == two.key != other.key
    assert two.units == ["x/c-1.a.j.rcgu.o", "x/c-1.b.j.rcgu.o"]
