"""GNU make's jobserver: tokens are taken without waiting, used as threads, and given back."""

from __future__ import annotations

import os
import subprocess

import pytest
from linking import linker_under_test
from programs import assemble, exit_with, tool

from wild.jobserver import take_tokens

pytestmark = pytest.mark.only_wild

START = ".globl _start\n_start:" + exit_with("$42")


def content(descriptor: int) -> bytes:
    os.set_blocking(descriptor, False)
    try:
        return os.read(descriptor, 100)
    except BlockingIOError:
        return b""


@pytest.fixture(params=["fifo", "pipe"])
def jobserver(request, tmp_path):
    """(MAKEFLAGS, a descriptor for both ends) of a jobserver without tokens."""
    if request.param == "fifo":
        os.mkfifo(tmp_path / "fifo")
        both = os.open(tmp_path / "fifo", os.O_RDWR)
        yield f" -j4 --jobserver-auth=fifo:{tmp_path}/fifo", both, both
        os.close(both)
    else:
        source, back = os.pipe()
        yield f" -j4 --jobserver-auth={source},{back}", source, back
        os.close(source)
        os.close(back)


def test_tokens_are_taken_as_far_as_there_are_any_and_given_back(jobserver):
    flags, source, back = jobserver
    os.write(back, b"abc")

    tokens = take_tokens(2, {b"MAKEFLAGS": flags.encode()})
    assert tokens.held == b"ab"
    tokens.give_back()
    tokens.give_back()

    assert sorted(content(source)) == sorted(b"abc")


def test_a_jobserver_without_tokens_does_not_make_the_link_wait(jobserver):
    flags, _, _ = jobserver

    assert take_tokens(3, {b"MAKEFLAGS": flags.encode()}).held == b""


@pytest.mark.parametrize(
    "flags",
    [
        "",
        " -j4",
        " --jobserver-auth=fifo:/nowhere",
        " --jobserver-auth=98,99",
        " --jobserver-auth=x",
        "k -- A=1",
    ],
)
def test_without_a_jobserver_that_can_be_used_there_are_no_tokens(flags):
    assert take_tokens(3, {b"MAKEFLAGS": flags.encode()}) is None


def test_descriptors_that_are_no_pipe_are_left_alone(tmp_path):
    """make closes them unless the recipe says that it runs make; another file may have the numbers then."""
    file = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    os.write(file, b"mine")

    assert take_tokens(3, {b"MAKEFLAGS": f"--jobserver-auth={file},{file}".encode()}) is None
    os.close(file)


def test_a_link_gives_its_tokens_back_also_when_it_fails(jobserver, link):
    flags, source, back = jobserver
    os.write(back, b"xy")
    for text, status in ((START, 0), (".globl _start\n_start: call nowhere\n", 1)):
        done = subprocess.run(
            [linker_under_test(), assemble(text), "-o", link.directory / "out"],
            env={**os.environ, "MAKEFLAGS": flags}, pass_fds=(source, back), capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == status

    assert content(source) == b"xy"


def test_a_link_under_make_succeeds(tmp_path):
    (tmp_path / "Makefile").write_text(
        f"all: a b\na b:\n\t+{linker_under_test()} {assemble(START)} -o $@\n", encoding="utf-8"
    )
    subprocess.run([tool("make"), "-j3"], cwd=tmp_path, check=True, capture_output=True)

    assert subprocess.run([tmp_path / "a"], check=False).returncode == 42
