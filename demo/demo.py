"""Links a C and a C++ program with wild through the compiler driver, runs them, and compares times with ld's.

Run it by `make demo`. The programs are built in build/demo.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import time
from pathlib import Path

DEMO = Path(__file__).resolve().parent
ROOT = DEMO.parent
BUILD = ROOT / "build" / "demo"
WILD = ROOT / ".venv" / "bin" / "wild"
REPEATS = 7
# driver, source, object file, output, options of the link
PROGRAMS: tuple[tuple[str, str, str, str, list[str]], ...] = (
    ("gcc", "hello.c", "c.o", "hello-c", []),
    ("g++", "hello.cpp", "cpp.o", "hello-cpp", []),
    ("g++", "hello.cpp", "cpp.o", "hello-cpp-static", ["-static"]),
)


def show(*command: str) -> str:
    """Run a command in the build directory, showing it and what it prints."""
    print(f"$ {shlex.join(command)}", flush=True)
    done = subprocess.run(command, cwd=BUILD, stdout=subprocess.PIPE, text=True, check=False)
    print(done.stdout, end="", flush=True)
    if done.returncode != 0:
        raise SystemExit(f"the command above ended with status {done.returncode}")
    return done.stdout


def linker_arguments(driver: str, *arguments: str) -> list[str]:
    """The arguments that the driver would give to the linker."""
    command = [driver, "-###", *arguments]
    dry_run = subprocess.run(command, cwd=BUILD, capture_output=True, text=True, check=True)
    lines = [shlex.split(line) for line in dry_run.stderr.splitlines() if line.startswith(" ")]
    return next(words[1:] for words in lines if words[0].endswith("/collect2"))


def best_time(linker: str, arguments: list[str], output: Path) -> float:
    """Milliseconds of the fastest of some links, each into a new file."""
    times = []
    for _ in range(REPEATS):
        output.unlink(missing_ok=True)
        start = time.perf_counter()
        subprocess.run([linker, *arguments], cwd=BUILD, check=True)
        times.append(time.perf_counter() - start)
    return min(times) * 1000


def link_and_run() -> None:
    """What a user does: compile, link through the driver, run."""
    directory = os.path.relpath(show(str(WILD), "--print-gcc-dir").strip(), BUILD)
    for driver, source, compiled, output, options in PROGRAMS:
        print()
        if not (BUILD / compiled).exists():
            show(driver, "-O2", "-c", os.path.relpath(DEMO / source, BUILD), "-o", compiled)
        show(driver, f"-B{directory}", *options, compiled, "-o", output)
        show(f"./{output}")
    print()
    if "Wild" not in show("readelf", "-p", ".comment", "hello-cpp"):
        raise SystemExit("that program was linked by another linker")


def compare_times() -> None:
    """A table; both linkers get the same arguments."""
    system = shutil.which("ld")
    linkers = [str(WILD), system] if system else [str(WILD)]
    print(f"link time, best of {REPEATS} " + "".join(f"{Path(linker).name:>12}" for linker in linkers))
    for driver, _, compiled, output, options in PROGRAMS:
        timed = f"{output}.timed"
        arguments = linker_arguments(driver, *options, compiled, "-o", timed)
        times = [best_time(linker, arguments, BUILD / timed) for linker in linkers]
        print(f"{output:20}" + "".join(f"{milliseconds:9.1f} ms" for milliseconds in times))


def main() -> None:
    """Show the programs, then the times."""
    shutil.rmtree(BUILD, ignore_errors=True)
    BUILD.mkdir(parents=True)
    link_and_run()
    compare_times()


if __name__ == "__main__":
    main()
