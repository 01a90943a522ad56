"""The output file: its permissions, what happens to an older one, devices and pipes, a running program."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import threading
import time

import pytest
from linking import linker_under_test
from programs import assemble, compile_c, exit_with, pic_c

IN_PLACE = "-Wl,--update-in-place"
either_way = pytest.mark.parametrize("how", [(), pytest.param((IN_PLACE,), marks=pytest.mark.only_wild)])
START = ".globl _start\n_start:" + exit_with("$42")


def mode(path) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


@pytest.fixture
def umask():
    """Sets the umask for the test's process and puts the old one back."""
    old = os.umask(0)
    os.umask(old)
    yield os.umask
    os.umask(old)


@pytest.mark.parametrize(
    ("mask", "expected"), [(0o022, 0o755), (0o077, 0o700), (0o002, 0o775), (0o000, 0o777)]
)
def test_permissions_of_a_program_follow_the_umask(link, umask, mask, expected):
    umask(mask)

    assert mode(link.raw(assemble(START))) == expected


def test_shared_object_is_executable_too(link, umask):
    umask(0o022)

    assert mode(link.shared(pic_c("int f;"))) == 0o755


def test_older_output_is_replaced(link):
    link.raw(assemble(START.replace("42", "1"))).run(status=1)

    link.raw(assemble(START)).run(status=42)


def test_larger_older_output_leaves_nothing_behind(link):
    link.raw(assemble(START + '.data\n .ascii "old contents"\n .fill 100000, 1, 0xee\n', name="large"))

    program = link.raw(assemble(START))

    program.run(status=42)
    assert b"\xee\xee\xee\xee" not in program.data
    assert b"old contents" not in program.data


@pytest.mark.only_wild
def test_gaps_hold_zeros_when_an_older_output_is_rewritten(link):
    (link.directory / "program").write_bytes(b"\xee" * 100000)
    (link.directory / "program").chmod(0o755)

    source = compile_c("int x = 1; int main(void) { return 42; }")
    program = link(source, IN_PLACE)
    fresh = link(source, output="fresh")

    assert program.data == fresh.data


def test_older_output_of_other_permissions_gets_those_of_a_program(link, umask):
    umask(0o022)
    (link.directory / "program").write_bytes(b"not executable")
    (link.directory / "program").chmod(0o644)

    link.raw(assemble(START)).run(status=42)


@either_way
def test_running_program_can_be_relinked(link, how):
    """Linux refuses to write to a running program (ETXTBSY); the link goes through a new file."""
    sleeper = compile_c("#include <unistd.h>\nint main(void) { sleep(30); return 0; }")
    program = link(sleeper)
    running = subprocess.Popen([program.path])
    try:
        time.sleep(0.2)
        link(compile_c("int main(void) { return 42; }"), *how).run(status=42)
        assert running.poll() is None
    finally:
        running.kill()
        running.wait()


@either_way
def test_loaded_library_is_not_changed_under_its_users(link, how):
    """A process that has the old library mapped keeps the old contents: the file is not rewritten in
    place.
    """
    library = link.shared(pic_c("int f(void) { return 1; }"), output="libf.so")
    source = "#include <stdio.h>\nint f(void); int main(void) { getchar(); return f(); }"
    program = link(compile_c(source), library)
    running = subprocess.Popen(
        [program.path], stdin=subprocess.PIPE, env={**os.environ, "LD_LIBRARY_PATH": str(link.directory)}
    )
    time.sleep(0.2)

    link.shared(pic_c("int other(void) { return 7; } int f(void) { return 2; }"), *how, output="libf.so")

    running.communicate(b"\n", timeout=10)
    assert running.returncode == 1


@either_way
def test_hard_link_to_the_older_output_keeps_its_contents(link, how):
    """The second name of the old file (a package manager's copy) is not written through."""
    link(compile_c("int main(void) { return 1; }"))
    os.link(link.directory / "program", link.directory / "copy")
    before = (link.directory / "copy").read_bytes()

    link(compile_c("int main(void) { return 42; }"), *how).run(status=42)

    assert (link.directory / "copy").read_bytes() == before


def test_symbolic_link_is_followed_or_replaced_but_runs(link):
    (link.directory / "program").symlink_to(link.directory / "elsewhere")

    link.raw(assemble(START)).run(status=42)


@pytest.mark.only_wild
@pytest.mark.parametrize("name", ["/dev/fd/1", "/proc/self/fd/1", "stdout", "twice"])
def test_a_name_of_standard_output_is_written_to_and_not_replaced(link, name):
    """/dev/stdout is such a link; replaced, it would be lost to every program of the machine."""
    (link.directory / "stdout").symlink_to("/proc/self/fd/1")
    (link.directory / "twice").symlink_to("stdout")
    path = link.directory / name
    redirected = link.directory / "redirected"

    with redirected.open("wb") as file:
        command = [linker_under_test(), assemble(START), "-o", path]
        subprocess.run(command, stdout=file, check=True)

    assert path.is_symlink()
    assert redirected.read_bytes() == link.raw(assemble(START)).data


@pytest.mark.parametrize("before", [None, b"older output"])
def test_failed_link_leaves_the_older_output(link, before):
    if before:
        (link.directory / "program").write_bytes(before)

    link.fails(assemble(".globl _start\n_start: call missing"), driver="raw")

    path = link.directory / "program"
    assert (path.read_bytes() if path.exists() else None) in (before, None)


@pytest.mark.only_wild
def test_failed_link_keeps_an_older_program(link):
    """An undefined symbol is found before writing begins, so the older program is untouched."""
    program = link.raw(assemble(START))

    link.fails(assemble(".globl _start\n_start: call missing"), driver="raw")

    program.run(status=42)


@pytest.mark.only_wild
@pytest.mark.parametrize(
    "fault",
    [
        ".globl _start\n_start: movl $far, %eax\n .globl far\n far = 1 << 40",
        ".globl _start\n_start: nop\n .section .debug_str\n .long far\n .globl far\n far = 1 << 40",
    ],
)
def test_an_error_found_while_writing_keeps_an_older_program(link, fault):
    program = link.raw(assemble(START))

    assert "far" in link.fails(assemble(fault), driver="raw")

    program.run(status=42)
    assert os.listdir(link.directory) == ["program"]


def test_failed_link_leaves_no_other_files(link):
    before = set(os.listdir(link.directory))

    link.fails(assemble(".globl _start\n_start: call missing"), driver="raw")

    assert set(os.listdir(link.directory)) == before


def test_link_leaves_no_other_files(link):
    link.raw(assemble(START))
    link.raw(assemble(START))

    assert os.listdir(link.directory) == ["program"]


def test_null_device(link):
    """configure scripts link to /dev/null; it must still be a device afterwards."""
    subprocess.run([linker_under_test(), assemble(START), "-o", "/dev/null"], check=True, cwd=link.directory)

    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@pytest.mark.unlike("lld", reason="replaces the pipe")
@pytest.mark.unlike("ld", reason="seeks in it")
def test_fifo_gets_the_bytes(link):
    os.mkfifo(link.directory / "pipe")
    received = []
    reader = threading.Thread(
        target=lambda: received.append((link.directory / "pipe").read_bytes()), daemon=True
    )
    reader.start()

    subprocess.run(
        [linker_under_test(), assemble(START), "-o", "pipe"], check=True, cwd=link.directory, timeout=20
    )

    reader.join(10)
    assert received[0] == link.raw(assemble(START)).data


def test_directory_as_output_is_an_error(link):
    (link.directory / "program").mkdir()

    assert "program" in link.fails(assemble(START), driver="raw")


def test_output_in_a_missing_directory_is_an_error(link):
    assert "no/such" in link.fails(assemble(START), driver="raw", output="no/such/program")


def test_default_name(link):
    subprocess.run([linker_under_test(), assemble(START)], check=True, cwd=link.directory)

    assert subprocess.run([link.directory / "a.out"], check=False).returncode == 42


@pytest.mark.parametrize("form", [("-o", "out"), ("-oout",), ("--output=out",), ("--output", "out")])
def test_spellings_of_the_option(link, form):
    subprocess.run([linker_under_test(), assemble(START), *form], check=True, cwd=link.directory)

    assert subprocess.run([link.directory / "out"], check=False).returncode == 42


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_directory_without_permission_is_an_error(link):
    (link.directory / "locked").mkdir(mode=0o555)

    assert "locked" in link.fails(assemble(START), driver="raw", output="locked/program")


def test_full_disk_is_an_error(link):
    """/dev/full answers ENOSPC to every write."""
    done = subprocess.run(
        [linker_under_test(), assemble(START), "-o", "/dev/full"],
        capture_output=True,
        text=True,
        check=False,
        cwd=link.directory,
    )

    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_output_over_an_input_is_not_read_after_writing(link):
    """-o names one of the inputs: refused, or the input is read completely first."""
    path = link.directory / "main.o"
    path.write_bytes(assemble(START).read_bytes())

    done = subprocess.run(
        [linker_under_test(), "main.o", "-o", "main.o"],
        capture_output=True,
        text=True,
        check=False,
        cwd=link.directory,
    )

    if done.returncode == 0:
        path.chmod(0o755)
        assert subprocess.run([path], check=False).returncode == 42
    else:
        assert path.read_bytes() == assemble(START).read_bytes()


# Sections so large that what a block of files contributes is written by system calls instead of through the map.
LARGE = START + "\n" + "call _start; .quad _start; .skip 3001, 0x90; .p2align 6\n" * 100


def test_large_runs_are_the_same_in_a_file_and_in_memory(link):
    """A pipe gets an image that was put together in memory."""
    program = link.raw(assemble(LARGE))
    command = [linker_under_test(), assemble(LARGE), "-o", "/proc/self/fd/1"]
    piped = subprocess.run(command, check=True, capture_output=True, cwd=link.directory).stdout

    assert piped == program.path.read_bytes()


@pytest.mark.parametrize("how", ["", pytest.param("--update-in-place", marks=pytest.mark.only_wild)])
def test_a_disk_that_fills_up_is_an_error(link, how):
    script = (
        'mount -t tmpfs -o size=64k none . && cd "$PWD" && echo older > program && "$0" $1 $2 -o program;'
        "status=$?; ls; cat program; exit $status"
    )
    enter = ["unshare", "--mount", "--user", "--map-root-user"]
    if subprocess.run([*enter, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("needs user namespaces, to mount a small file system")
    done = subprocess.run(
        [*enter, "sh", "-c", script, linker_under_test(), assemble(LARGE), how],
        capture_output=True,
        text=True,
        check=False,
        cwd=link.directory,
    )

    assert done.returncode == 1
    assert "cannot write the output" in done.stderr or "No space left" in done.stderr
    assert done.stdout == "program\nolder\n"
    assert "Traceback" not in done.stderr


# A program whose output is large without large inputs.
HUGE = START + "\n.data\n.fill 17 << 20, 1, 1\n"


@pytest.mark.only_wild
@pytest.mark.parametrize(("option", "children"), [("--fork", 1), ("--no-fork", 0)])
def test_what_a_large_link_leaves_to_a_child_is_gone_soon(link, option, children):
    """The child keeps no pipe open, or `capture_output` would wait for it, and ends with its parent."""
    command = [linker_under_test(), assemble(HUGE), option, "--threads=1", "-o", "program"]
    trace = ["strace", "-f", "-e", "trace=clone", "-e", "signal=none", "-o", "trace"]
    if shutil.which("strace") is None:
        pytest.skip("needs strace")
    for _ in range(2):  # a new output, and one that replaces an older one
        linked = subprocess.run(
            [*trace, *command], capture_output=True, check=False, cwd=link.directory, timeout=20
        )

        assert linked.returncode == 0
        calls = (link.directory / "trace").read_text()
        assert calls.count("CLONE_VM") == children
        assert subprocess.run([link.directory / "program"], check=False).returncode == 42


@pytest.mark.only_wild
def test_the_child_ends_after_its_parent(link):
    for _ in range(3):
        command = [linker_under_test(), assemble(HUGE), "-o", "program"]
        subprocess.run(command, check=True, capture_output=True, cwd=link.directory, timeout=20)
    deadline = time.monotonic() + 10
    while processes_in(link.directory) and time.monotonic() < deadline:
        time.sleep(0.01)

    assert not processes_in(link.directory)


def processes_in(directory) -> list[str]:
    """Those whose working directory it is."""
    return [
        name for name in os.listdir("/proc") if name.isdigit() and working_directory(name) == str(directory)
    ]


def working_directory(process: str) -> str:
    try:
        return os.readlink(f"/proc/{process}/cwd")
    except OSError:
        return ""


@pytest.mark.parametrize("name", ["input.o", "./input.o", "other.o"])
@pytest.mark.parametrize("how", [(), ("-r",)])
def test_an_output_that_is_an_input(link, name, how):
    """It stays what it is, under whatever name."""
    path = link.directory / "input.o"
    shutil.copy(assemble(START), path)
    before = path.read_bytes()
    (link.directory / "other.o").symlink_to("input.o")
    command = [linker_under_test(), *how, "input.o", "-o", name]

    done = subprocess.run(command, cwd=link.directory, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert name in done.stderr
    assert path.read_bytes() == before
    assert (link.directory / "other.o").is_symlink()
