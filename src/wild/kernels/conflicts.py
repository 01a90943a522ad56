"""What the reports of a failing link list: duplicate and undefined names, who refers to them, thread-local
mismatches.

Binding only counts such things, which costs a link that is right nothing.  These functions run when there is
something to say; they go through the symbol tables again, one file after the other, so that their lists are
in input order.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.libc.string import memcmp
from cython.cimports.wild.kernels.binding import is_duplicate, section_index
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.resolve import *
from cython.cimports.wild.kernels.tables import *


@cython.cfunc
@cython.exceptval(check=False)
@cython.nogil
def names_of(state: ResolvePtr, file: uint32_t) -> U32:
    """NameIds of a file's global symbols, to be indexed with their symbol indices."""
    row = cython.address(state.files.row[file])
    return state.names.of + row.global_base - row.first_global


def list_duplicates(resolution: Resolution, limit: int) -> list:
    """See Resolution.duplicates."""
    state: ResolvePtr = cython.address(resolution.state)
    found = []
    i: uint32_t
    for i in range(state.fresh_count):
        if len(found) < limit:
            add_duplicates(state, state.fresh[i], found, limit)
    return found


@cython.cfunc
@cython.exceptval(check=True)
def add_duplicates(state: ResolvePtr, file: uint32_t, found: list, limit: int64_t) -> cython.void:
    row = cython.address(state.files.row[file])
    syms: Sym = symbols_of(state.files, file)
    of: U32 = names_of(state, file)
    i: uint32_t
    for i in range(row.first_global, row.nsyms):
        if (
            of[i] == 0
            or syms[i].st_shndx == SHN_UNDEF
            or claim_strength(state.symbols.key[of[i]]) != BIND_STRONG
        ):
            continue
        if not is_duplicate(state, state.symbols.key[of[i]], file, i):
            continue
        if len(found) >= limit:
            return
        symbol = cython.address(state.symbols.row[of[i]])
        section: uint32_t = section_index(state, file, i)
        section = row.sec_base + section if section else 0
        found.append((of[i], symbol.file, symbol.section, symbol.value, file, section, syms[i].st_value))


def list_undefined(resolution: Resolution, limit: int) -> list:
    """See Resolution.undefined."""
    state: ResolvePtr = cython.address(resolution.state)
    return [name for name in unresolved_in_order(state) if state.symbols.row[name].flags & SYM_STRONG_REF][
        :limit
    ]


@cython.cfunc
def unresolved_in_order(state: ResolvePtr) -> list:
    """All names without a definition, by the first symbol that bears them."""
    found = []
    shard: cython.int
    i: uint32_t
    for shard in range(SHARDS):
        for i in range(state.unresolved_count[shard]):
            name: uint32_t = state.unresolved[state.names.start[shard] + i]
            if state.symbols.row[name].file == NONE:
                found.append((state.names.row[name].first, name))
    found.sort()
    return [pair[1] for pair in found]


def list_undefined_in_shared(resolution: Resolution, limit: int) -> list:
    """See Resolution.undefined: strong references of the shared objects that the output will need."""
    state: ResolvePtr = cython.address(resolution.state)
    found = {}
    i: uint32_t
    for i in range(state.fresh_count):
        row = cython.address(state.files.row[state.fresh[i]])
        if row.kind != FILE_SHARED or not state.files.live[state.fresh[i]]:
            continue
        if row.flags & FILE_AS_NEEDED and not state.files.shared[row.shared].used:
            continue
        add_missing(state, state.fresh[i], found, limit)
    return list(found)


@cython.cfunc
@cython.exceptval(check=True)
def add_missing(state: ResolvePtr, file: uint32_t, found: dict, limit: int64_t) -> cython.void:
    row = cython.address(state.files.row[file])
    syms: Sym = symbols_of(state.files, file)
    of: U32 = names_of(state, file)
    i: uint32_t
    for i in range(row.first_global, row.nsyms):
        if of[i] == 0 or syms[i].st_shndx != SHN_UNDEF or is_weak(syms + i):
            continue
        symbol = cython.address(state.symbols.row[of[i]])
        if symbol.file == NONE and not symbol.flags & SYM_STRONG_REF:
            if len(found) >= limit:
                return
            found[of[i]] = True


def list_with_prefix(resolution: Resolution, prefix: bytes) -> list:
    """See Resolution.undefined_with_prefix."""
    state: ResolvePtr = cython.address(resolution.state)
    wanted: Bytes = prefix
    size: uint64_t = len(prefix)
    found = []
    shard: cython.int
    i: uint32_t
    for shard in range(SHARDS):
        for i in range(state.unresolved_count[shard]):
            name: uint32_t = state.unresolved[state.names.start[shard] + i]
            row = cython.address(state.names.row[name])
            spelling: Bytes = resolution.names.spelling(name)
            if (
                row.length >= size
                and memcmp(spelling, wanted, size) == 0
                and state.symbols.row[name].file == NONE
            ):
                found.append((row.first, name, spelling[: row.length]))
    found.sort()
    return [(name, text) for _, name, text in found]


def list_tls_mismatches(resolution: Resolution, limit: int) -> list:
    """See Resolution.tls_mismatches."""
    state: ResolvePtr = cython.address(resolution.state)
    found = []
    i: uint32_t
    for i in range(state.fresh_count):
        if state.files.row[state.fresh[i]].kind == FILE_OBJECT:
            add_mismatches(state, state.fresh[i], found, limit)
    return found


@cython.cfunc
@cython.exceptval(check=True)
def add_mismatches(state: ResolvePtr, file: uint32_t, found: list, limit: int64_t) -> cython.void:
    row = cython.address(state.files.row[file])
    syms: Sym = symbols_of(state.files, file)
    of: U32 = names_of(state, file)
    i: uint32_t
    for i in range(row.first_global, row.nsyms):
        if of[i] == 0:
            continue
        symbol = cython.address(state.symbols.row[of[i]])
        if symbol.file == NONE or symbol.file == 0:
            continue
        if (symbol.flags & SYM_TLS != 0) != (syms[i].st_info & 15 == STT_TLS):
            if len(found) >= limit:
                return
            found.append((of[i], symbol.file, file))


def list_references(resolution: Resolution, name: int, limit: int) -> list:
    """See Resolution.references_of."""
    state: ResolvePtr = cython.address(resolution.state)
    wanted: uint32_t = name
    found = []
    i: uint32_t
    sym: uint32_t
    for i in range(state.fresh_count):
        file: uint32_t = state.fresh[i]
        row = cython.address(state.files.row[file])
        syms: Sym = symbols_of(state.files, file)
        of: U32 = names_of(state, file)
        for sym in range(row.first_global, row.nsyms):
            if of[sym] == wanted and syms[sym].st_shndx == SHN_UNDEF:
                if len(found) >= limit:
                    return found
                found.append((file, sym))
    return found


def list_hidden_references(resolution: Resolution, limit: int) -> list:
    """(NameId, shared object that refers to it) where the only definition is a hidden one of the output."""
    state: ResolvePtr = cython.address(resolution.state)
    elsewhere: set = set()
    found: list = []
    i: int64_t
    for i in range(state.files.shared_count):
        if state.files.shared[i].used:
            add_hidden(state, state.files.shared[i].file, True, elsewhere, found)
    for i in range(state.files.shared_count):
        if state.files.shared[i].used:
            add_hidden(state, state.files.shared[i].file, False, elsewhere, found)
    return [pair for pair in found if pair[0] not in elsewhere][:limit]


@cython.cfunc
@cython.exceptval(check=True)
def add_hidden(
    state: ResolvePtr, file: uint32_t, defined: cython.bint, elsewhere: set, found: list
) -> cython.void:
    """Among the hidden names, those a shared object defines itself, or those it refers to strongly."""
    row = cython.address(state.files.row[file])
    syms: Sym = symbols_of(state.files, file)
    of: U32 = names_of(state, file)
    i: uint32_t
    for i in range(row.first_global, row.nsyms):
        symbol = cython.address(state.symbols.row[of[i]])
        if of[i] == 0 or symbol.flags & (SYM_OBJECT_DEF | SYM_HIDDEN) != SYM_OBJECT_DEF | SYM_HIDDEN:
            continue
        if symbol.file == 0 or (syms[i].st_shndx != SHN_UNDEF) != defined:
            continue
        if defined:
            elsewhere.add(of[i])
        elif not is_weak(syms + i) and not asks_for_version(state.files, file, i):
            found.append((of[i], file))
