"""`make build` finds an interpreter, says which packages are missing, and waits for another build.

The interpreters and package managers here are stand-ins of a few lines: only the decisions are tested.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from programs import ROOT

ENVIRONMENT = ROOT / "tools" / "environment.sh"
COMMANDS = ("sh", "id", "mkdir", "readlink", "rm", "env")
# Answers the question for what is missing, and makes an environment whose python accepts everything.
INTERPRETER = """#!/bin/sh
case "$*" in
    *-m\\ venv*)
        mkdir -p .venv/bin
        printf '#!/bin/sh\\n' >.venv/bin/python
        chmod +x .venv/bin/python
        echo {name} ;;
    *) {answer} ;;
esac
"""


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A directory to be PATH: without compilers, interpreters and package managers."""
    commands = tmp_path / "commands"
    commands.mkdir()
    for name in COMMANDS:
        (commands / name).symlink_to(shutil.which(name))
    add(commands, "chmod", f'exec {shutil.which("chmod")} "$@"')
    return commands


def add(machine: Path, name: str, script: str) -> None:
    """Install a command; a script that begins with `#!` is taken as it is."""
    (machine / name).write_text(script if script.startswith("#!") else f"#!/bin/sh\n{script}\n")
    (machine / name).chmod(0o755)


def add_interpreter(machine: Path, name: str, missing: str = "", answer: str = "") -> None:
    answer = answer or f"echo {machine / name} {missing}".rstrip()
    add(machine, name, INTERPRETER.format(name=name, answer=answer))


def prepare(machine: Path, python: str) -> subprocess.CompletedProcess[str]:
    """Run the script that `make build` runs first."""
    work = machine.parent / "checkout"
    work.mkdir(exist_ok=True)
    environment = {"PATH": str(machine), "PYTHON": python}
    return subprocess.run(
        ["/bin/sh", ENVIRONMENT], cwd=work, env=environment, capture_output=True, text=True, check=False
    )


def test_makes_the_environment_with_the_first_complete_interpreter(machine):
    for compiler in ("gcc", "g++"):
        add(machine, compiler, "")
    add_interpreter(machine, "old", answer="exit 1")
    add_interpreter(machine, "headless", missing="python3.11-dev")
    add_interpreter(machine, "complete")

    done = prepare(machine, "absent old headless complete")

    assert done.returncode == 0, done.stderr
    assert done.stdout == "complete\n"


def test_says_that_no_interpreter_is_new_enough(machine):
    add_interpreter(machine, "old", answer="exit 1")

    done = prepare(machine, "old")

    assert done.returncode == 1
    assert "no Python 3.11 or newer found" in done.stderr


def test_names_the_packages_where_none_can_be_installed(machine):
    add_interpreter(machine, "headless", missing="python3.11-dev python3.11-venv")

    done = prepare(machine, "headless")

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("python3.11-dev python3.11-venv build-essential")


def test_installs_what_is_missing_after_reading_the_package_lists(machine):
    """A fresh container has no lists, so that the first attempt fails."""
    add_interpreter(machine, "headless", missing="python3.11-dev")
    add(machine, "sudo", 'shift; exec "$@"')
    add(machine, "apt-get", '[ "$1" = update ] && : >lists || [ -e lists ] && echo "$*" >>installed')

    done = prepare(machine, "headless")

    assert done.returncode == 0, done.stderr
    installed = (machine.parent / "checkout" / "installed").read_text()
    assert installed.splitlines()[-1] == "install -y python3.11-dev build-essential"


def test_installs_nothing_where_nothing_is_missing(machine):
    for compiler in ("gcc", "g++"):
        add(machine, compiler, "")
    add_interpreter(machine, "complete")
    add(machine, "apt-get", "exit 7")

    assert prepare(machine, "complete").returncode == 0


def test_make_tells_which_interpreter_the_environment_names(tmp_path):
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "tools").mkdir()
    (tmp_path / "build").mkdir()
    (tmp_path / "tools" / "environment.sh").write_text('echo "made with $PYTHON"')

    done = subprocess.run(
        ["make", "build/environment"],
        cwd=tmp_path,
        env={**os.environ, "PYTHON": "/opt/python3.14"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert "made with /opt/python3.14" in done.stdout


def test_a_build_waits_for_another(tmp_path):
    for name in ("Makefile", "pyproject.toml", "setup.py", "src", "tools"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "build" / "release").mkdir(parents=True)
    for stamp in ("environment", "release/stamp"):  # so that there is nothing to be built
        (tmp_path / "build" / stamp).touch()

    with open(tmp_path / "build" / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        waiting = subprocess.Popen(["make", "-C", tmp_path, "build"], stdout=subprocess.DEVNULL)
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(0.5)

    assert waiting.wait(60) == 0


def test_an_unknown_variant_is_named():
    environment = {**os.environ, "WILD_BUILD": "fast"}
    python = ROOT / ".venv" / "bin" / "python"

    done = subprocess.run(
        [python, "setup.py", "build"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert "WILD_BUILD=fast: unknown variant; known are release, " in done.stderr
