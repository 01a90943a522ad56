"""Which shared objects the output needs, and what follows from that.

A shared object given after --as-needed is needed if a live object refers strongly to a name that it defines
and no object does (as mold and lld have it; GNU ld also counts weak references).  One that is not needed
defines nothing: weak references to its names are undefined or bound to the next shared object.

So this comes after binding: the shared objects are few and their symbol tables small, and one serial walk
over them unbinds the names of those that are not needed, and notes what all of them mention.  For also one
that is not needed may be there at run time, because another library needs it.  SYM_SHARED_REF is set for a
reference and for a definition of a shared object alike: in both cases the output's own definition must be
found by the dynamic linker in its place.  After garbage collection the question of needs is asked once more,
of the references that were reached.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.wild.kernels.binding import define, undefine
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.pool import Pool
from cython.cimports.wild.kernels.resolve import *
from cython.cimports.wild.kernels.tables import *


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def begin_needed(state: ResolvePtr) -> cython.void:
    """What was not given after --as-needed is needed in any case."""
    i: int64_t
    for i in range(state.files.shared_count):
        shared = cython.address(state.files.shared[i])
        shared.used = state.files.row[shared.file].flags & FILE_AS_NEEDED == 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def settle_needed(state: ResolvePtr) -> cython.void:
    """Strong references have set SharedRow.used: unbind the others, note what all of them mention."""
    i: int64_t
    for i in range(state.files.shared_count):
        if not state.files.shared[i].used:
            unbind_file(state, state.files.shared[i].file)
    for i in range(state.files.shared_count):
        mention_file(state, cython.address(state.files.shared[i]))
    for i in range(state.alias_count):
        alias = cython.address(state.aliases[i])
        row = cython.address(state.files.row[alias.file])
        if row.kind == FILE_SHARED and state.files.shared[row.shared].used and is_open(state, alias.name):
            define(state, alias.name, alias.file, alias.sym)
            state.symbols.row[alias.name].flags |= SYM_ALIASED


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def is_open(state: ResolvePtr, name: uint32_t) -> cython.bint:
    """Has the name no definition, and may it have a shared object's?"""
    symbol = cython.address(state.symbols.row[name])
    return symbol.file == NONE and symbol.flags & (SYM_HIDDEN | SYM_PROTECTED) == 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def unbind_file(state: ResolvePtr, file: uint32_t) -> cython.void:
    """Nothing is defined by this shared object."""
    row = cython.address(state.files.row[file])
    of: U32 = state.names.of + row.global_base - row.first_global
    i: uint32_t
    for i in range(row.first_global, row.nsyms):
        if of[i] and state.symbols.row[of[i]].file == file:
            unbind_name(state, of[i])
    at: int64_t
    for at in range(state.alias_count):
        name: uint32_t = state.aliases[at].name
        if state.aliases[at].file == file and state.symbols.row[name].file == file:
            unbind_name(state, name)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def unbind_name(state: ResolvePtr, name: uint32_t) -> cython.void:
    """Take its definition from a name, and what only a definition can have: a copy, a canonical PLT entry.

    A name that no reached relocation needs is not imported either.
    """
    undefine(cython.address(state.symbols.row[name]))
    flags: uint32_t = state.symbols.row[name].flags & ~cython.cast(uint32_t, NEEDS_COPY | NEEDS_CANONICAL)
    if flags & (NEEDS_ANY | NEEDS_DYNSYM) == 0:
        flags &= ~cython.cast(uint32_t, SYM_IMPORTED)
    state.symbols.row[name].flags = flags
    if flags & SYM_REF:
        add_unresolved(state, name)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def add_unresolved(state: ResolvePtr, name: uint32_t) -> cython.void:
    """Put a name on its shard's list of names that are referred to and not defined."""
    shard: uint64_t = state.names.row[name].hash >> (64 - SHARD_BITS)
    at: uint32_t = state.unresolved_count[shard]
    if at < state.names.count[shard]:
        state.unresolved[state.names.start[shard] + at] = name
        state.unresolved_count[shard] = at + 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def mention_file(state: ResolvePtr, shared: cython.pointer[SharedRow]) -> cython.void:
    """Set SYM_SHARED_REF; bind names whose definition in an earlier, unneeded shared object went away."""
    row = cython.address(state.files.row[shared.file])
    syms: Sym = symbols_of(state.files, shared.file)
    of: U32 = state.names.of + row.global_base - row.first_global
    i: uint32_t
    for i in range(row.first_global, row.nsyms):
        if of[i] == 0:
            continue
        state.symbols.row[of[i]].flags |= SYM_SHARED_REF
        if shared.used and syms[i].st_shndx != SHN_UNDEF and is_open(state, of[i]):
            define(state, of[i], shared.file, i)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def settle_provided(state: ResolvePtr) -> cython.void:
    """The linker's own weak definitions vanish where nothing refers to them."""
    row = cython.address(state.files.row[0])
    syms: Sym = symbols_of(state.files, 0)
    of: U32 = state.names.of + row.global_base - row.first_global
    i: uint32_t
    for i in range(row.first_global, row.nsyms):
        symbol = cython.address(state.symbols.row[of[i]])
        if of[i] == 0 or not is_weak(syms + i) or symbol.file or symbol.sym != i:
            continue
        if symbol.flags & (SYM_REF | SYM_SHARED_REF) == 0:
            undefine(symbol)
            symbol.flags &= ~cython.cast(uint32_t, SYM_HIDDEN | SYM_PROTECTED)  # they were its own


@cython.cfunc
@cython.exceptval(-1, check=False)
def drop_unneeded(resolution: Resolution, pool: Pool) -> cython.int:
    """Ask once more, after relocations have been scanned, and unbind what is not needed after all."""
    state: ResolvePtr = cython.address(resolution.state)
    begin_needed(state)
    pool.run(need_shard, state, SHARDS, 1)
    i: int64_t
    for i in range(state.files.shared_count):
        if not state.files.shared[i].used:
            unbind_file(state, state.files.shared[i].file)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def need_shard(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Job over shards: which shared objects define what reached relocations need?"""
    state: ResolvePtr = cython.cast(ResolvePtr, context)
    shard: int64_t
    name: uint32_t
    for shard in range(begin, end):
        for name in range(state.names.start[shard], state.names.start[shard] + state.names.count[shard]):
            symbol = cython.address(state.symbols.row[name])
            if symbol.flags & SYM_SHARED_DEF and symbol.flags & SYM_STRONG_REF:
                if symbol.flags & (NEEDS_ANY | NEEDS_DYNSYM):
                    state.files.shared[state.files.row[symbol.file].shared].used = 1
    return 0
