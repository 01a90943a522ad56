"""Records of call frame information become rows: step 1 of frames.py, which has the essay.

Everything that a section claims is checked here: that its records fill it, that every FDE has a CIE, that
relocations are inside records and refer to symbols that exist.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import malloc, qsort
from cython.cimports.libc.string import memcpy
from cython.cimports.wild.kernels.cies import hash_cie, read_augmentation
from cython.cimports.wild.kernels.elf import SHN_ABS, Elf64_Rela, Rela, Sym, read32
from cython.cimports.wild.kernels.faults import *
from cython.cimports.wild.kernels.frames import *
from cython.cimports.wild.kernels.pool import report
from cython.cimports.wild.kernels.relocation import FORM_NONE
from cython.cimports.wild.kernels.sections import (
    RelaSpan,
    relocations_of,
    section_bytes,
    section_header,
    section_of,
)
from cython.cimports.wild.kernels.tables import *

LARGEST = cython.declare(cython.const[uint64_t], 0xFFFFFF00)  # an .eh_frame section
WIDE = cython.declare(cython.const[uint64_t], 0xFFFFFFFF)  # a length that announces one of 64 bits


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def count_files(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """How many sections and records each file has."""
    work = cython.cast(WorkPtr, context)
    eh = cython.declare(EhSection)
    file: int64_t
    k: uint32_t
    for file in range(begin, end):
        row = cython.address(work.files.row[file])
        if not row.sec_base:
            continue
        for k in range(1, row.shnum):
            if work.sections.row[row.sec_base + k].kind == SEC_EH_FRAME:
                open_section(work, cython.address(eh), cython.cast(uint32_t, file), k)
                work.count[file].eh += 1
                if work.sections.row[eh.section].size > LARGEST:
                    return fail(work, cython.address(eh), FAULT_FRAME_WIDE, 0)
                if count_records(work, cython.address(eh), cython.address(work.count[file])):
                    return 1
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def open_section(work: WorkPtr, eh: EhPtr, file: uint32_t, k: uint32_t) -> cython.void:
    """Where the bytes of section `k` of a file are."""
    row = cython.address(work.files.row[file])
    base = work.files.base[file]
    eh.file = file
    eh.section = row.sec_base + k
    eh.bytes = section_bytes(work.sections, base, section_header(base, row, k), eh.section)
    eh.size = cython.cast(uint32_t, work.sections.row[eh.section].size) if eh.bytes is not cython.NULL else 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def fail(work: WorkPtr, eh: EhPtr, code: cython.int, at: uint64_t) -> cython.int:
    """Record a fault in the record at `at`."""
    row = cython.address(work.files.row[eh.file])
    place: uint64_t = eh.bytes - work.files.base[eh.file] + at
    report(work.fault, code, eh.file, place, eh.section - row.sec_base)
    return 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def count_records(work: WorkPtr, eh: EhPtr, count: FrameCountPtr) -> cython.int:
    """Walk through the records; from here on their lengths are known to be right."""
    at: uint64_t = 0
    while at < eh.size:
        if eh.size - at < 4:
            return fail(work, eh, FAULT_FRAME_SIZE, at)
        length: uint64_t = read32(eh.bytes + at)
        if length == WIDE:
            return fail(work, eh, FAULT_FRAME_WIDE, at)
        if length and (length < 4 or length > eh.size - at - 4):
            return fail(work, eh, FAULT_FRAME_SIZE, at)
        if length:
            is_cie: cython.bint = read32(eh.bytes + at + 4) == 0
            count.cie += is_cie
            count.frame += not is_cie
        at += 4 + length
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def split_files(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Fill the rows of a block of files."""
    work = cython.cast(WorkPtr, context)
    file: int64_t
    k: uint32_t
    for file in range(begin, end):
        row = cython.address(work.files.row[file])
        next = cython.address(work.count[file])
        first: uint32_t = next.frame
        if not row.sec_base:
            continue
        for k in range(1, row.shnum):
            if work.sections.row[row.sec_base + k].kind == SEC_EH_FRAME:
                eh = cython.address(work.view.eh[next.eh])
                open_section(work, eh, cython.cast(uint32_t, file), k)
                if order_relocations(work, eh) or split_section(work, eh, next):
                    return 1
                work.sections.row[eh.section].link = next.eh
                next.eh += 1
        chain_frames(work, first, next.frame)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def chain_frames(work: WorkPtr, first: uint32_t, end: uint32_t) -> cython.void:
    """Hang the FDEs of a file on the sections of their functions; backwards, so that chains are in order."""
    while end > first:
        end -= 1
        frame = cython.address(work.view.frame[end])
        if frame.target != FRAME_DROPPED and frame.target != FRAME_KEPT:
            sec = cython.address(work.sections.row[frame.target])
            frame.next = sec.frames
            sec.frames = end + 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def compare_relocations(a: ConstVoid, b: ConstVoid) -> cython.int:
    x: uint64_t = cython.cast(Rela, a).r_offset
    y: uint64_t = cython.cast(Rela, b).r_offset
    return (x > y) - (x < y)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def order_relocations(work: WorkPtr, eh: EhPtr) -> cython.int:
    """Find the relocations of the section; where they are not in order of place, sort a copy."""
    row = cython.address(work.files.row[eh.file])
    span: RelaSpan = relocations_of(work.sections, work.files.base[eh.file], row, eh.section)
    ordered: cython.bint = True
    i: uint64_t
    eh.rela = span.rela
    eh.rela_count = cython.cast(uint32_t, span.count)
    for i in range(span.count):
        if span.rela[i].r_sym >= row.nsyms:
            report(work.fault, FAULT_FRAME_SYMBOL, eh.file, span.rela[i].r_offset, span.rela[i].r_sym)
            return 1
        ordered = ordered and (i == 0 or span.rela[i - 1].r_offset <= span.rela[i].r_offset)
    if ordered:
        return 0
    copy = cython.cast(cython.pointer[Elf64_Rela], malloc(span.count * cython.sizeof(Elf64_Rela)))
    if copy is cython.NULL:
        work.out_of_memory = 1
        return 1
    memcpy(copy, span.rela, span.count * cython.sizeof(Elf64_Rela))
    qsort(copy, span.count, cython.sizeof(Elf64_Rela), compare_relocations)
    eh.rela = copy
    eh.own_rela = 1
    return 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def is_none(work: WorkPtr, r_type: uint32_t) -> cython.bint:
    return r_type < 256 and work.types[r_type].form == FORM_NONE


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def split_section(work: WorkPtr, eh: EhPtr, next: FrameCountPtr) -> cython.int:
    """Fill the rows of one section; `next` has the numbers of the free rows."""
    at: uint64_t = 0
    rela: uint32_t = 0
    eh.first_cie = eh.cie_end = next.cie
    eh.first_frame = eh.frame_end = next.frame
    while at < eh.size:
        size: uint64_t = 4 + cython.cast(uint64_t, read32(eh.bytes + at))
        if size == 4:
            at += 4
            continue
        while (
            rela < eh.rela_count and eh.rela[rela].r_offset < at + 8 and is_none(work, eh.rela[rela].r_type)
        ):
            rela += 1
        first: uint32_t = rela
        while rela < eh.rela_count and eh.rela[rela].r_offset < at + size:
            rela += 1
        if first < rela and eh.rela[first].r_offset < at + 8:
            return fail_at_relocation(work, eh, first)
        if read32(eh.bytes + at + 4) == 0:
            work.view.cie[next.cie].first_rela = first
            work.view.cie[next.cie].rela_count = rela - first
            fill_cie(work, cython.address(work.view.cie[next.cie]), next.eh, at, size)
            next.cie += 1
            eh.cie_end = next.cie
        else:
            work.view.frame[next.frame].first_rela = first
            work.view.frame[next.frame].rela_count = rela - first
            if fill_frame(work, cython.address(work.view.frame[next.frame]), next.eh, at, size):
                return 1
            next.frame += 1
            eh.frame_end = next.frame
        at += size
    while rela < eh.rela_count and is_none(work, eh.rela[rela].r_type):
        rela += 1
    return fail_at_relocation(work, eh, rela) if rela < eh.rela_count else 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def fail_at_relocation(work: WorkPtr, eh: EhPtr, number: uint32_t) -> cython.int:
    report(work.fault, FAULT_FRAME_RELOC, eh.file, eh.rela[number].r_offset, number)
    return 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def fill_cie(work: WorkPtr, cie: CiePtr, eh: uint32_t, at: uint64_t, size: uint64_t) -> cython.void:
    cie.eh = eh
    cie.offset = cython.cast(uint32_t, at)
    cie.size = cython.cast(uint32_t, size)
    read_augmentation(cie, work.view.eh[eh].bytes + at)
    hash_cie(work, cie)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def fill_frame(work: WorkPtr, frame: FramePtr, eh: uint32_t, at: uint64_t, size: uint64_t) -> cython.int:
    """Fill the row of an FDE, whose relocations are known."""
    section = cython.address(work.view.eh[eh])
    frame.eh = eh
    frame.offset = cython.cast(uint32_t, at)
    frame.size = cython.cast(uint32_t, size)
    frame.target = FRAME_KEPT
    if frame.rela_count and section.rela[frame.first_rela].r_offset == at + 8:
        frame.target = function_section(work, section.file, cython.address(section.rela[frame.first_rela]))
    distance: uint64_t = read32(section.bytes + at + 4)
    if distance <= at + 4:
        frame.cie = find_cie(work.view, section, at + 4 - distance)
        if frame.cie != NONE:
            return 0
    return fail(work, section, FAULT_FRAME_CIE, at)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def find_cie(view: FrameViewPtr, eh: EhPtr, offset: uint64_t) -> uint32_t:
    """The CIE at an offset of its section, NONE if there is none.  Nearly always it is the latest one."""
    low: uint32_t = eh.first_cie
    high: uint32_t = eh.cie_end
    if low < high and view.cie[high - 1].offset <= offset:
        low = high - 1
    while low < high:
        middle: uint32_t = low + (high - low) // 2
        if view.cie[middle].offset == offset:
            return middle
        if view.cie[middle].offset < offset:
            low = middle + 1
        else:
            high = middle
    return NONE


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def function_section(work: WorkPtr, file: uint32_t, rela: Rela) -> uint32_t:
    """The section of an FDE's function, which the relocation refers to; FRAME_DROPPED: not in the link."""
    row = cython.address(work.files.row[file])
    base = work.files.base[file]
    sym = cython.cast(Sym, base + row.symoff) + rela.r_sym
    if is_none(work, rela.r_type):
        return FRAME_DROPPED
    if rela.r_sym >= row.first_global:
        name: uint32_t = work.names.of[row.global_base + rela.r_sym - row.first_global]
        if name == 0 or work.symbols[name].file != file:
            return FRAME_DROPPED
    if sym.st_shndx == SHN_ABS:
        return FRAME_KEPT
    shndx: uint32_t = section_of(base, row, sym, rela.r_sym)
    if shndx == 0 or shndx >= row.shnum:
        return FRAME_DROPPED
    sec = cython.address(work.sections.row[row.sec_base + shndx])
    if sec.flags & SEC_LOSER or sec.kind == SEC_OUT:
        return FRAME_DROPPED
    return row.sec_base + shndx
