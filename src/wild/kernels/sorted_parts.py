"""Sorted parts: sections laid out by the number at the end of their names, as constructors with priorities
are.

`.init_array.N` stands before `.init_array.M` if N is smaller, and those without a number stand behind
all others. `.ctors.N` is another way to write `.init_array.(65535 - N)` (ctors.py); at the same number
it goes first, as GNU ld sorts by the name then.  What is left is in input order.

There are few such sections in a link, so they are sorted and placed one by one.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint8_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import qsort
from cython.cimports.libc.string import strchr
from cython.cimports.wild.kernels.ctors import is_ctors
from cython.cimports.wild.kernels.elf import align_up
from cython.cimports.wild.kernels.image import Image
from cython.cimports.wild.kernels.measure import Layout
from cython.cimports.wild.kernels.sections import PartKey, section_header
from cython.cimports.wild.kernels.tables import *

DOT = cython.declare(cython.const[uint8_t], 46)
ZERO = cython.declare(cython.const[uint8_t], 48)
NINE = cython.declare(cython.const[uint8_t], 57)
UNNUMBERED = cython.declare(cython.const[uint64_t], 1 << 40)  # .init_array.name
PLAIN = cython.declare(cython.const[uint64_t], 1 << 41)  # .init_array


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def number_in_name(name: cython.pointer[cython.const[uint8_t]]) -> uint64_t:
    """What to sort by: twice the number at the end of a section name, and 1 for .init_array."""
    end: cython.int = 0
    while name[end]:
        end += 1
    start: cython.int = end
    while start and ZERO <= name[start - 1] <= NINE and end - start < 9:
        start -= 1
    if start == end or start == 0 or name[start - 1] != DOT:
        return UNNUMBERED if strchr(cython.cast(cython.p_const_char, name) + 1, DOT) else PLAIN
    value: uint64_t = 0
    for i in range(start, end):
        value = 10 * value + name[i] - ZERO
    if is_ctors(name):
        return 2 * (65535 - value) if value <= 65535 else 0
    return 2 * value + 1


@cython.cfunc
def place_by_number(layout: Layout, key: cython.pointer[PartKey]):
    """Sort (number, SectionId) pairs and lay the sections out in that order."""
    arena = layout.inputs.arena
    image = cython.address(layout.view)
    order = cython.cast(cython.pointer[uint64_t], arena.array(key.count, 16))
    i: uint64_t
    f: int64_t = 1
    for i in range(key.count):
        section: uint32_t = layout.sections.ids[key.first + i]
        while not is_in_file(image, f, section):
            f += 1
        row = cython.address(image.files.row[f])
        shdr = section_header(image.files.base[f], row, section - row.sec_base)
        name = image.files.base[f] + row.shstroff + shdr.sh_name
        order[2 * i] = number_in_name(name)
        order[2 * i + 1] = section
    qsort(order, key.count, 16, compare_pairs)
    at: uint64_t = 0
    align: uint32_t = 0
    for i in range(key.count):
        sec = cython.address(image.sections.row[order[2 * i + 1]])
        if sec.kind == SEC_PLAIN and sec.flags & SEC_LIVE:
            sec.address = align_up(at, cython.cast(uint64_t, 1) << sec.align)
            at = sec.address + sec.size
            align = max(align, sec.align)
    return at, align


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def is_in_file(image: cython.pointer[Image], file: int64_t, section: uint64_t) -> cython.bint:
    row = cython.address(image.files.row[file])
    return row.sec_base != 0 and row.sec_base <= section < row.sec_base + row.shnum


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def compare_pairs(a: cython.p_const_void, b: cython.p_const_void) -> cython.int:
    x = cython.cast(cython.pointer[cython.const[uint64_t]], a)
    y = cython.cast(cython.pointer[cython.const[uint64_t]], b)
    if x[0] != y[0]:
        return 1 if x[0] > y[0] else -1
    return (x[1] > y[1]) - (x[1] < y[1])
