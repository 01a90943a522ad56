"""Writing .eh_frame and .eh_frame_hdr.

Every record is copied once, and then only two kinds of fields in it change: the pointer from an FDE to its
CIE, which may have become that of another file, and what relocations apply to.

.eh_frame_hdr (LSB Core, "The .eh_frame_hdr section") is a table for binary search: for each function its
address and that of its FDE, both relative to the table's own start, in 32 bits, ascending.  Every .eh_frame
section knows from size_up which run of the table is its own, so that the entries are written in parallel
while the addresses are at hand.  Layout keeps sections in input order, so the entries are mostly ascending as
they are; only if they are not, they are sorted, by radix, in three passes of 11 bits.
"""

import cython
from cython.cimports.libc.stdint import int32_t, int64_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import free, malloc
from cython.cimports.libc.string import memcpy, memset
from cython.cimports.wild.kernels.cies import has_hdr_entry
from cython.cimports.wild.kernels.drafts import begin_run, end_run
from cython.cimports.wild.kernels.elf import MutableBytes, inside, read32, read64, write32, write64
from cython.cimports.wild.kernels.faults import *
from cython.cimports.wild.kernels.frames import EhPtr, FrameWriting, WritingPtr
from cython.cimports.wild.kernels.pool import Pool, report
from cython.cimports.wild.kernels.relocation import (
    CHECK_SIGNED,
    CHECK_UNSIGNED,
    FORM_ABS,
    FORM_NONE,
    FORM_PC,
    FORM_PLT,
)
from cython.cimports.wild.kernels.tables import NONE

from wild.errors import LinkError

HDR_TABLE = cython.declare(cython.const[uint64_t], 12)  # offset of the table
HDR_START = cython.declare(
    cython.const[uint32_t], 0x3B031B01
)  # version 1; pcrel sdata4 pointer, udata4 count, datarel sdata4 table
BLOCK = cython.declare(cython.const[int64_t], 32)  # sections
SIGN = cython.declare(cython.const[uint32_t], 0x80000000)
DIGIT_BITS = cython.declare(cython.const[cython.int], 11)


@cython.cfunc
@cython.exceptval(-1, check=False)
def write_frames(pool: Pool, writing: WritingPtr, synthetic: list) -> cython.int:
    view = writing.work.view
    writing.work.fault = cython.address(pool.fault)
    pool.run_evenly(write_sections, writing, view.eh_count, BLOCK)
    at: uint64_t = view.records
    number: uint32_t = cython.cast(uint32_t, writing.hdr_count - len(synthetic))
    for records, address, size in synthetic:
        memcpy(writing.to + at, cython.cast(cython.p_char, records), len(records))
        if point_synthetic(writing, at, address, size, number):
            raise LinkError(f"the PLT at {address:#x} is too far from .eh_frame or .eh_frame_hdr")
        at += len(records)
        number += 1
    write_unused(writing.to + at, writing.room)
    at += writing.room
    write32(writing.to + at, 0)
    if writing.hdr is not cython.NULL:
        write32(writing.hdr, HDR_START)
        distance: int64_t = writing.address - (writing.hdr_address + 4)
        if distance != cython.cast(int32_t, distance):
            raise LinkError(f".eh_frame is too far from .eh_frame_hdr: {distance} bytes")
        write32(writing.hdr + 4, cython.cast(uint32_t, distance))
        write32(writing.hdr + 8, writing.hdr_count)
        if sort_table(writing.hdr + HDR_TABLE, writing.hdr_count):
            raise MemoryError("no memory for sorting .eh_frame_hdr")
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def write_unused(to: MutableBytes, size: uint64_t) -> cython.void:
    """A CIE of `size` bytes (0, or at least 16) that no FDE uses; all that is said in it are no-operations."""
    if size:
        memset(to, 0, size)
        write32(to, cython.cast(uint32_t, size - 4))
        memcpy(
            to + 8, b"\x01\x00\x01\x78\x10", 5
        )  # version, augmentation, alignments of code and data, register


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def point_synthetic(
    writing: WritingPtr, at: uint64_t, address: uint64_t, size: uint64_t, number: uint32_t
) -> cython.int:
    """Let the FDE behind the CIE at `at`, both the linker's own, describe `size` bytes at `address`."""
    frame: uint64_t = at + 4 + read32(writing.to + at)
    distance: int64_t = address - (writing.address + frame + 8)
    write32(writing.to + frame + 4, cython.cast(uint32_t, frame + 4 - at))
    write32(writing.to + frame + 8, cython.cast(uint32_t, distance))
    write32(writing.to + frame + 12, cython.cast(uint32_t, size))
    if distance != cython.cast(int32_t, distance):
        return 1
    return enter_function(writing, number, address, frame) if writing.hdr is not cython.NULL else 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def write_sections(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    writing: FrameWriting = cython.cast(WritingPtr, context)[0]
    view = writing.work.view
    first: uint64_t = view.eh[begin].out
    size: uint64_t = (view.eh[end].out if end < view.eh_count else view.records) - first
    to = writing.to + first
    run = begin_run(writing.drafts, worker, 0, to, size)
    writing.to = run - first
    i: int64_t
    for i in range(begin, end):
        eh = cython.address(view.eh[i])
        if write_cies(cython.address(writing), eh) or write_fdes(cython.address(writing), eh):
            return 1
    end_run(writing.drafts, run, to, size)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def write_cies(writing: WritingPtr, eh: EhPtr) -> cython.int:
    k: uint32_t
    value: uint64_t = 0
    for k in range(eh.first_cie, eh.cie_end):
        cie = cython.address(writing.work.view.cie[k])
        if cie.canonical == k:
            at: uint64_t = eh.out + cie.out
            memcpy(writing.to + at, eh.bytes + cie.offset, cie.size)
            if relocate(
                writing, eh, cie.first_rela, cie.rela_count, cie.offset, cie.size, at, cython.address(value)
            ):
                return 1
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def write_fdes(writing: WritingPtr, eh: EhPtr) -> cython.int:
    view = writing.work.view
    entry: uint32_t = eh.first_hdr
    function: uint64_t = 0
    k: uint32_t
    for k in range(eh.first_frame, eh.frame_end):
        frame = cython.address(view.frame[k])
        if frame.out == NONE:
            continue
        at: uint64_t = eh.out + frame.out
        cie = cython.address(view.cie[view.cie[frame.cie].canonical])
        memcpy(writing.to + at, eh.bytes + frame.offset, frame.size)
        distance: uint64_t = at + 4 - (view.eh[cie.eh].out + cie.out)
        write32(writing.to + at + 4, cython.cast(uint32_t, distance))
        if relocate(
            writing,
            eh,
            frame.first_rela,
            frame.rela_count,
            frame.offset,
            frame.size,
            at,
            cython.address(function),
        ):
            return 1
        if writing.hdr is not cython.NULL and has_hdr_entry(writing.work, frame):
            if enter_function(writing, entry, function, at):
                report(writing.work.fault, FAULT_FRAME_HDR, eh.file, frame.offset, function)
                return 1
            entry += 1
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def relocate(
    writing: WritingPtr,
    eh: EhPtr,
    first: uint32_t,
    count: uint32_t,
    offset: uint32_t,
    size: uint32_t,
    at: uint64_t,
    value: cython.pointer[uint64_t],
) -> cython.int:
    """Apply the relocations of the record at `offset`, now at `at`; `value` becomes S+A of the first."""
    i: uint32_t
    for i in range(first, first + count):
        rela = cython.address(eh.rela[i])
        type = cython.address(writing.work.types[rela.r_type & 255])
        if type.form == FORM_NONE and rela.r_type < 256:
            continue
        if rela.r_type > 255 or (type.form != FORM_ABS and type.form != FORM_PC and type.form != FORM_PLT):
            report(writing.work.fault, FAULT_FRAME_RELOC_TYPE, eh.file, rela.r_offset, rela.r_type)
            return 1
        where: uint64_t = rela.r_offset - offset
        if type.size < 4 or not inside(size, where, type.size):
            report(writing.work.fault, FAULT_FRAME_RELOC, eh.file, rela.r_offset, i)
            return 1
        A: uint64_t = writing.value_of(writing.context, eh.file, rela.r_sym, rela.r_addend, rela.r_type)
        if i == first:
            value[0] = A
        if type.form != FORM_ABS:
            A -= writing.address + at + where
        if type.size == 8:
            write64(writing.to + at + where, A)
        elif fits(A, type.check):
            write32(writing.to + at + where, cython.cast(uint32_t, A))
        else:
            report(writing.work.fault, FAULT_FRAME_OVERFLOW, eh.file, rela.r_offset, A)
            return 1
    return 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def fits(value: uint64_t, check: cython.int) -> cython.bint:
    """Does the value fit 32 bits?"""
    signed: cython.bint = value == cython.cast(uint64_t, cython.cast(int64_t, cython.cast(int32_t, value)))
    unsigned: cython.bint = value == cython.cast(uint32_t, value)
    return (signed and check != CHECK_UNSIGNED) or (unsigned and check != CHECK_SIGNED)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def enter_function(writing: WritingPtr, entry: uint32_t, function: uint64_t, frame: uint64_t) -> cython.int:
    """Fill an entry of the table; non-zero if the function is out of reach."""
    code: int64_t = function - writing.hdr_address
    record: int64_t = writing.address + frame - writing.hdr_address
    to = writing.hdr + HDR_TABLE + 8 * cython.cast(uint64_t, entry)
    write32(to, cython.cast(uint32_t, code))
    write32(to + 4, cython.cast(uint32_t, record))
    return code != cython.cast(int32_t, code) or record != cython.cast(int32_t, record)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def sort_table(table: MutableBytes, count: uint32_t) -> cython.int:
    """Sort the entries by their first word, which is signed; stable.  Non-zero if there is no memory."""
    i: uint64_t = 1
    while i < count and read32(table + 8 * i - 8) ^ SIGN <= read32(table + 8 * i) ^ SIGN:
        i += 1
    if i >= count:
        return 0
    keys = cython.cast(cython.pointer[uint64_t], malloc(cython.cast(uint64_t, count) * 16))
    if keys is cython.NULL:
        return 1
    other = keys + count
    for i in range(count):
        keys[i] = read64(table + 8 * i) ^ SIGN
    radix_pass(keys, other, count, 0)
    radix_pass(other, keys, count, DIGIT_BITS)
    radix_pass(keys, other, count, 2 * DIGIT_BITS)
    for i in range(count):
        write64(table + 8 * i, other[i] ^ SIGN)
    free(keys)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def radix_pass(
    keys: cython.pointer[uint64_t], to: cython.pointer[uint64_t], count: uint64_t, shift: cython.int
) -> cython.void:
    """One pass of a least-significant-digit sort of the low 32 bits."""
    start: uint32_t[2049]
    i: uint64_t
    digit: uint64_t
    memset(start, 0, 2049 * cython.sizeof(uint32_t))
    for i in range(count):
        start[((cython.cast(uint32_t, keys[i]) >> shift) & 2047) + 1] += 1
    for i in range(1, 2048):
        start[i] += start[i - 1]
    for i in range(count):
        digit = (cython.cast(uint32_t, keys[i]) >> shift) & 2047
        to[start[digit]] = keys[i]
        start[digit] += 1
