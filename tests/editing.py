"""A program that is edited and linked again and again, with the kind of link that each edit must lead to.

After every link the program is linked in full as well, and both must do the same; so a step says only what the edit is
and which mode (and, of a full link, which reason) is expected: a silent full link fails the test.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import sanity
from elf import Elf
from linking import driver_command, linker_under_test
from programs import tool

TIMEOUT = 120  # seconds


class Project:
    """Sources by name in a directory of their own; `flags` are the compiler's, `link_flags` the driver's."""

    def __init__(
        self,
        directory: Path,
        flags: str = "-O1",
        link_flags: str = "",
        driver: str = "gcc",
        output: str = "program",
    ) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.flags = flags.split()
        self.link_flags = link_flags.split()
        self.driver = driver
        self.output = output
        self.objects: list[str] = []
        self.environment = {
            **os.environ, "LC_ALL": "C", "XDG_STATE_HOME": str(directory / "state"), "WILD_DEBUG": "1",
            "WILD_VERIFY_INCREMENTAL": "1",
        }  # fmt: skip
        self.environment.pop("WILD_INCREMENTAL", None)

    def write(self, name: str, text: str) -> str:
        """Write and compile a source; returns the name of the object."""
        (self.directory / name).write_text(text)
        target = name.rpartition(".")[0] + ".o"
        self.call(tool(self.driver), *self.flags, "-c", name, "-o", target)
        if target not in self.objects:
            self.objects.append(target)
        return target

    def call(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command, cwd=self.directory, env=self.environment, capture_output=True, text=True, timeout=TIMEOUT,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0 or not check, f"{command}\n{done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def command(self, output: str, *more: str) -> list[str]:
        driver = driver_command(self.driver, linker_under_test())
        return [*driver, *self.objects, *self.link_flags, *more, "-o", output]

    def link(self, *more: str, check: bool = True) -> dict[str, object]:
        """Link incrementally; returns the line of the log."""
        done = self.call(*self.command(self.output, "-Wl,--incremental", *more), check=check)
        line = self.last()
        line["messages"] = done.stderr
        line["status"] = done.returncode
        return line

    def last(self) -> dict[str, object]:
        lines = (self.directory / "state" / "wild" / "log").read_text().splitlines()
        found: dict[str, object] = json.loads(lines[-1])
        return found

    def run(self, name: str | None = None) -> str:
        done = subprocess.run(
            [f"./{name or self.output}"], cwd=self.directory, capture_output=True, text=True, timeout=TIMEOUT,
            check=False, env={**self.environment, "LD_LIBRARY_PATH": "."},
        )  # fmt: skip
        return f"{done.returncode}\n{done.stdout}{done.stderr}"

    def step(self, mode: str, *more: str) -> str:
        """Link, which must be of this `mode` (`update`, or `initial:CODE`); returns what the program prints."""
        line = self.link(*more)
        got = f"{line['mode']}:{line['code']}" if line["mode"] == "initial" else line["mode"]
        assert got == mode, f"{got}, not {mode}: {line['reason']}"
        self.check(*more)
        return self.run()

    def check_library(self) -> None:
        """A program of `use.c` does the same with the shared object as with that of a full link."""
        self.call(*self.command("libfull.so", "-Wl,--no-incremental"))
        printed = []
        for each in (self.output, "libfull.so"):
            self.call("gcc", "use.c", f"./{each}", "-o", "use")
            printed.append(self.run("use"))
        assert printed[0] == printed[1] != ""

    def check(self, *more: str) -> None:
        """The incremental output is as sound as any, and does what a full link's does."""
        faults = sanity.faults(Elf((self.directory / self.output).read_bytes()), self.directory / self.output)
        assert faults == []
        if not self.output.endswith(".so"):
            self.call(*self.command("full", "-Wl,--no-incremental", *more))
            assert self.run() == self.run("full")


def initial(project: Project, code: str = "A1") -> str:
    """The first link."""
    return project.step(f"initial:{code}")
