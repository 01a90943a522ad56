"""Canonical PLT entries that an update adds: code takes the address of a function of a library for the first time.

In an output at a fixed address the PLT entry of the function is its address then, for everybody: the dynamic symbol,
which is undefined, has it as its value, and the loader finds that by the hash table.  So the symbol gets a new entry of
.dynsym, of those that are for exports; relocations go on naming the old one, which is found by nobody.

The PLT entry jumps to what R_X86_64_JUMP_SLOT has found, the only type for which the loader passes by symbols of that
kind.  PLT entries of earlier updates use R_X86_64_GLOB_DAT, and would jump to themselves; they get another word.
"""

import cython
from cython.cimports.libc.stdint import uint32_t, uint64_t
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.graft import *
from cython.cimports.wild.kernels.image import plt_address
from cython.cimports.wild.kernels.renumber import give_plt, new_aux, take_words
from cython.cimports.wild.kernels.reslots import put_rela, write_plt_entry
from cython.cimports.wild.kernels.saved import *
from cython.cimports.wild.kernels.tables import *

from wild.errors import CannotUpdate

R_JUMP_SLOT = cython.declare(cython.const[uint64_t], 7)


@cython.cfunc
@cython.exceptval(check=False)
def can_be_canonical(graft: Graft, symbol: cython.pointer[SymbolRow]) -> cython.bint:
    """Is it a function of a shared object whose PLT entry may become its address?"""
    other: uint32_t = SYM_PROTECTED_DEF | SYM_HIDDEN | SYM_PROTECTED | SYM_TLS
    return (
        graft.offers
        and not graft.saved.image.mode.pic
        and symbol.flags & (SYM_FUNC | SYM_IFUNC) != 0
        and not symbol.flags & other
    )


@cython.cfunc
@cython.exceptval(-1, check=False)
def give_canonical(graft: Graft, name: uint32_t, got_room: uint64_t) -> cython.int:
    """Numbers of a PLT entry and of the word for it, where it has none that does."""
    image = cython.address(graft.saved.image)
    symbol = cython.address(image.symbols[name])
    if symbol.aux == 0:
        symbol.aux = new_aux(graft, name, 0, 0)
    aux = cython.address(image.slots.row[symbol.aux])
    graft.canonical.append(name)
    if aux.plt != NONE and aux.plt < image.slots.plt:
        return 0  # of the initial link
    if aux.plt == NONE:
        give_plt(graft, symbol)
        graft.new_plt.remove(symbol.aux)
    graft.jump_words.append((name, take_words(graft, 1, got_room)))
    return 0


def place_canonical(graft: Graft, name: int, entry: int) -> int:
    """Let the PLT entry be the address, and `entry` the dynamic symbol; returns the address."""
    image = cython.address(graft.saved.image)
    symbol = cython.address(image.symbols[cython.cast(uint32_t, name)])
    symbol.dynsym = entry
    symbol.value = plt_address(image, cython.address(image.slots.row[symbol.aux]))
    graft.saved.touch(symbol, cython.sizeof(SymbolRow))
    return symbol.value


def write_jumps(graft: Graft, used: int, room: int, plt_offset: int, ibt: bool) -> int:
    """PLT entries, and the relocations of their words behind the `used` ones; returns how many there are then."""
    image = cython.address(graft.saved.image)
    for name, word in graft.jump_words:
        if used >= room:
            raise CannotUpdate("D2", "no room left for dynamic relocations")
        symbol = cython.address(image.symbols[cython.cast(uint32_t, name)])
        address: uint64_t = image.got + 8 * cython.cast(uint64_t, word)
        write_plt_entry(graft, symbol.aux, address, plt_offset, ibt)
        info: uint64_t = cython.cast(uint64_t, symbol.dynsym) << 32 | R_JUMP_SLOT
        put_rela(graft, image.rela_symbolic + 24 * cython.cast(uint64_t, used), address, info, 0)
        used += 1
    return used
