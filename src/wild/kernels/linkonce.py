"""`.gnu.linkonce.KIND.NAME`: what COMDAT groups were before there were groups.

Of all such sections of one name the first in input order is kept, and the others are taken out of the
link as members of a lost COMDAT group are.  KIND is the kind of contents (t: code, r: constants, d:
data, b: zeros, wi: debug information …) and NAME what the section defines.  Compilers changed to groups
one at a time, so GNU ld also lets `.gnu.linkonce.KIND.NAME` and a group of signature NAME exclude each
other where they stand for the same thing: the group has a single member, which defines what the section
defines.  Here that is taken to be so when their permissions agree.

No compiler has made such sections for long; hand-written assembly has them.  So only files that are
known to have some are looked at, by one thread, before the members of lost groups are struck out.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import calloc, free
from cython.cimports.libc.string import strchr, strcmp, strlen
from cython.cimports.wild.kernels.cc import hash_bytes
from cython.cimports.wild.kernels.elf import (
    SHF_GROUP,
    SHT_GROUP,
    SHT_RELA,
    U32,
    Bytes,
    Shdr,
    read32,
)
from cython.cimports.wild.kernels.names import NameTable
from cython.cimports.wild.kernels.sections import is_linkonce, section_header, section_name, strike
from cython.cimports.wild.kernels.tables import HAS_LINKONCE, SEC_OUT, Files, SectionRow

PREFIX_LENGTH = cython.declare(cython.const[int64_t], 14)  # of ".gnu.linkonce."
KINDS = cython.declare(cython.const[uint64_t], 7)  # SHF_WRITE | SHF_ALLOC | SHF_EXECINSTR

Settling = cython.struct(
    files=cython.pointer[Files],
    sections=cython.pointer[SectionRow],
    owner=U32,
    slot=U32,  # hash table of the SectionIds that won; 0: free
    slot_file=U32,
    mask=uint64_t,
)


@cython.cfunc
@cython.exceptval(-1, check=False)
def settle_linkonce(
    files: cython.pointer[Files], sections: cython.pointer[SectionRow], names: NameTable, owner: U32
) -> cython.int:
    settling = cython.declare(Settling)
    settling.files = files
    settling.sections = sections
    settling.owner = owner
    room: uint64_t = 64
    count: uint64_t = count_linkonce(files)
    while room < 2 * count:
        room *= 2
    settling.mask = room - 1
    settling.slot = cython.cast(U32, calloc(2 * room, 4))
    if settling.slot is cython.NULL:
        raise MemoryError("no memory for the names of .gnu.linkonce sections")
    settling.slot_file = settling.slot + room
    i: int64_t
    for i in range(1, files.count):
        if files.row[i].sec_base and files.row[i].has & HAS_LINKONCE:
            settle_file(cython.address(settling), names, cython.cast(uint32_t, i))
    free(settling.slot)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def count_linkonce(files: cython.pointer[Files]) -> uint64_t:
    """At least as many as there are .gnu.linkonce sections: all sections of the files that have some."""
    total: uint64_t = 0
    i: int64_t
    for i in range(1, files.count):
        if files.row[i].sec_base and files.row[i].has & HAS_LINKONCE:
            total += files.row[i].shnum
    return total


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def settle_file(settling: cython.pointer[Settling], names: NameTable, file: uint32_t) -> cython.void:
    row = cython.address(settling.files.row[file])
    base = settling.files.base[file]
    k: uint32_t
    for k in range(1, row.shnum):
        sec = cython.address(settling.sections[row.sec_base + k])
        shdr: Shdr = section_header(base, row, k)
        if sec.kind == SEC_OUT or shdr.sh_flags & SHF_GROUP:
            continue
        name: Bytes = section_name(base, row, shdr)
        if not is_linkonce(name):
            continue
        if not take_name(settling, file, row.sec_base + k, name) or yields_to_group(
            settling, names, file, shdr, name
        ):
            strike(sec)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def take_name(
    settling: cython.pointer[Settling], file: uint32_t, section: uint32_t, name: Bytes
) -> cython.bint:
    """Enter the section under its name; false when another one has it."""
    at: uint64_t = hash_bytes(name, strlen(cython.cast(cython.p_const_char, name))) & settling.mask
    while settling.slot[at]:
        other: uint32_t = settling.slot_file[at]
        row = cython.address(settling.files.row[other])
        base = settling.files.base[other]
        taken: Bytes = section_name(base, row, section_header(base, row, settling.slot[at] - row.sec_base))
        if strcmp(cython.cast(cython.p_const_char, taken), cython.cast(cython.p_const_char, name)) == 0:
            return False
        at = (at + 1) & settling.mask
    settling.slot[at] = section
    settling.slot_file[at] = file
    return True


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def yields_to_group(
    settling: cython.pointer[Settling], names: NameTable, file: uint32_t, shdr: Shdr, name: Bytes
) -> cython.bint:
    """Is there a group that stands for the same and comes earlier?  If it comes later, the group has lost."""
    dot = strchr(cython.cast(cython.p_const_char, name) + PREFIX_LENGTH, 0x2E)
    if dot is cython.NULL:
        return False
    signature: uint32_t = names.lookup(cython.cast(Bytes, dot + 1), strlen(dot + 1))
    if signature == 0 or settling.owner[signature] == 0:
        return False
    group_file: uint32_t = ~settling.owner[signature]
    if not is_like_group(settling, group_file, signature, shdr.sh_flags & KINDS):
        return False
    if group_file <= file:
        return True
    settling.owner[signature] = ~file
    return False


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def is_like_group(
    settling: cython.pointer[Settling], file: uint32_t, signature: uint32_t, kinds: uint64_t
) -> cython.bint:
    """Has the file's group of that signature a single member (relocations aside) of these permissions?"""
    row = cython.address(settling.files.row[file])
    base = settling.files.base[file]
    members: uint32_t = 0
    k: uint32_t
    n: uint64_t
    for k in range(1, row.shnum):
        shdr: Shdr = section_header(base, row, k)
        if shdr.sh_type != SHT_GROUP or settling.sections[row.sec_base + k].link != signature:
            continue
        for n in range(1, shdr.sh_size // 4):
            index: uint32_t = read32(base + shdr.sh_offset + 4 * n)
            if index >= row.shnum:
                return False
            member: Shdr = section_header(base, row, index)
            if member.sh_type != SHT_RELA:
                members += 1
                if member.sh_flags & KINDS != kinds:
                    return False
    return members == 1
