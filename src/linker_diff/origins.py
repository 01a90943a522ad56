"""ORIG and TRACE lines: what the layout file and the trace of our link tell about the bytes that differ.

wild writes `OUTPUT.layout` and `OUTPUT.trace` when the environment asks for it, and `wild explain` reads them.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from linker_diff.report import Difference
from wild.errors import LinkError

if TYPE_CHECKING:
    from wild.layout_view import LayoutView

SHOWN = ("from ", "ORIG", "TRACE")


def add_origins(ours: Path, label: str, differences: list[Difference]) -> list[Difference]:
    """The differences with their ORIG and TRACE lines, if there is a layout file beside our file."""
    layout = Path(f"{ours}.layout")
    if not layout.is_file():
        return differences
    from wild.layout_view import LayoutView

    try:
        view = LayoutView(str(layout))
    except LinkError:
        return differences  # of another link, or damaged; the differences count without it
    return [replace(it, origin=origin_of(ours, view, label, it)) for it in differences]


def origin_of(ours: Path, view: LayoutView, label: str, difference: Difference) -> tuple[str, ...]:
    """What is known about the bytes in our rows."""
    from wild.explain import explained

    rows = [row for row in difference.rows if row.label == label and row.code]
    if not rows:
        return ()
    begin, end = rows[0].address, rows[-1].address + len(rows[-1].code)
    try:
        lines = [line.strip() for line in explained(str(ours), view, begin, end)]
    except LinkError:
        return ()
    return tuple(line for line in lines if line.startswith(SHOWN))
