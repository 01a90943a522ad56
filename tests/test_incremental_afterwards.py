"""The state of a large link is saved by a child when the link has ended: what others do in the meantime is harmless."""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path

import pytest
from editing import Project, initial
from test_incremental_crashes import OUTPUTS, inject_faults, link_faulty, make_versions

pytestmark = pytest.mark.only_wild

# Zeros take no time to compare; the output is as large as one whose link leaves its end to a child.
LARGE = ".data\n.globl large\nlarge: .zero 17 << 20\n.byte 1\n"


@pytest.fixture
def project(tmp_path) -> Project:
    """A large program with two versions of one object, not linked yet."""
    made = make_versions(tmp_path)
    made.write("large.s", LARGE)
    return made


def version(project: Project, number: int) -> Path:
    return project.directory / f"version{number}"


def settle(project: Project) -> None:
    """Wait until nobody holds the lock."""
    with (project.directory / "program.incr" / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)


def canonical(project: Project) -> None:
    assert project.link("-Wl,--incremental=canonical")["mode"] == "initial"


def test_the_next_link_waits_for_the_state(project):
    initial(project)
    for now in (1, 0, 1):
        shutil.copy(version(project, now), project.directory / "part.o")
        assert project.link()["mode"] == "update"
        assert project.run() == OUTPUTS[now]
        canonical(project)
        assert project.link()["mode"] == "unchanged"


def test_nothing_is_left_of_the_child(project):
    initial(project)
    settle(project)
    assert sorted(os.listdir(project.directory / "program.incr")) == ["control", "image-0", "lock", "tables"]
    assert project.run() == OUTPUTS[0]


def test_an_output_that_is_written_to_at_once(project):
    """The state is that of the link, not that of what others have made of the output since."""
    for _ in range(3):
        canonical(project)
        with (project.directory / "program").open("r+b") as output:
            output.seek(-1, os.SEEK_END)
            output.write(b"x")
        settle(project)
        project.step("initial:A4")


@pytest.mark.parametrize("how", ["written over", "replaced"])
def test_an_input_that_changes_at_once(project, how):
    for now in (1, 0) * 3:
        canonical(project)
        if how == "replaced":
            shutil.copy(version(project, now), project.directory / "new.o")
            (project.directory / "new.o").rename(project.directory / "part.o")
        else:
            shutil.copy(version(project, now), project.directory / "part.o")
        line = project.link()
        assert (line["mode"], line["code"]) in [("update", ""), ("initial", "A1")]
        assert project.run() == OUTPUTS[now]


@pytest.mark.parametrize("how", ["kill", "error"])
def test_old_or_new_at_every_call(project, how):
    """As test_incremental_crashes, with calls of the child among those that go wrong."""
    initial(project)
    inject_faults(project)
    now, reached, at, spared = 0, True, 0, 0
    while reached:
        at += 1
        before, now = now, 1 - now
        shutil.copy(version(project, now), project.directory / "part.o")
        status, _ = link_faulty(project, how, at, "-Wl,--incremental=canonical")
        settle(project)
        reached = (project.directory / "reached").exists()
        spared += status == 0 and reached
        printed = project.run()
        assert printed in (OUTPUTS[before], OUTPUTS[now]), f"{how} at call {at}"
        assert status or printed == OUTPUTS[now]
        assert project.link()["status"] == 0
        assert project.run() == OUTPUTS[now], f"after {how} at call {at}"
    assert spared > 2  # which the child was to make
