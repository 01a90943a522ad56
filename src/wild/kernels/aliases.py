"""Aliases: the definitions that a name with a version, `foo@V`, is to be bound to.

An object says `foo@V` when its source asks for an old version by `.symver`.  That is the definition `foo@V`
of another object, which the name table knows; or the default version `foo@@V` of another object, which bears
the name `foo`; or the symbol `foo` of a shared object, the version being in .gnu.version and, if it is not
the default one, the symbol bearing no name at all.  This module lists the last two kinds, for all files,
live or not.

Most links have no `foo@V` and end here after a glance at the length of the list.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import free, malloc
from cython.cimports.libc.string import memchr, memcmp, memcpy, strlen
from cython.cimports.wild.kernels.cc import hash_bytes
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.files import Inputs
from cython.cimports.wild.kernels.names import NameTable, file_of_global
from cython.cimports.wild.kernels.resolve import *
from cython.cimports.wild.kernels.tables import *

MOST_VERSIONS = cython.declare(cython.const[uint32_t], 0x8000)  # .gnu.version has no room for more
AT = cython.declare(cython.const[cython.int], 64)  # '@'

Stem = cython.struct(  # the part of `foo@V` in front of the version
    text=Bytes,
    length=uint64_t,
    version=cython.p_const_char,  # behind the @; `version_length` bytes
    version_length=uint64_t,
    hash=uint64_t,
    name=uint32_t,
    found=uint32_t,  # the shared object in which it was found last
)
StemPtr = cython.typedef(cython.pointer[Stem])

Stems = cython.struct(rows=StemPtr, slots=U32, mask=uint64_t)
StemsPtr = cython.typedef(cython.pointer[Stems])


@cython.cfunc
@cython.exceptval(-1, check=False)
def find_aliases(inputs: Inputs, names: NameTable, state: ResolvePtr) -> cython.int:
    """Fill `state.aliases`."""
    count: uint64_t = names.versioned_count
    if count == 0:
        return 0
    room: uint64_t = names.default_count + count * cython.cast(uint64_t, inputs.view.shared_count)
    state.aliases = cython.cast(cython.pointer[Alias], inputs.arena.array(room, cython.sizeof(Alias)))
    find_in_objects(names, state)
    if inputs.view.shared_count:
        width: uint64_t = 8
        while width < 2 * count:
            width *= 2
        stems = cython.declare(Stems)
        stems.rows = cython.cast(StemPtr, inputs.arena.array(count, cython.sizeof(Stem)))
        stems.slots = cython.cast(U32, inputs.arena.array(width, 4))
        stems.mask = width - 1
        for i in range(count):
            add_stem(names, cython.address(stems), cython.cast(uint32_t, i))
        for file in range(inputs.view.count):
            if inputs.view.row[file].kind == FILE_SHARED:
                find_in_shared(state, cython.address(stems), cython.cast(uint32_t, file))
    return 0


@cython.cfunc
@cython.exceptval(-1, check=False)
def find_in_objects(names: NameTable, state: ResolvePtr) -> cython.int:
    """Definitions `foo@@V` whose `foo@V` somebody mentions."""
    files = state.files
    i: int64_t
    for i in range(names.default_count):
        id: uint32_t = names.defaults[i]
        file: uint32_t = file_of_global(files, id)
        row = cython.address(files.row[file])
        sym: uint32_t = row.first_global + id - row.global_base
        if symbols_of(files, file)[sym].st_shndx == SHN_UNDEF:
            continue
        text: Bytes = files.base[file] + row.stroff + symbols_of(files, file)[sym].st_name
        name: uint32_t = lookup_single(names, text, names.view.row[names.view.of[id]].length)
        if name:
            add_alias(state, name, file, sym)
    return 0


@cython.cfunc
@cython.exceptval(check=True)
def lookup_single(names: NameTable, text: Bytes, stem: uint64_t) -> uint32_t:
    """The NameId of `foo@V`, given the text `foo@@V` and the length of `foo`."""
    rest: uint64_t = strlen(cython.cast(cython.p_const_char, text) + stem + 1)
    joined: MutableBytes = cython.cast(MutableBytes, malloc(stem + rest))
    if joined is cython.NULL:
        raise MemoryError("no memory for a name with a version")
    memcpy(joined, text, stem)
    memcpy(joined + stem, text + stem + 1, rest)
    name: uint32_t = names.lookup(joined, stem + rest)
    free(joined)
    return name


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def add_alias(state: ResolvePtr, name: uint32_t, file: uint32_t, sym: uint32_t) -> cython.void:
    alias = cython.address(state.aliases[state.alias_count])
    alias.name = name
    alias.file = file
    alias.sym = sym
    state.alias_count += 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def add_stem(names: NameTable, stems: StemsPtr, index: uint32_t) -> cython.void:
    stem = cython.address(stems.rows[index])
    stem.name = names.versioned[index]
    stem.text = names.spelling(stem.name)
    length: uint64_t = names.view.row[stem.name].length
    at: Bytes = cython.cast(Bytes, memchr(stem.text, AT, length))
    stem.length = cython.cast(uint64_t, at - stem.text)
    stem.version = cython.cast(cython.p_const_char, at + 1)
    stem.version_length = length - stem.length - 1
    stem.hash = hash_bytes(stem.text, stem.length)
    stem.found = NONE
    slot: uint64_t = stem.hash & stems.mask
    while stems.slots[slot]:
        slot = (slot + 1) & stems.mask
    stems.slots[slot] = index + 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def find_in_shared(state: ResolvePtr, stems: StemsPtr, file: uint32_t) -> cython.void:
    """Look up each defined symbol of a shared object among the stems; the first one of the right version
    counts.
    """
    files = state.files
    row = cython.address(files.row[file])
    versym: uint64_t = files.shared[row.shared].versym
    syms: Sym = symbols_of(files, file)
    sym: uint32_t
    if versym == 0:
        return
    for sym in range(row.first_global, row.nsyms):
        if (
            syms[sym].st_shndx == SHN_UNDEF
            or syms[sym].st_name >= row.strsize
            or syms[sym].st_info >> 4 == STB_LOCAL
        ):
            continue
        text: Bytes = files.base[file] + row.stroff + syms[sym].st_name
        length: uint64_t = strlen(cython.cast(cython.p_const_char, text))
        hash: uint64_t = hash_bytes(text, length)
        slot: uint64_t = hash & stems.mask
        while stems.slots[slot]:
            stem = cython.address(stems.rows[stems.slots[slot] - 1])
            slot = (slot + 1) & stems.mask
            if (
                stem.hash != hash
                or stem.found == file
                or stem.length != length
                or memcmp(stem.text, text, length)
            ):
                continue
            version: uint32_t = read16(files.base[file] + versym + 2 * cython.cast(uint64_t, sym))
            if has_version(files, file, version & 0x7FFF, stem):
                stem.found = file
                add_alias(state, stem.name, file, sym)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def has_version(
    files: cython.pointer[Files], file: uint32_t, version: uint32_t, stem: StemPtr
) -> cython.bint:
    name: cython.p_const_char = version_name(files, file, version)
    if name is cython.NULL or strlen(name) != stem.version_length:
        return False
    return memcmp(name, stem.version, stem.version_length) == 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def version_name(
    files: cython.pointer[cython.const[Files]], file: uint32_t, version: uint32_t
) -> cython.p_const_char:
    """The name of a version that a shared object defines, by its index; NULL if it has none (gABI has no
    such thing; "Symbol Versioning" of the LSB Core Generic specification, 10.7.2).
    """
    row = cython.address(files.row[file])
    shared = cython.address(files.shared[row.shared])
    base: Bytes = files.base[file]
    at: uint64_t = 0
    i: uint32_t
    if version <= VER_NDX_GLOBAL:
        return cython.NULL
    for i in range(MOST_VERSIONS):
        if not inside(shared.verdef_size, at, cython.sizeof(Elf64_Verdef)):
            return cython.NULL
        definition = cython.cast(cython.pointer[Elf64_Verdef], base + shared.verdef + at)
        if definition.vd_ndx == version:
            aux: uint64_t = at + definition.vd_aux
            if not inside(shared.verdef_size, aux, cython.sizeof(Elf64_Verdaux)):
                return cython.NULL
            name: uint32_t = cython.cast(cython.pointer[Elf64_Verdaux], base + shared.verdef + aux).vda_name
            return (
                cython.cast(cython.p_const_char, base + row.stroff + name)
                if name < row.strsize
                else cython.NULL
            )
        if definition.vd_next == 0:
            break
        at += definition.vd_next
    return cython.NULL
