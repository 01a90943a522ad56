"""Common symbols: the table of names whose definition is one, with the largest size and alignment of all
mentions; the largest mention becomes the definition, as in GNU ld.

Compilers of C made an uninitialised variable a common symbol until they changed to -fno-common; Fortran
still does.  So nearly all links have none, and which files have some is known from binding; only those are
looked at again, serially and in input order, which is the order of the table.  A shared object's larger
definition of a common name widens it, as in GNU ld: the shared object's code relies on its own size.
"""

import cython
from cython.cimports.libc.stdint import uint32_t, uint64_t
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.resolve import *
from cython.cimports.wild.kernels.tables import *

WHO = cython.declare(cython.const[uint64_t], (1 << 60) - 1)  # file and symbol of a claim


@cython.cfunc
@cython.exceptval(-1, check=False)
def collect_commons(resolution: Resolution) -> cython.int:
    """Rows of the names that stay common, in input order, with the largest size and alignment of all
    mentions.
    """
    state: ResolvePtr = cython.address(resolution.state)
    room: uint64_t = 0
    i: uint32_t
    for i in range(state.fresh_count):
        if state.common_files[state.fresh[i]]:
            room += commons_of(resolution, state.fresh[i], False)
    if room == 0:
        return 0
    arena = resolution.inputs.arena
    resolution.commons = cython.cast(cython.pointer[CommonRow], arena.array(room, cython.sizeof(CommonRow)))
    for i in range(state.fresh_count):
        if state.common_files[state.fresh[i]]:
            commons_of(resolution, state.fresh[i], True)
    for i in range(state.fresh_count):
        if state.files.row[state.fresh[i]].kind == FILE_SHARED:
            widen_commons(resolution, state.fresh[i])
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def commons_of(resolution: Resolution, file: uint32_t, merge: cython.bint) -> uint64_t:
    """Count the common symbols of a file that are definitions, or merge its mentions into their rows."""
    state: ResolvePtr = cython.address(resolution.state)
    row = cython.address(state.files.row[file])
    syms: Sym = symbols_of(state.files, file)
    of: U32 = state.names.of + row.global_base - row.first_global
    count: uint64_t = 0
    i: uint32_t
    for i in range(row.first_global, row.nsyms):
        if not is_common(syms + i) or of[i] == 0:
            continue
        winner: uint64_t = state.symbols.key[of[i]]
        if claim_strength(winner) != BIND_COMMON:
            continue
        first: cython.bint = winner & WHO == claim(0, file, i)
        count += first
        if merge:
            merge_common(resolution, of[i], file, i, first)
    return count


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def merge_common(
    resolution: Resolution, name: uint32_t, file: uint32_t, index: uint32_t, first: cython.bint
) -> cython.void:
    """Merge a mention; the largest is the definition, whose size compilers go by when they have merged them."""
    symbol = cython.address(resolution.view.row[name])
    sym: Sym = symbols_of(cython.address(resolution.inputs.view), file) + index
    if first:
        symbol.value = resolution.common_count
        resolution.commons[symbol.value].name = name
        resolution.commons[symbol.value].align = 1
        resolution.commons[symbol.value].area = COMMON_LARGE
        resolution.common_count += 1
    common = cython.address(resolution.commons[symbol.value])
    if sym.st_size > common.size:
        common.size = sym.st_size
        symbol.file = file
        symbol.sym = index
    common.align = max(common.align, sym.st_value)
    if sym.st_info & 15 == STT_TLS:
        common.area = COMMON_TLS
    elif sym.st_shndx != SHN_AMD64_LCOMMON:
        common.area = COMMON_PLAIN


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def widen_commons(resolution: Resolution, file: uint32_t) -> cython.void:
    """Merge the sizes that a shared object gives to common names."""
    state: ResolvePtr = cython.address(resolution.state)
    row = cython.address(state.files.row[file])
    syms: Sym = symbols_of(state.files, file)
    of: U32 = state.names.of + row.global_base - row.first_global
    i: uint32_t
    for i in range(row.first_global, row.nsyms):
        if (
            of[i] == 0
            or syms[i].st_shndx == SHN_UNDEF
            or claim_strength(state.symbols.key[of[i]]) != BIND_COMMON
        ):
            continue
        common = cython.address(resolution.commons[resolution.view.row[of[i]].value])
        common.size = max(common.size, syms[i].st_size)
