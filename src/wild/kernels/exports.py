"""Exports: which definitions the dynamic linker sees, under which version, and which names it is to find.

For every name a *verdict* is collected: the version that the version scripts give it (0: local), and whether
a dynamic list names it.  `apply` turns verdicts and the kind of output into SYM_EXPORTED, SYM_IMPORTED,
SYM_LOCALISED and Symbols.version.  The order in which verdicts are collected is their precedence
(wild/versions.py states the rules):

 1. the version in a symbol's own name, `foo@V` or `foo@@V` (.symver), as in lld: no script overrides it;
 2. exact names of scripts (exact_names.py);
 3. patterns, tried on those names only that objects define and nothing has decided; `*`, which is in nearly
    every script, stands last and needs no match at all.  Names of C++ are collected, demangled by Python,
    and matched in a batch, and only if some pattern asks for demangled names.

An executable exports what a shared object mentions, what is listed, and with -E everything; a shared object
exports everything.  What is exported by a shared object is *preemptible* and so imported, too, unless it is
protected or one of -Bsymbolic, --dynamic-list binds it.  Hidden, localised and excluded definitions
(--exclude-libs) are not exported.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint16_t, uint32_t
from cython.cimports.libc.string import memchr
from cython.cimports.wild.kernels.cc import fetch_add
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.exact_names import decide_rows, find_rows, give, spelling_of
from cython.cimports.wild.kernels.exports import *
from cython.cimports.wild.kernels.glob import GLOB_EXACT, first_match
from cython.cimports.wild.kernels.names import file_of_global
from cython.cimports.wild.kernels.pool import Arena, Pool
from cython.cimports.wild.kernels.resolve import Resolution, symbols_of
from cython.cimports.wild.kernels.tables import *
from cython.cimports.wild.kernels.version_text import PatternTable, VersionNames


@cython.final
@cython.cclass
class ExportTable:
    """Made when names are bound; takes what scripts and lists say, in order of precedence, then `apply`."""

    def __cinit__(self, resolution: Resolution):
        self.resolution = resolution
        arena = resolution.inputs.arena
        state = cython.address(self.state)
        state.files = cython.address(resolution.inputs.view)
        state.names = cython.address(resolution.names.view)
        state.row = resolution.view.row
        state.version = resolution.view.version
        state.verdict = cython.cast(U32, arena.array(resolution.view.capacity, 4))
        state.cxx = cython.cast(U32, arena.array(resolution.view.capacity, 4))

    def take_symbol_versions(self, nodes: dict) -> list:
        """Versions in the names of symbols; `nodes`: name of a version -> its index.

        Returns (NameId, version) of definitions whose version is not among the nodes.
        """
        unknown: list = []
        names = self.resolution.names
        i: int64_t
        for i in range(names.default_count):
            take_default(self, names.defaults[i], nodes, unknown)
        for i in range(names.versioned_count):
            name: uint32_t = names.versioned[i]
            if self.state.row[name].flags & (SYM_OBJECT_DEF | SYM_ALIASED) == SYM_OBJECT_DEF:
                take_version(self, name, names.text(name).partition(b"@")[2], nodes, VERSYM_HIDDEN, unknown)
        return unknown

    def take_names(self, pool: Pool, names: VersionNames, listing: bool = False) -> None:
        """Exact names of the version scripts, or (`listing`) of a list of symbols to export."""
        lookup = cython.declare(Lookup)
        scratch: Arena = Arena()
        lookup.verdicts = cython.address(self.state)
        lookup.names = self.state.names
        lookup.text = names.text
        lookup.spans = names.names
        lookup.found = cython.cast(U32, scratch.array(names.count, 4))
        lookup.first = cython.cast(U32, scratch.array(self.resolution.view.capacity, 4))
        lookup.slots = self.resolution.names.slots
        self.state.listing = listing
        pool.run(find_rows, cython.address(lookup), names.count, 1024)
        pool.run(decide_rows, cython.address(lookup), names.count, 1024)

    def take_patterns(self, pool: Pool, patterns: PatternTable, listing: bool = False) -> list:
        """Patterns of the version scripts, or (`listing`) of symbols to export.

        Returns the names of C++ that the patterns have to be matched with once more, demangled: see
        `match_demangled`.
        """
        state = cython.address(self.state)
        state.listing = listing
        state.patterns = patterns.patterns
        state.pattern_count = patterns.count
        state.otherwise = 0
        state.has_cxx = patterns.has_cxx
        set_aside_star(state, patterns.count)
        pool.run(match_shards, state, SHARDS, 1)
        found: list = []
        shard: cython.int
        i: uint32_t
        for shard in range(SHARDS):
            for i in range(state.cxx_count[shard]):
                found.append(self.resolution.names.text(state.cxx[state.names.start[shard] + i]))
        return found

    def match_demangled(self, patterns: PatternTable, demangled: list) -> None:
        """Match what `take_patterns` returned, one demangled name (bytes) for each of its names."""
        state = cython.address(self.state)
        shard: cython.int
        i: uint32_t
        at: int64_t = 0
        for shard in range(SHARDS):
            for i in range(state.cxx_count[shard]):
                name: uint32_t = state.cxx[state.names.start[shard] + i]
                text: bytes = demangled[at]
                length: uint32_t = cython.cast(uint32_t, len(text))
                at += 1
                match_name(state, name, text, length)

    def apply(self, pool: Pool, rules: tuple) -> None:
        """Set the flags and versions of all names.

        `rules`: dynamic, shared, export_all, listed_only, import_strong, import_weak, undefined_ok, list_data,
        unique, mentioned (truth values), symbolic (SYMBOLIC_*) and unversioned (a version); exports.pxd says what
        they mean.
        """
        state = cython.address(self.state)
        state.rules.dynamic, state.rules.shared, state.rules.export_all, state.rules.listed_only = rules[:4]
        state.rules.import_strong, state.rules.import_weak, state.rules.undefined_ok = rules[4:7]
        state.rules.list_data, state.rules.unique, state.rules.mentioned = rules[7:10]
        state.rules.symbolic, state.rules.unversioned = rules[10:]
        state.hidden_mentioned = 0
        pool.run(apply_shards, state, SHARDS, 1)

    def undefined_names(self, names: VersionNames) -> list:
        """Exact names that get a version but no definition in the output, in the order of the script."""
        found: list = []
        i: int64_t
        for i in range(names.count):
            if names.names[i].version and not names.names[i].flags & SPAN_DEFINED:
                found.append(names.name(i))
        return found

    def contradictions(self, names: VersionNames) -> list:
        """Exact names that an earlier row gives another version, in the order of the script."""
        found: list = []
        i: int64_t
        for i in range(names.count):
            if names.names[i].flags & SPAN_CONTRADICTS:
                found.append(names.name(i))
        return found

    def hidden_references(self, limit: int) -> list:
        """(NameId, shared object) of strong references that only a hidden definition would satisfy."""
        from wild.kernels.conflicts import list_hidden_references

        return list_hidden_references(self.resolution, limit) if self.state.hidden_mentioned else []


@cython.cfunc
@cython.exceptval(-1, check=False)
def take_default(table: ExportTable, id: uint32_t, nodes: dict, unknown: list) -> cython.int:
    """The version of a symbol `foo@@V`, if that or a symbol beside it is the definition of `foo`."""
    files = table.state.files
    file: uint32_t = file_of_global(files, id)
    row = cython.address(files.row[file])
    name: uint32_t = table.state.names.of[id]
    sym: Sym = symbols_of(files, file) + (row.first_global + id - row.global_base)
    if sym.st_shndx == SHN_UNDEF or table.state.row[name].file != file:
        return 0
    text = cython.cast(cython.p_char, files.base[file] + row.stroff + sym.st_name)
    version: bytes = text[table.state.names.row[name].length + 2 :]
    return take_version(table, name, version, nodes, 0, unknown)


@cython.cfunc
@cython.exceptval(-1, check=False)
def take_version(
    table: ExportTable, name: uint32_t, version: bytes, nodes: dict, hidden: uint32_t, unknown: list
) -> cython.int:
    index = nodes.get(version)
    if index is None:
        unknown.append((name, version))
    else:
        table.state.verdict[name] = (cython.cast(uint32_t, index) | hidden) + 1 | VERDICT_SPELT
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def set_aside_star(state: VerdictsPtr, count: int64_t) -> cython.void:
    """The first `*` decides all that the patterns in front of it do not match."""
    i: int64_t
    for i in range(count):
        pattern = cython.address(state.patterns[i])
        if pattern.length == 1 and pattern.text[0] == 42 and not pattern.flags & GLOB_EXACT:
            state.pattern_count = i
            state.otherwise = pattern.version + 1
            return


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def match_shards(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Job over shards: match names that objects define and nothing has decided; set names of C++ aside."""
    state: VerdictsPtr = cython.cast(VerdictsPtr, context)
    shard: int64_t
    name: uint32_t
    for shard in range(begin, end):
        start: uint32_t = state.names.start[shard]
        state.cxx_count[shard] = 0
        for name in range(start, start + state.names.count[shard]):
            if state.row[name].flags & (SYM_OBJECT_DEF | SYM_ALIASED) != SYM_OBJECT_DEF:
                continue
            if state.verdict[name] & (VERDICT_LISTED if state.listing else VERDICT_VERSION):
                continue
            row = cython.address(state.names.row[name])
            text: Bytes = spelling_of(state.files, state.names, name)
            if state.has_cxx and row.length > 2 and text[0] == 95 and text[1] == 90:
                state.cxx[start + state.cxx_count[shard]] = name
                state.cxx_count[shard] += 1
            else:
                match_name(state, name, text, row.length)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def match_name(
    state: VerdictsPtr, name: uint32_t, demangled: Bytes, demangled_length: uint32_t
) -> cython.void:
    """Give a name what the first pattern that matches gives, else what `*` gives."""
    text: Bytes = spelling_of(state.files, state.names, name)
    length: uint32_t = state.names.row[name].length
    found: int64_t = -1
    if state.pattern_count:
        found = first_match(state.patterns, state.pattern_count, text, length, demangled, demangled_length)
    verdict: uint32_t = state.otherwise if found < 0 else state.patterns[found].version + 1
    if verdict:
        give(state, name, verdict)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def apply_shards(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Job over shards: turn verdicts into flags and versions."""
    state: VerdictsPtr = cython.cast(VerdictsPtr, context)
    shard: int64_t
    name: uint32_t
    for shard in range(begin, end):
        for name in range(state.names.start[shard], state.names.start[shard] + state.names.count[shard]):
            flags: uint32_t = state.row[name].flags
            if flags & SYM_OBJECT_DEF:
                state.row[name].flags = flags | export_flags(state, name, flags)
                if not state.rules.unique:
                    state.row[name].flags &= ~cython.cast(uint32_t, SYM_UNIQUE)
            elif flags & SYM_SHARED_DEF:
                state.row[name].flags = flags | SYM_IMPORTED
                if is_mentioned(state, name, flags):
                    state.row[name].flags |= NEEDS_DYNSYM
            elif flags & SYM_REF:
                if flags & SYM_STRONG_REF and has_version(state, name):
                    continue  # whose version it is cannot be said, so no loader could look for it
                imported: uint32_t = undefined_flags(cython.address(state.rules), flags)
                # A program imports only what a relocation asks for if nothing defines it, as in GNU ld.
                if state.rules.shared and imported & SYM_IMPORTED and is_mentioned(state, name, flags):
                    imported |= NEEDS_DYNSYM
                state.row[name].flags = flags | imported
    return 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def is_mentioned(state: VerdictsPtr, name: uint32_t, flags: uint32_t) -> cython.bint:
    """Does a mention by an object make an import a dynamic symbol?  The command line (-u, -e) mentions names weakly."""
    if not state.rules.mentioned or flags & SYM_REF == 0:
        return False
    return flags & SYM_STRONG_REF != 0 or state.names.row[name].file != 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def has_version(state: VerdictsPtr, name: uint32_t) -> cython.bint:
    """Does the name end in @VERSION?"""
    return (
        memchr(spelling_of(state.files, state.names, name), 64, state.names.row[name].length)
        is not cython.NULL
    )


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def export_flags(state: VerdictsPtr, name: uint32_t, flags: uint32_t) -> uint32_t:
    """What becomes of a definition of the output."""
    rules = cython.address(state.rules)
    file: uint32_t = state.row[name].file
    if flags & SYM_HIDDEN and flags & SYM_SHARED_REF and file:
        fetch_add(cython.address(state.hidden_mentioned), 1)
    if not rules.dynamic or flags & (SYM_HIDDEN | SYM_ALIASED):
        return 0
    verdict: uint32_t = state.verdict[name]
    version: uint32_t = verdict & VERDICT_VERSION
    if version == VER_NDX_LOCAL + 1 or state.files.row[file].flags & FILE_EXCLUDED_LIBS:
        return SYM_LOCALISED
    wanted: cython.bint = flags & SYM_SHARED_REF != 0
    if file == 0 and flags & SYM_WEAK_DEF:
        wanted = wanted and not rules.shared  # the linker's own: each output has its `_end`
    else:
        wanted = wanted or rules.export_all or is_listed(rules, flags, verdict)
    if not wanted:
        return 0
    given: cython.bint = version > VER_NDX_GLOBAL + 1
    state.version[name] = cython.cast(uint16_t, version - 1 if given else rules.unversioned)
    if rules.shared and flags & SYM_PROTECTED == 0 and not is_bound(rules, flags, verdict):
        return SYM_EXPORTED | SYM_IMPORTED
    return SYM_EXPORTED


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def is_listed(rules: cython.pointer[Rules], flags: uint32_t, verdict: uint32_t) -> cython.bint:
    """Does a dynamic list name it, or --dynamic-list-data all of its kind?"""
    return verdict & VERDICT_LISTED != 0 or (rules.list_data and flags & (SYM_FUNC | SYM_IFUNC) == 0)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def is_bound(rules: cython.pointer[Rules], flags: uint32_t, verdict: uint32_t) -> cython.bint:
    """Is an exported definition of a shared object bound to itself by -Bsymbolic or a dynamic list?

    What a list names never is, nor what must be unique in the process (STB_GNU_UNIQUE), as in GNU ld.
    """
    if is_listed(rules, flags, verdict) or (flags & SYM_UNIQUE and rules.unique):
        return False
    if rules.listed_only or rules.symbolic == SYMBOLIC_ALL:
        return True
    function: cython.bint = flags & (SYM_FUNC | SYM_IFUNC) != 0
    strong: cython.bint = flags & SYM_WEAK_DEF == 0
    if rules.symbolic == SYMBOLIC_FUNCTIONS:
        return function
    if rules.symbolic == SYMBOLIC_NON_WEAK:
        return strong
    return rules.symbolic == SYMBOLIC_NON_WEAK_FUNCTIONS and function and strong


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def undefined_flags(rules: cython.pointer[Rules], flags: uint32_t) -> uint32_t:
    """What becomes of a name that nothing defines; hidden or protected ones cannot be found at run time."""
    importable: cython.bint = rules.dynamic and flags & (SYM_HIDDEN | SYM_PROTECTED) == 0
    if flags & SYM_STRONG_REF == 0:
        return SYM_IMPORTED if importable and rules.import_weak else 0
    if importable and rules.import_strong:
        return SYM_IMPORTED
    return SYM_UNDEFINED_OK if rules.undefined_ok else 0
