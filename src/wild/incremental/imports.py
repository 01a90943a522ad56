"""New imports: what an update adds to the dynamic symbols when a function of a library is used for the first time.

The initial link leaves room in every table: entries of .dynsym between those that are imported and those that are
exported, which the hash table does not know, halfwords of .gnu.version with them, bytes of .dynstr, auxiliary entries
of .gnu.version_r, and entries of the PLT.  A new PLT entry jumps through a word of .got (its relocation is
R_X86_64_GLOB_DAT, as in GNU ld's .plt.got), so numbers of .rela.plt stay what they are.

A library that the output did not need yet gets an entry of .dynamic in the room that GNU ld leaves there, too, in
its place among the others, because that is the order in which the loader looks for symbols.

What is not prepared for is left to a full link: the first version that is required at all.
"""

from __future__ import annotations

import mmap
import posix

from wild.errors import CannotUpdate
from wild.kernels import rewrite

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from wild.kernels.graft import Graft

SHT_DYNSYM, SHT_VERDEF, SHT_VERSYM = 11, 0x6FFFFFFD, 0x6FFFFFFF
STB_GLOBAL, STT_FUNC, STT_GNU_IFUNC = 1, 2, 10
VER_NDX_GLOBAL, VER_INDEX = 1, 0x7FFF
DT_NEEDED, DT_VERNEEDNUM = 1, 0x6FFFFFFF
SYM_SIZE, NEED_SIZE, AUX_SIZE, DYN_SIZE = 24, 16, 16, 16


def write_imports(
    graft: Graft,
    output: dict[str, Any],
    paths: list[bytes],
    found: list[tuple[int, bytes, int, int, int]],
    needed: list[int],
) -> None:
    """Enter what rewrite.new_imports has found, and libraries that are `needed` besides (SharedRows), into the tables
    of the output, and let references that were weak be strong; raises CannotUpdate.
    """
    tables = Tables(graft, output)
    for dynsym in graft.strengthened:
        tables.strengthen(dynsym)
    sonames: list[bytes] = output["sonames"]
    for shared in sorted({*needed, *(row for *_, row in found)}):
        tables.need(sonames, shared)
    libraries: dict[int, Library] = {}
    for dynsym, name, path, symbol, shared in found:
        if path not in libraries:
            libraries[path] = Library(paths[path])
        type, version = libraries[path].describe(symbol)
        tables.add(dynsym, name, type, sonames[shared], version)


class Library:
    """The dynamic symbols of a shared object."""

    def __init__(self, path: bytes) -> None:
        """Raises CannotUpdate for one without the headers of its sections, OSError."""
        descriptor = posix.open(path, posix.O_RDONLY | posix.O_CLOEXEC)
        try:
            self.data = mmap.mmap(descriptor, 0, prot=mmap.PROT_READ)
        finally:
            posix.close(descriptor)
        start, size, count = self.number(40, 8), self.number(58, 2), self.number(60, 2)
        headers = [self.data[start + size * k : start + size * (k + 1)] for k in range(count)]
        self.section: dict[
            int, tuple[int, int, int]
        ] = {}  # type -> (offset, size, offset of what it links to)
        for header in headers:
            offset, length, link = word(header, 24, 8), word(header, 32, 8), word(header, 40, 4)
            if link < count:
                self.section[word(header, 4, 4)] = (offset, length, word(headers[link], 24, 8))
        if SHT_DYNSYM not in self.section:
            raise CannotUpdate("E7", "a library without section headers is used")

    def number(self, offset: int, size: int) -> int:
        return word(self.data, offset, size)

    def describe(self, symbol: int) -> tuple[int, bytes]:
        """(type, version or nothing) of a symbol."""
        type = self.number(self.section[SHT_DYNSYM][0] + SYM_SIZE * symbol + 4, 1) & 15
        type = STT_FUNC if type == STT_GNU_IFUNC else type  # a resolver is one only in its own file
        if SHT_VERSYM not in self.section or SHT_VERDEF not in self.section:
            return type, b""
        index = self.number(self.section[SHT_VERSYM][0] + 2 * symbol, 2) & VER_INDEX
        return type, self.version(index) if index > VER_NDX_GLOBAL else b""

    def version(self, index: int) -> bytes:
        """The name of a version that the library defines."""
        at, size, strings = self.section[SHT_VERDEF]
        for _ in range(size // 20):
            if self.number(at + 4, 2) & VER_INDEX == index:
                start = strings + self.number(at + self.number(at + 12, 4), 4)
                return self.data[start : self.data.find(b"\0", start)]
            at += self.number(at + 16, 4)
        raise CannotUpdate("E1", "a version of a library is not there")


class Tables:
    """The dynamic symbols of the output; `room` says for each table what is in use and where the room ends."""

    def __init__(self, graft: Graft, output: dict[str, Any]) -> None:
        self.graft = graft
        self.made: dict[str, tuple[int, int, int, int]] = output["sections"]
        self.room: dict[str, tuple[int, int]] = output["imports"]

    def bytes_of(self, section: str) -> bytes:
        _, offset, size, _ = self.made.get(section, (0, 0, 0, 0))
        return rewrite.read_bytes(self.graft, offset, size)

    def write(self, section: str, at: int, data: bytes) -> None:
        rewrite.write_bytes(self.graft, self.made[section][1] + at, data)

    def need(self, sonames: list[bytes], shared: int) -> None:
        """Let the output need a library: an entry of .dynamic before those of the libraries that come after it."""
        entries, strings = self.bytes_of(".dynamic"), self.bytes_of(".dynstr")
        place = None
        for at in range(0, len(entries), DYN_SIZE):
            if word(entries, at, 8) != DT_NEEDED:
                break
            soname = text_at(strings, word(entries, at + 8, 8))
            if soname == sonames[shared]:
                return
            if place is None and soname in sonames and sonames.index(soname) > shared:
                place = at
        else:
            at = len(entries)
        place = at if place is None else place
        if any(entries[-2 * DYN_SIZE :]):
            raise CannotUpdate("D2", "no room left in .dynamic")
        entry = number(DT_NEEDED, 8) + number(self.add_string(sonames[shared]), 8)
        self.write(".dynamic", place, entry + entries[place:-DYN_SIZE])

    def take(self, table: str, size: int) -> int:
        """So many bytes of the room of a table."""
        used, end = self.room[table]
        if used + size > end:
            raise CannotUpdate("D2", "no room left for dynamic symbols")
        self.room[table] = (used + size, end)
        return used

    def add_string(self, text: bytes) -> int:
        at = self.take("names", len(text) + 1)
        self.write(".dynstr", at, text + b"\0")
        return at

    def add(self, dynsym: int, name: bytes, type: int, soname: bytes, version: bytes) -> None:
        """One symbol, and its version."""
        info = STB_GLOBAL << 4 | type
        entry = self.add_string(name).to_bytes(4, "little") + bytes((info,)) + bytes(SYM_SIZE - 5)
        self.write(".dynsym", SYM_SIZE * dynsym, entry)
        if ".gnu.version" in self.made:
            index = self.require(soname, version) if version else VER_NDX_GLOBAL
            self.write(".gnu.version", 2 * dynsym, index.to_bytes(2, "little"))
        elif version:
            raise CannotUpdate("E7", "the first version of a symbol is required")

    def strengthen(self, dynsym: int) -> None:
        """Let a reference, and the version that it asks for, be there in any case."""
        entry = self.bytes_of(".dynsym")[SYM_SIZE * dynsym :][:SYM_SIZE]
        self.write(".dynsym", SYM_SIZE * dynsym + 4, bytes((STB_GLOBAL << 4 | entry[4] & 15,)))
        index = word(self.bytes_of(".gnu.version"), 2 * dynsym, 2)
        table, at = self.bytes_of(".gnu.version_r"), 0
        while table:
            auxiliary = at + word(table, at + 8, 4)
            for _ in range(word(table, at + 2, 2)):
                if word(table, auxiliary + 6, 2) == index:
                    self.write(".gnu.version_r", auxiliary + 4, bytes(2))
                auxiliary += word(table, auxiliary + 12, 4)
            if not word(table, at + 12, 4):
                break
            at += word(table, at + 12, 4)

    def require(self, soname: bytes, version: bytes) -> int:
        """The index of a version that is required of a library, which is added if it is not there."""
        table, strings = self.bytes_of(".gnu.version_r"), self.bytes_of(".dynstr")
        highest, last, header = 1, -1, -1
        at = 0
        while table:
            auxiliary = at + word(table, at + 8, 4)
            is_file = text_at(strings, word(table, at + 4, 4)) == soname
            for _ in range(word(table, at + 2, 2)):
                index = word(table, auxiliary + 6, 2)
                highest = max(highest, index)
                if is_file:
                    header, last = at, auxiliary
                    if text_at(strings, word(table, auxiliary + 8, 4)) == version:
                        self.write(".gnu.version_r", auxiliary + 4, bytes(2))  # no weak requirement any more
                        return index
                auxiliary += word(table, auxiliary + 12, 4)
            if not word(table, at + 12, 4):
                break
            at += word(table, at + 12, 4)
        if last < 0:
            return self.require_first(at, highest + 1, soname, version)
        place = self.take("versions", AUX_SIZE)
        self.write(".gnu.version_r", last + 12, (place - last).to_bytes(4, "little"))
        self.write(".gnu.version_r", header + 2, (word(table, header + 2, 2) + 1).to_bytes(2, "little"))
        entry = hash_of(version).to_bytes(4, "little") + bytes(2) + (highest + 1).to_bytes(2, "little")
        self.write(".gnu.version_r", place, entry + self.add_string(version).to_bytes(4, "little") + bytes(4))
        return highest + 1

    def require_first(self, last: int, index: int, soname: bytes, version: bytes) -> int:
        """The first version of a library, behind the entry of the last one; returns its index."""
        if ".gnu.version_r" not in self.made:
            raise CannotUpdate("E7", "the first version of a symbol is required")
        place = self.take("versions", NEED_SIZE + AUX_SIZE)
        self.write(".gnu.version_r", last + 12, number(place - last, 4))
        name = number(self.add_string(soname), 4)
        header = number(1, 2) + number(1, 2) + name + number(NEED_SIZE, 4) + number(0, 4)
        entry = number(hash_of(version), 4) + number(0, 2) + number(index, 2)
        self.write(
            ".gnu.version_r", place, header + entry + number(self.add_string(version), 4) + number(0, 4)
        )
        self.count_libraries()
        return index

    def count_libraries(self) -> None:
        """One more in .gnu.version_r, as .dynamic and the section's header say."""
        entries = self.bytes_of(".dynamic")
        for at in range(0, len(entries), DYN_SIZE):
            if word(entries, at, 8) == DT_VERNEEDNUM:
                count = word(entries, at + 8, 8) + 1
                self.write(".dynamic", at + 8, number(count, 8))
                headers = rewrite.read_word(self.graft, 40)  # e_shoff
                info = headers + 64 * self.made[".gnu.version_r"][3] + 44
                rewrite.write_bytes(self.graft, info, number(count, 4))


def number(value: int, size: int) -> bytes:
    return value.to_bytes(size, "little")


def word(data: bytes | mmap.mmap, offset: int, size: int) -> int:
    return int.from_bytes(data[offset : offset + size], "little")


def text_at(strings: bytes, offset: int) -> bytes:
    return strings[offset : strings.find(b"\0", offset)]


def hash_of(name: bytes) -> int:
    """The hash function of DT_HASH (gABI, "Hash Table"), which vna_hash is too."""
    value = 0
    for character in name:
        value = (value << 4) + character
        value = (value ^ (value >> 24 & 0xF0)) & 0x0FFFFFFF
    return value
