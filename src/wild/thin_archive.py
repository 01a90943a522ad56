"""Thin archives with other names of members, for copies of links.

A thin archive (ar(1), "thin") holds the index and the names of its members, which are files of their own; a name
counts from the directory of the archive, or is absolute.  All members but the index have their names in the member
`//`, each ended by `/` and a line feed, and `/N` in the place of a name says where.  What comes behind `//` moves when
names become longer, and with it the offsets that the index holds.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAGIC = b"!<thin>\n"
HEADER = 60
INDICES = {b"/": 4, b"/SYM64/": 8}  # name -> bytes of an offset, which are big-endian
NAMES = b"//"


def renamed(data: bytes, rename: Callable[[str], str]) -> bytes:
    """The archive with new names of its members; `data` itself if it is no sound thin archive."""
    try:
        members = list(members_of(data)) if data.startswith(MAGIC) else []
    except ValueError:
        return data  # whoever reads it will complain
    old = next((contents for name, _, contents in members if name == NAMES), b"")
    names, places = moved_names(old, rename)
    if names == old:
        return data
    return MAGIC + b"".join(rebuilt(members, names, places, len(names) - len(old) - len(old) % 2))


def rebuilt(
    members: list[tuple[bytes, bytes, bytes]], names: bytes, places: dict[int, int], distance: int
) -> Iterator[bytes]:
    """All members, with the table of names in its place and everything behind it `distance` further on."""
    for name, header, contents in members:
        if name in INDICES:
            yield header + padded(moved_index(contents, INDICES[name], distance))
        elif name == NAMES:
            yield header[:48] + b"%-10d" % len(names) + header[58:] + names
        elif name[1:].partition(b":")[0].isdigit():
            place, colon, origin = name[1:].partition(b":")
            moved = places.get(int(place), int(place))
            yield (b"/%d%b%b" % (moved, colon, origin)).ljust(16) + header[16:]
        else:
            yield header


def members_of(data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """(name, header, contents) of each member; contents of the index and the names only, which alone are there."""
    at = len(MAGIC)
    while at < len(data):
        header = data[at : at + HEADER]
        name, size = header[:16].rstrip(), int(header[48:58])
        if len(header) < HEADER or size < 0:
            raise ValueError("damaged")
        at += HEADER
        contents = data[at : at + size] if name in INDICES or name == NAMES else b""
        at += len(contents) + len(contents) % 2
        yield name, header, contents


def moved_names(table: bytes, rename: Callable[[str], str]) -> tuple[bytes, dict[int, int]]:
    """The new table of names, of an even size, and where in it each name of the old one is."""
    names, places, at = b"", {}, 0
    for entry in table.split(b"/\n"):
        name = entry.lstrip(b"\n")
        if name:
            places[at + len(entry) - len(name)] = len(names)
            text = name.decode("utf-8", "surrogateescape")
            names += rename(text).encode("utf-8", "surrogateescape") + b"/\n"
        at += len(entry) + 2
    return padded(names), places


def moved_index(table: bytes, width: int, distance: int) -> bytes:
    """The index with every offset `distance` larger: a count, as many offsets, the names of symbols."""
    count = int.from_bytes(table[:width], "big")
    numbers = [table[at : at + width] for at in range(width, width * (count + 1), width)]
    moved = b"".join((int.from_bytes(it, "big") + distance).to_bytes(width, "big") for it in numbers)
    return table[:width] + moved + table[width * (count + 1) :]


def padded(data: bytes) -> bytes:
    return data + b"\n" * (len(data) % 2)
