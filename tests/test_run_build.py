"""`wild run` and `wild doctor`: builds go through wild without being changed, and compilers are asked who links."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from linking import linker_under_test
from programs import tool

from wild import doctor, run_build

pytestmark = pytest.mark.only_wild

MAKEFILE = "program: main.c\n\t$(CC) main.c -o program\n"
TIME_LIMIT = 120  # seconds


def wild_run(tmp_path: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    (tmp_path / "main.c").write_text("int main(void) { return 0; }\n")
    (tmp_path / "Makefile").write_text(MAKEFILE)
    return subprocess.run(
        [linker_under_test(), "run", *command],
        cwd=tmp_path, env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), **environment},
        capture_output=True, text=True, timeout=TIME_LIMIT, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    "command",
    [
        ["gcc", "main.c", "-o", "program"],
        ["gcc", "-fuse-ld=gold", "main.c", "-o", "program"],
        ["clang", "main.c", "-o", "program"],
        ["clang", "-fuse-ld=lld", "main.c", "-o", "program"],
        ["--", "make", "CC=gcc"],
    ],
    ids=" ".join,
)
def test_links_of_a_command_go_through_wild(tmp_path, command):
    first = 1 if command[0] == "--" else 0
    command[first] = tool(command[first])

    done = wild_run(tmp_path, *command)

    assert done.returncode == 0, done.stderr
    assert b"Linker: Wild" in (tmp_path / "program").read_bytes()


def test_cargo_builds_go_through_wild(tmp_path):
    tool("cargo")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "main.rs").write_text('fn main() { println!("hi"); }\n')
    (tmp_path / "Cargo.toml").write_text('[package]\nname = "hi"\nversion = "1.0.0"\nedition = "2021"\n')

    done = wild_run(tmp_path, "cargo", "build", "--offline", HOME=os.path.expanduser("~"))

    assert done.returncode == 0, done.stderr
    assert b"Linker: Wild" in (tmp_path / "target/debug/hi").read_bytes()


def test_the_status_is_the_command_s(tmp_path):
    assert wild_run(tmp_path, "sh", "-c", "exit 7").returncode == 7
    assert wild_run(tmp_path, "sh", "-c", "kill -9 $$").returncode == 137


def test_a_command_that_is_not_there_is_an_error(tmp_path):
    done = wild_run(tmp_path, "no-such-command")

    assert done.returncode == 127
    assert "no-such-command: command not found" in done.stderr


def test_flags_of_rustc_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(run_build, "rust_version", lambda: (1, 95))

    environment = run_build.build_environment({"RUSTFLAGS": "-Cdebuginfo=1", "XDG_CACHE_HOME": str(tmp_path)})
    other = run_build.build_environment({"XDG_CACHE_HOME": str(tmp_path)})

    assert environment["RUSTFLAGS"] == "-Cdebuginfo=1 -Clinker-features=-lld"
    assert "RUSTFLAGS" not in other
    assert other[run_build.RUST_TARGET] == "-Clinker-features=-lld"


@pytest.mark.parametrize("version", [None, (1, 89)])
def test_an_older_rustc_gets_no_flag_that_it_does_not_know(tmp_path, monkeypatch, version):
    monkeypatch.setattr(run_build, "rust_version", lambda: version)

    assert run_build.RUST_TARGET not in run_build.build_environment({"XDG_CACHE_HOME": str(tmp_path)})


def test_doctor_finds_out_who_links(tmp_path, monkeypatch):
    gcc = tool("gcc")
    text = subprocess.run([linker_under_test(), "doctor"], capture_output=True, text=True, check=True).stdout

    assert "Wild " in text
    assert any(
        line.split()[1] != "wild" and "-B" in line for line in text.splitlines() if line.startswith("cc ")
    )
    assert doctor.linker_of(gcc, "gcc", str(tmp_path)) == "ld"
    monkeypatch.setenv("COMPILER_PATH", str(Path(run_build.gcc_directory())))
    assert doctor.linker_of(gcc, "gcc", str(tmp_path)) == "wild"
    assert doctor.linker_of("/nowhere/cc", "gcc", str(tmp_path)) == "does not link a program"
