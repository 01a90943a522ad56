"""Binding: the definition of each name among the live files, and what else the files say about it.

Three loops over all names or symbols.  `mention_slice` goes through the symbols of every live file: a
definition claims its name (the atomic minimum of resolve.py, with the strengths of binding), a reference
leaves its bits in SymbolRow.flags, and both merge their visibility into it.  `define_slice` goes through
them again: the symbol that won writes the row; another strong definition is counted as a duplicate.
`settle_shard` goes through the names: what follows from all mentions together.

 - A symbol in a discarded section defines nothing: it counts as a reference, to the winner's copy.
 - Visibility is the most constraining of all mentions in objects (gABI, "Symbol Visibility").  A name that
   is hidden or protected is not bound to a shared object's definition: it has to be defined in the output.
 - The linker's own weak definitions (file 0) are provided: they go before a shared object's, as PROVIDE does
   in GNU ld.
 - Common symbols lie in a table of their own (commons.py).
 - Which shared objects are needed, and what they mention, comes last (needed.py).
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.libc.string import memset
from cython.cimports.wild.kernels.binding import DEFINED, MENTION_PLAIN, MENTION_TLS, NOT_DEFINED
from cython.cimports.wild.kernels.cc import atomic_min64, fetch_add, prefetch, set_bits32
from cython.cimports.wild.kernels.commons import collect_commons
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.faults import *
from cython.cimports.wild.kernels.needed import add_unresolved, begin_needed, settle_needed, settle_provided
from cython.cimports.wild.kernels.pool import Pool, report
from cython.cimports.wild.kernels.resolve import *
from cython.cimports.wild.kernels.tables import *

AHEAD = cython.declare(cython.const[uint32_t], 12)
WHO = cython.declare(cython.const[uint64_t], (1 << 60) - 1)  # file and symbol of a claim


@cython.cfunc
@cython.exceptval(-1, check=False)
def bind_names(resolution: Resolution, pool: Pool) -> cython.int:
    """Fill `resolution.view.row` of all names; `state.fresh` lists the live files."""
    state: ResolvePtr = cython.address(resolution.state)
    state.unresolved = cython.cast(U32, resolution.inputs.arena.array(resolution.view.capacity, 4))
    begin_needed(state)
    pool.run(unclaim, state, SHARDS, 1)
    resolution.run_slices(pool, mention_slice, True)
    claim_live_aliases(state)
    resolution.run_slices(pool, define_slice, True)
    define_aliases(state)
    collect_commons(resolution)
    pool.run(settle_shard, state, SHARDS, 1)
    settle_needed(state)
    settle_provided(state)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def unclaim(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Job over shards: forget the claims of loading."""
    state: ResolvePtr = cython.cast(ResolvePtr, context)
    shard: int64_t
    for shard in range(begin, end):
        first: uint32_t = state.names.start[shard]
        memset(state.symbols.key + first, 0xFF, 8 * cython.cast(uint64_t, state.names.count[shard]))
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def mention_slice(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Job over slices of live files: claims, references, visibility."""
    state: ResolvePtr = cython.cast(ResolvePtr, context)
    at: int64_t
    for at in range(begin, end):
        slice = cython.address(state.slices[at])
        if state.files.row[slice.file].kind == FILE_SHARED:
            claim_shared(state, slice)
        elif not mention_object(state, slice):
            return 1
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def mention_object(state: ResolvePtr, slice: cython.pointer[Slice]) -> cython.bint:
    row = cython.address(state.files.row[slice.file])
    syms: Sym = symbols_of(state.files, slice.file)
    of: U32 = state.names.of + row.global_base - row.first_global
    section: uint32_t = 0
    i: uint32_t
    for i in range(slice.begin, slice.end):
        if i + AHEAD < slice.end:
            prefetch(state.symbols.key + of[i + AHEAD])
            prefetch(state.symbols.row + of[i + AHEAD])
        name: uint32_t = of[i]
        if name == 0:
            continue
        sym: Sym = syms + i
        strength: uint64_t = NOT_DEFINED
        bits: uint32_t = mention_bits(row, sym)
        if sym.st_shndx != SHN_UNDEF:
            section = section_index(state, slice.file, i)
            if section == NONE:
                return False
            strength = object_strength(state, row, sym, section)
        if strength != NOT_DEFINED:
            atomic_min64(state.symbols.key + name, claim(strength, slice.file, i))
            if strength == BIND_COMMON:
                state.common_files[slice.file] = 1
                if sym.st_value & (sym.st_value - 1):
                    report(state.fault, FAULT_COMMON_ALIGN, slice.file, symbol_place(row, i), sym.st_value)
                    return False
        else:
            bits |= reference_bits(row, sym)
        if bits:
            set_bits32(cython.address(state.symbols.row[name].flags), bits)
    return True


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
@cython.inline
def mention_bits(row: cython.pointer[FileRow], sym: Sym) -> uint32_t:
    """Visibility and thread-locality, as an object mentions them; what file 0 says counts only if it wins."""
    if row.kind == FILE_INTERNAL:
        return 0
    return visibility_bits(sym) | (MENTION_TLS if sym.st_info & 15 == STT_TLS else MENTION_PLAIN)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
@cython.inline
def visibility_bits(sym: Sym) -> uint32_t:
    visibility: uint32_t = sym.st_other & 3
    if visibility == STV_DEFAULT:
        return 0
    return SYM_PROTECTED if visibility == STV_PROTECTED else SYM_HIDDEN


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
@cython.inline
def reference_bits(row: cython.pointer[FileRow], sym: Sym) -> uint32_t:
    """A reference of the internal file (-u) need not be satisfied, and a weak one there only makes a name
    known.
    """
    if row.kind == FILE_INTERNAL:
        return 0 if is_weak(sym) else SYM_REF
    return SYM_REF if is_weak(sym) else SYM_REF | SYM_STRONG_REF


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def section_index(state: ResolvePtr, file: uint32_t, index: uint32_t) -> uint32_t:
    """The section a symbol is defined in: 0 for absolute and common symbols, NONE after a fault."""
    row = cython.address(state.files.row[file])
    sym: Sym = symbols_of(state.files, file) + index
    section: uint32_t = sym.st_shndx
    if section == SHN_ABS or is_common(sym) or row.kind == FILE_INTERNAL:
        return 0
    if section == SHN_XINDEX and row.xindex:
        section = read32(state.files.base[file] + row.xindex + 4 * cython.cast(uint64_t, index))
    elif section >= SHN_LORESERVE:
        section = NONE
    if 0 < section < row.shnum:
        return section
    report(state.fault, FAULT_SYMBOL_SECTION, file, symbol_place(row, index), section)
    return NONE


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def symbol_place(row: cython.pointer[FileRow], index: uint32_t) -> uint64_t:
    return row.symoff + cython.sizeof(Elf64_Sym) * cython.cast(uint64_t, index)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def object_strength(state: ResolvePtr, row: cython.pointer[FileRow], sym: Sym, section: uint32_t) -> uint64_t:
    """How strong a definition in a live object is; NOT_DEFINED in a discarded section."""
    if section and state.sections is not cython.NULL:
        place = cython.address(state.sections.row[row.sec_base + section])
        if place.kind == SEC_OUT or place.flags & SEC_LOSER:
            return NOT_DEFINED
    if is_common(sym):
        return BIND_COMMON
    if row.kind == FILE_INTERNAL:
        return BIND_PROVIDED if is_weak(sym) else BIND_STRONG
    return BIND_WEAK if is_weak(sym) else BIND_STRONG


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def claim_shared(state: ResolvePtr, slice: cython.pointer[Slice]) -> cython.void:
    row = cython.address(state.files.row[slice.file])
    syms: Sym = symbols_of(state.files, slice.file)
    of: U32 = state.names.of + row.global_base - row.first_global
    i: uint32_t
    for i in range(slice.begin, slice.end):
        if of[i] and syms[i].st_shndx != SHN_UNDEF:
            atomic_min64(state.symbols.key + of[i], claim(BIND_SHARED, slice.file, i))


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def claim_live_aliases(state: ResolvePtr) -> cython.void:
    i: int64_t
    for i in range(state.alias_count):
        alias = cython.address(state.aliases[i])
        if not state.files.live[alias.file]:
            continue
        row = cython.address(state.files.row[alias.file])
        strength: uint64_t = BIND_SHARED
        if row.kind != FILE_SHARED:
            section: uint32_t = section_index(state, alias.file, alias.sym)
            strength = object_strength(state, row, symbols_of(state.files, alias.file) + alias.sym, section)
        if strength != NOT_DEFINED:
            atomic_min64(state.symbols.key + alias.name, claim(strength, alias.file, alias.sym))


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def define_slice(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Job over slices of live files: the winner of each name writes its row."""
    state: ResolvePtr = cython.cast(ResolvePtr, context)
    at: int64_t
    for at in range(begin, end):
        define_symbols(state, cython.address(state.slices[at]))
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def define_symbols(state: ResolvePtr, slice: cython.pointer[Slice]) -> cython.void:
    row = cython.address(state.files.row[slice.file])
    syms: Sym = symbols_of(state.files, slice.file)
    of: U32 = state.names.of + row.global_base - row.first_global
    i: uint32_t
    for i in range(slice.begin, slice.end):
        if i + AHEAD < slice.end and syms[i + AHEAD].st_shndx != SHN_UNDEF:
            prefetch(state.symbols.key + of[i + AHEAD])
            prefetch(state.symbols.row + of[i + AHEAD])
        if syms[i].st_shndx == SHN_UNDEF or of[i] == 0:
            continue
        winner: uint64_t = state.symbols.key[of[i]]
        if winner & WHO == claim(0, slice.file, i):
            define(state, of[i], slice.file, i)
        elif claim_strength(winner) == BIND_STRONG and is_duplicate(state, winner, slice.file, i):
            fetch_add(cython.address(state.duplicates), 1)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def is_duplicate(state: ResolvePtr, winner: uint64_t, file: uint32_t, index: uint32_t) -> cython.bint:
    """Is this defined symbol a second strong definition beside the winner, in another object?

    Not against the internal file: --defsym redefines.  Not within a file: `.symver foo, foo@@V` leaves foo
    beside foo@@V.  Not the same number again, as in GNU ld.
    """
    row = cython.address(state.files.row[file])
    sym: Sym = symbols_of(state.files, file) + index
    if row.kind != FILE_OBJECT or is_weak(sym) or is_common(sym) or is_same_number(state.files, winner, sym):
        return False
    if claim_file(winner) == file or state.files.row[claim_file(winner)].kind != FILE_OBJECT:
        return False
    return object_strength(state, row, sym, section_index(state, file, index)) == BIND_STRONG


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def define_aliases(state: ResolvePtr) -> cython.void:
    i: int64_t
    for i in range(state.alias_count):
        alias = cython.address(state.aliases[i])
        if state.files.live[alias.file] and state.symbols.key[alias.name] & WHO == claim(
            0, alias.file, alias.sym
        ):
            define(state, alias.name, alias.file, alias.sym)
            state.symbols.row[alias.name].flags |= SYM_ALIASED


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def define(state: ResolvePtr, name: uint32_t, file: uint32_t, index: uint32_t) -> cython.void:
    """Write the row of a name whose definition is this symbol."""
    row = cython.address(state.files.row[file])
    sym: Sym = symbols_of(state.files, file) + index
    symbol = cython.address(state.symbols.row[name])
    symbol.value = sym.st_value
    symbol.file = file
    symbol.sym = index
    symbol.section = 0
    if row.kind == FILE_SHARED:
        symbol.flags |= shared_flags(sym)
        return
    symbol.flags |= object_flags(sym) | visibility_bits(sym)
    section: uint32_t = section_index(state, file, index)
    if section:
        symbol.section = row.sec_base + section


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def shared_flags(sym: Sym) -> uint32_t:
    """An ifunc of a shared object is an ordinary function to the output."""
    kind: uint32_t = sym.st_info & 15
    flags: uint32_t = SYM_SHARED_DEF
    if is_weak(sym):
        flags |= SYM_WEAK_DEF
    if kind == STT_TLS:
        flags |= SYM_TLS
    if kind == STT_FUNC or kind == STT_GNU_IFUNC:
        flags |= SYM_FUNC
    if sym.st_other & 3 == STV_PROTECTED:
        flags |= SYM_PROTECTED_DEF
    return flags


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def object_flags(sym: Sym) -> uint32_t:
    kind: uint32_t = sym.st_info & 15
    flags: uint32_t = SYM_OBJECT_DEF
    if is_weak(sym):
        flags |= SYM_WEAK_DEF
    if sym.st_info >> 4 == STB_GNU_UNIQUE:
        flags |= SYM_UNIQUE
    if is_common(sym):
        flags |= SYM_COMMON
    if sym.st_shndx == SHN_ABS:
        flags |= SYM_ABS
    if kind == STT_TLS:
        flags |= SYM_TLS
    elif kind == STT_FUNC:
        flags |= SYM_FUNC
    elif kind == STT_GNU_IFUNC:
        flags |= SYM_IFUNC
    return flags


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def settle_shard(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Job over shards: what follows from all mentions of a name; list the names without a definition."""
    state: ResolvePtr = cython.cast(ResolvePtr, context)
    shard: int64_t
    name: uint32_t
    for shard in range(begin, end):
        first: uint32_t = state.names.start[shard]
        state.unresolved_count[shard] = 0
        for name in range(first, first + state.names.count[shard]):
            settle_name(state, name, cython.address(state.symbols.row[name]))
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
@cython.inline
def settle_name(state: ResolvePtr, name: uint32_t, symbol: cython.pointer[SymbolRow]) -> cython.void:
    flags: uint32_t = symbol.flags
    if symbol.file != NONE and symbol.file and flags & (MENTION_PLAIN if flags & SYM_TLS else MENTION_TLS):
        fetch_add(cython.address(state.tls_mismatches), 1)
    symbol.flags = flags & ~(MENTION_TLS | MENTION_PLAIN)
    if flags & SYM_SHARED_DEF:
        if flags & (SYM_HIDDEN | SYM_PROTECTED):
            undefine(symbol)
        elif flags & SYM_STRONG_REF:
            state.files.shared[state.files.row[symbol.file].shared].used = 1
    if symbol.file == NONE and flags & SYM_REF:
        add_unresolved(state, name)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def undefine(symbol: cython.pointer[SymbolRow]) -> cython.void:
    """Take its definition from a name."""
    symbol.file = NONE
    symbol.sym = 0
    symbol.value = 0
    symbol.section = 0
    symbol.flags &= ~DEFINED
