"""How the symbols of intermediate code are resolved, in the words of the plugin interface.

The compiler may do as it likes with a definition that only intermediate code knows of; what machine code
mentions must keep its name and its meaning, and what the dynamic linker sees, its name at least.  So beside
the resolution itself two things matter: does any object of machine code mention the name (also one whose own
definition of it lost: its code refers to the winner's), and is the symbol exported?

Names that --wrap is about count as mentioned by machine code: which name a reference in the compiled objects
gets in the end is not decided yet.  So do the references of the command line (-u, -e, operands of --defsym).
What one plugin takes is machine code to another.

Common symbols are special: the largest one makes the size, but a plugin whose common symbol does not count
forgets its size.  So if the definition that counts is a common symbol of machine code, the first one of
intermediate code counts, too; both are merged when the compiled objects are linked.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint8_t, uint32_t
from cython.cimports.wild.kernels.elf import SHN_UNDEF, U32, Sym
from cython.cimports.wild.kernels.names import NameTable, globals_of
from cython.cimports.wild.kernels.plugin_api import *
from cython.cimports.wild.kernels.pool import Pool
from cython.cimports.wild.kernels.resolve import Resolution, symbols_of
from cython.cimports.wild.kernels.tables import *

SEEN_BY_MACHINE_CODE = cython.declare(cython.const[uint8_t], 1)
SEEN_COMMON = cython.declare(cython.const[uint8_t], 2)  # an IR definition of a common name has been let count

Seeing = cython.struct(files=cython.pointer[Files], names=cython.pointer[Names], seen=cython.pointer[uint8_t])


@cython.final
@cython.cclass
class IrSymbols:
    """Answers about files that a plugin has claimed; names must be bound and exports decided.

    `claims`: the FileIds that each plugin has claimed; `all_visible`: the output is an object, whose global
    symbols all are visible to what it is linked with.
    """

    def __cinit__(
        self, pool: Pool, names: NameTable, resolution: Resolution, claims: list, all_visible: bool
    ):
        self.resolution = resolution
        self.names = names
        self.all_visible = all_visible
        self.seen = cython.cast(cython.pointer[uint8_t], names.inputs.arena.array(names.view.capacity, 1))
        seeing = cython.declare(Seeing)
        seeing.files = cython.address(names.inputs.view)
        seeing.names = cython.address(names.view)
        seeing.seen = self.seen
        pool.run(see_files, cython.address(seeing), seeing.files.count, 8)
        self.plugin_of = cython.cast(U32, names.inputs.arena.array(seeing.files.count, 4))
        for number, files in enumerate(claims, 1):
            for file in files:
                self.plugin_of[cython.cast(int64_t, file)] = number
        if sum(map(bool, claims)) > 1:
            self.see_across()

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def see_across(self) -> cython.int:
        """Mark the names that files of several plugins mention."""
        view = cython.address(self.names.inputs.view)
        first = cython.cast(U32, self.names.inputs.arena.array(self.names.view.capacity, 4))
        file: int64_t
        i: uint32_t
        for file in range(view.count):
            row = cython.address(view.row[file])
            if self.plugin_of[file] == 0 or not view.live[file]:
                continue
            for i in range(globals_of(row)):
                name: uint32_t = self.names.view.of[row.global_base + i]
                if first[name] == 0:
                    first[name] = self.plugin_of[file]
                elif first[name] != self.plugin_of[file]:
                    self.seen[name] |= SEEN_BY_MACHINE_CODE
        return 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def is_beside(self, file: uint32_t, other: uint32_t) -> cython.bint:
        """Is the other file one that the same plugin has claimed?"""
        return self.plugin_of[file] == self.plugin_of[other]

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def answer(
        self, file: uint32_t, symbols: cython.pointer[Symbol], count: cython.int, version: cython.int
    ) -> cython.int:
        """Fill in `resolution` of a file's symbols, as version 1, 2 or 3 of get_symbols does; LDPS_*."""
        row = cython.address(self.names.inputs.view.row[file])
        if cython.cast(uint32_t, count) != globals_of(row):
            return LDPS_ERR
        live: cython.bint = self.names.inputs.view.live[file] != 0
        if not live and version >= 3:
            return LDPS_NO_SYMS
        i: cython.int
        for i in range(count):
            result: cython.int = LDPR_PREEMPTED_REG
            if live:
                result = self.resolve(file, row.first_global + i, symbols[i].definition)
            if result == LDPR_PREVAILING_DEF_IRONLY_EXP and version < 2:
                result = LDPR_PREVAILING_DEF
            symbols[i].resolution = result
        return LDPS_OK

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def resolve(self, file: uint32_t, sym: uint32_t, definition: cython.int) -> cython.int:
        view = cython.address(self.names.inputs.view)
        name: uint32_t = self.names.view.of[view.row[file].global_base + sym - view.row[file].first_global]
        symbol = cython.address(self.resolution.view.row[name])
        if definition == LDPK_UNDEF or definition == LDPK_WEAKUNDEF:
            if symbol.file == NONE:
                return LDPR_UNDEF
            if symbol.flags & SYM_SHARED_DEF:
                return LDPR_RESOLVED_DYN
            return LDPR_RESOLVED_IR if self.is_beside(file, symbol.file) else LDPR_RESOLVED_EXEC
        if symbol.file == file and symbol.sym == sym:
            return self.prevailing(name)
        if symbol.file == NONE or not self.is_beside(file, symbol.file):
            if definition != LDPK_COMMON or not symbol.flags & SYM_COMMON:
                return LDPR_PREEMPTED_REG
            if not self.seen[name] & SEEN_COMMON:
                self.seen[name] |= SEEN_COMMON
                return LDPR_PREVAILING_DEF
        return LDPR_PREEMPTED_IR

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def prevailing(self, name: uint32_t) -> cython.int:
        if self.all_visible or self.seen[name] & SEEN_BY_MACHINE_CODE:
            return LDPR_PREVAILING_DEF
        if self.resolution.view.row[name].flags & SYM_EXPORTED:
            return LDPR_PREVAILING_DEF_IRONLY_EXP
        return LDPR_PREVAILING_DEF_IRONLY

    def see(self, symbols: list) -> None:
        """Treat some names as mentioned by machine code."""
        for text in symbols:
            self.seen[cython.cast(uint32_t, self.names.find(text))] |= SEEN_BY_MACHINE_CODE


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def see_files(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Job over files: mark the names that machine code mentions; of the linker's own file, the references."""
    seeing = cython.cast(cython.pointer[Seeing], context)
    file: int64_t
    i: uint32_t
    for file in range(begin, end):
        row = cython.address(seeing.files.row[file])
        if row.kind == FILE_SHARED or row.flags & FILE_CLAIMED or (file and not seeing.files.live[file]):
            continue
        of: U32 = seeing.names.of + row.global_base - row.first_global
        syms: Sym = symbols_of(seeing.files, cython.cast(uint32_t, file))
        for i in range(row.first_global, row.nsyms):
            if row.kind == FILE_OBJECT or syms[i].st_shndx == SHN_UNDEF:
                seeing.seen[of[i]] = SEEN_BY_MACHINE_CODE
    return 0
