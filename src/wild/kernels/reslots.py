"""The words of GOT slots that an update adds or whose symbols have moved, with their dynamic relocations."""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.libc.string import memcpy
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.graft import *
from cython.cimports.wild.kernels.image import plt_address
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
    if used[0] > relative[1] or used[1] > symbolic[1]:
        raise CannotUpdate("D2", "no room left for dynamic relocations")
    i: int64_t
    for i in range(graft.moved_count):
        if image.symbols[graft.moved[i]].aux:
            move_slot(graft, image.symbols[graft.moved[i]].aux, used[0], got_offset)
    return used[0], used[1]


def fill_new_plt(graft: Graft, plt_offset: int, ibt: bool):
    """Write new PLT entries, which jump through their symbols' words of .got: [endbr64]; jmp *word(%rip); nop.

    `plt_offset`: where the first entry is in the file."""
    image = cython.address(graft.saved.image)
    number: uint32_t
    for number in graft.new_plt:
        aux = cython.address(image.slots.row[number])
        entry: uint64_t = plt_address(image, aux)
        to = image.out + cython.cast(uint64_t, plt_offset) + (entry - image.plt)
        word: uint64_t = image.got + 8 * cython.cast(uint64_t, aux.got)
        if ibt:
            memcpy(to, b"\xf3\x0f\x1e\xfa\xff\x25\x00\x00\x00\x00\x66\x0f\x1f\x44\x00\x00", 16)
            write32(to + 6, cython.cast(uint32_t, word - (entry + 10)))
        else:
            memcpy(to, b"\xff\x25\x00\x00\x00\x00\x0f\x1f\x80\x00\x00\x00\x00\x66\x90\x90", 16)
            write32(to + 2, cython.cast(uint32_t, word - (entry + 6)))
        graft.saved.change(to, 16)


@cython.cfunc
@cython.exceptval(-1)
def move_slot(graft: Graft, number: uint32_t, relatives: uint64_t, got_offset: uint64_t) -> cython.int:
    """The GOT slot of a symbol that has moved, and its relative relocation."""
    image = cython.address(graft.saved.image)
    aux = cython.address(image.slots.row[number])
    symbol = cython.address(image.symbols[aux.target])
    if aux.gottp != NONE or aux.tlsgd != NONE or aux.tlsdesc != NONE or aux.copy != NONE:
        raise CannotUpdate("E13", "a thread-local or indirect symbol moved")
    if symbol.flags & SYM_IMPORTED:
        return 0  # its slots are filled by the loader, from its dynamic symbol
    if aux.plt != NONE:
        raise CannotUpdate("E13", "a thread-local or indirect symbol moved")
    if aux.got == NONE:
        return 0
    word = image.out + got_offset + 8 * cython.cast(uint64_t, aux.got)
    write64(word, symbol.value)
    graft.saved.change(word, 8)
    kind: cython.int = slot_kind(symbol.flags, image.mode)
    if kind != SLOT_RELATIVE:
        return 0
    address: uint64_t = image.got + 8 * cython.cast(uint64_t, aux.got)
    i: uint64_t
    for i in range(relatives):
        rela = image.out + image.rela_relative + 24 * i
        if read64(rela) == address:
            write64(rela + 16, symbol.value)
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
