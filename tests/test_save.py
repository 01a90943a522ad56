"""Copies of links: WILD_SAVE_DIR, WILD_SAVE_BASE and --reproduce can be linked again, anywhere, with any linker."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from linking import linker_under_test
from programs import compile_c, tool

pytestmark = pytest.mark.only_wild

MAIN = '#include <stdio.h>\nint f(int); int main(void) { printf("%d\\n", f(41)); return 0; }'
LINKERS = ("ld", "ld.lld", "wild")


def linkers() -> list[str]:
    """Those that are installed; wild always is."""
    found = [shutil.which(name) or shutil.which(f"{name}-19") for name in LINKERS[:-1]]
    return [name for name in found if name] + [linker_under_test()]


def repeat(saved: Path, linker: str, scratch: Path) -> str:
    """Link a saved copy again, from another directory, and run the result."""
    out = scratch / f"again-{Path(linker).name}"
    command = [saved / "run-with", linker]
    subprocess.run(command, cwd="/", env={**os.environ, "OUT": str(out)}, check=True, timeout=60)
    return subprocess.run([out], capture_output=True, text=True, check=True, timeout=20).stdout


@pytest.fixture
def inputs(link) -> list[str]:
    """An object, a thin archive and a version of both in a directory that can be taken away."""
    source = link.directory / "source"
    source.mkdir()
    shutil.copy(compile_c(MAIN, name="main"), source / "main.o")
    shutil.copy(compile_c("int f(int x) { return x + 1; }", name="f"), source / "f.o")
    subprocess.run([tool("ar"), "rcT", "libf.a", "f.o"], cwd=source, check=True)
    return [str(source / "main.o"), f"-L{source}", "-lf"]


def test_a_saved_link_is_linked_again_by_every_linker_when_its_inputs_are_gone(link, inputs, tmp_path):
    saved = tmp_path / "saved"

    link(*inputs, WILD_SAVE_DIR=str(saved))
    shutil.rmtree(link.directory / "source")

    assert [repeat(saved, linker, tmp_path) for linker in linkers()] == ["42\n"] * len(linkers())


def test_a_saved_link_can_be_moved(link, inputs, tmp_path):
    link(*inputs, WILD_SAVE_DIR=str(tmp_path / "saved"))
    (tmp_path / "saved").rename(tmp_path / "with a space")

    assert repeat(tmp_path / "with a space", linker_under_test(), tmp_path) == "42\n"


def test_reproduce_makes_a_tar_archive_of_one_directory(link, inputs, tmp_path):
    link(*inputs, f"-Wl,--reproduce={tmp_path}/case.tar")
    subprocess.run(["tar", "xf", "case.tar"], cwd=tmp_path, check=True)

    assert repeat(tmp_path / "case", linker_under_test(), tmp_path) == "42\n"


def test_a_link_that_fails_is_saved_too(link, tmp_path):
    main = compile_c(MAIN, name="main")

    link.fails(main, WILD_SAVE_DIR=str(tmp_path / "saved"))
    again = subprocess.run(
        [tmp_path / "saved" / "run-with", linker_under_test()], capture_output=True, text=True, check=False
    )

    assert again.returncode == 1
    assert "undefined symbol: f" in again.stderr


def test_links_of_a_build_get_numbered_directories(link, inputs, tmp_path):
    for _ in range(3):
        link(*inputs, WILD_SAVE_BASE=str(tmp_path / "base"))

    assert sorted(path.name for path in (tmp_path / "base").iterdir()) == ["0", "1", "2"]


def test_saving_again_replaces_the_older_copy_but_nothing_else(link, inputs, tmp_path):
    saved = tmp_path / "saved"
    link(*inputs, WILD_SAVE_DIR=str(saved))
    (saved / "root" / "stale").touch()
    link(*inputs, WILD_SAVE_DIR=str(saved))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").touch()

    assert not (saved / "root" / "stale").exists()
    assert "holds other things than a saved link" in link.fails(
        *inputs, WILD_SAVE_DIR=str(tmp_path / "other")
    )
    assert (tmp_path / "other" / "file").exists()


def test_skip_linking_saves_only(link, inputs, tmp_path):
    done = link.attempt(
        *inputs, driver="gcc", output="program", linker=None,
        WILD_SAVE_DIR=str(tmp_path / "saved"), WILD_SAVE_SKIP_LINKING="1",
    )  # fmt: skip

    assert done.returncode == 0
    assert not (link.directory / "program").exists()
    assert repeat(tmp_path / "saved", linker_under_test(), tmp_path) == "42\n"


def test_relative_paths_response_files_and_scripts_are_followed(link, inputs, tmp_path):
    source = link.directory / "source"
    (source / "implicit.ld").write_text("INPUT(f.o)\n")
    (source / "exports.map").write_text("{ local: *; };\n")
    (link.directory / "words").write_text("source/../source/main.o source/implicit.ld")

    link(
        "@words",
        "-Wl,--version-script=source/exports.map",
        f"-L{source}",
        WILD_SAVE_DIR=str(tmp_path / "saved"),
    )
    shutil.rmtree(source)

    assert repeat(tmp_path / "saved", linker_under_test(), tmp_path) == "42\n"


def test_members_of_thin_archives_are_found_whatever_their_names(link, inputs, tmp_path):
    source, saved = link.directory / "source", tmp_path / "saved"
    (source / "deep" / "deeper").mkdir(parents=True)
    (source / "libf.a").unlink()
    archive = source / "deep" / "deeper" / "libabsolute.a"
    odd = shutil.copy(compile_c("int odd(void) { return 1; }", name="odd"), source / "odd.o")
    subprocess.run([tool("ar"), "rcTP", archive, odd, source / "f.o"], check=True)

    link(inputs[0], archive, WILD_SAVE_DIR=str(saved))
    shutil.rmtree(source)

    assert [repeat(saved, linker, tmp_path) for linker in linkers()] == ["42\n"] * len(linkers())


def test_scripts_that_scripts_include_are_copied(link, inputs, tmp_path):
    source = link.directory / "source"
    (source / "outer.ld").write_text("INCLUDE source/inner.ld\n")
    (source / "inner.ld").write_text("INCLUDE last.ld\n")
    (source / "last.ld").write_text("INPUT(-lf)\n")

    link(inputs[0], "source/outer.ld", f"-L{source}", WILD_SAVE_DIR=str(tmp_path / "saved"))
    shutil.rmtree(source)

    assert [repeat(tmp_path / "saved", linker, tmp_path) for linker in linkers()] == ["42\n"] * len(linkers())


def test_every_file_option_is_copied_or_known_to_be_something_else():
    """A new option that reads a file must be copied with the link, too."""
    from wild import ignored_options, option_table, rewrite, save

    elsewhere = {"output", "dynamic-linker", "reproduce", "plugin"}
    rows = [row for row in (*option_table.ROWS, *ignored_options.ROWS) if isinstance(row, tuple)]
    named = [row for row in rows if row[1].strip("[=]") == "FILE" and row[2] not in ("ignore", "refuse")]
    files = {row[0].split()[0] for row in named}

    assert files - save.READ - rewrite.WRITTEN - elsewhere == set()
