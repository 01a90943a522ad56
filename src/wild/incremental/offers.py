"""Definitions that an update exports newly or not any more: entries of .dynsym and what the hash tables know of them.

The initial link leaves entries without symbols behind those of each bucket
of .gnu.hash (kernels/dynhash.py).  A new symbol takes one of its bucket, so nothing else moves; the entry of one that
is gone becomes nameless in its place, and can be taken again.

Which definitions are exported is plain in most links.  Where version scripts, lists or -Bsymbolic say so, they are
asked about the definitions of the changed objects, by what asks them in a full link.
"""

from __future__ import annotations

from wild.errors import CannotUpdate
from wild.incremental.imports import SYM_SIZE, Tables, hash_of, text_at, word
from wild.kernels import reoffer, rewrite

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from wild.incremental.update import Update
    from wild.kernels.graft import Graft

STB_WEAK, STV_PROTECTED = 2, 3
NAMELESS = bytes(4) + bytes((STB_WEAK << 4,)) + bytes(SYM_SIZE - 5)


def choose_exports(update: Update) -> None:
    """Ask scripts, lists and options what is exported of the definitions of the changed objects; raises LinkError."""
    from wild.exports import decide_exports
    from wild.mode import Kind
    from wild.options import parse

    graft = update.graft
    options = parse(update.session.arguments)
    options.undefined_version = True  # the names of the other objects are not here
    reoffer.note_mentions(graft)
    kind = Kind(*update.output["kind"])
    decide_exports(update.pool, update.inputs, update.names, update.resolution, [], options, kind)
    graft.chosen = True


def place_offers(graft: Graft, output: dict[str, Any]) -> None:
    """Entries for new exports, and those that are gone out of the tables; raises CannotUpdate.

    What else stands in the entries is written with those of all changed definitions.
    """
    tables = ExportTables(graft, output)
    for entry in reoffer.withdrawn_entries(graft):
        tables.withdraw(entry)
    for number, name, old_entry, version, is_protected in reoffer.offered_names(graft):
        if not old_entry:
            entry = tables.add_export(name, version)
            tables.put(".dynsym", SYM_SIZE * entry + 5, STV_PROTECTED if is_protected else 0, 1)
            reoffer.give_entry(graft, number, entry)


class ExportTables(Tables):
    """.dynsym with its hash tables."""

    def __init__(self, graft: Graft, output: dict[str, Any]) -> None:
        super().__init__(graft, output)
        if ".gnu.hash" not in self.made:
            raise CannotUpdate("E7", "the symbols that the output offers change")
        self.buckets, self.first, self.bloom_words, self.shift = (
            self.get(".gnu.hash", at) for at in (0, 4, 8, 12)
        )
        self.bucket_words = 16 + 8 * self.bloom_words
        self.chain_words = self.bucket_words + 4 * self.buckets
        self.count = self.made[".dynsym"][2] // SYM_SIZE

    def get(self, section: str, at: int, size: int = 4) -> int:
        """A number in a section."""
        return word(rewrite.read_bytes(self.graft, self.made[section][1] + at, size), 0, size)

    def put(self, section: str, at: int, value: int, size: int = 4) -> None:
        self.write(section, at, value.to_bytes(size, "little"))

    def is_free(self, entry: int) -> bool:
        """Has an entry of .dynsym no symbol?"""
        start = self.made[".dynsym"][1] + SYM_SIZE * entry
        return entry < self.count and rewrite.read_bytes(self.graft, start, SYM_SIZE) == NAMELESS

    def add_export(self, name: bytes, version: int) -> int:
        """The entry of a new symbol, which has its name and version now and is found by its hash."""
        value = gnu_hash(name)
        entry = self.take_entry(value)
        self.put(".dynsym", SYM_SIZE * entry, self.add_string(name))
        if ".gnu.version" in self.made:
            self.put(".gnu.version", 2 * entry, version, 2)
        self.set_bloom(value)
        if ".hash" in self.made:
            bucket = 8 + 4 * (hash_of(name) % self.get(".hash", 0))
            self.put(".hash", self.sysv_chain(entry), self.get(".hash", bucket))
            self.put(".hash", bucket, entry)
        return entry

    def take_entry(self, value: int) -> int:
        """A free entry in the bucket of a hash: one in its run, or the first behind it."""
        bucket = value % self.buckets
        entry = self.get(".gnu.hash", self.bucket_words + 4 * bucket)
        while self.first <= entry < self.count:
            place = self.chain_words + 4 * (entry - self.first)
            chain = self.get(".gnu.hash", place)
            if self.is_free(entry):
                self.put(".gnu.hash", place, value & ~1 | chain & 1)
                return entry
            entry += 1
            if chain & 1:
                if not self.is_free(entry) or self.get(".gnu.hash", place + 4) != bucket << 1:
                    break
                self.put(".gnu.hash", place, chain & ~1)
                self.put(".gnu.hash", place + 4, value | 1)
                return entry
        raise CannotUpdate("D2", "no room left for dynamic symbols")

    def set_bloom(self, value: int) -> None:
        at = 16 + 8 * (value >> 6 & self.bloom_words - 1)
        bits = 1 << (value & 63) | 1 << (value >> self.shift & 63)
        self.put(".gnu.hash", at, self.get(".gnu.hash", at, 8) | bits, 8)

    def withdraw(self, entry: int) -> None:
        """Let an entry be nameless, in its place; its hash leads to nothing."""
        name = text_at(self.bytes_of(".dynstr"), self.get(".dynsym", SYM_SIZE * entry))
        if ".hash" in self.made:
            at = 8 + 4 * (hash_of(name) % self.get(".hash", 0))
            for _ in range(self.count):
                next_entry = self.get(".hash", at)
                if next_entry == entry:
                    self.put(".hash", at, self.get(".hash", self.sysv_chain(entry)))
                    break
                at = self.sysv_chain(next_entry)
        self.write(".dynsym", SYM_SIZE * entry, NAMELESS)
        if ".gnu.version" in self.made:
            self.put(".gnu.version", 2 * entry, 0, 2)

    def sysv_chain(self, entry: int) -> int:
        """Where the word of an entry stands in .hash."""
        return 8 + 4 * (self.get(".hash", 0) + entry)


def gnu_hash(name: bytes) -> int:
    """The hash function of DT_GNU_HASH."""
    value = 5381
    for character in name:
        value = value * 33 + character & 0xFFFFFFFF
    return value
