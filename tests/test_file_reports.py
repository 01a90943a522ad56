"""--why-extract, --print-dependencies and --time-trace."""

from __future__ import annotations

import json

import pytest
from programs import archive, compile_c, compile_cxx
from texts import said

pytestmark = pytest.mark.only_wild

MAIN = """
    int one(void); __attribute__((weak)) int maybe(void);
    int main(void) { return one() + (maybe ? maybe() : 0); }
"""


def library():
    """one needs two; three is asked for by the command line; four by nobody."""
    return archive([
        compile_c("int four(void) { return 4; }", name="four"),
        compile_c("int three(void) { return 3; }", name="three"),
        compile_c("int two(void) { return 2; }", name="two"),
        compile_c("int two(void); int one(void) { return two() + 1; }", name="one"),
    ])  # fmt: skip


def test_why_each_member_was_loaded(link, tmp_path):
    link(compile_c(MAIN), library(), "-Wl,-u,three", "-Wl,--why-extract=why")

    lines = said((tmp_path / "why").read_text(), link).splitlines()
    assert [line for line in lines if "lib.a" in line or "reference" in line] == [
        "reference\textracted\tsymbol",
        "<command line>\tlib.a(three.o)\tthree",
        "main.o\tlib.a(one.o)\tone",
        "lib.a(one.o)\tlib.a(two.o)\ttwo",
    ]


def test_names_are_demangled_unless_that_is_forbidden(link):
    main = compile_cxx("namespace n { int f(int); } int main() { return n::f(1); }")
    members = archive([compile_cxx("namespace n { int f(int x) { return x; } }", name="f")])

    plain = link(main, members, "-Wl,--why-extract=-").messages
    raw = link(main, members, "-Wl,--why-extract=-", "-Wl,--no-demangle").messages
    assert "main.o\tlib.a(f.o)\tn::f(int)\n" in said(plain, link)
    assert "main.o\tlib.a(f.o)\t_ZN1n1fEi\n" in said(raw, link)


def test_which_file_refers_to_which(link):
    maybe = compile_c("int maybe(void) { return 1; }", name="maybe")
    text = said(link(compile_c(MAIN), library(), maybe, "-Wl,--print-dependencies").messages, link)

    lines = text.splitlines()
    assert "main.o\tlib.a(one.o)\tu\tone" in lines
    assert "main.o\tmaybe.o\tw\tmaybe" in lines
    assert "lib.a(one.o)\tlib.a(two.o)\tu\ttwo" in lines
    assert not any("four.o" in line for line in lines)


def test_report_that_cannot_be_written(link):
    message = link.fails(compile_c(MAIN), library(), "-Wl,--why-extract=no/such/file")

    assert "no/such/file: cannot write: No such file or directory" in message


@pytest.mark.parametrize("option", ["--time-trace", "--time-trace=other"])
def test_time_trace_is_what_chrome_reads(link, tmp_path, option):
    link(compile_c(MAIN), library(), f"-Wl,{option}", "-Wl,--time-trace-granularity=0")

    trace = json.loads((tmp_path / ("other" if "=" in option else "program.time-trace")).read_text())
    passes = [event for event in trace["traceEvents"] if event["ph"] == "X"]
    assert passes[0]["name"] == "link"
    named = {event["name"]: event for event in passes}
    assert named["write"]["ts"] + named["write"]["dur"] == pytest.approx(passes[0]["dur"])
    assert named["write"]["ts"] <= named["sections"]["ts"]  # a step of it
    for event in passes:
        assert event["dur"] >= 0 <= event["ts"]
        assert event["ts"] + event["dur"] <= passes[0]["dur"] * 1.000001, event["name"]
