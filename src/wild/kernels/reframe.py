"""Call frame records and symbols of changed objects, in runs of their own.

In the initial link, objects share CIEs, so the records of an old version are not overwritten: its FDEs become CIEs
that nobody uses, in place, and the new version gets a run at the end with CIEs of its own.  That run belongs to the
object alone and is used again for the version after it.
"""

import cython
from cython.cimports.libc.stdint import int32_t, int64_t, uint8_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import calloc, free, malloc
from cython.cimports.libc.string import memcmp, memcpy, memset
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.frames import FrameTable
from cython.cimports.wild.kernels.frames_out import write_unused
from cython.cimports.wild.kernels.graft import *
from cython.cimports.wild.kernels.image import Image, Target, place_in_section, target_of
from cython.cimports.wild.kernels.pool import Arena, Pool
from cython.cimports.wild.kernels.saved import *
from cython.cimports.wild.kernels.symslices import write_slices
from cython.cimports.wild.kernels.symtab import SymbolTable
from cython.cimports.wild.kernels.tables import *

from wild.errors import CannotUpdate

SMALLEST = cython.declare(cython.const[uint64_t], 16)  # bytes of a record that says nothing
HDR = cython.declare(cython.const[uint64_t], 12)


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


def place_frames(graft: Graft, frames: FrameTable, used: int, room: int, offset: int):
    """Give the records of each object their run in .eh_frame, at `offset` in the file; returns the bytes in use.

    `used` of `room` bytes are taken; what is free is one record at the end.
    """
    base = graft.saved.image.out + cython.cast(uint64_t, offset)
    taken: uint64_t = used
    limit: uint64_t = room
    i: int64_t
    for i in range(graft.count):
        run = cython.address(graft.saved.run[graft.changed[i].file])
        size: uint64_t = size_of_frames(frames, graft.changed[i].file)
        left: int64_t = run.frame_bytes - size
        if run.own_frames and (left == 0 or left >= cython.cast(int64_t, SMALLEST)):
            pass
        else:
            retire(graft, base, run)
            if size:
                run.frames = taken
                run.frame_bytes = size + align_up(size // 4, 8) + SMALLEST
                run.own_frames = 1
                taken += run.frame_bytes
            else:
                run.frame_bytes = 0
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
@cython.exceptval(check=False)
def retire(graft: Graft, base: cython.pointer[uint8_t], run: cython.pointer[Run]) -> cython.void:
    """Let the FDEs of a run become CIEs; CIEs that others may use stay."""
    at: uint64_t = run.frames
    while at + 8 <= run.frames + run.frame_bytes:
        size: uint64_t = 4 + cython.cast(uint64_t, read32(base + at))
        if size < SMALLEST or size > run.frames + run.frame_bytes - at:
            return
        if read32(base + at + 4):
            write_unused(base + at, size)
        at += size
    graft.saved.change(base + run.frames, run.frame_bytes)


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
    """Take the entries about the old versions out of the index, and those about the new ones in."""
    to = graft.saved.image.out + cython.cast(uint64_t, header[0])
    old = to + HDR
    length: uint64_t = index[0]
    merged = cython.cast(cython.pointer[uint8_t], malloc(8 * (length + count) + 8))
    if merged is cython.NULL:
        raise MemoryError
    base: int64_t = frames_address - cython.cast(uint64_t, header[1])
    n: uint64_t = 0
    m: uint64_t = 0
    i: uint64_t
    for i in range(length):
        if was_replaced(graft, cython.cast(int32_t, read32(old + 8 * i + 4)) - base):
            continue
        while m < count and cython.cast(int32_t, read32(fresh + 8 * m)) <= cython.cast(
            int32_t, read32(old + 8 * i)
        ):
            write64(merged + 8 * n, read64(fresh + 8 * m))
            n += 1
            m += 1
        write64(merged + 8 * n, read64(old + 8 * i))
        n += 1
    while m < count:
        write64(merged + 8 * n, read64(fresh + 8 * m))
        n += 1
        m += 1
    if n > cython.cast(uint64_t, index[1]):
        free(merged)
        raise CannotUpdate("D1", "no room left in .eh_frame_hdr")
    copy_changed(graft, old, merged, 8 * n)
    free(merged)
    write32(to + 8, cython.cast(uint32_t, n))
    graft.saved.change(to + 8, 4)
    return n


@cython.cfunc
@cython.exceptval(check=False)
def was_replaced(graft: Graft, record: int64_t) -> cython.bint:
    """Is a record, by its offset in .eh_frame, one of a changed object's old version?"""
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


def part_indices(graft: Graft, arena: Arena):
    """Address of the output section indices by PartId."""
    found = cython.cast(cython.pointer[uint32_t], arena.array(graft.part_count + 1, 4))
    i: int64_t
    for i in range(graft.part_count):
        found[i] = graft.saved.image.part[i].shndx
    return cython.cast(uint64_t, found)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def locate(context: cython.p_void, section: uint32_t, offset: uint64_t) -> uint64_t:
    """The address of a byte of a merged section, by its number in the small tables."""
    graft = cython.cast(cython.pointer[Locating], context)
    outside: cython.bint = False
    i: int64_t
    for i in range(graft.count):
        changed = cython.address(graft.changed[i])
        row = cython.address(graft.rows[changed.mini])
        if row.sec_base <= section < row.sec_base + row.shnum:
            section = section - row.sec_base + graft.image.files.row[changed.file].sec_base
            return place_in_section(graft.image, section, offset, cython.address(outside))
    return 0


Locating = cython.struct(
    image=cython.pointer[Image],
    changed=cython.pointer[Changed],
    rows=cython.pointer[FileRow],
    count=int64_t,
)


def write_symbols(graft: Graft, pool: Pool, symtab: SymbolTable, offsets, local, other, names):
    """Write the entries and names of the changed objects' symbols; returns the numbers in use.

    `offsets`: file offsets of .symtab and .strtab; `local`, `other`, `names`: (used, end) of the local symbols, of the
    others, and of the bytes of names.
    """
    view = cython.address(symtab.view)
    out = graft.saved.image.out
    view.symbols = out + cython.cast(uint64_t, offsets[0])
    view.strings = out + cython.cast(uint64_t, offsets[1])
    locating = cython.declare(Locating)
    locating.image = cython.address(graft.saved.image)
    locating.changed = graft.changed
    locating.rows = graft.inputs.view.row
    locating.count = graft.count
    view.locate = locate
    view.locate_context = cython.address(locating)
    used: list = [local[0], other[0], names[0]]
    limits = (local[1], other[1], names[1])
    i: int64_t
    for i in range(graft.count):
        place_symbols(graft, symtab, cython.address(graft.changed[i]), used, limits)
    pool.run(write_slices, view, symtab.slices, 1)
    view.locate_context = cython.NULL
    return used


@cython.cfunc
@cython.exceptval(-1)
def place_symbols(
    graft: Graft, symtab: SymbolTable, changed: cython.pointer[Changed], used: list, limits
) -> cython.int:
    """The runs of one object; its old ones are emptied first."""
    run = cython.address(graft.saved.run[changed.file])
    clear_symbols(graft, symtab, run)
    counts = count_symbols(symtab, changed.mini)
    old = ((run.local, run.locals), (run.first_global, run.globals), (run.byte, run.bytes))
    new: list = []
    for which in range(3):
        first, length = old[which]
        if counts[which] > length:
            first, length = used[which], counts[which] + counts[which] // 4
            length = min(length, limits[which] - first)
            if length < counts[which]:
                raise CannotUpdate("D1", "no room left in the symbol table")
            used[which] = first + length
        new.append((first, length))
    run.local, run.locals = new[0]
    run.first_global, run.globals = new[1]
    run.byte, run.bytes = new[2]
    graft.saved.touch(run, cython.sizeof(Run))
    shift_slices(symtab, changed.mini, run)
    view = cython.address(symtab.view)
    size: uint64_t = 24
    graft.saved.change(view.symbols + size * run.local, size * run.locals)
    graft.saved.change(view.symbols + size * run.first_global, size * run.globals)
    graft.saved.change(view.strings + run.byte, run.bytes)
    return 0


@cython.cfunc
@cython.exceptval(check=False)
def clear_symbols(graft: Graft, symtab: SymbolTable, run: cython.pointer[Run]) -> cython.void:
    """Null entries among local symbols, nameless weak undefined ones among the others."""
    table = cython.cast(cython.pointer[Elf64_Sym], symtab.view.symbols)
    memset(table + run.local, 0, 24 * cython.cast(uint64_t, run.locals))
    memset(table + run.first_global, 0, 24 * cython.cast(uint64_t, run.globals))
    i: uint32_t
    for i in range(run.first_global, run.first_global + run.globals):
        table[i].st_info = STB_WEAK << 4
    graft.saved.change(table + run.local, 24 * cython.cast(uint64_t, run.locals))
    graft.saved.change(table + run.first_global, 24 * cython.cast(uint64_t, run.globals))


@cython.cfunc
def count_symbols(symtab: SymbolTable, mini: uint32_t):
    """(local symbols, others, bytes of names) that an object has in the small table."""
    view = cython.address(symtab.view)
    local: uint64_t = symtab.first_global
    other: uint64_t = view.first_import
    found: list = [0, 0, 0]
    i: int64_t = symtab.slices
    while i > 0:
        i -= 1
        slice = cython.address(view.slice[i])
        if slice.file == mini:
            found[0] += local - slice.locals
            found[1] += other - slice.globals
            found[2] += slice.end_byte - slice.bytes
        local = slice.locals
        other = slice.globals
    return found


@cython.cfunc
@cython.exceptval(check=False)
def shift_slices(symtab: SymbolTable, mini: uint32_t, run: cython.pointer[Run]) -> cython.void:
    """Let the slices of an object write to its runs."""
    view = cython.address(symtab.view)
    first: cython.bint = True
    local: uint32_t = 0
    other: uint32_t = 0
    byte: uint64_t = 0
    i: int64_t
    for i in range(symtab.slices):
        slice = cython.address(view.slice[i])
        if slice.file != mini:
            continue
        if first:
            local = run.local - slice.locals
            other = run.first_global - slice.globals
            byte = run.byte - slice.bytes
            first = False
        slice.locals += local
        slice.globals += other
        slice.bytes += byte
        slice.end_byte += byte
