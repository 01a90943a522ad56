"""Putting changed objects into the tables of an earlier link: which objects, their names, groups and rows.

The changed objects are read by the ordinary kernels, as if they were a small link of their own ("mini" below); then
their rows move into the tables of the link, where they take the places of the old versions' rows, or new places at
the end if there are more of them.  Whatever cannot be decided here is left to a full link (CannotUpdate).
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint8_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import calloc, free
from cython.cimports.libc.string import memset
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.files import Inputs
from cython.cimports.wild.kernels.graft import *
from cython.cimports.wild.kernels.groups import strike_losers
from cython.cimports.wild.kernels.names import NameTable
from cython.cimports.wild.kernels.resolve import Resolution
from cython.cimports.wild.kernels.saved import *
from cython.cimports.wild.kernels.sections import Read, SectionTable
from cython.cimports.wild.kernels.tables import *

from wild.errors import CannotUpdate


@cython.final
@cython.cclass
class Graft:
    """The changed objects of one update."""

    def __cinit__(self, saved: Saved, inputs: Inputs):
        self.saved = saved
        self.inputs = inputs
        self.holes = []
        self.spaces = {}
        self.unfilled = set()
        self.shifted = []
        self.new_slots = []
        self.new_plt = []
        self.imports = []
        self.offered = []
        self.withdrawn = []
        self.libraries = set()
        self.joining = set()
        self.left = set()

    def __dealloc__(self):
        i: int64_t
        for i in range(self.count):
            free(self.changed[i].old_sections)
        free(self.changed)
        free(self.name)
        free(self.mini_name)
        free(self.flags_before)
        free(self.seen)
        free(self.removed)
        free(self.moved)
        free(self.part)

    def take_room(self, dynsym, plt):
        """(next, end) of the entries of .dynsym and of the PLT that new imports get."""
        self.dynsym, self.dynsym_end = dynsym
        self.plt, self.plt_end = plt

    @property
    def room(self):
        """The same, afterwards."""
        return (self.dynsym, self.dynsym_end), (self.plt, self.plt_end)

    def changed_names(self):
        """File names of the objects that take part, empty for one that is gone."""
        return [
            self.inputs.file_name(self.changed[i].mini) if self.changed[i].mini else ""
            for i in range(self.count)
        ]

    def joined_names(self):
        """File names of those of them that have not changed."""
        return [
            self.inputs.file_name(self.changed[i].mini) for i in range(self.count) if self.changed[i].joins
        ]

    def text_of(self, name: int) -> str:
        """A name that the changed objects mention, for reasons."""
        i: int64_t
        for i in range(self.name_count):
            if self.name[self.mini_name[i]] == cython.cast(uint32_t, name):
                row = cython.address(self.names.view.row[self.mini_name[i]])
                base = self.inputs.view.base[row.file] + self.inputs.view.row[row.file].stroff + row.offset
                return cython.cast(bytes, cython.cast(cython.p_char, base)[: row.length]).decode(
                    "utf-8", "replace"
                )
        return ""

    def use(self, names: NameTable, sections: SectionTable, resolution: Resolution):
        """The other small tables."""
        self.names = names
        self.sections = sections
        self.resolution = resolution
        capacity: uint64_t = names.view.capacity
        self.name = cython.cast(cython.pointer[uint32_t], calloc(capacity + 1, 4))
        self.mini_name = cython.cast(cython.pointer[uint32_t], calloc(capacity + 1, 4))
        self.flags_before = cython.cast(cython.pointer[uint32_t], calloc(capacity + 1, 4))
        self.removed = cython.cast(cython.pointer[uint32_t], calloc(self.saved.image.files.globals + 1, 4))
        self.moved = cython.cast(cython.pointer[uint32_t], calloc(capacity + 1, 4))
        self.seen = cython.cast(cython.pointer[uint8_t], calloc(self.saved.room[SAVED_NAMES] + 1, 1))

    def match_names(self, names: NameTable):
        """Find every name that the changed objects mention in the link's table, or add it there."""
        self.names = names
        i: int64_t
        g: uint32_t
        for i in range(self.count):
            row = cython.address(self.inputs.view.row[self.changed[i].mini])
            for g in range(row.global_base, row.global_base + row.nsyms - row.first_global + row.nextra):
                mini: uint32_t = names.view.of[g]
                if mini and self.name[mini] == 0:
                    self.add_name(mini, self.changed[i].file)

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def add_name(self, mini: uint32_t, file: uint32_t) -> cython.int:
        saved = self.saved
        row = cython.address(self.names.view.row[mini])
        name: uint32_t = saved.lookup(row.hash, row.length)
        if name == 0:
            name = append_name(saved, row, file)
            self.seen[name] |= SEEN_NEW
        self.name[mini] = name
        self.seen[name] |= SEEN_NOW
        self.mini_name[self.name_count] = mini
        self.name_count += 1
        return 0

    def settle_groups(self):
        """COMDAT groups: what another object of the link has already is struck out; new groups become ours."""
        read = cython.declare(Read)
        memset(cython.address(read), 0, cython.sizeof(Read))
        read.files = cython.address(self.inputs.view)
        read.sections = self.sections.view.row
        read.names = cython.address(self.names.view)
        read.owner = self.sections.owner
        i: int64_t
        mini: uint32_t
        for i in range(self.name_count):
            mini = self.mini_name[i]
            if read.owner[mini] == 0:
                continue
            name: uint32_t = self.name[mini]
            here: uint32_t = file_of_mini(self, ~read.owner[mini])
            if self.saved.owner[name] == 0 or self.saved.owner[name] == ~here:
                self.saved.owner[name] = ~here
                self.saved.touch(self.saved.owner + name, 4)
            elif ~self.saved.owner[name] != here:
                # Nobody here: the first member of another file won.  A later changed file may be that one.
                other = changed_of(self, ~self.saved.owner[name])
                read.owner[mini] = ~other.mini if other is not cython.NULL else NONE
        with cython.nogil:
            strike_losers(cython.address(read), 0, read.files.count, 0)


@cython.cfunc
@cython.exceptval(0)
def append_name(saved: Saved, name: cython.pointer[NameRow], file: uint32_t) -> uint32_t:
    """A new NameId behind all others, entered into the hash table."""
    if saved.count[SAVED_NAMES] + 1 >= saved.room[SAVED_NAMES]:
        raise CannotUpdate("D6", "no room for another name")
    number: uint32_t = saved.count[SAVED_NAMES]
    for grown in (SAVED_NAMES, SAVED_SYMBOLS, SAVED_OWNER, SAVED_HEAD):
        saved.count[cython.cast(cython.int, grown)] += 1
    saved.image.names.capacity += 1
    row = cython.address(saved.image.names.row[number])
    row[0] = name[0]
    row.file = file
    memset(saved.image.symbols + number, 0, cython.sizeof(SymbolRow))
    saved.image.symbols[number].file = NONE
    saved.owner[number] = 0
    saved.head[number] = 0
    saved.touch(row, cython.sizeof(NameRow))
    saved.touch(saved.image.symbols + number, cython.sizeof(SymbolRow))
    shard: uint64_t = name.hash >> (64 - SHARD_BITS)
    table = saved.slots.slots + saved.slots.start[shard]
    mask: uint64_t = saved.slots.mask[shard]
    if saved.places.count[shard] + 1 > mask // 4 * 3:
        raise CannotUpdate("D6", "no room for another name")
    saved.places.count[shard] += 1
    at: uint64_t = name.hash & mask
    while table[at]:
        at = (at + 1) & mask
    index: uint32_t = number - saved.image.names.start[shard] + 1
    table[at] = name.hash >> 32 << 32 | index
    saved.touch(table + at, 8)
    saved.touch(saved.places, cython.sizeof(Places))
    return number


@cython.cfunc
@cython.exceptval(check=False)
def file_of_mini(graft: Graft, mini: uint32_t) -> uint32_t:
    i: int64_t
    for i in range(graft.count):
        if graft.changed[i].mini == mini:
            return graft.changed[i].file
    return NONE
