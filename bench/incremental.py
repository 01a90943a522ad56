#!/usr/bin/env python3
"""Measure incremental links, as ratios in one run, and write the table into bench/results/incremental.md.

    incremental.py [--rounds N] [--only WORD]…

What is edited is one function of one object.  A link is timed from exec to exit, without a server, and is held
against the start of the interpreter, `python -I -S -c pass`, in the same round, because no link by this linker can be
faster.  The other programs of a round take turns with it, so a noisy spell of the machine falls on all of them.
Instructions are counted by valgrind, where there is one: they tell the same on a busy machine as on a quiet one.
Updates have to be updates (`--incremental=strict`), and each output has to do what its corpus says.
"""

from __future__ import annotations

import argparse
import fcntl
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import compare
import corpora
import generated

WILD = compare.HERE.parent / ".venv" / "bin" / "wild"
PYTHON = WILD.with_name("python")
START = [str(PYTHON), "-I", "-S", "-c", "pass"]
SIZES = (1, 10, 100)  # MB
ARCHIVE = 30  # MB


@dataclass
class Program:
    """A link whose first input has two versions; `versions` are copied over `edited` in turn."""

    corpus: corpora.Corpus
    edited: Path
    versions: list[Path]
    put: Callable[[Path, Path], None]
    expected: tuple[str, str]
    turn: int = 0

    @property
    def output(self) -> Path:
        return self.corpus.path / "output"

    def command(self, *options: str) -> list[str]:
        """In one process, unless options say otherwise."""
        return [str(WILD), "--no-fork", *options, "@cmd", "-o", str(self.output)]

    def edit(self) -> None:
        self.turn += 1
        self.put(self.versions[self.turn % 2], self.edited)

    def run(self, *options: str) -> float:
        """Seconds of one link."""
        return timed(self.command(*options), self.corpus.path)

    def check(self) -> None:
        """The output does what the version does that was linked last."""
        printed = subprocess.run([str(self.output)], capture_output=True, text=True, check=True).stdout
        assert printed == self.expected[self.turn % 2], printed

    def settle(self) -> None:
        """Wait for the child that saves the state of the last link."""
        with open(f"{self.output}.incr/lock", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)

    def clear(self) -> None:
        self.output.unlink(missing_ok=True)
        shutil.rmtree(f"{self.output}.incr", ignore_errors=True)

    def begin(self) -> None:
        """A full link that leaves room, and the two updates that copy its image."""
        self.clear()
        self.run("--incremental")
        for _ in range(2):
            self.edit()
            self.run("--incremental=strict")
            self.check()


@dataclass
class Result:
    """One row of the table."""

    what: str
    goal: str
    ratio: float
    instructions: float | None = None
    detail: str = ""
    seconds: list[float] = field(default_factory=list)


def copy_over(version: Path, edited: Path) -> None:
    shutil.copyfile(version, edited)


def timed(command: list[str], directory: Path) -> float:
    begin = time.perf_counter()
    subprocess.run(command, cwd=directory, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


def counted(command: list[str], directory: Path) -> int | None:
    """The instructions of a command; None without valgrind."""
    if not shutil.which("valgrind"):
        return None
    if command[0] == str(WILD):  # valgrind does not follow `#!`
        command = [str(PYTHON), "-ISXutf8", *command]
    tool = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    done = subprocess.run([*tool, *command], cwd=directory, check=True, capture_output=True, text=True)
    found = re.search(r"Collected : (\d+)", done.stderr)
    return int(found[1]) if found else None


# --- programs ------------------------------------------------------------------------------------------------


def sized(megabytes: int, in_archive: bool = False) -> Program:
    """A program of about so many MB out of one archive, and an object that is edited, or a member of the archive."""
    name = f"sized-{megabytes}{'-member' if in_archive else ''}"
    corpus = corpora.Corpus(name, f"a program of {megabytes} MB", True)
    paths = [corpus.path / "in" / f"edited{version}.o" for version in (1, 2)]
    archive = corpus.path / "in" / "libsized.a"
    if not corpus.is_built():
        shutil.rmtree(corpus.path, ignore_errors=True)
        members = generated.write_sized(corpus.path / "members", megabytes)
        for version in (1, 2):
            corpus.compile(f"edited{version}.c", generated.sized_edit(version), "gcc", "-O2")
        main = corpus.compile("main.c", generated.sized_main(megabytes), "gcc", "-O2")
        edited = corpus.path / "in" / "edited.o"
        shutil.copyfile(paths[0], edited)
        corpora.run("ar", "rcs", archive, *members, *([edited] if in_archive else []))
        shutil.rmtree(corpus.path / "members")
        corpus.link("gcc", main, *([] if in_archive else [edited]), archive)
        corpus.save()
    expected = tuple(f"{generated.sized_sum(megabytes, version)}\n" for version in (1, 2))
    if not in_archive:
        return Program(corpus, corpus.path / "in" / "edited.o", paths, copy_over, (expected[0], expected[1]))
    return Program(corpus, archive, paths, replace_member, (expected[0], expected[1]))


def replace_member(version: Path, archive: Path) -> None:
    member = archive.with_name("edited.o")
    shutil.copyfile(version, member)
    corpora.run("ar", "rcs", archive, member)


def clang() -> Program | None:
    """The program out of clang's static archives, if they are installed."""
    if not corpora.build(["clang"]):
        return None
    corpus = corpora.RECIPES["clang"][0]
    corpus.load()
    directory = corpus.path / "in"
    other = directory / "edited.cpp"
    if not (directory / "edited2.o").exists():
        text = (directory / "tool.cpp").read_text(encoding="utf-8")
        other.write_text(text.replace("return 1; }", "return 1 + 2; }"), encoding="utf-8")
        flags = [
            flag for flag in corpora.run(corpora.llvm_config(), "--cxxflags").split() if flag[:2] != "-g"
        ]
        corpora.run("g++", "-O1", *flags, "-fno-rtti", "-c", other, "-o", directory / "edited2.o")
        shutil.copyfile(directory / "tool.o", directory / "edited1.o")
    versions = [directory / f"edited{version}.o" for version in (1, 2)]
    return Program(corpus, directory / "tool.o", versions, copy_over, ("parsed\n", "parsed\n"))


# --- measurements --------------------------------------------------------------------------------------------


def measure_update(program: Program, rounds: int, goals: tuple[str, str]) -> list[Result]:
    """An edit, and no edit, against the start of the interpreter."""
    program.begin()
    starts, updates, same = [], [], []
    for _ in range(rounds):
        starts.append(timed(START, program.corpus.path))
        program.edit()
        updates.append(program.run("--incremental=strict"))
        same.append(program.run("--incremental=strict"))
    program.check()
    program.edit()
    counts = [counted(START, program.corpus.path)]
    counts += [counted(program.command("--incremental=strict"), program.corpus.path) for _ in range(2)]
    rows = []
    for what, goal, seconds, count in zip(
        ("an edit of one function", "nothing changed"), goals, (updates, same), counts[1:], strict=True
    ):
        ratio = median(mine / start for mine, start in zip(seconds, starts, strict=True))
        instructions = count / counts[0] if count and counts[0] else None
        detail = f"{median(seconds) * 1e3:.1f} ms; the interpreter {median(starts) * 1e3:.1f} ms"
        rows.append(Result(what, goal, ratio, instructions, detail, seconds))
    return rows


def measure_full(program: Program, rounds: int, update: float) -> list[Result]:
    """The initial link against an ordinary one, the state's size, and the fastest full link of all linkers."""
    ordinary, initial, others, seen, alone = [], [], [], [], []
    linkers = {name: path for name, path in compare.installed().items() if name != "wild"}
    fastest: dict[str, list[float]] = {name: [] for name in linkers}
    for _ in range(max(3, rounds // 4)):
        program.clear()
        ordinary.append(program.run())
        plain = program.output.stat().st_size
        program.clear()
        initial.append(program.run("--incremental"))
        program.clear()
        alone.append(program.run("--fork"))
        program.clear()
        seen.append(program.run("--fork", "--incremental"))
        program.settle()
        for name, path in linkers.items():
            command = [path, *compare.ALWAYS.get(name, []), "@cmd", "-o", f"{program.output}.other"]
            try:
                fastest[name].append(timed(command, program.corpus.path))
            except subprocess.CalledProcessError:
                fastest.pop(name, None)
        others.append(min([ordinary[-1], *(times[-1] for times in fastest.values() if times)]))
    Path(f"{program.output}.other").unlink(missing_ok=True)
    state = sum(
        512 * file.stat().st_blocks
        for file in Path(f"{program.output}.incr").iterdir()
        if "image" not in file.name
    )
    program.clear()
    counts = [counted(program.command(*options), program.corpus.path) for options in ([], ["--incremental"])]
    instructions = counts[1] / counts[0] if counts[0] and counts[1] else None
    ratio = median(mine / other for mine, other in zip(initial, ordinary, strict=True))
    until_end = median(mine / other for mine, other in zip(seen, alone, strict=True))
    return [
        Result(
            "initial incremental link / ordinary link", "<= 1.15", until_end, None,
            f"{median(seen) * 1e3:.0f} ms; a child saves the state",
        ),
        Result("the same in one process (--no-fork)", "–", ratio, instructions),
        Result("state without images / output", "<= 0.8", state / plain, None, f"{state / 1e6:.0f} MB"),
        Result(
            "fastest full link of any linker / update", ">= 30", median(others) / update, None,
            f"{median(others) * 1e3:.0f} ms",
        ),
    ]  # fmt: skip


def measure_sizes(rounds: int) -> list[Result]:
    """The same edit in programs of several sizes, in turn."""
    programs = [sized(megabytes) for megabytes in SIZES]
    for program in programs:
        program.begin()
    seconds: list[list[float]] = [[] for _ in programs]
    for _ in range(rounds):
        for program, each in zip(programs, seconds, strict=True):
            program.edit()
            each.append(program.run("--incremental=strict"))
    counts = []
    for program in programs:
        program.check()
        program.edit()
        counts.append(counted(program.command("--incremental=strict"), program.corpus.path))
    rows = []
    for megabytes, each, count in list(zip(SIZES, seconds, counts, strict=True))[1:]:
        ratio = median(mine / first for mine, first in zip(each, seconds[0], strict=True))
        instructions = count / counts[0] if count and counts[0] else None
        rows.append(Result(f"the edit in {megabytes} MB / in {SIZES[0]} MB", "<= 1.5", ratio, instructions))
    return rows


# --- the table -----------------------------------------------------------------------------------------------


def page(sections: dict[str, list[Result]], rounds: int) -> str:
    lines = [
        "# Incremental links", "",
        f"Measured on {time.strftime('%Y-%m-%d')}: {compare.machine()}. Medians of the ratios within {rounds} rounds;",
        "the ratio of instructions is what valgrind counts. `make bench-incremental` makes this page, and",
        "bench/incremental.py says how it measures.", "",
        "| | goal | ratio | of instructions | |", "|---|--:|--:|--:|---|",
    ]  # fmt: skip
    for title, rows in sections.items():
        lines.append(f"| **{title}** | | | | |")
        for row in rows:
            count = f"{row.instructions:.2f}" if row.instructions else "–"
            lines.append(f"| {row.what} | {row.goal} | {row.ratio:.2f} | {count} | {row.detail} |")
    return "\n".join([*lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--only", action="append", choices=("clang", "archive", "sizes"))
    parser.add_argument("--results", type=Path, default=compare.RESULTS)
    options = parser.parse_args()
    wanted = options.only or ["clang", "archive", "sizes"]
    sections: dict[str, list[Result]] = {}
    program = clang() if "clang" in wanted else None
    if program:
        rows = measure_update(program, options.rounds, ("<= 3", "<= 2"))
        sections[f"{program.corpus.name}, as many starts of the interpreter"] = rows
        sections[f"{program.corpus.name}, full links"] = measure_full(
            program, options.rounds, median(rows[0].seconds)
        )
        program.clear()
    if "archive" in wanted:
        program = sized(ARCHIVE, in_archive=True)
        sections[f"a member of an archive of {ARCHIVE} MB, as many starts of the interpreter"] = (
            measure_update(program, options.rounds, ("<= 6", "<= 2"))
        )
    if "sizes" in wanted:
        sections["the size of the program"] = measure_sizes(options.rounds)
    text = page(sections, options.rounds)
    print(text)
    options.results.mkdir(parents=True, exist_ok=True)
    (options.results / "incremental.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
