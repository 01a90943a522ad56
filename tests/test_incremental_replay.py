"""Edits of real projects: most links stay incremental, and none of the updates differs from a full link."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from programs import ROOT

sys.path.insert(0, str(ROOT / "tests" / "realworld"))
import edits
import replaying
from building import SourceMissingError

pytestmark = pytest.mark.only_wild

TEXT = """\
#include <stdio.h>

int first (int x) {
  int y = x + 41;
  puts("a text of it");
  return y;
}
"""


def test_edits_are_repeatable_and_of_all_kinds():
    made = []
    for _ in range(2):
        editor = edits.Editor({"a.cc": TEXT, "b.cc": TEXT, "c.h": "#ifndef C\n#define C\n#endif\n"}, 5)
        made.append([])
        for kind, changed in editor.edits():
            made[-1].append((kind, changed))
            editor.accept(changed)
            if len(made[-1]) == 150:
                break

    assert made[0] == made[1]
    assert {kind for kind, _ in made[0]} == {*editor.kinds, "an edit is taken back"}


@pytest.mark.slow
def test_most_links_stay_incremental(tmp_path: Path):
    try:
        replay = replaying.Replay("lua", tmp_path, verify=True)
    except SourceMissingError as reason:
        pytest.skip(str(reason))
    found = replay.follow(seed=1, edits=20)

    assert replaying.share(found) > 0.8, found
