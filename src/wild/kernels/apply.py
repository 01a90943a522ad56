"""Applying the relocations of sections that are loaded.

`decide` says again what it said in the scan, from the same bytes; this file carries it out (thread-local storage:
apply_tls.py).  The arithmetic uses the psABI's letters: S symbol value, A addend, P place, G GOT slot, GOT the table's
base, L PLT entry.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint8_t, uint32_t, uint64_t
from cython.cimports.wild.kernels.apply_tls import carry_out_tls
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.faults import *
from cython.cimports.wild.kernels.image import Image, Target, loaded_target_of, plt_address
from cython.cimports.wild.kernels.pool import report_value
from cython.cimports.wild.kernels.relocate import Spot, Write, fits, store
from cython.cimports.wild.kernels.relocation import *
from cython.cimports.wild.kernels.sections import RelaSpan, relocations_of
from cython.cimports.wild.kernels.tables import *
from cython.cimports.wild.kernels.x86_64 import *

R_RELATIVE = cython.declare(cython.const[uint32_t], 8)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def fail(
    write: cython.pointer[Write],
    spot: cython.pointer[Spot],
    code: cython.int,
    offset: uint64_t,
    index: uint64_t,
    value: int64_t,
) -> cython.int:
    extra: uint64_t = (cython.cast(uint64_t, spot.shndx) << 32) | cython.cast(uint32_t, index)
    place: uint64_t = (cython.cast(uint64_t, spot.shndx) << 40) + offset
    report_value(write.fault, code, spot.file, place, extra, value)
    return 1


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def put(
    write: cython.pointer[Write],
    spot: cython.pointer[Spot],
    rela: cython.pointer[cython.const[Elf64_Rela]],
    index: uint64_t,
    value: uint64_t,
) -> cython.int:
    """Check a value against its field and store it."""
    type = cython.address(write.image.mode.types[rela.r_type])
    if not fits(type.check, type.size, cython.cast(int64_t, value)):
        return fail(write, spot, FAULT_RELOC_OVERFLOW, rela.r_offset, index, cython.cast(int64_t, value))
    store(spot.to + rela.r_offset, type.size, value)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def relocate_loaded(write: cython.pointer[Write], spot: cython.pointer[Spot]) -> cython.int:
    """Apply the relocations of a section that is loaded; they were checked by the scan."""
    image = write.image
    span: RelaSpan = relocations_of(
        cython.address(image.sections),
        image.files.base[spot.file],
        cython.address(image.files.row[spot.file]),
        spot.section,
    )
    failed: cython.int = 0
    i: uint64_t = 0
    while i < span.count:
        rela = cython.address(span.rela[i])
        if rela.r_type == 0:
            i += 1
            continue
        target: Target = loaded_target_of(image, spot.file, rela.r_sym, rela.r_addend)
        if target.outside:
            failed |= fail(write, spot, FAULT_RELOC_MERGED, rela.r_offset, i, rela.r_addend)
            i += 1
            continue
        decision: Decision = decide(
            image.mode,
            rela.r_type,
            target.flags,
            spot.code + rela.r_offset,
            rela.r_offset,
            spot.size - rela.r_offset,
            rela.r_addend,
            spot.flags,
        )
        failed |= carry_out(write, spot, rela, i, cython.address(target), cython.address(decision))
        i += 1 + decision.skip
    return failed


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def carry_out(
    write: cython.pointer[Write],
    spot: cython.pointer[Spot],
    rela: cython.pointer[cython.const[Elf64_Rela]],
    index: uint64_t,
    target: cython.pointer[Target],
    decision: cython.pointer[Decision],
) -> cython.int:
    """Do what was decided."""
    image = write.image
    action: cython.int = decision.action
    aux = cython.address(image.slots.row[target.aux])
    P: uint64_t = spot.address + rela.r_offset
    SA: uint64_t = target.value
    if action == ACT_STATIC:
        return put(write, spot, rela, index, static_value(image, rela, spot.file, SA, P))
    if action == ACT_RELATIVE:
        if not is_packed(image.mode, cython.address(image.sections.row[spot.section]), rela.r_offset):
            add_relative(spot, P, SA)
        write64(spot.to + rela.r_offset, SA)
        return 0
    if action == ACT_SYMBOLIC:
        return write_symbolic(image, spot, rela, target, P)
    if action == ACT_PLT:
        L: uint64_t = plt_address(image, aux)
        base: uint64_t = P if image.mode.types[rela.r_type].form == FORM_PLT else image.got_base
        return put(write, spot, rela, index, L + rela.r_addend - base)
    if action == ACT_GOT:
        slot: uint64_t = image.got + 8 * aux.got
        if image.mode.types[rela.r_type].form == FORM_GOT:
            return put(write, spot, rela, index, slot - image.got_base + rela.r_addend)
        return put(write, spot, rela, index, slot + rela.r_addend - P)
    if action == ACT_RELAX:
        return write_relaxed(write, spot, rela, index, decision.how, SA, P)
    return carry_out_tls(write, spot, rela, index, target, decision)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def static_value(
    image: cython.pointer[Image],
    rela: cython.pointer[cython.const[Elf64_Rela]],
    file: uint32_t,
    SA: uint64_t,
    P: uint64_t,
) -> uint64_t:
    """The value of a relocation that needs no slot, by its form."""
    form: cython.int = image.mode.types[rela.r_type].form
    if form == FORM_ABS:
        return SA
    if form == FORM_PC or form == FORM_PLT:
        return SA - P
    if form == FORM_GOTOFF or form == FORM_PLTOFF:
        return SA - image.got_base
    if form == FORM_GOTBASE:
        return image.got_base + rela.r_addend - P
    return size_of(image, file, rela.r_sym) + rela.r_addend


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def size_of(image: cython.pointer[Image], file: uint32_t, r_sym: uint32_t) -> uint64_t:
    """Z: st_size of the definition."""
    row = cython.address(image.files.row[file])
    if r_sym >= row.first_global:
        symbol = cython.address(image.symbols[image.names.of[row.global_base + r_sym - row.first_global]])
        if symbol.file == NONE:
            return 0
        file = symbol.file
        r_sym = symbol.sym
    table = cython.cast(
        cython.pointer[cython.const[Elf64_Sym]], image.files.base[file] + image.files.row[file].symoff
    )
    return table[r_sym].st_size


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def write_rela(
    to: cython.pointer[uint8_t], offset: uint64_t, type: uint32_t, symbol: uint32_t, addend: uint64_t
) -> cython.void:
    write64(to, offset)
    write32(to + 8, type)
    write32(to + 12, symbol)
    write64(to + 16, addend)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def add_relative(spot: cython.pointer[Spot], P: uint64_t, value: uint64_t) -> cython.void:
    """The section's next R_X86_64_RELATIVE."""
    write_rela(spot.relocs + 24 * spot.relative, P, R_RELATIVE, 0, value)
    spot.relative += 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def write_symbolic(
    image: cython.pointer[Image],
    spot: cython.pointer[Spot],
    rela: cython.pointer[cython.const[Elf64_Rela]],
    target: cython.pointer[Target],
    P: uint64_t,
) -> cython.int:
    """A dynamic relocation of the same type; without a symbol it is about a thread-local of this module."""
    addend: uint64_t = cython.cast(uint64_t, rela.r_addend)
    if target.flags & SYM_IMPORTED == 0:
        form: cython.int = image.mode.types[rela.r_type].form
        addend = 0 if form == FORM_DTPMOD else target.value - image.tls_start
    write_rela(
        image.rela + image.rela_symbolic + 24 * spot.symbolic,
        P,
        rela.r_type,
        target.dynsym if target.flags & SYM_IMPORTED else 0,
        addend,
    )
    spot.symbolic += 1
    write64(spot.to + rela.r_offset, 0)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def write_relaxed(
    write: cython.pointer[Write],
    spot: cython.pointer[Spot],
    rela: cython.pointer[cython.const[Elf64_Rela]],
    index: uint64_t,
    how: cython.int,
    SA: uint64_t,
    P: uint64_t,
) -> cython.int:
    """A GOT load that is no load any more.  The addend is -4, so S is S + A + 4."""
    p = spot.to + rela.r_offset
    value: int64_t = cython.cast(int64_t, SA - P)
    filler: uint8_t = cython.cast(uint8_t, write.image.mode.call_byte)
    rewrite_relaxed(p, how, rela.r_type, filler)
    if how == RELAX_JMP or how == RELAX_CALL_FILLED:
        value += 1
        p -= 1
    elif how != RELAX_LEA and how != RELAX_CALL:
        value = cython.cast(int64_t, SA + 4)
    if not fits(CHECK_SIGNED, 4, value):
        return fail(write, spot, FAULT_RELOC_OVERFLOW, rela.r_offset, index, value)
    write32(p, cython.cast(uint32_t, value))
    return 0
