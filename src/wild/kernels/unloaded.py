"""Applying the relocations of sections that are not loaded: debug information, mostly.

There are no slots and no dynamic relocations here.  A reference to code that is not in the output is replaced by a
tombstone: 0, and 1 in .debug_loc and .debug_ranges, where a pair of zeros would end the list (DWARF 4, 2.17.3).  So is
one to code that was folded into other code (icf.py), but in line numbers.
"""

import cython
from cython.cimports.libc.stdint import uint64_t
from cython.cimports.wild.kernels.apply import fail, put, static_value
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.faults import *
from cython.cimports.wild.kernels.image import Target, target_of
from cython.cimports.wild.kernels.relocate import Spot, Write, store
from cython.cimports.wild.kernels.relocation import *
from cython.cimports.wild.kernels.sections import RelaSpan, relocations_of
from cython.cimports.wild.kernels.tables import *


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
    failed: cython.int = 0
    i: uint64_t
    for i in range(span.count):
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
