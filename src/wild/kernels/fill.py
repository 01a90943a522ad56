"""Filling what the linker makes for its slots: GOT words, PLT entries, and the dynamic relocations of both.

The lazy PLT is the psABI's ("Procedure Linkage Table"): entry 0 pushes the link map and jumps to the resolver; entry n
jumps through its word of .got.plt, which first points back to the entry's second instruction.  With IBT
(-z ibtplt) an entry begins with endbr64, so it is split in two: .plt holds the lazy halves, .plt.sec what is called.
Entries of ifuncs stand behind the others; their words are filled by IRELATIVE relocations at start-up.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint8_t, uint32_t, uint64_t
from cython.cimports.libc.string import memcpy
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.image import Image, plt_address, target_of
from cython.cimports.wild.kernels.measure import Layout
from cython.cimports.wild.kernels.slots import *
from cython.cimports.wild.kernels.tables import *

R_64 = cython.declare(cython.const[uint32_t], 1)
R_COPY = cython.declare(cython.const[uint32_t], 5)
R_GLOB_DAT = cython.declare(cython.const[uint32_t], 6)
R_JUMP_SLOT = cython.declare(cython.const[uint32_t], 7)
R_RELATIVE = cython.declare(cython.const[uint32_t], 8)
R_DTPMOD64 = cython.declare(cython.const[uint32_t], 16)
R_DTPOFF64 = cython.declare(cython.const[uint32_t], 17)
R_TPOFF64 = cython.declare(cython.const[uint32_t], 18)
R_TLSDESC = cython.declare(cython.const[uint32_t], 36)
R_IRELATIVE = cython.declare(cython.const[uint32_t], 37)
RESERVED = cython.declare(cython.const[uint64_t], 24)  # bytes of .got.plt that are the loader's


def fill_slots(layout: Layout, files, ibt: bool, dynamic_address: int, has_got_plt: bool):
    """Write .got, .got.plt, .plt (and .plt.sec) and the dynamic relocations of the slots.

    `files`: file offsets {"got", "got_plt", "plt", "plt_sec"} and "plt_start", the address of .plt.
    """
    fill = cython.declare(Fill)
    image = cython.address(layout.view)
    fill.image = image
    fill.got = image.out + cython.cast(uint64_t, files["got"])
    fill.got_plt = image.out + cython.cast(uint64_t, files["got_plt"])
    fill.plt = image.out + cython.cast(uint64_t, files["plt"])
    fill.plt_sec = image.out + cython.cast(uint64_t, files["plt_sec"])
    fill.plt_start = files["plt_start"]
    fill.relative = image.slot_relative
    fill.symbolic = image.slot_symbolic
    fill.irelative = cython.cast(uint64_t, image.slots.plt)
    fill.ibt = ibt
    fill.lazy_header = image.got_plt
    dynamic: uint64_t = dynamic_address
    reserved: cython.bint = has_got_plt
    with cython.nogil:
        if reserved:
            write64(fill.got_plt, dynamic)
            write64(fill.got_plt + 8, 0)
            write64(fill.got_plt + 16, 0)
        if image.slots.plt:
            write_plt_header(cython.address(fill))
        fill_rows(cython.address(fill))
        fill_module_pair(cython.address(fill))


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def write_plt_header(fill: cython.pointer[Fill]) -> cython.void:
    """push GOTPLT+8(%rip); jmp *GOTPLT+16(%rip); nop."""
    to = fill.plt
    memcpy(to, b"\xff\x35\x00\x00\x00\x00\xff\x25\x00\x00\x00\x00\x0f\x1f\x40\x00", 16)
    write32(to + 2, cython.cast(uint32_t, fill.lazy_header + 8 - (fill.plt_start + 6)))
    write32(to + 8, cython.cast(uint32_t, fill.lazy_header + 16 - (fill.plt_start + 12)))


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def fill_rows(fill: cython.pointer[Fill]) -> cython.void:
    """All slots, in the order of their rows."""
    image = fill.image
    i: int64_t
    flags: uint32_t
    value: uint64_t
    dynsym: uint32_t
    for i in range(1, image.slots.count):
        aux = cython.address(image.slots.row[i])
        if aux.local:
            target = target_of(image, aux.file, aux.sym, 0)
            flags = target.flags | (aux.flags & NEEDS_ANY)
            value = target.value
            dynsym = 0
        else:
            symbol = cython.address(image.symbols[aux.target])
            flags = symbol.flags
            value = symbol.value
            dynsym = symbol.dynsym
        if aux.got != NONE:
            fill_got(fill, aux, flags, value, dynsym)
        fill_tls(fill, aux, flags, value, dynsym)
        if aux.plt != NONE:
            fill_plt(fill, aux, flags, value, dynsym)
        if aux.copy != NONE and aux.flags & AUX_COPY_FIRST:
            add_symbolic(fill, value, R_COPY, dynsym, 0)


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
def add_symbolic(
    fill: cython.pointer[Fill], offset: uint64_t, type: uint32_t, symbol: uint32_t, addend: uint64_t
) -> cython.void:
    image = fill.image
    write_rela(image.rela + image.rela_symbolic + 24 * fill.symbolic, offset, type, symbol, addend)
    fill.symbolic += 1


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def add_irelative(fill: cython.pointer[Fill], offset: uint64_t, resolver: uint64_t) -> cython.void:
    image = fill.image
    write_rela(image.out + image.rela_plt + 24 * fill.irelative, offset, R_IRELATIVE, 0, resolver)
    fill.irelative += 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def resolver_of(image: cython.pointer[Image], aux: cython.pointer[AuxRow]) -> uint64_t:
    """The address of an ifunc's resolver, even when its PLT entry stands for it."""
    if not aux.local:
        symbol = cython.address(image.symbols[aux.target])
        if symbol.section:
            row = cython.address(image.files.row[symbol.file])
            table = cython.cast(
                cython.pointer[cython.const[Elf64_Sym]], image.files.base[symbol.file] + row.symoff
            )
            return image.sections.row[symbol.section].address + table[symbol.sym].st_value
        return symbol.value
    row = cython.address(image.files.row[aux.file])
    sym = (
        cython.cast(cython.pointer[cython.const[Elf64_Sym]], image.files.base[aux.file] + row.symoff)
        + aux.sym
    )
    if sym.st_shndx == SHN_UNDEF or sym.st_shndx >= row.shnum:
        return sym.st_value
    return image.sections.row[row.sec_base + sym.st_shndx].address + sym.st_value


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def fill_got(
    fill: cython.pointer[Fill],
    aux: cython.pointer[AuxRow],
    flags: uint32_t,
    value: uint64_t,
    dynsym: uint32_t,
) -> cython.void:
    image = fill.image
    address: uint64_t = image.got + 8 * aux.got
    word = fill.got + 8 * aux.got
    kind: cython.int = slot_kind(flags, image.mode)
    if kind == SLOT_SYMBOLIC:
        add_symbolic(fill, address, R_GLOB_DAT, dynsym, 0)
        write64(word, 0)
        return
    if kind == SLOT_IRELATIVE:
        value = resolver_of(image, aux)
        add_irelative(fill, address, value)
    elif kind == SLOT_RELATIVE and not aux.flags & AUX_GOT_PACKED:
        write_rela(image.rela + image.rela_relative + 24 * fill.relative, address, R_RELATIVE, 0, value)
        fill.relative += 1
    write64(word, value)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def fill_tls(
    fill: cython.pointer[Fill],
    aux: cython.pointer[AuxRow],
    flags: uint32_t,
    value: uint64_t,
    dynsym: uint32_t,
) -> cython.void:
    """Words of the TLS models; an import is named, what is ours is said by its offset."""
    image = fill.image
    imported: cython.bint = flags & SYM_IMPORTED != 0
    shared: cython.bint = image.mode.shared != 0
    offset: uint64_t = 0 if imported else value - image.tls_start
    dynsym = dynsym if imported else 0
    if aux.gottp != NONE:
        word = fill.got + 8 * aux.gottp
        if imported or shared:
            add_symbolic(fill, image.got + 8 * aux.gottp, R_TPOFF64, dynsym, offset)
            write64(word, 0)
        else:
            write64(word, value - image.tls_end)
    if aux.tlsgd != NONE:
        word = fill.got + 8 * aux.tlsgd
        if imported or shared:
            add_symbolic(fill, image.got + 8 * aux.tlsgd, R_DTPMOD64, dynsym, 0)
        if imported:
            add_symbolic(fill, image.got + 8 * aux.tlsgd + 8, R_DTPOFF64, dynsym, 0)
        write64(word, 0 if imported or shared else 1)
        write64(word + 8, offset)
    if aux.tlsdesc != NONE:
        word = fill.got + 8 * aux.tlsdesc
        add_symbolic(fill, image.got + 8 * aux.tlsdesc, R_TLSDESC, dynsym, offset)
        write64(word, 0)
        write64(word + 8, 0)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def fill_module_pair(fill: cython.pointer[Fill]) -> cython.void:
    """The pair that local-dynamic code passes to __tls_get_addr: this module, offset 0."""
    image = fill.image
    if image.slots.tlsld == NONE:
        return
    word = fill.got + 8 * image.slots.tlsld
    if image.mode.shared:
        add_symbolic(fill, image.got + 8 * image.slots.tlsld, R_DTPMOD64, 0, 0)
    write64(word, 0 if image.mode.shared else 1)
    write64(word + 8, 0)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def fill_plt(
    fill: cython.pointer[Fill],
    aux: cython.pointer[AuxRow],
    flags: uint32_t,
    value: uint64_t,
    dynsym: uint32_t,
) -> cython.void:
    """One entry, its word, and the relocation of the word."""
    image = fill.image
    ifunc: cython.bint = aux.flags & AUX_IFUNC_PLT != 0
    number: uint64_t = aux.plt + (image.slots.plt if ifunc else 0)
    slot: uint64_t = image.got_plt + RESERVED + 8 * number
    word = fill.got_plt + RESERVED + 8 * number
    entry: uint64_t = plt_address(image, aux)
    lazy: uint64_t = fill.plt_start + 16 * (aux.plt + 1)
    if ifunc:
        resolver: uint64_t = resolver_of(image, aux)
        add_irelative(fill, slot, resolver)
        write64(word, resolver)
        lazy = entry
    else:
        write_rela(image.out + image.rela_plt + 24 * aux.plt, slot, R_JUMP_SLOT, dynsym, 0)
        write64(word, lazy if fill.ibt else lazy + 6)
    if fill.ibt:
        if not ifunc:
            write_lazy_half(fill, aux.plt, lazy)
        write_called_half(fill, entry, slot)
    else:
        write_plt_entry(fill, entry, slot, lazy, aux.plt, ifunc)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def write_plt_entry(
    fill: cython.pointer[Fill],
    entry: uint64_t,
    slot: uint64_t,
    lazy: uint64_t,
    number: uint32_t,
    ifunc: cython.bint,
) -> cython.void:
    """jmp *slot(%rip); push $number; jmp PLT0.  An ifunc's entry is never lazy."""
    to = fill.plt + (entry - fill.plt_start)
    if ifunc:
        memcpy(to, b"\xff\x25\x00\x00\x00\x00\x0f\x1f\x80\x00\x00\x00\x00\x66\x90\x90", 16)
    else:
        memcpy(to, b"\xff\x25\x00\x00\x00\x00\x68\x00\x00\x00\x00\xe9\x00\x00\x00\x00", 16)
        write32(to + 7, number)
        write32(to + 12, cython.cast(uint32_t, fill.plt_start - (lazy + 16)))
    write32(to + 2, cython.cast(uint32_t, slot - (entry + 6)))


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def write_lazy_half(fill: cython.pointer[Fill], number: uint32_t, lazy: uint64_t) -> cython.void:
    """endbr64; push $number; jmp PLT0; nop."""
    to = fill.plt + (lazy - fill.plt_start)
    memcpy(to, b"\xf3\x0f\x1e\xfa\x68\x00\x00\x00\x00\xe9\x00\x00\x00\x00\x66\x90", 16)
    write32(to + 5, number)
    write32(to + 10, cython.cast(uint32_t, fill.plt_start - (lazy + 14)))


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def write_called_half(fill: cython.pointer[Fill], entry: uint64_t, slot: uint64_t) -> cython.void:
    """endbr64; jmp *slot(%rip); nop.  Entries of .plt.sec, those of ifuncs behind the others."""
    image = fill.image
    to = fill.plt_sec + (entry - image.plt)
    memcpy(to, b"\xf3\x0f\x1e\xfa\xff\x25\x00\x00\x00\x00\x66\x0f\x1f\x44\x00\x00", 16)
    write32(to + 6, cython.cast(uint32_t, slot - (entry + 10)))
