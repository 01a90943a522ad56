"""WILD_REFERENCE_LINKER: link a second time with another linker, and fail if the outputs differ in meaning.

    WILD_REFERENCE_LINKER=ld make             every link of a build is checked against GNU ld

The other linker gets the arguments as they were given, with another output beside ours (`OUTPUT.ld`), and linker-diff
compares the two; what wild does differently on purpose is accepted, and what WILD_REFERENCE_IGNORE names.  If they
differ, ours is kept as `OUTPUT.wild`, and there is no output.  The comparison needs a disassembler, so it runs in an
interpreter of its own, with the packages of the environment.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile

from wild.errors import LinkError
from wild.rewrite import WRITTEN, rewritten
from wild.save import lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from wild.messages import Messages
    from wild.options import Options

NAMES = {"lld": "ld.lld", "gold": "ld.gold", "bfd": "ld.bfd"}
NEWEST, OLDEST = 24, 14  # versions of LLVM that may be part of a linker's name
# Options that only this linker has, and those by which it reports.
OURS = frozenset((
    "write-layout", "write-trace", "debug-address", "sym-info", "gc-stats", "gc-stats-ignore", "verbose-gc-stats",
    "update-in-place", "identity-comment", "reproduce", "incremental", "no-incremental", "incremental-growth",
    "verify-incremental", "incremental-diff-out", "threads", "no-threads", "time",
    "color-diagnostics", "no-color-diagnostics", "error-limit",
))  # fmt: skip
MOST_SHOWN = 20  # differences
RUN_DIFF = "import sys; sys.path.insert(0, sys.argv.pop(1)); from linker_diff.cli import main; main(sys.argv)"


def link_and_check(options: Options, messages: Messages, link: Callable[[Options, Messages], None]) -> None:
    """Link, then do what is to be done with the output: --debug-address, the comparison with a reference."""
    linker = find_linker(options.reference_linker) if options.reference_linker else ""
    link(options, messages)
    if options.debug_address:
        from wild.explain import answer

        messages.tell(answer(options.output, options.debug_address))
    if linker:
        check_against_reference(options, linker)


def check_against_reference(options: Options, linker: str) -> None:
    """Link again with the reference linker, named by its path, and compare; raises LinkError with the differences."""
    name = os.path.basename(linker)
    reference, kept = f"{options.output}.{name.removeprefix('ld.')}", f"{options.output}.wild"
    try:
        link_again(options, linker, reference)
        ignored = os.environ.get("WILD_REFERENCE_IGNORE", "")
        words = ["--wild-defaults", "--ignore", ignored]
        report = differences(reference, options.output, f"{name},wild", words)
        if report:
            text = f"{options.output}: differs from what {name} makes of the same inputs; compare {reference} {kept}"
            raise LinkError(f"{text}\n{report}")
    except LinkError:
        os.replace(options.output, kept)
        raise


def find_linker(name: str) -> str:
    """The path of a linker that is named by its path, its command or its family; never this one by another name."""
    names = [NAMES.get(name, name)]
    names += [f"{names[0]}-{version}" for version in range(NEWEST, OLDEST - 1, -1)]
    directories = os.environ.get("PATH", os.defpath).split(":")
    for candidate in names:
        for path in [candidate] if "/" in candidate else [f"{each}/{candidate}" for each in directories]:
            if shutil.which(path) and not is_wild(path):
                return path
    raise LinkError(f"WILD_REFERENCE_LINKER={name}: no such linker")


def is_wild(path: str) -> bool:
    """Is it this linker, under the name of another?"""
    text = subprocess.run(
        [path, "--version"], capture_output=True, text=True, errors="replace", check=False
    ).stdout
    return "Wild " in text.partition("\n")[0]


def link_again(options: Options, linker: str, output: str) -> None:
    """Run the reference linker; raises LinkError with its messages if it fails."""

    def moved(first: str, value: str, words: list[str]) -> str | None:
        return None if first in WRITTEN or first in OURS or first == "output" else value

    words = [*rewritten(options.arguments, str, moved), "-o", output]
    with tempfile.NamedTemporaryFile("w", suffix=".rsp", encoding="utf-8", errors="surrogateescape") as file:
        file.write(lines(words))
        file.flush()
        done = subprocess.run(
            [linker, f"@{file.name}"], capture_output=True, text=True, errors="replace", check=False,
            env={name: value for name, value in os.environ.items() if not name.startswith("WILD_")},
        )  # fmt: skip
    if done.returncode:
        raise LinkError(f"{linker} (WILD_REFERENCE_LINKER) does not link this:\n{done.stderr.strip()}")


def differences(reference: str, ours: str, labels: str, words: list[str]) -> str:
    """What linker-diff prints, with these options, about two outputs; empty if they mean the same.

    Raises LinkError if they cannot be compared."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    words = [*words, "--labels", labels, "--limit", str(MOST_SHOWN)]
    done = subprocess.run(
        [sys.executable, "-c", RUN_DIFF, package, *words, reference, ours],
        capture_output=True, text=True, errors="replace", check=False,
    )  # fmt: skip
    if done.returncode == 0:
        return ""
    if done.returncode == 1:
        return done.stdout.rstrip()
    raise LinkError(f"linker-diff cannot compare {reference} and {ours}:\n{done.stderr.strip()}")
