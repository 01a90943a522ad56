"""Resolution: which file defines each name, and which archive members are loaded for that.

Two questions are asked of every name, and both are answered by the same means: each file *claims* the names
that it could define, a claim being one 64-bit number made of strength, file and symbol, and an atomic
minimum leaves the strongest; of equal ones the first on the command line.  No lock, no order between
threads, one memory access a symbol.

Loading (`load`) asks what would define a name if everything were loaded.  All files claim; then every strong
reference from a live file wakes the archive member that holds the strongest claim.  The members that woke
claim again, as live files now, and then look at what they refer to.  Such a round costs as much as the files
that are new in it; rounds go on until none wakes.  All claims of a round are made before its first reference
is looked at: that makes the result independent of the number of threads, and of the order in which archives
are named, which only decides between equals.

A common symbol is a reference, too, as in GNU ld: a member with a true definition is loaded for it, but not
one with just another common symbol, nor one whose definition is a function: a program's `int index;` has
nothing to do with a function of that name in libc.a.  Shared objects and archive members are on a par, so
that of `-lfoo -lbar` the first counts.  A shared object given after --as-needed sleeps as members do: what it
refers to is loaded only when something refers to it.  No member is loaded for what a shared object wants in a
version, as in GNU ld and lld: libgfortran.so wants what libgcc_s.so.1 exports, not its hidden like in libgcc.a.

Binding (`bind`, in binding.py) is the same claim among the files that are live then, after COMDAT groups
have been decided, because a group's losing copies define nothing.

The name `foo@V` is also defined by a symbol `foo@@V` of an object and by the symbol `foo` with version V,
default or not, of a shared object.  Such pairs are rare: a list of them is made once, from the few names
with `@` in them, and claims are made for it after each round.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint16_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import free, malloc
from cython.cimports.libc.string import memset
from cython.cimports.wild.kernels.aliases import find_aliases
from cython.cimports.wild.kernels.binding import bind_names
from cython.cimports.wild.kernels.cc import atomic_min64, exchange32, fetch_add32, prefetch
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.files import Inputs
from cython.cimports.wild.kernels.names import NameTable, globals_of
from cython.cimports.wild.kernels.needed import drop_unneeded
from cython.cimports.wild.kernels.pool import Job, Pool
from cython.cimports.wild.kernels.resolve import *
from cython.cimports.wild.kernels.sections import SectionTable
from cython.cimports.wild.kernels.tables import *

SLICE = cython.declare(cython.const[uint32_t], 8192)  # symbols
AHEAD = cython.declare(cython.const[uint32_t], 12)
MOST_FILES = cython.declare(cython.const[int64_t], 1 << 28)  # what a claim has room for


@cython.final
@cython.cclass
class Resolution:
    """The definition of every name: make it, `load`, then (sections known) `bind`."""

    def __cinit__(self, pool: Pool, inputs: Inputs, names: NameTable):
        self.inputs = inputs
        self.names = names
        if inputs.view.count >= MOST_FILES:
            raise MemoryError("more than 268,435,455 input files")
        capacity: uint64_t = names.view.capacity
        self.view.capacity = names.view.capacity
        self.view.row = cython.cast(
            cython.pointer[SymbolRow], inputs.arena.array(capacity, cython.sizeof(SymbolRow))
        )
        self.view.version = cython.cast(cython.pointer[uint16_t], inputs.arena.array(capacity, 2))
        self.view.key = cython.cast(U64, inputs.arena.array(capacity, 8))
        state = cython.address(self.state)
        state.files = cython.address(inputs.view)
        state.names = cython.address(names.view)
        state.symbols = cython.address(self.view)
        state.fresh = cython.cast(U32, inputs.arena.array(inputs.view.count, 4))
        state.woken = cython.cast(U32, inputs.arena.array(inputs.view.count, 4))
        state.common_files = cython.cast(U32, inputs.arena.array(inputs.view.count, 4))
        pool.run(clear_rows, state, SHARDS, 1)
        find_aliases(inputs, names, state)

    def load(self, pool: Pool):
        """Decide which archive members take part: sets `files.live` of every file."""
        state = cython.address(self.state)
        state.fault = cython.address(pool.fault)
        begin_live(state)
        self.run_slices(pool, claim_slice, False)
        while state.fresh_count:
            claim_aliases(state)
            self.run_slices(pool, wake_slice, True)
            take_woken(state)
            self.run_slices(pool, claim_slice, True)
        end_live(state)

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def run_slices(self, pool: Pool, job: Job, fresh: cython.bint) -> cython.int:
        """Run a job over slices of the symbols of the fresh files, or of all files."""
        state = cython.address(self.state)
        cut_slices(state, fresh)
        try:
            pool.run(job, state, state.slice_count, 1 if state.slice_count < 256 else 4)
        finally:
            free(state.slices)
            state.slices = cython.NULL
        return 0

    def bind(self, pool: Pool, sections: SectionTable = None):
        """Find the definition of every name among the live files and fill its SymbolRow; once, after `load`.

        Definitions in sections that COMDAT groups or the output rules discard count as references
        (`sections` may be None: nothing is discarded).  Raises KernelFault for a section index outside its
        file.
        """
        state = cython.address(self.state)
        state.fault = cython.address(pool.fault)
        state.sections = cython.NULL if sections is None else cython.address(sections.view)
        list_live(state)
        bind_names(self, pool)

    def drop_unneeded(self, pool: Pool):
        """After --gc-sections and the scan of relocations: a shared object given after --as-needed that only
        dropped sections refer to is not needed.
        """
        drop_unneeded(self, pool)

    # What the reports ask.  These run when something is wrong; they look at every symbol again.

    def duplicates(self, limit: int) -> list:
        """Names with more than one strong definition: (name, file, section, value, file, section, value).

        The first definition is the one that counts; sections are SectionIds, 0 for absolute symbols.
        """
        from wild.kernels.conflicts import list_duplicates

        return list_duplicates(self, limit) if self.state.duplicates else []

    def undefined(self, limit: int, in_shared: bool = False) -> list:
        """NameIds that live objects refer to strongly and nothing defines; `in_shared`: those that only
        shared objects of the output refer to.  In input order.
        """
        from wild.kernels.conflicts import list_undefined, list_undefined_in_shared

        return list_undefined_in_shared(self, limit) if in_shared else list_undefined(self, limit)

    def undefined_with_prefix(self, prefix: bytes) -> list:
        """(NameId, name) of what is referred to, weakly or strongly, is not defined, and begins with
        `prefix`.
        """
        from wild.kernels.conflicts import list_with_prefix

        return list_with_prefix(self, prefix)

    def tls_mismatches(self, limit: int) -> list:
        """(name, file that defines it, file that contradicts): thread-local in one, not in the other."""
        from wild.kernels.conflicts import list_tls_mismatches

        return list_tls_mismatches(self, limit) if self.state.tls_mismatches else []

    def references_of(self, name: int, limit: int) -> list:
        """(file, symbol index) of live files that refer to a name and do not define it, in input order."""
        from wild.kernels.conflicts import list_references

        return list_references(self, name, limit)

    def lto_files(self) -> list:
        """Live files that hold nothing but compiler intermediate code."""
        files = self.state.files
        return [file for file in range(files.count) if files.live[file] and files.row[file].flags & FILE_LTO]

    def symbol(self, name: int) -> tuple:
        """(file, symbol index, value, section, flags) of a NameId; file is None for an undefined one."""
        if not 0 <= name < self.view.capacity:
            raise IndexError(f"no name has the number {name}")
        row = cython.address(self.view.row[cython.cast(uint32_t, name)])
        return (None if row.file == NONE else row.file), row.sym, row.value, row.section, row.flags

    def version(self, name: int) -> int:
        """The version of an exported definition: its index in .gnu.version, with the bit of hidden versions."""
        if not 0 <= name < self.view.capacity:
            raise IndexError(f"no name has the number {name}")
        return self.view.version[cython.cast(uint32_t, name)]

    def common_rows(self) -> bytes:
        """All CommonRows, to be saved."""
        size: int64_t = self.common_count * cython.sizeof(CommonRow)
        return cython.cast(cython.p_char, self.commons)[:size] if size else b""

    def common(self, index: int) -> tuple:
        """(name, size, alignment, COMMON_* area) of a common symbol."""
        if not 0 <= index < self.common_count:
            raise IndexError(f"no common symbol has the number {index}")
        row = cython.address(self.commons[cython.cast(int64_t, index)])
        return row.name, row.size, row.align, row.area


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def clear_rows(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Job over shards: nothing is claimed, nothing is defined."""
    state: ResolvePtr = cython.cast(ResolvePtr, context)
    shard: int64_t
    name: uint32_t
    for shard in range(begin, end):
        first: uint32_t = state.names.start[shard]
        memset(state.symbols.key + first, 0xFF, 8 * cython.cast(uint64_t, state.names.count[shard]))
        for name in range(first, first + state.names.count[shard]):
            state.symbols.row[name].file = NONE
    return 0


@cython.cfunc
def cut_slices(state: ResolvePtr, fresh: cython.bint):
    """Cut the global symbols of the fresh files, or of all, into slices of at most SLICE."""
    files: int64_t = state.fresh_count if fresh else state.files.count
    total: int64_t = 0
    i: int64_t
    for i in range(files):
        file: int64_t = state.fresh[i] if fresh else i
        total += (globals_of(cython.address(state.files.row[file])) + SLICE - 1) // SLICE
    state.slices = cython.cast(cython.pointer[Slice], malloc(max(total, 1) * cython.sizeof(Slice)))
    if state.slices is cython.NULL:
        raise MemoryError("no memory to resolve symbols")
    state.slice_count = 0
    for i in range(files):
        cut_file(state, cython.cast(uint32_t, state.fresh[i] if fresh else i))


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def cut_file(state: ResolvePtr, file: uint32_t) -> cython.void:
    row = cython.address(state.files.row[file])
    begin: uint32_t = row.first_global
    while begin < row.nsyms:
        slice = state.slices + state.slice_count
        slice.file = file
        slice.begin = begin
        slice.end = begin + min(SLICE, row.nsyms - begin)
        begin = slice.end
        state.slice_count += 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def begin_live(state: ResolvePtr) -> cython.void:
    """All are live from the beginning but archive members, and shared objects that may not be needed."""
    file: int64_t
    for file in range(state.files.count):
        row = cython.address(state.files.row[file])
        waits: cython.int = FILE_AS_NEEDED if row.kind == FILE_SHARED else FILE_LAZY
        state.files.live[file] = row.kind != FILE_IGNORED and (
            row.flags & waits == 0 or (row.kind != FILE_OBJECT and row.kind != FILE_SHARED)
        )
    list_live(state)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def end_live(state: ResolvePtr) -> cython.void:
    """All shared objects take part in binding, which settles whether they are needed (needed.py)."""
    i: int64_t
    for i in range(state.files.shared_count):
        state.files.live[state.files.shared[i].file] = 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def list_live(state: ResolvePtr) -> cython.void:
    file: int64_t
    state.fresh_count = 0
    for file in range(state.files.count):
        if state.files.live[file]:
            state.fresh[state.fresh_count] = cython.cast(uint32_t, file)
            state.fresh_count += 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def load_strength(row: cython.pointer[FileRow], sym: Sym, live: cython.bint) -> uint64_t:
    """How strongly a file claims a name that it defines, or would define."""
    if row.kind == FILE_INTERNAL:
        return LOAD_PROVIDED if is_weak(sym) else LOAD_STRONG
    if row.kind == FILE_SHARED:
        return LOAD_LAZY
    if is_common(sym):
        return LOAD_COMMON if live else LOAD_LAZY_COMMON
    if not live:
        return LOAD_LAZY
    return LOAD_WEAK if is_weak(sym) else LOAD_STRONG


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def claim_slice(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Job over slices: claim what the file defines."""
    state: ResolvePtr = cython.cast(ResolvePtr, context)
    at: int64_t
    for at in range(begin, end):
        claim_symbols(state, cython.address(state.slices[at]))
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def claim_symbols(state: ResolvePtr, slice: cython.pointer[Slice]) -> cython.void:
    row = cython.address(state.files.row[slice.file])
    live: cython.bint = state.files.live[slice.file] != 0
    syms: Sym = symbols_of(state.files, slice.file)
    of: U32 = state.names.of + row.global_base - row.first_global
    key: U64 = state.symbols.key
    sym: uint32_t
    for sym in range(slice.begin, slice.end):
        if sym + AHEAD < slice.end:
            prefetch(key + of[sym + AHEAD])
        name: uint32_t = of[sym]
        if syms[sym].st_shndx == SHN_UNDEF or name == 0:
            continue
        strength: uint64_t = load_strength(row, cython.address(syms[sym]), live)
        atomic_min64(key + name, claim(strength, slice.file, sym))


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def claim_aliases(state: ResolvePtr) -> cython.void:
    """The claims of `foo@@V` to `foo@V`, of all files: they are few."""
    i: int64_t
    for i in range(state.alias_count):
        alias = cython.address(state.aliases[i])
        row = cython.address(state.files.row[alias.file])
        sym: Sym = symbols_of(state.files, alias.file) + alias.sym
        strength: uint64_t = load_strength(row, sym, state.files.live[alias.file] != 0)
        atomic_min64(state.symbols.key + alias.name, claim(strength, alias.file, alias.sym))


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def wake_slice(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Job over slices of live files: wake the archive members that would define what they refer to."""
    state: ResolvePtr = cython.cast(ResolvePtr, context)
    at: int64_t
    for at in range(begin, end):
        wake_for(state, cython.address(state.slices[at]))
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def wake_for(state: ResolvePtr, slice: cython.pointer[Slice]) -> cython.void:
    row = cython.address(state.files.row[slice.file])
    syms: Sym = symbols_of(state.files, slice.file)
    of: U32 = state.names.of + row.global_base - row.first_global
    key: U64 = state.symbols.key
    sym: uint32_t
    for sym in range(slice.begin, slice.end):
        if sym + AHEAD < slice.end:
            prefetch(key + of[sym + AHEAD])
        common: cython.bint = row.kind == FILE_OBJECT and is_common(cython.address(syms[sym]))
        if not common and (syms[sym].st_shndx != SHN_UNDEF or is_weak(cython.address(syms[sym]))):
            continue
        winner: uint64_t = key[of[sym]]
        strength: uint32_t = claim_strength(winner)
        if strength == LOAD_LAZY_COMMON and common:
            continue
        if strength == LOAD_LAZY or strength == LOAD_LAZY_COMMON:
            member: uint32_t = claim_file(winner)
            if common and claims_function(state.files, winner):
                continue
            if state.files.row[member].kind == FILE_SHARED or not asks_for_version(
                state.files, slice.file, sym
            ):
                wake(state, member)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
@cython.inline
def wake(state: ResolvePtr, file: uint32_t) -> cython.void:
    """Make a member live and put it on the list of the next round."""
    live: U32 = state.files.live + file
    if live[0] == 0 and exchange32(live, 1) == 0:
        at: uint32_t = fetch_add32(cython.address(state.woken_count), 1)
        state.woken[at] = file


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def take_woken(state: ResolvePtr) -> cython.void:
    """What was woken in this round is fresh in the next."""
    state.fresh, state.woken = state.woken, state.fresh
    state.fresh_count = state.woken_count
    state.woken_count = 0
