"""What the policy calls to have the pieces of the output made: the kernels of the passes, joined to one image.

Frames and the symbol table ask for addresses through function pointers; here they get those of the image.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint8_t, uint32_t, uint64_t
from cython.cimports.libc.string import memcpy, memset
from cython.cimports.wild.kernels.frames import FrameTable
from cython.cimports.wild.kernels.image import PART_SORTED, Image, Target, loaded_target_of, place_in_section
from cython.cimports.wild.kernels.measure import Layout
from cython.cimports.wild.kernels.output import Output
from cython.cimports.wild.kernels.packed_rela import PackedRela
from cython.cimports.wild.kernels.pool import Arena, Pool
from cython.cimports.wild.kernels.relocate import Tombstone, Write, drafted_size, write_units
from cython.cimports.wild.kernels.tables import *

# About as many bytes of the output a worker writes at once, at least.
SHARE = cython.declare(cython.const[uint64_t], 32 << 10)


def use_output(layout: Layout, output: Output, packed: PackedRela | None = None):
    """Everything is written to this output from here on; with `packed`, what .rela.dyn holds into that table."""
    layout.view.out = output.base
    layout.view.rela = output.base if packed is None else packed.table


def size_frames(pool: Pool, frames: FrameTable, layout: Layout):
    """Choose the FDEs of live functions; `frames.size` and `frames.hdr_size` are valid afterwards."""
    frames.size_up(pool)
    layout.view.frames = frames.view


def write_frames(pool: Pool, frames: FrameTable, layout: Layout, output: Output, at, header):
    """Write .eh_frame at (file offset, address), and .eh_frame_hdr if `header` is such a pair."""
    image = cython.address(layout.view)
    hdr: cython.pointer[uint8_t] = cython.NULL
    hdr_address: uint64_t = 0
    if header is not None:
        hdr = image.out + cython.cast(uint64_t, header[0])
        hdr_address = header[1]
    to = image.out + cython.cast(uint64_t, at[0])
    frames.write(pool, cython.address(output.drafts), to, at[1], hdr, hdr_address, value_of, image)
    output.check()


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def value_of(
    context: cython.p_void, file: uint32_t, symbol: uint32_t, addend: int64_t, r_type: uint32_t
) -> uint64_t:
    """S + A, for the frames."""
    target: Target = loaded_target_of(cython.cast(cython.pointer[Image], context), file, symbol, addend)
    return target.value


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def locate(context: cython.p_void, section: uint32_t, offset: uint64_t) -> uint64_t:
    """The address of a byte of a split section, for the symbol table."""
    outside: cython.bint = False
    return place_in_section(
        cython.cast(cython.pointer[Image], context), section, offset, cython.address(outside)
    )


def locator(layout: Layout):
    """(function, context) for SymbolTable.locate_with."""
    return cython.cast(uint64_t, cython.cast(cython.p_void, locate)), cython.cast(
        uint64_t, cython.address(layout.view)
    )


def write_sections(pool: Pool, layout: Layout, output: Output, tombstones=()):
    """Copy and relocate every plain section; `tombstones`: (glob, value) of -z dead-reloc-in-nonalloc.

    Raises KernelFault for a value that does not fit, and LinkError if the file system refuses the bytes.
    """
    write = cython.declare(Write)
    image = cython.address(layout.view)
    parts: int64_t = image.part_count
    write.image = image
    write.drafts = cython.address(output.drafts)
    write.fault = cython.address(pool.fault)
    write.units = cython.address(layout.units)
    arena = Arena()
    write.cursor = cython.cast(cython.pointer[uint64_t], arena.array(pool.threads * parts, 8))
    write.run = cython.cast(cython.pointer[cython.pointer[uint8_t]], arena.array(pool.threads * parts, 8))
    output.make_room(pool.threads, largest_draft(cython.address(write), layout.units.count))
    note_tombstones(cython.address(write), arena, tombstones)
    clear_sorted(image)
    # Workers that write to the same page wait for each other.
    grain: int64_t = layout.units.count * SHARE // max(1, output.size)
    pool.run(write_units, cython.address(write), layout.units.count, grain)
    output.make_room(pool.threads, 0)
    output.check()


@cython.cfunc
def note_tombstones(write: cython.pointer[Write], arena: Arena, tombstones):
    """What the command line has sections that are not loaded refer to dropped code by."""
    write.tombstones = len(tombstones)
    write.tombstone = cython.cast(
        cython.pointer[Tombstone], arena.array(write.tombstones, cython.sizeof(Tombstone))
    )
    i: int64_t
    for i in range(write.tombstones):
        glob, value = tombstones[i]
        text = arena.array(len(glob) + 1, 1)
        memcpy(text, cython.cast(cython.p_const_char, cython.cast(bytes, glob)), len(glob))
        write.tombstone[i].glob = cython.cast(cython.pointer[uint8_t], text)
        write.tombstone[i].length = len(glob)
        write.tombstone[i].value = value


@cython.cfunc
def largest_draft(write: cython.pointer[Write], units: int64_t) -> uint64_t:
    """How many bytes the drafted runs of a unit have at most."""
    found: uint64_t = 0
    u: int64_t
    for u in range(units):
        found = max(found, drafted_size(write, u))
    return found


@cython.cfunc
def clear_sorted(image: cython.pointer[Image]):
    """Parts whose sections do not stand in input order have their gaps filled beforehand."""
    p: int64_t
    for p in range(1, image.part_count):
        part = cython.address(image.part[p])
        if part.flags & PART_SORTED and not part.flags & SEC_NOBITS:
            memset(image.out + part.offset, 0, part.size)
