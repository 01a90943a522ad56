"""Symbol versions: .gnu.version_r, .gnu.version_d and the halfwords of .gnu.version.

The rules are those of "ELF Symbol Versioning" (Drepper) and the LSB, chapter "Symbol Versioning".  A symbol
that is bound to a shared object's definition requires the version that the object gives the definition; the
requirement is weak (VER_FLG_WEAK) while all references to symbols of that version are weak.  What the
output defines comes from the nodes of the version script.  Version indices of the output: 1 is the output
itself, then the nodes in script order, then the requirements in order of shared objects, in each in the
order of its .gnu.version_d.

Which versions are needed is noted in a byte per shared object and version index, by all threads at once;
the versions themselves are few, and are Python strings.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from cython.cimports.libc.string import strlen
from cython.cimports.wild.kernels.cc import prefetch, set_bits8
from cython.cimports.wild.kernels.dynhash import DynamicRow, sysv_hash
from cython.cimports.wild.kernels.dynversions import SEEN, SEEN_STRONGLY, VERSIONS, VersionTables
from cython.cimports.wild.kernels.elf import (
    VER_FLG_BASE,
    VER_NDX_GLOBAL,
    Bytes,
    Elf64_Verdaux,
    Elf64_Verdef,
    inside,
    read16,
)
from cython.cimports.wild.kernels.faults import (
    FAULT_BINDING_VERSION,
    FAULT_VERSION_CHAIN,
    FAULT_VERSION_NAME,
)
from cython.cimports.wild.kernels.pool import Arena, Pool, report
from cython.cimports.wild.kernels.tables import (
    NONE,
    SYM_OBJECT_DEF,
    SYM_SHARED_DEF,
    SYM_STRONG_REF,
    SharedRow,
)
from cython.cimports.wild.kernels.views import Tables

from wild.errors import LinkError
from wild.kernels.pool import KernelFault

GRAIN = cython.declare(cython.const[int64_t], 8192)
AHEAD = cython.declare(cython.const[int64_t], 12)  # rows whose cache lines are fetched before they are wanted
INDEX = cython.declare(cython.const[uint32_t], 0x7FFF)
NOT_REQUIRED = cython.declare(cython.const[uint32_t], 0xFFFFFFFF)
VER_FLG_WEAK = 2


@cython.final
@cython.cclass
class Versions:
    """The versions of one output; `dynsyms` keeps the strings."""

    def __cinit__(self, dynsyms):
        self.dynsyms = dynsyms
        self.arena = Arena()
        self.required = {}
        self.implied = []
        self.base = b""
        self.nodes = []
        self.numbered = []
        self.requirements = b""
        self.definitions = b""

    def require(self, soname: bytes, version: bytes, strong: bool):
        """A version of a shared object that the output needs."""
        versions = self.required.setdefault(soname, {})
        versions[version] = versions.get(version, False) or strong

    def imply(self, library: bytes, prefix: bytes, version: bytes):
        """Require a version if another is required: what its shared object must do is not about a symbol."""
        self.implied.append((library, prefix, version))

    def define(self, base: bytes, nodes: list):
        """Nodes (name, names of parents, does it list names?) of the version script.

        `base` is the soname or the output's name.
        """
        self.base = base
        self.nodes = nodes

    @property
    def defined_count(self):
        """Entries of .gnu.version_d: DT_VERDEFNUM."""
        return len(self.nodes) + 1 if self.nodes else 0

    @property
    def required_count(self):
        """Entries of .gnu.version_r: DT_VERNEEDNUM."""
        return len(self.required)

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def bind(
        self,
        pool: Pool,
        tables: cython.pointer[Tables],
        row: cython.pointer[DynamicRow],
        total: int64_t,
        sonames: list,
    ) -> cython.int:
        """Give each row its version; `sonames` by SharedRow, as DT_NEEDED has them."""
        view = cython.address(self.view)
        view.tables = tables
        view.row = row
        shared: int64_t = tables.files.shared_count
        view.seen = cython.cast(cython.pointer[uint8_t], self.arena.array(shared * VERSIONS, 1))
        view.number = cython.cast(cython.pointer[uint16_t], self.arena.array(shared * VERSIONS, 2))
        view.fault = cython.address(pool.fault)
        if shared:
            pool.run(note_versions, view, total, GRAIN)
        s: int64_t
        for s in range(shared):
            if tables.files.shared[s].used and tables.files.shared[s].verdef:
                self.require_of(s, sonames[s])
        self.add_implied()
        self.number_requirements()
        if shared or self.required or self.nodes:
            pool.run(set_versions, view, total, GRAIN)
        self.requirements = self.encode_requirements()
        # It is asked only of nodes that list no names, which are rare.
        asked: cython.bint = False in [node[2] for node in self.nodes]
        self.definitions = self.encode_definitions(
            used_versions(row, total if asked else 0, self.defined_count)
        )
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def require_of(self, shared: int64_t, soname: bytes) -> cython.int:
        """Walk a shared object's version definitions and require those that were noted.

        The chain is followed at most as often as .gnu.version_d can have entries, so a cycle ends.
        """
        so = cython.address(self.view.tables.files.shared[shared])
        base: Bytes = self.view.tables.files.base[so.file]
        offset: uint64_t = 0
        left: uint64_t = so.verdef_size // cython.sizeof(Elf64_Verdef)
        while left:
            if not inside(so.verdef_size, offset, cython.sizeof(Elf64_Verdef)):
                raise KernelFault(FAULT_VERSION_CHAIN, so.file, so.verdef + offset, 0, 0)
            entry = cython.cast(cython.pointer[cython.const[Elf64_Verdef]], base + so.verdef + offset)
            index: uint32_t = entry.vd_ndx & INDEX
            seen: uint8_t = self.view.seen[shared * VERSIONS + index]
            if seen and index > VER_NDX_GLOBAL:
                version = version_name(self.view.tables, so, offset + entry.vd_aux)
                self.require(soname, version, seen & SEEN_STRONGLY)
                self.numbered.append((shared, index, soname, version))
            if entry.vd_next == 0:
                break
            offset += entry.vd_next
            left -= 1
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def add_implied(self) -> cython.int:
        for library, prefix, version in self.implied:
            for soname, versions in self.required.items():
                if soname.startswith(library) and [name for name in versions if name.startswith(prefix)]:
                    versions[version] = True
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def number_requirements(self) -> cython.int:
        """Number what is required, behind the definitions, and note the numbers for `set_versions`."""
        number: int64_t = max(self.defined_count, 1)
        numbers = {}
        for soname, versions in self.required.items():
            for version in versions:
                number += 1
                numbers[soname, version] = number
        if number >= VERSIONS:
            raise LinkError(f"the output has {number} symbol versions; an ELF file can have 32767")
        for shared, index, soname, version in self.numbered:
            at: int64_t = cython.cast(int64_t, shared) * VERSIONS + cython.cast(int64_t, index)
            self.view.number[at] = numbers[soname, version]
        return 0

    @cython.cfunc
    def encode_requirements(self) -> bytes:
        """The contents of .gnu.version_r."""
        number = max(self.defined_count, 1)
        entries = []
        left = len(self.required)
        for soname, versions in self.required.items():
            left -= 1
            size = 16 + 16 * len(versions)
            entries.append(
                halves((1, len(versions))) + words((self.dynsyms.add_string(soname), 16, size if left else 0))
            )
            last = number + len(versions)
            for version, strong in versions.items():
                number += 1
                entries.append(
                    words((hash_of(version),))
                    + halves((0 if strong else VER_FLG_WEAK, number))
                    + words((self.dynsyms.add_string(version), 16 if number < last else 0))
                )
        return b"".join(entries)

    @cython.cfunc
    def encode_definitions(self, used: list) -> bytes:
        """The contents of .gnu.version_d: the base definition and the nodes.

        As from GNU ld, a node is weak that lists no names and that no symbol has: nobody can be bound to it.
        """
        if not self.nodes:
            return b""
        entries = []
        nodes = [(self.base, [], True), *self.nodes]
        for index, (name, parents, lists_names) in enumerate(nodes, 1):
            count = 1 + len(parents)
            size = 20 + 8 * count
            flags = VER_FLG_BASE if index == 1 else 0 if lists_names or used[index] else VER_FLG_WEAK
            entries.append(halves((1, flags, index, count)))
            entries.append(words((hash_of(name), 20, size if index < len(nodes) else 0)))
            for place, text in enumerate((name, *parents), 1):
                entries.append(words((self.dynsyms.add_string(text), 8 if place < count else 0)))
        return b"".join(entries)


@cython.cfunc
def used_versions(row: cython.pointer[DynamicRow], total: int64_t, defined: int64_t) -> list:
    """By version index of what the output defines: has a dynamic symbol that version?"""
    used: list = [False] * (defined + 1)
    i: int64_t
    for i in range(total):
        version: int64_t = row[i].version & INDEX
        if version <= defined:
            used[version] = True
    return used


@cython.cfunc
def halves(values: tuple) -> bytes:
    return b"".join([value.to_bytes(2, "little") for value in values])


@cython.cfunc
def words(values: tuple) -> bytes:
    return b"".join([value.to_bytes(4, "little") for value in values])


@cython.cfunc
def hash_of(name: bytes) -> uint32_t:
    """vd_hash and vna_hash are the hash function of DT_HASH."""
    return sysv_hash(cython.cast(Bytes, cython.cast(cython.p_const_char, name)), len(name))


@cython.cfunc
def version_name(tables: cython.pointer[Tables], so: cython.pointer[SharedRow], offset: uint64_t):
    """The first name of a version definition, by the offset of its auxiliary entry in .gnu.version_d."""
    base: Bytes = tables.files.base[so.file]
    if not inside(so.verdef_size, offset, cython.sizeof(Elf64_Verdaux)):
        raise KernelFault(FAULT_VERSION_CHAIN, so.file, so.verdef + offset, 0, 0)
    entry = cython.cast(cython.pointer[cython.const[Elf64_Verdaux]], base + so.verdef + offset)
    file = cython.address(tables.files.row[so.file])
    if entry.vda_name >= file.strsize:
        raise KernelFault(FAULT_VERSION_NAME, so.file, so.verdef + offset, entry.vda_name, 0)
    text = cython.cast(cython.p_const_char, base + file.stroff + entry.vda_name)
    return cython.cast(bytes, text[: strlen(text)])


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def shared_version(
    tables: cython.pointer[Tables], row: cython.pointer[DynamicRow], shared: cython.pointer[uint32_t]
) -> uint32_t:
    """The version index that a row's definition has in its shared object; NOT_REQUIRED: none."""
    symbol = cython.address(tables.symbol[row.name])
    if symbol.file == NONE or symbol.flags & SYM_OBJECT_DEF or not symbol.flags & SYM_SHARED_DEF:
        return NOT_REQUIRED
    shared[0] = tables.files.row[symbol.file].shared
    so = cython.address(tables.files.shared[shared[0]])
    if not so.versym or not so.used:
        return NOT_REQUIRED
    index: uint32_t = (
        read16(tables.files.base[symbol.file] + so.versym + 2 * cython.cast(uint64_t, symbol.sym)) & INDEX
    )
    return index if index > VER_NDX_GLOBAL else NOT_REQUIRED


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def note_versions(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    view = cython.cast(cython.pointer[VersionTables], context)
    shared: uint32_t = 0
    i: int64_t
    for i in range(begin, end):
        if i + AHEAD < end:
            prefetch(view.tables.symbol + view.row[i + AHEAD].name)
        index: uint32_t = shared_version(view.tables, view.row + i, cython.address(shared))
        if index != NOT_REQUIRED:
            strong: cython.bint = view.tables.symbol[view.row[i].name].flags & SYM_STRONG_REF
            seen: uint8_t = SEEN | SEEN_STRONGLY if strong else SEEN
            set_bits8(view.seen + cython.cast(int64_t, shared) * VERSIONS + index, seen)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def set_versions(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Of each row: the number of its requirement, the version exports gave it, or VER_NDX_GLOBAL."""
    view = cython.cast(cython.pointer[VersionTables], context)
    tables = view.tables
    shared: uint32_t = 0
    i: int64_t
    for i in range(begin, end):
        row = cython.address(view.row[i])
        if i + AHEAD < end:
            prefetch(tables.symbol + row[AHEAD].name)
        symbol = cython.address(tables.symbol[row.name])
        index: uint32_t = shared_version(tables, row, cython.address(shared))
        row.version = VER_NDX_GLOBAL
        if index != NOT_REQUIRED:
            row.version = view.number[cython.cast(int64_t, shared) * VERSIONS + index]
            if row.version == 0:
                versym: uint64_t = tables.files.shared[shared].versym
                report(view.fault, FAULT_BINDING_VERSION, symbol.file, versym + 2 * symbol.sym, index)
                return 1
        elif symbol.flags & SYM_OBJECT_DEF and tables.version is not cython.NULL:
            if tables.version[row.name] & INDEX:
                row.version = tables.version[row.name]
    return 0
