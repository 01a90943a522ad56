"""What is saved of every input: a hash of its contents, and what its mentions of names say."""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t
from cython.cimports.wild.kernels.cc import hash_bytes
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.resolve import asks_for_version
from cython.cimports.wild.kernels.saved_files import Saving
from cython.cimports.wild.kernels.sections import section_header, section_name
from cython.cimports.wild.kernels.shapes import (
    hash_exports,
    hash_member,
    hash_name,
    hash_notes,
    hash_offers,
    is_waiting,
    shape_of,
    shape_of_shared,
    shape_of_waiting,
)
from cython.cimports.wild.kernels.tables import *


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def hash_files(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """What the contents of every object are, to know them again."""
    saving = cython.cast(cython.pointer[Saving], context)
    i: int64_t
    for i in range(max(begin, 1), end):
        row = cython.address(saving.files.row[i])
        if row.kind == FILE_SHARED:
            saving.run[i].hash = hash_exports(
                saving.files.base[i], row, cython.address(saving.files.shared[row.shared])
            )
        elif is_waiting(row, saving.files.live[i]):
            saving.run[i].hash = hash_offers(saving.files.base[i], row)
        else:
            saving.run[i].hash = hash_bytes(saving.files.base[i], row.size)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def shape_files(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """What every mention of a name says, and names of sections, for live objects."""
    saving = cython.cast(cython.pointer[Saving], context)
    i: int64_t
    k: uint32_t
    for i in range(begin, end):
        row = cython.address(saving.files.row[i])
        run = cython.address(saving.run[i])
        run.names = row.nsyms - row.first_global + row.nextra
        run.symbols = row.first_global
        run.original = 1
        if row.flags & FILE_MEMBER:
            run.member = hash_member(saving.member_names + row.name_offset, row.name_length)
        for k in range(run.names):
            saving.file_of[row.global_base + k] = cython.cast(uint32_t, i)
        if is_waiting(row, saving.files.live[i]):
            shape_waiting(saving, i)
        if row.kind == FILE_SHARED:
            shape_shared(saving, i)
        if not row.sec_base:
            continue
        run.sections = row.shnum
        run.notes = hash_notes(saving.files.base[i], row)
        for k in range(row.first_global, row.nsyms):
            saving.shape[row.global_base + k - row.first_global] = shape_of(
                saving.files.base[i], row, saving.sections, k
            )
        for k in range(1, row.shnum):
            name_section(saving.files.base[i], row, saving.sections, k)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def shape_waiting(saving: cython.pointer[Saving], file: int64_t) -> cython.void:
    """Which names an archive member would define that nothing has needed so far."""
    row = cython.address(saving.files.row[file])
    symbols = cython.cast(cython.pointer[cython.const[Elf64_Sym]], saving.files.base[file] + row.symoff)
    k: uint32_t
    for k in range(row.first_global, row.nsyms):
        saving.shape[row.global_base + k - row.first_global] = shape_of_waiting(cython.address(symbols[k]))


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def shape_shared(saving: cython.pointer[Saving], file: int64_t) -> cython.void:
    """Which names a shared object defines, and which it refers to, even if the output does not need it."""
    row = cython.address(saving.files.row[file])
    symbols = cython.cast(cython.pointer[cython.const[Elf64_Sym]], saving.files.base[file] + row.symoff)
    k: uint32_t
    for k in range(row.first_global, row.nsyms):
        saving.shape[row.global_base + k - row.first_global] = shape_of_shared(
            cython.address(symbols[k]), asks_for_version(saving.files, cython.cast(uint32_t, file), k)
        )


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def name_section(
    base: Bytes, row: cython.pointer[FileRow], sections: cython.pointer[Sections], k: uint32_t
) -> cython.void:
    """Keep a hash of a section's name, to pair it with the next version's, and how much room the section has."""
    sec = cython.address(sections.row[row.sec_base + k])
    shdr = section_header(base, row, k)
    sec.unused = hash_name(section_name(base, row, shdr)) if shdr.sh_name < row.shstrsize else 0
    if sec.kind == SEC_PLAIN:
        sec.link = cython.cast(uint32_t, sec.size) if sec.size >> 32 == 0 else 0
