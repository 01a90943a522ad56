"""Copy relocations that an update adds: a variable of a shared object gets a place, with all its names."""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.libc.string import memset, strlen
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.graft import *
from cython.cimports.wild.kernels.renumber import new_aux
from cython.cimports.wild.kernels.reslots import put_rela
from cython.cimports.wild.kernels.rewrite import InputMaps, open_file
from cython.cimports.wild.kernels.saved import *
from cython.cimports.wild.kernels.slots import (
    AUX_COPY_FIRST,
    AUX_COPY_RELRO,
    Numbering,
    copy_alignment,
    is_alias,
    is_read_only,
)
from cython.cimports.wild.kernels.tables import *

from wild.errors import CannotUpdate

R_COPY = cython.declare(cython.const[uint64_t], 5)


def copied_variable(graft: Graft, name: int, paths: list, maps: InputMaps):
    """What has to be known of a variable: (size, alignment, is it read-only there?, path number and SharedRow of the
    shared object, its names: [(NameId, bytes, symbol, st_info, st_size)]).
    """
    state = cython.declare(Numbering)
    image = cython.address(graft.saved.image)
    symbol = cython.address(image.symbols[cython.cast(uint32_t, name)])
    open_file(graft, symbol.file, paths, maps)
    memset(cython.address(state), 0, cython.sizeof(Numbering))
    state.files, state.names = cython.address(image.files), cython.address(image.names)
    state.symbols = image.symbols
    row = cython.address(image.files.row[symbol.file])
    table = cython.cast(cython.pointer[cython.const[Elf64_Sym]], image.files.base[symbol.file] + row.symoff)
    own = table + symbol.sym
    size: uint64_t = own.st_size
    found: list = []
    k: uint32_t
    for k in range(row.first_global, row.nsyms):
        other: uint32_t = is_alias(cython.address(state), symbol, k, own.st_value, own.st_shndx)
        if other == 0:
            continue
        if (
            image.symbols[other].flags & SYM_TLS
            or image.symbols[other].dynsym
            or table[k].st_name >= row.strsize
        ):
            raise CannotUpdate("D2", "a copied variable has another name that is used already")
        size = max(size, table[k].st_size)
        text = cython.cast(cython.p_char, image.files.base[symbol.file] + row.stroff + table[k].st_name)
        binding: uint32_t = STB_WEAK if image.symbols[other].flags & SYM_WEAK_DEF else STB_GLOBAL
        info: uint32_t = binding << 4 | (table[k].st_info & 15)
        found.append((other, cython.cast(bytes, text[: strlen(text)]), k, info, table[k].st_size))
    if size == 0:
        raise CannotUpdate("D2", "a copied variable has no size")
    align: uint64_t = copy_alignment(cython.address(state), symbol.file, own)
    read_only: cython.bint = is_read_only(cython.address(state), symbol.file, own.st_value)
    return size, align, read_only, row.map, row.shared, found


def place_copy(graft: Graft, name: int, entry: int, address: int, first: bool, read_only: bool):
    """Let a name of a copied variable stand for the copy; `entry`: of .dynsym."""
    number: uint32_t = name
    image = cython.address(graft.saved.image)
    symbol = cython.address(image.symbols[number])
    if symbol.aux == 0:
        symbol.aux = new_aux(graft, number, 0, 0)
    symbol.flags |= NEEDS_COPY
    symbol.value = address
    symbol.dynsym = entry
    aux = cython.address(image.slots.row[symbol.aux])
    area: uint64_t = image.relro_copies if read_only else image.copies
    aux.copy = cython.cast(uint32_t, symbol.value - area)
    aux.flags |= (AUX_COPY_FIRST if first else 0) | (AUX_COPY_RELRO if read_only else 0)
    graft.saved.touch(symbol, cython.sizeof(SymbolRow))
    graft.saved.touch(aux, cython.sizeof(AuxRow))


def output_section(graft: Graft, part: int) -> int:
    """The index of the output section of a part."""
    return graft.saved.image.part[cython.cast(int64_t, part)].shndx


def write_copies(graft: Graft, used: int, room: int) -> int:
    """The relocations by which the loader fills the copies, behind the `used` ones; returns how many there are then."""
    image = cython.address(graft.saved.image)
    for name in graft.copied:
        symbol = cython.address(image.symbols[cython.cast(uint32_t, name)])
        if not image.slots.row[symbol.aux].flags & AUX_COPY_FIRST:
            continue
        if used >= room:
            raise CannotUpdate("D2", "no room left for dynamic relocations")
        info: uint64_t = cython.cast(uint64_t, symbol.dynsym) << 32 | R_COPY
        put_rela(graft, image.rela_symbolic + 24 * cython.cast(uint64_t, used), symbol.value, info, 0)
        used += 1
    return used
