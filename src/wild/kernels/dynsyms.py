"""Dynamic symbols: which names stand in .dynsym, in what order, and writing them.

A name stands there as *undefined* when the output imports it and something refers to it (with --gc-sections:
live code; else the symbol table of an object is enough), and as a *definition* when the output exports it.
Two definitions of shared objects are treated as the output's own: one that was copied (COPY relocation), and
a function whose PLT entry is its address in all of the process (psABI, "Function Addresses"), whose symbol is
undefined, but has a value, and must be found by the dynamic linker.

Undefined symbols come first, in input order; the definitions follow, sorted by hash bucket (see
dynhash.py).  The loops run over rows in input order nevertheless: names of neighbouring rows are neighbours
in the inputs' string tables, and scattered writes to .dynsym cost less than scattered reads of everything
that a symbol consists of.

The strings are in dynnames.py, versions in dynversions.py.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint16_t, uint32_t, uint64_t
from cython.cimports.libc.string import memcpy, memset
from cython.cimports.wild.kernels.cc import prefetch
from cython.cimports.wild.kernels.dynhash import *
from cython.cimports.wild.kernels.dynnames import *
from cython.cimports.wild.kernels.elf import STB_WEAK, U32, Elf64_Sym, MutableBytes, write16
from cython.cimports.wild.kernels.entries import define, leave_undefined, prefetch_definition
from cython.cimports.wild.kernels.output import Output, drafts_of
from cython.cimports.wild.kernels.pool import Arena, Pool
from cython.cimports.wild.kernels.tables import *
from cython.cimports.wild.kernels.views import Chosen, Tables, Views, names_in_order

from wild.kernels.dynversions import Versions

UNDEFINED = cython.declare(cython.const[cython.int], 1)
DEFINED = cython.declare(cython.const[cython.int], 2)
AHEAD = cython.declare(cython.const[int64_t], 12)  # rows whose cache lines are fetched before they are wanted


@cython.final
@cython.cclass
class DynamicSymbols:
    """Made when exports and NEEDS_* are final; add strings and versions, `prepare`, then sizes are known."""

    def __cinit__(self, pool: Pool, views: Views, gnu_hash: bool, sysv_hash: bool):
        self.pool = pool
        self.views = views
        self.arena = Arena()
        self.versions = Versions(self)
        self.strings = {b"": 0}
        self.fixed = []
        self.fixed_size = 1
        self.gnu = gnu_hash
        self.sysv = sysv_hash

    def add_string(self, text: bytes) -> int:
        """Offset of a string in .dynstr; a new one cannot be added once names have their places."""
        offset = self.strings.get(text)
        if offset is None:
            if self.prepared:
                raise RuntimeError(f"{text!r} comes too late for .dynstr")
            offset = self.fixed_size
            self.strings[text] = offset
            self.fixed.append(text)
            self.fixed_size += len(text) + 1
        return offset

    def require_version(self, soname: bytes, version: bytes):
        """Require a version of a shared object although no symbol is bound to it (GLIBC_ABI_DT_RELR)."""
        self.versions.require(soname, version, True)

    def imply_version(self, library: bytes, prefix: bytes, version: bytes):
        """Require `version` of the shared object whose name begins with `library`, if a version that begins with
        `prefix` is required of it; before `prepare`."""
        self.versions.imply(library, prefix, version)

    def define_versions(self, base: bytes, nodes: list):
        """Versions (name, parents) that the output defines, in script order; `base`: soname or file name."""
        self.versions.define(base, nodes)

    def make_room(self, symbols: int, names: int, versions: int, per_bucket: int):
        """Leave room for what an incremental link will add: entries of .dynsym for imports, bytes of .dynstr, versions,
        entries for exports in each bucket.  Before `prepare`."""
        self.spare = symbols
        self.per_bucket = per_bucket if self.gnu else 0
        self.spare_names = names
        self.spare_versions = 16 * versions

    @property
    def room(self):
        """(what is in use, where the room ends) of .dynsym in entries, of .dynstr and .gnu.version_r in bytes."""
        first = 1 + self.view.undefined
        versions = len(self.versions.requirements)
        return {
            "dynsym": (first, first + self.spare),
            "names": (self.string_size, self.string_size + self.spare_names),
            "versions": (versions, versions + self.spare_versions if versions else 0),
        }

    def prepare(self, sonames: list):
        """Choose the symbols and give them indices, names and versions.

        `sonames` are those of DT_NEEDED, by SharedRow; anything for a library that is not recorded.
        """
        tables = cython.address(self.views.tables)
        chosen = cython.declare(Chosen)
        names_in_order(self.pool, self.arena, tables, class_of, cython.address(chosen))
        view = cython.address(self.view)
        view.tables = tables
        view.total = chosen.total
        view.undefined = chosen.first_class
        view.row = cython.cast(
            cython.pointer[DynamicRow], self.arena.array(chosen.total, cython.sizeof(DynamicRow))
        )
        i: int64_t
        for i in range(chosen.total):
            view.row[i].name = chosen.name[i]
        self.pool.run(measure_names, view, view.total, BLOCK)
        self.versions.bind(self.pool, tables, view.row, view.total, sonames)
        self.prepared = True
        share_names(self.arena, view)
        self.string_size = place_names(self.pool, self.arena, view, self.fixed_size)
        self.number_rows()

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def number_rows(self) -> cython.int:
        """Indices in .dynsym."""
        hashes = cython.address(self.hashes)
        hashes.tables = self.view.tables
        hashes.row = self.view.row
        hashes.total = self.view.total
        hashes.undefined = self.view.undefined
        hashes.spare = self.spare
        hashes.per_bucket = self.per_bucket
        choose_sizes(hashes)
        hashes.bucket_end = cython.cast(U32, self.arena.array(hashes.buckets + 1, 4))
        sort_by_bucket(self.pool, hashes)
        self.pool.run(note_indices, cython.address(self.view), self.view.total, BLOCK)
        return 0

    @property
    def count(self):
        """Symbols in .dynsym, the null symbol included."""
        return self.view.total + self.spare + spare_in_buckets(cython.address(self.hashes)) + 1

    @property
    def defined_versions(self):
        """DT_VERDEFNUM."""
        return self.versions.defined_count

    @property
    def required_files(self):
        """DT_VERNEEDNUM."""
        return self.versions.required_count

    def size_of(self, section: str) -> int:
        """Bytes of one of the seven sections; 0 when it is not needed."""
        hashes = cython.address(self.hashes)
        versioned = self.versions.definitions or self.versions.requirements
        if section == ".dynsym":
            return self.count * cython.sizeof(Elf64_Sym)
        if section == ".dynstr":
            return self.string_size + self.spare_names
        if section == ".gnu.hash":
            return gnu_hash_size(hashes) if self.gnu else 0
        if section == ".hash":
            return sysv_hash_size(hashes) if self.sysv else 0
        if section == ".gnu.version":
            return 2 * self.count if versioned else 0
        if section == ".gnu.version_r":
            return self.room["versions"][1]
        if section == ".gnu.version_d":
            return len(self.versions.definitions)
        raise KeyError(section)

    def write(self, section: str, to: int, output: Output | None = None):
        """Write all `size_of(section)` bytes of a section at an address, which is in the output, if one is given."""
        at = cython.cast(MutableBytes, cython.cast(uint64_t, to))
        view = cython.address(self.view)
        view.to = at
        view.drafts = drafts_of(output)
        if section == ".dynsym":
            memset(at, 0, cython.sizeof(Elf64_Sym))
            entries: int64_t = self.count - 1 - view.undefined if self.per_bucket else self.spare
            leave_spare(cython.cast(cython.pointer[Elf64_Sym], at) + 1 + view.undefined, entries)
            self.pool.run(write_symbols, view, view.total, BLOCK)
        elif section == ".dynstr":
            copy(b"\0" + b"".join([text + b"\0" for text in self.fixed]), at)
            self.pool.run(write_names, view, view.total, BLOCK)
            if output is not None:
                output.check()
        elif section == ".gnu.hash":
            write_gnu_hash(self.pool, cython.address(self.hashes), at)
        elif section == ".hash":
            write_sysv_hash(self.pool, cython.address(self.hashes), at)
        elif section == ".gnu.version":
            memset(at, 0, 2 * self.count if self.per_bucket else 2)
            self.pool.run(write_versions, view, view.total, BLOCK)
        elif section == ".gnu.version_r":
            copy(self.versions.requirements, at)
        elif section == ".gnu.version_d":
            copy(self.versions.definitions, at)
        else:
            raise KeyError(section)


@cython.cfunc
@cython.exceptval(check=False)
def leave_spare(entry: cython.pointer[Elf64_Sym], count: int64_t) -> cython.void:
    """Entries that say nothing: nameless references that need no definition."""
    i: int64_t
    memset(entry, 0, count * cython.sizeof(Elf64_Sym))
    for i in range(count):
        entry[i].st_info = STB_WEAK << 4


@cython.cfunc
def copy(data: bytes, to: MutableBytes):
    memcpy(to, cython.cast(cython.p_const_char, data), len(data))


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def class_of(tables: cython.pointer[Tables], name: uint32_t) -> cython.int:
    """Does a name stand in .dynsym, and as what?"""
    flags: uint32_t = tables.symbol[name].flags
    if flags & SYM_EXPORTED:
        return DEFINED
    if flags & SYM_OBJECT_DEF:
        return 0
    if flags & SYM_SHARED_DEF and flags & (NEEDS_COPY | NEEDS_CANONICAL):
        return DEFINED
    # A reference from live code needs a slot or a relocation; what only dropped code mentions needs nothing, and
    # without --gc-sections whatever is mentioned was given NEEDS_DYNSYM (exports.py).
    if flags & SYM_IMPORTED and flags & (NEEDS_ANY | NEEDS_DYNSYM):
        return UNDEFINED
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def note_indices(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Tell the passes that refer to dynamic symbols where they stand."""
    view = cython.cast(cython.pointer[DynamicTables], context)
    i: int64_t
    for i in range(begin, end):
        if i + AHEAD < end:
            prefetch(view.tables.symbol + view.row[i + AHEAD].name)
        view.tables.symbol[view.row[i].name].dynsym = view.row[i].index
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def write_versions(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    view = cython.cast(cython.pointer[DynamicTables], context)
    i: int64_t
    for i in range(begin, end):
        write16(
            view.to + 2 * cython.cast(uint64_t, view.row[i].index), cython.cast(uint16_t, view.row[i].version)
        )
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def write_symbols(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    view = cython.cast(cython.pointer[DynamicTables], context)
    i: int64_t
    for i in range(begin, end):
        row = cython.address(view.row[i])
        if i + 2 * AHEAD < end:
            prefetch(view.tables.symbol + row[2 * AHEAD].name)
            prefetch_definition(view.tables, row[AHEAD].name)
            prefetch(cython.cast(cython.pointer[Elf64_Sym], view.to) + row[AHEAD].index)
        symbol = cython.address(view.tables.symbol[row.name])
        entry = cython.cast(cython.pointer[Elf64_Sym], view.to) + row.index
        entry.st_name = row.string
        if symbol.flags & SYM_OBJECT_DEF or (symbol.flags & SYM_SHARED_DEF and symbol.flags & NEEDS_COPY):
            define(view.tables, row.name, entry, cython.NULL)
        else:
            leave_undefined(view.tables, row.name, entry)
    return 0
