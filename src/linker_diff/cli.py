"""The command `linker-diff REFERENCE… OURS`; exit status 0 if nothing differs, 1 if something does, 2 for errors."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from linker_diff.image import DiffError

EQUAL, DIFFERENT, FAILED = 0, 1, 2


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="linker-diff",
        description="Compare linked x86-64 ELF files, or outputs of -r, by meaning, whatever their layout. What is "
        "equal in our file and any of the references is accepted.",
        epilog="exit status: 0 nothing differs, 1 something does, 2 the files cannot be compared",
    )
    made.add_argument(
        "files", nargs="*", metavar="FILE", type=Path, help="references, then the file to judge"
    )
    made.add_argument(
        "--ref", action="append", default=[], type=Path, metavar="FILE", help="a further reference"
    )
    made.add_argument(
        "--ignore", action="append", default=[], metavar="GLOBS", help="keys to accept, separated by commas"
    )
    made.add_argument(
        "--wild-defaults", action="store_true", help="accept what wild does differently on purpose"
    )
    made.add_argument(
        "--list-defaults", action="store_true", help="print what --wild-defaults accepts, with reasons"
    )
    made.add_argument("--keys", action="store_true", help="print only the keys")
    made.add_argument("--limit", type=int, default=0, metavar="N", help="print only the first N differences")
    made.add_argument(
        "--labels", default="", metavar="NAMES", help="names of the files, ours last, separated by commas"
    )
    return made


def run(arguments: list[str]) -> int:
    """Do what the arguments say; returns the exit status."""
    options = parser().parse_args(arguments)
    try:
        return compare_files(options)
    except DiffError as error:
        print(f"linker-diff: {error}", file=sys.stderr)
        return FAILED


def compare_files(options: argparse.Namespace) -> int:
    from linker_diff.compare import compare
    from linker_diff.defaults import DEFAULTS

    if options.list_defaults:
        print("\n".join(f"{pattern}\n    {reason}" for pattern, reason in DEFAULTS.items()))
        return EQUAL
    files = [*options.ref, *options.files]
    if len(files) < 2 or not options.files:
        raise DiffError("give at least one reference and the file to judge")
    ignore = [glob.strip() for globs in options.ignore for glob in globs.split(",") if glob.strip()]
    labels = [label for label in options.labels.split(",") if label]
    report = compare(files[:-1], files[-1], ignore, wild_defaults=options.wild_defaults, labels=labels)
    if options.keys:
        print("\n".join(report.keys))
    elif report:
        print(report.render(options.limit))
    print(report.summary(), file=sys.stderr)
    return DIFFERENT if report else EQUAL


def main(argv: list[str] | None = None) -> None:
    """The command itself; `argv` begins with its name."""
    sys.exit(run((argv or sys.argv)[1:]))
