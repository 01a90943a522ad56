"""Dynamic symbols: which names stand in .dynsym, in what order, and their strings.

A name stands there as *undefined* when the output imports it and something refers to it, and as a
*definition* when the output exports it.  Two definitions of shared objects are treated as the output's own:
one that was copied (COPY relocation), and a function whose PLT entry is its address in all of the process
(psABI, "Function Addresses"), whose symbol is undefined, but has a value, and must be found by the dynamic
linker.

Undefined symbols come first, in input order; the definitions follow, sorted by hash bucket (see
dynhash.py).  The loops run over rows in input order nevertheless: names of neighbouring rows are neighbours
in the inputs' string tables, and scattered writes to .dynsym cost less than scattered reads of everything
that a symbol consists of.

.dynstr has first the strings that the policy adds (DT_NEEDED, DT_SONAME, versions), each once; then the
names in row order.  The table of names has each name once, so the only equal strings left are those of
several versions of a name (`foo@V1`, `foo@@V2`); where there are such names, their bare names are looked up
in a table of their own.  Names are not looked up among the policy's strings, nor are tails shared: a
library's names have few common tails.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from cython.cimports.libc.string import memchr, memcmp, memcpy, memset
from cython.cimports.wild.kernels.cc import fetch_add, prefetch
from cython.cimports.wild.kernels.dynhash import *
from cython.cimports.wild.kernels.dynsyms import DynamicTables
from cython.cimports.wild.kernels.elf import U32, U64, Elf64_Sym, MutableBytes, write16
from cython.cimports.wild.kernels.entries import define, leave_undefined, prefetch_definition
from cython.cimports.wild.kernels.pool import Arena, Pool
from cython.cimports.wild.kernels.tables import *
from cython.cimports.wild.kernels.views import Chosen, Tables, Views, name_bytes, names_in_order

from wild.errors import LinkError
from wild.kernels.dynversions import Versions

BLOCK = cython.declare(cython.const[int64_t], 4096)  # rows
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

    def define_versions(self, base: bytes, nodes: list):
        """Versions (name, parents) that the output defines, in script order; `base`: soname or file name."""
        self.versions.define(base, nodes)

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
        self.share_names()
        self.place_names()
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
        choose_sizes(hashes)
        hashes.bucket_end = cython.cast(U32, self.arena.array(hashes.buckets + 1, 4))
        sort_by_bucket(self.pool, hashes)
        self.pool.run(note_indices, cython.address(self.view), self.view.total, BLOCK)
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def share_names(self) -> cython.int:
        """Find the rows whose bare name an earlier row has; only names with a version can be such."""
        view = cython.address(self.view)
        if view.versioned == 0:
            return 0
        i: int64_t
        size: uint64_t = 2
        while size < cython.cast(uint64_t, view.versioned) * 2:
            size *= 2
        view.same = cython.cast(U32, self.arena.array(view.total, 4))
        scratch = Arena()
        slots = cython.cast(U32, scratch.array(size, 4))
        with cython.nogil:
            for i in range(view.total):
                if view.row[i].length != view.tables.names.row[view.row[i].name].length:
                    find_name(view, slots, size - 1, i, True)
            find_sharers(view, slots, size - 1)
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def place_names(self) -> cython.int:
        """Offsets in .dynstr; raises LinkError when they would need more than 32 bits."""
        view = cython.address(self.view)
        blocks: int64_t = (view.total + BLOCK - 1) // BLOCK
        view.block_bytes = cython.cast(U64, self.arena.array(blocks, 8))
        self.pool.run(sum_names, view, view.total, BLOCK)
        at: uint64_t = self.fixed_size
        block: int64_t
        for block in range(blocks):
            size: uint64_t = view.block_bytes[block]
            view.block_bytes[block] = at
            at += size
        if at >> 32:
            raise LinkError(f"the names of dynamic symbols have {at} bytes; .dynstr can have 4 GiB")
        self.string_size = at
        self.pool.run(offset_names, view, view.total, BLOCK)
        i: int64_t
        if view.same is not cython.NULL:
            for i in range(view.total):
                if view.same[i]:
                    view.row[i].string = view.row[view.same[i] - 1].string
        return 0

    @property
    def count(self):
        """Symbols in .dynsym, the null symbol included."""
        return self.view.total + 1

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
            return (self.view.total + 1) * cython.sizeof(Elf64_Sym)
        if section == ".dynstr":
            return self.string_size
        if section == ".gnu.hash":
            return gnu_hash_size(hashes) if self.gnu else 0
        if section == ".hash":
            return sysv_hash_size(hashes) if self.sysv else 0
        if section == ".gnu.version":
            return 2 * (self.view.total + 1) if versioned else 0
        if section == ".gnu.version_r":
            return len(self.versions.requirements)
        if section == ".gnu.version_d":
            return len(self.versions.definitions)
        raise KeyError(section)

    def write(self, section: str, to: int):
        """Write all `size_of(section)` bytes of a section at an address of the output mapping."""
        at = cython.cast(MutableBytes, cython.cast(uint64_t, to))
        view = cython.address(self.view)
        view.to = at
        if section == ".dynsym":
            memset(at, 0, cython.sizeof(Elf64_Sym))
            self.pool.run(write_symbols, view, view.total, BLOCK)
        elif section == ".dynstr":
            copy(b"\0" + b"".join([text + b"\0" for text in self.fixed]), at)
            self.pool.run(write_names, view, view.total, BLOCK)
        elif section == ".gnu.hash":
            write_gnu_hash(self.pool, cython.address(self.hashes), at)
        elif section == ".hash":
            write_sysv_hash(self.pool, cython.address(self.hashes), at)
        elif section == ".gnu.version":
            write16(at, 0)
            self.pool.run(write_versions, view, view.total, BLOCK)
        elif section == ".gnu.version_r":
            copy(self.versions.requirements, at)
        elif section == ".gnu.version_d":
            copy(self.versions.definitions, at)
        else:
            raise KeyError(section)


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
    if flags & SYM_IMPORTED and flags & (SYM_REF | NEEDS_ANY | NEEDS_DYNSYM):
        return UNDEFINED
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def measure_names(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Length and hash of each bare name: `foo` of `foo@V`."""
    view = cython.cast(cython.pointer[DynamicTables], context)
    versioned: int64_t = 0
    i: int64_t
    for i in range(begin, end):
        row = cython.address(view.row[i])
        if i + 2 * AHEAD < end:
            prefetch(view.tables.names.row + row[2 * AHEAD].name)
            prefetch(name_bytes(view.tables, row[AHEAD].name))
        text = name_bytes(view.tables, row.name)
        row.length = view.tables.names.row[row.name].length
        at = cython.cast(cython.pointer[cython.const[uint8_t]], memchr(text, 64, row.length))
        if at is not cython.NULL:
            row.length = cython.cast(uint32_t, at - text)
            versioned += 1
        row.hash = gnu_hash(text, row.length)
    if versioned:
        fetch_add(cython.address(view.versioned), versioned)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def find_name(
    view: cython.pointer[DynamicTables], slots: U32, mask: uint64_t, i: int64_t, add: cython.bint
) -> cython.pointer[uint32_t]:
    """The slot of the first row with the bare name of row `i`, or a free one (which `i` takes if `add`)."""
    row = cython.address(view.row[i])
    text = name_bytes(view.tables, row.name)
    at: uint64_t = (row.hash * cython.cast(uint64_t, 0x9E3779B1)) & mask
    while slots[at]:
        other = cython.address(view.row[slots[at] - 1])
        if other.hash == row.hash and other.length == row.length:
            if memcmp(name_bytes(view.tables, other.name), text, row.length) == 0:
                return slots + at
        at = (at + 1) & mask
    if add:
        slots[at] = cython.cast(uint32_t, i + 1)
    return slots + at


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def find_sharers(view: cython.pointer[DynamicTables], slots: U32, mask: uint64_t) -> cython.void:
    """Point every row whose bare name stands in `slots` to the row that keeps the string.

    That is the first row of all with the name, which may be one without a version: it then takes the slot
    over.
    """
    i: int64_t
    for i in range(view.total):
        slot = find_name(view, slots, mask, i, False)
        if slot[0] == 0 or slot[0] == i + 1:
            continue
        if slot[0] > i:
            slot[0] = cython.cast(uint32_t, i + 1)
        else:
            view.same[i] = slot[0]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def sum_names(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    view = cython.cast(cython.pointer[DynamicTables], context)
    size: uint64_t = 0
    i: int64_t
    for i in range(begin, end):
        if view.same is cython.NULL or not view.same[i]:
            size += view.row[i].length + 1
    view.block_bytes[begin // BLOCK] = size
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def offset_names(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    view = cython.cast(cython.pointer[DynamicTables], context)
    at: uint64_t = view.block_bytes[begin // BLOCK]
    i: int64_t
    for i in range(begin, end):
        if view.same is cython.NULL or not view.same[i]:
            view.row[i].string = cython.cast(uint32_t, at)
            at += view.row[i].length + 1
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
def write_names(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    view = cython.cast(cython.pointer[DynamicTables], context)
    i: int64_t
    for i in range(begin, end):
        row = cython.address(view.row[i])
        if i + 2 * AHEAD < end:
            prefetch(view.tables.names.row + row[2 * AHEAD].name)
            prefetch(name_bytes(view.tables, row[AHEAD].name))
        if view.same is cython.NULL or not view.same[i]:
            memcpy(view.to + row.string, name_bytes(view.tables, row.name), row.length)
            view.to[row.string + row.length] = 0
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
