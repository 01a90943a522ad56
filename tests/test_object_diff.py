"""`wild diff`: the list of sections that an edit of an object has changed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from linking import linker_under_test
from programs import tool

pytestmark = pytest.mark.only_wild

SOURCE = """
int puts(const char *); int printf(const char *, ...);
int table[3] = {1, 2, 3};
int value(int x) { return x * 3 + table[1]; }
int greet(int x) { puts("hello"); return x ^ 3; }
double half(double x) { return x * 0.5; }
"""


def diff(directory: Path, old: str, new: str, *flags: str) -> tuple[int, list[str]]:
    for name, text in (("old", old), ("new", new)):
        (directory / f"{name}.c").write_text(text)
        subprocess.run(
            [tool("gcc"), "-O1", "-ffunction-sections", "-fdata-sections", *flags, "-c", f"{name}.c"],
            cwd=directory, check=True,
        )  # fmt: skip
    done = subprocess.run(
        [linker_under_test(), "diff", "old.o", "new.o"], cwd=directory, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def test_nothing_differs(tmp_path):
    assert diff(tmp_path, SOURCE, "/* a comment */" + SOURCE) == (0, [])


def test_a_changed_a_new_and_a_removed_function(tmp_path):
    edited = SOURCE.replace("x * 3", "x * x * 3").replace("half", "third") + "int extra(void) { return 7; }\n"

    status, lines = diff(tmp_path, SOURCE, edited, "-fno-asynchronous-unwind-tables")

    assert status == 1
    assert {tuple(line.split()[:2]) for line in lines} == {
        ("changed", ".text.value"),
        ("added", ".text.third"),
        ("added", ".text.extra"),
        ("removed", ".text.half"),
    }


def test_another_variable_is_referred_to(tmp_path):
    other = "int other[3] = {1, 2, 3};\n" + SOURCE
    edited = other.replace("table[1]", "other[1]")

    status, lines = diff(tmp_path, other, edited, "-fno-asynchronous-unwind-tables")

    assert (status, [line.split()[:2] for line in lines]) == (1, [["changed", ".text.value"]])


def test_constants_are_paired_by_who_refers_to_them(tmp_path):
    edited = SOURCE.replace("hello", "good morning").replace("0.5", "0.25")

    status, lines = diff(tmp_path, SOURCE, edited, "-fno-asynchronous-unwind-tables")

    assert status == 1
    kinds = [
        (line.split()[0], line.split()[1].replace(".greet", "")) for line in lines
    ]  # newer compilers name it
    assert sorted(kinds) == [("changed", ".rodata.cst8"), ("changed", ".rodata.str1.1")]


@pytest.mark.parametrize("size", [0, 10, 64, 900])
def test_a_damaged_object_is_an_error(tmp_path, size):
    (tmp_path / "old.c").write_text(SOURCE)
    subprocess.run([tool("gcc"), "-c", "old.c"], cwd=tmp_path, check=True)
    (tmp_path / "cut.o").write_bytes((tmp_path / "old.o").read_bytes()[:size])

    done = subprocess.run(
        [linker_under_test(), "diff", "old.o", "cut.o"], cwd=tmp_path, capture_output=True, text=True, check=False
    )  # fmt: skip

    assert done.returncode == 2
    assert done.stderr.startswith("wild: error: cut.o: ")
    assert "Traceback" not in done.stderr
