"""The command starts under every name, from every place, quickly and isolated, and fails as promised."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from programs import ROOT

from wild import VERSION, cli
from wild.errors import InternalError, LinkError

BIN = ROOT / ".venv" / "bin"
PYTHON = BIN / "python"
WILD = BIN / "wild"
VERSION_LINE = f"Wild {VERSION} (compatible with GNU linkers)\n"
LD_LINE = f"GNU ld compatible Wild {VERSION}, as of 2.40\n"
can_link = pytest.mark.skipif(not (ROOT / "src" / "wild" / "link.py").is_file(), reason="nothing links yet")


def output(*command: object, **more: object) -> str:
    return subprocess.run([*map(str, command)], capture_output=True, text=True, check=True, **more).stdout


# --- names and places --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["wild", "ld.wild"])
def test_starts_from_the_bin_directory(name):
    assert output(BIN / name, "--version") == VERSION_LINE


def test_gcc_directory_holds_the_linker_as_ld():
    directory = output(WILD, "--print-gcc-dir").rstrip("\n")

    assert output(f"{directory}/ld", "-v") == LD_LINE


def test_starts_through_a_symbolic_link(tmp_path):
    for name, line in (("ld", LD_LINE), ("elsewhere", VERSION_LINE)):
        (tmp_path / name).symlink_to(WILD)

        assert output(tmp_path / name, "-v") == line


def test_starts_as_a_module():
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}

    assert output(PYTHON, "-m", "wild", "--version", env=environment) == VERSION_LINE


def test_gcc_finds_it_by_an_option_and_by_the_environment(tmp_path):
    directory = output(WILD, "--print-gcc-dir").strip()
    environment = {**os.environ, "COMPILER_PATH": directory}

    by_option = output("gcc", f"-B{directory}", "-print-prog-name=ld").strip()
    by_environment = output("gcc", "-print-prog-name=ld", env=environment).strip()
    assert Path(by_option) == Path(directory, "ld")
    assert Path(by_environment) == Path(directory, "ld")


def test_is_isolated_from_the_directory_and_the_environment(tmp_path):
    """A compile may run anywhere: beside a package called wild, or a module that shadows the library's."""
    (tmp_path / "wild").mkdir()
    for name in ("wild/__init__.py", "posix.py", "io.py", "sitecustomize.py"):
        (tmp_path / name).write_text("raise SystemExit('the wrong module was imported')\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONSTARTUP": str(tmp_path / "posix.py")}

    assert output(WILD, "--version", cwd=tmp_path, env=environment) == VERSION_LINE


@pytest.mark.slow
def test_starts_from_an_installed_wheel(tmp_path):
    pip = [PYTHON, "-m", "pip", "--disable-pip-version-check", "-q"]
    with open(ROOT / "build" / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a wheel is built from the same directories as `make build`
        output(*pip, "wheel", "--no-build-isolation", "--no-deps", "-w", tmp_path, ROOT)
    wheel = next(tmp_path.glob("pywild-*.whl"))
    output(PYTHON, "-m", "venv", "--without-pip", tmp_path / "venv")
    output(*pip, "--python", tmp_path / "venv", "install", "--no-index", "--no-deps", wheel)
    commands = tmp_path / "venv" / "bin"
    (tmp_path / "ld").symlink_to(commands / "wild")

    directory = output(commands / "wild", "--print-gcc-dir").strip()
    started = [commands / "wild", commands / "ld.wild", tmp_path / "ld", f"{directory}/ld"]
    assert directory.startswith(str(tmp_path / "venv" / "lib"))
    assert [output(command, "-v") for command in started] == [VERSION_LINE] * 2 + [LD_LINE] * 2
    assert output("./wild", "-v", cwd=commands) == VERSION_LINE
    assert output("gcc/ld", "-v", cwd=Path(directory).parent) == LD_LINE
    assert output(commands / "python", "-m", "wild", "-v") == VERSION_LINE


def test_starts_from_an_editable_install(tmp_path):
    """The package is not beside the command then, and only `site` knows where it is."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    output(PYTHON, "-m", "venv", "--without-pip", tmp_path)
    (tmp_path / "lib" / version / "site-packages" / "editable.pth").write_text(f"{ROOT / 'src'}\n")
    launcher = (ROOT / "tools" / "launcher.sh").read_text(encoding="utf-8")
    command = tmp_path / "bin" / "wild"
    command.write_text(launcher.replace("@PYTHON@", version))
    command.chmod(0o755)

    assert output(command, "-v") == VERSION_LINE


# --- commands ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["/usr/bin/wild", "log", "-x"], ["-x"]),
        (["wild", "./log"], "linked"),
        (["wild", "-o", "log"], "linked"),
        (["/opt/gcc/ld", "log"], "linked"),
        (["ld.wild", "log"], "linked"),
    ],
)
def test_a_known_first_word_is_a_command_unless_invoked_as_ld(argv, expected, monkeypatch):
    ran: list[object] = []
    monkeypatch.setitem(sys.modules, "wild.log", type("log", (), {"run": staticmethod(ran.append)}))
    monkeypatch.setitem(cli.SUBCOMMANDS, "log", "wild.log")
    monkeypatch.setattr(cli.Command, "link", lambda _: ran.append("linked"))

    cli.Command(argv).run()

    assert ran == [expected]


@pytest.mark.parametrize("option", ["--version", "-v", "-V"])
def test_version_is_recognised_by_build_tools(option):
    """libtool looks for GNU, Meson for GNU or Wild, both in the first line."""
    first_line = output(WILD, option).splitlines()[0]

    assert first_line.startswith("Wild ")
    assert "GNU" in first_line


KERNEL_PROBE = """
    set -- $("$1" --version | head -1)
    test "$1" = GNU -a "$2" = ld || { echo unknown linker; exit; }
    shift $(($# - 1)); IFS=.-; set -- $1; echo $((10000 * $1 + 100 * $2 + ${3:-0}))
"""


def test_as_ld_the_linux_kernel_knows_it(tmp_path):
    """What scripts/ld-version.sh does with the first line: the words before the version, then its parts."""
    (tmp_path / "ld").symlink_to(WILD)

    assert output("sh", "-c", KERNEL_PROBE, "probe", tmp_path / "ld") == "24000\n"
    assert output("sh", "-c", KERNEL_PROBE, "probe", WILD) == "unknown linker\n"


def test_capital_v_lists_emulations():
    assert "Supported emulations:\n   elf_x86_64\n" in output(WILD, "-V")


def test_version_answers_whatever_else_is_asked():
    """As Meson asks: through the driver, with everything that this adds."""
    assert output(WILD, "-plugin", "x.so", "-o", "a.out", "crt1.o", "--version", "-lc") == VERSION_LINE


@can_link
def test_small_v_goes_on_to_link_what_there_is(tmp_path):
    done = subprocess.run([WILD, "-v", "absent.o"], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.stdout == VERSION_LINE
    assert "absent.o" in done.stderr
    assert done.returncode == 1


def test_help_is_what_configure_looks_for():
    """libtool takes shared libraries for supported if it finds these texts."""
    text = output(WILD, "--help")

    assert any(": supported targets:" in line and " elf" in line for line in text.splitlines())
    assert "--version-script" in text
    assert "--whole-archive" in text


# --- failing -----------------------------------------------------------------------------------------------


def fail_with(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> int:
    def run(_: cli.Command) -> int:
        raise error

    monkeypatch.setattr(cli.Command, "run", run)
    return cli.Command(["wild"]).run_reporting_errors()


def test_each_message_of_a_link_error_is_a_line(monkeypatch, capfd):
    status = fail_with(LinkError("a.o: bad", "b.o: worse"), monkeypatch)

    assert capfd.readouterr().err == "wild: error: a.o: bad\nwild: error: b.o: worse\n"
    assert status == 1


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (FileNotFoundError(2, "No such file or directory", "a.o"), "a.o: No such file or directory"),
        (PermissionError(13, "Permission denied", b"out"), "out: Permission denied"),
        (OSError(28, "No space left on device"), "No space left on device"),
        (MemoryError(), "not enough memory for this link"),
        (MemoryError("too many symbols"), "too many symbols"),
    ],
)
def test_errors_of_the_system_are_told_plainly(error, text, monkeypatch, capfd):
    status = fail_with(error, monkeypatch)

    assert capfd.readouterr().err == f"wild: error: {text}\n"
    assert status == 1


@pytest.mark.parametrize("error", [InternalError("part 3 overlaps part 4"), IndexError("part 3")])
def test_internal_errors_ask_for_a_report(error, monkeypatch, capfd):
    monkeypatch.delenv("WILD_DEBUG", raising=False)
    status = fail_with(error, monkeypatch)

    text = capfd.readouterr().err
    assert text.startswith("wild: internal error: test_start.py:")
    assert "part 3" in text
    assert "please report it" in text
    assert "Traceback" not in text
    assert status == 1


def test_debugging_shows_the_traceback(monkeypatch, capfd):
    monkeypatch.setitem(cli.environ, b"WILD_DEBUG", b"1")
    fail_with(InternalError("part 3 overlaps part 4"), monkeypatch)

    assert "Traceback" in capfd.readouterr().err


def test_interrupted_is_not_an_error_text(monkeypatch, capfd):
    assert fail_with(KeyboardInterrupt(), monkeypatch) == 130
    assert capfd.readouterr().err == ""


def test_file_names_in_messages_keep_their_bytes(monkeypatch, capfdbinary):
    fail_with(LinkError(os.fsdecode(b"caf\xe9.o: bad")), monkeypatch)

    assert capfdbinary.readouterr().err == b"wild: error: caf\xe9.o: bad\n"


@pytest.mark.parametrize(("color", "escapes"), [("always", True), ("never", False), ("auto", False)])
def test_messages_are_coloured_on_request(color, escapes, capfd):
    command = cli.Command(["wild"])
    command.color = color
    command.report("error", "text")

    assert capfd.readouterr().err.startswith("\033[") == escapes


def test_full_standard_output_is_an_error():
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([WILD, "-v"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)

    assert done.stderr == "wild: error: standard output: No space left on device\n"
    assert done.returncode == 1


def test_closed_standard_streams_do_no_harm():
    shell = f"{WILD} -v >&- 2>&-; echo $?"

    assert output("sh", "-c", shell) == "0\n"


def test_a_reader_that_has_gone_gets_no_message():
    for option in ("--version", "--help"):
        shell = f"exec 3>&1; {{ sleep 0.2; {WILD} {option} 2>&3; echo $? >&3; }} | true"
        assert output("sh", "-c", shell) == "1\n"


# --- time --------------------------------------------------------------------------------------------------


def best_time(*command: object) -> float:
    start = time.perf_counter()
    pid = os.posix_spawn(
        command[0], command, os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    )
    os.waitpid(pid, 0)
    return time.perf_counter() - start


def test_start_costs_little_more_than_the_interpreter():
    """The limit is 1.3 times the interpreter's own start plus 1 ms; other work disturbs some of the runs."""
    own, interpreter = [], []
    for _ in range(200):
        own.append(best_time(str(WILD), "--version"))
        interpreter.append(best_time(str(PYTHON), "-I", "-S", "-c", "pass"))
        if len(own) >= 10 and min(own) <= min(interpreter) * 1.3 + 0.001:
            break

    assert min(own) <= min(interpreter) * 1.3 + 0.001


def test_launchers_survive_a_checkout_with_a_space_in_its_path(tmp_path):
    place = tmp_path / "with space"
    shutil.copytree(
        ROOT / "src", place / "src", ignore=shutil.ignore_patterns("kernels", "gcc", "__pycache__")
    )
    (place / "bin").mkdir()
    (place / "bin" / "python").symlink_to(PYTHON)
    output(PYTHON, ROOT / "tools" / "launchers.py", place / "bin" / "python", place / "bin", place / "src")

    assert output(place / "bin" / "wild", "-v") == VERSION_LINE
    assert output(place / "src" / "wild" / "gcc" / "ld", "-v") == LD_LINE
