"""The symbol table of a partial link.

First the symbols of sections, of those that a relocation refers to; then the local symbols file by file, each file's
behind its STT_FILE symbol; then one symbol for each global name, in input order.  A local symbol that a relocation
needs is kept whatever -x or -s say.  Names are not shared: a partial link's output is read once.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.libc.string import memcpy, memset, strlen
from cython.cimports.wild.kernels.cc import set_bits32
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.entries import visibility_of
from cython.cimports.wild.kernels.faults import *
from cython.cimports.wild.kernels.names import file_of_global
from cython.cimports.wild.kernels.partial import *
from cython.cimports.wild.kernels.partial_symbols import NAME_BLOCK
from cython.cimports.wild.kernels.pool import report
from cython.cimports.wild.kernels.resolve import COMMON_LARGE, symbols_of
from cython.cimports.wild.kernels.sections import section_header, section_of
from cython.cimports.wild.kernels.tables import *
from cython.cimports.wild.kernels.unique_names import is_numbered, suffix_size, write_suffix


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def count_locals(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Decide which local symbols of a block of files are kept; local_index is 1 for those."""
    partial = cython.cast(PartialPtr, context)
    i: int64_t
    failed: cython.int = 0
    for i in range(begin, end):
        if partial.files.row[i].sec_base:
            failed |= count_file(partial, cython.cast(uint32_t, i))
    return failed


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def count_file(partial: PartialPtr, file: uint32_t) -> cython.int:
    row = cython.address(partial.files.row[file])
    syms: Sym = symbols_of(partial.files, file)
    run = cython.address(partial.run[file])
    kept: uint32_t = 0
    i: uint32_t
    for i in range(1, row.first_global):
        if syms[i].st_name >= max(row.strsize, 1):
            place: uint64_t = row.symoff + cython.sizeof(Elf64_Sym) * cython.cast(uint64_t, i)
            report(partial.fault, FAULT_LOCAL_NAME, file, place, syms[i].st_name)
            return 1
        if local_is_kept(partial, file, i):
            partial.local_index[row.local_base + i] = 1
            kept += syms[i].st_info & 15 != STT_FILE
            run.count += 1
            run.names += string_size(local_name(partial, file, i))
    if kept == 0:
        # Nothing stands behind the names of source files.
        memset(partial.local_index + row.local_base, 0, 4 * cython.cast(uint64_t, row.first_global))
        run.count = 0
        run.names = 0
    return 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def string_size(text: Bytes) -> uint64_t:
    return strlen(cython.cast(cython.p_const_char, text)) + 1


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def local_name(partial: PartialPtr, file: uint32_t, i: uint32_t) -> Bytes:
    """The name in the input; that of 0 is empty whatever stands there, as is the table's last byte."""
    row = cython.address(partial.files.row[file])
    name: uint64_t = symbols_of(partial.files, file)[i].st_name
    return partial.files.base[file] + row.stroff + (name if name else row.strsize - 1)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def local_is_kept(partial: PartialPtr, file: uint32_t, i: uint32_t) -> cython.bint:
    row = cython.address(partial.files.row[file])
    sym = symbols_of(partial.files, file) + i
    kind: uint32_t = sym.st_info & 15
    if kind == STT_SECTION or sym.st_shndx == SHN_UNDEF:
        return False
    if kind == STT_FILE:
        return partial.strip < STRIP_ALL
    shndx: uint32_t = section_of(partial.files.base[file], row, sym, i)
    if shndx >= row.shnum or (shndx and not is_named_place(partial, file, shndx)):
        return False
    if partial.used_local[row.local_base + i]:
        return True
    name = local_name(partial, file, i)
    temporary: cython.bint = name[0] == 46 and name[1] == 76  # .L
    return name[0] != 0 and partial.strip <= (STRIP_NOTHING if temporary else STRIP_TEMPORARY)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def is_named_place(partial: PartialPtr, file: uint32_t, shndx: uint32_t) -> cython.bint:
    """Is a section in the output, be it as a group whose signature is the symbol?"""
    row = cython.address(partial.files.row[file])
    if section_header(partial.files.base[file], row, shndx).sh_type == SHT_GROUP:
        return partial.group_count > 1
    return is_whole(partial, row.sec_base + shndx)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def number_symbols(partial: PartialPtr) -> cython.void:
    """Give every symbol its index: sections, files in order, names in order; and the local names their places."""
    next: uint32_t = 1
    byte: uint64_t = 1
    i: int64_t
    count: uint32_t
    size: uint64_t
    for i in range(1, partial.out_count):
        if partial.out[i].live and partial.out[i].used:
            partial.out[i].symbol = next
            next += 1
    partial.section_symbols = next - 1
    for i in range(partial.files.count):
        count = partial.run[i].count
        size = partial.run[i].names
        partial.run[i].count = next
        partial.run[i].names = byte
        next += count
        byte += size
    partial.first_global = next
    for i in range(partial.global_count):
        partial.name_index[partial.order[i]] = next
        next += 1
    partial.symbol_count = next
    for i in range((partial.global_count + NAME_BLOCK - 1) // NAME_BLOCK):
        size = partial.name_bytes[i]
        partial.name_bytes[i] = byte
        byte += size
    partial.strtab_size = byte


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def number_locals(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Turn the marks of local symbols into indices, which relocations ask for."""
    partial = cython.cast(PartialPtr, context)
    f: int64_t
    i: uint32_t
    for f in range(begin, end):
        row = cython.address(partial.files.row[f])
        next: uint32_t = partial.run[f].count
        if row.sec_base == 0:
            continue
        for i in range(1, row.first_global):
            if partial.local_index[row.local_base + i]:
                partial.local_index[row.local_base + i] = next
                next += 1
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def name_of(partial: PartialPtr, name: uint32_t, length: U64) -> Bytes:
    """A global name as the output has it: a definition's with its version."""
    symbol = cython.address(partial.symbols[name])
    if symbol.flags & SYM_OBJECT_DEF and symbol.file != NONE and symbol.file != 0:
        text = partial.files.base[symbol.file] + partial.files.row[symbol.file].stroff
        text += symbols_of(partial.files, symbol.file)[symbol.sym].st_name
        length[0] = strlen(cython.cast(cython.p_const_char, text))
        return text
    row = cython.address(partial.names.row[name])
    length[0] = row.length
    return partial.files.base[row.file] + partial.files.row[row.file].stroff + row.offset


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def measure_names(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    partial = cython.cast(PartialPtr, context)
    length: uint64_t = 0
    total: uint64_t = 0
    i: int64_t
    for i in range(begin, end):
        name_of(partial, partial.order[i], cython.address(length))
        total += length + 1
    partial.name_bytes[begin // NAME_BLOCK] = total
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def put(
    partial: PartialPtr, index: uint32_t, entry: cython.pointer[Elf64_Sym], shndx: uint32_t
) -> cython.void:
    """Write one symbol; `shndx` is a real section index, 0 if st_shndx is already what it has to be."""
    word: uint32_t = 0
    if shndx:
        entry.st_shndx = SHN_XINDEX if shndx >= SHN_LORESERVE else shndx
        word = shndx if shndx >= SHN_LORESERVE else 0
    kind: uint32_t = entry.st_info & 15
    if kind == STT_GNU_IFUNC or entry.st_info >> 4 == STB_GNU_UNIQUE:
        set_bits32(cython.address(partial.gnu), 1)
    cython.cast(cython.pointer[Elf64_Sym], partial.to + partial.symtab_offset)[index] = entry[0]
    if partial.xindex:
        write32(partial.to + partial.xindex_offset + 4 * cython.cast(uint64_t, index), word)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def write_section_symbols(partial: PartialPtr) -> cython.void:
    entry = cython.declare(Elf64_Sym)
    i: int64_t
    memset(cython.address(entry), 0, cython.sizeof(Elf64_Sym))
    put(partial, 0, cython.address(entry), 0)
    partial.to[partial.strtab_offset] = 0
    entry.st_info = STT_SECTION
    for i in range(1, partial.out_count):
        if partial.out[i].symbol:
            put(partial, partial.out[i].symbol, cython.address(entry), partial.out[i].shndx)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def write_locals(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Write the local symbols of a block of files."""
    partial = cython.cast(PartialPtr, context)
    entry = cython.declare(Elf64_Sym)
    f: int64_t
    i: uint32_t
    for f in range(begin, end):
        row = cython.address(partial.files.row[f])
        byte: uint64_t = partial.run[f].names
        if row.sec_base == 0:
            continue
        for i in range(1, row.first_global):
            index: uint32_t = partial.local_index[row.local_base + i]
            if index == 0:
                continue
            entry = symbols_of(partial.files, cython.cast(uint32_t, f))[i]
            shndx: uint32_t = place_local(partial, cython.cast(uint32_t, f), i, cython.address(entry))
            name = local_name(partial, cython.cast(uint32_t, f), i)
            size: uint64_t = string_size(name)
            entry.st_name = cython.cast(uint32_t, byte)
            entry.st_info &= 15
            put(partial, index, cython.address(entry), shndx)
            memcpy(partial.to + partial.strtab_offset + byte, name, size)
            byte += size
            if partial.numbers is not cython.NULL and is_numbered(cython.address(entry)):
                write_suffix(
                    partial.to + partial.strtab_offset + byte - 1, partial.numbers[row.local_base + i]
                )
                byte += suffix_size(partial.numbers[row.local_base + i])
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def place_local(
    partial: PartialPtr, file: uint32_t, i: uint32_t, entry: cython.pointer[Elf64_Sym]
) -> uint32_t:
    """Move a local symbol with its section; returns the section's index in the output."""
    row = cython.address(partial.files.row[file])
    shndx: uint32_t = section_of(partial.files.base[file], row, entry, i)
    if shndx == 0 or entry.st_info & 15 == STT_FILE:
        return 0
    section: uint32_t = row.sec_base + shndx
    if partial.sections.row[section].part == 0:  # the signature of a group
        return partial.group[partial_group(partial, file, shndx)].shndx
    entry.st_value += partial.sections.row[section].address
    return partial.out[partial.sections.row[section].part].shndx


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def partial_group(partial: PartialPtr, file: uint32_t, shndx: uint32_t) -> uint32_t:
    """The GroupRow of an input's group; rows ascend by file and section."""
    low: int64_t = 1
    high: int64_t = partial.group_count
    middle: int64_t
    while low + 1 < high:
        middle = (low + high) >> 1
        group = cython.address(partial.group[middle])
        if group.file < file or (group.file == file and group.section <= shndx):
            low = middle
        else:
            high = middle
    return cython.cast(uint32_t, low)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def write_globals(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Write the symbols of a block of names."""
    partial = cython.cast(PartialPtr, context)
    entry = cython.declare(Elf64_Sym)
    byte: uint64_t = partial.name_bytes[begin // NAME_BLOCK]
    length: uint64_t = 0
    i: int64_t
    for i in range(begin, end):
        name: uint32_t = partial.order[i]
        text = name_of(partial, name, cython.address(length))
        shndx: uint32_t = place_global(partial, name, cython.address(entry))
        entry.st_name = cython.cast(uint32_t, byte)
        put(partial, partial.name_index[name], cython.address(entry), shndx)
        memcpy(partial.to + partial.strtab_offset + byte, text, length)
        partial.to[partial.strtab_offset + byte + length] = 0
        byte += length + 1
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def place_global(partial: PartialPtr, name: uint32_t, entry: cython.pointer[Elf64_Sym]) -> uint32_t:
    """All but the name of a global symbol; returns the section's index in the output, 0: there is none."""
    symbol = cython.address(partial.symbols[name])
    memset(entry, 0, cython.sizeof(Elf64_Sym))
    if not is_defined_here(symbol):
        entry.st_info = info_of_reference(partial, name)
        entry.st_other = visibility_of(symbol)
        return 0
    source = symbols_of(partial.files, symbol.file) + symbol.sym
    entry[0] = source[0]
    entry.st_other = visibility_of(symbol)
    entry.st_value = symbol.value
    if symbol.flags & SYM_COMMON:
        common = cython.address(partial.commons[symbol.value])
        if partial.common_out is not cython.NULL:
            entry.st_value = partial.common_place[symbol.value]
            entry.st_size = common.size
            return partial.out[partial.common_out[symbol.value]].shndx
        entry.st_size = common.size
        if partial.common_type:
            entry.st_info = (entry.st_info & 0xF0) | cython.cast(uint8_t, partial.common_type)
        entry.st_value = common.align
        entry.st_shndx = SHN_AMD64_LCOMMON if common.area == COMMON_LARGE else SHN_COMMON
        return 0
    if symbol.file == 0:
        entry.st_info = STB_GLOBAL << 4 | entry.st_info & 15  # also if a script provides it
    if symbol.section == 0:
        entry.st_shndx = SHN_ABS
        return 0
    sec = cython.address(partial.sections.row[symbol.section])
    entry.st_value += sec.address
    return partial.out[sec.part].shndx


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def is_defined_here(symbol: cython.pointer[SymbolRow]) -> cython.bint:
    return symbol.flags & (SYM_OBJECT_DEF | SYM_COMMON) != 0 and symbol.file != NONE


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def info_of_reference(partial: PartialPtr, name: uint32_t) -> uint8_t:
    """Binding and type of an undefined symbol: weak if all references are, but -u is a strong one."""
    mention: uint32_t = partial.names.row[name].first
    file: uint32_t = file_of_global(partial.files, mention)
    row = cython.address(partial.files.row[file])
    source = symbols_of(partial.files, file) + (mention - row.global_base + row.first_global)
    strong: cython.bint = partial.symbols[name].flags & SYM_STRONG_REF != 0
    if row.kind == FILE_INTERNAL and source.st_info >> 4 == STB_GLOBAL:
        strong = True
    kind: uint8_t = source.st_info & 15 if source.st_shndx == SHN_UNDEF else STT_NOTYPE
    return (STB_GLOBAL if strong else STB_WEAK) << 4 | kind
