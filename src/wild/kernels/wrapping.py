"""--wrap: references of objects get another name, before anything is resolved.

An undefined symbol of an object that is called as one that is wrapped bears `__wrap_` and its name, one called
`__real_` and that name bears the name itself (GNU ld manual, --wrap).  Definitions keep theirs.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t
from cython.cimports.wild.kernels.cc import atomic_min32
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.names import NameTable, globals_of
from cython.cimports.wild.kernels.pool import Pool
from cython.cimports.wild.kernels.tables import *

Wrapping = cython.struct(
    files=cython.pointer[Files],
    names=cython.pointer[Names],
    instead=cython.pointer[uint32_t],  # by NameId: the name that takes its place, 0: none, NONE: unknown
    missing=uint32_t,  # a name whose place nothing can take, 0: none
)


def wrap(names: NameTable, pool: Pool, symbols: list):
    """Where an object refers to a symbol of the list, let it refer to `__wrap_` and its name instead, and to
    the symbol where it refers to `__real_` and its name.

    Raises KeyError when a name that has to take another's place is not mentioned by any input: the internal
    file can mention it, by an undefined weak symbol, which has no other effect.
    """
    wrapping = cython.declare(Wrapping)
    wrapping.files = cython.address(names.inputs.view)
    wrapping.names = cython.address(names.view)
    wrapping.instead = cython.cast(U32, names.inputs.arena.array(names.view.capacity, 4))
    wrapping.missing = 0
    for symbol in symbols:
        for old, new in ((symbol, b"__wrap_" + symbol), (b"__real_" + symbol, symbol)):
            name: uint32_t = names.find(old)
            wrapping.instead[name] = names.find(new) or NONE
    wrapping.instead[0] = 0
    pool.run_evenly(wrap_files, cython.address(wrapping), wrapping.files.count, 8)
    if wrapping.missing:
        raise KeyError(names.text(wrapping.missing))
    for symbol in symbols:
        for each in (symbol, b"__wrap_" + symbol, b"__real_" + symbol):
            names.view.row[cython.cast(uint32_t, names.find(each))].first = NONE
    pool.run(find_first, cython.address(wrapping), wrapping.files.globals, 65536)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def wrap_files(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Job over files: give undefined symbols of objects the name that takes the place of theirs."""
    wrapping = cython.cast(cython.pointer[Wrapping], context)
    file: int64_t
    i: uint32_t
    for file in range(begin, end):
        row = cython.address(wrapping.files.row[file])
        if row.kind != FILE_OBJECT:
            continue
        of: U32 = wrapping.names.of + row.global_base
        syms: Sym = cython.cast(Sym, wrapping.files.base[file] + row.symoff) + row.first_global
        for i in range(globals_of(row)):
            if syms[i].st_shndx != SHN_UNDEF or wrapping.instead[of[i]] == 0:
                continue
            if wrapping.instead[of[i]] == NONE:
                wrapping.missing = of[i]
            else:
                of[i] = wrapping.instead[of[i]]
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def find_first(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Job over GlobalIds: which one bears a name first, now that some have another one?"""
    wrapping = cython.cast(cython.pointer[Wrapping], context)
    id: int64_t
    for id in range(begin, end):
        row = cython.address(wrapping.names.row[wrapping.names.of[id]])
        if row.first > id:
            atomic_min32(cython.address(row.first), cython.cast(uint32_t, id))
    return 0
