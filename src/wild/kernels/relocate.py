"""Writing input sections: copy a section to its place and relocate it while it is in the cache.

Files are written in the blocks that the layout measured them in, each block by one worker, so the gap before every
section is known to that worker: it fills it, and every byte of a part is written exactly once.

`decide` says again what it said in the scan, from the same bytes; this file carries it out.  The arithmetic uses the
psABI's letters: S symbol value, A addend, P place, G GOT slot, GOT the table's base, L PLT entry.  The thread pointer
is the end of the TLS segment (variant II), so offsets from it are negative.

In sections that are not loaded (debug information) there are no slots and no dynamic relocations.  A reference to code
that is not in the output is replaced by a tombstone: 0, and 1 in .debug_loc and .debug_ranges, where a pair of zeros
would end the list (DWARF 4, 2.17.3).
"""

import cython
from cython.cimports.libc.stdint import int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from cython.cimports.libc.string import memcpy, memset
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.faults import *
from cython.cimports.wild.kernels.image import PART_SORTED, Image, PartRow, Target, plt_address, target_of
from cython.cimports.wild.kernels.pool import Fault, report_value
from cython.cimports.wild.kernels.relocate import Spot, Write
from cython.cimports.wild.kernels.relocation import *
from cython.cimports.wild.kernels.sections import RelaSpan, relocations_of, section_bytes, section_header
from cython.cimports.wild.kernels.tables import *
from cython.cimports.wild.kernels.x86_64 import *

NO_TOMBSTONE = cython.declare(cython.const[uint64_t], 0xFFFFFFFFFFFFFFFF)
R_RELATIVE = cython.declare(cython.const[uint32_t], 8)
LOW_32 = cython.declare(cython.const[int64_t], -0x80000000)
HIGH_32 = cython.declare(cython.const[int64_t], 0x7FFFFFFF)
HIGH_U32 = cython.declare(cython.const[int64_t], 0xFFFFFFFF)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def write_blocks(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Write all plain sections of some blocks of files."""
    write = cython.cast(cython.pointer[Write], context)
    image = write.image
    parts: int64_t = image.part_count
    cursor = write.cursor + worker * parts
    b: int64_t
    p: int64_t
    file: uint32_t
    failed: cython.int = 0
    for b in range(begin, end):
        memcpy(cursor, write.block_start + b * parts, parts * 8)
        for file in range(write.block[b], write.block[b + 1]):
            if image.files.row[file].sec_base:
                failed |= write_file(write, file, cursor)
        for p in range(1, parts):
            fill_gap(image, p, cursor[p], write.block_start[(b + 1) * parts + p])
    return failed


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def fill_gap(image: cython.pointer[Image], part: int64_t, start: uint64_t, end: uint64_t) -> cython.void:
    """Bytes between two sections of a part; the output may be an old file."""
    row = cython.address(image.part[part])
    if start < end and not row.flags & (SEC_NOBITS | PART_SORTED):
        memset(image.out + row.offset + start, row.fill, end - start)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def write_file(write: cython.pointer[Write], file: uint32_t, cursor: cython.pointer[uint64_t]) -> cython.int:
    image = write.image
    row = cython.address(image.files.row[file])
    failed: cython.int = 0
    k: uint32_t
    for k in range(1, row.shnum):
        sec = cython.address(image.sections.row[row.sec_base + k])
        if sec.kind == SEC_PLAIN and sec.flags & SEC_LIVE and sec.part:
            part = cython.address(image.part[sec.part])
            if part.flags & SEC_NOBITS:
                continue
            at: uint64_t = sec.address - part.address
            if cursor[sec.part] < at:
                fill_gap(image, sec.part, cursor[sec.part], at)
            cursor[sec.part] = at + sec.size
            failed |= write_section(write, file, k, image.out + part.offset + at)
    return failed


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def write_section(
    write: cython.pointer[Write], file: uint32_t, k: uint32_t, to: cython.pointer[uint8_t]
) -> cython.int:
    """Copy one section and apply its relocations."""
    image = write.image
    row = cython.address(image.files.row[file])
    base = image.files.base[file]
    section: uint32_t = row.sec_base + k
    sec = cython.address(image.sections.row[section])
    shdr = section_header(base, row, k)
    spot = cython.declare(Spot)
    spot.file = file
    spot.section = section
    spot.shndx = k
    spot.flags = sec.flags
    spot.code = section_bytes(cython.address(image.sections), base, shdr, section)
    spot.to = to
    spot.address = sec.address
    spot.size = sec.size
    spot.relative = sec.relatives
    spot.symbolic = sec.symbolics
    if spot.code is cython.NULL:
        memset(to, 0, sec.size)
        return 0
    memcpy(to, spot.code, sec.size)
    if sec.relocs == 0:
        return 0
    if sec.flags & SEC_ALLOC:
        return relocate_loaded(write, cython.address(spot))
    spot.tombstone = tombstone_of(base + row.shstroff + shdr.sh_name)
    return relocate_unloaded(write, cython.address(spot))


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def tombstone_of(name: cython.pointer[cython.const[uint8_t]]) -> uint64_t:
    """What a reference to dead code becomes in this section."""
    loc: cython.bint = begins(name, b".debug_loc", 11)
    return 1 if loc or begins(name, b".debug_ranges", 14) else 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def begins(name: cython.pointer[cython.const[uint8_t]], text: cython.p_const_char, n: cython.int) -> cython.bint:
    i: cython.int
    for i in range(n):
        if name[i] != cython.cast(uint8_t, text[i]):
            return False
    return True


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
def fits(check: cython.int, size: cython.int, value: int64_t) -> cython.bint:
    """Does the value fit a field of `size` bytes?"""
    if check == CHECK_NONE or size == 8:
        return True
    if size == 4:
        if check == CHECK_SIGNED:
            return value == cython.cast(int64_t, cython.cast(int32_t, value))
        if check == CHECK_UNSIGNED:
            return value == cython.cast(int64_t, cython.cast(uint32_t, value))
        return LOW_32 <= value <= HIGH_U32
    limit: int64_t = cython.cast(int64_t, 1) << (8 * size - 1)
    return -limit <= value < (limit if check == CHECK_SIGNED else 2 * limit)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def store(p: cython.pointer[uint8_t], size: cython.int, value: uint64_t) -> cython.void:
    if size == 4:
        write32(p, cython.cast(uint32_t, value))
    elif size == 8:
        write64(p, value)
    elif size == 2:
        write16(p, cython.cast(uint16_t, value))
    elif size == 1:
        p[0] = cython.cast(uint8_t, value)


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
        cython.address(image.sections), image.files.base[spot.file], cython.address(image.files.row[spot.file]), spot.section
    )
    failed: cython.int = 0
    i: uint64_t = 0
    while i < span.count:
        rela = cython.address(span.rela[i])
        if rela.r_type == 0:
            i += 1
            continue
        target: Target = target_of(image, spot.file, rela.r_sym, rela.r_addend)
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
        add_relative(image, cython.address(spot.relative), P, SA)
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
    table = cython.cast(cython.pointer[cython.const[Elf64_Sym]], image.files.base[file] + image.files.row[file].symoff)
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
def add_relative(
    image: cython.pointer[Image], number: cython.pointer[uint64_t], P: uint64_t, value: uint64_t
) -> cython.void:
    """The section's next R_X86_64_RELATIVE."""
    write_rela(image.out + image.rela_relative + 24 * number[0], P, R_RELATIVE, 0, value)
    number[0] += 1


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
        image.out + image.rela_symbolic + 24 * spot.symbolic,
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
    rewrite_relaxed(p, how, has_rex(rela.r_type, rela.r_offset))
    if how == RELAX_JMP:
        value += 1
        p -= 1
    elif how != RELAX_LEA and how != RELAX_CALL:
        value = cython.cast(int64_t, SA + 4)
    if not fits(CHECK_SIGNED, 4, value):
        return fail(write, spot, FAULT_RELOC_OVERFLOW, rela.r_offset, index, value)
    write32(p, cython.cast(uint32_t, value))
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def carry_out_tls(
    write: cython.pointer[Write],
    spot: cython.pointer[Spot],
    rela: cython.pointer[cython.const[Elf64_Rela]],
    index: uint64_t,
    target: cython.pointer[Target],
    decision: cython.pointer[Decision],
) -> cython.int:
    """The thread-local actions.  In rewritten sequences the field's addend of -4 is the instruction's, not the symbol's."""
    image = write.image
    action: cython.int = decision.action
    aux = cython.address(image.slots.row[target.aux])
    p = spot.to + rela.r_offset
    P: uint64_t = spot.address + rela.r_offset
    A: uint64_t = cython.cast(uint64_t, rela.r_addend)
    tpoff: int64_t = cython.cast(int64_t, target.value - image.tls_end)
    if action == ACT_TLSGD:
        return put(write, spot, rela, index, image.got + 8 * aux.tlsgd + A - P)
    if action == ACT_TLSLD:
        return put(write, spot, rela, index, image.got + 8 * image.slots.tlsld + A - P)
    if action == ACT_TLSDESC:
        return put(write, spot, rela, index, image.got + 8 * aux.tlsdesc + A - P)
    if action == ACT_GOTTP:
        return put(write, spot, rela, index, image.got + 8 * aux.gottp + A - P)
    if action == ACT_TPOFF:
        return put(write, spot, rela, index, cython.cast(uint64_t, tpoff))
    if action == ACT_DTPOFF:
        return put(write, spot, rela, index, target.value - image.tls_start)
    if action == ACT_DTPMOD:
        return put(write, spot, rela, index, 1)
    if action == ACT_LD_TO_LE:
        write_ld_to_le(p, decision.how)
    elif action == ACT_CALL_TO_NOP:
        p[0] = 0x66
        p[1] = 0x90
    elif action == ACT_GD_TO_IE:
        write_gd_to_ie(p, cython.cast(int32_t, image.got + 8 * aux.gottp - (P + 12)))
    elif action == ACT_DESC_TO_IE:
        write_desc_to_ie(p, cython.cast(int32_t, image.got + 8 * aux.gottp + A - P))
    else:
        return rewrite_to_local_exec(write, spot, rela, index, decision, tpoff + 4)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def rewrite_to_local_exec(
    write: cython.pointer[Write],
    spot: cython.pointer[Spot],
    rela: cython.pointer[cython.const[Elf64_Rela]],
    index: uint64_t,
    decision: cython.pointer[Decision],
    tpoff: int64_t,
) -> cython.int:
    p = spot.to + rela.r_offset
    if not fits(CHECK_SIGNED, 4, tpoff):
        return fail(write, spot, FAULT_RELOC_OVERFLOW, rela.r_offset, index, tpoff)
    if decision.action == ACT_GD_TO_LE:
        write_gd_to_le(p, cython.cast(int32_t, tpoff))
    elif decision.action == ACT_IE_TO_LE:
        write_ie_to_le(p, decision.how, cython.cast(int32_t, tpoff))
    elif decision.action == ACT_DESC_TO_LE:
        write_desc_to_le(p, cython.cast(int32_t, tpoff))
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def relocate_unloaded(write: cython.pointer[Write], spot: cython.pointer[Spot]) -> cython.int:
    """Apply the relocations of debug information and the like; nothing has checked them before."""
    image = write.image
    row = cython.address(image.files.row[spot.file])
    span: RelaSpan = relocations_of(cython.address(image.sections), image.files.base[spot.file], row, spot.section)
    failed: cython.int = 0
    i: uint64_t
    for i in range(span.count):
        rela = cython.address(span.rela[i])
        if rela.r_type == 0:
            continue
        if rela.r_sym >= row.nsyms:
            failed |= fail(write, spot, FAULT_RELOC_SYMBOL, rela.r_offset, i, 0)
            continue
        if rela.r_type > 255 or image.mode.types[rela.r_type].form == FORM_UNKNOWN:
            failed |= fail(write, spot, FAULT_RELOC_TYPE, rela.r_offset, i, rela.r_type)
            continue
        if not inside(spot.size, rela.r_offset, image.mode.types[rela.r_type].size):
            failed |= fail(write, spot, FAULT_RELOC_OFFSET, rela.r_offset, i, 0)
            continue
        failed |= write_unloaded(write, spot, rela, i)
    return failed


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def write_unloaded(
    write: cython.pointer[Write],
    spot: cython.pointer[Spot],
    rela: cython.pointer[cython.const[Elf64_Rela]],
    index: uint64_t,
) -> cython.int:
    image = write.image
    target: Target = target_of(image, spot.file, rela.r_sym, rela.r_addend)
    form: cython.int = image.mode.types[rela.r_type].form
    if target.dead:
        store(spot.to + rela.r_offset, image.mode.types[rela.r_type].size, spot.tombstone)
        return 0
    if target.outside:
        return fail(write, spot, FAULT_RELOC_MERGED, rela.r_offset, index, rela.r_addend)
    value: uint64_t = target.value
    if form == FORM_DTPOFF or (form == FORM_ABS and target.flags & SYM_TLS):
        value -= image.tls_start
    elif form == FORM_TPOFF:
        value -= image.tls_end
    else:
        value = static_value(image, rela, spot.file, value, spot.address + rela.r_offset)
    return put(write, spot, rela, index, value)
