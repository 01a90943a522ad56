"""Data without a name: texts, constants, tables, of which only what refers to them tells where they begin.

Where they end is not known either. Everything that is used is referred to, so they end where the next such thing
begins, or before it: data that nobody refers to may lie between, and then others in either file. So the units up to
that place are compared, and one that differs counts as a fault if most of the others are the same, but as the end of
the data if few are. Texts are compared up to their NUL, since linkers let one end with another. Rust's have none, and
what stands behind one can be any other text: so what differs only behind the next place that something refers to is
no difference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from linker_diff import elf_names as elf

if TYPE_CHECKING:
    from linker_diff.match import Pair
    from linker_diff.places import Places

LONGEST = 4096  # bytes that are looked at
TAIL = 16  # bytes before the end of unnamed data
FIRST = 8  # bytes that have to be the same
POINTER = 8  # bytes
SHORTEST = 4  # letters of a text that can be misspelt


def same_data(pair: Pair, a: int, b: int, width: int) -> bool:
    """Is it the same that stands at `a` in the reference and at `b` in ours?  `width` bytes, 0 if it is not known."""
    if width:
        return pair.same_units(a, b, width) >= width or pair.is_near(a, b)
    if are_records(pair.ref, a) and are_records(pair.ours, b):
        return True
    extents = pair.extents(a, b)
    exact, room = extents[0] == extents[1], min(*extents, LONGEST)
    alike = pair.same_units(a, b, room)
    if alike >= room > 0 and (exact or room >= FIRST):
        return True
    text = same_text(pair, a, b)
    if text is not None:
        return text or (not are_misspelt(pair, a, b) and (same_end(pair, a, b) or pair.is_near(a, b)))
    if has_faults(pair, a, b, room, exact):
        return False
    # Up to a NUL: an empty text, or what Rust makes of format strings.
    ended = text_at(pair.ref, a)[:2] == text_at(pair.ours, b)[:2]
    return ended or alike >= min(FIRST, room) or same_end(pair, a, b) or pair.is_near(a, b)


def are_records(places: Places, address: int) -> bool:
    """Is it among the unwind records, which are compared by function and have another order in every file?"""
    section = places.image.section_at(address)
    return section is not None and section.name == ".eh_frame"


def same_text(pair: Pair, a: int, b: int) -> bool | None:
    """Are they the same text?  None if they are no texts."""
    (text_a, ends_a, alone_a), (text_b, ends_b, alone_b) = text_at(pair.ref, a), text_at(pair.ours, b)
    if ends_a and ends_b and is_text(text_a) and text_a == text_b:
        return True
    # C's texts stand alone, between NULs. One of Rust goes on to another without an end, and can have one letter.
    if alone_a and alone_b:
        return differ_at(text_a, text_b) >= min(pair.extents(a, b))
    if is_text(text_a[:2]) and is_text(text_b[:2]) and text_a[0] == text_b[0]:
        return True
    return None


def differ_at(one: bytes, other: bytes) -> int:
    """How many bytes of the two are the same."""
    return next(
        (at for at, two in enumerate(zip(one, other, strict=False)) if two[0] != two[1]),
        min(len(one), len(other)),
    )


def text_at(places: Places, address: int) -> tuple[bytes, bool, bool]:
    """What stands before the next NUL; is there one; does it stand between two NULs, and is it text?"""
    data = places.image.read(address, min(places.bound(address) - address, LONGEST))
    text, end, _ = data.partition(b"\0")
    alone = (
        text.isascii() and is_text(text) and bool(end) and not ends_text(places.image.read(address - 1, 1))
    )
    return text, bool(end), alone


def are_misspelt(pair: Pair, a: int, b: int) -> bool:
    """Are these texts of C of one length that differ in fewer than half of their letters?  Whatever stands before
    them, they are meant to be the same."""
    (text_a, _, alone_a), (text_b, _, alone_b) = text_at(pair.ref, a), text_at(pair.ours, b)
    wrong = sum(one != other for one, other in zip(text_a, text_b, strict=False))
    short = len(text_a) != len(text_b) or len(text_a) < SHORTEST
    return alone_a and alone_b and not short and 0 < wrong * 2 < len(text_a)


def has_faults(pair: Pair, a: int, b: int, size: int, exact: bool) -> bool:
    """Are most units the same, but not all?  Zeros say nothing: there are many of them everywhere.

    `exact`: does what follows begin at the same distance in both files?  Then half of the units may be wrong.
    """
    first, wrong, all_units = -1, 0, 0
    for at, length, same in pair.units(a, b, size):
        if not exact and at + POINTER > size:
            break  # it may be cut
        zeros = not (pair.ref.image.word(a + at, length) or pair.ours.image.word(b + at, length))
        if not same:
            first = at if first < 0 else first
            wrong += 1
        if not (same and zeros):
            all_units += 1
    if not wrong or wrong * (2 if exact else 3) > all_units:
        return False
    pair.unlike[a, b] = first
    return True


def same_end(pair: Pair, a: int, b: int) -> bool:
    """Do constants end at both addresses that are the same, as those of a loop that stops at the end of a text?"""
    sections = pair.ref.image.section_at(a - 1), pair.ours.image.section_at(b - 1)
    if any(section is None or section.flags & elf.SHF_WRITE for section in sections):
        return False
    before = [places.image.read(at - TAIL, TAIL)[::-1] for places, at in ((pair.ref, a), (pair.ours, b))]
    return len(before[0][: differ_at(*before)].replace(b"\0", b"")) >= 3


def is_text(data: bytes) -> bool:
    """Is it text in UTF-8, which may be cut in the middle of a character?"""
    if not data or not all(32 <= byte < 127 or byte in b"\t\n\r\x1b" or byte >= 128 for byte in data):
        return False
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return error.start > 0 and error.end == len(data)
    return True


def ends_text(data: bytes) -> bool:
    """Can the byte be the last of a text in UTF-8?"""
    return data != b"" and (32 <= data[0] < 127 or 128 <= data[0] < 192)
