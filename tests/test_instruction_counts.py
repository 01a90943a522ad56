"""A guard against links that slowly get slower: instructions of the processor, which no other work disturbs.

Two small corpora are generated, linked on one thread under valgrind's callgrind, and compared with recorded counts.
What a link executes differs a little between interpreters and C libraries, and with the length of paths, so the
tolerance is wide enough for that and for no more.  A count that is too high is a regression to be found and repaired
(`callgrind_annotate` on the file that a failure names), or the price of something: then bench/counts.json is changed,
in the same commit, by `python bench/counts.py`.  A count that is much lower is recorded likewise, so that it stays.
"""

from __future__ import annotations

import json
import shutil
import sys

import pytest
from programs import ROOT

sys.path.insert(0, str(ROOT / "bench"))
import counts

RECORDED = json.loads((ROOT / "bench" / "counts.json").read_text(encoding="utf-8"))
TOLERANCE = 0.1

pytestmark = [
    pytest.mark.skipif(not shutil.which("valgrind"), reason="valgrind is not installed"),
    pytest.mark.skipif(
        f"{sys.version_info[0]}.{sys.version_info[1]}" != RECORDED["python"],
        reason=f"the counts were recorded with Python {RECORDED['python']}",
    ),
]


@pytest.mark.parametrize("name", sorted(RECORDED["instructions"]))
def test_a_link_executes_no_more_instructions_than_recorded(name, tmp_path):
    recorded = RECORDED["instructions"][name]
    profile = ROOT / "build" / f"callgrind.{name}"

    counted = counts.count(name, tmp_path, profile)

    assert counted <= recorded * (1 + TOLERANCE), f"{counted:,}, recorded {recorded:,}; see {profile}"
    assert counted >= recorded * (1 - 2 * TOLERANCE), (
        f"only {counted:,}: record it, recorded was {recorded:,}"
    )
