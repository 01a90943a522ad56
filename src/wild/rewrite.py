"""Walks over a command line as it was given and changes the files in it, for links that are done again elsewhere."""

from __future__ import annotations

from wild.options import find_option
from wild.response import expand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Options, by their first name, whose argument is a file that the link writes besides its output.
WRITTEN = frozenset((
    "Map", "dependency-file", "time-trace", "why-extract", "print-archive-stats", "write-gc-stats",
    "lto-obj-path", "thinlto-index-only", "opt-remarks-filename", "print-dependencies",
    "incremental-diff-out", "separate-debug-file",
))  # fmt: skip


def rewritten(
    arguments: list[str],
    keep: Callable[[str], str],
    moved: Callable[[str, str, list[str]], str | None],
) -> Iterator[str]:
    """The arguments one by one, response files expanded.

    `keep` gives the new name of an input; `moved` the new argument of an option, from its first name, the argument and
    the words as they were, or None to leave the option out.
    """
    queue = iter(expand(list(arguments)))
    for word in queue:
        if word == "--":
            yield word
            yield from map(keep, queue)
        elif word[:1] != "-" or len(word) < 2:
            yield keep(word)
        else:
            yield from option(word, queue, moved)


def option(
    word: str, queue: Iterator[str], moved: Callable[[str, str, list[str]], str | None]
) -> Iterator[str]:
    """One option with its argument, in the form in which it was written."""
    row, _, joined = find_option(word)
    takes_next = joined is None and row[1] and row[1][0] != "["
    value = next(queue, "") if takes_next else joined or ""
    new = moved(row[0].split()[0], value, [word, value] if takes_next else [word])
    if new is not None:
        yield from (word, new) if takes_next else (word[: len(word) - len(value)] + new,)
