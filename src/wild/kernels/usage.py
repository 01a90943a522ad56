"""What files make of names and sections, for options that ask: who mentions a name (-y), which names are
common in some files (--warn-common), which have a warning attached (.gnu.warning), which sections were
dropped.

These are loops over all files, run only when an option or a section of the inputs calls for them.
"""

import cython
from cython.cimports.cpython.bytes import PyBytes_FromStringAndSize
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import free
from cython.cimports.libc.string import memset, strlen, strncmp
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.references import LinkTables
from cython.cimports.wild.kernels.resolve import is_common, symbols_of
from cython.cimports.wild.kernels.sections import section_header
from cython.cimports.wild.kernels.tables import *
from cython.cimports.wild.kernels.text import Namer, Text, put, put_section
from cython.cimports.wild.kernels.usage import (
    MENTION_COMMON,
    MENTION_DEFINITION,
    MENTION_LAZY,
    MENTION_REFERENCE,
    MENTION_SHARED,
)

REFERENCE = MENTION_REFERENCE
DEFINITION = MENTION_DEFINITION
COMMON = MENTION_COMMON
SHARED = MENTION_SHARED
LAZY = MENTION_LAZY

LONGEST_WARNING = cython.declare(cython.const[uint64_t], 4096)


def mentions(tables: LinkTables, name: int) -> list:
    """(file, symbol index, what: REFERENCE ...) of every symbol of a NameId, in input order."""
    wanted: uint32_t = name
    files = cython.address(tables.inputs.view)
    found: list = []
    file: int64_t
    sym: uint32_t
    for file in range(files.count if wanted else 0):
        row = cython.address(files.row[file])
        of: U32 = tables.names.view.of + row.global_base - row.first_global
        syms: Sym = symbols_of(files, cython.cast(uint32_t, file))
        for sym in range(row.first_global, row.nsyms):
            if of[sym] == wanted:
                found.append((file, sym, kind_of_mention(files, cython.cast(uint32_t, file), syms + sym)))
    return found


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def kind_of_mention(files: cython.pointer[Files], file: uint32_t, sym: Sym) -> cython.int:
    if sym.st_shndx == SHN_UNDEF:
        return MENTION_REFERENCE
    if not files.live[file]:
        return MENTION_LAZY
    if files.row[file].kind == FILE_SHARED:
        return MENTION_SHARED
    return MENTION_COMMON if is_common(sym) else MENTION_DEFINITION


def common_names(tables: LinkTables) -> list:
    """NameIds that some live object has as a common symbol, in the order of their first common symbol."""
    files = cython.address(tables.inputs.view)
    found: dict = {}
    file: int64_t
    sym: uint32_t
    for file in range(1, files.count):
        row = cython.address(files.row[file])
        if not files.live[file] or row.kind != FILE_OBJECT:
            continue
        of: U32 = tables.names.view.of + row.global_base - row.first_global
        syms: Sym = symbols_of(files, cython.cast(uint32_t, file))
        for sym in range(row.first_global, row.nsyms):
            if is_common(syms + sym) and of[sym]:
                found[of[sym]] = True
    return list(found)


def symbol_size(tables: LinkTables, file: int, sym: int) -> int:
    """st_size, for files and symbols that `mentions` returned."""
    return symbols_of(cython.address(tables.inputs.view), file)[cython.cast(uint32_t, sym)].st_size


def warned_names(tables: LinkTables) -> list:
    """(hash, length) of the names that a .gnu.warning section is about, used or not."""
    names = tables.names.view.row
    found: list = []
    for _, symbol, _ in warnings_in_force(tables, True):
        if symbol:
            row = cython.address(names[cython.cast(uint32_t, symbol)])
            found.append((row.hash, row.length))
    return found


def warnings_in_force(tables: LinkTables, unused: bool = False) -> list:
    """(file, NameId or 0, text) of .gnu.warning sections of live objects and of shared objects.

    `.gnu.warning.SYMBOL` warns of uses of SYMBOL, and is listed if there are any; `.gnu.warning` of linking the
    file at all (GNU ld manual).
    """
    files = cython.address(tables.inputs.view)
    found: list = []
    file: int64_t
    for file in range(1, files.count):
        row = cython.address(files.row[file])
        if row.kind == FILE_SHARED or (row.kind == FILE_OBJECT and row.sec_base and row.has & HAS_WARNINGS):
            add_warnings(tables, cython.cast(uint32_t, file), unused, found)
    return found


@cython.cfunc
@cython.exceptval(-1, check=False)
def add_warnings(tables: LinkTables, file: uint32_t, unused: cython.bint, found: list) -> cython.int:
    """The section names of shared objects have not been looked at before."""
    row = cython.address(tables.inputs.view.row[file])
    base = tables.inputs.view.base[file]
    ehdr = cython.cast(Ehdr, base)
    if row.shoff == 0 or row.shnum == 0:
        return 0
    index: uint32_t = ehdr.e_shstrndx
    if index == SHN_XINDEX:
        index = section_header(base, row, 0).sh_link
    if index >= row.shnum:
        return 0
    names = section_header(base, row, index)
    size: uint64_t = names.sh_size
    if names.sh_type == SHT_NOBITS or not inside(row.size, names.sh_offset, size):
        return 0
    if size == 0 or base[names.sh_offset + size - 1] != 0:
        return 0
    k: uint32_t
    for k in range(1, row.shnum):
        shdr = section_header(base, row, k)
        if shdr.sh_name >= size or shdr.sh_type == SHT_NOBITS or shdr.sh_size > LONGEST_WARNING:
            continue
        name = cython.cast(cython.p_const_char, base + names.sh_offset + shdr.sh_name)
        if strncmp(name, b".gnu.warning", 12) == 0 and inside(row.size, shdr.sh_offset, shdr.sh_size):
            symbol: uint32_t = 0
            if name[12] == 0x2E:
                symbol = tables.names.lookup(cython.cast(Bytes, name + 13), strlen(name + 13))
                if symbol == 0 or not (unused or tables.resolution.view.row[symbol].flags & SYM_REF):
                    continue
            text = cython.cast(cython.p_char, base + shdr.sh_offset)[: shdr.sh_size]
            if symbol or name[12] == 0:
                found.append((file, symbol, text.partition(b"\0")[0]))
    return 0


def text_relocations(tables: LinkTables, limit: int) -> list:
    """(file, section index) of read-only sections with dynamic relocations; before these are numbered."""
    files = cython.address(tables.inputs.view)
    found: list = []
    file: int64_t
    k: uint32_t
    for file in range(1, files.count):
        row = cython.address(files.row[file])
        for k in range(1, row.shnum if row.sec_base and len(found) < limit else 1):
            sec = cython.address(tables.sections.view.row[row.sec_base + k])
            if sec.relatives + sec.symbolics and not sec.flags & SEC_WRITE:
                found.append((file, k))
    return found[:limit]


def dropped_sections(tables: LinkTables) -> bytes:
    """A line for each section that --gc-sections dropped."""
    namer = cython.declare(Namer)
    text = cython.declare(Text)
    memset(cython.address(text), 0, cython.sizeof(Text))
    files = cython.address(tables.inputs.view)
    namer.files = files
    namer.maps = tables.inputs.maps
    namer.members = tables.inputs.names
    namer.demangle = cython.NULL
    file: int64_t
    k: uint32_t
    with cython.nogil:
        for file in range(1, files.count):
            row = cython.address(files.row[file])
            for k in range(1, row.shnum if row.sec_base else 1):
                sec = cython.address(tables.sections.view.row[row.sec_base + k])
                if sec.kind != SEC_OUT and sec.size and sec.flags & (SEC_ALLOC | SEC_LIVE) == SEC_ALLOC:
                    put(cython.address(text), b"removing unused section ", 24)
                    put_section(cython.address(text), cython.address(namer), cython.cast(uint32_t, file), k)
                    put(cython.address(text), b"\n", 1)
    result = PyBytes_FromStringAndSize(text.start, text.size)
    free(text.start)
    if text.failed:
        raise MemoryError("no memory to list the sections that were dropped")
    return result
