"""Marks that the policy puts on symbols, and what it asks about them."""

import cython
from cython.cimports.libc.stdint import int64_t, uint8_t, uint32_t
from cython.cimports.wild.kernels.elf import (
    SHN_UNDEF,
    STT_FUNC,
    STT_GNU_IFUNC,
    STT_OBJECT,
    Bytes,
    Elf64_Sym,
    Sym,
)
from cython.cimports.wild.kernels.files import Inputs
from cython.cimports.wild.kernels.glob import glob_match
from cython.cimports.wild.kernels.names import NameTable, globals_of
from cython.cimports.wild.kernels.pool import Arena
from cython.cimports.wild.kernels.resolve import Resolution, symbols_of
from cython.cimports.wild.kernels.tables import *


def missing_names(names: NameTable, resolution: Resolution, limit: int):
    """NameIds that a live section refers to and nothing defines, in input order."""
    found = []
    i: int64_t
    for s in range(SHARDS):
        for i in range(names.view.start[s], names.view.start[s] + names.view.count[s]):
            if resolution.view.row[i].flags & SYM_MISSING:
                found.append((names.view.row[i].first, i))
    return [name for _, name in sorted(found)[:limit]]


def defined_names(inputs: Inputs, names: NameTable, pattern: bytes):
    """The names that match a shell pattern and that an object or a member defines, in input order."""
    found = []
    file: int64_t
    i: uint32_t
    text: Bytes = cython.cast(Bytes, cython.cast(cython.p_const_char, pattern))
    length: uint32_t = cython.cast(uint32_t, len(pattern))
    for file in range(1, inputs.view.count):
        row = cython.address(inputs.view.row[file])
        syms: Sym = symbols_of(cython.address(inputs.view), cython.cast(uint32_t, file)) + row.first_global
        for i in range(globals_of(row) if row.kind == FILE_OBJECT else 0):
            name: uint32_t = names.view.of[row.global_base + i]
            if name == 0 or syms[i].st_shndx == SHN_UNDEF:
                continue
            spelt = cython.address(names.view.row[name])
            at: Bytes = inputs.view.base[spelt.file] + inputs.view.row[spelt.file].stroff + spelt.offset
            if glob_match(text, length, at, spelt.length):
                found.append(names.text(name))
    return list(dict.fromkeys(found))


def keep_names(resolution: Resolution, names):
    """Make the definitions of some NameIds roots of --gc-sections."""
    for name in names:
        resolution.view.row[cython.cast(uint32_t, name)].flags |= SYM_KEPT


def forget_discarded(inputs: Inputs, names: NameTable, resolution: Resolution):
    """Names that nothing mentions but definitions in sections that a script discards are as if nobody had mentioned
    them."""
    arena: Arena = Arena()
    mentioned = cython.cast(cython.p_char, arena.array(names.view.capacity, 1))
    file: int64_t
    i: int64_t
    for file in range(inputs.view.count):
        row = cython.address(inputs.view.row[file])
        syms: Sym = symbols_of(cython.address(inputs.view), cython.cast(uint32_t, file)) + row.first_global
        for i in range(globals_of(row) if inputs.view.live[file] else 0):
            if syms[i].st_shndx == SHN_UNDEF:
                mentioned[names.view.of[row.global_base + i]] = 1
    for s in range(SHARDS):
        for i in range(names.view.start[s], names.view.start[s] + names.view.count[s]):
            symbol = cython.address(resolution.view.row[i])
            if symbol.file == NONE and not mentioned[i]:
                symbol.flags &= ~cython.cast(uint32_t, SYM_REF | SYM_STRONG_REF)


def hide_names(resolution: Resolution, names):
    """Give the definitions of some NameIds hidden visibility."""
    for name in names:
        row = cython.address(resolution.view.row[cython.cast(uint32_t, name)])
        if row.flags & SYM_OBJECT_DEF:
            row.flags |= SYM_HIDDEN


def define_bounds(resolution: Resolution, names, hidden: bool, protected: bool):
    """Let some undefined NameIds be defined by the internal file: `__start_NAME` and `__stop_NAME`."""
    visibility: uint32_t = SYM_HIDDEN if hidden else (SYM_PROTECTED if protected else 0)
    for name in names:
        row = cython.address(resolution.view.row[cython.cast(uint32_t, name)])
        row.file = 0
        row.sym = 0
        row.section = 0
        row.flags &= ~cython.cast(uint32_t, SYM_IMPORTED | SYM_SHARED_DEF | SYM_PROTECTED_DEF | SYM_FUNC)
        row.flags |= SYM_OBJECT_DEF | visibility


def copy_types(inputs: Inputs, resolution: Resolution, pairs):
    """Give definitions of the internal file the type of other symbols that are code or data: (NameId, NameId) each.

    Returns the NameIds whose symbol is an ifunc that an object defines.
    """
    found = []
    own = cython.cast(cython.pointer[Elf64_Sym], inputs.view.base[0])
    for name, target in pairs:
        row = cython.address(resolution.view.row[cython.cast(uint32_t, name)])
        source = cython.address(resolution.view.row[cython.cast(uint32_t, target)])
        if row.file != 0 or row.sym == 0 or source.file == NONE:
            continue
        kind: uint8_t = symbols_of(cython.address(inputs.view), source.file)[source.sym].st_info & 15
        if kind == STT_OBJECT or kind == STT_FUNC:
            own[row.sym].st_info = own[row.sym].st_info & 0xF0 | kind
            row.flags |= source.flags & SYM_FUNC
        if kind == STT_GNU_IFUNC and source.flags & SYM_OBJECT_DEF:
            found.append(name)
    return found


def make_absolute(resolution: Resolution, names):
    """Some NameIds, if the internal file defines them, are numbers and do not move with the image."""
    for name in names:
        row = cython.address(resolution.view.row[cython.cast(uint32_t, name)])
        if row.file == 0 and row.flags & SYM_OBJECT_DEF:
            row.flags |= SYM_ABS


def keep_exported(resolution: Resolution, names: NameTable):
    """--gc-keep-exported: every definition that another file could use is a root."""
    i: int64_t
    for s in range(SHARDS):
        for i in range(names.view.start[s], names.view.start[s] + names.view.count[s]):
            row = cython.address(resolution.view.row[i])
            if row.flags & (SYM_OBJECT_DEF | SYM_COMMON) and not row.flags & SYM_HIDDEN:
                row.flags |= SYM_KEPT
