"""Scanning the changed objects: what lives of them, and what their relocations ask for that the output has not yet.

The walk is that of reach.py, begun at what lived before: sections of the same name, and sections of names that were
bound to a section that lived.  What lost its last reference since then stays.  A section of another object that was
dropped and is referred to now is not in the output, so that object has to join the changed ones (pairing.py).

New GOT slots are taken from the room of .got, and filled when addresses are known (reslots.py).
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import calloc, free
from cython.cimports.libc.string import memset
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.frames import FRAME_KEPT, FrameTable
from cython.cimports.wild.kernels.graft import *
from cython.cimports.wild.kernels.lists import drop
from cython.cimports.wild.kernels.pool import Pool
from cython.cimports.wild.kernels.relocation import local_flags
from cython.cimports.wild.kernels.saved import *
from cython.cimports.wild.kernels.scan import Scan, Worker, mark, scan_frame, scan_section
from cython.cimports.wild.kernels.sections import section_header
from cython.cimports.wild.kernels.slots import (
    SLOT_IRELATIVE,
    SLOT_SYMBOLIC,
    slot_kind,
)
from cython.cimports.wild.kernels.tables import *

from wild.errors import CannotUpdate, ObjectsNeeded


def scan_changed(graft: Graft, pool: Pool, frames: FrameTable, gc: bool, got_room: int):
    """Mark what lives, count dynamic relocations, and number the slots that are new; raises CannotUpdate.

    `got_room`: words of .got.  Afterwards `frames` say that they are of the link's files.
    """
    scan = cython.declare(Scan)
    image = cython.address(graft.saved.image)
    memset(cython.address(scan), 0, cython.sizeof(Scan))
    scan.files = cython.address(image.files)
    scan.sections = cython.address(image.sections)
    scan.names = cython.address(image.names)
    scan.symbols = image.symbols
    scan.frames = cython.address(frames.view)
    scan.mode = image.mode
    scan.local_needs = image.slots.local_aux
    scan.gc = gc
    scan.fault = cython.address(pool.fault)
    scan.worker = cython.cast(cython.pointer[Worker], calloc(1, cython.sizeof(Worker)))
    if scan.worker is cython.NULL:
        raise MemoryError
    i: int64_t
    for i in range(graft.name_count):
        graft.flags_before[i] = image.symbols[graft.name[graft.mini_name[i]]].flags
    pool.defer_faults()
    try:
        own_frames(graft, frames)
        if gc:
            mark_old(graft, cython.address(scan))
            walk(graft, cython.address(scan))
        else:
            scan_all(graft, cython.address(scan))
        scan_kept(graft, cython.address(scan))
        if gc:
            walk(graft, cython.address(scan))
        number_slots(graft, cython.address(scan), got_room)
    finally:
        faults = pool.take_faults()
        drop(cython.address(scan.worker.names))
        drop(cython.address(scan.worker.locals))
        drop(cython.address(scan.worker.local_files))
        drop(cython.address(scan.worker.stack))
        drop(cython.address(scan.worker.packed))
        free(scan.worker)
    if faults:
        raise CannotUpdate("E1", "a relocation cannot be right")
    copy_live(graft)


@cython.cfunc
@cython.exceptval(-1)
def own_frames(graft: Graft, frames: FrameTable) -> cython.int:
    """Let call frame records name the files and sections of the link."""
    i: int64_t
    for i in range(frames.view.eh_count):
        eh = cython.address(frames.view.eh[i])
        changed = changed_of_mini(graft, eh.file)
        if changed is cython.NULL:
            continue
        mini = cython.address(graft.inputs.view.row[changed.mini])
        eh.section = graft.saved.image.files.row[changed.file].sec_base + eh.section - mini.sec_base
        eh.file = changed.file
    return 0


@cython.cfunc
@cython.exceptval(check=False)
def changed_of_mini(graft: Graft, mini: uint32_t) -> cython.pointer[Changed]:
    i: int64_t
    for i in range(graft.count):
        if graft.changed[i].mini == mini:
            return cython.address(graft.changed[i])
    return cython.NULL


@cython.cfunc
@cython.exceptval(-1)
def scan_all(graft: Graft, scan: cython.pointer[Scan]) -> cython.int:
    """Without --gc-sections."""
    i: int64_t
    k: uint32_t
    for i in range(graft.count):
        changed = cython.address(graft.changed[i])
        for k in range(1, scan.files.row[changed.file].shnum):
            if scan.sections.row[scan.files.row[changed.file].sec_base + k].flags & SEC_LIVE:
                scan_live(graft, scan, changed, k)
    return 0


@cython.cfunc
@cython.exceptval(check=False)
def scan_live(
    graft: Graft, scan: cython.pointer[Scan], changed: cython.pointer[Changed], k: uint32_t
) -> cython.void:
    """Scan one section and the records about it."""
    sec = cython.address(scan.sections.row[scan.files.row[changed.file].sec_base + k])
    if sec.relocs and sec.kind == SEC_PLAIN and sec.flags & SEC_ALLOC:
        scan_section(scan, changed.file, k, 0)
    mini: uint32_t = graft.inputs.view.row[changed.mini].sec_base + k
    f: uint32_t = graft.sections.view.row[mini].frames
    while f:
        scan_frame(scan, f - 1, 0)
        f = scan.frames.frame[f - 1].next


@cython.cfunc
@cython.exceptval(check=False)
def scan_kept(graft: Graft, scan: cython.pointer[Scan]) -> cython.void:
    """Records that say by no relocation what they are about."""
    f: uint32_t
    for f in range(cython.cast(uint32_t, scan.frames.frame_count)):
        if scan.frames.frame[f].target == FRAME_KEPT:
            scan_frame(scan, f, 0)


@cython.cfunc
@cython.exceptval(-1)
def mark_old(graft: Graft, scan: cython.pointer[Scan]) -> cython.int:
    """The roots: what lived in the old version."""
    i: int64_t
    k: uint32_t
    for i in range(graft.count):
        changed = cython.address(graft.changed[i])
        lived: set = set()
        for k in range(1, changed.old.shnum):
            old = cython.address(changed.old_sections[k])
            if old.flags & SEC_LIVE and old.flags & SEC_ALLOC and old.kind != SEC_OUT:
                lived.add(old.unused)
        row = cython.address(scan.files.row[changed.file])
        for k in range(1, row.shnum):
            sec = cython.address(scan.sections.row[row.sec_base + k])
            if sec.flags & SEC_ALLOC and (sec.flags & SEC_ROOT or sec.unused in lived):
                mark(scan, row.sec_base + k, 0)
    for i in range(graft.name_count):
        name: uint32_t = graft.name[graft.mini_name[i]]
        symbol = cython.address(scan.symbols[name])
        if symbol.section and changed_of(graft, symbol.file) is not cython.NULL:
            if graft.seen[name] & SEEN_LIVE or symbol.flags & (SYM_EXPORTED | SYM_KEPT):
                mark(scan, symbol.section, 0)
    return 0


@cython.cfunc
@cython.exceptval(-1)
def walk(graft: Graft, scan: cython.pointer[Scan]) -> cython.int:
    """Scan what was marked, mark what that refers to and what lives with it, until nothing is new."""
    stack = cython.address(scan.worker.stack)
    while True:
        while stack.count:
            stack.count -= 1
            section: uint32_t = stack.item[stack.count]
            changed = owner_of(graft, scan, section)
            if changed is cython.NULL:
                graft.joining.add(file_of_section(graft, section))
                continue
            scan_live(graft, scan, changed, section - scan.files.row[changed.file].sec_base)
        i: int64_t
        for i in range(graft.count):
            mark_companions(graft, scan, cython.address(graft.changed[i]))
        if stack.count == 0:
            break
    if graft.joining:
        raise ObjectsNeeded(
            "E9", "sections that were dropped are needed now, one after another", graft.joining
        )
    return 0


@cython.cfunc
@cython.exceptval(check=False)
def file_of_section(graft: Graft, section: uint32_t) -> uint32_t:
    """The FileId of an object that has not changed, by one of its SectionIds."""
    files = cython.address(graft.saved.image.files)
    i: int64_t
    for i in range(1, files.count):
        if (
            files.row[i].sec_base
            and files.row[i].sec_base <= section < files.row[i].sec_base + files.row[i].shnum
        ):
            return cython.cast(uint32_t, i)
    return 0


@cython.cfunc
@cython.exceptval(check=False)
def owner_of(graft: Graft, scan: cython.pointer[Scan], section: uint32_t) -> cython.pointer[Changed]:
    i: int64_t
    for i in range(graft.count):
        row = cython.address(scan.files.row[graft.changed[i].file])
        if row.sec_base <= section < row.sec_base + row.shnum:
            return cython.address(graft.changed[i])
    return cython.NULL


@cython.cfunc
@cython.exceptval(check=False)
def mark_companions(
    graft: Graft, scan: cython.pointer[Scan], changed: cython.pointer[Changed]
) -> cython.void:
    """Members of a group, and sections that are linked to another (SHF_LINK_ORDER), live with it."""
    row = cython.address(scan.files.row[changed.file])
    base = scan.files.base[changed.file]
    k: uint32_t
    n: uint64_t
    for k in range(1, row.shnum):
        shdr = section_header(base, row, k)
        if shdr.sh_flags & SHF_LINK_ORDER and 0 < shdr.sh_link < row.shnum:
            if scan.sections.row[row.sec_base + shdr.sh_link].flags & SEC_LIVE:
                mark(scan, row.sec_base + k, 0)
        if shdr.sh_type != SHT_GROUP:
            continue
        lives: cython.bint = False
        for n in range(1, shdr.sh_size // 4):
            member: uint32_t = read32(base + shdr.sh_offset + 4 * n)
            sec = cython.address(scan.sections.row[row.sec_base + member])
            lives = lives or (sec.flags & SEC_LIVE != 0 and sec.flags & SEC_ALLOC != 0)
        for n in range(1, shdr.sh_size // 4 if lives else 0):
            mark(scan, row.sec_base + read32(base + shdr.sh_offset + 4 * n), 0)


@cython.cfunc
@cython.exceptval(check=False)
def copy_live(graft: Graft) -> cython.void:
    """Tell the small tables what lives."""
    i: int64_t
    k: uint32_t
    for i in range(graft.count):
        changed = cython.address(graft.changed[i])
        mini = cython.address(graft.inputs.view.row[changed.mini])
        for k in range(1, mini.shnum):
            from_ = graft.saved.image.sections.row[graft.saved.image.files.row[changed.file].sec_base + k]
            graft.sections.view.row[mini.sec_base + k].flags |= from_.flags & SEC_LIVE


@cython.cfunc
@cython.exceptval(-1)
def number_slots(graft: Graft, scan: cython.pointer[Scan], got_room: uint64_t) -> cython.int:
    """Slots for symbols that need one they have not."""
    image = cython.address(graft.saved.image)
    i: int64_t
    if scan.worker.failed:
        raise MemoryError
    if (scan.worker.tlsld and image.slots.tlsld == NONE) or scan.worker.textrel or scan.worker.packed.count:
        raise CannotUpdate("D2", "a slot of another kind is needed")
    if scan.worker.static_tls or (scan.worker.got_base and image.got_base == 0):
        raise CannotUpdate("D2", "a slot of another kind is needed")
    for i in range(graft.name_count):
        name: uint32_t = graft.name[graft.mini_name[i]]
        symbol = cython.address(image.symbols[name])
        graft.saved.touch(symbol, cython.sizeof(SymbolRow))
        needs: uint32_t = symbol.flags & ~graft.flags_before[i] & (NEEDS_ANY | NEEDS_DYNSYM | SYM_MISSING)
        if needs & SYM_MISSING:
            raise CannotUpdate("E2", "a name is not defined")
        imported: cython.bint = (
            symbol.flags & (SYM_IMPORTED | SYM_SHARED_DEF) == SYM_IMPORTED | SYM_SHARED_DEF
        )
        # Own definitions that can be bound to others' are called by way of the PLT, too.
        called: cython.bint = imported or (symbol.flags & SYM_IMPORTED and symbol.dynsym)
        if needs & NEEDS_ANY & ~NEEDS_GOT & ~(NEEDS_PLT if called else 0) or (needs and image.mode.relr):
            raise CannotUpdate("D2", "a slot of another kind is needed")
        if needs & (NEEDS_ANY | NEEDS_DYNSYM) and symbol.dynsym == 0 and symbol.flags & SYM_IMPORTED:
            import_name(graft, name, imported)
        if needs & NEEDS_DYNSYM and symbol.dynsym == 0:
            raise CannotUpdate("E7", "a dynamic symbol is needed")
        if needs & (NEEDS_GOT | NEEDS_PLT) and symbol.aux == 0:
            symbol.aux = new_aux(graft, name, 0, 0)
        if needs & NEEDS_PLT:
            give_plt(graft, symbol)
        if needs & (NEEDS_GOT | NEEDS_PLT) and image.slots.row[symbol.aux].got == NONE:
            symbol.flags |= NEEDS_GOT
            give_slot(graft, symbol.aux, symbol.flags, symbol.dynsym, got_room)
    for i in range(scan.worker.locals.count):
        number_local(graft, scan.worker.locals.item[i], scan.worker.local_files.item[i], got_room)
    return 0


@cython.cfunc
@cython.exceptval(-1)
def import_name(graft: Graft, name: uint32_t, defined: cython.bint) -> cython.int:
    """An entry of .dynsym for a symbol of a shared object; the policy fills it."""
    symbol = cython.address(graft.saved.image.symbols[name])
    if not defined or symbol.flags & (SYM_OBJECT_DEF | SYM_HIDDEN | SYM_PROTECTED):
        raise CannotUpdate("E7", "a dynamic symbol is needed")
    if graft.dynsym == graft.dynsym_end:
        raise CannotUpdate("D2", "no room left for dynamic symbols")
    symbol.dynsym = graft.dynsym
    graft.dynsym += 1
    graft.imports.append(name)
    return 0


@cython.cfunc
@cython.exceptval(-1)
def give_plt(graft: Graft, symbol: cython.pointer[SymbolRow]) -> cython.int:
    """A PLT entry for an import, behind all others."""
    if graft.plt == graft.plt_end:
        raise CannotUpdate("D2", "no room left in the PLT")
    aux = cython.address(graft.saved.image.slots.row[symbol.aux])
    aux.plt = graft.plt
    graft.plt += 1
    graft.new_plt.append(symbol.aux)
    graft.saved.touch(aux, cython.sizeof(AuxRow))
    return 0


@cython.cfunc
@cython.exceptval(-1)
def number_local(graft: Graft, local: uint32_t, file: uint32_t, got_room: uint64_t) -> cython.int:
    image = cython.address(graft.saved.image)
    row = cython.address(image.files.row[file])
    needs: uint32_t = image.slots.local_aux[local]
    if needs & NEEDS_ANY & ~NEEDS_GOT:
        raise CannotUpdate("D2", "a slot of another kind is needed")
    sym = cython.cast(cython.pointer[cython.const[Elf64_Sym]], image.files.base[file] + row.symoff)
    sym += local - row.local_base
    flags: uint32_t = local_flags(sym.st_info, sym.st_shndx == SHN_ABS)
    if sym.st_shndx == SHN_UNDEF:
        flags = 0
    image.slots.local_aux[local] = new_aux(graft, local, file, local - row.local_base)
    give_slot(graft, image.slots.local_aux[local], flags | needs, 0, got_room)
    return 0


@cython.cfunc
@cython.exceptval(0)
def new_aux(graft: Graft, target: uint32_t, file: uint32_t, sym: uint32_t) -> uint32_t:
    """A row without slots, at the end."""
    saved = graft.saved
    if saved.count[SAVED_AUX] == saved.room[SAVED_AUX]:
        raise CannotUpdate("D6", "a table of the state is full")
    number: uint32_t = saved.count[SAVED_AUX]
    saved.count[SAVED_AUX] += 1
    saved.image.slots.count += 1
    aux = cython.address(saved.image.slots.row[number])
    memset(aux, 0, cython.sizeof(AuxRow))
    aux.target, aux.local, aux.file, aux.sym = target, file != 0, file, sym
    aux.got = aux.gottp = aux.tlsgd = aux.tlsdesc = aux.plt = aux.copy = NONE
    saved.touch(aux, cython.sizeof(AuxRow))
    return number


@cython.cfunc
@cython.exceptval(-1)
def give_slot(
    graft: Graft, number: uint32_t, flags: uint32_t, dynsym: uint32_t, got_room: uint64_t
) -> cython.int:
    saved = graft.saved
    aux = cython.address(saved.image.slots.row[number])
    kind: cython.int = slot_kind(flags, saved.image.mode)
    if kind == SLOT_IRELATIVE or (kind == SLOT_SYMBOLIC and dynsym == 0):
        raise CannotUpdate("D2", "a slot of another kind is needed")
    if saved.places.got_slots + 1 > got_room:
        raise CannotUpdate("D2", "no room left in the GOT")
    aux.got = saved.places.got_slots
    saved.places.got_slots += 1
    saved.touch(aux, cython.sizeof(AuxRow))
    saved.touch(saved.places, cython.sizeof(Places))
    graft.new_slots.append((number, kind))
    return 0
