"""Differences, how those against several references become one list, and the text that people read.

Every comparison is between one reference and our file. A difference has an `item`, what it is about: a header field,
one instruction, one entry of a table. It counts only if every reference gives one for that item; with equality to any
reference the item is accepted. If references disagree about the kind, the milder one is reported: a choice that
linkers may make differently (`relax.`) rather than a fault.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

MILD = "relax."


@dataclass(frozen=True)
class Row:
    """What one file has: `address` 0 and no `code` where that says nothing."""

    label: str
    text: str
    address: int = 0
    code: bytes = b""
    symbol: str = ""


@dataclass(frozen=True)
class Difference:
    """One difference: its `key`, a sentence, a row per file; context is instructions that are the same in all."""

    key: str
    text: str
    rows: tuple[Row, ...] = ()
    item: Hashable = None
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    origin: tuple[str, ...] = ()

    @property
    def identity(self) -> Hashable:
        """What two differences against two references must share to be one."""
        return self.key if self.item is None else self.item


@dataclass
class Report:
    """The result of a comparison; true if there are differences that nothing accepts."""

    references: list[Path]
    ours: Path
    differences: list[Difference] = field(default_factory=list)
    ignored: list[tuple[Difference, str]] = field(default_factory=list)  # with the pattern
    counts: dict[str, int] = field(default_factory=dict)  # what was compared

    def __bool__(self) -> bool:
        return bool(self.differences)

    @property
    def keys(self) -> list[str]:
        """The keys of all differences, each once, in the order of the report."""
        return list(dict.fromkeys(difference.key for difference in self.differences))

    def render(self, limit: int = 0) -> str:
        """The report as text; at most `limit` differences if that is not 0."""
        shown = self.differences[:limit] if limit else self.differences
        blocks = ["\n".join(render_difference(difference)) for difference in shown]
        if len(shown) < len(self.differences):
            blocks.append(f"and {len(self.differences) - len(shown)} more differences")
        return "\n\n".join(blocks)

    def summary(self) -> str:
        """One line: how much was compared and found."""
        compared = ", ".join(f"{count} {name}" for name, count in self.counts.items())
        found = f"{len(self.differences)} differences" if self.differences else "no differences"
        ignored = f", {len(self.ignored)} accepted" if self.ignored else ""
        return f"{found}{ignored} ({compared})"


def merge(against: list[list[Difference]]) -> list[Difference]:
    """The differences that there are against every reference, with the rows of all of them."""
    merged = {difference.identity: difference for difference in against[0]}
    for other in against[1:]:
        found = {difference.identity: difference for difference in other}
        merged = {
            identity: join(difference, found[identity])
            for identity, difference in merged.items()
            if identity in found
        }
    return list(merged.values())


def join(first: Difference, second: Difference) -> Difference:
    """One difference of two about the same item; our row, the first, is the same in both."""
    rows = first.rows + tuple(row for row in second.rows if row not in first.rows)
    mild = second if second.key.startswith(MILD) and not first.key.startswith(MILD) else first
    return Difference(
        mild.key, mild.text, rows, first.item, first.before, first.after, first.origin or second.origin
    )


def matches(key: str, pattern: str) -> bool:
    """Globs; a pattern without the last parts of a key stands for all that begin so: `rel.missing`."""
    return fnmatchcase(key, pattern) or fnmatchcase(key, pattern + ".*")


def accept(
    differences: list[Difference], patterns: Iterable[str]
) -> tuple[list[Difference], list[tuple[Difference, str]]]:
    """Those that no pattern accepts, and the others with the pattern that does."""
    left, ignored = [], []
    patterns = tuple(patterns)
    for difference in differences:
        pattern = next((it for it in patterns if matches(difference.key, it)), None)
        if pattern is None:
            left.append(difference)
        else:
            ignored.append((difference, pattern))
    return left, ignored


def render_difference(difference: Difference) -> list[str]:
    """The lines of one difference: its key, what it is, and the rows with their columns aligned."""
    lines = [difference.key]
    if difference.text:
        lines[0] += f": {difference.text}"
    rows = difference.rows
    label = max((len(row.label) for row in rows), default=0)
    code = max((len(row.code) * 3 for row in rows), default=0)
    text = min(max((len(row.text) for row in rows), default=0), 48)
    indent = " " * (label + (12 if any(row.address for row in rows) else 1) + code + 2)
    lines += [indent + line for line in difference.before]
    for row in rows:
        parts = [f"  {row.label:{label}}"]
        if any(row.address for row in rows):
            parts.append(f"{row.address:#010x}" if row.address else " " * 10)
        if code:
            parts.append(f"{row.code.hex(' '):{code - 1}}")
        parts.append(f"{row.text:{text}}" if row.symbol else row.text)
        if row.symbol:
            parts.append(f"// {row.symbol}")
        lines.append(" ".join(parts).rstrip())
    lines += [f"  {line}" for line in difference.origin]
    lines += [indent + line for line in difference.after]
    return lines
