"""Building projects of others with every link going through wild, and running their own test suites.

A build counts only if its suite passes and the `.comment` of each executable and shared object that it left
says that wild linked it, so that no build system can go round the linker unnoticed.  Sources come through the
ordinary clients: Debian's source packages from the machine's own package sources, whose lists stay as they are,
crates through cargo, Go modules through go.  Logs stay beside each build in build/real-builds.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from fcntl import LOCK_EX, flock
from pathlib import Path

from projects import PROJECTS, Project

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT / "build" / "real-builds"
ELF_MAGIC = b"\x7fELF"
ET_EXEC, ET_DYN = 2, 3


class SourceMissingError(Exception):
    """The source package cannot be had on this machine, or a tool that its build needs."""


class BuildFailedError(Exception):
    """A step of a build failed, or a file was linked by something else."""


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
    kind, _, name = package.rpartition(":")
    target = folder / name.replace("/", "_")
    if target.exists():
        return target
    if kind:
        return {"crate": unpack_crate, "go": unpack_module}[kind](name, target)
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


def unpack_crate(name: str, target: Path) -> Path:
    """The newest version of a crate as it is published, found by fetching it for an empty package."""
    scratch = target.with_suffix(".new")
    shutil.rmtree(scratch, ignore_errors=True)
    (scratch / "src").mkdir(parents=True)
    (scratch / "src" / "main.rs").write_text("fn main() {}")
    (scratch / "Cargo.toml").write_text('[package]\nname = "fetching"\nversion = "1.0.0"\nedition = "2021"\n')
    log = target.with_suffix(".log")
    home = {**os.environ, "CARGO_HOME": os.environ.get("CARGO_HOME", str(Path.home() / ".cargo"))}
    # A crate without a library cannot be a dependency, but vendoring copies what is named, and warns.
    with (scratch / "Cargo.toml").open("a") as manifest:
        manifest.write(f'[dependencies]\n{name} = "*"\n')
    if run(["cargo", "vendor", "--versioned-dirs", "crates"], scratch, log, home):
        raise SourceMissingError(f"the crate {name} cannot be had; see {log}")
    next(path for path in (scratch / "crates").iterdir() if re.fullmatch(rf"{name}-\d.*", path.name)).rename(
        target
    )
    return target


def unpack_module(name: str, target: Path) -> Path:
    """The newest version of a Go module, copied from the module cache, where files cannot be written."""
    log = target.with_suffix(".log")
    with log.open("ab") as errors:
        shown = subprocess.run(
            ["go", "mod", "download", "-json", f"{name}@latest"], stdout=subprocess.PIPE, stderr=errors,
            text=True, check=False,
        )  # fmt: skip
    if shown.returncode:
        raise SourceMissingError(f"the Go module {name} cannot be had; see {log}")
    shutil.copytree(json.loads(shown.stdout)["Dir"], target)
    run(["chmod", "-R", "u+w", str(target)], target, log)
    return target


def require(project: Project) -> None:
    """Raise SourceMissingError unless all that the build needs is installed."""
    own = [word[1:] for word in project.needs.split() if word[0] == "!"]
    for tool in ("apt-get", "dpkg-source", "dpkg-query", "gcc", "make", *own):
        if shutil.which(tool) is None:
            raise SourceMissingError(f"{tool} is not installed")
    needs = [word for word in project.needs.split() if word[0] != "!"]
    if not needs:
        return
    query = ["dpkg-query", "-W", "-f=${db:Status-Abbrev}${Package}\n", *needs]
    shown = subprocess.run(query, capture_output=True, text=True, check=False).stdout
    present = {line[3:] for line in shown.splitlines() if line.startswith("ii")}
    if missing := [package for package in needs if package not in present]:
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
    settings = {"CC": f"gcc{select}", "CXX": f"g++{select}", "FC": f"gfortran{select}"}
    settings |= {"JOBS": str(jobs), "PATH": ":".join(path)}
    # `-B` of the linker alone, for other compilers, and what rustc and go have for it.
    settings["SELECT"] = select.strip()
    flags = (
        ["-Clinker-features=-lld", f"-Clink-arg={select.strip()}"] if select else ["-Clinker-features=-lld"]
    )
    settings["RUSTFLAGS"] = " ".join(flags)
    settings["CARGO_TARGET_DIR"] = "out"
    settings["CGO_CFLAGS"] = "-O1 -g"
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
        print(f"{name:14} about {project.minutes:4} min on two cores  {project.package:32}{project.shows}")


def main(description: str | None) -> int:
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
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
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a shell's background job ignores it; suites send it
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
