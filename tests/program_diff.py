"""The comparison of a program test's output with what the reference linkers made, by linker-diff."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from directives import Config
from program_build import Build
from program_references import Reference
from programs import ROOT

PYTHON = ROOT / ".venv" / "bin" / "python"
SHOWN = 20  # differences


def differences(build: Build, references: list[Reference]) -> list[str]:
    """What our output has that no reference has, and the command that says so again."""
    pytest.importorskip("linker_diff", reason="linker-diff is not installed")
    from linker_diff.compare import compare

    paths = [Path(one.output) for one in references if one.output]
    if not paths:
        return []
    labels = [*(one.linker for one in references if one.output), "wild"]
    ignored = accepted_keys(build.config)
    report = compare(paths, build.output, ignored, wild_defaults=True, labels=labels)
    if not report:
        return []
    words = [str(PYTHON), "-m", "linker_diff", "--wild-defaults", f"--labels={','.join(labels)}"]
    words += [f"--ignore={key}" for key in ignored]
    command = shlex.join([*words, *map(str, paths), str(build.output)])
    return [report.render(SHOWN), f"to repeat the diff:\n  cd {ROOT}/src && {command}"]


def accepted_keys(config: Config) -> list[str]:
    """The test's DiffIgnore, and for SecEquiv that one section has the part of the other."""
    names = [name.lstrip(".") for pair in config["SecEquiv"] for name in (pair.first, pair.second)]
    equivalent = [f"section.{name}.{end}" for name in names for end in ("missing", "extra", "flags", "type")]
    return [*config["DiffIgnore"], *equivalent]
