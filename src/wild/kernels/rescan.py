"""Scanning the changed objects: what lives of them, and what their relocations ask for that the output has not yet.

The walk is that of reach.py, begun at what lived before: sections of the same name, and sections of names that were
bound to a section that lived.  What lost its last reference since then stays.  A section of another object that was
dropped and is referred to now is not in the output, so that object has to join the changed ones (pairing.py).

What that asks for gets numbers at once (renumber.py), and is filled when addresses are known (reslots.py).
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
from cython.cimports.wild.kernels.renumber import number_slots
from cython.cimports.wild.kernels.saved import *
from cython.cimports.wild.kernels.scan import Scan, Worker, mark, scan_frame, scan_section
from cython.cimports.wild.kernels.sections import section_header
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
