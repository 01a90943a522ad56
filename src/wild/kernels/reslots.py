"""The words of GOT slots that an update adds or whose symbols have moved, with their dynamic relocations."""

import cython
from cython.cimports.libc.stdint import int64_t, uint8_t, uint32_t, uint64_t
from cython.cimports.libc.string import memcpy, memset
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.fill import Fill, fill_module_pair, fill_tls
from cython.cimports.wild.kernels.graft import *
from cython.cimports.wild.kernels.image import plt_address
from cython.cimports.wild.kernels.reslots import *
from cython.cimports.wild.kernels.saved import *
from cython.cimports.wild.kernels.sections import section_of
from cython.cimports.wild.kernels.slots import SLOT_RELATIVE, SLOT_SYMBOLIC, slot_kind
from cython.cimports.wild.kernels.tables import *

from wild.errors import CannotUpdate

R_GLOB_DAT = cython.declare(cython.const[uint32_t], 6)
R_RELATIVE = cython.declare(cython.const[uint32_t], 8)


def fill_new_slots(graft: Graft, relative, symbolic, got_offset: int):
    """Write the words of new slots and of moved symbols' old ones.  Returns the numbers of relocations in use.

    `relative` and `symbolic`: (used, room) of .rela.dyn; `got_offset`: of .got in the file.
    """
    image = cython.address(graft.saved.image)
    used: list = [relative[0], symbolic[0]]
    number: uint32_t
    for number, kind in graft.new_slots:
        aux = cython.address(image.slots.row[number])
        value: uint64_t = slot_value(graft, number)
        word = image.out + cython.cast(uint64_t, got_offset) + 8 * cython.cast(uint64_t, aux.got)
        address: uint64_t = image.got + 8 * cython.cast(uint64_t, aux.got)
        if kind == SLOT_RELATIVE:
            put_rela(
                graft, image.rela_relative + 24 * cython.cast(uint64_t, used[0]), address, R_RELATIVE, value
            )
            used[0] += 1
        elif kind == SLOT_SYMBOLIC:
            info: uint64_t = cython.cast(uint64_t, image.symbols[aux.target].dynsym) << 32 | R_GLOB_DAT
            put_rela(graft, image.rela_symbolic + 24 * cython.cast(uint64_t, used[1]), address, info, 0)
            used[1] += 1
            value = 0
        write64(word, value)
        graft.saved.change(word, 8)
    for number in graft.gone_slots:
        forget_slots(graft, cython.address(image.slots.row[number]), used[1])
    used[1] = fill_new_tls(graft, used[1], got_offset)
    if used[0] > relative[1] or used[1] > symbolic[1]:
        raise CannotUpdate("D2", "no room left for dynamic relocations")
    i: int64_t
    for i in range(graft.moved_count):
        if image.symbols[graft.moved[i]].aux:
            move_slot(graft, image.symbols[graft.moved[i]].aux, used, got_offset)
    return used[0], used[1]


@cython.cfunc
@cython.exceptval(check=False)
def forget_slots(graft: Graft, aux: cython.pointer[AuxRow], symbolics: uint64_t) -> cython.void:
    """Nobody reads these words any more: no relocation may name a dynamic symbol for them, which is gone, too.

    Not so for a word of .got.plt, whose relocations are counted: a symbol without a name is bound to nothing.
    """
    image = cython.address(graft.saved.image)
    words: uint32_t[5]
    words[:] = [aux.got, aux.gottp, aux.tlsgd, aux.tlsgd, aux.tlsdesc]
    words[3] += words[3] != NONE
    k: cython.int
    i: uint64_t
    for i in range(symbolics):
        rela = image.out + image.rela_symbolic + 24 * i
        for k in range(5):
            if words[k] != NONE and read64(rela) == image.got + 8 * cython.cast(uint64_t, words[k]):
                memset(rela, 0, 24)
                graft.saved.change(rela, 24)


@cython.cfunc
@cython.exceptval(0xFFFFFFFFFFFFFFFF)
def fill_new_tls(graft: Graft, symbolics: uint64_t, got_offset: uint64_t) -> uint64_t:
    """New words for thread-local variables; returns how many symbolic relocations there are then."""
    image = cython.address(graft.saved.image)
    fill = cython.declare(Fill)
    one = cython.declare(AuxRow)
    memset(cython.address(fill), 0, cython.sizeof(Fill))
    fill.image = image
    fill.got = image.out + got_offset
    fill.symbolic = symbolics
    number: uint32_t
    kinds: uint32_t
    for number, kinds in graft.new_tls:
        if number == 0:
            fill_module_pair(cython.address(fill))
            graft.saved.change(fill.got + 8 * cython.cast(uint64_t, image.slots.tlsld), 16)
            continue
        one = image.slots.row[number]  # of which only the new words are to be filled
        one.gottp = one.gottp if kinds & NEEDS_GOTTP else NONE
        one.tlsgd = one.tlsgd if kinds & NEEDS_TLSGD else NONE
        one.tlsdesc = one.tlsdesc if kinds & NEEDS_TLSDESC else NONE
        flags: uint32_t = 0 if one.local else image.symbols[one.target].flags
        dynsym: uint32_t = 0 if one.local else image.symbols[one.target].dynsym
        fill_tls(cython.address(fill), cython.address(one), flags, slot_value(graft, number), dynsym)
        mark_words(graft, fill.got, one.gottp, 8)
        mark_words(graft, fill.got, one.tlsgd, 16)
        mark_words(graft, fill.got, one.tlsdesc, 16)
    graft.saved.change(image.out + image.rela_symbolic + 24 * symbolics, 24 * (fill.symbolic - symbolics))
    return fill.symbolic


@cython.cfunc
@cython.exceptval(check=False)
def mark_words(graft: Graft, got: cython.pointer[uint8_t], slot: uint32_t, size: uint64_t) -> cython.void:
    if slot != NONE:
        graft.saved.change(got + 8 * cython.cast(uint64_t, slot), size)


def fill_new_plt(graft: Graft, plt_offset: int, ibt: bool):
    """Write new PLT entries, which jump through their symbols' words of .got.

    `plt_offset`: where the first entry is in the file."""
    image = cython.address(graft.saved.image)
    number: uint32_t
    for number in graft.new_plt:
        word: uint64_t = image.got + 8 * cython.cast(uint64_t, image.slots.row[number].got)
        write_plt_entry(graft, number, word, plt_offset, ibt)


@cython.cfunc
@cython.exceptval(check=False)
def write_plt_entry(
    graft: Graft, number: uint32_t, word: uint64_t, plt_offset: uint64_t, ibt: cython.bint
) -> cython.void:
    """The PLT entry of an AuxRow, which jumps to what is in a word: [endbr64]; jmp *word(%rip); nop."""
    image = cython.address(graft.saved.image)
    entry: uint64_t = plt_address(image, cython.address(image.slots.row[number]))
    to = image.out + plt_offset + (entry - image.plt)
    if ibt:
        memcpy(to, b"\xf3\x0f\x1e\xfa\xff\x25\x00\x00\x00\x00\x66\x0f\x1f\x44\x00\x00", 16)
        write32(to + 6, cython.cast(uint32_t, word - (entry + 10)))
    else:
        memcpy(to, b"\xff\x25\x00\x00\x00\x00\x0f\x1f\x80\x00\x00\x00\x00\x66\x90\x90", 16)
        write32(to + 2, cython.cast(uint32_t, word - (entry + 6)))
    graft.saved.change(to, 16)


@cython.cfunc
@cython.exceptval(-1)
def move_slot(graft: Graft, number: uint32_t, used: list, got_offset: uint64_t) -> cython.int:
    """The slots of a symbol that has moved, and their dynamic relocations; `used`: (relative, symbolic) ones."""
    image = cython.address(graft.saved.image)
    aux = cython.address(image.slots.row[number])
    symbol = cython.address(image.symbols[aux.target])
    if aux.copy != NONE:
        raise CannotUpdate("E13", "an indirect symbol moved")
    if symbol.flags & SYM_IMPORTED:
        return 0  # its slots are filled by the loader, from its dynamic symbol
    if aux.plt != NONE:
        raise CannotUpdate("E13", "an indirect symbol moved")
    if symbol.flags & SYM_TLS:
        return move_tls(graft, aux, symbol.value, used[1], got_offset)
    if aux.got == NONE:
        return 0
    put_word(graft, got_offset, aux.got, symbol.value)
    if slot_kind(symbol.flags, image.mode) == SLOT_RELATIVE:
        set_addend(graft, image.rela_relative, used[0], aux.got, symbol.value)
    return 0


@cython.cfunc
@cython.exceptval(-1)
def move_tls(
    graft: Graft, aux: cython.pointer[AuxRow], value: uint64_t, symbolics: uint64_t, got_offset: uint64_t
) -> cython.int:
    """The words of a thread-local variable of the output that has moved (fill.fill_tls)."""
    image = cython.address(graft.saved.image)
    offset: uint64_t = value - image.tls_start
    if aux.gottp != NONE and image.mode.shared:
        set_addend(graft, image.rela_symbolic, symbolics, aux.gottp, offset)
    elif aux.gottp != NONE:
        put_word(graft, got_offset, aux.gottp, value - image.tls_end)
    if aux.tlsgd != NONE:
        put_word(graft, got_offset, aux.tlsgd + 1, offset)
    if aux.tlsdesc != NONE:
        set_addend(graft, image.rela_symbolic, symbolics, aux.tlsdesc, offset)
    return 0


@cython.cfunc
@cython.exceptval(check=False)
def put_word(graft: Graft, got_offset: uint64_t, slot: uint64_t, value: uint64_t) -> cython.void:
    word = graft.saved.image.out + got_offset + 8 * slot
    write64(word, value)
    graft.saved.change(word, 8)


@cython.cfunc
@cython.exceptval(-1)
def set_addend(
    graft: Graft, relocations: uint64_t, count: uint64_t, slot: uint64_t, addend: uint64_t
) -> cython.int:
    """The addend of the dynamic relocation of a word of .got."""
    image = cython.address(graft.saved.image)
    address: uint64_t = image.got + 8 * slot
    i: uint64_t
    for i in range(count):
        rela = image.out + relocations + 24 * i
        if read64(rela) == address:
            write64(rela + 16, addend)
            graft.saved.change(rela, 24)
            return 0
    raise CannotUpdate("A4", "the saved output does not fit its tables")


@cython.cfunc
@cython.exceptval(check=False)
def slot_value(graft: Graft, number: uint32_t) -> uint64_t:
    """The address that a slot holds."""
    image = cython.address(graft.saved.image)
    aux = cython.address(image.slots.row[number])
    if not aux.local:
        return image.symbols[aux.target].value
    row = cython.address(image.files.row[aux.file])
    sym = (
        cython.cast(cython.pointer[cython.const[Elf64_Sym]], image.files.base[aux.file] + row.symoff)
        + aux.sym
    )
    section: uint32_t = section_of(image.files.base[aux.file], row, sym, aux.sym)
    if section == 0 or section >= row.shnum:
        return sym.st_value
    return image.sections.row[row.sec_base + section].address + sym.st_value


@cython.cfunc
@cython.exceptval(check=False)
def put_rela(
    graft: Graft, offset: uint64_t, address: uint64_t, info: uint64_t, addend: uint64_t
) -> cython.void:
    to = graft.saved.image.out + offset
    write64(to, address)
    write64(to + 8, info)
    write64(to + 16, addend)
    graft.saved.change(to, 24)
