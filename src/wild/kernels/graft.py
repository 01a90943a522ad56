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
from cython.cimports.wild.kernels.sections import Read, SectionTable, section_header
from cython.cimports.wild.kernels.tables import *

from wild.errors import CannotUpdate, ObjectsNeeded


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
        self.new_tls = []
        self.gone_slots = []
        self.new_plt = []
        self.canonical = []
        self.jump_words = []
        self.imports = []
        self.offered = []
        self.copied = []
        self.strengthened = []
        self.withdrawn = []
        self.libraries = set()
        self.joining = set()
        self.left = set()
        self.walked = set()
        self.commons = bytearray()
        self.new_commons = []
        self.common_places = {}

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

    @property
    def libraries_added(self):
        """FileIds of the shared objects that live code needs for the first time.  After the scan."""
        used: set = {
            self.saved.image.symbols[cython.cast(uint32_t, name)].file
            for name in self.imports + self.copied + self.canonical
        }
        return sorted(self.libraries & used)

    def mentions(self, hash: int, length: int) -> bool:
        """Does a changed object mention a name, or did it?  After match_names, and before rows have moved."""
        name: uint32_t = self.saved.lookup(hash, length)
        if name == 0 or self.seen[name] & SEEN_NOW:
            return name != 0
        g: uint32_t = self.saved.head[name]
        while g:
            g -= 1
            if (
                self.saved.image.names.of[g] == name
                and changed_of(self, self.saved.file_of[g]) is not cython.NULL
            ):
                return True
            g = self.saved.next[g]
        return False

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
        """COMDAT groups: each belongs to the first object that has it, as in a full link.

        Raises ObjectsNeeded where an object that has not changed loses a group, or gets one that others left.
        """
        read = cython.declare(Read)
        memset(cython.address(read), 0, cython.sizeof(Read))
        read.files = cython.address(self.inputs.view)
        read.sections = self.sections.view.row
        read.names = cython.address(self.names.view)
        read.owner = self.sections.owner
        i: int64_t
        holders: dict = {}
        for i in range(self.count):
            enter_groups(self, cython.address(self.changed[i]), holders)
        for i in range(self.count):
            leave_groups(self, cython.address(self.changed[i]), holders)
        for i in range(self.name_count):
            mini: uint32_t = self.mini_name[i]
            having = holders.get(self.name[mini])
            if having:
                # NONE: nobody here, but an object that has not changed.
                winner = changed_of(self, settle_group(self, self.name[mini], first_file(self.saved, having)))
                read.owner[mini] = ~winner.mini if winner is not cython.NULL else NONE
        if self.joining:
            raise ObjectsNeeded(
                "E9", "copies of inline functions go from one object to another, in many steps", self.joining
            )
        with cython.nogil:
            strike_losers(cython.address(read), 0, read.files.count, 0)


@cython.cfunc
@cython.exceptval(-1)
def enter_groups(graft: Graft, changed: cython.pointer[Changed], holders: dict) -> cython.int:
    """Add a changed object to the sets of FileIds, by NameId, of those that have a group now."""
    row = cython.address(graft.inputs.view.row[changed.mini])
    if (row.has | changed.old.has) & HAS_LINKONCE:
        # Which copy counts depends on the names of sections of all objects, and tables have those of symbols only.
        raise CannotUpdate("E18", "an object with .gnu.linkonce sections changed")
    k: uint32_t
    for k in range(1, row.shnum if row.sec_base and row.has & HAS_GROUPS else 0):
        mini: uint32_t = graft.sections.view.row[row.sec_base + k].link
        if mini and section_header(graft.inputs.view.base[changed.mini], row, k).sh_type == SHT_GROUP:
            holders.setdefault(graft.name[mini], set()).add(changed.file)
    return 0


@cython.cfunc
@cython.exceptval(-1)
def leave_groups(graft: Graft, changed: cython.pointer[Changed], holders: dict) -> cython.int:
    """Give up the groups that a changed object owned and has no more; the first other one gets them."""
    saved = graft.saved
    g: uint32_t
    for g in range(changed.old.global_base, changed.old.global_base + changed.run.names):
        name: uint32_t = saved.image.names.of[g]
        if name == 0 or saved.owner[name] != ~changed.file:
            continue
        having = holders.get(name, ())
        if changed.file in having:
            continue
        other: uint32_t = first_copy(graft, name)
        if other != NONE and (
            not having or place_of(saved, other) < place_of(saved, first_file(saved, having))
        ):
            graft.joining.add(other)
        saved.owner[name] = 0
        saved.touch(saved.owner + name, 4)
    return 0


@cython.cfunc
@cython.exceptval(check=False)
def first_copy(graft: Graft, name: uint32_t) -> uint32_t:
    """The first object that has not changed and has a copy of a group that lost; NONE if there is none."""
    saved = graft.saved
    first: uint32_t = NONE
    g: uint32_t = saved.head[name]
    while g:
        g -= 1
        file: uint32_t = saved.file_of[g]
        row = cython.address(saved.image.files.row[file])
        # Behind the global symbols of an object are local ones that are signatures (FileRow.nextra).
        lost: cython.bint = saved.shape[g] & SHAPE_STATE == SHAPE_LOSER
        lost = lost or g - row.global_base >= row.nsyms - row.first_global
        if saved.image.names.of[g] == name and lost and row.kind == FILE_OBJECT and row.has & HAS_GROUPS:
            if saved.image.files.live[file] and changed_of(graft, file) is cython.NULL:
                if first == NONE or place_of(saved, file) < place_of(saved, first):
                    first = file
        g = saved.next[g]
    return first


@cython.cfunc
@cython.exceptval(0)
def first_file(saved: Saved, files: set) -> uint32_t:
    """The FileId of the first of some objects on the command line."""
    first: uint32_t = 0
    for file in files:
        if first == 0 or place_of(saved, file) < place_of(saved, first):
            first = file
    return first


@cython.cfunc
@cython.exceptval(check=False)
def place_of(saved: Saved, file: uint32_t) -> uint64_t:
    """A number that orders objects as on the command line, which FileIds of the initial link do.

    A new member of an archive stands among the others of it; what else is new (objects of rustc) comes last.
    """
    place: uint64_t = cython.cast(uint64_t, file) << 32
    row = cython.address(saved.image.files.row[file])
    if saved.run[file].original or not row.flags & FILE_MEMBER or row.map != row.path:
        return place
    before: uint32_t = 0
    first: uint32_t = NONE
    i: uint32_t
    for i in range(1, cython.cast(uint32_t, saved.image.files.count)):
        other = cython.address(saved.image.files.row[i])
        if other.path == row.path and saved.run[i].original and saved.run[i].member:
            first = min(first, i)
            if other.offset < row.offset:
                before = max(before, i)
    if first == NONE:
        return place
    return cython.cast(uint64_t, before if before else first - 1) << 32 | (row.offset >> 1) + 1


@cython.cfunc
@cython.exceptval(0)
def settle_group(graft: Graft, name: uint32_t, here: uint32_t) -> uint32_t:
    """The FileId of the owner of a group; `here`: the first changed object that has it."""
    saved = graft.saved
    owner: uint32_t = ~saved.owner[name]
    if saved.owner[name] and place_of(saved, here) >= place_of(saved, owner):
        return owner
    if saved.owner[name] and changed_of(graft, owner) is cython.NULL:
        graft.joining.add(owner)
        return owner
    saved.owner[name] = ~here
    saved.touch(saved.owner + name, 4)
    return here


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
