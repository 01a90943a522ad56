"""Keeping relocations in the output (--emit-relocs): what BOLT and the kernel's own relocator read.

An output section that inputs have relocations for gets a section of them, `.rela` before its name.  They say of the
finished bytes what an object's relocations say of its own, so they follow what was rewritten (as in GNU ld): the GOT
load that became `lea` has an R_X86_64_PC32, thread-local code that became local-exec has an R_X86_64_TPOFF32, and the
second relocation of a rewritten call is R_X86_64_NONE.  `decide` (relocation.pxd) tells again what was done.

r_offset is an address (an offset in the section, where that is not loaded).  A relocation against a section, or against
a local symbol that is not in .symtab, is one against the symbol of the output section, with the distance from its
start as addend; that also holds for merged strings.  What refers to dropped code is R_X86_64_NONE.

Relocations are counted per part of the output, which gives each section its place; records of .eh_frame that
are dropped or shared leave theirs behind.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.emitted import *
from cython.cimports.wild.kernels.frames import EhSection, FrameTable
from cython.cimports.wild.kernels.image import Target, target_of
from cython.cimports.wild.kernels.measure import Layout
from cython.cimports.wild.kernels.pool import Pool
from cython.cimports.wild.kernels.relocation import *
from cython.cimports.wild.kernels.sections import (
    RelaSpan,
    relocations_of,
    section_bytes,
    section_header,
    section_of,
)
from cython.cimports.wild.kernels.symindex import index_symbols
from cython.cimports.wild.kernels.symtab import SymbolTable
from cython.cimports.wild.kernels.tables import *
from cython.cimports.wild.kernels.x86_64 import GD_LARGE, RELAX_CALL, RELAX_CALL_FILLED, RELAX_JMP, RELAX_LEA


@cython.final
@cython.cclass
class EmittedRelocations:
    """The relocations of everything that is in the output; made when sections and frames are chosen."""

    layout: Layout
    frames: FrameTable
    view: Emit
    eh_count: uint64_t

    def __cinit__(self, layout: Layout, frames: FrameTable):
        self.layout = layout
        self.frames = frames
        arena = layout.inputs.arena
        view = cython.address(self.view)
        view.image = cython.address(layout.view)
        image = view.image
        view.part = cython.cast(
            cython.pointer[EmitPart], arena.array(image.part_count, cython.sizeof(EmitPart))
        )
        view.first = cython.cast(U32, arena.array(image.sections.count, 4))
        view.eh_first = cython.cast(U32, arena.array(frames.view.eh_count, 4))
        view.local_index = cython.cast(U32, arena.array(image.files.locals, 4))
        view.name_index = cython.cast(U32, arena.array(image.names.capacity, 4))
        with cython.nogil:
            count_sections(view)
            self.eh_count = count_frames(view, frames)

    def counts(self):
        """How many relocations each part has, by PartId; that of part 0 is .eh_frame's."""
        found = [self.view.part[p].count for p in range(self.layout.view.part_count)]
        found[0] = self.eh_count
        return found

    def place(self, part: int, offset: int, start: int, symbol: int):
        """The place in the file of a part's first relocation, and address and symbol of the output section.

        Part 0 is .eh_frame."""
        row = cython.address(self.view.part[cython.cast(uint32_t, part)])
        row.offset = offset
        row.start = start
        row.symbol = symbol

    def write(self, pool: Pool, symtab: SymbolTable):
        """Write all of them; symbols are final."""
        view = cython.address(self.view)
        view.image.frames = self.frames.view
        view.eh_offset = view.part[0].offset
        view.eh_symbol = view.part[0].symbol
        index_symbols(pool, symtab, view.local_index, view.name_index)
        pool.run_evenly(emit_files, view, view.image.files.count, 8)
        pool.run_evenly(emit_frames, view, self.frames.view.eh_count, 16)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def count_sections(emit: EmitPtr) -> cython.void:
    image = emit.image
    file: int64_t
    k: uint32_t
    for file in range(1, image.files.count):
        row = cython.address(image.files.row[file])
        for k in range(1, row.shnum if row.sec_base else 0):
            sec = cython.address(image.sections.row[row.sec_base + k])
            if is_emitted(sec):
                part = cython.address(emit.part[sec.part])
                emit.first[row.sec_base + k] = cython.cast(uint32_t, part.count)
                span: RelaSpan = relocations_of(
                    cython.address(image.sections), image.files.base[file], row, row.sec_base + k
                )
                part.count += span.count


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def is_emitted(sec: cython.pointer[SectionRow]) -> cython.bint:
    return sec.kind == SEC_PLAIN and sec.flags & SEC_LIVE != 0 and sec.part != 0 and sec.relocs != 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def count_frames(emit: EmitPtr, frames: FrameTable) -> uint64_t:
    view = cython.address(frames.view)
    total: uint64_t = 0
    i: int64_t
    k: uint32_t
    for i in range(view.eh_count):
        eh = cython.address(view.eh[i])
        emit.eh_first[i] = cython.cast(uint32_t, total)
        for k in range(eh.first_cie, eh.cie_end):
            if view.cie[k].canonical == k:
                total += view.cie[k].rela_count
        for k in range(eh.first_frame, eh.frame_end):
            if view.frame[k].out != NONE:
                total += view.frame[k].rela_count
    return total


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def emit_files(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    emit = cython.cast(EmitPtr, context)
    image = emit.image
    i: int64_t
    k: uint32_t
    for i in range(begin, end):
        row = cython.address(image.files.row[i])
        for k in range(1, row.shnum if row.sec_base else 0):
            if is_emitted(cython.address(image.sections.row[row.sec_base + k])):
                emit_section(emit, cython.cast(uint32_t, i), k)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def emit_section(emit: EmitPtr, file: uint32_t, k: uint32_t) -> cython.void:
    """The relocations of one section, with those of rewritten instructions changed."""
    image = emit.image
    row = cython.address(image.files.row[file])
    base = image.files.base[file]
    section: uint32_t = row.sec_base + k
    sec = cython.address(image.sections.row[section])
    code = section_bytes(cython.address(image.sections), base, section_header(base, row, k), section)
    span: RelaSpan = relocations_of(cython.address(image.sections), base, row, section)
    out = cython.cast(cython.pointer[Elf64_Rela], image.out + emit.part[sec.part].offset)
    out += emit.first[section]
    skip: cython.int = 0
    i: uint64_t
    for i in range(span.count):
        rela = cython.address(span.rela[i])
        out[i] = rela[0]
        out[i].r_offset += sec.address
        target: Target = target_of(image, file, rela.r_sym, rela.r_addend)
        if skip or target.dead or target.outside:
            skip = max(skip - 1, 0)
            empty(out + i)
            continue
        if sec.flags & SEC_ALLOC and rela.r_type:
            place = code + rela.r_offset if code is not cython.NULL else cython.NULL
            after: uint64_t = sec.size - rela.r_offset
            decision: Decision = decide(
                image.mode, rela.r_type, target.flags, place, rela.r_offset, after, rela.r_addend, sec.flags
            )
            follow(out + i, cython.address(decision), image.mode.types[rela.r_type].size)
            skip = decision.skip
        if out[i].r_type or rela.r_type == 0:
            value: uint64_t = target.value + cython.cast(uint64_t, out[i].r_addend - rela.r_addend)
            name_target(emit, file, rela.r_sym, value, out + i)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def empty(rela: cython.pointer[Elf64_Rela]) -> cython.void:
    rela.r_type = R_NONE
    rela.r_sym = 0
    rela.r_addend = 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def follow(
    rela: cython.pointer[Elf64_Rela], decision: cython.pointer[Decision], size: cython.int
) -> cython.void:
    """Say of the instruction as it is now what it holds.  Where an immediate has taken the place of a distance, the
    addend of -4 is no more."""
    action: cython.int = decision.action
    if action == ACT_RELAX:
        rela.r_type = R_PC32
        if decision.how == RELAX_JMP or decision.how == RELAX_CALL_FILLED:
            rela.r_offset -= 1
        elif decision.how != RELAX_LEA and decision.how != RELAX_CALL:
            rela.r_type = R_32S
            rela.r_addend += 4
    elif action == ACT_GD_TO_LE or action == ACT_GD_TO_IE:
        rela.r_offset += 9 if decision.how == GD_LARGE else 8
        rela.r_type = R_GOTTPOFF if action == ACT_GD_TO_IE else R_TPOFF32
        rela.r_addend += 0 if action == ACT_GD_TO_IE else 4
    elif action == ACT_IE_TO_LE or action == ACT_DESC_TO_LE:
        rela.r_type = R_TPOFF32
        rela.r_addend += 4
    elif action == ACT_DESC_TO_IE:
        rela.r_type = R_GOTTPOFF
    elif action == ACT_TPOFF:
        rela.r_type = R_TPOFF64 if size == 8 else R_TPOFF32
    elif action == ACT_LD_TO_LE or action == ACT_CALL_TO_NOP:
        empty(rela)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def name_target(
    emit: EmitPtr, file: uint32_t, symbol: uint32_t, value: uint64_t, rela: cython.pointer[Elf64_Rela]
) -> cython.void:
    """The symbol of the output, and the addend that belongs to it; `value` is S + A."""
    image = emit.image
    row = cython.address(image.files.row[file])
    section: uint32_t = 0
    if symbol >= row.first_global:
        name: uint32_t = image.names.of[row.global_base + symbol - row.first_global]
        rela.r_sym = emit.name_index[name]
        section = image.symbols[name].section
    else:
        sym = cython.cast(Sym, image.files.base[file] + row.symoff) + symbol
        rela.r_sym = 0
        if sym.st_info & 15 != STT_SECTION:
            rela.r_sym = emit.local_index[row.local_base + symbol]
        section = section_of(image.files.base[file], row, sym, symbol)
        section = row.sec_base + section if 0 < section < row.shnum else 0
    if rela.r_sym or section == 0:
        return
    sec = cython.address(image.sections.row[section])
    if sec.kind == SEC_EH_FRAME:
        rela.r_sym = emit.eh_symbol
        rela.r_addend = cython.cast(int64_t, value - image.eh_frame)
    else:
        rela.r_sym = emit.part[sec.part].symbol
        rela.r_addend = cython.cast(int64_t, value - emit.part[sec.part].start)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def emit_frames(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """The relocations of the records of .eh_frame that are in the output."""
    emit = cython.cast(EmitPtr, context)
    view = cython.address(emit.image.frames)
    i: int64_t
    k: uint32_t
    for i in range(begin, end):
        eh = cython.address(view.eh[i])
        out = cython.cast(cython.pointer[Elf64_Rela], emit.image.out + emit.eh_offset) + emit.eh_first[i]
        for k in range(eh.first_cie, eh.cie_end):
            cie = cython.address(view.cie[k])
            if cie.canonical == k:
                emit_record(emit, eh, cie.first_rela, cie.rela_count, cie.offset, cie.out, out)
                out += cie.rela_count
        for k in range(eh.first_frame, eh.frame_end):
            frame = cython.address(view.frame[k])
            if frame.out != NONE:
                emit_record(emit, eh, frame.first_rela, frame.rela_count, frame.offset, frame.out, out)
                out += frame.rela_count
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def emit_record(
    emit: EmitPtr,
    eh: cython.pointer[EhSection],
    first: uint32_t,
    count: uint32_t,
    offset: uint32_t,
    placed: uint32_t,
    out: cython.pointer[Elf64_Rela],
) -> cython.void:
    i: uint32_t
    for i in range(count):
        rela = cython.address(eh.rela[first + i])
        out[i] = rela[0]
        out[i].r_offset = emit.image.eh_frame + eh.out + placed + (rela.r_offset - offset)
        target: Target = target_of(emit.image, eh.file, rela.r_sym, rela.r_addend)
        if target.dead or target.outside:
            empty(out + i)
        else:
            name_target(emit, eh.file, rela.r_sym, target.value, out + i)
