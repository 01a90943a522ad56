"""Call frame records of changed objects, in runs of their own.

In the initial link, objects share CIEs, so the CIEs of an old version stay: its FDEs become CIEs that nobody uses, in
place, and the new version gets a run with CIEs of its own.  That run belongs to the object alone and is used again for
the version after it.  What became free is used for other runs, before the room at the end is.
"""

import cython
from cython.cimports.libc.stdint import int32_t, int64_t, uint8_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import calloc, free, malloc
from cython.cimports.libc.string import memcmp, memcpy
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.frames import FrameTable
from cython.cimports.wild.kernels.frames_out import write_unused
from cython.cimports.wild.kernels.graft import *
from cython.cimports.wild.kernels.image import Image, Target, target_of
from cython.cimports.wild.kernels.pool import Pool
from cython.cimports.wild.kernels.saved import *
from cython.cimports.wild.kernels.tables import *

from wild.errors import CannotUpdate
from wild.kernels.holes import add_hole

SMALLEST = cython.declare(cython.const[uint64_t], 16)  # bytes of a record that says nothing
LEAST_HOLE = cython.declare(cython.const[uint64_t], 96)  # bytes: a CIE, and an FDE of a small function
HDR = cython.declare(cython.const[uint64_t], 12)

Span = cython.struct(begin=int64_t, end=int64_t)


def check_frames(graft: Graft):
    """Symbols in .eh_frame are marks of the start files, whose change is not for an update."""
    i: int64_t
    k: uint32_t
    for i in range(graft.count):
        row = cython.address(graft.inputs.view.row[graft.changed[i].mini])
        table = cython.cast(
            cython.pointer[cython.const[Elf64_Sym]],
            graft.inputs.view.base[graft.changed[i].mini] + row.symoff,
        )
        for k in range(1, row.nsyms):
            shndx: uint32_t = table[k].st_shndx
            if shndx == 0 or shndx >= row.shnum or table[k].st_info & 15 == STT_SECTION:
                continue
            if graft.sections.view.row[row.sec_base + shndx].kind == SEC_EH_FRAME:
                raise CannotUpdate("E1", "a start file changed")


def place_frames(graft: Graft, frames: FrameTable, used: int, room: int, offset: int, holes: list):
    """Give the records of each object their run in .eh_frame, at `offset` in the file; returns the bytes in use.

    `used` of `room` bytes are taken; what is free is one record at the end, and `holes`, which are kept up to date:
    (offset in the section, bytes) of records that say nothing.
    """
    base = graft.saved.image.out + cython.cast(uint64_t, offset)
    taken: uint64_t = used
    limit: uint64_t = room
    i: int64_t
    for i in range(graft.count):
        run = cython.address(graft.saved.run[graft.changed[i].file])
        size: uint64_t = size_of_frames(frames, graft.changed[i].file)
        left: int64_t = run.frame_bytes - size
        if not run.own_frames or (left != 0 and left < cython.cast(int64_t, SMALLEST)):
            retire(graft, base, run, holes)
            run.frame_bytes = 0
            if size and not take_hole(graft, base, run, size, holes):
                run.frames = taken
                run.frame_bytes = size + align_up(size // 4, 8) + SMALLEST
                taken += run.frame_bytes
            run.own_frames = run.frame_bytes != 0
        if taken > limit or (limit - taken) % 4 or 0 < limit - taken < SMALLEST:
            raise CannotUpdate("D1", "no room left in .eh_frame")
        set_frames(frames, graft.changed[i].file, run.frames)
        if run.frame_bytes > size:
            write_unused(base + run.frames + size, run.frame_bytes - size)
        graft.saved.change(base + run.frames, run.frame_bytes)
        graft.saved.touch(run, cython.sizeof(Run))
    if taken != cython.cast(uint64_t, used):
        write_unused(base + taken, limit - taken)
        graft.saved.change(base + taken, 16)
    return taken


@cython.cfunc
@cython.exceptval(-1)
def take_hole(
    graft: Graft, base: cython.pointer[uint8_t], run: cython.pointer[Run], size: uint64_t, holes: list
) -> cython.int:
    """A run of at least `size` bytes in the first hole that is large enough; what is too much of it stays a hole."""
    wanted: uint64_t = size + align_up(size // 4, 8) + SMALLEST
    for number, (start, length) in enumerate(holes):
        bytes_: uint64_t = length
        if bytes_ != size and bytes_ < size + SMALLEST:
            continue
        run.frames = start
        run.frame_bytes = bytes_
        del holes[number]
        if bytes_ >= wanted + LEAST_HOLE:
            run.frame_bytes = wanted
            leave_hole(graft, base, run.frames + wanted, run.frames + bytes_, holes)
        return 1
    return 0


@cython.cfunc
@cython.exceptval(-1)
def leave_hole(
    graft: Graft, base: cython.pointer[uint8_t], start: uint64_t, end: uint64_t, holes: list
) -> cython.int:
    """Let one record that says nothing take the place of all from one offset to another, and of holes beside them.

    Returns 0 where that is not worth it.
    """
    if end < start + LEAST_HOLE:
        return 0
    first, length = add_hole(holes, start, end - start)
    start = first
    write_unused(base + start, length)
    graft.saved.change(base + start, 16)
    return 1


@cython.cfunc
@cython.exceptval(check=False)
def size_of_frames(frames: FrameTable, file: uint32_t) -> uint64_t:
    size: uint64_t = 0
    i: int64_t
    for i in range(frames.view.eh_count):
        if frames.view.eh[i].file == file:
            size += frames.view.eh[i].size_out
    return size


@cython.cfunc
@cython.exceptval(check=False)
def set_frames(frames: FrameTable, file: uint32_t, start: uint64_t) -> cython.void:
    i: int64_t
    for i in range(frames.view.eh_count):
        if frames.view.eh[i].file == file:
            frames.view.eh[i].out = start
            start += frames.view.eh[i].size_out


@cython.cfunc
@cython.exceptval(-1)
def retire(graft: Graft, base: cython.pointer[uint8_t], run: cython.pointer[Run], holes: list) -> cython.int:
    """Let the FDEs of a run become CIEs that nobody uses; CIEs that others may use stay."""
    at: uint64_t = run.frames
    end: uint64_t = run.frames + run.frame_bytes
    free_from: uint64_t = at
    if run.frame_bytes:
        graft.saved.change(base + at, run.frame_bytes)
    if run.own_frames and leave_hole(graft, base, at, end, holes):
        return 0
    while at + 8 <= end:
        size: uint64_t = 4 + cython.cast(uint64_t, read32(base + at))
        if size < SMALLEST or size > end - at:
            break
        if read32(base + at + 4):
            write_unused(base + at, size)
        else:
            leave_hole(graft, base, free_from, at, holes)
            free_from = at + size
        at += size
    leave_hole(graft, base, free_from, at, holes)
    return 0


def write_frames(graft: Graft, pool: Pool, frames: FrameTable, at, header, index) -> int:
    """Write the records, and the entries of .eh_frame_hdr about them; returns the number of entries in use.

    `at`: (file offset, address, size without terminator) of .eh_frame; `header`: (file offset, address) of
    .eh_frame_hdr or None; `index`: (entries in use, room).
    """
    image = cython.address(graft.saved.image)
    to = image.out + cython.cast(uint64_t, at[0])
    if frames.size == 0 and header is None:
        return index[0]
    frames.view.records = at[2]
    count: uint64_t = frames.hdr_count
    fresh = cython.cast(cython.pointer[uint8_t], calloc(HDR + 8 * count + 8, 1))
    if fresh is cython.NULL:
        raise MemoryError
    try:
        frames.write(
            pool,
            cython.NULL,
            to,
            at[1],
            fresh if header is not None else cython.NULL,
            header[1] if header else 0,
            value_of,
            image,
        )
        if header is None:
            return index[0]
        return merge_index(graft, fresh + HDR, count, header, index, at[1])
    finally:
        free(fresh)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def value_of(
    context: cython.p_void, file: uint32_t, symbol: uint32_t, addend: int64_t, r_type: uint32_t
) -> uint64_t:
    target: Target = target_of(cython.cast(cython.pointer[Image], context), file, symbol, addend)
    return target.value


@cython.cfunc
@cython.exceptval(-1)
def merge_index(
    graft: Graft, fresh: cython.pointer[uint8_t], count: uint64_t, header, index, frames_address: uint64_t
) -> int64_t:
    """Take the entries about the old versions out of the index, and those about the new ones in.

    They are sorted by address, so only those from the first to the last that comes or goes are merged; those behind
    move if more come than go, or fewer."""
    to = graft.saved.image.out + cython.cast(uint64_t, header[0])
    old = to + HDR
    length: uint64_t = index[0]
    base: int64_t = frames_address - cython.cast(uint64_t, header[1])
    first: uint64_t = 0
    last: uint64_t = length
    newest = fresh + 8 * count - 8
    bounds: Span = span_of_replaced(graft)
    while first < last and (count == 0 or address_of(fresh) > address_of(old + 8 * first)):
        if was_replaced(graft, bounds, record_of(old + 8 * first) - base):
            break
        first += 1
    while last > first and (count == 0 or address_of(newest) <= address_of(old + 8 * last - 8)):
        if was_replaced(graft, bounds, record_of(old + 8 * last - 8) - base):
            break
        last -= 1
    merged = cython.cast(cython.pointer[uint8_t], malloc(8 * (length - first + count) + 8))
    if merged is cython.NULL:
        raise MemoryError
    n: uint64_t = 0
    m: uint64_t = 0
    i: uint64_t
    for i in range(first, last):
        if was_replaced(graft, bounds, record_of(old + 8 * i) - base):
            continue
        while m < count and address_of(fresh + 8 * m) <= address_of(old + 8 * i):
            write64(merged + 8 * n, read64(fresh + 8 * m))
            n += 1
            m += 1
        write64(merged + 8 * n, read64(old + 8 * i))
        n += 1
    memcpy(merged + 8 * n, fresh + 8 * m, 8 * (count - m))
    n += count - m
    if n != last - first:
        memcpy(merged + 8 * n, old + 8 * last, 8 * (length - last))
        n += length - last
        last = length
    used: uint64_t = first + n + (length - last)
    if used > cython.cast(uint64_t, index[1]):
        free(merged)
        raise CannotUpdate("D1", "no room left in .eh_frame_hdr")
    copy_changed(graft, old + 8 * first, merged, 8 * n)
    free(merged)
    write32(to + 8, cython.cast(uint32_t, used))
    graft.saved.change(to + 8, 4)
    return used


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def address_of(entry: cython.pointer[uint8_t]) -> int32_t:
    """What the index is sorted by: the address of a function, from the start of .eh_frame_hdr."""
    return cython.cast(int32_t, read32(entry))


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def record_of(entry: cython.pointer[uint8_t]) -> int64_t:
    """Where the function's record is, from the start of .eh_frame_hdr."""
    return cython.cast(int32_t, read32(entry + 4))


@cython.cfunc
@cython.exceptval(check=False)
def span_of_replaced(graft: Graft) -> Span:
    """From the first to the last byte in .eh_frame of what changed objects had there."""
    span: Span = Span(0, 0)
    i: int64_t
    for i in range(graft.count):
        run = cython.address(graft.changed[i].run)
        if run.frame_bytes == 0:
            continue
        if span.end == 0 or cython.cast(int64_t, run.frames) < span.begin:
            span.begin = run.frames
        span.end = max(span.end, cython.cast(int64_t, run.frames + run.frame_bytes))
    return span


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def was_replaced(graft: Graft, bounds: Span, record: int64_t) -> cython.bint:
    """Is a record, by its offset in .eh_frame, one of a changed object's old version?"""
    return bounds.begin <= record < bounds.end and is_in_old_run(graft, record)


@cython.cfunc
@cython.exceptval(check=False)
def is_in_old_run(graft: Graft, record: int64_t) -> cython.bint:
    i: int64_t
    for i in range(graft.count):
        run = cython.address(graft.changed[i].run)
        if record >= cython.cast(int64_t, run.frames):
            if record < cython.cast(int64_t, run.frames + run.frame_bytes):
                return True
    return False


@cython.cfunc
@cython.exceptval(check=False)
def copy_changed(
    graft: Graft, to: cython.pointer[uint8_t], data: cython.pointer[uint8_t], size: uint64_t
) -> cython.void:
    """Copy what differs, by pages."""
    at: uint64_t = 0
    while at < size:
        step: uint64_t = min(4096, size - at)
        if memcmp(to + at, data + at, step):
            memcpy(to + at, data + at, step)
            graft.saved.change(to + at, step)
        at += step
