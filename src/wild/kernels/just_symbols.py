"""--just-symbols: the global symbols of a file that is not linked, as absolute ones.

What counts is what the file says about where its symbols are: st_value, which in an object file is an offset in a
section (GNU ld takes such sections to be at 0).  Common symbols stay common.  Thread-local ones have no address and are
left out, as by GNU ld, and so are names that every link gives a value of its own.
"""

import cython
from cython.cimports.cpython.bytes import PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cython.cimports.libc.stdint import int64_t, uint64_t
from cython.cimports.libc.string import memset, strcmp
from cython.cimports.wild.kernels.elf import *

SYMBOL = cython.declare(cython.const[int64_t], 24)


def absolute_symbols(data: bytes, without: list) -> tuple:
    """(contents of a symbol table, of its string table); `without` are names to leave out.

    Raises ValueError with the reason if `data` is no object file or executable with fixed addresses, or is damaged."""
    base = cython.cast(Bytes, cython.cast(cython.p_const_char, data))
    size: uint64_t = len(data)
    header = find_symbols(base, size)
    if header is cython.NULL:
        return bytes(SYMBOL), b"\0"
    sections = cython.cast(Shdr, base + cython.cast(Ehdr, base).e_shoff)
    strings = cython.address(sections[header.sh_link])
    count: int64_t = header.sh_size // SYMBOL
    made = PyBytes_FromStringAndSize(cython.NULL, SYMBOL * (count + 1))
    to = cython.cast(cython.pointer[Elf64_Sym], PyBytes_AS_STRING(made))
    memset(to, 0, SYMBOL)
    kept: int64_t = 1
    i: int64_t
    for i in range(header.sh_info, count):
        sym = cython.cast(Sym, base + header.sh_offset) + i
        if sym.st_name >= strings.sh_size:
            raise ValueError(f"symbol {i} has its name outside of the string table")
        name = cython.cast(cython.p_const_char, base + strings.sh_offset + sym.st_name)
        if sym.st_shndx == SHN_UNDEF or sym.st_info & 15 == STT_TLS or is_among(name, without):
            continue
        to[kept] = sym[0]
        if sym.st_shndx != SHN_COMMON:
            to[kept].st_shndx = SHN_ABS
        kept += 1
    return made[: SYMBOL * kept], data[strings.sh_offset : strings.sh_offset + strings.sh_size]


@cython.cfunc
@cython.exceptval(check=True)
def find_symbols(base: Bytes, size: uint64_t) -> Shdr:
    """The header of the symbol table, checked with its string table; NULL if there is none."""
    ehdr = cython.cast(Ehdr, base)
    if size < cython.sizeof(Elf64_Ehdr) or read32(base) != 0x464C457F:
        raise ValueError("no ELF file")
    if base[4] != ELFCLASS64 or base[5] != ELFDATA2LSB or ehdr.e_machine != EM_X86_64:
        raise ValueError("not for x86-64")
    if ehdr.e_type == ET_DYN:
        raise ValueError("a shared object, whose symbols have no fixed addresses")
    if ehdr.e_type != ET_REL and ehdr.e_type != ET_EXEC:
        raise ValueError("no object file or executable")
    if ehdr.e_shoff == 0:
        return cython.NULL
    if ehdr.e_shentsize != cython.sizeof(Elf64_Shdr) or not inside(
        size, ehdr.e_shoff, cython.sizeof(Elf64_Shdr)
    ):
        raise ValueError("its section headers are not in the file")
    sections = cython.cast(Shdr, base + ehdr.e_shoff)
    count: uint64_t = ehdr.e_shnum if ehdr.e_shnum else sections[0].sh_size
    if count > (size - ehdr.e_shoff) // cython.sizeof(Elf64_Shdr):
        raise ValueError("its section headers are not in the file")
    i: uint64_t
    for i in range(1, count):
        header = cython.address(sections[i])
        if header.sh_type != SHT_SYMTAB:
            continue
        if (
            not inside(size, header.sh_offset, header.sh_size)
            or header.sh_link >= count
            or header.sh_size % SYMBOL
        ):
            raise ValueError("its symbol table is damaged")
        strings = cython.address(sections[header.sh_link])
        if strings.sh_size == 0 or not inside(size, strings.sh_offset, strings.sh_size):
            raise ValueError("the string table of its symbols is not in the file")
        if base[strings.sh_offset + strings.sh_size - 1] != 0:
            raise ValueError("the string table of its symbols does not end with NUL")
        return header
    return cython.NULL


@cython.cfunc
@cython.exceptval(-1, check=False)
def is_among(name: cython.p_const_char, names: list) -> cython.int:
    for each in names:
        if strcmp(name, cython.cast(cython.p_const_char, cython.cast(bytes, each))) == 0:
            return 1
    return 0
