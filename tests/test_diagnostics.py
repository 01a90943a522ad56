"""docs/diagnostics.md is true: every mistake is made again, and the linkers say what stands there."""

from __future__ import annotations

from pathlib import Path

import mistakes
import pytest
from linking import linker_under_test

pytestmark = pytest.mark.only_wild

PAGE = (Path(__file__).parent.parent / "docs" / "diagnostics.md").read_text()
WRITTEN = mistakes.written_in(PAGE)


def test_the_page_is_about_all_mistakes():
    assert list(WRITTEN) == [mistake.title for mistake in mistakes.MISTAKES]


@pytest.mark.parametrize("mistake", mistakes.MISTAKES, ids=lambda mistake: mistake.title)
def test_what_the_linker_says(mistake, tmp_path):
    text = mistakes.said(mistake, str(linker_under_test()), tmp_path)
    if text is None:
        pytest.skip("a compiler that makes the mistake is not installed")

    assert text == WRITTEN[mistake.title][0]


@pytest.mark.parametrize("mistake", mistakes.MISTAKES, ids=lambda mistake: mistake.title)
def test_what_the_other_linker_says(mistake, tmp_path):
    text = mistakes.said(mistake, mistakes.OTHER, tmp_path)
    if text is None:
        pytest.skip(f"{mistakes.OTHER}, or a compiler that makes the mistake, is not installed")

    assert text == WRITTEN[mistake.title][1]
