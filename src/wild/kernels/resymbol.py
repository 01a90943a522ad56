"""Symbols of changed objects, in runs of their own: the old run if it is long enough, else what other objects left
behind, else one at the end."""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.libc.string import memset
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.graft import *
from cython.cimports.wild.kernels.image import Image, place_in_section
from cython.cimports.wild.kernels.pool import Arena, Pool
from cython.cimports.wild.kernels.saved import *
from cython.cimports.wild.kernels.symslices import write_slices
from cython.cimports.wild.kernels.symtab import SymbolTable
from cython.cimports.wild.kernels.tables import *

from wild.errors import CannotUpdate
from wild.kernels.holes import add_hole


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


def write_symbols(graft: Graft, pool: Pool, symtab: SymbolTable, offsets, local, other, names, holes):
    """Write the entries and names of the changed objects' symbols; returns the numbers in use.

    `offsets`: file offsets of .symtab and .strtab; `local`, `other`, `names`: (used, end) of the local symbols, of the
    others, and of the bytes of names; `holes`: three lists of (first, length) that nobody uses, kept up to date.
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
        place_symbols(graft, symtab, cython.address(graft.changed[i]), used, limits, holes)
    pool.run(write_slices, view, symtab.slices, 1)
    view.locate_context = cython.NULL
    return used


def symbol_runs(graft: Graft) -> list:
    """(first, number) of the local and of the other symbols of each changed object."""
    found: list = []
    i: int64_t
    for i in range(graft.count):
        run = cython.address(graft.saved.run[graft.changed[i].file])
        found.append(((run.local, run.locals), (run.first_global, run.globals)))
    return found


@cython.cfunc
@cython.exceptval(-1)
def place_symbols(
    graft: Graft, symtab: SymbolTable, changed: cython.pointer[Changed], used: list, limits, holes
) -> cython.int:
    """The runs of one object; its old ones are emptied first."""
    run = cython.address(graft.saved.run[changed.file])
    clear_symbols(graft, symtab, run)
    if changed.mini == 0:
        return 0  # the object is gone
    counts = count_symbols(symtab, changed.mini)
    old = ((run.local, run.locals), (run.first_global, run.globals), (run.byte, run.bytes))
    new: list = []
    for which in range(3):
        first, length = old[which]
        if counts[which] > length:
            if length:
                add_hole(holes[which], first, length)
            first, length = find_run(counts[which], used, limits, which, holes[which])
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
def find_run(count: int, used: list, limits, which: int, holes: list):
    """(first, length) of a run with some room: the first hole that is long enough, or at the end."""
    wanted = count + count // 4
    for number, (first, length) in enumerate(holes):
        if length < count:
            continue
        taken = min(length, wanted)
        if length > taken:
            holes[number] = (first + taken, length - taken)
        else:
            del holes[number]
        return first, taken
    first = used[which]
    taken = min(wanted, limits[which] - first)
    if taken < count:
        raise CannotUpdate("D1", "no room left in the symbol table")
    used[which] = first + taken
    return first, taken


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
