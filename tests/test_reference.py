"""WILD_REFERENCE_LINKER: a link is compared with another linker's, and fails if they differ in meaning."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from linking import linker_under_test
from programs import compile_c, compile_cxx, tool

from wild import reference
from wild.errors import LinkError

pytestmark = pytest.mark.only_wild

MAIN = '#include <stdio.h>\nint main(void) { puts("hello"); return 0; }'


@pytest.mark.parametrize("linker", ["ld", "lld"])
@pytest.mark.parametrize("driver", ["gcc", "g++"])
def test_a_good_link_passes(link, linker, driver):
    tool("ld.lld" if linker == "lld" else linker)
    source = compile_c(MAIN) if driver == "gcc" else compile_cxx(MAIN.replace("stdio.h", "cstdio"))

    program = link(source, driver=driver, WILD_REFERENCE_LINKER=linker)

    assert program.run() == "hello\n"
    assert any(path.name.startswith("program.") for path in link.directory.iterdir())


@pytest.mark.parametrize("linker", ["ld", "lld"])
def test_links_of_a_build_that_wild_runs_are_compared(tmp_path, monkeypatch, linker):
    """There wild stands in PATH under the names of all linkers, also of the one that is wanted for the comparison."""
    tool("ld.lld" if linker == "lld" else linker)
    library = compile_cxx("#include <string>\nstd::string text(int x) { return std::to_string(x); }", "-fPIC")
    main = compile_cxx(
        "#include <string>\nstd::string text(int);\nint main() { return text(123).size() - 3; }"
    )
    monkeypatch.chdir(tmp_path)
    Path("Makefile").write_text(
        f"program: libtext.so\n\tg++ {main} -L. -ltext -o $@\nlibtext.so:\n\tg++ -shared {library} -o $@\n"
    )

    environment = {**os.environ, "WILD_REFERENCE_LINKER": linker}
    done = subprocess.run(
        [linker_under_test(), "run", "make"], capture_output=True, text=True, env=environment, check=False
    )

    assert done.returncode == 0, done.stderr
    name = "ld" if linker == "ld" else reference.find_linker("lld").rpartition("/")[2].removeprefix("ld.")
    assert {"libtext.so", f"libtext.so.{name}", "program", f"program.{name}"} <= set(os.listdir())


def test_a_difference_fails_the_link_and_is_shown(link, tmp_path):
    """The reference is a linker that links something else."""
    other = compile_c(MAIN.replace("hello", "other").replace("return 0", "return 7"), name="main")
    script = tmp_path / "other-ld"
    script.write_text(
        f'#!/bin/sh\n[ "$1" = --version ] && exec {tool("ld")} --version\n'
        f'sed -i "s#{compile_c(MAIN, name="main")}#{other}#" "${{1#@}}"\nexec {tool("ld")} "$@"\n'
    )
    script.chmod(0o755)

    done = link.attempt(
        compile_c(MAIN, name="main"),
        driver="gcc",
        output="program",
        linker=None,
        WILD_REFERENCE_LINKER=str(script),
    )

    assert done.returncode == 1
    assert "differs from what other-ld makes" in done.stderr
    assert "asm.main" in done.stderr


def test_a_reference_that_is_not_there_or_fails_is_an_error(link):
    assert "no such linker" in link.fails(compile_c(MAIN), WILD_REFERENCE_LINKER="no-such-linker")


def test_wild_is_never_its_own_reference(monkeypatch, tmp_path):
    (tmp_path / "ld").symlink_to(link_path := tmp_path / "wild-ld")
    link_path.write_text('#!/bin/sh\necho "GNU ld compatible Wild 1.0"\n')
    link_path.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(LinkError, match="no such linker"):
        reference.find_linker("ld")
