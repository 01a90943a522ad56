"""The entry of one global symbol in .dynsym or .symtab: section, value, type, binding.

A definition in an input section belongs to the output section of its part.  Common symbols, copies,
canonical PLT entries and the linker's own symbols (`_end`, `_GLOBAL_OFFSET_TABLE_`) have no input section:
for them the output section is looked up by address.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from cython.cimports.wild.kernels.elf import (
    SHN_ABS,
    SHN_LORESERVE,
    SHN_UNDEF,
    SHN_XINDEX,
    STB_GLOBAL,
    STB_GNU_UNIQUE,
    STB_WEAK,
    STT_COMMON,
    STT_FUNC,
    STT_GNU_IFUNC,
    STT_NOTYPE,
    STT_OBJECT,
    U32,
    Elf64_Sym,
)
from cython.cimports.wild.kernels.entries import ABSOLUTE, visibility_of
from cython.cimports.wild.kernels.names import file_of_global
from cython.cimports.wild.kernels.tables import (
    FILE_INTERNAL,
    NEEDS_CANONICAL,
    NONE,
    SYM_ABS,
    SYM_COMMON,
    SYM_STRONG_REF,
    SYM_TLS,
    SYM_UNIQUE,
    SYM_WEAK_DEF,
    SymbolRow,
)
from cython.cimports.wild.kernels.views import Place, Tables, common_size, symbol_at


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def define(
    tables: cython.pointer[Tables], name: uint32_t, entry: cython.pointer[Elf64_Sym], extended: U32
) -> cython.void:
    """All but the name of a definition: of an object, of the linker, or a copy of a shared object's."""
    symbol = cython.address(tables.symbol[name])
    source = symbol_at(tables, symbol.file, symbol.sym)
    binding: uint8_t = STB_GLOBAL
    # The linker's own symbols are weak only in that a definition of the inputs goes before them.
    if symbol.flags & SYM_WEAK_DEF and tables.files.row[symbol.file].kind != FILE_INTERNAL:
        binding = STB_WEAK
    if symbol.flags & SYM_UNIQUE:
        binding = STB_GNU_UNIQUE
    kind: uint8_t = source.st_info & 15
    entry.st_size = source.st_size
    if symbol.flags & SYM_COMMON:
        kind = STT_OBJECT if kind == STT_COMMON else kind
        entry.st_size = common_size(tables, name, source.st_size)
    elif kind == STT_GNU_IFUNC and symbol.flags & NEEDS_CANONICAL:
        kind = STT_FUNC
        entry.st_size = 0  # the input has the size of the resolver; this is the PLT entry
    entry.st_info = (binding << 4) | kind
    entry.st_other = visibility_of(symbol)
    entry.st_value = symbol.value - tables.tls_start if symbol.flags & SYM_TLS else symbol.value
    put_section(entry, output_section(tables, symbol), extended)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def leave_undefined(
    tables: cython.pointer[Tables], name: uint32_t, entry: cython.pointer[Elf64_Sym]
) -> cython.void:
    """A reference; its value is 0 or the PLT entry that is its address (psABI, "Function Addresses")."""
    symbol = cython.address(tables.symbol[name])
    binding: uint8_t = STB_GLOBAL if symbol.flags & SYM_STRONG_REF else STB_WEAK
    entry.st_info = (binding << 4) | type_of_reference(tables, name)
    entry.st_other = visibility_of(symbol)
    entry.st_shndx = SHN_UNDEF
    entry.st_value = symbol.value if symbol.flags & NEEDS_CANONICAL else 0
    entry.st_size = 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def type_of_reference(tables: cython.pointer[Tables], name: uint32_t) -> uint8_t:
    """The type of the shared object's definition, else that of the first mention if that is a reference."""
    symbol = cython.address(tables.symbol[name])
    if symbol.file == NONE:
        mention: uint32_t = tables.names.row[name].first
        file: uint32_t = file_of_global(cython.address(tables.files), mention)
        row = cython.address(tables.files.row[file])
        source = symbol_at(tables, file, mention - row.global_base + row.first_global)
        return source.st_info & 15 if source.st_shndx == SHN_UNDEF else STT_NOTYPE
    source = symbol_at(tables, symbol.file, symbol.sym)
    # An ifunc is one only in the file of its resolver: here it is called as any function.
    return STT_FUNC if source.st_info & 15 == STT_GNU_IFUNC else source.st_info & 15


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def put_section(entry: cython.pointer[Elf64_Sym], section: uint32_t, extended: U32) -> cython.void:
    """st_shndx, and the word in .symtab_shndx for indices it cannot hold.

    Without that table (.dynsym has none) the largest index stands for those: the loader only asks whether a
    symbol is defined.
    """
    if extended is not cython.NULL:
        extended[0] = 0
    if section == ABSOLUTE:
        entry.st_shndx = SHN_ABS
    elif section < SHN_LORESERVE:
        entry.st_shndx = cython.cast(uint16_t, section)
    elif extended is cython.NULL:
        entry.st_shndx = SHN_LORESERVE - 1
    else:
        entry.st_shndx = SHN_XINDEX
        extended[0] = section


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def output_section(tables: cython.pointer[Tables], symbol: cython.pointer[SymbolRow]) -> uint32_t:
    """Section index of a definition in the output, or ABSOLUTE."""
    if symbol.flags & SYM_ABS:
        return ABSOLUTE
    if symbol.section and not symbol.flags & NEEDS_CANONICAL:
        return tables.part_shndx[tables.sections.row[symbol.section].part]
    if symbol.file == 0 and tables.own_shndx is not cython.NULL and tables.own_shndx[symbol.sym]:
        return tables.own_shndx[symbol.sym]
    if symbol.flags & SYM_TLS:
        return section_at(tables.tls_place, tables.tls_places, symbol.value)
    return section_at(tables.place, tables.places, symbol.value)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def section_at(place: cython.pointer[Place], count: int64_t, address: uint64_t) -> uint32_t:
    """The section that holds an address, else the last before it, else the first (the ELF header)."""
    if count == 0:
        return ABSOLUTE
    low: int64_t = 0
    high: int64_t = count
    while low < high:
        middle: int64_t = (low + high) // 2
        if place[middle].start <= address:
            low = middle + 1
        else:
            high = middle
    return place[low - 1 if low else 0].shndx
