"""Files of intermediate code among the inputs: finding them, letting objects stand in for them, taking them out.

Three kinds hold intermediate code: LLVM bitcode; slim objects of GCC, which have nothing else; fat objects,
which have machine code too and are linked as machine code when no plugin takes them.  All passes up to the
plugin's turn see the stand-ins (stand_ins.py) instead; then the files table is made anew: without what the
plugin has taken, with its objects at the place of the first file of those that take part (GNU ld does the
same, so that the order of constructors agrees), and with its libraries at the end.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint8_t, uint32_t, uint64_t
from cython.cimports.libc.string import memcpy
from cython.cimports.wild.kernels.elf import SHN_UNDEF, SHT_GROUP, MutableBytes, Sym
from cython.cimports.wild.kernels.files import Inputs
from cython.cimports.wild.kernels.members import SLOT_WHOLE, Slot
from cython.cimports.wild.kernels.names import NameTable
from cython.cimports.wild.kernels.pool import Pool
from cython.cimports.wild.kernels.resolve import Resolution
from cython.cimports.wild.kernels.sections import SectionTable, section_header
from cython.cimports.wild.kernels.tables import (
    FILE_CLAIMED,
    FILE_EXCLUDED_LIBS,
    FILE_FAT,
    FILE_LAZY,
    FILE_LTO,
    NONE,
    FileRow,
)


def ir_files(inputs: Inputs) -> list:
    """FileIds of the objects that hold intermediate code, alone or beside machine code, in link order."""
    view = cython.address(inputs.view)
    found: list = []
    i: int64_t
    for i in range(view.count):
        if view.row[i].flags & (FILE_LTO | FILE_FAT):
            found.append(i)
    return found


def is_fat(inputs: Inputs, file: int64_t) -> bool:
    """Does an object hold machine code beside intermediate code?"""
    inputs.check_file(file)
    return inputs.view.row[file].flags & FILE_FAT != 0


def is_claimed(inputs: Inputs, file: int64_t) -> bool:
    """Has a plugin taken this file?"""
    inputs.check_file(file)
    return inputs.view.row[file].flags & FILE_CLAIMED != 0


def claimed_files(inputs: Inputs) -> list:
    """FileIds of the files that a plugin has taken and that take part in the link, in link order."""
    view = cython.address(inputs.view)
    found: list = []
    i: int64_t
    for i in range(view.count):
        if view.row[i].flags & FILE_CLAIMED and view.live[i]:
            found.append(i)
    return found


def excluded_names(inputs: Inputs, names: NameTable, resolution: Resolution) -> list:
    """What claimed members of archives that --exclude-libs names define."""
    found: list = []
    view = cython.address(inputs.view)
    i: int64_t
    k: uint32_t
    for i in range(view.count):
        row = cython.address(view.row[i])
        if not row.flags & FILE_CLAIMED or not row.flags & FILE_EXCLUDED_LIBS or not view.live[i]:
            continue
        for k in range(row.first_global, row.nsyms):
            name: uint32_t = names.view.of[row.global_base + k - row.first_global]
            if name and resolution.view.row[name].file == i:
                found.append(names.text(name))
    return found


@cython.cfunc
@cython.exceptval(-1, check=False)
def stand_in_for(inputs: Inputs, file: int64_t, base: MutableBytes, size: uint64_t) -> cython.int:
    """Let the object at `base` take the place of a file that a plugin has claimed; headers are to be read again."""
    row = cython.address(inputs.view.row[file])
    fresh = cython.declare(FileRow)
    fresh = row[0]
    fresh.size = size
    fresh.shoff = fresh.symoff = fresh.stroff = fresh.strsize = fresh.shstroff = fresh.shstrsize = (
        fresh.xindex
    ) = 0
    fresh.shnum = fresh.nsyms = fresh.first_global = fresh.symtab = 0
    fresh.has = 0
    fresh.flags = (row.flags & ~cython.cast(uint8_t, FILE_LTO | FILE_FAT)) | FILE_CLAIMED
    row[0] = fresh
    inputs.view.base[file] = base
    return 0


def replace_claimed(
    inputs: Inputs,
    pool: Pool,
    names: NameTable,
    sections: SectionTable,
    objects: list,
    maps: list,
    flags: list,
) -> None:
    """Make the files table anew, with the plugin's `objects` (MapIds) instead of the files it has claimed.

    `maps` and `flags` are its libraries, as for Inputs.arrange, to be put behind everything.  Archive members
    that take part do so from the beginning, whether their references are still there or not.  COMDAT groups
    that IR has won stay won, by the last of the objects if none has the group: the compiler may have made an
    ordinary definition of it, which must not meet another file's copy.
    """
    inputs.won_groups = won_groups(inputs, names, sections)
    old = inputs.slots
    count: int64_t = inputs.slot_count
    inputs.slots = cython.cast(
        cython.pointer[Slot],
        inputs.arena.array(count + len(objects) + len(maps), cython.sizeof(Slot)),
    )
    inputs.slot_count = 0
    i: int64_t
    placed: cython.bint = False
    for i in range(count):
        row = cython.address(inputs.view.row[i + 1])
        live: cython.bint = inputs.view.live[i + 1] != 0
        if row.flags & FILE_CLAIMED:
            if live and not placed:
                add_objects(inputs, objects)
                placed = True
                inputs.won_by = cython.cast(uint32_t, inputs.slot_count)
            continue
        slot = cython.address(inputs.slots[inputs.slot_count])
        memcpy(slot, old + i, cython.sizeof(Slot))
        if live:
            slot.flags &= ~cython.cast(uint8_t, FILE_LAZY)
            if slot.archive != NONE:
                slot.flags |= SLOT_WHOLE
        inputs.slot_count += 1
    inputs.take_slots(maps, flags)
    inputs.split_archives(pool)


@cython.cfunc
def won_groups(inputs: Inputs, names: NameTable, sections: SectionTable) -> list:
    """The signatures of the COMDAT groups that claimed files have won."""
    found: list = []
    view = cython.address(inputs.view)
    i: int64_t
    k: uint32_t
    for i in range(view.count):
        row = cython.address(view.row[i])
        if not row.flags & FILE_CLAIMED or not view.live[i]:
            continue
        for k in range(1, row.shnum):
            signature: uint32_t = sections.view.row[row.sec_base + k].link
            if section_header(view.base[i], row, k).sh_type == SHT_GROUP and ~sections.owner[signature] == i:
                found.append(names.text(signature))
    return found


@cython.cfunc
@cython.exceptval(-1, check=False)
def add_objects(inputs: Inputs, objects: list) -> cython.int:
    """Slots of the plugin's objects; they vanish before the link ends, so nobody asks whether they changed."""
    for id in objects:
        map: uint32_t = id
        inputs.maps[map].inode = 0
        slot = cython.address(inputs.slots[inputs.slot_count])
        slot.map = map
        slot.archive = NONE
        slot.size = inputs.maps[map].size
        slot.kind = inputs.maps[map].kind
        inputs.slot_count += 1
    return 0


def load_definitions(inputs: Inputs, names: NameTable, symbols: list) -> bool:
    """Let those claimed archive members take part, in the resolution to come, that would define some names that
    nothing in the link defines; returns whether there are any.
    """
    view = cython.address(inputs.view)
    wanted = {names.find(symbol) for symbol in symbols}
    wanted.discard(0)
    found: cython.bint = False
    i: int64_t
    k: uint32_t
    for i in range(view.count):
        row = cython.address(view.row[i])
        if not wanted or not row.flags & FILE_CLAIMED or view.live[i]:
            continue
        syms: Sym = cython.cast(Sym, view.base[i] + row.symoff)
        for k in range(row.first_global, row.nsyms):
            name: uint32_t = names.view.of[row.global_base + k - row.first_global]
            if syms[k].st_shndx != SHN_UNDEF and name in wanted:
                wanted.discard(name)
                row.flags &= ~cython.cast(uint8_t, FILE_LAZY)
                found = True
    return found
