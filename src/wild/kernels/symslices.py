"""Slices of the symbols of live objects: which symbols the output's table keeps, and writing those.

Symbols in .eh_frame are dropped: its records are moved about and shared.

Deciding and writing are two loops with a prefix sum between them (symtab.py).  What was decided is noted in
a bit for each symbol, so the second loop visits kept symbols only, and cannot decide otherwise.  An input
file that is changed in between could make a name longer: names are copied only as far as their slice has
room.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.libc.string import memcpy, strlen
from cython.cimports.wild.kernels.cc import ctz64, prefetch
from cython.cimports.wild.kernels.drafts import begin_run, end_run
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.entries import ABSOLUTE, define, put_section
from cython.cimports.wild.kernels.faults import FAULT_LOCAL_INDEX, FAULT_LOCAL_NAME
from cython.cimports.wild.kernels.name_list import find_listed_name
from cython.cimports.wild.kernels.pool import report
from cython.cimports.wild.kernels.symslices import (
    DISCARD_LOCALS,
    DISCARD_MERGED,
    DISCARD_TEMPORARY,
    SymbolSlice,
    SymtabTables,
)
from cython.cimports.wild.kernels.tables import *
from cython.cimports.wild.kernels.unique_names import suffix_size, write_suffix
from cython.cimports.wild.kernels.views import Tables, symbol_at

AHEAD = cython.declare(cython.const[uint32_t], 12)
NO_SECTION = cython.declare(cython.const[uint32_t], 0xFFFFFFFF)


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
def keep_symbol(
    view: cython.pointer[SymtabTables], slice: cython.pointer[SymbolSlice], i: uint32_t
) -> cython.void:
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
        if not name_is_kept(view, name):
            continue
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
def name_is_kept(view: cython.pointer[SymtabTables], name: Bytes) -> cython.bint:
    """Does --retain-symbols-file allow a name?"""
    if view.only is cython.NULL:
        return True
    return find_listed_name(view.only, view.only_mask, name, string_size(name) - 1).text is not cython.NULL


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
    """Section index of a defined local symbol; 0: absolute, NO_SECTION: its object has no such section."""
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
def local_is_kept(
    view: cython.pointer[SymtabTables], section: uint32_t, sym: Sym, name: Bytes
) -> cython.bint:
    """Is a local symbol wanted?  `section` is a SectionId; that of section 0 says that there is none."""
    if view.discard == DISCARD_LOCALS:
        return False
    temporary: cython.bint = name[0] == 46 and name[1] == 76  # .L
    if temporary and view.discard == DISCARD_TEMPORARY:
        return False
    if sym.st_shndx >= SHN_LORESERVE and sym.st_shndx != SHN_XINDEX:
        return sym.st_shndx == SHN_ABS
    row = cython.address(view.tables.sections.row[section])
    if temporary and view.discard == DISCARD_MERGED and row.flags & SEC_MERGE:
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
        if i + 2 * AHEAD < slice.end:
            if syms[i + 2 * AHEAD].st_shndx != SHN_UNDEF:
                prefetch(tables.symbol + of[i + 2 * AHEAD])
            if syms[i + AHEAD].st_shndx != SHN_UNDEF and tables.symbol[of[i + AHEAD]].file == slice.file:
                prefetch(tables.sections.row + tables.symbol[of[i + AHEAD]].section)
                prefetch(text + syms[i + AHEAD].st_name)
        if syms[i].st_shndx == SHN_UNDEF or of[i] == 0:
            continue
        symbol = cython.address(tables.symbol[of[i]])
        if symbol.file != slice.file or symbol.sym != i or not name_is_kept(view, text + syms[i].st_name):
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
    view: SymtabTables = cython.cast(cython.pointer[SymtabTables], context)[0]
    first: uint64_t = view.slice[begin].bytes
    size: uint64_t = view.slice[end - 1].end_byte - first
    to = view.strings + first
    run = begin_run(view.drafts, worker, 0, to, size)
    view.strings = run - first
    i: int64_t
    for i in range(begin, end):
        write_slice(cython.address(view), cython.address(view.slice[i]))
    end_run(view.drafts, run, to, size)
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
        fetch_word(tables, slice.file, slice.begin + cython.cast(uint32_t, word * 64), bits)
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
            byte = write_name(
                view, slice, tables.files.base[slice.file] + file.stroff + syms[i].st_name, byte
            )
            if view.numbers is not cython.NULL and i < file.first_global:
                byte = number_name(view, slice, syms + i, i, byte)
            if entry.st_info >> 4 == STB_LOCAL:
                put_entry(view, local, cython.address(entry), extended)
                local += 1
            else:
                put_entry(view, global_, cython.address(entry), extended)
                global_ += 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def fetch_word(
    tables: cython.pointer[Tables], file: uint32_t, first: uint32_t, kept: uint64_t
) -> cython.void:
    """Bring into the cache what writing these symbols reads: all rows first, then what the rows point to."""
    row = cython.address(tables.files.row[file])
    syms: Sym = symbol_at(tables, file, first)
    text = tables.files.base[file] + row.stroff
    of: U32 = tables.names.of + row.global_base - row.first_global + first
    bits: uint64_t = kept
    while bits:
        i: uint32_t = ctz64(bits)
        bits &= bits - 1
        prefetch(text + syms[i].st_name)
        if first + i >= row.first_global:
            prefetch(tables.symbol + of[i])
    bits = kept
    while bits:
        i = ctz64(bits)
        bits &= bits - 1
        if first + i >= row.first_global:
            prefetch(tables.sections.row + tables.symbol[of[i]].section)


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
    """Copy a name; returns the offset behind it.  An input that has changed meanwhile does no harm."""
    room: uint64_t = slice.end_byte - byte
    size: uint64_t = string_size(text)
    if size > room:
        size = room
    memcpy(view.strings + byte, text, size)
    return byte + size


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def number_name(
    view: cython.pointer[SymtabTables],
    slice: cython.pointer[SymbolSlice],
    sym: Sym,
    i: uint32_t,
    byte: uint64_t,
) -> uint64_t:
    """Let a number follow the name that ends before `byte`; returns the offset behind both."""
    number: uint32_t = view.numbers[slice.word * 64 + (i - slice.begin)]
    size: uint64_t = suffix_size(number)
    if sym.st_info & 15 == STT_FILE or size > slice.end_byte - byte:
        return byte
    write_suffix(view.strings + byte - 1, number)
    return byte + size


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def write_file(sym: Sym, entry: cython.pointer[Elf64_Sym], extended: U32) -> cython.void:
    entry.st_info = STB_LOCAL << 4 | STT_FILE
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
    """A symbol among an object's local ones, whatever binding it claims, moved with its section."""
    tables = view.tables
    entry[0] = symbol_at(tables, file, i)[0]
    entry.st_info = STB_LOCAL << 4 | entry.st_info & 15
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
