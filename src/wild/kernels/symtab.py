"""The symbol table of the output: .symtab and .strtab, for debuggers and profilers.

Two parallel loops over slices of the live objects' symbols, around a prefix sum.  The first decides which
symbols are kept, notes that in a bit each, and adds up numbers and bytes of names; the second goes through
the set bits and writes each entry and name once, to the place it then has.

- A local symbol is kept if its section is in the output, unless --discard-* drops it.  An STT_FILE symbol
  is kept if its object has another symbol that is local in the output.
- A global symbol is kept by the file whose definition won.  A hidden name, or one that a version script
  made local, is local in the output (gABI, "Symbol Visibility"), so it stands behind its file's local
  symbols, where debuggers attribute it to the STT_FILE symbol before it.
- Names that no object defines (imports, undefined weak ones) come last, in input order.

Names keep their `@V` or `@@V`, as GNU ld does it, and are not shared: names of one program have few equal
ones, and finding them costs more than writing them.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint8_t, uint32_t, uint64_t
from cython.cimports.libc.string import memcpy, memset
from cython.cimports.wild.kernels.elf import STB_WEAK, STT_SECTION, U32, U64, Bytes, Elf64_Sym, MutableBytes
from cython.cimports.wild.kernels.entries import define, leave_undefined, put_section
from cython.cimports.wild.kernels.name_list import ListedName, list_name, listed_name_slots
from cython.cimports.wild.kernels.output import Output, drafts_of
from cython.cimports.wild.kernels.pool import Arena, Pool
from cython.cimports.wild.kernels.symslices import (
    SymbolSlice,
    SymtabTables,
    count_slices,
    put_entry,
    write_slices,
)
from cython.cimports.wild.kernels.tables import (
    FILE_INTERNAL,
    FILE_OBJECT,
    NEEDS_ANY,
    NEEDS_COPY,
    NEEDS_DYNSYM,
    SYM_OBJECT_DEF,
    SYM_REF,
)
from cython.cimports.wild.kernels.unique_names import number_slices
from cython.cimports.wild.kernels.views import Chosen, Locate, Tables, Views, name_bytes, names_in_order

from wild.errors import LinkError

SLICE = cython.declare(cython.const[int64_t], 16384)  # symbols; a multiple of 64
BLOCK = cython.declare(cython.const[int64_t], 4096)  # imports
DRAFT = cython.declare(
    cython.const[uint64_t], 128 << 10
)  # bytes of names that are about to be written at once


@cython.final
@cython.cclass
class SymbolTable:
    """Counts when made (live sections and NEEDS_* are final), writes when addresses are.

    `discard` is one of DISCARD_*; `only` are the names of --retain-symbols-file, or None: definitions of
    other names are left out.  `sections` symbols of sections come first; write_sections says what they are.
    `unique`: a number makes the names of local symbols unique.
    """

    def __cinit__(
        self,
        pool: Pool,
        views: Views,
        discard: int,
        only: list | None = None,
        sections: int = 0,
        unique: bool = False,
    ):
        self.pool = pool
        self.views = views
        self.arena = Arena()
        self.sections = sections
        view = cython.address(self.view)
        view.tables = cython.address(views.tables)
        view.discard = discard
        view.fault = cython.address(pool.fault)
        self.make_slices()
        if only is not None:
            self.note_names(only)
        pool.run(count_slices, view, self.slices, 1)
        if unique:
            number_slices(view, self.slices, self.arena)
        self.place_slices()

    @property
    def size(self):
        """Bytes of .symtab."""
        return self.count * cython.sizeof(Elf64_Sym)

    def locate_with(self, function: int, context: int):
        """Addresses of a `Locate` function (views.pxd) for symbols in split sections, and of its context."""
        self.view.locate = cython.cast(Locate, cython.cast(cython.p_void, cython.cast(uint64_t, function)))
        self.view.locate_context = cython.cast(cython.p_void, cython.cast(uint64_t, context))

    def make_room(self, entries: int, names: int):
        """Leave entries free behind the local symbols and behind all, and bytes behind the names; once, before write().

        Free ones among the local symbols are null; behind them they are weak, undefined and without a name.
        """
        self.room = entries
        self.name_room = names
        i: int64_t
        for i in range(self.slices):
            self.view.slice[i].globals += cython.cast(uint32_t, entries)
        self.first_global += entries
        self.view.first_import += entries
        self.count += 2 * entries
        self.string_size += names

    def write(self, symbols: int, strings: int, extended: int = 0, output: Output | None = None):
        """Fill .symtab (`size` bytes), .strtab (`string_size`) and, if given, .symtab_shndx (4 * `count`).

        They are in the output, if one is given.
        """
        view = cython.address(self.view)
        view.symbols = cython.cast(MutableBytes, cython.cast(uint64_t, symbols))
        view.strings = cython.cast(MutableBytes, cython.cast(uint64_t, strings))
        view.extended = cython.cast(U32, cython.cast(uint64_t, extended))
        view.drafts = drafts_of(output)
        memset(view.symbols, 0, cython.sizeof(Elf64_Sym))
        view.strings[0] = 0
        if extended:
            view.extended[0] = 0
        self.pool.run(write_slices, view, self.slices, max(1, self.slices * DRAFT // self.string_size))
        if output is not None:
            output.check()
        self.pool.run(write_imports, view, view.import_count, BLOCK)
        i: int64_t
        for i in range(self.count - self.room, self.count):
            cython.cast(cython.pointer[Elf64_Sym], view.symbols)[i].st_info = STB_WEAK << 4

    def write_sections(self, rows: list):
        """The symbols of sections, as (address, section index); after write()."""
        entry = cython.declare(Elf64_Sym)
        extended: uint32_t = 0
        index: uint64_t = 1
        memset(cython.address(entry), 0, cython.sizeof(Elf64_Sym))
        entry.st_info = STT_SECTION
        for address, section in rows:
            entry.st_value = address
            put_section(cython.address(entry), section, cython.address(extended))
            put_entry(cython.address(self.view), index, cython.address(entry), extended)
            index += 1

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def note_names(self, names: list) -> cython.int:
        """Make the hash table of the names that are to be kept."""
        self.only = names
        size: uint64_t = listed_name_slots(len(names))
        view = cython.address(self.view)
        view.only_mask = size - 1
        view.only = cython.cast(cython.pointer[ListedName], self.arena.array(size, cython.sizeof(ListedName)))
        for name in names:
            text = cython.cast(Bytes, cython.cast(cython.p_const_char, cython.cast(bytes, name)))
            list_name(view.only, view.only_mask, text, len(name), 1)
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def make_slices(self) -> cython.int:
        """Cut the symbols of the live objects into slices, each with whole words of `keep`."""
        files = cython.address(self.view.tables.files)
        f: int64_t
        for f in range(files.count):
            if contributes(self.view.tables, f):
                self.slices += (files.row[f].nsyms + SLICE - 1) // SLICE
        slice = cython.cast(
            cython.pointer[SymbolSlice], self.arena.array(self.slices, cython.sizeof(SymbolSlice))
        )
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
        """Turn counts into places: locals of all slices, globals, imports; names slice by slice."""
        view = cython.address(self.view)
        drop_lonely_files(view, self.slices)
        local: uint64_t = 1 + self.sections
        byte: uint64_t = 1
        i: int64_t
        for i in range(self.slices):
            local += view.slice[i].locals
        globals_: uint64_t = local
        self.first_global = local
        local = 1 + self.sections
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
            raise LinkError(
                f"{self.count} symbols with {self.string_size} bytes of names do not fit .symtab; use -s"
            )
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
def class_of_import(tables: cython.pointer[Tables], name: uint32_t) -> cython.int:
    """1: objects refer to a name that none of them defines, or that stands for the bounds of a section."""
    flags: uint32_t = tables.symbol[name].flags
    wanted: uint32_t = SYM_REF | NEEDS_ANY | NEEDS_DYNSYM
    return flags & wanted != 0 and (flags & SYM_OBJECT_DEF == 0 or is_bound(tables, name))


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def is_bound(tables: cython.pointer[Tables], name: uint32_t) -> cython.bint:
    """`__start_NAME` and `__stop_NAME` are defined by no symbol table at all."""
    symbol = cython.address(tables.symbol[name])
    return symbol.flags & SYM_OBJECT_DEF != 0 and symbol.file == 0 and symbol.sym == 0


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
        if tables.symbol[name].flags & NEEDS_COPY or is_bound(tables, name):
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
