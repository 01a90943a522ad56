"""Common records of call frame information (CIEs): what their augmentation says, and which ones are equal.

Two CIEs are equal if their bytes are and if their relocations, which refer to the personality routine, mean
the same: the same place, type and addend, and the same symbol.  A global symbol is known by its NameId; a
local one, which is nothing to other files, by its section and value.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint8_t, uint32_t, uint64_t
from cython.cimports.libc.string import memcmp
from cython.cimports.wild.kernels.cc import hash_bytes, mix
from cython.cimports.wild.kernels.elf import U32, Bytes, Rela, Sym
from cython.cimports.wild.kernels.frames import CiePtr, FramePtr, WorkPtr
from cython.cimports.wild.kernels.relocation import FORM_ABS, FORM_PC, FORM_PLT
from cython.cimports.wild.kernels.sections import section_of
from cython.cimports.wild.kernels.tables import NONE

# Pointer encodings (LSB Core, "DWARF Exception Header Encoding"): form in 4 bits, base in the next 3.
DW_EH_PE_PCREL = cython.declare(cython.const[cython.int], 0x10)
DW_EH_PE_APPLICATION = cython.declare(cython.const[cython.int], 0x70)

LOCAL = cython.declare(cython.const[uint64_t], 1 << 62)  # an identity that is no NameId
NAMELESS = cython.declare(cython.const[uint64_t], 1 << 61)
ODD = cython.declare(cython.const[uint64_t], 0x2545F4914F6CDD1D)

Reader = cython.struct(bytes=Bytes, at=uint64_t, size=uint64_t)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def next_byte(reader: cython.pointer[Reader]) -> cython.int:
    """The next byte, or -1 behind the end."""
    if reader.at >= reader.size:
        return -1
    reader.at += 1
    return reader.bytes[reader.at - 1]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def skip_leb128(reader: cython.pointer[Reader]) -> cython.void:
    while next_byte(reader) >= 0x80:
        pass


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def read_augmentation(cie: CiePtr, record: Bytes) -> cython.void:
    """Find how the CIE's FDEs write addresses of code; `readable` stays 0 if something in it is unknown."""
    reader = cython.declare(Reader)
    reader.bytes = record
    reader.size = cie.size
    reader.at = 8
    version: cython.int = next_byte(cython.address(reader))
    letters: uint64_t = reader.at
    while next_byte(cython.address(reader)) > 0:
        pass
    if reader.at == reader.size or (version != 1 and version != 3):
        return
    skip_leb128(cython.address(reader))  # code alignment
    skip_leb128(cython.address(reader))  # data alignment
    if version == 1:
        next_byte(cython.address(reader))  # return address register
    else:
        skip_leb128(cython.address(reader))
    if record[letters] == ord("z"):
        skip_leb128(cython.address(reader))
        letters += 1
    elif record[letters]:
        return
    while record[letters]:
        if not skip_letter(cython.address(reader), record[letters], cie):
            return
        letters += 1
    cie.readable = reader.at <= reader.size


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def skip_letter(reader: cython.pointer[Reader], letter: uint8_t, cie: CiePtr) -> cython.bint:
    """Take what one letter of the augmentation has in the record; is it known?"""
    value: cython.int
    if letter == ord("S") or letter == ord("B"):  # a signal frame, a return address signed with key B
        return True
    value = next_byte(reader)
    if value < 0:
        return False
    if letter == ord("R"):
        cie.encoding = value
        return True
    if letter == ord("P"):
        reader.at += pointer_size(value)
        return pointer_size(value) != 0
    return letter == ord("L")


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def pointer_size(encoding: cython.int) -> cython.int:
    """Bytes of an encoded pointer; 0: not fixed, or aligned."""
    if encoding & DW_EH_PE_APPLICATION > 0x40:
        return 0
    form: cython.int = encoding & 7
    if form == 0 or form == 4:
        return 8
    if form == 3:
        return 4
    return 2 if form == 2 else 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def identity(
    work: WorkPtr,
    file: uint32_t,
    rela: Rela,
    addend: cython.pointer[uint64_t],
) -> uint64_t:
    """What a relocation refers to: two have equal targets if this and `addend` are equal."""
    row = cython.address(work.files.row[file])
    base = work.files.base[file]
    sym = cython.cast(Sym, base + row.symoff) + rela.r_sym
    addend[0] = rela.r_addend
    if rela.r_sym >= row.first_global:
        name: uint32_t = work.names.of[row.global_base + rela.r_sym - row.first_global]
        if name:
            return name
    shndx: uint32_t = section_of(base, row, sym, rela.r_sym)
    if shndx:
        addend[0] += sym.st_value
        return LOCAL + row.sec_base + shndx
    return NAMELESS + (cython.cast(uint64_t, file) << 32) + rela.r_sym


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def hash_cie(work: WorkPtr, cie: CiePtr) -> cython.void:
    eh = cython.address(work.view.eh[cie.eh])
    hash: uint64_t = hash_bytes(eh.bytes + cie.offset, cie.size)
    addend: uint64_t = 0
    i: uint32_t
    for i in range(cie.first_rela, cie.first_rela + cie.rela_count):
        rela = cython.address(eh.rela[i])
        hash = mix(hash ^ identity(work, eh.file, rela, cython.address(addend)), ODD)
        hash = mix(hash ^ addend, ODD + rela.r_offset - cie.offset)
    cie.hash = hash


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def same_cie(work: WorkPtr, a: CiePtr, b: CiePtr) -> cython.bint:
    if a.hash != b.hash or a.size != b.size or a.rela_count != b.rela_count:
        return False
    x = cython.address(work.view.eh[a.eh])
    y = cython.address(work.view.eh[b.eh])
    if memcmp(x.bytes + a.offset, y.bytes + b.offset, a.size):
        return False
    i: uint32_t
    p: uint64_t = 0
    q: uint64_t = 0
    for i in range(a.rela_count):
        r = cython.address(x.rela[a.first_rela + i])
        s = cython.address(y.rela[b.first_rela + i])
        if r.r_type != s.r_type or r.r_offset - a.offset != s.r_offset - b.offset:
            return False
        if (
            identity(work, x.file, r, cython.address(p)) != identity(work, y.file, s, cython.address(q))
            or p != q
        ):
            return False
    return True


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def intern_cies(work: WorkPtr, slot: U32, mask: uint64_t) -> cython.void:
    cies = work.view.cie
    i: int64_t
    for i in range(work.view.cie_count):
        if cies[i].canonical == NONE:
            continue
        at: uint64_t = cies[i].hash & mask
        while slot[at] and not same_cie(work, cython.address(cies[slot[at] - 1]), cython.address(cies[i])):
            at = (at + 1) & mask
        if slot[at] == 0:
            slot[at] = cython.cast(uint32_t, i + 1)
        cies[i].canonical = slot[at] - 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def has_hdr_entry(work: WorkPtr, frame: FramePtr) -> cython.bint:
    """The address must be written by a relocation that leaves no doubt what it is, of code that is there.

    (An entry for no code at the start of a function would hide the function's own: search finds one entry.)
    """
    eh = cython.address(work.view.eh[frame.eh])
    cie = cython.address(work.view.cie[frame.cie])
    rela = eh.rela + frame.first_rela
    if not cie.readable or frame.rela_count == 0 or rela.r_offset != frame.offset + 8 or rela.r_type > 255:
        return False
    form: cython.int = work.types[rela.r_type].form
    base: cython.int = cie.encoding & DW_EH_PE_APPLICATION
    if (base == DW_EH_PE_PCREL and form != FORM_PC and form != FORM_PLT) or (base == 0 and form != FORM_ABS):
        return False
    if base != 0 and base != DW_EH_PE_PCREL:
        return False
    width: uint32_t = pointer_size(cie.encoding)
    if width == 0 or frame.size < 8 + 2 * width:
        return False
    while width:
        width -= 1
        if eh.bytes[frame.offset + 8 + pointer_size(cie.encoding) + width]:
            return True
    return False
