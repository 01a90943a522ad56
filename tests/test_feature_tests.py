"""docs/feature-tests.md names tests that exist, and every kind of program test proves some feature."""

from __future__ import annotations

import re

import pytest
from directives import parse_test
from programs import ROOT

ROWS = re.findall(r"^\| ([^|]+) \| (`[^|]+`) \|$", (ROOT / "docs" / "feature-tests.md").read_text(), re.M)
# Folders about what is beyond the page: languages, options of reports, and the like.
OTHERS = frozenset("common crel implicit_scripts layout linkonce rust scripts warnings".split())


def names(row: str) -> list[str]:
    return re.findall(r"`([^`]+)`", row)


@pytest.mark.parametrize(("feature", "tests"), ROWS, ids=[row[0] for row in ROWS])
def test_the_tests_of_a_feature_exist(feature, tests):
    programs = {name.partition("/")[0] for name in names(tests) if "/" in name}
    known = {
        config.id for program in programs for config in parse_test(ROOT / "tests" / "programs" / program)
    }
    for name in names(tests):
        if "/" not in name:
            file, _, function = name.partition("::")
            text = (ROOT / "tests" / f"test_{file}.py").read_text()
            known.update([name] if f"def test_{function}(" in text else [])

    assert set(names(tests)) <= known


def test_every_program_test_proves_something():
    used = {name.partition("/")[0] for _, row in ROWS for name in names(row) if "/" in name}
    folders = {path.name for path in (ROOT / "tests" / "programs").iterdir() if path.is_dir()}

    assert folders - OTHERS <= used
