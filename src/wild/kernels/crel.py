"""SHT_CREL: relocations written as differences, decoded into ordinary ones before any pass reads relocations.

The encoding is the generic ABI's proposal "CREL relocation format" (2024), which LLVM implements.  A section
begins with an unsigned LEB128: 8 * count, plus 4 if there are addends, plus by how many bits offsets are
shifted.  Each relocation begins with the difference of its offset to the one before, above three flags in
the low bits of the first byte, continued as an unsigned LEB128; a flag says that the difference of the
symbol index (1), of the type (2), of the addend (4) follows as a signed LEB128.  Three bytes are usual, so
the decoded form is eight times as large, but it lets every pass read all relocations in the same way.

Sizes first: a loop over the files that have such sections reads the counts, room is taken for all of them,
and a second loop decodes.  A relocation takes a byte at least, so a count beyond the section's size is a
lie.  Offsets, symbols and types are checked where all relocations are: in the scan (reach.py), or when a
section that is not loaded is written (relocate.py).
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint8_t, uint32_t, uint64_t
from cython.cimports.wild.kernels.elf import Bytes, Elf64_Rela
from cython.cimports.wild.kernels.faults import FAULT_CREL, FAULT_CREL_ADDENDS
from cython.cimports.wild.kernels.files import Inputs
from cython.cimports.wild.kernels.pool import Fault, Pool, report
from cython.cimports.wild.kernels.sections import SectionTable, section_header
from cython.cimports.wild.kernels.tables import HAS_CREL, NONE, SEC_CREL, SEC_OUT, Files, Sections

HAS_ADDENDS = cython.declare(cython.const[uint64_t], 4)
FLAG_BITS = cython.declare(cython.const[cython.int], 3)

Decoding = cython.struct(
    files=cython.pointer[Files],
    sections=cython.pointer[Sections],
    total=cython.pointer[uint64_t],  # by FileId: relocations of the file, then the number of its first one
    room=cython.pointer[Elf64_Rela],
    fault=cython.pointer[Fault],
)

# The bytes that are still to be read; `bad` once a number has run over their end.
Reader = cython.struct(at=Bytes, end=Bytes, bad=cython.bint)


def decode_relocations(pool: Pool, inputs: Inputs, sections: SectionTable):
    """Decode every SHT_CREL section that is wanted; raises KernelFault for one that is malformed."""
    if not sections.has & HAS_CREL:
        return
    arena = inputs.arena
    view = cython.address(sections.view)
    sections.own_relocations()
    decoding = cython.declare(Decoding)
    decoding.files = cython.address(inputs.view)
    decoding.sections = view
    decoding.fault = cython.address(pool.fault)
    decoding.total = cython.cast(cython.pointer[uint64_t], arena.array(inputs.view.count, 8))
    pool.run_evenly(count_files, cython.address(decoding), inputs.view.count, 16)
    total: uint64_t = 0
    count: uint64_t
    i: int64_t
    for i in range(inputs.view.count):
        count = decoding.total[i]
        decoding.total[i] = total
        total += count
    decoding.room = cython.cast(cython.pointer[Elf64_Rela], arena.array(total, cython.sizeof(Elf64_Rela)))
    pool.run(decode_files, cython.address(decoding), inputs.view.count, 1)


def relocations(inputs: Inputs, sections: SectionTable, file: int, section: int):
    """(offset, type, symbol, addend) of the decoded relocations of a section, by its index in the file."""
    id: uint32_t = inputs.view.row[cython.cast(uint32_t, file)].sec_base + cython.cast(uint32_t, section)
    rela = sections.view.crel[id]
    found = []
    for i in range(sections.view.crel_count[id]):
        found.append((rela[i].r_offset, rela[i].r_type, rela[i].r_sym, rela[i].r_addend))
    return found


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def count_files(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Job over files: how many relocations their SHT_CREL sections have."""
    decoding = cython.cast(cython.pointer[Decoding], context)
    file: int64_t
    k: uint32_t
    for file in range(begin, end):
        row = cython.address(decoding.files.row[file])
        if not row.sec_base or not row.has & HAS_CREL:
            continue
        for k in range(1, row.shnum):
            if is_wanted(decoding, file, k):
                if count_section(decoding, cython.cast(uint32_t, file), k):
                    return 1
                decoding.total[file] += decoding.sections.crel_count[row.sec_base + k]
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def decode_files(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Job over files: decode."""
    decoding = cython.cast(cython.pointer[Decoding], context)
    file: int64_t
    k: uint32_t
    for file in range(begin, end):
        row = cython.address(decoding.files.row[file])
        if not row.sec_base or not row.has & HAS_CREL:
            continue
        to = decoding.room + decoding.total[file]
        for k in range(1, row.shnum):
            if is_wanted(decoding, file, k):
                decoding.sections.crel[row.sec_base + k] = to
                if decode_section(decoding, cython.cast(uint32_t, file), k, to):
                    return 1
                to += decoding.sections.crel_count[row.sec_base + k]
    return 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def is_wanted(decoding: cython.pointer[Decoding], file: int64_t, k: uint32_t) -> cython.bint:
    """Has section `k` compact relocations, and does anybody need them?"""
    sec = cython.address(decoding.sections.row[decoding.files.row[file].sec_base + k])
    return sec.flags & SEC_CREL != 0 and sec.kind != SEC_OUT


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def fail(decoding: cython.pointer[Decoding], code: cython.int, file: uint32_t, crel: uint32_t) -> cython.int:
    report(
        decoding.fault, code, file, decoding.files.row[file].shoff + 64 * cython.cast(uint64_t, crel), crel
    )
    return 1


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def open_section(decoding: cython.pointer[Decoding], file: uint32_t, crel: uint32_t) -> Reader:
    """The contents of an SHT_CREL section; they are known to lie inside the file."""
    reader = cython.declare(Reader)
    base = decoding.files.base[file]
    shdr = section_header(base, cython.address(decoding.files.row[file]), crel)
    reader.at = base + shdr.sh_offset
    reader.end = reader.at + shdr.sh_size
    reader.bad = False
    return reader


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def count_section(decoding: cython.pointer[Decoding], file: uint32_t, k: uint32_t) -> cython.int:
    """Read the header of the relocations of section `k`."""
    section: uint32_t = decoding.files.row[file].sec_base + k
    crel: uint32_t = decoding.sections.row[section].relocs
    reader: Reader = open_section(decoding, file, crel)
    header: uint64_t = read_unsigned(cython.address(reader))
    count: uint64_t = header >> 3
    if reader.bad or count > cython.cast(uint64_t, reader.end - reader.at) or count >= NONE:
        return fail(decoding, FAULT_CREL, file, crel)
    if count and not header & HAS_ADDENDS:
        return fail(decoding, FAULT_CREL_ADDENDS, file, crel)
    decoding.sections.crel_count[section] = cython.cast(uint32_t, count)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def decode_section(
    decoding: cython.pointer[Decoding], file: uint32_t, k: uint32_t, to: cython.pointer[Elf64_Rela]
) -> cython.int:
    """Add up the differences."""
    section: uint32_t = decoding.files.row[file].sec_base + k
    crel: uint32_t = decoding.sections.row[section].relocs
    reader: Reader = open_section(decoding, file, crel)
    shift: uint64_t = read_unsigned(cython.address(reader)) & 3
    offset: uint64_t = 0
    symbol: uint32_t = 0
    type: uint32_t = 0
    addend: uint64_t = 0
    i: uint32_t
    for i in range(decoding.sections.crel_count[section]):
        flags: uint8_t = reader.at[0] if reader.at < reader.end else 0
        offset += read_offset(cython.address(reader))
        if flags & 1:
            symbol += cython.cast(uint32_t, read_signed(cython.address(reader)))
        if flags & 2:
            type += cython.cast(uint32_t, read_signed(cython.address(reader)))
        if flags & 4:
            addend += cython.cast(uint64_t, read_signed(cython.address(reader)))
        to[i].r_offset = offset << shift
        to[i].r_type = type
        to[i].r_sym = symbol
        to[i].r_addend = cython.cast(int64_t, addend)
    if reader.bad:
        return fail(decoding, FAULT_CREL, file, crel)
    return 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def read_byte(reader: cython.pointer[Reader]) -> uint64_t:
    """The next byte; a number that runs over the end of the section is ended there."""
    if reader.at >= reader.end:
        reader.bad = True
        return 0
    byte: uint64_t = reader.at[0]
    reader.at += 1
    return byte


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def read_offset(reader: cython.pointer[Reader]) -> uint64_t:
    """The difference of offsets, whose lowest bits share their byte with the flags."""
    byte: uint64_t = read_byte(reader)
    offset: uint64_t = (byte & 0x7F) >> FLAG_BITS
    if byte & 0x80:
        offset += read_unsigned(reader) << (7 - FLAG_BITS)
    return offset


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def read_unsigned(reader: cython.pointer[Reader]) -> uint64_t:
    """An unsigned LEB128 (DWARF 5, 7.6) of at most 64 bits."""
    value: uint64_t = 0
    shift: uint64_t = 0
    byte: uint64_t = 0x80
    while byte & 0x80:
        byte = read_byte(reader)
        if shift > 63:
            reader.bad = True
            return 0
        value |= (byte & 0x7F) << shift
        shift += 7
    return value


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def read_signed(reader: cython.pointer[Reader]) -> int64_t:
    """A signed LEB128 of at most 64 bits."""
    byte: uint64_t = read_byte(reader)
    value: uint64_t = byte & 0x7F
    shift: uint64_t = 7
    while byte & 0x80:
        byte = read_byte(reader)
        if shift > 63:
            reader.bad = True
            return 0
        value |= (byte & 0x7F) << shift
        shift += 7
    if byte & 0x40 and shift < 64:
        value |= ~cython.cast(uint64_t, 0) << shift
    return cython.cast(int64_t, value)
