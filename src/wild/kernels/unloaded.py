"""Applying the relocations of sections that are not loaded: debug information, mostly.

There are no slots and no dynamic relocations here.  A reference to code that is not in the output is replaced by a
tombstone: 0, and 1 in .debug_loc and .debug_ranges, where a pair of zeros would end the list (DWARF 4, 2.17.3).  So is
one to code that was folded into other code (icf.py), but in line numbers.

Most relocations refer to strings.  Where a string has gone is found by three looks into tables that are in no cache,
each for the sake of the next (merge.pxd), so they begin some relocations ahead.
"""

import cython
from cython.cimports.libc.stdint import uint32_t, uint64_t
from cython.cimports.wild.kernels.apply import fail, put, static_value
from cython.cimports.wild.kernels.cc import prefetch
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.faults import *
from cython.cimports.wild.kernels.image import Image, Target, target_of
from cython.cimports.wild.kernels.merge import INDEX_SHIFT
from cython.cimports.wild.kernels.relocate import Spot, Write, store
from cython.cimports.wild.kernels.relocation import *
from cython.cimports.wild.kernels.sections import RelaSpan, relocations_of, section_of
from cython.cimports.wild.kernels.tables import *

FAR = cython.declare(cython.const[uint64_t], 24)  # relocations between the first look and the last
NEAR = cython.declare(cython.const[uint64_t], 12)
LOOKED_AT = cython.declare(
    cython.const[uint64_t], 64
)  # relocations that show which strings a section refers to

# The merged section that most relocations of a section refer to, by its section symbol.
Strings = cython.struct(
    symbol=uint32_t,  # NONE: they refer to no merged section
    value=uint64_t,  # of the symbol
    size=uint64_t,
    index=cython.pointer[uint32_t],  # as in MergeView, of this section
    offset=cython.pointer[uint32_t],
    out=cython.pointer[uint32_t],
)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def relocate_unloaded(write: cython.pointer[Write], spot: cython.pointer[Spot]) -> cython.int:
    """Apply the relocations of debug information and the like; nothing has checked them before."""
    image = write.image
    row = cython.address(image.files.row[spot.file])
    span: RelaSpan = relocations_of(
        cython.address(image.sections), image.files.base[spot.file], row, spot.section
    )
    strings: Strings = referred_strings(image, spot.file, cython.address(span))
    failed: cython.int = 0
    i: uint64_t
    for i in range(span.count):
        if strings.symbol != NONE:
            look_ahead(cython.address(strings), cython.address(span), i)
        rela = cython.address(span.rela[i])
        if rela.r_type == 0:
            continue
        if rela.r_sym >= row.nsyms:
            failed |= fail(write, spot, FAULT_RELOC_SYMBOL, rela.r_offset, i, 0)
            continue
        if rela.r_type > 255 or image.mode.types[rela.r_type].form == FORM_UNKNOWN:
            failed |= fail(write, spot, FAULT_RELOC_TYPE, rela.r_offset, i, rela.r_type)
            continue
        if not inside(spot.size, rela.r_offset, image.mode.types[rela.r_type].size):
            failed |= fail(write, spot, FAULT_RELOC_OFFSET, rela.r_offset, i, 0)
            continue
        failed |= write_unloaded(write, spot, rela, i)
    return failed


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def referred_strings(
    image: cython.pointer[cython.const[Image]], file: uint32_t, span: cython.pointer[RelaSpan]
) -> Strings:
    """The largest merged section that one of the first relocations refers to."""
    found = cython.declare(Strings)
    found.symbol = NONE
    found.value = found.size = 0
    found.index = image.merge.index
    row = cython.address(image.files.row[file])
    base = image.files.base[file]
    last: uint32_t = NONE
    i: uint64_t
    for i in range(min(span.count, LOOKED_AT)):
        symbol: uint32_t = span.rela[i].r_sym
        if symbol == last or symbol >= row.first_global:
            continue
        last = symbol
        sym = cython.cast(cython.pointer[cython.const[Elf64_Sym]], base + row.symoff) + symbol
        shndx: uint32_t = section_of(base, row, sym, symbol)
        if sym.st_info & 15 != STT_SECTION or shndx == 0 or shndx >= row.shnum:
            continue
        sec = cython.address(image.sections.row[row.sec_base + shndx])
        if sec.kind != SEC_STRINGS or not sec.link:
            continue
        section = cython.address(image.merge.section[sec.link])
        if section.size > found.size:
            found.symbol = symbol
            found.value = sym.st_value
            found.size = section.size
            found.index = image.merge.index + section.first_index
    found.offset = image.merge.offset
    found.out = image.merge.out
    return found


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def look_ahead(strings: cython.pointer[Strings], span: cython.pointer[RelaSpan], i: uint64_t) -> cython.void:
    """Have in the cache what the relocations behind relocation `i` will look at."""
    at: uint64_t
    if i + FAR < span.count and span.rela[i + FAR].r_sym == strings.symbol:
        at = strings.value + span.rela[i + FAR].r_addend
        if at < strings.size:
            prefetch(strings.index + (at >> INDEX_SHIFT))
    if i + NEAR < span.count and span.rela[i + NEAR].r_sym == strings.symbol:
        at = strings.value + span.rela[i + NEAR].r_addend
        if at < strings.size:
            piece = strings.index + (at >> INDEX_SHIFT)
            prefetch(strings.offset + piece[0])
            prefetch(strings.offset + piece[1])
            prefetch(strings.out + piece[0])
            prefetch(strings.out + piece[1])


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def write_unloaded(
    write: cython.pointer[Write],
    spot: cython.pointer[Spot],
    rela: cython.pointer[cython.const[Elf64_Rela]],
    index: uint64_t,
) -> cython.int:
    image = write.image
    target: Target = target_of(image, spot.file, rela.r_sym, rela.r_addend)
    form: cython.int = image.mode.types[rela.r_type].form
    if target.dead or (target.folded and not spot.lines):
        store(spot.to + rela.r_offset, image.mode.types[rela.r_type].size, spot.tombstone)
        return 0
    if target.outside:
        return fail(write, spot, FAULT_RELOC_MERGED, rela.r_offset, index, rela.r_addend)
    value: uint64_t = target.value
    if form == FORM_DTPOFF or (form == FORM_ABS and target.flags & SYM_TLS):
        value -= image.tls_start
    elif form == FORM_TPOFF:
        value -= image.tls_end
    else:
        value = static_value(image, rela, spot.file, value, spot.address + rela.r_offset)
    return put(write, spot, rela, index, value)
