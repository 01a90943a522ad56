"""The command line as one text: what is found in it is what a look at each argument finds."""

from __future__ import annotations

import random

import pytest

from wild.incremental.command_line import END, CommandLine
from wild.incremental.fingerprint import Fingerprint, is_temporary
from wild.incremental.request import open_session

WORDS = [
    "a.o", "", "-o", "-oout", "--output=x", "--output", "-incremental", "--incremental=strict", "@file", "-time",
    "--time", "/tmp/cc123456.o", "/tmp/ab/cc123456.o", "x/rustcABCDEF/s.o", "rustcABCDEF/s.o",
    "-L/t/rustcABCDEF/raw", "--version-script=/tmp/rustcABCDEF/list", "u.1.rcgu.o", "-u.rcgu.o", "v.2.rcgu.o",
    "-plugin-opt=-fresolution=/tmp/r",
    "--color-diagnostics=always", "-incremental-diff-out=d", "--incremental-diff-out", "libx.a", "-time-trace",
]  # fmt: skip


def arguments_of(seed: int) -> list[str]:
    choice = random.Random(seed)
    return [choice.choice(WORDS) for _ in range(choice.randrange(12))]


@pytest.mark.parametrize("seed", range(200))
def test_places(seed):
    arguments = arguments_of(seed)
    line = CommandLine(arguments)
    for mark in ("-o", f"{END}-o", f".rcgu.o{END}", "rustc", f"{END}@"):
        found = [line.text[begin:end] for begin, end in line.places(mark)]
        assert found == [argument for argument in arguments if mark in f"{END}{argument}{END}"]
    for number, (begin, end) in enumerate(line.places(END)):
        assert line.text[begin:end] == arguments[number]
        assert line.behind(end) == (arguments[number + 1] if number + 1 < len(arguments) else "")


@pytest.mark.parametrize("seed", range(200))
def test_what_others_do_not_change_is_kept(seed):
    """Arguments of which another link has another version are replaced, those without influence are left out."""
    arguments = arguments_of(seed)
    fingerprint = Fingerprint(CommandLine(arguments), {})
    assert fingerprint.units == [word for word in arguments if word.endswith(".rcgu.o") and word[:1] != "-"]
    files = [word.rpartition("=")[2] if word.startswith("--version-script=") else word for word in arguments]
    assert fingerprint.temporary == [
        name
        for name in files
        if not name.startswith("-") and not name.endswith(".rcgu.o") and is_temporary(name)
    ]
    silent = ("-incremental", "--incremental=strict", "-incremental-diff-out=d", "-time", "--time")
    also = [*arguments, *silent, "--color-diagnostics=always"]
    assert Fingerprint(CommandLine(also), {}).key == fingerprint.key
    for word in ("a.o", "", "-time-trace", "libx.a"):
        assert Fingerprint(CommandLine([*arguments, word]), {}).key != fingerprint.key
        assert Fingerprint(CommandLine([word, *arguments]), {}).key != fingerprint.key


def test_values_of_options():
    words = ["-o", "x", "--incremental-diff-out=a", "-incremental-diff-out", "b", "c-incremental-diff-out=d"]
    line = CommandLine(words)
    assert line.value_of("incremental-diff-out") == "b"
    assert line.value_of("output") == ""
    assert CommandLine(["--output"]).value_of("output") == ""


@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        (["--incremental", "-o", "x"], "x"), (["-ox", "--incremental"], "x"), (["--incremental", "--output=y"], "y"),
        (["--incremental", "--output", "z", "a.o"], "z"), (["-o", "x"], None),
        (["--incremental", "--no-incremental"], None),
        (["--no-incremental", "--incremental=explain"], "a.out"), (["--incremental", "-o", "/dev/null"], None),
        (["--incremental", "-r"], None), (["--incremental", "-o"], None), ([], None),
    ],
)  # fmt: skip
def test_which_output(arguments, output, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    session = open_session(arguments, {})
    assert (session and session.output) == output
