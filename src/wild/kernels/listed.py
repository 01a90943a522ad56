"""Parts of a linker script: sections laid out one by one, so that each is where GNU ld would put it.

Where the first section goes depends on where the part begins, and a script may let it begin anywhere.  So a part is
laid out anew whenever its place changes, by one loop over its sections, in input order or sorted as the script says
(GNU ld's manual, "Input Section Wildcards").
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint8_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import qsort
from cython.cimports.libc.string import strcmp
from cython.cimports.wild.kernels.elf import align_up
from cython.cimports.wild.kernels.listed import *
from cython.cimports.wild.kernels.measure import Layout
from cython.cimports.wild.kernels.sections import PartKey, section_header, section_name
from cython.cimports.wild.kernels.sorted_parts import is_in_file, number_in_name
from cython.cimports.wild.kernels.tables import *

Entry = cython.struct(
    section=uint64_t,
    name=cython.p_const_char,
    file=uint64_t,
    number=uint64_t,
    align=uint64_t,
    sort=uint64_t,
)


@cython.cfunc
def sort_listed(layout: Layout, key: cython.pointer[PartKey]):
    """Bring the sections of a key into the order that its rule asks for."""
    if not key.sort:
        return
    image = cython.address(layout.view)
    entries = cython.cast(cython.pointer[Entry], layout.inputs.arena.array(key.count, cython.sizeof(Entry)))
    ranks = file_ranks(layout) if key.sort & SORT_FILES else None
    i: uint64_t
    f: int64_t = 1
    for i in range(key.count):
        section: uint32_t = layout.sections.ids[key.first + i]
        while not is_in_file(image, f, section):
            f += 1
        row = cython.address(image.files.row[f])
        base = image.files.base[f]
        name = section_name(base, row, section_header(base, row, section - row.sec_base))
        entry = cython.address(entries[i])
        entry.section = section
        entry.name = cython.cast(cython.p_const_char, name)
        entry.file = ranks[f] if ranks is not None else 0
        entry.number = number_in_name(name)
        entry.align = image.sections.row[section].align
        entry.sort = key.sort
    qsort(entries, key.count, cython.sizeof(Entry), compare_entries)
    for i in range(key.count):
        layout.sections.ids[key.first + i] = cython.cast(uint32_t, entries[i].section)


@cython.cfunc
def file_ranks(layout: Layout):
    """By FileId: the place of its name among all names."""
    names = [layout.inputs.file_name(file) for file in range(layout.view.files.count)]
    ranks = {name: rank for rank, name in enumerate(sorted(set(names)))}
    return [ranks[name] for name in names]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def compare_entries(a: cython.p_const_void, b: cython.p_const_void) -> cython.int:
    x = cython.cast(cython.pointer[Entry], a)
    y = cython.cast(cython.pointer[Entry], b)
    order: cython.int = (x.file > y.file) - (x.file < y.file)
    if order == 0:
        order = compare_by(x, y, x.sort & 15)
    if order == 0:
        order = compare_by(x, y, x.sort >> SORT_SECOND & 15)
    if order == 0:
        order = (x.section > y.section) - (x.section < y.section)
        if x.sort & SORT_BACKWARDS:
            order = -order
    return -order if x.sort & SORT_REVERSED else order


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def compare_by(x: cython.pointer[Entry], y: cython.pointer[Entry], sort: uint64_t) -> cython.int:
    if sort == SORT_ALIGNMENT:
        return (x.align < y.align) - (x.align > y.align)
    if sort == SORT_PRIORITY and x.number != y.number:
        return 1 if x.number > y.number else -1
    return strcmp(x.name, y.name) if sort else 0


@cython.cfunc
def place_listed(layout: Layout, key: cython.pointer[PartKey], start: uint64_t):
    """Lay out the sections of a key from address `start` on; (size, log2 of the alignment, SEC_* flags)."""
    image = cython.address(layout.view)
    at: uint64_t = start
    align: uint8_t = 0
    flags: uint32_t = 0
    filled: cython.bint = False
    i: uint64_t
    for i in range(key.first, key.first + key.count):
        sec = cython.address(image.sections.row[layout.sections.ids[i]])
        if sec.kind == SEC_PLAIN and sec.flags & SEC_LIVE:
            at = align_up(at, cython.cast(uint64_t, 1) << sec.align)
            sec.address = at - start
            at += sec.size
            align = max(align, sec.align)
            flags |= sec.flags
            filled = filled or not sec.flags & SEC_NOBITS
    return at - start, align, flags & ~cython.cast(uint32_t, SEC_NOBITS) if filled else flags
