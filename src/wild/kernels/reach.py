"""Reach: which sections take part, and what their relocations ask for.

Every relocation of every live, loaded section is visited once.  `decide` (relocation.pxd) says what will be done about
it; what the symbol needs for that (a GOT slot, a PLT entry, a copy, a dynamic symbol) is OR-ed into its row, and the
section's own count of dynamic relocations goes up.  A symbol whose needs become non-zero is put on the worker's list;
the lists are merged and sorted, so that slots are numbered in input order whatever the threads did.

Without --gc-sections this is a loop over files.  With it, the loop is a graph walk that starts at the root sections:
scanning a section marks the sections it refers to.  Frontiers are processed in rounds; a worker follows what it marks
depth first, up to a budget, and leaves the rest for the next round, so that long chains cost few rounds and broad
graphs are shared.  The set that is reached does not depend on the order.  An FDE does not keep its function; a live
function keeps what its FDEs refer to (LSDA, personality).
"""

import cython
from cython.cimports.libc.stdint import int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import calloc, free, qsort
from cython.cimports.libc.string import memcpy
from cython.cimports.wild.kernels.cc import fetch_or16, fetch_or32, set_bits32
from cython.cimports.wild.kernels.companions import Companions, find_companions
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.faults import *
from cython.cimports.wild.kernels.files import Inputs
from cython.cimports.wild.kernels.frames import FRAME_DROPPED, FRAME_KEPT, FrameTable, FrameView
from cython.cimports.wild.kernels.lists import IdList, drop, push
from cython.cimports.wild.kernels.names import NameTable
from cython.cimports.wild.kernels.pool import Fault, Pool, report
from cython.cimports.wild.kernels.reach import OutputMode, Reach
from cython.cimports.wild.kernels.relocation import *
from cython.cimports.wild.kernels.resolve import Resolution
from cython.cimports.wild.kernels.sections import RelaSpan, SectionTable, relocations_of, section_bytes
from cython.cimports.wild.kernels.sections import section_header, section_of
from cython.cimports.wild.kernels.tables import *

BUDGET = cython.declare(cython.const[int64_t], 4096)  # sections a worker follows before it shares

Worker = cython.struct(
    names=IdList,
    locals=IdList,
    local_files=IdList,
    stack=IdList,
    last_cie=uint32_t,
    tlsld=cython.int,
    static_tls=cython.int,
    textrel=cython.int,
    got_base=cython.int,
    missing=cython.int,
    failed=cython.int,
)

Scan = cython.struct(
    files=cython.pointer[Files],
    sections=cython.pointer[Sections],
    names=cython.pointer[Names],
    symbols=cython.pointer[SymbolRow],
    frames=cython.pointer[FrameView],
    mode=cython.pointer[Mode],
    local_needs=cython.pointer[uint32_t],
    worker=cython.pointer[Worker],
    frontier=cython.pointer[uint32_t],
    section_file=cython.pointer[uint32_t],
    companions=Companions,
    gc=cython.int,
    fault=cython.pointer[Fault],
)

# Where a relocation is: everything `scan_one` needs besides the relocation itself.
Place = cython.struct(
    file=uint32_t,
    section=uint32_t,
    shndx=uint32_t,
    flags=uint16_t,
    code=cython.pointer[cython.const[uint8_t]],
    size=uint64_t,
)


@cython.final
@cython.cclass
class OutputMode:
    """The kind of output as relocations see it; `types` are the rows of machine.x86_64.relocation_rows()."""

    def __cinit__(
        self, types, shared: bool, pic: bool, dynamic: bool, relax: bool, textrel: bool, copyreloc: bool
    ):
        self.view.shared = shared
        self.view.pic = pic
        self.view.dynamic = dynamic
        self.view.relax = relax
        self.view.textrel = textrel
        self.view.copyreloc = copyreloc
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
        gc: bool,
    ):
        """`faults` lists the relocations that cannot be right, as the arguments of a KernelFault."""
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
        scan.fault = cython.address(pool.fault)
        scan.worker = cython.cast(cython.pointer[Worker], calloc(pool.threads, cython.sizeof(Worker)))
        if scan.worker is cython.NULL:
            raise MemoryError("no memory for the scan")
        pool.defer_faults()
        try:
            if gc:
                find_companions(cython.address(scan.companions), pool, inputs, sections)
                walk(pool, inputs, cython.address(scan))
            else:
                pool.run(scan_files, cython.address(scan), inputs.view.count, 8)
                pool.run(scan_frames, cython.address(scan), frames.view.eh_count, 8)
            gather(self, pool, inputs, cython.address(scan))
        finally:
            self.faults = pool.take_faults()
            free_workers(cython.address(scan), pool.threads)


def missing_names(names: NameTable, resolution: Resolution, limit: int):
    """NameIds that a live section refers to and nothing defines, in input order."""
    found = []
    i: int64_t
    for s in range(SHARDS):
        for i in range(names.view.start[s], names.view.start[s] + names.view.count[s]):
            if resolution.view.row[i].flags & SYM_MISSING:
                found.append((names.view.row[i].first, i))
    return [name for _, name in sorted(found)[:limit]]


def keep_names(resolution: Resolution, names):
    """Make the definitions of some NameIds roots of --gc-sections."""
    for name in names:
        resolution.view.row[cython.cast(uint32_t, name)].flags |= SYM_KEPT


def define_bounds(resolution: Resolution, names, hidden: bool, protected: bool):
    """Let some undefined NameIds be defined by the internal file: `__start_NAME` and `__stop_NAME`."""
    visibility: uint32_t = SYM_HIDDEN if hidden else (SYM_PROTECTED if protected else 0)
    for name in names:
        row = cython.address(resolution.view.row[cython.cast(uint32_t, name)])
        row.file = 0
        row.sym = 0
        row.section = 0
        row.flags &= ~cython.cast(uint32_t, SYM_IMPORTED | SYM_SHARED_DEF | SYM_PROTECTED_DEF | SYM_FUNC)
        row.flags |= SYM_OBJECT_DEF | visibility


@cython.cfunc
def walk(pool: Pool, inputs: Inputs, scan: cython.pointer[Scan]):
    """Mark and scan from the roots until nothing new is reached."""
    total: int64_t = scan.sections.count
    frontier = cython.cast(cython.pointer[uint32_t], inputs.arena.array(total, 4))
    scan.section_file = cython.cast(cython.pointer[uint32_t], inputs.arena.array(total, 4))
    scan.frontier = frontier
    pool.run(number_files, scan, inputs.view.count, 64)
    count: int64_t
    with cython.nogil:
        count = collect_roots(scan, frontier)
    while count:
        pool.run(scan_frontier, scan, count, 64)
        count = 0
        for w in range(pool.threads):
            stack = cython.address(scan.worker[w].stack)
            memcpy(frontier + count, stack.item, stack.count * 4)
            count += stack.count
            stack.count = 0


@cython.cfunc
def gather(reach: Reach, pool: Pool, inputs: Inputs, scan: cython.pointer[Scan]):
    """Merge the workers' lists in input order."""
    names: int64_t = 0
    locals_: int64_t = 0
    for w in range(pool.threads):
        worker = cython.address(scan.worker[w])
        if worker.failed:
            raise MemoryError("no memory for the lists of the scan")
        names += worker.names.count
        locals_ += worker.locals.count
        reach.needs_tlsld |= worker.tlsld
        reach.static_tls |= worker.static_tls
        reach.textrel |= worker.textrel
        reach.needs_got_base |= worker.got_base
        reach.missing |= worker.missing
    pairs = cython.cast(cython.pointer[uint64_t], inputs.arena.array(names + locals_, 8))
    reach.view.names = cython.cast(cython.pointer[uint32_t], inputs.arena.array(names, 4))
    reach.view.locals = cython.cast(cython.pointer[uint32_t], inputs.arena.array(locals_, 4))
    reach.view.local_file = cython.cast(cython.pointer[uint32_t], inputs.arena.array(locals_, 4))
    reach.view.name_count = names
    reach.view.local_count = locals_
    i: int64_t
    with cython.nogil:
        names = 0
        for w in range(pool.threads):
            list_names(scan, cython.address(scan.worker[w].names), pairs + names)
            names += scan.worker[w].names.count
        qsort(pairs, names, 8, compare64)
        for i in range(names):
            reach.view.names[i] = cython.cast(uint32_t, pairs[i])
        locals_ = 0
        for w in range(pool.threads):
            worker = cython.address(scan.worker[w])
            for i in range(worker.locals.count):
                pairs[locals_] = (
                    cython.cast(uint64_t, worker.locals.item[i]) << 32
                ) | worker.local_files.item[i]
                locals_ += 1
        qsort(pairs, locals_, 8, compare64)
        for i in range(locals_):
            reach.view.locals[i] = cython.cast(uint32_t, pairs[i] >> 32)
            reach.view.local_file[i] = cython.cast(uint32_t, pairs[i])


@cython.cfunc
@cython.exceptval(check=False)
def free_workers(scan: cython.pointer[Scan], threads: cython.int) -> cython.void:
    for w in range(threads):
        drop(cython.address(scan.worker[w].names))
        drop(cython.address(scan.worker[w].locals))
        drop(cython.address(scan.worker[w].local_files))
        drop(cython.address(scan.worker[w].stack))
    free(scan.worker)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def compare64(a: cython.p_const_void, b: cython.p_const_void) -> cython.int:
    x: uint64_t = cython.cast(cython.pointer[cython.const[uint64_t]], a)[0]
    y: uint64_t = cython.cast(cython.pointer[cython.const[uint64_t]], b)[0]
    return (x > y) - (x < y)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def list_names(
    scan: cython.pointer[Scan], list: cython.pointer[IdList], to: cython.pointer[uint64_t]
) -> cython.void:
    """NameIds with the GlobalId of their first mention above them, to sort by."""
    i: int64_t
    for i in range(list.count):
        name: uint32_t = list.item[i]
        to[i] = (cython.cast(uint64_t, scan.names.row[name].first) << 32) | name


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
def scan_section(scan: cython.pointer[Scan], file: uint32_t, k: uint32_t, worker: cython.int) -> cython.void:
    """Scan the relocations of one section."""
    row = cython.address(scan.files.row[file])
    base = scan.files.base[file]
    section: uint32_t = row.sec_base + k
    sec = cython.address(scan.sections.row[section])
    place = cython.declare(Place)
    place.file = file
    place.section = section
    place.shndx = k
    place.flags = sec.flags
    place.code = section_bytes(scan.sections, base, section_header(base, row, k), section)
    place.size = sec.size
    span: RelaSpan = relocations_of(scan.sections, base, row, section)
    i: uint64_t = 0
    while i < span.count:
        i += 1 + scan_one(scan, cython.address(place), cython.address(span.rela[i]), i, worker)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def scan_frame(scan: cython.pointer[Scan], f: uint32_t, worker: cython.int) -> cython.void:
    """Scan what an FDE and its CIE refer to, besides the function."""
    frame = cython.address(scan.frames.frame[f])
    eh = cython.address(scan.frames.eh[frame.eh])
    place = cython.declare(Place)
    place.file = eh.file
    place.section = eh.section
    place.shndx = eh.section - scan.files.row[eh.file].sec_base
    place.flags = SEC_ALLOC
    place.code = cython.NULL
    place.size = eh.size
    i: uint32_t
    for i in range(frame.first_rela + (frame.target != FRAME_KEPT), frame.first_rela + frame.rela_count):
        scan_one(scan, cython.address(place), cython.address(eh.rela[i]), i, worker)
    if frame.cie + 1 != scan.worker[worker].last_cie:
        scan.worker[worker].last_cie = frame.cie + 1
        cie = cython.address(scan.frames.cie[frame.cie])
        for i in range(cie.first_rela, cie.first_rela + cie.rela_count):
            scan_one(scan, cython.address(place), cython.address(eh.rela[i]), i, worker)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def fail(
    scan: cython.pointer[Scan],
    place: cython.pointer[Place],
    code: cython.int,
    offset: uint64_t,
    index: uint64_t,
) -> cython.int:
    """Record a fault at a relocation, and go on; the offset orders it within the file, section by section."""
    extra: uint64_t = (cython.cast(uint64_t, place.shndx) << 32) | cython.cast(uint32_t, index)
    report(scan.fault, code, place.file, (cython.cast(uint64_t, place.shndx) << 40) + offset, extra)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def scan_one(
    scan: cython.pointer[Scan],
    place: cython.pointer[Place],
    rela: cython.pointer[cython.const[Elf64_Rela]],
    index: uint64_t,
    worker: cython.int,
) -> cython.int:
    """Scan one relocation; returns how many after it belong to the same rewritten sequence."""
    row = cython.address(scan.files.row[place.file])
    if rela.r_type == 0:
        return 0
    if rela.r_sym >= row.nsyms:
        return fail(scan, place, FAULT_RELOC_SYMBOL, rela.r_offset, index)
    if rela.r_type > 255 or not inside(place.size, rela.r_offset, scan.mode.types[rela.r_type].size):
        code: cython.int = FAULT_RELOC_TYPE if rela.r_type > 255 else FAULT_RELOC_OFFSET
        return fail(scan, place, code, rela.r_offset, index)
    name: uint32_t = 0
    flags: uint32_t
    if rela.r_sym < row.first_global:
        flags = local_target(scan, place, row, rela.r_sym, index, rela.r_offset, worker)
        if flags == 0:
            return 0
    else:
        name = scan.names.of[row.global_base + rela.r_sym - row.first_global]
        flags = global_target(scan, place, row, name, rela.r_sym, worker)
    code_at = place.code + rela.r_offset if place.code is not cython.NULL else cython.NULL
    decision: Decision = decide(
        scan.mode,
        rela.r_type,
        flags,
        code_at,
        rela.r_offset,
        place.size - rela.r_offset,
        rela.r_addend,
        place.flags,
    )
    if decision.fault:
        # A symbol that is missing altogether is a clearer thing to say than what its relocation lacks.
        if not flags & SYM_MISSING:
            return fail(scan, place, decision.fault, rela.r_offset, index)
        return 0
    if is_tls_mismatch(scan.mode, rela.r_type, flags):
        return fail(scan, place, FAULT_RELOC_TLS_MISMATCH, rela.r_offset, index)
    note_needs(scan, place, row, cython.address(decision), name, rela.r_sym, worker)
    count_dynamic(scan, place, cython.address(decision), scan.mode.types[rela.r_type].form, worker)
    return decision.skip


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def is_tls_mismatch(mode: cython.pointer[Mode], r_type: uint32_t, flags: uint32_t) -> cython.bint:
    """A thread-local access to a symbol that is defined and not thread-local, or the other way round."""
    form: cython.int = mode.types[r_type].form
    if not is_defined(flags):
        return False
    if flags & SYM_TLS:
        return FORM_ABS <= form <= FORM_GOTOFF or form == FORM_GOT or form == FORM_PLTOFF
    return form == FORM_TLSGD or form == FORM_GOTTPOFF or form == FORM_TPOFF or form == FORM_TLSDESC


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def local_target(
    scan: cython.pointer[Scan],
    place: cython.pointer[Place],
    row: cython.pointer[FileRow],
    r_sym: uint32_t,
    index: uint64_t,
    offset: uint64_t,
    worker: cython.int,
) -> uint32_t:
    """The flags of a local symbol, after marking its section; 0 after a fault."""
    base = scan.files.base[place.file]
    sym = cython.cast(cython.pointer[cython.const[Elf64_Sym]], base + row.symoff) + r_sym
    shndx: uint32_t = section_of(base, row, sym, r_sym)
    flags: uint32_t = local_flags(sym.st_info, sym.st_shndx == SHN_ABS)
    if shndx == 0:
        if sym.st_shndx == SHN_UNDEF:
            flags &= ~cython.cast(uint32_t, SYM_OBJECT_DEF)
            flags |= SYM_FUNC  # symbol 0: the value is the addend alone
        return flags
    if shndx >= row.shnum:
        fail(scan, place, FAULT_RELOC_SYMBOL, offset, index)
        return 0
    target = cython.address(scan.sections.row[row.sec_base + shndx])
    if target.flags & SEC_TLS:
        flags |= SYM_TLS
    if target.flags & SEC_LOSER and place.flags & (SEC_EXEC | SEC_WRITE):
        fail(scan, place, FAULT_RELOC_DISCARDED, offset, index)
        return 0
    if scan.gc:
        mark(scan, row.sec_base + shndx, worker)
    return flags


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def global_target(
    scan: cython.pointer[Scan],
    place: cython.pointer[Place],
    row: cython.pointer[FileRow],
    name: uint32_t,
    r_sym: uint32_t,
    worker: cython.int,
) -> uint32_t:
    """The flags of a global symbol, after marking its section, or the name as missing."""
    symbol = cython.address(scan.symbols[name])
    flags: uint32_t = symbol.flags
    if scan.gc:
        if symbol.section:
            mark(scan, symbol.section, worker)
        elif flags & SYM_COMMON:
            set_bits32(cython.address(symbol.flags), SYM_KEPT)
    if not is_defined(flags) and not flags & (SYM_IMPORTED | SYM_UNDEFINED_OK):
        sym = (
            cython.cast(cython.pointer[cython.const[Elf64_Sym]], scan.files.base[place.file] + row.symoff)
            + r_sym
        )
        if sym.st_info >> 4 != STB_WEAK:
            set_bits32(cython.address(symbol.flags), SYM_MISSING)
            scan.worker[worker].missing = 1
            flags |= SYM_MISSING
    return flags


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def note_needs(
    scan: cython.pointer[Scan],
    place: cython.pointer[Place],
    row: cython.pointer[FileRow],
    decision: cython.pointer[Decision],
    name: uint32_t,
    r_sym: uint32_t,
    worker: cython.int,
) -> cython.void:
    """Add to the symbol's needs; the first to add any puts it on the list."""
    if decision.needs == 0:
        return
    state = cython.address(scan.worker[worker])
    old: uint32_t
    if name:
        flags = cython.address(scan.symbols[name].flags)
        if flags[0] & decision.needs == decision.needs:
            return
        old = fetch_or32(flags, decision.needs)
        if old & NEEDS_ANY == 0 and decision.needs & NEEDS_ANY:
            state.failed |= push(cython.address(state.names), name)
        return
    needs = cython.address(scan.local_needs[row.local_base + r_sym])
    if needs[0] & decision.needs == decision.needs:
        return
    old = fetch_or32(needs, decision.needs)
    if old & NEEDS_ANY == 0 and decision.needs & NEEDS_ANY:
        state.failed |= push(cython.address(state.locals), row.local_base + r_sym)
        state.failed |= push(cython.address(state.local_files), place.file)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def count_dynamic(
    scan: cython.pointer[Scan],
    place: cython.pointer[Place],
    decision: cython.pointer[Decision],
    form: cython.int,
    worker: cython.int,
) -> cython.void:
    """The section's own dynamic relocations, and what the whole output needs once."""
    state = cython.address(scan.worker[worker])
    if decision.action == ACT_RELATIVE or decision.action == ACT_SYMBOLIC:
        sec = cython.address(scan.sections.row[place.section])
        if decision.action == ACT_RELATIVE:
            sec.relatives += 1
        else:
            sec.symbolics += 1
        if not place.flags & SEC_WRITE:
            state.textrel = 1
    elif decision.action == ACT_TLSLD:
        state.tlsld = 1
    if form == FORM_GOTBASE or form == FORM_GOTOFF or form == FORM_PLTOFF:
        state.got_base = 1
    if scan.mode.shared and (form == FORM_GOTTPOFF or form == FORM_TPOFF):
        state.static_tls = 1


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def mark(scan: cython.pointer[Scan], section: uint32_t, worker: cython.int) -> cython.void:
    """Make a section live; whoever does it first has to scan it."""
    sec = cython.address(scan.sections.row[section])
    if sec.kind == SEC_OUT or sec.flags & SEC_LIVE:
        return
    if fetch_or16(cython.address(sec.flags), SEC_LIVE) & SEC_LIVE:
        return
    state = cython.address(scan.worker[worker])
    state.failed |= push(cython.address(state.stack), section)


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
    i: int64_t
    for i in range(begin, end):
        scan_marked(scan, scan.frontier[i], worker)
        while stack.count > kept and left:
            stack.count -= 1
            left -= 1
            scan_marked(scan, stack.item[stack.count], worker)
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
