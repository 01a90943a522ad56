"""Writing input sections: copy a section to its place and relocate it while it is in the cache.

Files are written in units (units.pxd), each by one worker, so the gap before every section is known to that worker: it
fills it, and every byte of a part is written exactly once.

What a unit contributes to a part is its run, and so are its R_*_RELATIVE relocations, which are numbered unit by
unit.  Large runs are drafted (drafts.pxd).
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint8_t, uint32_t, uint64_t
from cython.cimports.libc.string import memcpy, memset, strlen
from cython.cimports.wild.kernels.apply import relocate_loaded
from cython.cimports.wild.kernels.cc import prefetch
from cython.cimports.wild.kernels.drafts import begin_run, end_run, is_drafted
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.glob import glob_match
from cython.cimports.wild.kernels.image import PART_SORTED, Image
from cython.cimports.wild.kernels.relocate import Spot, Write
from cython.cimports.wild.kernels.sections import section_bytes, section_header
from cython.cimports.wild.kernels.tables import *
from cython.cimports.wild.kernels.unloaded import relocate_unloaded

RELA = cython.declare(cython.const[uint64_t], 24)  # sizeof(Elf64_Rela)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def write_units(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Write all plain sections of some units of files."""
    write = cython.cast(cython.pointer[Write], context)
    image = write.image
    parts: int64_t = image.part_count
    cursor = write.cursor + worker * parts
    run = write.run + worker * parts
    u: int64_t
    p: int64_t
    file: uint32_t
    failed: cython.int = 0
    for u in range(begin, end):
        memcpy(cursor, write.units.starts + u * parts, parts * 8)
        begin_runs(write, u, run, worker)
        for file in range(write.units.first[u], write.units.first[u + 1]):
            if image.files.row[file].sec_base:
                failed |= write_file(write, file, cursor, run)
        for p in range(1, parts):
            fill_gap(image, p, run[p], cursor[p], write.units.starts[(u + 1) * parts + p])
        end_runs(write, u, run)
    return failed


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def size_of_run(write: cython.pointer[cython.const[Write]], unit: int64_t, part: int64_t) -> uint64_t:
    """Bytes that a unit contributes to a part as one run; part 0 stands for its relative relocations.

    0: there is no such run.  Relocations that are yet to be packed do not go into the output."""
    if part == 0:
        if write.image.rela != write.image.out:
            return 0
        return (write.units.relatives[unit + 1] - write.units.relatives[unit]) * RELA
    if write.image.part[part].flags & (SEC_NOBITS | PART_SORTED):
        return 0
    start = write.units.starts + unit * write.image.part_count + part
    return start[write.image.part_count] - start[0]


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def start_of_run(write: cython.pointer[cython.const[Write]], unit: int64_t, part: int64_t) -> uint64_t:
    """Where it begins in the part."""
    if part == 0:
        return write.units.relatives[unit] * RELA
    return write.units.starts[unit * write.image.part_count + part]


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def place_of_part(image: cython.pointer[Image], part: int64_t) -> cython.pointer[uint8_t]:
    """Where it is in the output."""
    return image.out + image.part[part].offset if part else image.rela + image.rela_relative


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def drafted_size(write: cython.pointer[cython.const[Write]], unit: int64_t) -> uint64_t:
    """How much of a worker's memory the runs of a unit need."""
    found: uint64_t = 0
    p: int64_t
    for p in range(write.image.part_count):
        size: uint64_t = size_of_run(write, unit, p)
        if is_drafted(write.drafts, size):
            found += size
    return found


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def begin_runs(
    write: cython.pointer[Write],
    unit: int64_t,
    run: cython.pointer[cython.pointer[uint8_t]],
    worker: cython.int,
) -> cython.void:
    """Say where the unit's runs are put together."""
    used: uint64_t = 0
    p: int64_t
    for p in range(write.image.part_count):
        size: uint64_t = size_of_run(write, unit, p)
        start: uint64_t = start_of_run(write, unit, p)
        to = place_of_part(write.image, p) + start
        made = begin_run(write.drafts, worker, used, to, size)
        if p == 0:
            memset(made, 0, size)
        run[p] = made - start
        if made != to:
            used += size


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def end_runs(
    write: cython.pointer[Write],
    unit: int64_t,
    run: cython.pointer[cython.pointer[uint8_t]],
) -> cython.void:
    """Have them in their places."""
    p: int64_t
    for p in range(write.image.part_count):
        start: uint64_t = start_of_run(write, unit, p)
        to = place_of_part(write.image, p) + start
        end_run(write.drafts, run[p] + start, to, size_of_run(write, unit, p))


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def fill_gap(
    image: cython.pointer[Image], part: int64_t, run: cython.pointer[uint8_t], start: uint64_t, end: uint64_t
) -> cython.void:
    """Bytes between two sections of a part; the output may be an old file."""
    row = cython.address(image.part[part])
    if start < end and not row.flags & (SEC_NOBITS | PART_SORTED):
        memset(run + start, row.fill, end - start)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def write_file(
    write: cython.pointer[Write],
    file: uint32_t,
    cursor: cython.pointer[uint64_t],
    run: cython.pointer[cython.pointer[uint8_t]],
) -> cython.int:
    image = write.image
    row = cython.address(image.files.row[file])
    failed: cython.int = 0
    k: uint32_t
    fetch_symbols(image, row)
    for k in range(1, row.shnum):
        sec = cython.address(image.sections.row[row.sec_base + k])
        if sec.kind == SEC_PLAIN and sec.flags & SEC_LIVE and sec.part:
            part = cython.address(image.part[sec.part])
            if part.flags & SEC_NOBITS:
                continue
            at: uint64_t = sec.address - part.address
            if cursor[sec.part] < at:
                fill_gap(image, sec.part, run[sec.part], cursor[sec.part], at)
            cursor[sec.part] = at + sec.size
            failed |= write_section(write, file, k, run[sec.part] + at, run[0])
    return failed


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def fetch_symbols(image: cython.pointer[Image], row: cython.pointer[FileRow]) -> cython.void:
    """Have the rows of the file's global symbols in the cache; one at a time, relocations would wait for each."""
    i: uint32_t
    for i in range(row.nsyms - row.first_global):
        prefetch(image.symbols + image.names.of[row.global_base + i])


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def write_section(
    write: cython.pointer[Write],
    file: uint32_t,
    k: uint32_t,
    to: cython.pointer[uint8_t],
    relocs: cython.pointer[uint8_t],
) -> cython.int:
    """Copy one section and apply its relocations; `relocs`: see Spot."""
    image = write.image
    row = cython.address(image.files.row[file])
    base = image.files.base[file]
    section: uint32_t = row.sec_base + k
    sec = cython.address(image.sections.row[section])
    shdr = section_header(base, row, k)
    spot = cython.declare(Spot)
    spot.file = file
    spot.section = section
    spot.shndx = k
    spot.flags = sec.flags
    spot.code = section_bytes(cython.address(image.sections), base, shdr, section)
    spot.to = to
    spot.address = sec.address
    spot.size = sec.size
    spot.relocs = relocs
    spot.relative = sec.relatives
    spot.symbolic = sec.symbolics
    if spot.code is cython.NULL:
        memset(to, 0, sec.size)
        return 0
    memcpy(to, spot.code, sec.size)
    if sec.relocs == 0:
        return 0
    if sec.flags & SEC_ALLOC:
        return relocate_loaded(write, cython.address(spot))
    spot.tombstone = chosen_tombstone(write, base + row.shstroff + shdr.sh_name)
    spot.lines = begins(base + row.shstroff + shdr.sh_name, b".debug_line", 11)
    return relocate_unloaded(write, cython.address(spot))


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def chosen_tombstone(write: cython.pointer[Write], name: cython.pointer[cython.const[uint8_t]]) -> uint64_t:
    """What the command line says, else what is usual."""
    i: int64_t
    for i in range(write.tombstones - 1, -1, -1):
        row = cython.address(write.tombstone[i])
        length: uint64_t = strlen(cython.cast(cython.p_const_char, name))
        if glob_match(row.glob, row.length, name, cython.cast(uint32_t, length)):
            return row.value
    return tombstone_of(name)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def tombstone_of(name: cython.pointer[cython.const[uint8_t]]) -> uint64_t:
    """What a reference to dead code becomes in this section."""
    if name[0] != 46:  # a dot
        return 0
    name += 2 if name[1] == 122 else 1  # .zdebug_
    return 1 if begins(name, b"debug_loc", 10) or begins(name, b"debug_ranges", 13) else 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def begins(
    name: cython.pointer[cython.const[uint8_t]], text: cython.p_const_char, n: cython.int
) -> cython.bint:
    i: cython.int
    for i in range(n):
        if name[i] != cython.cast(uint8_t, text[i]):
            return False
    return True
