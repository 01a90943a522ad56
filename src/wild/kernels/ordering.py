"""The order of sections inside a section of the output, where it is not that of the inputs.

Files of symbols (--symbol-ordering-file) or of section names (--section-ordering-file) and call graphs
(call_graph.py) give some sections a key; these come first in their section of the output, by ascending key.
--sort-section, --shuffle-sections and --reverse-sections give all sections a key, which leaves the parts of the output
where they are: hot code stays apart from cold.

Sections with keys are moved to parts of their own, which are laid out here one section behind the other.  Strings,
constants, unwinding records and lists of functions have an order of their own and are left alone.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint8_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import calloc, free, qsort
from cython.cimports.libc.string import strcmp, strlen
from cython.cimports.wild.kernels.cc import mix
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.files import Inputs
from cython.cimports.wild.kernels.glob import glob_match
from cython.cimports.wild.kernels.name_list import ListedName, find_listed_name, list_name, listed_name_slots
from cython.cimports.wild.kernels.names import NameTable
from cython.cimports.wild.kernels.ordering import *
from cython.cimports.wild.kernels.resolve import Resolution, symbols_of
from cython.cimports.wild.kernels.sections import SectionTable, section_header, section_name, section_of
from cython.cimports.wild.kernels.tables import *

ODD = cython.declare(cython.const[uint64_t], 0x9E3779B97F4A7C15)


@cython.final
@cython.cclass
class Ordering:
    """Made when it is known what lives; give keys, then `collect`, `move` the parts, and `place` them."""

    def __cinit__(self, inputs: Inputs, names: NameTable, resolution: Resolution, sections: SectionTable):
        self.inputs = inputs
        self.names = names
        self.resolution = resolution
        self.sections = sections
        self.key = cython.cast(U64, inputs.arena.array(sections.view.count, 8))

    def by_symbols(self, wanted: list):
        """Order by the symbols defined in sections, local ones too; returns the names that nothing defines."""
        size: uint64_t = listed_name_slots(len(wanted))
        table = cython.cast(cython.pointer[ListedName], calloc(size, cython.sizeof(ListedName)))
        if table is cython.NULL:
            raise MemoryError
        number: uint64_t = 0
        for name in wanted:
            number += 1
            text = cython.cast(Bytes, cython.cast(cython.p_const_char, cython.cast(bytes, name)))
            list_name(table, size - 1, text, len(name), number)
        file: int64_t
        with cython.nogil:
            for file in range(1, self.inputs.view.count):
                if self.inputs.view.row[file].sec_base:
                    key_symbols(self, cython.cast(uint32_t, file), table, size - 1)
        missing = []
        for name in wanted:
            text = cython.cast(Bytes, cython.cast(cython.p_const_char, cython.cast(bytes, name)))
            if not find_listed_name(table, size - 1, text, len(name)).found:
                missing.append(name)
        free(table)
        return missing

    def by_names(self, globs: list):
        """Order by section names: those that match the first glob come first."""
        number: uint64_t = 0
        for glob in globs:
            number += 1
            text = cython.cast(Bytes, cython.cast(cython.p_const_char, cython.cast(bytes, glob)))
            length: uint32_t = len(glob)
            with cython.nogil:
                key_names(self, text, length, number)

    def by_hash(self, seed: int):
        """A random order that depends on nothing but the seed."""
        start: uint64_t = seed
        i: int64_t
        for i in range(1, self.sections.view.count):
            self.key[i] = mix(start + ODD, i + ODD) | 1

    def reversed(self):
        i: int64_t
        for i in range(1, self.sections.view.count):
            self.key[i] = cython.cast(uint64_t, self.sections.view.count - i)

    def by_alignment(self):
        """The largest alignment first, as SORT_BY_ALIGNMENT in a script."""
        i: int64_t
        for i in range(1, self.sections.view.count):
            self.key[i] = 64 - cython.cast(uint64_t, self.sections.view.row[i].align)

    def by_name(self):
        """As SORT_BY_NAME in a script."""
        i: int64_t
        for i in range(1, self.sections.view.count):
            self.key[i] = 1

    def collect(self, with_names: bool):
        """List the sections with keys in order; returns the PartIds that they are in."""
        self.row = cython.cast(
            cython.pointer[Ranked], self.inputs.arena.array(self.sections.view.count, cython.sizeof(Ranked))
        )
        file: int64_t
        names: cython.bint = with_names
        with cython.nogil:
            for file in range(1, self.inputs.view.count):
                if self.inputs.view.row[file].sec_base:
                    collect_file(self, cython.cast(uint32_t, file), names)
            qsort(self.row, self.count, cython.sizeof(Ranked), compare)
        i: int64_t  # noqa: F842  the loop below is C
        return sorted({self.row[i].part for i in range(self.count)})

    def move(self, old: int, new: int):
        """Let what is in part `old` and in the order be in part `new`."""
        i: int64_t
        for i in range(self.count):
            if self.row[i].part == cython.cast(uint32_t, old):
                self.row[i].part = new
                self.sections.view.row[self.row[i].section].part = new

    def place(self, part: int):
        """Lay out a part: (size, log2 of the alignment, SEC_* flags)."""
        at: uint64_t = 0
        align: uint8_t = 0
        flags: uint32_t = 0
        filled: cython.bint = False
        i: int64_t
        for i in range(self.count):
            if self.row[i].part == cython.cast(uint32_t, part):
                sec = cython.address(self.sections.view.row[self.row[i].section])
                if sec.kind != SEC_PLAIN:
                    continue
                at = align_up(at, cython.cast(uint64_t, 1) << sec.align)
                sec.address = at
                at += sec.size
                align = max(align, sec.align)
                flags |= sec.flags
                filled = filled or not sec.flags & SEC_NOBITS
        return at, align, flags & ~cython.cast(uint32_t, SEC_NOBITS) if filled else flags


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def key_symbols(
    ordering: Ordering, file: uint32_t, table: cython.pointer[ListedName], mask: uint64_t
) -> cython.void:
    """Give the sections of an object the keys of the symbols that it defines in them."""
    files = cython.address(ordering.inputs.view)
    row = cython.address(files.row[file])
    syms: Sym = symbols_of(files, file)
    i: uint32_t
    for i in range(1, row.nsyms):
        sym = syms + i
        section: uint32_t = section_of(files.base[file], row, sym, i)
        if sym.st_name == 0 or sym.st_name >= row.strsize or section == 0 or section >= row.shnum:
            continue
        section += row.sec_base
        text = files.base[file] + row.stroff + sym.st_name
        slot = find_listed_name(table, mask, text, strlen(cython.cast(cython.p_const_char, text)))
        if slot.text is cython.NULL or sym.st_info & 15 == STT_FILE:
            continue
        slot.found = 1
        if ordering.key[section] == 0 or slot.number < ordering.key[section]:
            ordering.key[section] = slot.number


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def key_names(ordering: Ordering, glob: Bytes, length: uint32_t, key: uint64_t) -> cython.void:
    files = cython.address(ordering.inputs.view)
    file: int64_t
    k: uint32_t
    for file in range(1, files.count):
        row = cython.address(files.row[file])
        for k in range(1, row.shnum if row.sec_base else 0):
            if ordering.key[row.sec_base + k] == 0 and ordering.sections.view.row[row.sec_base + k].part:
                name = section_name(files.base[file], row, section_header(files.base[file], row, k))
                size: uint32_t = cython.cast(uint32_t, strlen(cython.cast(cython.p_const_char, name)))
                if glob_match(glob, length, name, size):
                    ordering.key[row.sec_base + k] = key


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def collect_file(ordering: Ordering, file: uint32_t, with_names: cython.bint) -> cython.void:
    """List what is in the output, has a key, and has no order of its own."""
    files = cython.address(ordering.inputs.view)
    row = cython.address(files.row[file])
    k: uint32_t
    for k in range(1, row.shnum):
        section: uint32_t = row.sec_base + k
        sec = cython.address(ordering.sections.view.row[section])
        wanted: uint32_t = SEC_LIVE | SEC_ALLOC
        if (
            not ordering.key[section]
            or sec.kind != SEC_PLAIN
            or not sec.part
            or sec.flags & (wanted | SEC_ROOT) != wanted
        ):
            continue
        ranked = cython.address(ordering.row[ordering.count])
        ranked.key = ordering.key[section]
        ranked.section = section
        ranked.part = sec.part
        ranked.name = cython.NULL
        if with_names:
            ranked.name = section_name(files.base[file], row, section_header(files.base[file], row, k))
        ordering.count += 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def compare(a: ConstVoid, b: ConstVoid) -> cython.int:
    one = cython.cast(cython.pointer[Ranked], a)
    other = cython.cast(cython.pointer[Ranked], b)
    if one.key != other.key:
        return -1 if one.key < other.key else 1
    if one.name is not cython.NULL and other.name is not cython.NULL:
        order: cython.int = strcmp(
            cython.cast(cython.p_const_char, one.name), cython.cast(cython.p_const_char, other.name)
        )
        if order:
            return order
    return -1 if one.section < other.section else 1
