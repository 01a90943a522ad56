"""The bundle of compiled modules: links use it, keep it fresh, and never depend on it."""

from __future__ import annotations

import marshal
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from programs import ROOT, compile_c

PYTHON = ROOT / ".venv" / "bin" / "python"
BUNDLE = f"wild/__pycache__/bundle.{sys.implementation.cache_tag}"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package of its own, whose bundle a test may spoil."""
    shutil.copytree(
        ROOT / "src" / "wild", tmp_path / "wild", ignore=shutil.ignore_patterns("__pycache__", "*.c")
    )
    return tmp_path


@pytest.fixture(scope="module")
def program() -> Path:
    return compile_c("void _start(void) {}", name="start")


def link(package: Path, program: Path | str, *python_options: str, arguments: Sequence[str] = ()) -> str:
    """Link with the package; what the interpreter printed on standard error."""
    command = [PYTHON, "-IS", *python_options, package / "wild" / "launch.py", "ld", *arguments]
    output = package / "program"
    done = subprocess.run([*command, program, "-o", output], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert output.stat().st_size > 0
    return done.stderr


def origins(package: Path, program: Path | str, *arguments: str) -> set[str]:
    """The modules that a link loads from .pyc files."""
    lines = link(package, program, "-v", arguments=arguments).splitlines()
    return {
        line.rpartition("/")[2].removesuffix("'").partition(".")[0]
        for line in lines
        if "code object from" in line
    }


def test_the_second_link_reads_only_the_bundle(package, program):
    assert {"link", "options", "inputs"} <= origins(package, program)
    assert (package / BUNDLE).is_file()

    assert origins(package, program) & {"link", "options", "inputs", "synthetic"} == set()


def test_where_no_bundle_can_be_written_a_link_imports_nothing_for_it(package, program):
    imported = link(package, program, "-B", "-X", "importtime")

    assert not (package / "wild" / "__pycache__").exists()
    assert "wild.link" in imported
    assert not re.search(r"\b(ast|wild\.bundle_writing)$", imported, re.M)


def test_links_that_import_different_modules_do_not_displace_each_others(package, program, tmp_path):
    arguments = tmp_path / "arguments"
    arguments.write_text(str(program), encoding="utf-8")
    link(package, program)

    assert "response" in origins(package, f"@{arguments}")  # a module that the first link had no use for
    written = (package / BUNDLE).stat().st_ino
    assert origins(package, program) & {"link", "options"} == set()
    assert "response" not in origins(package, f"@{arguments}")
    assert (package / BUNDLE).stat().st_ino == written


def test_a_link_makes_only_the_code_that_every_link_needs(package, program, tmp_path):
    arguments = tmp_path / "arguments"
    arguments.write_text(str(program), encoding="utf-8")
    link(package, f"@{arguments}")

    _, entries, _, order = marshal.loads((package / BUNDLE).read_bytes())
    marshalled = {name for name, (_, _, code, _) in entries.items() if isinstance(code, bytes)}
    behind = {name for name, (_, _, code, _) in entries.items() if isinstance(code, tuple)}
    assert "wild.script" in marshalled
    assert "wild.response" in behind
    assert not (marshalled | behind) & set(order)
    assert {"wild.link", "wild.inputs"} <= set(order)


def test_what_an_error_imports_is_read_from_the_bundle_by_the_next_one(package, tmp_path):
    program = compile_c("void lacking(void); void _start(void) { lacking(); }", name="lacks")
    command = [PYTHON, "-ISv", package / "wild" / "launch.py", "ld", program, "-o", tmp_path / "program"]

    first, second = (subprocess.run(command, capture_output=True, text=True, check=False) for _ in range(2))

    assert "undefined symbol: lacking" in first.stderr
    assert "import 'wild.reports' # <_frozen_importlib_external.SourceFileLoader" in first.stderr
    assert "undefined symbol: lacking" in second.stderr
    assert "import 'wild.reports' # <wild.bundle.Bundle" in second.stderr
    assert "kernels.spellings" not in str(marshal.loads((package / BUNDLE).read_bytes())[2])


def test_a_wrong_option_leaves_the_kernels_that_links_need(package, program, tmp_path):
    link(package, program)
    _, _, kernels, _ = marshal.loads((package / BUNDLE).read_bytes())
    (package / "wild" / "option_values.py").touch()
    command = [PYTHON, "-IS", package / "wild" / "launch.py", "ld", "--no-such-option", program]
    written = (package / BUNDLE).stat().st_ino

    subprocess.run(command, capture_output=True, check=False)

    assert (package / BUNDLE).stat().st_ino != written
    assert marshal.loads((package / BUNDLE).read_bytes())[2] == kernels


def test_code_behind_a_bundle_that_was_replaced_comes_from_the_source(package, program):
    """Another link may have written a bundle between the reading of this one and the import."""
    replaced = f"""
import sys
sys.path.insert(0, {str(package)!r})
from wild.bundle import BUNDLE, Bundle
bundle = Bundle()
places = {{name: code for name, (_, _, code, _) in bundle.entries.items() if isinstance(code, tuple)}}
assert "wild.response" in places
with open(BUNDLE, "ab") as file:
    file.write(b"more")
from wild.response import expand
assert bundle.missed == []
print("read")
"""
    arguments = package / "arguments"
    arguments.write_text(str(program), encoding="utf-8")
    link(package, f"@{arguments}")

    done = subprocess.run([PYTHON, "-IS", "-c", replaced], capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr) == ("read\n", "")


def test_an_attempt_to_update_leaves_no_kernels_to_ordinary_links(package, program):
    link(package, program)
    _, _, kernels, _ = marshal.loads((package / BUNDLE).read_bytes())
    (package / "wild" / "mode.py").touch()
    attempt = f"""
import sys
sys.path.insert(0, {str(package)!r})
import wild.kernels.judge
from wild.bundle import Bundle
bundle = Bundle()
bundle.load()
import wild.link
bundle.note_kernels()
bundle.complete()
"""
    subprocess.run([PYTHON, "-IS", "-c", attempt], check=True)

    assert "mode" not in origins(package, program)  # it was written anew
    _, _, now, _ = marshal.loads((package / BUNDLE).read_bytes())
    assert now == kernels


def test_a_changed_module_counts_at_once(package, program):
    link(package, program)
    with open(package / "wild" / "mode.py", "a", encoding="utf-8") as source:
        source.write("\nimport sys\nprint('changed', file=sys.stderr)\n")

    assert link(package, program) == "changed\n"
    assert link(package, program) == "changed\n"  # from the bundle, written anew
    assert "mode" not in origins(package, program)


def test_modules_of_an_inner_package_that_the_bundle_lacks_are_found(package, program, tmp_path):
    """To save a link by a script, the script is read before the bundle is written, and the others come after."""
    script = tmp_path / "layout.ld"
    script.write_text("SECTIONS { .text : { *(.text) } }", encoding="utf-8")
    arguments = tmp_path / "arguments"
    arguments.write_text(f"{program} -T {script} --reproduce={tmp_path}/saved.tar", encoding="utf-8")

    for _ in range(2):
        link(package, f"@{arguments}")


def test_a_moved_package_does_not_use_the_old_one(package, program, tmp_path):
    link(package, program)
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    shutil.move(package / "wild", moved / "wild")

    assert "link" in origins(moved, program)
    assert "link" not in origins(moved, program)


def update(package: Path, program: Path, text: str) -> set[str]:
    """Link incrementally after an edit of the program; the modules that are loaded from .pyc files."""
    program.write_bytes(compile_c(text, name="edited").read_bytes())
    return origins(package, program, "--incremental")


def test_updates_have_a_bundle_of_their_own(package, program, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    edited = tmp_path / "edited.o"
    assert "link" in update(package, edited, "int value = 1; void _start(void) {}")
    assert "update" in update(package, edited, "int value = 2; void _start(void) {}")
    (package / BUNDLE).unlink()

    imported = update(package, edited, "int value = 3; void _start(void) {}")

    assert imported & {"session", "update", "control", "commit", "link", "options"} == set()
    assert not (package / BUNDLE).exists()  # an update has no need of it


@pytest.mark.parametrize("content", [b"", b"garbage", b"\xdb"])
def test_a_damaged_bundle_is_replaced(content, package, program):
    link(package, program)
    (package / BUNDLE).write_bytes(content)

    link(package, program)

    assert "link" not in origins(package, program)


def test_a_bundle_that_cannot_be_written_does_no_harm(package, program):
    link(package, program)
    (package / BUNDLE).unlink()
    os.mkdir(package / BUNDLE)

    assert link(package, program) == ""


def test_kernels_come_in_without_the_import_system(package, program):
    """To find one costs sixty microseconds and there are seventy."""
    link(package, program)

    assert not re.findall(r"^import 'wild\.kernels\.\w+'", link(package, program, "-v"), re.M)


def test_a_bundle_is_for_the_reader_that_it_was_made_with(package, program):
    """What is in it, and how, may change with that module."""
    link(package, program)
    reader = package / "wild" / "bundle.py"
    reader.write_text(reader.read_text(encoding="utf-8") + "# another\n", encoding="utf-8")

    assert {"link", "options"} <= origins(package, program)
    assert origins(package, program) & {"link", "options"} == set()
