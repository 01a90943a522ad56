"""Strings and constants of changed objects: those that the old versions had keep their places, others are appended.

The bytes of the old pieces are read from the output, so the old objects are not needed, and no table of all strings of
the link either: that an equal string of another object is not found costs a few bytes, until the next full link.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import calloc, free
from cython.cimports.libc.string import memcmp, memcpy
from cython.cimports.wild.kernels.cc import hash_bytes
from cython.cimports.wild.kernels.elf import Bytes, align_up
from cython.cimports.wild.kernels.graft import *
from cython.cimports.wild.kernels.merge import INDEX_SHIFT, MergeSection, MergeTable
from cython.cimports.wild.kernels.saved import *
from cython.cimports.wild.kernels.tables import *

from wild.errors import CannotUpdate

Piece = cython.struct(hash=uint64_t, part=uint32_t, out=uint32_t, size=uint32_t, used=uint32_t)
Pieces = cython.struct(slot=cython.pointer[Piece], mask=uint64_t)


def merge_pieces(graft: Graft, merged: MergeTable):
    """Append the pieces of the changed objects, cut by `merged`, to the tables and to their parts of the output."""
    pieces = cython.declare(Pieces)
    pieces.mask = 1023
    while pieces.mask < 4 * count_pieces(graft, merged):
        pieces.mask = 2 * pieces.mask + 1
    pieces.slot = cython.cast(cython.pointer[Piece], calloc(pieces.mask + 1, cython.sizeof(Piece)))
    if pieces.slot is cython.NULL:
        raise MemoryError
    try:
        i: int64_t
        for i in range(graft.count):
            enter_old(graft, cython.address(graft.changed[i]), cython.address(pieces))
        for i in range(1, merged.view.sections):
            if merged.view.section[i].section:
                move_section(graft, merged, cython.cast(uint32_t, i), cython.address(pieces))
    finally:
        free(pieces.slot)


@cython.cfunc
@cython.exceptval(check=False)
def is_merged(sec: cython.pointer[SectionRow]) -> cython.bint:
    return (sec.kind == SEC_STRINGS or sec.kind == SEC_CONSTANTS) and sec.flags & SEC_LIVE and sec.link != 0


@cython.cfunc
@cython.exceptval(check=False)
def count_pieces(graft: Graft, merged: MergeTable) -> uint64_t:
    total: uint64_t = merged.view.pieces
    i: int64_t
    k: uint32_t
    for i in range(graft.count):
        changed = cython.address(graft.changed[i])
        for k in range(1, changed.old.shnum):
            sec = cython.address(changed.old_sections[k])
            if is_merged(sec):
                section = cython.address(graft.saved.image.merge.section[sec.link])
                total += section.piece_end - section.first_piece
    return total


@cython.cfunc
@cython.exceptval(check=False)
def enter_old(graft: Graft, changed: cython.pointer[Changed], pieces: cython.pointer[Pieces]) -> cython.void:
    """The pieces of an old version, with the places they have."""
    image = cython.address(graft.saved.image)
    k: uint32_t
    p: uint32_t
    for k in range(1, changed.old.shnum):
        sec = cython.address(changed.old_sections[k])
        if not is_merged(sec):
            continue
        section = cython.address(image.merge.section[sec.link])
        base: Bytes = image.out + image.part[sec.part].offset
        for p in range(section.first_piece, section.piece_end):
            size: uint32_t = image.merge.offset[p + 1] - image.merge.offset[p]
            place = find(image.out, base + image.merge.out[p], size, sec.part, pieces, graft)
            place.used = 1
            place.part = sec.part
            place.out = image.merge.out[p]
            place.size = size
            place.hash = hash_bytes(base + image.merge.out[p], size)


@cython.cfunc
@cython.exceptval(check=False)
def find(
    out: Bytes,
    text: Bytes,
    size: uint32_t,
    part: uint32_t,
    pieces: cython.pointer[Pieces],
    graft: Graft,
) -> cython.pointer[Piece]:
    """The entry of equal bytes in a part, or the free one where it would be."""
    hash: uint64_t = hash_bytes(text, size)
    at: uint64_t = hash & pieces.mask
    offset: uint64_t = graft.saved.image.part[part].offset
    while pieces.slot[at].used:
        piece = cython.address(pieces.slot[at])
        if piece.hash == hash and piece.part == part and piece.size == size:
            if memcmp(out + offset + piece.out, text, size) == 0:
                return piece
        at = (at + 1) & pieces.mask
    return cython.address(pieces.slot[at])


@cython.cfunc
@cython.exceptval(-1)
def move_section(
    graft: Graft, merged: MergeTable, number: uint32_t, pieces: cython.pointer[Pieces]
) -> cython.int:
    """One section: its rows, its pieces, and those of them that are new in the output."""
    saved = graft.saved
    image = cython.address(saved.image)
    section = cython.address(merged.view.section[number])
    changed = changed_of_file(graft, section.file)
    k: uint32_t = section.section - graft.inputs.view.row[section.file].sec_base
    sec = cython.address(image.sections.row[image.files.row[changed.file].sec_base + k])
    count: uint64_t = section.piece_end - section.first_piece + 1
    words: uint64_t = (section.size >> INDEX_SHIFT) + 2
    first: uint64_t = take(saved, SAVED_MERGE_OFFSET, count)
    take(saved, SAVED_MERGE_OUT, count)
    index: uint64_t = take(saved, SAVED_MERGE_INDEX, words)
    sec.link = cython.cast(uint32_t, take(saved, SAVED_MERGE_SECTIONS, 1))
    to = cython.address(image.merge.section[sec.link])
    to[0] = section[0]
    to.first_index = index
    to.first_piece = cython.cast(uint32_t, first)
    to.piece_end = cython.cast(uint32_t, first + count - 1)
    saved.touch(to, cython.sizeof(MergeSection))
    shift: uint32_t = cython.cast(uint32_t, first) - section.first_piece
    i: uint64_t
    for i in range(words):
        image.merge.index[index + i] = merged.view.index[section.first_index + i] + shift
    saved.touch(image.merge.index + index, 4 * words)
    memcpy(image.merge.offset + first, merged.view.offset + section.first_piece, 4 * count)
    saved.touch(image.merge.offset + first, 4 * count)
    align: uint64_t = cython.cast(uint64_t, 1) << sec.align
    for i in range(count - 1):
        image.merge.out[first + i] = place_piece(
            graft,
            sec.part,
            align,
            merged.view.bytes[number],
            merged.view.offset + section.first_piece + i,
            pieces,
        )
    image.merge.out[first + count - 1] = image.merge.out[first + count - 2] if count > 1 else 0
    saved.touch(image.merge.out + first, 4 * count)
    saved.touch(sec, cython.sizeof(SectionRow))
    return 0


@cython.cfunc
@cython.exceptval(check=False)
def changed_of_file(graft: Graft, mini: uint32_t) -> cython.pointer[Changed]:
    i: int64_t
    for i in range(graft.count):
        if graft.changed[i].mini == mini:
            return cython.address(graft.changed[i])
    return cython.NULL


@cython.cfunc
@cython.exceptval(0xFFFFFFFFFFFFFFFF)
def take(saved: Saved, table: cython.int, rows: uint64_t) -> uint64_t:
    if saved.count[table] + rows > saved.room[table]:
        raise CannotUpdate("D6", "a table of the state is full")
    first: uint64_t = saved.count[table]
    saved.count[table] += rows
    return first


@cython.cfunc
@cython.exceptval(0xFFFFFFFF, check=True)
def place_piece(
    graft: Graft,
    part: uint32_t,
    align: uint64_t,
    bytes: Bytes,
    offset: cython.pointer[uint32_t],
    pieces: cython.pointer[Pieces],
) -> uint32_t:
    """The place of a piece in its part; new ones are written to the output."""
    image = cython.address(graft.saved.image)
    text: Bytes = bytes + offset[0]
    size: uint32_t = offset[1] - offset[0]
    piece = find(image.out, text, size, part, pieces, graft)
    if piece.used:
        return piece.out
    room = cython.address(graft.part[part])
    place: uint64_t = align_up(room.used, align)
    if place + size > room.size or not room.grows:
        raise CannotUpdate("D1", "no room left for strings and constants")
    room.used = place + size
    to = image.out + image.part[part].offset + place
    memcpy(to, text, size)
    graft.saved.change(to, size)
    piece.used = 1
    piece.part = part
    piece.size = size
    piece.hash = hash_bytes(text, size)
    piece.out = cython.cast(uint32_t, place)
    return piece.out
