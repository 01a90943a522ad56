"""-z unique-symbol: a local symbol's name gets a suffix that makes it different from all others.

As in GNU ld, symbols of one name are numbered in the order of the table, in hexadecimal and from 0, and also a name
that occurs once gets its `.0`.  A tool that finds functions by name and number (live patching) can then name each.
Symbols of sections and of source files keep their names, and so do global ones, hidden or not.

Counting has to follow the order, so it is done by one thread, between the loops that choose symbols and those that
write them.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.libc.string import strlen
from cython.cimports.wild.kernels.cc import ctz64
from cython.cimports.wild.kernels.elf import STT_FILE, U32, Bytes, Sym
from cython.cimports.wild.kernels.name_list import ListedName, find_listed_name, listed_name_slots
from cython.cimports.wild.kernels.partial import Partial
from cython.cimports.wild.kernels.pool import Arena
from cython.cimports.wild.kernels.resolve import symbols_of
from cython.cimports.wild.kernels.symslices import SymtabTables
from cython.cimports.wild.kernels.unique_names import suffix_size
from cython.cimports.wild.kernels.views import symbol_at


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def next_number(table: cython.pointer[ListedName], mask: uint64_t, name: Bytes) -> uint32_t:
    """How many symbols of this name came before."""
    length: uint64_t = strlen(cython.cast(cython.p_const_char, name))
    slot = find_listed_name(table, mask, name, length)
    if slot.text is cython.NULL:
        slot.text = name
        slot.length = length
        slot.number = 0
    slot.number += 1
    return cython.cast(uint32_t, slot.number - 1)


@cython.cfunc
@cython.exceptval(-1, check=False)
def number_slices(view: cython.pointer[SymtabTables], slices: int64_t, arena: Arena) -> cython.int:
    """Number the local symbols that .symtab keeps, and add what their names get longer to the slices' bytes."""
    total: uint64_t = 0
    words: uint64_t = 0
    i: int64_t
    for i in range(slices):
        total += view.slice[i].locals
        words = view.slice[i].word + (view.slice[i].end - view.slice[i].begin + 63) // 64
    mask: uint64_t = listed_name_slots(total) - 1
    table = cython.cast(cython.pointer[ListedName], arena.array(mask + 1, cython.sizeof(ListedName)))
    view.numbers = cython.cast(U32, arena.array(64 * words, 4))
    with cython.nogil:
        for i in range(slices):
            number_slice(view, i, table, mask)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def number_slice(
    view: cython.pointer[SymtabTables], index: int64_t, table: cython.pointer[ListedName], mask: uint64_t
) -> cython.void:
    slice = cython.address(view.slice[index])
    file = cython.address(view.tables.files.row[slice.file])
    syms: Sym = symbol_at(view.tables, slice.file, 0)
    text: Bytes = view.tables.files.base[slice.file] + file.stroff
    word: uint64_t
    for word in range((slice.end - slice.begin + 63) // 64):
        bits: uint64_t = view.keep[slice.word + word]
        while bits:
            bit: uint32_t = ctz64(bits)
            bits &= bits - 1
            i: uint32_t = slice.begin + cython.cast(uint32_t, word * 64) + bit
            if i >= file.first_global or syms[i].st_info & 15 == STT_FILE:
                continue
            number: uint32_t = next_number(table, mask, text + syms[i].st_name)
            view.numbers[(slice.word + word) * 64 + bit] = number
            slice.bytes += suffix_size(number)


@cython.cfunc
@cython.exceptval(-1, check=False)
def number_partial(partial: cython.pointer[Partial], arena: Arena) -> cython.int:
    """The same for the local symbols of a partial link."""
    total: uint64_t = 0
    f: int64_t
    for f in range(partial.files.count):
        total += partial.run[f].count
    mask: uint64_t = listed_name_slots(total) - 1
    table = cython.cast(cython.pointer[ListedName], arena.array(mask + 1, cython.sizeof(ListedName)))
    partial.numbers = cython.cast(U32, arena.array(partial.files.locals, 4))
    with cython.nogil:
        for f in range(partial.files.count):
            if partial.run[f].count:
                number_file(partial, cython.cast(uint32_t, f), table, mask)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def number_file(
    partial: cython.pointer[Partial], file: uint32_t, table: cython.pointer[ListedName], mask: uint64_t
) -> cython.void:
    row = cython.address(partial.files.row[file])
    syms: Sym = symbols_of(partial.files, file)
    i: uint32_t
    for i in range(1, row.first_global):
        if partial.local_index[row.local_base + i] == 0 or not is_numbered(syms + i):
            continue
        name: Bytes = partial.files.base[file] + row.stroff + syms[i].st_name
        number: uint32_t = next_number(table, mask, name)
        partial.numbers[row.local_base + i] = number
        partial.run[file].names += suffix_size(number)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def is_numbered(sym: Sym) -> cython.bint:
    """Not the names of source files, and not what has no name."""
    return sym.st_name != 0 and sym.st_info & 15 != STT_FILE
