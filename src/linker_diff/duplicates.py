"""`wild duplicates OUTPUT` or `wild duplicates INPUT…`: functions that a program has several times.

Two functions are identical if their bytes are, once every field that depends on a position is blanked, and these fields
refer to the same things. A reference to a function can be one to its duplicate, so equality is found as in the folding
of identical code: all functions of equal bytes begin in one class, a class is split where its members refer to
functions of different classes, until nothing is split any more (partition refinement, as in the minimisation of
automata). So cycles of duplicates stay together.

Excess is what all but one of the members of a class occupy. Compilers make them of generic code, one copy per crate or
translation unit that uses it, and of different types of one representation.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Hashable, Iterable
from pathlib import Path
from typing import NamedTuple

from linker_diff.image import DiffError

FOUND, FAILED = 0, 2
NAME_WIDTH = 100
MOST_ROUNDS = 100


class Candidate(NamedTuple):
    """A function: its name as in the source, its blanked bytes, and what its fields refer to.

    An element of `targets` is (None, anything that can be compared), or (index of a candidate, distance from it).
    """

    name: str
    size: int
    body: bytes
    targets: tuple[tuple[int | None, Hashable], ...]


class Row(NamedTuple):
    """A line of a table: `excess` bytes in `copies` functions that could be spared."""

    name: str
    copies: int
    excess: int


class Duplicates:
    """Classes of identical functions of at least `min_size` bytes, each a list of which one member would do."""

    def __init__(self, candidates: list[Candidate], min_size: int = 0) -> None:
        self.total = sum(each.size for each in candidates)
        self.functions = len(candidates)
        members: dict[int, list[Candidate]] = {}
        for number, each in zip(classes(candidates), candidates, strict=True):
            members.setdefault(number, []).append(each)
        self.groups = [group for group in members.values() if len(group) > 1 and group[0].size >= min_size]
        self.excess = sum(group[0].size * (len(group) - 1) for group in self.groups)

    def by_symbol(self) -> list[Row]:
        """A row for each class, named by its most frequent name."""
        rows = []
        for group in self.groups:
            names = sorted(each.name for each in group)
            name = max(dict.fromkeys(names), key=names.count)
            others = len(set(names)) - 1
            copies = len(group) - 1
            rows.append(
                Row(f"{name} (and {others} more names)" if others else name, copies, copies * group[0].size)
            )
        return ordered(rows)

    def by_scope(self) -> list[Row]:
        """A row for each crate or namespace: the copies whose name begins with it, but for the first of each class."""
        sums: dict[str, tuple[int, int]] = {}
        for group in self.groups:
            for each in sorted(group, key=lambda it: it.name)[1:]:
                copies, excess = sums.get(scope_of(each.name), (0, 0))
                sums[scope_of(each.name)] = copies + 1, excess + each.size
        return ordered(Row(name, *numbers) for name, numbers in sums.items())


def ordered(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: (-row.excess, row.name))


def classes(candidates: list[Candidate]) -> list[int]:
    """The number of the class of each candidate."""
    numbers: dict[Hashable, int] = {}

    def number(what: Hashable) -> int:
        return numbers.setdefault(what, len(numbers))

    found = []
    for each in candidates:
        fixed = tuple(target if target[0] is None else (0, target[1]) for target in each.targets)
        found.append(number((each.size, each.body, fixed)))
    for _ in range(MOST_ROUNDS):
        before = len(set(found))
        numbers.clear()
        found = [
            number((own, *(found[index] for index, _ in each.targets if index is not None)))
            for own, each in zip(found, candidates, strict=True)
        ]
        if len(set(found)) == before:
            break
    return found


def scope_of(name: str) -> str:
    """The crate or outermost namespace of a name: of `<alloc::vec::Vec<T> as Drop>::drop` that is `alloc`."""
    text = name
    for words in ("vtable thunk for ", "non-virtual thunk to ", "virtual thunk to ", "guard variable for "):
        text = text.removeprefix(words)
    text = text.lstrip("<&*[ ").removeprefix("mut ").removeprefix("dyn ").lstrip("<&*[ ")
    if text.startswith("(anonymous namespace)"):
        return "(anonymous namespace)"
    head = text.partition("(")[0].partition("<")[0]
    first, separator, _ = head.partition("::")
    first = first.rpartition(" ")[2]  # behind the type that a template's function returns
    return first if separator and first else "(no namespace)"


# --- the command ---------------------------------------------------------------------------------------------


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="wild duplicates",
        description="Tell which functions a linked file, or objects and archives together, have several times, and how "
        "many bytes that costs. A linked file needs its symbol table.",
    )
    made.add_argument(
        "files", nargs="+", metavar="FILE", type=Path, help="one linked file, or objects and archives"
    )
    made.add_argument("--json", action="store_true", help="print everything as JSON")
    made.add_argument("--limit", type=int, default=20, metavar="N", help="rows of each table, 0 for all (20)")
    made.add_argument("--min-size", type=int, default=0, metavar="BYTES", help="leave out smaller functions")
    return made


def run(arguments: list[str]) -> int:
    """Do what the arguments say; returns the exit status."""
    options = parser().parse_args(arguments)
    try:
        found = find_duplicates(options.files, options.min_size)
    except DiffError as error:
        print(f"wild duplicates: {error}", file=sys.stderr)
        return FAILED
    print(as_json(found) if options.json else as_text(found, options.limit))
    return FOUND


def find_duplicates(paths: list[Path], min_size: int = 0) -> Duplicates:
    """The duplicates in one linked file, or in all objects and archives; raises DiffError."""
    from linker_diff.candidates import candidates_of

    return Duplicates(candidates_of(paths), min_size)


def as_json(found: Duplicates) -> str:
    facts = {
        "functions": found.functions,
        "bytes": found.total,
        "excess": found.excess,
        "symbols": [row._asdict() for row in found.by_symbol()],
        "scopes": [row._asdict() for row in found.by_scope()],
    }
    return json.dumps(facts, indent=1)


def as_text(found: Duplicates, limit: int) -> str:
    share = 100 * found.excess / found.total if found.total else 0
    lines = [
        f"{found.excess:,} of {found.total:,} bytes in {found.functions:,} functions are duplicates ({share:.1f} %)"
    ]
    for title, rows in (("crate or namespace", found.by_scope()), ("function", found.by_symbol())):
        if rows:
            lines += ["", *table(title, rows, limit)]
    return "\n".join(lines)


def table(title: str, rows: list[Row], limit: int) -> list[str]:
    shown = rows[:limit] if limit else rows
    lines = [f"{'excess':>12} {'copies':>7}  {title}"]
    for row in shown:
        name = row.name if len(row.name) <= NAME_WIDTH else row.name[: NAME_WIDTH - 1] + "…"
        lines.append(f"{row.excess:>12,} {row.copies:>7,}  {name}")
    rest = rows[len(shown) :]
    if rest:
        lines.append(
            f"{sum(row.excess for row in rest):>12,} {sum(row.copies for row in rest):>7,}  {len(rest)} more"
        )
    return lines
