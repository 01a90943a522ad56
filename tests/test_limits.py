"""Links in trouble: little memory, few descriptors, no room for the output, inputs that change, a signal."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from elf import Elf
from linking import Link, linker_under_test
from programs import assemble, compile_c, exit_with

START = ".globl _start\n_start:" + exit_with("$42")
MIB = 1 << 20
OLDER = b"older output"


@pytest.fixture
def room(link) -> Iterator[Link]:
    """Links into memory, where files of a hundred megabytes cost no disk traffic."""
    if not os.access("/dev/shm", os.W_OK):
        yield link
        return
    with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
        link.directory = Path(directory)
        yield link


def start_linker(room, *arguments: object, limit: str = "") -> subprocess.Popen[str]:
    """Start a link to `program`; `limit` is an option of the shell's ulimit."""
    command = " ".join(shlex.quote(str(word)) for word in (linker_under_test(), *arguments, "-o", "program"))
    line = f"ulimit {limit} && exec {command}" if limit else f"exec {command}"
    room.commands.append(f"cd {room.directory} && {line}")
    return subprocess.Popen(
        ["/bin/sh", "-c", line], cwd=room.directory, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finished(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit status (negative: the signal) and messages."""
    messages = process.communicate(timeout=120)[1]
    return process.returncode, messages


def large_input(room, mebibytes: int) -> Path:
    """An object whose .data is a hole in the file, so that it costs nothing to make."""
    data = bytearray(assemble(".data\n.long 1\n", name="large").read_bytes())
    file = Elf(bytes(data))
    row = file.shoff + 64 * file.sections[".data"].index
    start = -(-len(data) // 4096) * 4096
    data[row + 24 : row + 40] = start.to_bytes(8, "little") + (mebibytes * MIB).to_bytes(8, "little")
    path = room.directory / "large.o"
    path.write_bytes(data)
    os.truncate(path, start + mebibytes * MIB)
    return path


def output(room) -> bytes | None:
    path = room.directory / "program"
    return path.read_bytes() if path.exists() else None


def test_more_inputs_than_descriptors(room):
    """Descriptors are closed when their files are mapped: the number of inputs is not limited by ulimit -n."""
    number = 300
    files = [assemble(f".globl f{n}\nf{n}: ret\n", name="f") for n in range(number)]

    status, messages = finished(start_linker(room, assemble(START), *files, limit="-n 64"))

    assert (status, messages) == (0, "")


def test_output_larger_than_the_file_size_limit(room):
    (room.directory / "program").write_bytes(OLDER)
    large = large_input(room, 8)

    status, messages = finished(start_linker(room, assemble(START), large, limit="-f 2048"))

    assert status == 1, messages
    assert "program" in messages
    assert "Traceback" not in messages
    assert output(room) in (None, OLDER)


@pytest.mark.only_wild
@pytest.mark.parametrize("mebibytes", [40, 60, 80, 120])
def test_little_memory_is_an_error_with_a_text(room, mebibytes):
    (room.directory / "program").write_bytes(OLDER)
    large = large_input(room, 100)

    status, messages = finished(start_linker(room, assemble(START), large, limit=f"-v {mebibytes * 1024}"))

    assert status == 1, messages
    assert messages.strip()
    assert output(room) in (None, OLDER)


@pytest.mark.slow
@pytest.mark.only_wild
@pytest.mark.parametrize("change", ["shrink", "grow", "overwrite"])
def test_input_that_changes_while_it_is_read(room, change):
    """Never a crash (SIGBUS), never an output that mixes the old and the new contents without an error."""
    for delay in (0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.08):
        large = large_input(room, 100)
        process = start_linker(room, assemble(START), large, "--build-id=sha1")
        time.sleep(delay)
        with open(large, "r+b") as file:
            if change == "overwrite":
                file.seek(50 * MIB)
                file.write(b"changed")
            else:
                file.truncate(MIB if change == "shrink" else 150 * MIB)
        status, messages = finished(process)
        assert status in (0, 1), messages
        assert status == 0 or "large.o" in messages
        assert status == 0 or output(room) is None
        (room.directory / "program").unlink(missing_ok=True)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_killed_link_leaves_no_broken_output(room, number):
    """While it is being written the output does not stand under its name; a link that has ended may be killed too."""
    large = large_input(room, 100)
    finished(start_linker(room, assemble(START), large))
    complete = output(room)
    for delay in (0.01, 0.02, 0.03, 0.04, 0.06, 0.08):
        (room.directory / "program").write_bytes(OLDER)
        process = start_linker(room, assemble(START), large)
        time.sleep(delay)
        process.send_signal(number)
        status, _ = finished(process)
        if status:
            assert output(room) in (OLDER, complete), f"after {delay} s"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_interrupted_link_removes_its_temporary_file(room, number):
    large = large_input(room, 100)
    before = {*os.listdir(room.directory), "program"}
    for delay in (0.02, 0.04, 0.06):
        process = start_linker(room, assemble(START), large)
        time.sleep(delay)
        process.send_signal(number)
        finished(process)

        assert set(os.listdir(room.directory)) <= before


def test_deep_recursion_in_inputs_is_no_problem(room):
    """Ten thousand functions that call each other in a row: the walk over them is no recursion."""
    source = "".join(f'.section .text.f{n},"ax"\n.globl f{n}\nf{n}: jmp f{n + 1}\n' for n in range(10000))
    main = compile_c("void f0(void); void f10000(void) {} int main(void) { f0(); return 42; }")

    room(main, assemble(source, name="chain"), "-Wl,--gc-sections").run(status=42)
