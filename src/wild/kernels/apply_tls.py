"""Carrying out what was decided about thread-local accesses (psABI, "Thread-Local Storage").

The thread pointer is the end of the TLS segment (variant II), so offsets from it are negative.
"""

import cython
from cython.cimports.libc.stdint import int32_t, int64_t, uint64_t
from cython.cimports.wild.kernels.apply import fail, put
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.faults import *
from cython.cimports.wild.kernels.image import Target
from cython.cimports.wild.kernels.relocate import Spot, Write, fits
from cython.cimports.wild.kernels.relocation import *
from cython.cimports.wild.kernels.x86_64 import *


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def carry_out_tls(
    write: cython.pointer[Write],
    spot: cython.pointer[Spot],
    rela: cython.pointer[cython.const[Elf64_Rela]],
    index: uint64_t,
    target: cython.pointer[Target],
    decision: cython.pointer[Decision],
) -> cython.int:
    """The thread-local actions.  In rewritten sequences the addend of -4 is the instruction's, not the symbol's."""
    image = write.image
    action: cython.int = decision.action
    aux = cython.address(image.slots.row[target.aux])
    p = spot.to + rela.r_offset
    P: uint64_t = spot.address + rela.r_offset
    A: uint64_t = cython.cast(uint64_t, rela.r_addend)
    tpoff: int64_t = cython.cast(int64_t, target.value - image.tls_end)
    if action == ACT_TLSGD:
        return put(write, spot, rela, index, image.got + 8 * aux.tlsgd + A - P)
    if action == ACT_TLSLD:
        return put(write, spot, rela, index, image.got + 8 * image.slots.tlsld + A - P)
    if action == ACT_TLSDESC:
        return put(write, spot, rela, index, image.got + 8 * aux.tlsdesc + A - P)
    if action == ACT_GOTTP:
        return put(write, spot, rela, index, image.got + 8 * aux.gottp + A - P)
    if action == ACT_TPOFF:
        return put(write, spot, rela, index, cython.cast(uint64_t, tpoff))
    if action == ACT_DTPOFF:
        return put(write, spot, rela, index, target.value - image.tls_start)
    if action == ACT_DTPMOD:
        return put(write, spot, rela, index, 1)
    if action == ACT_LD_TO_LE:
        write_ld_to_le(p, decision.how)
    elif action == ACT_CALL_TO_NOP:
        p[0] = 0x66
        p[1] = 0x90
    elif action == ACT_GD_TO_IE:
        write_gd_to_ie(p, decision.how, image.got + 8 * aux.gottp - P)
    elif action == ACT_DESC_TO_IE:
        write_desc_to_ie(p, cython.cast(int32_t, image.got + 8 * aux.gottp + A - P))
    else:
        return rewrite_to_local_exec(write, spot, rela, index, decision, tpoff + 4)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def rewrite_to_local_exec(
    write: cython.pointer[Write],
    spot: cython.pointer[Spot],
    rela: cython.pointer[cython.const[Elf64_Rela]],
    index: uint64_t,
    decision: cython.pointer[Decision],
    tpoff: int64_t,
) -> cython.int:
    p = spot.to + rela.r_offset
    if not fits(CHECK_SIGNED, 4, tpoff):
        return fail(write, spot, FAULT_RELOC_OVERFLOW, rela.r_offset, index, tpoff)
    if decision.action == ACT_GD_TO_LE:
        write_gd_to_le(p, decision.how, cython.cast(int32_t, tpoff))
    elif decision.action == ACT_IE_TO_LE:
        write_ie_to_le(p, decision.how, rela.r_type, cython.cast(int32_t, tpoff))
    elif decision.action == ACT_DESC_TO_LE:
        write_desc_to_le(p, rela.r_type, cython.cast(int32_t, tpoff))
    return 0
