"""Replay edits of real projects, and see how many of the links stay updates, and why the others are full ones.

    tests/realworld/replay lua ninja ripgrep --edits 100

An edit that does not compile is taken back and does not count, as a build that fails has no link.  With --verify each
update is compared with a full link before it is published, and the replay ends at the first that differs.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from building import FOLDER, ROOT, fetch
from edits import Editor, Texts

BIN = ROOT / "src" / "wild" / "gcc"


class ReplayFailedError(Exception):
    """A link failed, or an update was wrong."""


class Sources(NamedTuple):
    """How a project is built: objects from `files`, by the compiler with `flags`; `cargo` builds without either."""

    package: str
    directory: str
    files: str  # of the sources that are edited, a pattern
    without: str = r"$^"  # files that do not belong to the program
    compiler: str = "gcc"
    flags: str = ""
    link: str = ""
    missing: str = ""  # a header that the project's own build would make


PROJECTS = {
    "lua": Sources(
        "lua5.4", "src", "*.[ch]", r"luac\.c|ljumptab|lopnames", "gcc",
        "-O1 -g -ffunction-sections -DLUA_USE_LINUX '-DDEB_HOST_MULTIARCH=\"any\"'",
        "-Wl,-E -Wl,--gc-sections -lm -ldl",
        "lua5.4-deb-multiarch.h",
    ),
    "ninja": Sources(
        "ninja-build", "src", "*.cc *.h getopt.c",
        r"_test\.cc|^test\.cc|perftest|win32|test\.h|\.in\.cc|hash_collision|browse\.cc",
        "g++", "-O0 -g -std=c++17 -fpermissive -w",
    ),
    "ripgrep": Sources("crate:ripgrep", ".", "crates/core/**/*.rs", compiler="cargo"),
}  # fmt: skip


class Replay:
    """One project in a directory of its own."""

    def __init__(self, name: str, folder: Path, verify: bool) -> None:
        self.project = PROJECTS[name]
        self.source = folder / name
        shutil.rmtree(self.source, ignore_errors=True)
        shutil.copytree(fetch(self.project.package, FOLDER / "sources"), self.source, symlinks=True)
        self.directory = self.source / self.project.directory
        if self.project.missing:
            (self.directory / self.project.missing).touch()
        self.log = folder / f"{name}-state" / "wild" / "log"
        shutil.rmtree(folder / f"{name}-state", ignore_errors=True)
        self.environment = {
            **os.environ, "WILD_INCREMENTAL": "1", "WILD_VERIFY_INCREMENTAL": str(int(verify)), "LC_ALL": "C",
            "XDG_STATE_HOME": str(folder / f"{name}-state"), "CARGO_TARGET_DIR": "out",
            "RUSTFLAGS": f"-Clinker-features=-lld -Clink-arg=-B{BIN} -Clinker=gcc",
        }  # fmt: skip
        self.texts: Texts = {}
        for pattern in self.project.files.split():
            for path in sorted(self.directory.glob(pattern)):
                name = str(path.relative_to(self.directory))
                if not re.search(self.project.without, name):
                    self.texts[name] = path.read_text(encoding="utf-8", errors="surrogateescape")

    def write(self, texts: Texts) -> None:
        for name, text in texts.items():
            (self.directory / name).write_text(text, encoding="utf-8", errors="surrogateescape")

    def call(self, command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            shlex.split(command),
            cwd=self.directory,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def compile(self, changed: Texts) -> bool:
        """Make the objects that depend on the changed files; False if one of them does not compile."""
        if self.project.compiler == "cargo":
            return self.call("cargo check --offline").returncode == 0
        sources = [name for name in self.texts if not name.endswith(".h")]
        running = []
        for name in sources:
            depends = self.directory / f"{name}.d"
            known = (
                set(depends.read_text().replace("\\\n", " ").split()) if depends.exists() else changed.keys()
            )
            if name in changed or changed.keys() & known:
                words = f"{self.project.compiler} {self.project.flags} -MMD -MF {name}.d -c {name} -o {name}.o.new"
                running.append(
                    (
                        name,
                        subprocess.Popen(shlex.split(words), cwd=self.directory, stderr=subprocess.DEVNULL),
                    )
                )
            if len(running) % 2 == 0 and running:
                running[-2][1].wait()
        done = [process.wait() == 0 for _, process in running]
        for name, _ in running if all(done) else ():
            os.replace(self.directory / f"{name}.o.new", self.directory / f"{name}.o")
        return all(done)

    def link(self) -> list[dict[str, str]]:
        """The lines of the log about the link or, with cargo, the links."""
        before = len(self.lines())
        if self.project.compiler == "cargo":
            done = self.call("cargo build --offline")
        else:
            objects = " ".join(f"{name}.o" for name in self.texts if not name.endswith(".h"))
            done = self.call(f"{self.project.compiler} -B{BIN} {objects} {self.project.link} -o program")
        lines = [json.loads(line) for line in self.lines()[before:]]
        if done.returncode or any(line["mode"] == "wrong" for line in lines):
            raise ReplayFailedError(done.stderr[-3000:])
        return lines

    def lines(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []

    def follow(self, seed: int, edits: int, tell: bool = False) -> Counter[tuple[str, str]]:
        """Make the edits, build after each; how often each (mode, reason) was seen."""
        if not self.compile(self.texts):
            raise ReplayFailedError("the project does not compile")
        self.link()
        editor = Editor(self.texts, seed)
        found: Counter[tuple[str, str]] = Counter()
        for kind, changed in editor.edits():
            old = {name: editor.texts[name] for name in changed}
            if changed == old:
                continue
            self.write(changed)
            if not self.compile(changed):
                self.write(old)
                self.compile(old)
                continue
            editor.accept(changed)
            for line in self.link():
                found[line["mode"], f"{line['code']} {line['reason']}".strip()] += 1
                if tell:
                    reason = f"{line['code']} {line['reason']}"
                    print(
                        f"{editor.number:4} {line['mode']:9} {line['ms']:8.1f} ms  {kind}: {reason}",
                        flush=True,
                    )
            if found.total() >= edits:
                return found
        raise AssertionError("edits do not end")


def share(found: Counter[tuple[str, str]]) -> float:
    """Of links that stayed incremental."""
    return sum(count for (mode, _), count in found.items() if mode in ("update", "unchanged")) / found.total()


def main(description: str | None) -> int:
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="PROJECT", default=list(PROJECTS))
    parser.add_argument("--edits", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--verify", action="store_true")
    parser.add_argument("--tell", action="store_true", help="a line for each link")
    parser.add_argument("--folder", type=Path, default=FOLDER / "replay")
    options = parser.parse_args()
    failed = 0
    for name in options.names:
        begin = time.monotonic()
        try:
            found = Replay(name, options.folder, options.verify).follow(
                options.seed, options.edits, options.tell
            )
        except ReplayFailedError as error:
            print(f"{name}: FAILED: {error}")
            failed = 1
            continue
        print(
            f"{name}: {share(found):.0%} of {found.total()} links stayed incremental ({time.monotonic() - begin:.0f} s)"
        )
        for (mode, reason), count in found.most_common():
            print(f"  {count:5} {mode} {reason}")
    return failed
