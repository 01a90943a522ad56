"""What the policy calls to have the pieces of the output made: the kernels of the passes, joined to one image.

Frames and the symbol table ask for addresses through function pointers; here they get those of the image.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint8_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import calloc, free
from cython.cimports.libc.string import memset
from cython.cimports.wild.kernels.frames import FrameTable
from cython.cimports.wild.kernels.image import Image, Target, loaded_target_of, place_in_section
from cython.cimports.wild.kernels.measure import Layout
from cython.cimports.wild.kernels.output import Output
from cython.cimports.wild.kernels.pool import Pool
from cython.cimports.wild.kernels.relocate import Write, write_blocks
from cython.cimports.wild.kernels.tables import *


def use_output(layout: Layout, output: Output):
    """Everything is written to this output from here on."""
    layout.view.out = output.base


def size_frames(pool: Pool, frames: FrameTable, layout: Layout):
    """Choose the FDEs of live functions; `frames.size` and `frames.hdr_size` are valid afterwards."""
    frames.size_up(pool)
    layout.view.frames = frames.view


def write_frames(pool: Pool, frames: FrameTable, layout: Layout, at, header):
    """Write .eh_frame at (file offset, address), and .eh_frame_hdr if `header` is such a pair."""
    image = cython.address(layout.view)
    hdr: cython.pointer[uint8_t] = cython.NULL
    hdr_address: uint64_t = 0
    if header is not None:
        hdr = image.out + cython.cast(uint64_t, header[0])
        hdr_address = header[1]
    to = image.out + cython.cast(uint64_t, at[0])
    frames.write(pool, to, at[1], hdr, hdr_address, value_of, image)


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


def write_sections(pool: Pool, layout: Layout):
    """Copy and relocate every plain section; raises KernelFault for a value that does not fit."""
    write = cython.declare(Write)
    image = cython.address(layout.view)
    write.image = image
    write.fault = cython.address(pool.fault)
    write.block = layout.block
    write.block_start = layout.starts
    write.cursor = cython.cast(cython.pointer[uint64_t], calloc(pool.threads * image.part_count, 8))
    if write.cursor is cython.NULL:
        raise MemoryError("no memory for writing sections")
    clear_sorted(image)
    try:
        pool.run(write_blocks, cython.address(write), layout.blocks, 1)
    finally:
        free(write.cursor)


@cython.cfunc
def clear_sorted(image: cython.pointer[Image]):
    """Parts whose sections do not stand in input order have their gaps filled beforehand."""
    p: int64_t
    for p in range(1, image.part_count):
        part = cython.address(image.part[p])
        if part.flags & 0x4000 and not part.flags & SEC_NOBITS:
            memset(image.out + part.offset, 0, part.size)
