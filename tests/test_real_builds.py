"""Whole builds of other people's projects: every link goes through the linker, and their own suites pass.

`tests/realworld/run` knows more projects than the quick ones that are built here.
"""

from __future__ import annotations

import sys

import linking
import pytest
from programs import ROOT

sys.path.insert(0, str(ROOT / "tests" / "realworld"))

import building


@pytest.mark.slow
@pytest.mark.parametrize("name", ["zlib", "wayland"])
def test_a_project_builds_and_passes_its_own_suite(name):
    linker = linking.linker_under_test()
    directory = str(linking.gcc_directory(linker)) if linking.kind_of(linker) == "wild" else None
    try:
        assert building.build(name, directory) > 0
    except building.SourceMissingError as reason:
        pytest.skip(str(reason))
    except building.BuildFailedError as failure:
        pytest.fail(str(failure), pytrace=False)
