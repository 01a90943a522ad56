#!/usr/bin/env python3
"""Run every installed linker on the corpora, in turn, and write tables and charts into bench/results.

    compare.py [quick | all | NAME…] [--rounds N] [--linker NAME=PATH]…

Each linker takes its turn in every round, and the rounds begin with another one each (A B C, B C A, …), so that a
noisy spell of the machine falls on all of them.  The output is a new file on a tmpfs, the inputs are in the page
cache.  Measured are the time until the linker returns, the CPU time and the peak memory of all its processes: those
that it leaves behind are waited for, and mold and wild are told to leave none.  A linker is measured with the threads
that it takes by itself, and with one.  Before the rounds every output has to do what its corpus says, or the linker
is left out and the reason told.  Ratios are the medians of the ratios within rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import corpora
import report

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
ALL, ONE = "all threads", "1 thread"
ONE_THREAD = {
    "wild": ["--threads=1"],
    "lld": ["--threads=1"],
    "rust-lld": ["--threads=1"],
    "mold": ["--threads=1"],
}
ALWAYS = {"mold": ["--no-fork"], "wild": ["--no-fork"]}
OUTPUTS = Path("/dev/shm") if os.access("/dev/shm", os.W_OK) else Path(tempfile.gettempdir())


@dataclass
class Entry:
    """One linker under one thread setting, on one corpus; a sample is (wall seconds, CPU seconds, peak bytes)."""

    linker: str
    threads: str
    command: list[str]
    samples: list[tuple[float, float, int]] = field(default_factory=list)
    output_bytes: int = 0
    failure: str = ""


def installed() -> dict[str, str]:
    """The linkers that there are: name -> path."""
    found = {"wild": str(HERE.parent / ".venv" / "bin" / "wild")}
    for name, programs in {
        "bfd": ["ld.bfd"],
        "gold": ["ld.gold"],
        "lld": [f"ld.lld-{version}" for version in range(30, 14, -1)] + ["ld.lld"],
        "mold": ["mold"],
    }.items():
        path = next(filter(None, map(shutil.which, programs)), None)
        if path:
            found[name] = path
    if shutil.which("rustc"):
        root = subprocess.run(
            ["rustc", "--print=sysroot"], capture_output=True, text=True, check=False
        ).stdout.strip()
        for lld in Path(root).glob("lib/rustlib/*/bin/gcc-ld/ld.lld"):
            found["rust-lld"] = str(lld)
    return found


def version_of(path: str) -> str:
    shown = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
    return shown.partition("\n")[0]


def entries_for(linkers: dict[str, str]) -> list[Entry]:
    entries = []
    for name, path in linkers.items():
        command = [path, *ALWAYS.get(name, [])]
        entries.append(Entry(name, ALL, command))
        if name in ONE_THREAD:
            entries.append(Entry(name, ONE, [*command, *ONE_THREAD[name]]))
    return entries


def link_once(entry: Entry, corpus: corpora.Corpus, timed: Path, output: Path) -> tuple[float, float, int]:
    """One link; raises RuntimeError with the linker's messages if it fails."""
    output.unlink(missing_ok=True)
    log = output.with_suffix(".log")
    command = [str(timed), str(log), *entry.command, "@cmd", "-o", str(output)]
    told = subprocess.run(command, cwd=corpus.path, capture_output=True, text=True, check=True).stdout
    status, wall, cpu, peak = told.split()
    if status != "0":
        raise RuntimeError(f"exit status {status}: {log.read_text(errors='replace')[:300]}")
    return float(wall), float(cpu), int(peak) * 1024


def warm_up(entry: Entry, corpus: corpora.Corpus, timed: Path, output: Path) -> None:
    """Link once, and see that the output is right."""
    try:
        link_once(entry, corpus, timed, output)
        entry.output_bytes = output.stat().st_size
        entry.failure = corpus.verify(output)
    except (RuntimeError, OSError) as error:
        entry.failure = str(error)


def measure(corpus: corpora.Corpus, linkers: dict[str, str], rounds: int, timed: Path) -> list[Entry]:
    """All rounds of one corpus."""
    entries = entries_for(linkers)
    with tempfile.TemporaryDirectory(dir=OUTPUTS, prefix="wild-bench-") as directory:
        output = Path(directory) / "output"
        for entry in entries:
            warm_up(entry, corpus, timed, output)
        ready = [entry for entry in entries if not entry.failure]
        for turn in range(rounds):
            shift = turn % max(1, len(ready))
            for entry in ready[shift:] + ready[:shift]:
                entry.samples.append(link_once(entry, corpus, timed, output))
    return entries


def machine() -> str:
    """What the figures were measured on, in a sentence."""
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0))
    load = os.getloadavg()[0]
    return (
        f"{cores} cores of {cpu}, {memory:.0f} GiB, Linux {platform.release()}, load {load:.1f} at the start"
    )


def summary(name: str, entries: list[Entry]) -> str:
    """One corpus, as told while the comparison runs."""
    lines = [f"{name}:"]
    for entry in entries:
        label = f"  {entry.linker + ', ' + entry.threads:24}"
        if entry.samples:
            wall, cpu, peak = (median(figures) for figures in zip(*entry.samples, strict=True))
            label += f"{wall * 1e3:9.1f} ms {cpu * 1e3:9.1f} ms CPU {peak / 1e6:8.0f} MB"
        lines.append(label + (f"left out: {entry.failure}" if entry.failure else ""))
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpora", nargs="*", default=["quick"])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument(
        "--linker", action="append", default=[], metavar="NAME=PATH", help="instead of those installed"
    )
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    linkers = dict(spec.split("=", 1) for spec in options.linker) or installed()

    results: report.Row = {
        "machine": machine(),
        "date": time.strftime("%Y-%m-%d"),
        "rounds": options.rounds,
        "linkers": {
            name: "this checkout" if name == "wild" else version_of(path) for name, path in linkers.items()
        },
        "corpora": {},
    }
    with tempfile.TemporaryDirectory() as directory:
        timed = Path(directory) / "timed"
        subprocess.run(["cc", "-O2", "-o", timed, HERE / "timed.c"], check=True)
        for corpus in corpora.build(options.corpora):
            entries = measure(corpus, linkers, options.rounds, timed)
            print(summary(corpus.name, entries), flush=True)
            shown = [
                {**vars(entry), "command": [Path(entry.command[0]).name, *entry.command[1:]]}
                for entry in entries
            ]
            results["corpora"][corpus.name] = {"what": corpus.what, "entries": shown}
    options.results.mkdir(parents=True, exist_ok=True)
    (options.results / "results.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    report.write(results, options.results)
    print(f"\nwritten: {options.results}/README.md and a chart for each corpus")


if __name__ == "__main__":
    main()
