"""Places inside the parts of an output that earlier sections have left, to be used again.

The first growth of a section moves it to the end of its part, since the initial link packs sections closely.  Debug
information of an object is in one section, which every edit makes larger: without its old places the room at the end
would last for a few edits.  Free places of a part are a list of (offset, bytes), neighbours joined, of which the
first that fits is taken; what is left over must be nothing, or enough for a filler.
"""

import cython
from cython.cimports.libc.stdint import uint32_t, uint64_t
from cython.cimports.wild.kernels.elf import align_up
from cython.cimports.wild.kernels.graft import *
from cython.cimports.wild.kernels.saved import *
from cython.cimports.wild.kernels.tables import *

from wild.kernels.holes import add_hole

SMALL = cython.declare(cython.const[uint64_t], 64)  # bytes that are not worth to be kept as a place


@cython.cfunc
@cython.exceptval(-1, check=False)
def leave_space(graft: Graft, part: uint32_t, offset: uint64_t, size: uint64_t) -> cython.int:
    """Nobody is there any more."""
    start, _ = add_hole(graft.spaces.setdefault(part, []), offset, size)
    graft.unfilled.add((part, start))
    return 0


@cython.cfunc
@cython.exceptval(0, check=True)
def take_space(graft: Graft, sec: cython.pointer[SectionRow]) -> cython.bint:
    """Give a section a free place in its part, with some room to grow there; False if there is none."""
    spaces: list = graft.spaces.get(sec.part)
    if not spaces or sec.size >> 32:
        return False
    smallest: uint64_t = graft.part[sec.part].smallest
    base: uint64_t = graft.saved.image.part[sec.part].address
    align: uint64_t = cython.cast(uint64_t, 1) << sec.align
    for number, (first, length) in enumerate(spaces):
        start: uint64_t = first
        end: uint64_t = start + cython.cast(uint64_t, length)
        place: uint64_t = align_up(base + start, align) - base
        while place != start and place - start < smallest:
            place += align
        if place + sec.size > end or (place + sec.size != end and end - place - sec.size < smallest):
            continue
        del spaces[number]
        if place > start:
            leave_space(graft, sec.part, start, place - start)
        slack: uint64_t = end - place - sec.size
        wanted: uint64_t = max(sec.size // 4, 16, smallest)
        if slack > wanted and slack - wanted >= max(SMALL, smallest):
            leave_space(graft, sec.part, place + sec.size + wanted, slack - wanted)
            slack = wanted
        sec.address = base + place
        sec.link = cython.cast(uint32_t, sec.size + slack)
        if slack:
            graft.holes.append((sec.part, place + sec.size, slack))
        return True
    return False


@cython.cfunc
def spaces_to_fill(graft: Graft) -> list:
    """(PartId, offset, bytes) of the free places that this update has made or cut."""
    return [
        (part, offset, size)
        for part, spaces in graft.spaces.items()
        for offset, size in spaces
        if (part, offset) in graft.unfilled
    ]
