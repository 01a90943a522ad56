"""Finding places in the old output for everything that the changed objects have now.

Sections take the places of the old versions' sections of the same name and part if they fit, else places that others
have left, else new ones in the room at the end of the part; what is free is filled.  Dynamic relocations, symbols and
call frame records have runs for each object, which are kept if they are long enough, and otherwise moved to the end as
well.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import calloc, free
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.graft import *
from cython.cimports.wild.kernels.image import place_in_section
from cython.cimports.wild.kernels.saved import *
from cython.cimports.wild.kernels.spaces import leave_space, spaces_to_fill, take_space
from cython.cimports.wild.kernels.tables import *

from wild.errors import CannotUpdate

ODD = cython.declare(cython.const[uint64_t], 0x1E3779B97F4A7C15)
PAGE_BITS = cython.declare(cython.const[uint32_t], 12)
SLACK = cython.declare(cython.const[uint64_t], 16)

Slots = cython.struct(  # the old sections of one object, found by part and name
    table=cython.pointer[uint32_t],
    next=cython.pointer[uint32_t],
    mask=uint64_t,
)


def set_parts(graft: Graft, parts: list, spaces: dict):
    """`parts`: (bytes used, bytes there are, does it grow?, smallest hole, the part instead of an empty one) by PartId;
    `spaces`: see spaces.py.
    """
    graft.spaces = spaces
    graft.part_count = len(parts)
    graft.part = cython.cast(cython.pointer[PartRoom], calloc(graft.part_count + 1, cython.sizeof(PartRoom)))
    i: int64_t
    for i in range(graft.part_count):
        part = cython.address(graft.part[i])
        part.used, part.size, part.grows, part.smallest, part.instead = parts[i]


def part_uses(graft: Graft) -> list:
    """Bytes in use of each part."""
    return [graft.part[i].used for i in range(graft.part_count)]


def place_sections(graft: Graft) -> list:
    """Give every section that lives its address; returns the holes: (PartId, offset in the part, size)."""
    graft.holes = []
    i: int64_t
    for i in range(graft.count):
        place_file(graft, cython.address(graft.changed[i]))
    graft.holes += spaces_to_fill(graft)
    return graft.holes


@cython.cfunc
@cython.exceptval(-1)
def place_file(graft: Graft, changed: cython.pointer[Changed]) -> cython.int:
    image = cython.address(graft.saved.image)
    row = cython.address(image.files.row[changed.file])
    slots = cython.declare(Slots)
    find_slots(changed, cython.address(slots))
    try:
        k: uint32_t
        for k in range(1, row.shnum):
            sec = cython.address(image.sections.row[row.sec_base + k])
            if sec.kind == SEC_PLAIN and sec.flags & SEC_LIVE and sec.part:
                find_part(graft, sec)
                if not graft.part[sec.part].arranged:
                    place_section(graft, changed, cython.address(slots), sec)
                mini = cython.address(
                    graft.sections.view.row[graft.inputs.view.row[changed.mini].sec_base + k]
                )
                mini.part, mini.address = sec.part, sec.address
        free_slots(graft, changed)
        check_order(graft, row)
    finally:
        free(slots.table)
        free(slots.next)
    return 0


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def is_slot(sec: cython.pointer[SectionRow]) -> cython.bint:
    return sec.kind == SEC_PLAIN and sec.flags & SEC_LIVE != 0 and sec.part != 0


@cython.cfunc
@cython.exceptval(-1)
def find_slots(changed: cython.pointer[Changed], slots: cython.pointer[Slots]) -> cython.int:
    """Enter the old sections into a table by part and name, the first of equal ones in front."""
    slots.mask = 63
    while slots.mask < 2 * cython.cast(uint64_t, changed.old.shnum):
        slots.mask = 2 * slots.mask + 1
    slots.table = cython.cast(cython.pointer[uint32_t], calloc(slots.mask + 1, 4))
    slots.next = cython.cast(cython.pointer[uint32_t], calloc(changed.old.shnum + 1, 4))
    if slots.table is cython.NULL or slots.next is cython.NULL:
        raise MemoryError
    k: uint32_t = changed.old.shnum
    while k > 1:
        k -= 1
        sec = cython.address(changed.old_sections[k])
        if is_slot(sec):
            at: uint64_t = slot_of(sec.part, sec.unused) & slots.mask
            slots.next[k] = slots.table[at]
            slots.table[at] = k
    return 0


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def slot_of(part: uint32_t, name: uint32_t) -> uint64_t:
    return (cython.cast(uint64_t, part) * ODD + name) * ODD >> 13


@cython.cfunc
@cython.exceptval(check=False)
def find_part(graft: Graft, sec: cython.pointer[SectionRow]) -> cython.void:
    """A part that was empty has no place in the output; another of the same output section does as well."""
    other: uint32_t = graft.part[sec.part].instead
    if other and (graft.saved.image.part[other].flags ^ sec.flags) & SEC_NOBITS == 0:
        sec.part = other


@cython.cfunc
@cython.exceptval(-1)
def place_section(
    graft: Graft,
    changed: cython.pointer[Changed],
    slots: cython.pointer[Slots],
    sec: cython.pointer[SectionRow],
) -> cython.int:
    """Into the old place if it fits, else into the room."""
    part = cython.address(graft.part[sec.part])
    base: uint64_t = graft.saved.image.part[sec.part].address
    if sec.align > graft.saved.image.part[sec.part].align and (sec.align > PAGE_BITS or sec.flags & SEC_TLS):
        raise CannotUpdate("D8", "a section needs more alignment than its segment has")
    at = cython.address(slots.table[slot_of(sec.part, sec.unused) & slots.mask])
    while at[0]:
        old = cython.address(changed.old_sections[at[0]])
        if old.part == sec.part and old.unused == sec.unused and fits_slot(part, old, sec):
            sec.address = old.address
            sec.link = old.link
            hole: uint64_t = old.link - sec.size
            if hole:
                graft.holes.append((sec.part, old.address - base + sec.size, hole))
            old.part = 0
            at[0] = slots.next[at[0]]
            return 0
        at = cython.address(slots.next[at[0]])
    graft.full_part = sec.part
    if not part.grows:
        raise CannotUpdate("E8", "a section that stands without gaps changed its size")
    leave_slot(graft, changed, slots, sec)
    if take_space(graft, sec):
        graft.full_part = 0
        return 0
    slack: uint64_t = max(sec.size // 4, SLACK, part.smallest)
    place: uint64_t = take_place(part, base, sec.size, cython.cast(uint64_t, 1) << sec.align)
    sec.address = base + place
    graft.full_part = 0
    slack = min(slack, part.size - part.used)
    if slack < part.smallest:
        slack = 0
    part.used += slack
    sec.link = cython.cast(uint32_t, sec.size + slack)
    if slack:
        graft.holes.append((sec.part, place + sec.size, slack))
    return 0


@cython.cfunc
@cython.exceptval(-1)
def leave_slot(
    graft: Graft,
    changed: cython.pointer[Changed],
    slots: cython.pointer[Slots],
    sec: cython.pointer[SectionRow],
) -> cython.int:
    """What a section leaves because it has grown may be a part of its next place, with what is free beside it."""
    at = cython.address(slots.table[slot_of(sec.part, sec.unused) & slots.mask])
    while at[0]:
        old = cython.address(changed.old_sections[at[0]])
        if old.part == sec.part and old.unused == sec.unused and old.link:
            leave_space(graft, old.part, old.address - graft.saved.image.part[sec.part].address, old.link)
            old.part = 0
            at[0] = slots.next[at[0]]
            return 0
        at = cython.address(slots.next[at[0]])
    return 0


@cython.cfunc
@cython.exceptval(check=False)
def fits_slot(
    part: cython.pointer[PartRoom], old: cython.pointer[SectionRow], sec: cython.pointer[SectionRow]
) -> cython.bint:
    if sec.size > old.link or old.address & ((cython.cast(uint64_t, 1) << sec.align) - 1):
        return False
    hole: uint64_t = old.link - sec.size
    return hole == 0 or (part.grows != 0 and hole >= part.smallest)


@cython.cfunc
@cython.exceptval(0xFFFFFFFFFFFFFFFF)
def take_place(part: cython.pointer[PartRoom], base: uint64_t, size: uint64_t, align: uint64_t) -> uint64_t:
    """An offset in the room of a part, which begins at `base`; what is skipped for the alignment can be filled."""
    place: uint64_t = align_up(base + part.used, align) - base
    while place != part.used and place - part.used < part.smallest:
        place += align
    if place + size > part.size or not part.grows or size >> 32:
        raise CannotUpdate("D1", "no room left in a section of the output")
    part.used = place + size
    return place


def take_bytes(graft: Graft, number: int, size: int, align: int) -> int:
    """The address of new bytes in the room of a part, which nothing else gets."""
    part = cython.cast(int64_t, number)
    base: uint64_t = graft.saved.image.part[part].address
    return base + take_place(cython.address(graft.part[part]), base, size, align)


@cython.cfunc
@cython.exceptval(-1)
def free_slots(graft: Graft, changed: cython.pointer[Changed]) -> cython.int:
    """Old places that nothing has taken are holes now."""
    k: uint32_t
    for k in range(1, changed.old.shnum):
        sec = cython.address(changed.old_sections[k])
        if is_slot(sec) and sec.link:
            if not graft.part[sec.part].grows:
                graft.full_part = sec.part
                raise CannotUpdate("E8", "a section that stands without gaps is gone")
            leave_space(graft, sec.part, sec.address - graft.saved.image.part[sec.part].address, sec.link)
    return 0


@cython.cfunc
@cython.exceptval(-1)
def check_order(graft: Graft, row: cython.pointer[FileRow]) -> cython.int:
    """What stands without gaps may be walked over, so sections of one name must be in the order of the object."""
    last: dict = {}
    k: uint32_t
    for k in range(1, row.shnum):
        sec = cython.address(graft.saved.image.sections.row[row.sec_base + k])
        if is_slot(sec) and sec.size and not graft.part[sec.part].grows and not graft.part[sec.part].arranged:
            if sec.address < last.get((sec.part, sec.unused), 0):
                graft.full_part = sec.part
                raise CannotUpdate("E8", "sections that stand without gaps changed places")
            last[sec.part, sec.unused] = sec.address
    return 0


def place_names(graft: Graft) -> list:
    """Make the addresses of the changed objects' definitions final; returns their dynamic symbols:
    (entry, st_value, st_size, st_info, index of the output section).

    `moved` lists the names with another address than before, which others refer to.
    """
    image = cython.address(graft.saved.image)
    dynamic: list = []
    i: int64_t
    outside: cython.bint = False
    for i in range(graft.name_count):
        name: uint32_t = graft.name[graft.mini_name[i]]
        symbol = cython.address(image.symbols[name])
        changed = changed_of(graft, symbol.file) if symbol.file != NONE else cython.NULL
        mini = cython.address(graft.resolution.view.row[graft.mini_name[i]])
        if changed is not cython.NULL:
            table = cython.cast(
                cython.pointer[cython.const[Elf64_Sym]],
                image.files.base[symbol.file] + image.files.row[symbol.file].symoff,
            )
            value: uint64_t = table[symbol.sym].st_value
            if symbol.section:
                if not image.sections.row[symbol.section].flags & SEC_LIVE and graft.seen[name] & SEEN_LIVE:
                    raise CannotUpdate("E6", "a name is defined in a section that is left out")
                value = place_in_section(image, symbol.section, value, cython.address(outside))
            elif symbol.flags & SYM_COMMON:
                value = graft.common_places.get(name, symbol.value)
            if value != symbol.value and not graft.seen[name] & SEEN_NEW:
                move_name(graft, name, symbol)
            symbol.value = value
            graft.saved.touch(symbol, cython.sizeof(SymbolRow))
            if symbol.dynsym and not symbol.flags & (
                SYM_IFUNC | NEEDS_CANONICAL | SYM_COMMON
            ):  # these did not move
                dynamic.append(describe_symbol(graft, symbol, cython.address(table[symbol.sym])))
        mini.value = symbol.value
        mini.flags = symbol.flags
    if outside:
        raise CannotUpdate("E17", "a symbol lies outside a merged section")
    return dynamic


@cython.cfunc
def describe_symbol(
    graft: Graft, symbol: cython.pointer[SymbolRow], source: cython.pointer[cython.const[Elf64_Sym]]
):
    """What stands in .dynsym about a definition (entries.define says the same of all others)."""
    image = cython.address(graft.saved.image)
    binding: cython.int = STB_GLOBAL
    if symbol.flags & SYM_UNIQUE:
        binding = STB_GNU_UNIQUE
    elif symbol.flags & SYM_WEAK_DEF:
        binding = STB_WEAK
    value: uint64_t = symbol.value - (image.tls_start if symbol.flags & SYM_TLS else 0)
    section: uint32_t = SHN_ABS
    if symbol.section:
        section = image.part[image.sections.row[symbol.section].part].shndx
    return symbol.dynsym, value, source.st_size, binding << 4 | source.st_info & 15, section


@cython.cfunc
@cython.exceptval(-1)
def move_name(graft: Graft, name: uint32_t, symbol: cython.pointer[SymbolRow]) -> cython.int:
    fixed: uint32_t = SYM_IFUNC | NEEDS_COPY | NEEDS_CANONICAL
    if not symbol.flags & SYM_IMPORTED:
        fixed |= NEEDS_PLT  # what can be bound to another definition is reached by its dynamic symbol only
    if symbol.flags & fixed:
        raise CannotUpdate("E13", "an indirect symbol moved")
    graft.seen[name] |= SEEN_MOVED
    graft.moved[graft.moved_count] = name
    graft.moved_count += 1
    return 0


def bind_sections(graft: Graft):
    """After rows have moved: the sections of the changed objects' definitions."""
    image = cython.address(graft.saved.image)
    i: int64_t
    for i in range(graft.name_count):
        symbol = cython.address(image.symbols[graft.name[graft.mini_name[i]]])
        mini = cython.address(graft.resolution.view.row[graft.mini_name[i]])
        changed = changed_of(graft, symbol.file) if symbol.file != NONE else cython.NULL
        if changed is not cython.NULL:
            symbol.section = 0
            if mini.section:
                symbol.section = (
                    image.files.row[changed.file].sec_base
                    + mini.section
                    - graft.inputs.view.row[changed.mini].sec_base
                )
