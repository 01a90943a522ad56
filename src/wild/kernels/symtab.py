"""The symbol table of the output: .symtab and .strtab, for debuggers and profilers.

Two parallel loops over slices of the live objects' symbols, around a prefix sum.  The first decides which symbols are
kept, notes that in a bit each, and adds up numbers and bytes of names; the second goes through the set bits and writes
each entry and name once, to the place it then has.

- A local symbol is kept if its section is in the output, unless --discard-* drops it.  An STT_FILE symbol is kept if its
  object has another symbol that is local in the output.
- A global symbol is kept by the file whose definition won.  A hidden name, or one that a version script made local, is
  local in the output (gABI, "Symbol Visibility"), so it stands behind its file's local symbols, where debuggers
  attribute it to the STT_FILE symbol before it.
- Names that no object defines (imports, undefined weak ones) come last, in input order.

Names keep their `@V` or `@@V`, as GNU ld does it, and are not shared: names of one program have few equal ones, and
finding them costs more than writing them.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint8_t, uint32_t, uint64_t
from cython.cimports.libc.string import memcpy, memset, strlen
from cython.cimports.wild.kernels.cc import ctz64, prefetch
from cython.cimports.wild.kernels.elf import (
    SHN_ABS,
    SHN_LORESERVE,
    SHN_UNDEF,
    SHN_XINDEX,
    STB_LOCAL,
    STT_FILE,
    STT_SECTION,
    STV_HIDDEN,
    U32,
    U64,
    Bytes,
    Elf64_Sym,
    MutableBytes,
    Sym,
    read32,
)
from cython.cimports.wild.kernels.entries import ABSOLUTE, define, leave_undefined, put_section
from cython.cimports.wild.kernels.faults import FAULT_LOCAL_INDEX, FAULT_LOCAL_NAME
from cython.cimports.wild.kernels.pool import Arena, Pool, report
from cython.cimports.wild.kernels.symtab import (
    DISCARD_LOCALS,
    DISCARD_MERGED,
    DISCARD_TEMPORARY,
    SymbolSlice,
    SymtabTables,
)
from cython.cimports.wild.kernels.tables import (
    FILE_INTERNAL,
    FILE_OBJECT,
    NEEDS_ANY,
    NEEDS_COPY,
    NEEDS_DYNSYM,
    SEC_CONSTANTS,
    SEC_LIVE,
    SEC_LOSER,
    SEC_OUT,
    SEC_PLAIN,
    SEC_STRINGS,
    SEC_TLS,
    SYM_HIDDEN,
    SYM_LOCALISED,
    SYM_OBJECT_DEF,
    SYM_REF,
    FileRow,
    SectionRow,
)
from cython.cimports.wild.kernels.views import Chosen, Locate, Tables, Views, name_bytes, names_in_order, symbol_at

from wild.errors import LinkError

SLICE = cython.declare(cython.const[int64_t], 16384)  # symbols; a multiple of 64
BLOCK = cython.declare(cython.const[int64_t], 4096)  # imports
AHEAD = cython.declare(cython.const[uint32_t], 12)
NO_SECTION = cython.declare(cython.const[uint32_t], 0xFFFFFFFF)


@cython.final
@cython.cclass
class SymbolTable:
    """Counts when made (live sections and NEEDS_* are final), writes when addresses are."""

    def __cinit__(self, pool: Pool, views: Views, discard: int):
        self.pool = pool
        self.views = views
        self.arena = Arena()
        view = cython.address(self.view)
        view.tables = cython.address(views.tables)
        view.discard = discard
        view.fault = cython.address(pool.fault)
        self.make_slices()
        pool.run(count_slices, view, self.slices, 1)
        self.place_slices()

    @property
    def size(self):
        """Bytes of .symtab."""
        return self.count * cython.sizeof(Elf64_Sym)

    def locate_with(self, function: int, context: int):
        """Addresses of a `Locate` function (views.pxd) for symbols in split sections, and of its context."""
        self.view.locate = cython.cast(Locate, cython.cast(cython.p_void, cython.cast(uint64_t, function)))
        self.view.locate_context = cython.cast(cython.p_void, cython.cast(uint64_t, context))

    def write(self, symbols: int, strings: int, extended: int = 0):
        """Fill .symtab (`size` bytes), .strtab (`string_size`) and, if asked for, .symtab_shndx (4 * `count`)."""
        view = cython.address(self.view)
        view.symbols = cython.cast(MutableBytes, cython.cast(uint64_t, symbols))
        view.strings = cython.cast(MutableBytes, cython.cast(uint64_t, strings))
        view.extended = cython.cast(U32, cython.cast(uint64_t, extended))
        memset(view.symbols, 0, cython.sizeof(Elf64_Sym))
        view.strings[0] = 0
        if extended:
            view.extended[0] = 0
        self.pool.run(write_slices, view, self.slices, 1)
        self.pool.run(write_imports, view, view.import_count, BLOCK)

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def make_slices(self) -> cython.int:
        """Cut the symbols of the live objects into slices, each with whole words of `keep`."""
        files = cython.address(self.view.tables.files)
        f: int64_t
        for f in range(files.count):
            if contributes(self.view.tables, f):
                self.slices += (files.row[f].nsyms + SLICE - 1) // SLICE
        slice = cython.cast(cython.pointer[SymbolSlice], self.arena.array(self.slices, cython.sizeof(SymbolSlice)))
        self.view.slice = slice
        word: uint64_t = 0
        for f in range(files.count):
            begin: int64_t = 0
            count: int64_t = files.row[f].nsyms
            while begin < count and contributes(self.view.tables, f):
                slice.file = cython.cast(uint32_t, f)
                slice.begin = cython.cast(uint32_t, begin)
                slice.end = cython.cast(uint32_t, min(begin + SLICE, count))
                slice.word = word
                word += (slice.end - slice.begin + 63) // 64
                begin += SLICE
                slice += 1
        self.view.keep = cython.cast(U64, self.arena.array(word, 8))
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def place_slices(self) -> cython.int:
        """Turn counts into places: local symbols of all slices, global ones, imports; names in the same order."""
        view = cython.address(self.view)
        drop_lonely_files(view, self.slices)
        local: uint64_t = 1
        byte: uint64_t = 1
        i: int64_t
        for i in range(self.slices):
            local += view.slice[i].locals
        globals_: uint64_t = local
        self.first_global = local
        local = 1
        for i in range(self.slices):
            slice = cython.address(view.slice[i])
            count: uint64_t = slice.locals
            slice.locals = cython.cast(uint32_t, local)
            local += count
            count = slice.globals
            slice.globals = cython.cast(uint32_t, globals_)
            globals_ += count
            count = slice.bytes
            slice.bytes = byte
            byte += count
            slice.end_byte = byte
        view.first_import = globals_
        self.string_size = byte
        self.place_imports()
        if self.count >> 32 or self.string_size >> 32:
            raise LinkError(f"{self.count} symbols with {self.string_size} bytes of names do not fit .symtab; use -s")
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def place_imports(self) -> cython.int:
        """Find what no object defines, and give it places behind everything else."""
        view = cython.address(self.view)
        chosen = cython.declare(Chosen)
        names_in_order(self.pool, self.arena, view.tables, class_of_import, cython.address(chosen))
        view.imports = chosen.name
        view.import_count = chosen.total
        blocks: int64_t = (chosen.total + BLOCK - 1) // BLOCK
        view.import_bytes = cython.cast(U64, self.arena.array(blocks, 8))
        self.pool.run(measure_imports, view, chosen.total, BLOCK)
        block: int64_t
        for block in range(blocks):
            size: uint64_t = view.import_bytes[block]
            view.import_bytes[block] = self.string_size
            self.string_size += size
        self.count = view.first_import + chosen.total
        return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def contributes(tables: cython.pointer[Tables], file: int64_t) -> cython.bint:
    """Do a file's own symbols go into the output?"""
    kind: uint8_t = tables.files.row[file].kind
    return kind == FILE_INTERNAL or (kind == FILE_OBJECT and tables.files.live[file] != 0)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def drop_lonely_files(view: cython.pointer[SymtabTables], slices: int64_t) -> cython.void:
    """Drop the STT_FILE symbols of objects that have no local symbol in the output."""
    first: int64_t = 0
    i: int64_t
    while first < slices:
        last: int64_t = first
        locals_: uint64_t = 0
        while last < slices and view.slice[last].file == view.slice[first].file:
            locals_ += view.slice[last].locals
            last += 1
        for i in range(first, last):
            slice = cython.address(view.slice[i])
            slice.drop_files = locals_ == 0
            if locals_:
                slice.locals += slice.file_symbols
                slice.bytes += slice.file_bytes
        first = last


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def count_slices(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    view = cython.cast(cython.pointer[SymtabTables], context)
    i: int64_t
    for i in range(begin, end):
        slice = cython.address(view.slice[i])
        first_global: uint32_t = view.tables.files.row[slice.file].first_global
        if not count_locals(view, slice, min(slice.end, first_global)):
            return 1
        count_globals(view, slice, max(slice.begin, first_global))
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def keep_symbol(view: cython.pointer[SymtabTables], slice: cython.pointer[SymbolSlice], i: uint32_t) -> cython.void:
    at: uint32_t = i - slice.begin
    view.keep[slice.word + (at >> 6)] |= cython.cast(uint64_t, 1) << (at & 63)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def count_locals(
    view: cython.pointer[SymtabTables], slice: cython.pointer[SymbolSlice], end: uint32_t
) -> cython.bint:
    """Decide on the local symbols of a slice; False: a fault is reported."""
    file = cython.address(view.tables.files.row[slice.file])
    syms: Sym = symbol_at(view.tables, slice.file, 0)
    text = view.tables.files.base[slice.file] + file.stroff
    i: uint32_t
    for i in range(slice.begin, end):
        sym = syms + i
        if sym.st_name == 0 or sym.st_info & 15 == STT_SECTION or sym.st_shndx == SHN_UNDEF:
            continue
        if sym.st_name >= file.strsize:
            report(view.fault, FAULT_LOCAL_NAME, slice.file, symbol_place(file, i), sym.st_name)
            return False
        name = text + sym.st_name
        if sym.st_info & 15 == STT_FILE:
            if view.discard != DISCARD_LOCALS:
                slice.file_symbols += 1
                slice.file_bytes += string_size(name)
                keep_symbol(view, slice, i)
            continue
        section: uint32_t = section_of_local(view.tables, slice.file, i)
        if section == NO_SECTION:
            report(view.fault, FAULT_LOCAL_INDEX, slice.file, symbol_place(file, i), sym.st_shndx)
            return False
        if local_is_kept(view, file.sec_base + section, sym, name):
            slice.locals += 1
            slice.bytes += string_size(name)
            keep_symbol(view, slice, i)
    return True


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def symbol_place(file: cython.pointer[FileRow], i: uint32_t) -> uint64_t:
    """Offset of a symbol in its file."""
    return file.symoff + cython.sizeof(Elf64_Sym) * cython.cast(uint64_t, i)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def string_size(text: Bytes) -> uint64_t:
    """Bytes of a string of a string table, whose last byte is known to be NUL."""
    return strlen(cython.cast(cython.p_const_char, text)) + 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def section_of_local(tables: cython.pointer[Tables], file: uint32_t, i: uint32_t) -> uint32_t:
    """Section index of a defined local symbol; 0: none (absolute), NO_SECTION: its object has no such section."""
    row = cython.address(tables.files.row[file])
    section: uint32_t = symbol_at(tables, file, i).st_shndx
    if section == SHN_XINDEX and row.xindex:
        section = read32(tables.files.base[file] + row.xindex + 4 * cython.cast(uint64_t, i))
    elif section >= SHN_LORESERVE:
        return 0
    return section if section < row.shnum else NO_SECTION


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def local_is_kept(view: cython.pointer[SymtabTables], section: uint32_t, sym: Sym, name: Bytes) -> cython.bint:
    """Is a local symbol wanted?  `section` is a SectionId; that of section 0 says that there is none."""
    if view.discard == DISCARD_LOCALS:
        return False
    temporary: cython.bint = name[0] == 46 and name[1] == 76  # .L
    if temporary and view.discard == DISCARD_TEMPORARY:
        return False
    if sym.st_shndx >= SHN_LORESERVE and sym.st_shndx != SHN_XINDEX:
        return sym.st_shndx == SHN_ABS
    row = cython.address(view.tables.sections.row[section])
    if temporary and view.discard == DISCARD_MERGED and (row.kind == SEC_STRINGS or row.kind == SEC_CONSTANTS):
        return False
    return in_output(row)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def in_output(row: cython.pointer[SectionRow]) -> cython.bint:
    return row.part != 0 and row.kind != SEC_OUT and row.flags & (SEC_LIVE | SEC_LOSER) == SEC_LIVE


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def count_globals(
    view: cython.pointer[SymtabTables], slice: cython.pointer[SymbolSlice], begin: uint32_t
) -> cython.void:
    """Decide on the global symbols of a slice from `begin` on."""
    tables = view.tables
    file = cython.address(tables.files.row[slice.file])
    syms: Sym = symbol_at(tables, slice.file, 0)
    text = tables.files.base[slice.file] + file.stroff
    of: U32 = tables.names.of + file.global_base - file.first_global
    i: uint32_t
    for i in range(begin, slice.end):
        if i + AHEAD < slice.end and syms[i + AHEAD].st_shndx != SHN_UNDEF:
            prefetch(tables.symbol + of[i + AHEAD])
        if syms[i].st_shndx == SHN_UNDEF or of[i] == 0:
            continue
        symbol = cython.address(tables.symbol[of[i]])
        if symbol.file != slice.file or symbol.sym != i:
            continue
        if symbol.section and not in_output(cython.address(tables.sections.row[symbol.section])):
            continue
        if symbol.flags & (SYM_HIDDEN | SYM_LOCALISED):
            slice.locals += 1
        else:
            slice.globals += 1
        slice.bytes += string_size(text + syms[i].st_name)
        keep_symbol(view, slice, i)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def write_slices(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    view = cython.cast(cython.pointer[SymtabTables], context)
    i: int64_t
    for i in range(begin, end):
        write_slice(view, cython.address(view.slice[i]))
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def write_slice(view: cython.pointer[SymtabTables], slice: cython.pointer[SymbolSlice]) -> cython.void:
    """Write the kept symbols of a slice: each takes the next local or the next global place."""
    tables = view.tables
    file = cython.address(tables.files.row[slice.file])
    syms: Sym = symbol_at(tables, slice.file, 0)
    entry = cython.declare(Elf64_Sym)
    local: uint64_t = slice.locals
    global_: uint64_t = slice.globals
    byte: uint64_t = slice.bytes
    extended: uint32_t = 0
    word: uint64_t
    for word in range((slice.end - slice.begin + 63) // 64):
        bits: uint64_t = view.keep[slice.word + word]
        while bits:
            i: uint32_t = slice.begin + cython.cast(uint32_t, word * 64) + ctz64(bits)
            bits &= bits - 1
            if i >= file.first_global:
                write_global(view, slice.file, i, cython.address(entry), cython.address(extended))
            elif syms[i].st_info & 15 != STT_FILE:
                write_local(view, slice.file, i, cython.address(entry), cython.address(extended))
            elif slice.drop_files:
                continue
            else:
                write_file(syms + i, cython.address(entry), cython.address(extended))
            entry.st_name = cython.cast(uint32_t, byte)
            byte = write_name(view, slice, tables.files.base[slice.file] + file.stroff + syms[i].st_name, byte)
            if entry.st_info >> 4 == STB_LOCAL:
                put_entry(view, local, cython.address(entry), extended)
                local += 1
            else:
                put_entry(view, global_, cython.address(entry), extended)
                global_ += 1


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def put_entry(
    view: cython.pointer[SymtabTables], index: uint64_t, entry: cython.pointer[Elf64_Sym], extended: uint32_t
) -> cython.void:
    cython.cast(cython.pointer[Elf64_Sym], view.symbols)[index] = entry[0]
    if view.extended is not cython.NULL:
        view.extended[index] = extended


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def write_name(
    view: cython.pointer[SymtabTables], slice: cython.pointer[SymbolSlice], text: Bytes, byte: uint64_t
) -> uint64_t:
    """Copy a name; returns the offset behind it.  An input that has changed since it was counted cannot do harm."""
    room: uint64_t = slice.end_byte - byte
    size: uint64_t = string_size(text)
    if size > room:
        size = room
    memcpy(view.strings + byte, text, size)
    return byte + size


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def write_file(sym: Sym, entry: cython.pointer[Elf64_Sym], extended: U32) -> cython.void:
    entry.st_info = sym.st_info
    entry.st_other = 0
    entry.st_value = 0
    entry.st_size = 0
    put_section(entry, ABSOLUTE, extended)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def write_local(
    view: cython.pointer[SymtabTables],
    file: uint32_t,
    i: uint32_t,
    entry: cython.pointer[Elf64_Sym],
    extended: U32,
) -> cython.void:
    """A local symbol of an object, moved with its section."""
    tables = view.tables
    entry[0] = symbol_at(tables, file, i)[0]
    section: uint32_t = section_of_local(tables, file, i)
    if section == 0 or section == NO_SECTION:
        put_section(entry, ABSOLUTE, extended)
        return
    section += tables.files.row[file].sec_base
    row = cython.address(tables.sections.row[section])
    if row.kind == SEC_PLAIN or view.locate is cython.NULL:
        entry.st_value += row.address
    else:
        entry.st_value = view.locate(view.locate_context, section, entry.st_value)
    if row.flags & SEC_TLS:
        entry.st_value -= tables.tls_start
    put_section(entry, tables.part_shndx[row.part], extended)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def write_global(
    view: cython.pointer[SymtabTables],
    file: uint32_t,
    i: uint32_t,
    entry: cython.pointer[Elf64_Sym],
    extended: U32,
) -> cython.void:
    """The definition that a file gives a name; local in the output if the name is hidden."""
    tables = view.tables
    row = cython.address(tables.files.row[file])
    name: uint32_t = tables.names.of[row.global_base - row.first_global + i]
    define(tables, name, entry, extended)
    flags: uint32_t = tables.symbol[name].flags
    if flags & (SYM_HIDDEN | SYM_LOCALISED):
        entry.st_info = entry.st_info & 15 | STB_LOCAL << 4
    if flags & SYM_HIDDEN:
        entry.st_other = STV_HIDDEN


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def class_of_import(tables: cython.pointer[Tables], name: uint32_t) -> cython.int:
    """1: objects refer to a name that none of them defines."""
    flags: uint32_t = tables.symbol[name].flags
    wanted: uint32_t = SYM_REF | NEEDS_ANY | NEEDS_DYNSYM
    return flags & wanted != 0 and flags & SYM_OBJECT_DEF == 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def measure_imports(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    view = cython.cast(cython.pointer[SymtabTables], context)
    size: uint64_t = 0
    i: int64_t
    for i in range(begin, end):
        size += view.tables.names.row[view.imports[i]].length + 1
    view.import_bytes[begin // BLOCK] = size
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def write_imports(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    view = cython.cast(cython.pointer[SymtabTables], context)
    tables = view.tables
    entry = cython.declare(Elf64_Sym)
    extended: uint32_t = 0
    byte: uint64_t = view.import_bytes[begin // BLOCK]
    i: int64_t
    for i in range(begin, end):
        name: uint32_t = view.imports[i]
        extended = 0
        if tables.symbol[name].flags & NEEDS_COPY:
            define(tables, name, cython.address(entry), cython.address(extended))
        else:
            leave_undefined(tables, name, cython.address(entry))
        entry.st_name = cython.cast(uint32_t, byte)
        length: uint64_t = tables.names.row[name].length
        memcpy(view.strings + byte, name_bytes(tables, name), length)
        view.strings[byte + length] = 0
        byte += length + 1
        put_entry(view, view.first_import + i, cython.address(entry), extended)
    return 0
