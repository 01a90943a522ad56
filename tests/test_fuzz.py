"""Every seed of the fuzz targets, and everything that once broke one, is accepted or refused, quickly."""

from __future__ import annotations

import gc
import sys
from pathlib import Path

import pytest
from programs import ROOT

sys.path.insert(0, str(ROOT / "fuzz"))
from targets import TARGETS, run_target

SEEDS = sorted(path for path in (ROOT / "fuzz" / "seeds").glob("*/*"))


def test_every_target_has_seeds():
    assert {path.parent.name for path in SEEDS} == set(TARGETS)


@pytest.mark.parametrize("path", SEEDS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_seed_is_accepted_or_refused(path: Path):
    run_target(path.parent.name, path.read_bytes())
    gc.collect()  # tables that are part of a cycle are freed now, and must not be in another order than they need


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize(
    "data", [b"", b"\0", b"\xff" * 64, b"\x7fELF" + bytes(60), b"!<arch>\n", b"(" * 5000, b"{" * 5000]
)
def test_nonsense_is_refused(name, data):
    run_target(name, data)
