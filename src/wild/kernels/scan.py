"""Scanning: what one relocation of a live, loaded section asks for.

What a symbol needs is OR-ed into its row; the first worker to add anything lists the symbol.  The section's own count
of dynamic relocations goes up: one worker scans a section, so that needs no atomic.  With --gc-sections the section
that a relocation refers to is marked.
"""

import cython
from cython.cimports.libc.stdint import uint32_t, uint64_t
from cython.cimports.libc.string import strncmp
from cython.cimports.wild.kernels.cc import fetch_or16, fetch_or32, set_bits32
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.faults import *
from cython.cimports.wild.kernels.frames import FRAME_KEPT
from cython.cimports.wild.kernels.lists import push
from cython.cimports.wild.kernels.pool import report
from cython.cimports.wild.kernels.relocation import *
from cython.cimports.wild.kernels.scan import Place, Scan
from cython.cimports.wild.kernels.sections import (
    RelaSpan,
    relocations_of,
    section_bytes,
    section_header,
    section_name,
    section_of,
)
from cython.cimports.wild.kernels.tables import *


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
    form: cython.int = scan.mode.types[rela.r_type].form
    count_dynamic(scan, place, cython.address(decision), form, rela.r_offset, worker)
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
    if (target.flags & SEC_LOSER or target.kind == SEC_OUT) and needs_contents(scan, place, target):
        fail(scan, place, FAULT_RELOC_DISCARDED, offset, index)
        return 0
    if scan.gc:
        mark(scan, row.sec_base + shndx, worker)
    return flags


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def needs_contents(
    scan: cython.pointer[Scan], place: cython.pointer[Place], target: cython.pointer[SectionRow]
) -> cython.bint:
    """Is it wrong that a place refers to a section that is not in the output?

    Code and variables must not refer to what lost with its group.  What was dropped by name (/DISCARD/,
    --discard-section) is missed by all other data, too, but for tables about code, as in GNU ld.
    """
    if place.flags & (SEC_EXEC | SEC_WRITE):
        return True
    if target.flags & SEC_LOSER or not target.flags & SEC_ALLOC or not place.flags & SEC_ALLOC:
        return False
    base = scan.files.base[place.file]
    row = cython.address(scan.files.row[place.file])
    name = cython.cast(cython.p_const_char, section_name(base, row, section_header(base, row, place.shndx)))
    return strncmp(name, b".gcc_except_table", 17) != 0 and strncmp(name, b".eh_frame", 9) != 0


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
        elif flags & SYM_COMMON or symbol.file == 0:  # a bound of sections, perhaps (reach.py)
            set_bits32(cython.address(symbol.flags), SYM_KEPT)
    if not is_defined(flags) and (not flags & (SYM_IMPORTED | SYM_UNDEFINED_OK) or scan.reports_imports):
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
    offset: uint64_t,
    worker: cython.int,
) -> cython.void:
    """The section's own dynamic relocations, and what the whole output needs once."""
    state = cython.address(scan.worker[worker])
    if decision.action == ACT_RELATIVE or decision.action == ACT_SYMBOLIC:
        sec = cython.address(scan.sections.row[place.section])
        if decision.action == ACT_RELATIVE and is_packed(scan.mode, sec, offset):
            state.failed |= push(cython.address(state.packed), place.section)
            state.failed |= push(cython.address(state.packed), cython.cast(uint32_t, offset))
        elif decision.action == ACT_RELATIVE:
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
