"""Reach: which sections take part, and what their relocations ask for.

Every relocation of every live, loaded section is visited once.  `decide` (relocation.pxd) says what will be done about
it; what the symbol needs for that (a GOT slot, a PLT entry, a copy, a dynamic symbol) is OR-ed into its row, and the
section's own count of dynamic relocations goes up.  A symbol whose needs become non-zero is put on the worker's list;
the lists are merged and sorted, so that slots are numbered in input order whatever the threads did.

Without --gc-sections this is a loop over files.  With it, the loop is a graph walk that starts at the root sections:
scanning a section marks the sections it refers to.  Frontiers are processed in rounds; a worker follows what it marks
depth first, up to a budget, and leaves the rest for the next round, so that long chains cost few rounds and broad
graphs are shared.  Sections pass through a window before they are scanned (lookahead.py).  The set that is reached
does not depend on the order.  An FDE does not keep its function; a live function keeps what its FDEs refer to
(LSDA, personality).  The symbols `__start_NAME` and `__stop_NAME` stand for all sections of a name: when the walk has
come to its end, the sections of those that it met are where it goes on.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t
from cython.cimports.libc.stdlib import calloc
from cython.cimports.libc.string import memcpy
from cython.cimports.wild.kernels.companions import find_companions
from cython.cimports.wild.kernels.files import Inputs
from cython.cimports.wild.kernels.frames import FRAME_DROPPED, FRAME_KEPT, FrameTable
from cython.cimports.wild.kernels.gather import free_workers, gather
from cython.cimports.wild.kernels.lookahead import Window, enter, leave
from cython.cimports.wild.kernels.names import NameTable
from cython.cimports.wild.kernels.pool import Pool
from cython.cimports.wild.kernels.relocation import FORM_UNKNOWN
from cython.cimports.wild.kernels.resolve import Resolution
from cython.cimports.wild.kernels.scan import Scan, Worker, mark, scan_frame, scan_section
from cython.cimports.wild.kernels.sections import SectionTable
from cython.cimports.wild.kernels.tables import *

BUDGET = cython.declare(cython.const[int64_t], 4096)  # sections a worker follows before it shares


@cython.final
@cython.cclass
class OutputMode:
    """The kind of output as relocations see it; `types` are the rows of machine.x86_64.relocation_rows()."""

    def __cinit__(
        self,
        types,
        shared: bool,
        pic: bool,
        dynamic: bool,
        relax: bool,
        textrel: bool,
        copyreloc: bool,
        near: bool,
        relr: bool,
        call: tuple,
    ):
        self.view.shared = shared
        self.view.pic = pic
        self.view.dynamic = dynamic
        self.view.relax = relax
        self.view.textrel = textrel
        self.view.copyreloc = copyreloc
        self.view.near = near
        self.view.relr = relr
        self.view.call_byte, self.view.call_suffix = call
        i: cython.int
        for i in range(256):
            self.view.types[i].form = FORM_UNKNOWN
        for number, form, size, check, may_relax in types:
            i = number
            self.view.types[i].form = form
            self.view.types[i].size = size
            self.view.types[i].check = check
            self.view.types[i].relax = may_relax


@cython.final
@cython.cclass
class Reach:
    """The scan of a link; symbols' needs are in their rows, local symbols' in `view.local_needs`."""

    def __cinit__(
        self,
        pool: Pool,
        inputs: Inputs,
        names: NameTable,
        resolution: Resolution,
        sections: SectionTable,
        frames: FrameTable,
        mode: OutputMode,
        bounded: object,
        reports_imports: bool = False,
    ):
        """`bounded`: with --gc-sections, (number in `sections.part_keys()`, NameIds of the bounds) of sections that the
        walk keeps if it meets one of those; else None.  `faults` lists the relocations that cannot be right, as the
        arguments of a KernelFault.
        """
        gc: cython.bint = bounded is not None
        self.view.local_needs = cython.cast(
            cython.pointer[uint32_t], inputs.arena.array(inputs.view.locals, 4)
        )
        scan = cython.declare(Scan)
        scan.files = cython.address(inputs.view)
        scan.sections = cython.address(sections.view)
        scan.names = cython.address(names.view)
        scan.symbols = resolution.view.row
        scan.frames = cython.address(frames.view)
        scan.mode = cython.address(mode.view)
        scan.local_needs = self.view.local_needs
        scan.gc = gc
        scan.reports_imports = reports_imports
        scan.fault = cython.address(pool.fault)
        scan.worker = cython.cast(cython.pointer[Worker], calloc(pool.threads, cython.sizeof(Worker)))
        if scan.worker is cython.NULL:
            raise MemoryError("no memory for the scan")
        pool.defer_faults()
        try:
            if gc:
                find_companions(cython.address(scan.companions), pool, inputs, sections)
                walk(pool, inputs, cython.address(scan), sections, bounded)
            else:
                pool.run_evenly(scan_files, cython.address(scan), inputs.view.count, 8)
                pool.run_evenly(scan_frames, cython.address(scan), frames.view.eh_count, 8)
            gather(self, pool, inputs, cython.address(scan))
        finally:
            self.faults = pool.take_faults()
            free_workers(cython.address(scan), pool.threads)


@cython.cfunc
def walk(pool: Pool, inputs: Inputs, scan: cython.pointer[Scan], sections: SectionTable, bounded: list):
    """Mark and scan from the roots until nothing new is reached."""
    total: int64_t = scan.sections.count
    frontier = cython.cast(cython.pointer[uint32_t], inputs.arena.array(total, 4))
    scan.section_file = cython.cast(cython.pointer[uint32_t], inputs.arena.array(total, 4))
    scan.frontier = frontier
    pool.run_evenly(number_files, scan, inputs.view.count, 64)
    count: int64_t
    with cython.nogil:
        count = collect_roots(scan, frontier)
    while count:
        pool.run_evenly(scan_frontier, scan, count, 64)
        count = 0
        for w in range(pool.threads):
            stack = cython.address(scan.worker[w].stack)
            if stack.count:  # else there may be no list
                memcpy(frontier + count, stack.item, stack.count * 4)
            count += stack.count
            stack.count = 0
        if count == 0 and bounded:
            met: list = [key for key, names in bounded if is_met(scan, names)]
            bounded = [each for each in bounded if each[0] not in met]
            for key in met:
                sections.keep(key)
            if met:
                with cython.nogil:
                    count = collect_roots(scan, frontier)
    for _, names in bounded:
        forget(scan, names)


@cython.cfunc
def is_met(scan: cython.pointer[Scan], names: list):
    """Has the walk come to a symbol of the linker's own that is one of some NameIds?"""
    for name in names:
        symbol = cython.address(scan.symbols[cython.cast(uint32_t, name)])
        if symbol.file == 0 and symbol.flags & SYM_KEPT:
            return True
    return False


@cython.cfunc
def forget(scan: cython.pointer[Scan], names: list):
    """Bounds that only dropped code mentions are not defined, since there is no section to be the bounds of."""
    for name in names:
        symbol = cython.address(scan.symbols[cython.cast(uint32_t, name)])
        if symbol.file == 0 and symbol.sym == 0 and symbol.flags & SYM_OBJECT_DEF:
            symbol.file = NONE
            symbol.flags &= ~cython.cast(uint32_t, SYM_OBJECT_DEF | SYM_REF | SYM_STRONG_REF)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def scan_files(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Scan every loaded section of some files."""
    scan = cython.cast(cython.pointer[Scan], context)
    i: int64_t
    k: uint32_t
    for i in range(begin, end):
        row = cython.address(scan.files.row[i])
        if row.sec_base == 0:
            continue
        for k in range(1, row.shnum):
            sec = cython.address(scan.sections.row[row.sec_base + k])
            if sec.relocs and sec.kind == SEC_PLAIN and sec.flags & SEC_ALLOC:
                scan_section(scan, cython.cast(uint32_t, i), k, worker)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def scan_frames(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Scan the FDEs of live functions, for a block of .eh_frame sections."""
    scan = cython.cast(cython.pointer[Scan], context)
    i: int64_t
    f: uint32_t
    for i in range(begin, end):
        eh = cython.address(scan.frames.eh[i])
        for f in range(eh.first_frame, eh.frame_end):
            target: uint32_t = scan.frames.frame[f].target
            if target == FRAME_KEPT or (
                target != FRAME_DROPPED and scan.sections.row[target].flags & SEC_LIVE
            ):
                scan_frame(scan, f, worker)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def number_files(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """SectionId -> FileId, for the walk."""
    scan = cython.cast(cython.pointer[Scan], context)
    i: int64_t
    k: uint32_t
    for i in range(begin, end):
        row = cython.address(scan.files.row[i])
        if row.sec_base:
            for k in range(row.shnum):
                scan.section_file[row.sec_base + k] = cython.cast(uint32_t, i)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def collect_roots(scan: cython.pointer[Scan], frontier: cython.pointer[uint32_t]) -> int64_t:
    """Sections that are kept for their own sake, and those of symbols that somebody outside may use."""
    count: int64_t = 0
    i: int64_t
    section: uint32_t
    for i in range(1, scan.sections.count):
        sec = cython.address(scan.sections.row[i])
        if (
            sec.flags & SEC_ROOT
            and sec.flags & SEC_ALLOC
            and sec.kind != SEC_OUT
            and not sec.flags & SEC_LIVE
        ):
            sec.flags |= SEC_LIVE
            frontier[count] = cython.cast(uint32_t, i)
            count += 1
    for s in range(SHARDS):
        for i in range(scan.names.start[s], scan.names.start[s] + scan.names.count[s]):
            if scan.symbols[i].flags & (SYM_EXPORTED | SYM_KEPT):
                scan.symbols[i].flags |= SYM_KEPT
                section = scan.symbols[i].section
                if section and scan.sections.row[section].kind != SEC_OUT:
                    if not scan.sections.row[section].flags & SEC_LIVE:
                        scan.sections.row[section].flags |= SEC_LIVE
                        frontier[count] = section
                        count += 1
    return count


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def scan_frontier(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Scan a block of the frontier, and depth first what it marks, up to the budget."""
    scan = cython.cast(cython.pointer[Scan], context)
    stack = cython.address(scan.worker[worker].stack)
    kept: int64_t = stack.count
    left: int64_t = BUDGET
    window = cython.declare(Window)
    window.entered = 0
    window.left = 0
    section: uint32_t
    while True:
        section = 0
        if stack.count > kept and left:
            stack.count -= 1
            left -= 1
            section = stack.item[stack.count]
        elif begin < end:
            section = scan.frontier[begin]
            begin += 1
        ready: uint32_t = (
            enter(cython.address(window), scan, section) if section else leave(cython.address(window))
        )
        if ready:
            scan_marked(scan, ready, worker)
        elif section == 0:
            return 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def mark_companions(scan: cython.pointer[Scan], section: uint32_t, worker: cython.int) -> cython.void:
    """Mark what lives with a section though it does not refer to it."""
    companions = cython.address(scan.companions)
    if companions.ring is not cython.NULL and companions.ring[section]:
        mark(scan, companions.ring[section], worker)
    if companions.dependent is not cython.NULL:
        section = companions.dependent[section]
        while section:
            mark(scan, section, worker)
            section = companions.next[section]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def scan_marked(scan: cython.pointer[Scan], section: uint32_t, worker: cython.int) -> cython.void:
    """Scan a section that has just become live, and its frames."""
    file: uint32_t = scan.section_file[section]
    sec = cython.address(scan.sections.row[section])
    if sec.relocs and sec.kind == SEC_PLAIN and sec.flags & SEC_ALLOC:
        scan_section(scan, file, section - scan.files.row[file].sec_base, worker)
    mark_companions(scan, section, worker)
    f: uint32_t = sec.frames
    while f:
        scan_frame(scan, f - 1, worker)
        f = scan.frames.frame[f - 1].next
