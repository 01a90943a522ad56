"""Incremental links that are killed, or get an error, at each of the calls by which they change files.

At every instant the output is the complete old or the complete new program, and the next link makes the new one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from editing import Project, initial
from linking import linker_under_test
from programs import tool

pytestmark = pytest.mark.only_wild

SHIM = Path(__file__).with_name("faulty_calls.c")
MOST = 150  # calls of one link
MAIN = """
#include <stdio.h>
int value(int); int more(int);
int main(void) { printf("%d\\n", value(3) + more(2)); return 0; }
"""
VERSIONS = (
    "int value(int x) { return x * 3; }\nint more(int x) { return x; }\n",
    "int more(int x) { return x * x * x + 5; }\nint value(int x) { return more(x) * 40 + more(x + 1); }\n",
)
OUTPUTS = ("0\n11\n", "0\n1362\n")


@pytest.fixture
def project(tmp_path) -> Project:
    """A program with two versions of one object, linked with the first, and a linker with the shim."""
    made = make_versions(tmp_path)
    initial(made)
    inject_faults(made)
    return made


def make_versions(path: Path) -> Project:
    """A program that is not linked yet; its object part.o is `version0`."""
    made = Project(path / "project")
    made.environment.pop("WILD_VERIFY_INCREMENTAL")
    for number, text in enumerate(VERSIONS):
        made.write("part.c", text)
        shutil.copy(made.directory / "part.o", made.directory / f"version{number}")
    made.write("main.c", MAIN)
    shutil.copy(made.directory / "version0", made.directory / "part.o")
    return made


def inject_faults(project: Project) -> None:
    """Make a linker with the shim, in the directory `faulty`."""
    faulty = project.directory / "faulty"
    faulty.mkdir()
    project.call(tool("gcc"), "-O1", "-shared", "-fPIC", str(SHIM), "-o", "faulty/shim.so", "-ldl")
    (faulty / "ld").write_text(f'#!/bin/sh\nLD_PRELOAD={faulty}/shim.so exec {linker_under_test()} "$@"\n')
    (faulty / "ld").chmod(0o755)


def link_faulty(project: Project, how: str, at: int, option: str = "-Wl,--incremental") -> tuple[int, bool]:
    """(exit status, was the call reached?) of a link in which one call goes wrong."""
    mark = project.directory / "reached"
    mark.unlink(missing_ok=True)
    command = project.command("program", option)
    command = [command[0], f"-B{project.directory}/faulty", *command[2:]]
    environment = {
        **project.environment, "INJECT_HOW": how, "INJECT_AT": str(at), "INJECT_MARK": str(mark),
    }  # fmt: skip
    done = subprocess.run(
        command, cwd=project.directory, env=environment, capture_output=True, text=True, check=False
    )
    assert how == "kill" or "Traceback" not in done.stderr, done.stderr
    return done.returncode, mark.exists()


@pytest.mark.parametrize("how", ["kill", "error"])
@pytest.mark.parametrize("edited", [True, False], ids=["update", "unchanged"])
def test_old_or_new_at_every_call(project, how, edited):
    assert "-B" in project.command("program")[1]
    now, reached, at = 0, True, 0
    while reached:
        at += 1
        assert at < MOST
        before = now
        now = 1 - now if edited else now
        shutil.copy(project.directory / f"version{now}", project.directory / "part.o")
        status, reached = link_faulty(project, how, at)
        printed = project.run()
        assert printed in (OUTPUTS[before], OUTPUTS[now]), f"{how} at call {at}"
        assert status or printed == OUTPUTS[now]
        line = project.link()
        assert line["status"] == 0
        assert project.run() == OUTPUTS[now], f"after {how} at call {at}: {line}"
        if how == "error":
            beside = {name for name in os.listdir(project.directory) if name.startswith("program")}
            assert beside == {"program", "program.incr"}
    assert at > (8 if edited else 3)


FULL_DISK = """
mount -t tmpfs -o size=8m none small && cp main.o part.o version1 small && cd small && export TMPDIR=..
"$@" || exit
cp version1 part.o
dd if=/dev/zero of=fill bs=4096 2>fill.log
"$@" 2>../message
echo $? && ./program
rm fill
"$@" && ./program
"""


def test_full_disk(project):
    """Where there is no block for a page of the state, even to look at it fails."""
    enter = ["unshare", "--mount", "--user", "--map-root-user"]
    if subprocess.run([*enter, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("needs user namespaces, to mount a small file system")
    (project.directory / "small").mkdir()
    command = [*enter, "sh", "-c", FULL_DISK, "sh", *project.command("program", "-Wl,--incremental")]

    done = subprocess.run(
        command, cwd=project.directory, env=project.environment, capture_output=True, text=True, check=False
    )

    message = (project.directory / "message").read_text()
    assert "disk is full" in message or "No space left" in message, message
    assert done.stdout == "1\n11\n1362\n", (
        done.stderr
    )  # the status, what the old program prints, and the new one
