"""Whole builds of other people's projects: every link goes through the linker, and their own suites pass.

`tools/real_builds.py` knows more projects than the quick ones that are built here.
"""

from __future__ import annotations

import importlib.util
import sys

import linking
import pytest
from programs import ROOT


def load_tool():
    spec = importlib.util.spec_from_file_location("real_builds", ROOT / "tools" / "real_builds.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.parametrize("name", ["zlib", "wayland"])
def test_a_project_builds_and_passes_its_own_suite(name):
    tool = load_tool()
    linker = linking.linker_under_test()
    directory = str(linking.gcc_directory(linker)) if linking.kind_of(linker) == "wild" else None
    try:
        assert tool.build(name, directory) > 0
    except tool.SourceMissingError as reason:
        pytest.skip(str(reason))
    except tool.BuildFailedError as failure:
        pytest.fail(str(failure), pytrace=False)
