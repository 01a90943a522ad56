"""Which sections a script's rules take and in what order they lie, held against a naive placement.

Files are told apart by patterns (kernels/file_patterns.py), sections too, and both sorted (kernels/listed.py), as the
chapter "Input Section Description" of GNU ld's manual says.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

import pytest
from programs import archive, assemble
from scripts import with_script

pytestmark = pytest.mark.only_wild

BASE = 0x10000
PREFIXES = ("one", "two", "three")


class Piece(NamedTuple):
    """A section, with the symbol at its begin."""

    symbol: str
    archive: str
    file: str
    name: str
    align: int
    size: int


class Rule(NamedTuple):
    """`file(section)`, with what each is sorted by, from outside to inside."""

    file: str
    excluded: tuple[str, ...]
    by_file: bool
    section: str
    sorts: tuple[str, ...]

    def __str__(self) -> str:
        section = self.section
        for sort in reversed(self.sorts):
            section = f"{sort}({section})"
        file = f"EXCLUDE_FILE({' '.join(self.excluded)}) {self.file}" if self.excluded else self.file
        return f"{f'SORT_BY_NAME({file})' if self.by_file else file}({section})"


def random_pieces(numbers: random.Random) -> Iterator[Piece]:
    """Sections of four files, of which two are members of an archive; names end in a number."""
    for place, file in (("", "b.o"), ("", "a.o"), ("lib.a", "d.o"), ("lib.a", "c.o")):
        for index in range(numbers.randint(4, 8)):
            name = f".s.{numbers.choice(PREFIXES)}.{numbers.choice((5, 40, 100, 65535))}"
            symbol = f"{file[0]}{index}"
            yield Piece(symbol, place, file, f"{name}", 1 << numbers.randint(0, 5), numbers.randint(0, 20))


def made(pieces: list[Piece]) -> list[Path]:
    """The files, in the order of the pieces; sections of a file that have the same name stay apart."""
    files: dict[tuple[str, str], list[str]] = {}
    for number, piece in enumerate(pieces):
        lines = files.setdefault((piece.archive, piece.file), [])
        lines.append(f'.section {piece.name},"a",@progbits,unique,{number}\n.balign {piece.align}')
        lines.append(f".globl {piece.symbol}\n{piece.symbol}: .skip {piece.size}, 1")
    objects = {
        key: assemble("\n".join(lines), name=key[1].removesuffix(".o")) for key, lines in files.items()
    }
    members = [path for (place, _), path in objects.items() if place]
    return [*(path for (place, _), path in objects.items() if not place), archive(members)]


def random_rule(numbers: random.Random) -> Rule:
    files = ["*", "*", "*", "*/a.o", "*.o", "*lib.a:", "*lib.a:c.o", "*:d.o", ":*b.o", "[bc].o"]
    others = ["*b.o", "*/a.o", "*lib.a", "*lib.a:d.o", "c.o", ":*.o"]
    excluded = tuple(numbers.sample(others, numbers.choice((0, 0, 1, 2))))
    sections = [".s.*", ".s.*", *(f".s.{prefix}.*" for prefix in PREFIXES), ".s.*.100", ".s.t*"]
    name, align, priority = "SORT_BY_NAME", "SORT_BY_ALIGNMENT", "SORT_BY_INIT_PRIORITY"
    sorts = [(), (name,), (align,), (priority,), (name, align), (align, name)]
    by_file = numbers.random() < 0.2
    return Rule(numbers.choice(files), excluded, by_file, numbers.choice(sections), numbers.choice(sorts))


# --- the twin ------------------------------------------------------------------------------------------------


def fits(pattern: str, piece: Piece, path: Callable[[str], str], loose: bool = False) -> bool:
    """Does the file of a piece fit? `path` is what the command line calls a file."""
    name = piece.file if piece.archive else path(piece.file)
    if ":" not in pattern:
        if fnmatchcase(name, pattern):
            return True
        return loose and bool(piece.archive) and fnmatchcase(path(piece.archive), pattern)
    of_archive, _, of_file = pattern.partition(":")
    if not of_archive:
        return not piece.archive and fnmatchcase(name, of_file)
    if not piece.archive or not fnmatchcase(path(piece.archive), of_archive):
        return False
    return not of_file or fnmatchcase(name, of_file)


def takes(rule: Rule, piece: Piece, path: Callable[[str], str]) -> bool:
    if not fnmatchcase(piece.name, rule.section) or not fits(rule.file, piece, path):
        return False
    return not any(fits(each, piece, path, loose=True) for each in rule.excluded)


def sort_key(rule: Rule, piece: Piece, path: Callable[[str], str]) -> tuple[object, ...]:
    parts: list[object] = []
    if rule.by_file:
        whole = f"{path(piece.archive)}({piece.file})" if piece.archive else path(piece.file)
        parts.append(whole)
    for sort in rule.sorts:
        if sort == "SORT_BY_NAME":
            parts.append(piece.name)
        elif sort == "SORT_BY_ALIGNMENT":
            parts.append(-piece.align)
        else:
            parts += [int(piece.name.rpartition(".")[2]), piece.name]
    return tuple(parts)


def placed(pieces: list[Piece], rules: list[Rule], path: Callable[[str], str]) -> dict[str, int]:
    """Symbol -> address."""
    left, at, found = list(pieces), BASE, {}
    for rule in rules:
        chosen = [piece for piece in left if takes(rule, piece, path)]
        left = [piece for piece in left if piece not in chosen]
        for piece in sorted(chosen, key=lambda piece: sort_key(rule, piece, path)):
            at = -(-at // piece.align) * piece.align
            found[piece.symbol] = at
            at += piece.size
    return found


# --- the test ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(30))
def test_sections_lie_where_the_rules_put_them(link, seed):
    numbers = random.Random(seed)
    pieces = list(random_pieces(random.Random(seed % 4)))
    rules = [random_rule(numbers) for _ in range(numbers.randint(1, 5))]
    inputs = made(pieces)
    names = {path.name: str(path) for path in inputs}
    text = "\n".join(map(str, rules))
    script = f"SECTIONS {{ . = {BASE:#x}; .out : {{\n{text}\n}} /DISCARD/ : {{ *(*) }} }}"

    program = with_script(link, script, "-e", "0", "--whole-archive", *inputs)

    # A definition in a section that is dropped counts as a reference, as in a COMDAT group that lost.
    found = {name: symbol.value for name, symbol in program.symbols.items() if symbol.section != "UNDEF"}
    assert found == placed(pieces, rules, lambda name: names[name]), text
