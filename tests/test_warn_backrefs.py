"""--warn-backrefs: references to archives that stand before the file that refers to them, as lld reports them."""

from __future__ import annotations

import pytest
from programs import archive, assemble


@pytest.fixture
def files(link):
    """a.o calls b of b.a, which calls c of c.a."""
    here = link.directory
    codes = {"a": ".globl _start\n_start: call b\n", "b": ".globl b\nb: call c\n", "c": ".globl c\nc: ret\n"}
    for name, code in codes.items():
        member = assemble(code, name=name)
        (here / f"{name}.o").write_bytes(member.read_bytes())
        (here / f"{name}.a").write_bytes(archive([member], f"{name}.a").read_bytes())
    (here / "copy.a").write_bytes((here / "c.a").read_bytes())


def warnings(link, line: str) -> int:
    return link.raw(*line.split(), "--warn-backrefs").messages.count("backward reference")


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("a.o b.a c.a", 0),
        ("b.a a.o c.a", 1),
        ("a.o c.a b.a", 1),
        ("c.a b.a a.o", 2),
        ("a.o --start-group c.a b.a --end-group", 0),
        ("a.o --start-group c.a --end-group b.a", 1),
        ("a.o c.a b.a c.a", 0),
        ("a.o c.a b.a copy.a", 0),
        ("a.o --start-lib c.o b.o --end-lib", 0),
        ("a.o --start-lib c.o --end-lib b.o", 1),
        ("a.o --start-lib c.o --end-lib --start-lib b.o --end-lib", 1),
        ("-u c c.a a.o b.a", 0),
        ("a.o c.a b.a --warn-backrefs-exclude=*c.a*", 0),
        ("a.o c.a b.a --warn-backrefs-exclude=c.a", 1),
        ("a.o c.a b.a --warn-backrefs-exclude=*b.a*", 1),
    ],
)
def test_what_is_reported(link, files, line, count):
    assert warnings(link, line) == count


def test_the_text_names_all_three(link, files):
    text = link.raw("a.o", "c.a", "b.a", "--warn-backrefs").messages

    assert "c in b.a(b.o) refers to c.a(c.o)" in text


def test_nothing_is_reported_without_the_option(link, files):
    assert link.raw("c.a", "b.a", "a.o", "--warn-backrefs", "--no-warn-backrefs").messages == ""


def test_fatal_warnings_stop_the_link(link, files):
    link.fails("c.a", "a.o", "b.a", "--warn-backrefs", "--fatal-warnings", driver="raw")
