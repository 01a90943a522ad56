"""The naive twin of resolution: resolve.py, binding.py and needed.py, one name after the other."""

from __future__ import annotations

from typing import NamedTuple

from symbols import ABS, COMMON, DEFAULT, FUNC, IFUNC, PROTECTED, TLS, UNDEF, UNIQUE, WEAK, Symbol
from tables import constants

FLAGS = constants("tables")
(
    OBJECT_DEF,
    SHARED_DEF,
    WEAK_DEF,
    IS_COMMON,
    IS_ABS,
    IS_TLS,
    IS_IFUNC,
    IS_FUNC,
    IS_UNIQUE,
    REF,
    STRONG_REF,
) = (
    FLAGS[f"SYM_{name}"]
    for name in (
        *("OBJECT_DEF", "SHARED_DEF", "WEAK_DEF", "COMMON", "ABS", "TLS", "IFUNC", "FUNC", "UNIQUE", "REF"),
        "STRONG_REF",
    )
)
SHARED_REF, IS_HIDDEN, IS_PROTECTED = (FLAGS[f"SYM_{name}"] for name in ("SHARED_REF", "HIDDEN", "PROTECTED"))
ALIASED, PROTECTED_DEF = FLAGS["SYM_ALIASED"], FLAGS["SYM_PROTECTED_DEF"]
TYPE_FLAGS = {TLS: IS_TLS, FUNC: IS_FUNC, IFUNC: IS_IFUNC}


def naive_name(symbol: Symbol, in_shared: bool) -> str:
    """The name that a symbol bears; empty for none."""
    if in_shared:
        hidden = symbol.version and not symbol.version.startswith("@@")
        return "" if hidden and symbol.section != UNDEF else symbol.name
    stem, at, _ = symbol.name.partition("@@")
    return stem if at and stem and "@" not in stem else symbol.name


def is_same_number(one: Symbol, other: Symbol) -> bool:
    return one.section == other.section == ABS and one.value == other.value


class Mention(NamedTuple):
    """A symbol under a name that it bears; `index` counts from 1 as in the symbol table."""

    file: int
    index: int
    symbol: Symbol
    alias: bool

    @property
    def place(self) -> tuple[int, int]:
        return self.file, self.index

    @property
    def defines(self) -> bool:
        return self.symbol.section != UNDEF


class Row(NamedTuple):
    file: int | None
    index: int
    flags: int


class Twin:
    """The rules of resolve.py, binding.py and needed.py, one name after the other."""

    def __init__(self, files: list[tuple[list[Symbol], str]], internal: list[Symbol]) -> None:
        self.files = [(internal, "internal"), *files]
        self.mentions: dict[str, list[Mention]] = {}
        for file, (symbols, _) in enumerate(self.files):
            for index, symbol in enumerate(symbols, 1):
                name = naive_name(symbol, self.is_shared(file))
                if name:
                    self.mentions.setdefault(name, []).append(Mention(file, index, symbol, False))
        self.add_aliases()
        self.live = {file for file, (_, kind) in enumerate(self.files) if kind not in {"lazy", "as-needed"}}
        self.load()
        self.live |= {file for file, (_, kind) in enumerate(self.files) if kind == "as-needed"}
        self.rows = {name: self.bound(name, self.live) for name in self.mentions}
        self.needed = {file for file in self.live if self.is_needed(file)}
        self.rows = {name: self.bound(name, self.needed) for name in self.mentions}

    def is_shared(self, file: int) -> bool:
        return self.files[file][1] in {"shared", "as-needed"}

    def add_aliases(self) -> None:
        for name in [name for name in self.mentions if "@" in name[1:]]:
            stem, _, version = name.partition("@")
            for file, (symbols, _) in enumerate(self.files):
                for index, symbol in enumerate(symbols, 1):
                    if symbol.section == UNDEF:
                        continue
                    if self.is_shared(file):
                        if symbol.name == stem and symbol.version and symbol.version.lstrip("@") == version:
                            self.mentions[name].append(Mention(file, index, symbol, True))
                            break
                    elif symbol.name == f"{stem}@@{version}":
                        self.mentions[name].append(Mention(file, index, symbol, True))

    def load(self) -> None:
        while True:
            woken = {
                winner.file
                for mentions in self.mentions.values()
                for winner in [self.best(mentions, self.load_strength)]
                if winner and winner.file not in self.live and self.is_wanted(mentions, winner)
            }
            if not woken:
                return
            self.live |= woken

    @staticmethod
    def best(mentions, strength) -> Mention | None:
        claims = [(strength(mention), mention.place, mention) for mention in mentions if mention.defines]
        return min(
            (claim for claim in claims if claim[0] is not None), default=(0, 0, None), key=lambda c: c[:2]
        )[2]

    def load_strength(self, mention: Mention) -> int:
        file, symbol = mention.file, mention.symbol
        if file == 0:
            return 5 if symbol.binding == WEAK else 0
        if self.is_shared(file):
            return 2
        if symbol.section == COMMON:
            return 3 if file in self.live else 4
        if file not in self.live:
            return 2
        return 1 if symbol.binding == WEAK else 0

    def is_wanted(self, mentions: list[Mention], winner: Mention) -> bool:
        def wants(mention: Mention) -> bool:
            if mention.file not in self.live or mention.alias:
                return False
            if mention.symbol.section == COMMON and not self.is_shared(mention.file) and mention.file:
                return winner.symbol.section != COMMON and winner.symbol.type not in (FUNC, IFUNC)
            if self.is_shared(mention.file) and mention.symbol.version and not self.is_shared(winner.file):
                return False
            return not mention.defines and mention.symbol.binding != WEAK

        return any(wants(mention) for mention in mentions)

    def bind_strength(self, mention: Mention) -> int:
        symbol = mention.symbol
        if mention.file == 0:
            return 3 if symbol.binding == WEAK else 0
        if self.is_shared(mention.file):
            return 4
        if symbol.section == COMMON:
            return 1
        return 2 if symbol.binding == WEAK else 0

    def bound(self, name: str, files: set[int]) -> Row:
        mentions = [mention for mention in self.mentions[name] if mention.file in self.live]
        flags = self.mentioned_flags(mentions)
        winner = self.best([mention for mention in mentions if mention.file in files], self.bind_strength)
        if winner and self.is_shared(winner.file) and flags & (IS_HIDDEN | IS_PROTECTED):
            winner = None
        if winner and winner.file == 0 and winner.symbol.binding == WEAK and not flags & (REF | SHARED_REF):
            winner = None
        if winner is None:
            return Row(None, 0, flags)
        flags |= self.definition_flags(winner)
        if flags & IS_COMMON:
            commons = [
                m
                for m in mentions
                if not self.is_shared(m.file) and m.symbol.section == COMMON and not m.alias
            ]
            winner = max(commons, key=lambda mention: mention.symbol.size)  # the first of the largest
        return Row(winner.file, winner.index, flags)

    def mentioned_flags(self, mentions: list[Mention]) -> int:
        flags = 0
        for mention in mentions:
            symbol = mention.symbol
            if mention.alias:
                continue
            if self.is_shared(mention.file):
                flags |= SHARED_REF
            elif mention.file == 0:
                flags |= REF if not mention.defines and symbol.binding != WEAK else 0
            else:
                flags |= {DEFAULT: 0, PROTECTED: IS_PROTECTED}.get(symbol.visibility, IS_HIDDEN)
                if not mention.defines:
                    flags |= REF | (STRONG_REF if symbol.binding != WEAK else 0)
        return flags

    def definition_flags(self, winner: Mention) -> int:
        symbol = winner.symbol
        flags = ALIASED if winner.alias else 0
        if self.is_shared(winner.file):
            flags |= SHARED_DEF | (WEAK_DEF if symbol.binding == WEAK else 0)
            flags |= PROTECTED_DEF if symbol.visibility == PROTECTED else 0
            return flags | {TLS: IS_TLS, FUNC: IS_FUNC, IFUNC: IS_FUNC}.get(symbol.type, 0)
        flags |= OBJECT_DEF | {WEAK: WEAK_DEF, UNIQUE: IS_UNIQUE}.get(symbol.binding, 0)
        flags |= {COMMON: IS_COMMON, ABS: IS_ABS}.get(symbol.section, 0) | TYPE_FLAGS.get(symbol.type, 0)
        return flags | {DEFAULT: 0, PROTECTED: IS_PROTECTED}.get(symbol.visibility, IS_HIDDEN)

    def is_needed(self, file: int) -> bool:
        if self.files[file][1] != "as-needed":
            return True
        return any(row.file == file and row.flags & STRONG_REF for row in self.rows.values())

    def undefined(self) -> set[str]:
        return {name for name, row in self.rows.items() if row.file is None and row.flags & STRONG_REF}

    def duplicates(self) -> set[tuple[str, int, int]]:
        """(name, file, index) of strong definitions beside the one that counts, in other objects."""
        return {
            (name, mention.file, mention.index)
            for name, row in self.rows.items()
            if row.file
            for mention in self.mentions[name]
            if mention.file in self.live
            and mention.file not in {0, row.file}
            and not self.is_shared(mention.file)
            if not mention.alias and mention.defines and self.bind_strength(mention) == 0
            if not self.is_shared(row.file) and self.strength_of(name, row) == 0
            if not is_same_number(mention.symbol, self.winner_of(name, row).symbol)
        }

    def winner_of(self, name: str, row: Row) -> Mention:
        return next(m for m in self.mentions[name] if m.place == (row.file, row.index))

    def strength_of(self, name: str, row: Row) -> int:
        return self.bind_strength(self.winner_of(name, row))

    def commons(self) -> dict[str, tuple[int, int]]:
        """Size and alignment of the names that are common."""
        found = {}
        for name, row in self.rows.items():
            if row.flags & IS_COMMON:
                mentions = [
                    m for m in self.mentions[name] if m.file in self.live and m.defines and not m.alias
                ]
                commons = [
                    m.symbol for m in mentions if not self.is_shared(m.file) and m.symbol.section == COMMON
                ]
                sizes = [s.size for s in commons] + [
                    m.symbol.size for m in mentions if self.is_shared(m.file)
                ]
                found[name] = max(sizes), max(1, *[symbol.value for symbol in commons])
        return found
