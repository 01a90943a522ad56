"""What relocations of foldable sections refer to, hashed and compared.

Two relocations are alike if they have the same place, type and addend and refer to the same thing.  A place in another
foldable section is the same thing as the like place in a section of the same class.  A merged string or constant is
the same as an equal one.  Everything else is only like itself.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.libc.string import memcmp
from cython.cimports.wild.kernels.cc import hash_bytes, mix
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.icf import *
from cython.cimports.wild.kernels.sections import (
    RelaSpan,
    relocations_of,
    section_bytes,
    section_header,
    section_of,
)
from cython.cimports.wild.kernels.tables import *

ODD = cython.declare(cython.const[uint64_t], 0x9E3779B97F4A7C15)
SKIPPED = cython.declare(cython.const[uint32_t], 8)  # length and CIE pointer of an FDE


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def aim_of(
    icf: IcfPtr, file: uint32_t, rela: cython.pointer[cython.const[Elf64_Rela]], aim: cython.pointer[Aim]
) -> cython.void:
    row = cython.address(icf.files.row[file])
    section: uint32_t = 0
    aim.offset = cython.cast(uint64_t, rela.r_addend)
    if rela.r_sym >= row.first_global:
        name: uint32_t = icf.names.of[row.global_base + rela.r_sym - row.first_global]
        symbol = cython.address(icf.symbols[name])
        if symbol.section == 0 or symbol.flags & (SYM_IMPORTED | SYM_IFUNC | SYM_TLS):
            aim.kind = AIM_NAME
            aim.id = name
            return
        aim_at(icf, symbol.file, symbol.section, symbol.value, aim)
        return
    sym = cython.cast(Sym, icf.files.base[file] + row.symoff) + rela.r_sym
    section = section_of(icf.files.base[file], row, sym, rela.r_sym)
    if section == 0 or section >= row.shnum:
        aim.kind = AIM_NUMBER
        aim.offset += sym.st_value
        return
    if sym.st_info & 15 == STT_GNU_IFUNC or sym.st_info & 15 == STT_TLS:
        aim.kind = AIM_SECTION
        aim.id = row.sec_base + section
        aim.offset += sym.st_value
        return
    if sym.st_info & 15 == STT_SECTION:
        # Of a section of strings or constants, the addend says which.
        offset: uint64_t = sym.st_value + aim.offset
        aim.offset = 0
        aim_at(icf, file, row.sec_base + section, offset, aim)
        return
    aim_at(icf, file, row.sec_base + section, sym.st_value, aim)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def aim_at(
    icf: IcfPtr, file: uint32_t, section: uint32_t, offset: uint64_t, aim: cython.pointer[Aim]
) -> cython.void:
    """A place in a section, to which aim.offset is still to be added."""
    sec = cython.address(icf.sections.row[section])
    if icf.number[section]:
        aim.kind = AIM_CANDIDATE
        aim.id = icf.number[section] - 1
        aim.offset += offset
        return
    aim.kind = AIM_SECTION
    aim.id = section
    if (sec.kind != SEC_STRINGS and sec.kind != SEC_CONSTANTS) or offset >= sec.size:
        aim.offset += offset
        return
    row = cython.address(icf.files.row[file])
    shdr = section_header(icf.files.base[file], row, section - row.sec_base)
    bytes = section_bytes(icf.sections, icf.files.base[file], shdr, section)
    size: uint64_t = shdr.sh_entsize
    at: uint64_t = offset - offset % size
    end: uint64_t = at + size
    if sec.kind == SEC_STRINGS:
        while end < sec.size and not is_zero(bytes + end - size, size):
            end += size
    aim.kind = AIM_PIECE
    aim.piece = bytes + at
    aim.length = end - at
    aim.offset += offset - at


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def is_zero(at: Bytes, size: uint64_t) -> cython.bint:
    i: uint64_t
    for i in range(size):
        if at[i]:
            return False
    return True


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def hash_aim(icf: IcfPtr, aim: cython.pointer[Aim], with_candidates: cython.bint) -> uint64_t:
    """Of everything, or of what does not change from round to round."""
    value: uint64_t = mix(aim.kind + ODD, aim.offset ^ ODD)
    if aim.kind == AIM_CANDIDATE:
        return value ^ (icf.hash[aim.id] if with_candidates else 0)
    if aim.kind == AIM_PIECE:
        return value ^ hash_bytes(aim.piece, aim.length)
    return value if aim.kind == AIM_NUMBER else mix(value, aim.id + ODD)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def same_aim(icf: IcfPtr, a: cython.pointer[Aim], b: cython.pointer[Aim]) -> cython.bint:
    """Are two relocations' targets alike, if folded sections are like their leaders?"""
    if a.kind != b.kind or a.offset != b.offset:
        return False
    if a.kind == AIM_CANDIDATE:
        return icf.leader[a.id] == icf.leader[b.id]
    if a.kind == AIM_PIECE:
        return a.length == b.length and memcmp(a.piece, b.piece, a.length) == 0
    return a.kind == AIM_NUMBER or a.id == b.id


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def hash_span(
    icf: IcfPtr,
    file: uint32_t,
    rela: cython.pointer[cython.const[Elf64_Rela]],
    count: uint64_t,
    start: uint64_t,
    with_candidates: cython.bint,
) -> uint64_t:
    """The hash of a run of relocations; `start` is what their offsets count from."""
    aim = cython.declare(Aim)
    value: uint64_t = count
    i: uint64_t
    for i in range(count):
        aim_of(icf, file, rela + i, cython.address(aim))
        value = mix(value ^ ODD, (rela[i].r_offset - start) * 256 + rela[i].r_type)
        value = mix(value ^ hash_aim(icf, cython.address(aim), with_candidates), ODD)
    return value


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def hash_candidate(icf: IcfPtr, i: int64_t, with_candidates: cython.bint) -> uint64_t:
    """The hash of a section's relocations and of its frames; without candidates that of its bytes too."""
    file: uint32_t = icf.file[i]
    section: uint32_t = icf.candidate[i]
    row = cython.address(icf.files.row[file])
    base = icf.files.base[file]
    sec = cython.address(icf.sections.row[section])
    span: RelaSpan = relocations_of(icf.sections, base, row, section)
    value: uint64_t = hash_span(icf, file, span.rela, span.count, 0, with_candidates)
    if icf.placed:
        value = mix(value ^ ODD, sec.part)
    f: uint32_t = sec.frames
    while f:
        frame = cython.address(icf.frames.frame[f - 1])
        eh = cython.address(icf.frames.eh[frame.eh])
        if not with_candidates:
            value = mix(value ^ icf.frames.cie[frame.cie].hash, ODD)
            value ^= hash_bytes(eh.bytes + frame.offset + SKIPPED, frame.size - SKIPPED)
        rest: uint64_t = frame.rela_count - 1
        value = mix(value, ODD) ^ hash_span(
            icf, file, eh.rela + frame.first_rela + 1, rest, frame.offset, with_candidates
        )
        f = frame.next
    if with_candidates:
        return value
    shdr = section_header(base, row, section - row.sec_base)
    bytes = section_bytes(icf.sections, base, shdr, section)
    return mix(value ^ hash_bytes(bytes, sec.size), (shdr.sh_flags & SHF_EXECINSTR) + ODD)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def same_span(
    icf: IcfPtr,
    files: cython.pointer[uint32_t],
    a: cython.pointer[cython.const[Elf64_Rela]],
    b: cython.pointer[cython.const[Elf64_Rela]],
    starts: cython.pointer[uint64_t],
    count: uint64_t,
) -> cython.bint:
    """Are two runs of relocations alike?  `files` and `starts` are those of both."""
    one = cython.declare(Aim)
    other = cython.declare(Aim)
    i: uint64_t
    for i in range(count):
        if a[i].r_type != b[i].r_type or a[i].r_offset - starts[0] != b[i].r_offset - starts[1]:
            return False
        aim_of(icf, files[0], a + i, cython.address(one))
        aim_of(icf, files[1], b + i, cython.address(other))
        if not same_aim(icf, cython.address(one), cython.address(other)):
            return False
    return True


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def same_candidates(icf: IcfPtr, a: uint32_t, b: uint32_t) -> cython.bint:
    """Is one candidate byte for byte, relocation for relocation and frame for frame like another?"""
    files = cython.declare(uint32_t[2])
    starts = cython.declare(uint64_t[2])
    files[0] = icf.file[a]
    files[1] = icf.file[b]
    starts[0] = starts[1] = 0
    one = cython.address(icf.sections.row[icf.candidate[a]])
    other = cython.address(icf.sections.row[icf.candidate[b]])
    row = cython.address(icf.files.row[files[0]])
    row_b = cython.address(icf.files.row[files[1]])
    shdr = section_header(icf.files.base[files[0]], row, icf.candidate[a] - row.sec_base)
    shdr_b = section_header(icf.files.base[files[1]], row_b, icf.candidate[b] - row_b.sec_base)
    if one.size != other.size or (shdr.sh_flags ^ shdr_b.sh_flags) & SHF_EXECINSTR:
        return False
    if icf.placed and one.part != other.part:
        return False
    bytes = section_bytes(icf.sections, icf.files.base[files[0]], shdr, icf.candidate[a])
    bytes_b = section_bytes(icf.sections, icf.files.base[files[1]], shdr_b, icf.candidate[b])
    if memcmp(bytes, bytes_b, one.size):
        return False
    span: RelaSpan = relocations_of(icf.sections, icf.files.base[files[0]], row, icf.candidate[a])
    span_b: RelaSpan = relocations_of(icf.sections, icf.files.base[files[1]], row_b, icf.candidate[b])
    if span.count != span_b.count:
        return False
    if not same_span(icf, files, span.rela, span_b.rela, starts, span.count):
        return False
    return same_frames(icf, files, one.frames, other.frames)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def same_frames(icf: IcfPtr, files: cython.pointer[uint32_t], f: uint32_t, g: uint32_t) -> cython.bint:
    """Are two functions unwound in the same way, by the same personality with the like tables?"""
    starts = cython.declare(uint64_t[2])
    while f and g:
        one = cython.address(icf.frames.frame[f - 1])
        other = cython.address(icf.frames.frame[g - 1])
        if one.size != other.size or one.rela_count != other.rela_count:
            return False
        if icf.frames.cie[one.cie].hash != icf.frames.cie[other.cie].hash:
            return False
        bytes = icf.frames.eh[one.eh].bytes + one.offset + SKIPPED
        if memcmp(bytes, icf.frames.eh[other.eh].bytes + other.offset + SKIPPED, one.size - SKIPPED):
            return False
        starts[0] = one.offset
        starts[1] = other.offset
        rela = icf.frames.eh[one.eh].rela + one.first_rela + 1
        rela_b = icf.frames.eh[other.eh].rela + other.first_rela + 1
        if not same_span(icf, files, rela, rela_b, starts, one.rela_count - 1):
            return False
        f = one.next
        g = other.next
    return f == 0 and g == 0
