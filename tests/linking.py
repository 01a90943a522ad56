"""Link with the linker under test, run what came out, and ask readelf and objdump about it.

The linker under test is `.venv/bin/wild`; the environment variable WILD_TEST_LINKER names another one (`ld`,
`ld.lld-19`, `mold`), which is how the tests themselves are checked. Every link that succeeds is examined by
`sanity.faults`, whatever the test is about; every link that fails must do so in the way errors are to be
reported: exit status 1, a text, no traceback, no output left.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
from functools import cache, cached_property
from pathlib import Path

import pytest
import sanity
from elf import Elf
from programs import CACHE, ROOT, tool

DEFAULT_LINKER = ROOT / ".venv" / "bin" / "wild"
LINK_TIMEOUT, RUN_TIMEOUT = 60, 20  # seconds
DRIVERS_OF_CLANG = ("clang", "clang++")
LANGUAGE_OF_LINKER = {**os.environ, "LC_ALL": "C"}


@cache
def linker_under_test() -> str:
    name = os.environ.get("WILD_TEST_LINKER", str(DEFAULT_LINKER))
    path = shutil.which(name)
    assert path, f"{name}: no such linker; run `make build`, or set WILD_TEST_LINKER"
    return os.path.abspath(path)


@cache
def kind_of(linker: str) -> str:
    """Family of a linker: wild, lld, mold, gold or ld."""
    text = subprocess.run([linker, "--version"], capture_output=True, text=True, check=True).stdout.lower()
    families = {"wild": "wild", "lld": "lld", "mold": "mold", "gnu gold": "gold", "gnu ld": "ld"}
    return next(family for words, family in families.items() if words in text.splitlines()[0])


@cache
def gcc_directory(linker: str) -> Path:
    """A directory that holds the linker under the name `ld`, to be given to `gcc -B`."""
    digest = hashlib.sha256(linker.encode()).hexdigest()[:12]
    directory = CACHE / f"linker-{digest}"
    directory.mkdir(parents=True, exist_ok=True)
    try:
        (directory / "ld").symlink_to(linker)
    except FileExistsError:
        assert (directory / "ld").readlink() == Path(linker)
    return directory


def driver_command(driver: str, linker: str) -> list[str]:
    """The beginning of a link command: a compiler driver told to use the linker, or the linker itself
    (`raw`).
    """
    if driver == "raw":
        return [linker]
    if driver in DRIVERS_OF_CLANG:
        return [tool(driver), f"--ld-path={linker}"]
    return [tool(driver), f"-B{gcc_directory(linker)}"]


class Output(Elf):
    """A file the linker made: its bytes as an `Elf`, its messages, and ways to run and to look at it."""

    def __init__(self, path: Path, messages: str = "") -> None:
        super().__init__(path.read_bytes())
        self.path = path
        self.messages = messages

    def __fspath__(self) -> str:
        return str(self.path)

    def run(self, *args: str, status: int = 0, **environment: str) -> str:
        """Run it, require the exit status (negative: killed by that signal), return what it printed."""
        done = self.execute(*args, **environment)
        shown = f"{self.path} ended with {done.returncode}\n{done.stdout}{done.stderr}"
        assert done.returncode == status, shown
        return done.stdout

    def execute(self, *args: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run it in its own directory, which is in the library path too."""
        return subprocess.run(
            [self.path, *args],
            cwd=self.path.parent,
            env={**os.environ, "LD_LIBRARY_PATH": str(self.path.parent), **environment},
            capture_output=True,
            text=True,
            timeout=RUN_TIMEOUT,
            check=False,
        )

    def readelf(self, *flags: str) -> str:
        """What readelf prints, in wide lines."""
        return query("readelf", "-W", *flags, str(self.path))

    def disassembly(self, function: str) -> str:
        """One function, without addresses and bytes: a line per instruction, with objdump's comments."""
        text = query("objdump", "-d", "--no-show-raw-insn", f"--disassemble={function}", str(self.path))
        lines = (line.partition(":\t")[2] for line in text.splitlines() if ":\t" in line)
        return "\n".join(" ".join(line.split()) for line in lines)

    @cached_property
    def versioned(self) -> set[str]:
        """Dynamic symbols as readelf writes them: `defined@@V2`, `defined@V1`, `needed@GLIBC_2.2.5`,
        `plain`.
        """
        rows = (line.split() for line in self.readelf("--dyn-syms").splitlines())
        return {row[7] for row in rows if len(row) >= 8 and row[0].endswith(":") and row[0] != "Num:"}


def query(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, env=LANGUAGE_OF_LINKER).stdout


def gdb(program: Output, *commands: str) -> str:
    """What gdb prints when it is given commands; skips the test where processes must not be traced."""
    words = [word for command in commands for word in ("-ex", command)]
    done = subprocess.run(
        [tool("gdb"), "-nx", "-batch", *words, program.path],
        capture_output=True,
        text=True,
        timeout=LINK_TIMEOUT,
        check=False,
    )
    if "Operation not permitted" in done.stderr:
        pytest.skip("gdb must not trace processes here")
    return done.stdout + done.stderr


class Link:
    """Links into one directory; the `link` fixture of a test."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.commands: list[str] = []

    def __call__(
        self,
        *args: object,
        driver: str = "gcc",
        output: str = "program",
        linker: str | None = None,
        **env: str,
    ) -> Output:
        """Link; the test fails where the link does, or where the output is not sound."""
        done = self.attempt(*args, driver=driver, output=output, linker=linker, **env)
        assert done.returncode == 0, f"the link failed with {done.returncode}:\n{done.stderr}{self.repeat()}"
        made = Output(self.directory / output, done.stdout + done.stderr)
        found = sanity.faults(made, made.path)
        assert not found, "\n".join([*found, self.repeat()])
        return made

    def shared(self, *args: object, output: str = "libshared.so", **options: str) -> Output:
        """A shared object whose soname is its file name."""
        soname = () if any("soname" in str(arg) for arg in args) else (f"-Wl,-soname={output}",)
        if options.get("driver") == "raw":
            soname = tuple(word.removeprefix("-Wl,") for word in soname)
        return self("-shared", *soname, *args, output=output, **options)

    def raw(self, *args: object, output: str = "program", **options: str) -> Output:
        """A link without a compiler driver: no start files, no libraries, no defaults but the
        linker's own.
        """
        return self(*args, driver="raw", output=output, **options)

    def fails(self, *args: object, driver: str = "gcc", output: str = "program", **env: str) -> str:
        """The messages of a link that has to fail, and to fail well."""
        before = self.contents(output)
        done = self.attempt(*args, driver=driver, output=output, linker=None, **env)
        assert done.returncode == 1, f"the link ended with {done.returncode}:\n{done.stderr}{self.repeat()}"
        assert "Traceback" not in done.stderr, done.stderr
        assert done.stderr.strip(), f"a failing link says nothing{self.repeat()}"
        assert self.contents(output) in (None, before), f"a failed link left a new output{self.repeat()}"
        return done.stderr

    def contents(self, output: str) -> bytes | None:
        path = self.directory / output
        return path.read_bytes() if path.is_file() else None

    def attempt(
        self, *args: object, driver: str, output: str, linker: str | None, **env: str
    ) -> subprocess.CompletedProcess[str]:
        """Run the link, whatever comes of it."""
        words = [os.fspath(arg) if hasattr(arg, "__fspath__") else str(arg) for arg in args]
        linker = shutil.which(linker) if linker else linker_under_test()
        command = [*driver_command(driver, str(linker)), *words, "-o", str(self.directory / output)]
        self.commands.append(f"cd {self.directory} && {shlex.join(command)}")
        return subprocess.run(
            command,
            cwd=self.directory,
            env={**LANGUAGE_OF_LINKER, **env},
            capture_output=True,
            text=True,
            errors="replace",
            timeout=LINK_TIMEOUT,
            check=False,
        )

    def repeat(self) -> str:
        return f"\nto repeat the link:\n  {self.commands[-1]}"
