"""Build Debian source packages with every link going through wild, and run their own test suites.

    .venv/bin/python tools/real_builds.py                      the projects
    .venv/bin/python tools/real_builds.py zlib libpng cpython
    .venv/bin/python tools/real_builds.py --linker ld cpython  the same with the system's linker, to compare

A build counts only if its suite passes and the `.comment` of each executable and shared object that it left
says that wild linked it, so that no build system can go round the linker unnoticed.  The sources come from the
machine's own package sources, whose lists stay as they are.  Logs stay beside each build in build/real-builds.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build" / "real-builds"
ELF_MAGIC = b"\x7fELF"
ET_EXEC, ET_DYN = 2, 3


class SourceMissingError(Exception):
    """The source package cannot be had on this machine, or a tool that its build needs."""


class BuildFailedError(Exception):
    """A step of a build failed, or a file was linked by something else."""


class Project(NamedTuple):
    """How one source package is built and tested.

    `steps` are lines for a shell that runs in a copy of the sources.  CC and CXX hold the compiler with the -B
    that selects the linker, JOBS the number of parallel processes, AS_USER what makes root an ordinary user.
    """

    package: str
    minutes: float  # on two cores
    needs: str  # Debian packages
    steps: tuple[str, ...]


CPYTHON_TESTS = (
    "test_ctypes test_ssl test_sqlite3 test_threading test_capi test_import test_importlib test_struct test_math"
    " test_decimal test_mmap test_zlib test_hashlib test_pickle test_exceptions test_traceback test_generators"
    " test_subprocess test_faulthandler test_embed test_pyexpat test_xml_etree_c test_datetime test_gc test_sys"
    " test_signal test_weakref test_stable_abi_ctypes test_multiprocessing_fork"
)

PROJECTS = {
    "zlib": Project("zlib", 0.3, "make", ("./configure", "make -j$JOBS", "make check")),
    "wayland": Project(
        "wayland",
        0.5,
        "meson ninja-build pkg-config libffi-dev libexpat1-dev libxml2-dev",
        (
            "meson setup out -Ddocumentation=false -Ddtd_validation=false",
            "ninja -C out -j$JOBS",
            "meson test -C out --num-processes $JOBS --timeout-multiplier 4",
        ),
    ),
    "libpng": Project(
        "libpng1.6", 3, "make zlib1g-dev", ("./configure -q", "make -j$JOBS", "make -j$JOBS check")
    ),
    "fmt": Project(
        "fmtlib",
        6,
        "cmake ninja-build g++",
        (
            "cmake -G Ninja -B out -DBUILD_SHARED_LIBS=ON -DCMAKE_BUILD_TYPE=RelWithDebInfo",
            "ninja -C out -j$JOBS",
            "ctest --test-dir out -j$JOBS --output-on-failure",
        ),
    ),
    "sqlite": Project(
        "sqlite3",
        12,
        "make tcl-dev",
        (
            "mkdir out && cd out && ../configure -q CFLAGS='-O1 -g' && make -j$JOBS sqlite3 testfixture fuzzcheck",
            "cd out && ./fuzzcheck ../test/fuzzdata[1-4].db",
            # Some tests expect that permissions bind them, which do not bind root.
            "cd out && chmod -R a+rwX .. && $AS_USER ./testfixture ../test/veryquick.test",
        ),
    ),
    "cpython": Project(
        "python3.11",
        15,
        "make libexpat1-dev libffi-dev libsqlite3-dev libssl-dev zlib1g-dev",
        (
            "./configure -q --enable-shared --with-system-expat CFLAGS='-O1 -g' LDFLAGS=-Wl,-rpath,$PWD",
            "make -s -j$JOBS",
            f"./python -m test -j$JOBS --timeout 600 {CPYTHON_TESTS}",
        ),
    ),
}


# --- sources -----------------------------------------------------------------------------------------------


def apt_options(folder: Path) -> list[str]:
    """Options by which apt knows the source packages of the machine's Debian or Ubuntu, in lists of its own."""
    lists, cache, sources = folder / "lists", folder / "cache", folder / "sources.sources"
    options = [f"Dir::Etc::sourcelist={sources}", "Dir::Etc::sourceparts=/dev/null"]
    options += [f"Dir::State::Lists={lists}", f"Dir::Cache={cache}", f"APT::Sandbox::User={os.getuid()}"]
    words = [word for option in options for word in ("-o", option)]
    if not sources.exists():
        (lists / "partial").mkdir(parents=True, exist_ok=True)
        (cache / "archives" / "partial").mkdir(parents=True, exist_ok=True)
        draft = sources.with_suffix(".draft")
        draft.write_text("\n\n".join(source_stanzas()) + "\n")
        draft.rename(sources)
        if run(["apt-get", *words, "-qq", "update"], folder, folder / "update.log"):
            sources.unlink()
            raise SourceMissingError(f"apt-get update failed; see {folder / 'update.log'}")
    return words


def source_stanzas() -> Iterator[str]:
    """The distribution's own entries among the machine's package sources, as entries for source packages."""
    etc = Path("/etc/apt")
    for path in sorted((etc / "sources.list.d").glob("*.sources")):
        text = re.sub(r"(?m)^#.*\n?", "", path.read_text())
        for stanza in re.split(r"\n\s*\n", text):
            if re.search(r"(?i)^Signed-By:.*(debian|ubuntu)-archive", stanza, re.MULTILINE):
                yield re.sub(r"(?m)^Types:.*$", "Types: deb-src", stanza).strip()
    for path in (etc / "sources.list", *sorted((etc / "sources.list.d").glob("*.list"))):
        for line in path.read_text().splitlines() if path.exists() else ():
            if entry := re.match(r"deb\s+(?:\[[^]]*\]\s+)?(\S*(debian|ubuntu)\S*)\s+(\S+)\s+(.+)", line):
                yield (
                    f"Types: deb-src\nURIs: {entry[1]}\nSuites: {entry[3]}\nComponents: {entry[4]}\n"
                    f"Signed-By: /usr/share/keyrings/{entry[2]}-archive-keyring.gpg"
                )


def fetch(package: str, folder: Path) -> Path:
    """Directory with the unpacked sources.  A mirror may lack the newest version that its lists name, so that
    the older ones are tried, too."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:  # tests run side by side
        flock(lock, LOCK_EX)
        return unpack(package, folder)


def unpack(package: str, folder: Path) -> Path:
    target = folder / package
    if target.exists():
        return target
    options = apt_options(folder / "apt")
    shown = subprocess.run(
        ["apt-cache", *options, "showsrc", package], capture_output=True, text=True, check=False
    )
    versions = re.findall(r"(?m)^Package: (\S+)\n(?:.*\n)*?Version: (\S+)", shown.stdout)
    log = folder / f"{package}.log"
    for version in reversed([v for name, v in versions if name == package]):
        scratch = folder / f"{package}.new"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        if run(["apt-get", *options, "-qq", "source", f"{package}={version}"], scratch, log) == 0:
            next(path for path in scratch.iterdir() if path.is_dir()).rename(target)
            return target
    raise SourceMissingError(f"the source package {package} cannot be had; see {log}")


def require(project: Project) -> None:
    """Raise SourceMissingError unless all that the build needs is installed."""
    for tool in ("apt-get", "dpkg-source", "dpkg-query", "gcc", "make"):
        if shutil.which(tool) is None:
            raise SourceMissingError(f"{tool} is not installed")
    query = ["dpkg-query", "-W", "-f=${db:Status-Abbrev}${Package}\n", *project.needs.split()]
    shown = subprocess.run(query, capture_output=True, text=True, check=False).stdout
    present = {line[3:] for line in shown.splitlines() if line.startswith("ii")}
    if missing := [package for package in project.needs.split() if package not in present]:
        raise SourceMissingError(f"not installed: apt-get install {' '.join(missing)}")


# --- builds ------------------------------------------------------------------------------------------------


def run(command: list[str], directory: Path, log: Path, environment: dict[str, str] | None = None) -> int:
    """Exit status of a command whose output is appended to `log`."""
    with log.open("ab") as output:
        output.write(f"$ {' '.join(command)}\n".encode())
        output.flush()
        return subprocess.run(
            command, cwd=directory, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            check=False,
        ).returncode  # fmt: skip


def build_environment(linker_directory: str | None, jobs: int) -> dict[str, str]:
    """Settings for the steps; a virtual environment of this project shall not serve the build's Python."""
    path = [word for word in os.environ["PATH"].split(":") if not Path(word, "activate").exists()]
    select = f" -B{linker_directory}" if linker_directory else ""
    settings = {"CC": f"gcc{select}", "CXX": f"g++{select}", "JOBS": str(jobs), "PATH": ":".join(path)}
    as_user = "setpriv --reuid=65534 --clear-groups" if os.getuid() == 0 else ""
    return {**os.environ, **settings, "AS_USER": as_user, "LC_ALL": "C.UTF-8"}


def linked_files(directory: Path) -> Iterator[Path]:
    """Executables and shared objects, without following links."""
    for parent, _, names in os.walk(directory):
        for name in names:
            path = Path(parent, name)
            if path.is_symlink() or not path.is_file():
                continue
            with path.open("rb") as file:
                head = file.read(18)
            if head[:4] == ELF_MAGIC and int.from_bytes(head[16:18], "little") in (ET_EXEC, ET_DYN):
                yield path


def linked_by_wild(path: Path) -> bool:
    shown = subprocess.run(["readelf", "-p", ".comment", path], capture_output=True, text=True, check=False)
    return "Linker: Wild" in shown.stdout


def build(name: str, linker_directory: str | None, folder: Path = FOLDER, jobs: int = 2) -> int:
    """Build and test one project; returns how many files were linked.

    Raises SourceMissingError if it cannot be tried here, BuildFailedError with the end of the log otherwise.
    """
    project = PROJECTS[name]
    require(project)
    source = fetch(project.package, folder / "sources")
    target = folder / f"{name}-{'wild' if linker_directory else 'ld'}"
    log = target.with_suffix(".log")
    shutil.rmtree(target, ignore_errors=True)
    log.unlink(missing_ok=True)
    present = set(linked_files(source))
    shutil.copytree(source, target, symlinks=True)
    environment = build_environment(linker_directory, jobs)
    for step in project.steps:
        if run(["sh", "-c", step], target, log, environment):
            end = "\n".join(log.read_text(errors="replace").splitlines()[-40:])
            raise BuildFailedError(f"{step}\n{end}\nthe whole log is {log}")
    linked = [path for path in linked_files(target) if source / path.relative_to(target) not in present]
    strangers = [str(path) for path in linked if not linked_by_wild(path)] if linker_directory else []
    if strangers or not linked:
        raise BuildFailedError(f"{name}: not linked by wild: {' '.join(strangers) or 'nothing was linked'}")
    return len(linked)


def print_projects() -> None:
    for name, project in PROJECTS.items():
        print(f"{name:10} about {project.minutes:4} min on two cores  {project.package}")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="PROJECT", help="without one, show the projects")
    parser.add_argument("--linker", choices=("wild", "ld"), default="wild")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.names if name not in PROJECTS]:
        parser.error(f"unknown: {' '.join(unknown)}; known: {' '.join(PROJECTS)}")
    if not arguments.names:
        print_projects()
    directory = None
    if arguments.linker == "wild":
        directory = str(ROOT / "src" / "wild" / "gcc")
    failed = 0
    for name in arguments.names:
        start = time.monotonic()
        try:
            files = build(name, directory, jobs=arguments.jobs)
            outcome = f"its suite passes, {files} files linked"
        except (SourceMissingError, BuildFailedError) as error:
            outcome, failed = f"FAILED: {error}", 1
        print(f"{name} with {arguments.linker}: {outcome} ({time.monotonic() - start:.0f} s)", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
