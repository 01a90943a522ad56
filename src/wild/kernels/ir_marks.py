"""How an ELF object with intermediate code is recognised, from headers that have been checked.

The last symbol of a slim object of GCC is __gnu_lto_slim, a common one.  A fat object has sections of
intermediate code, which all have SHF_EXCLUDE, as very few others have.  .llvmbc is not among them: Rust's
libraries are full of it, for other tools than linkers.
"""

import cython
from cython.cimports.libc.stdint import uint8_t, uint64_t
from cython.cimports.libc.string import memcmp
from cython.cimports.wild.kernels.elf import SHF_EXCLUDE, SHN_COMMON, Bytes, Shdr, Sym, inside
from cython.cimports.wild.kernels.tables import FILE_FAT, FILE_LTO, FileRow


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def ir_flags(
    base: Bytes, row: cython.pointer[cython.const[FileRow]], shdr: Shdr, excluded: uint64_t
) -> uint8_t:
    """FILE_LTO, FILE_FAT or 0; `excluded`: the first section with SHF_EXCLUDE, 0: none."""
    if has_only_ir(base, row):
        return FILE_LTO
    return FILE_FAT if excluded and has_ir(base, row, shdr, excluded) else 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def has_only_ir(base: Bytes, row: cython.pointer[cython.const[FileRow]]) -> cython.bint:
    if row.nsyms == row.first_global:
        return False
    last = cython.address(cython.cast(Sym, base + row.symoff)[row.nsyms - 1])
    if last.st_shndx != SHN_COMMON or not inside(row.strsize, last.st_name, 15):
        return False
    return memcmp(base + row.stroff + last.st_name, b"__gnu_lto_slim", 15) == 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def has_ir(
    base: Bytes, row: cython.pointer[cython.const[FileRow]], shdr: Shdr, excluded: uint64_t
) -> cython.bint:
    i: uint64_t
    for i in range(excluded, row.shnum):
        if shdr[i].sh_flags & SHF_EXCLUDE and inside(row.shstrsize, shdr[i].sh_name, 10):
            name = base + row.shstroff + shdr[i].sh_name
            if memcmp(name, b".gnu.lto_", 9) == 0 or memcmp(name, b".llvm.lto", 10) == 0:
                return True
    return False
