"""Looking ahead in the walk over sections, so that what a section needs is in the cache when its turn comes.

The walk meets sections in the order of references, which is no order for memory.  Scanning one takes a chain of
loads that each wait for the one before, and each is likely to miss every cache: the row of the section, the header of
its relocations, the relocations, the names they mean, the rows of those symbols, the sections these are in.  Scanned
one after another, the sections of 360,000 exported functions took a third of a link, nearly all of it waiting; this way
they take less than half as long.

So a section passes through a window before it is scanned: a ring of the last `DISTANCE` sections.  Whenever one
enters, those that entered `STEP`, twice `STEP`, ... sections ago take one more step of their chains: what the last
step has asked for has arrived by now, and tells the address to ask for next.  Only the first `FEW` relocations are
followed; in long sections the processor sees ahead by itself.  Nothing is decided here, and which sections are reached
does not depend on the order in which they are scanned.
"""

import cython
from cython.cimports.libc.stdint import uint32_t, uint64_t
from cython.cimports.wild.kernels.cc import prefetch
from cython.cimports.wild.kernels.elf import Elf64_Sym
from cython.cimports.wild.kernels.lookahead import WINDOW, Window
from cython.cimports.wild.kernels.scan import Scan
from cython.cimports.wild.kernels.sections import RelaSpan, relocations_of, section_header, section_of
from cython.cimports.wild.kernels.tables import *

STEP = cython.declare(cython.const[uint64_t], 4)
STAGES = cython.declare(cython.const[uint64_t], 6)
DISTANCE = cython.declare(cython.const[uint64_t], 24)  # STEP * STAGES, less than WINDOW
FEW = cython.declare(cython.const[uint64_t], 6)
LINE = cython.declare(cython.const[uint64_t], 64)  # bytes that the processor fetches at once


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def enter(window: cython.pointer[Window], scan: cython.pointer[Scan], section: uint32_t) -> uint32_t:
    """Put a section into the window; returns the one whose turn has come, 0 if the window is not full yet."""
    window.section[window.entered & (WINDOW - 1)] = section
    stage: uint64_t
    for stage in range(STAGES):
        if window.entered < window.left + stage * STEP:
            break
        look(scan, window.section[(window.entered - stage * STEP) & (WINDOW - 1)], stage)
    window.entered += 1
    return leave(window) if window.entered - window.left > DISTANCE else 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def leave(window: cython.pointer[Window]) -> uint32_t:
    """Take out the section that has waited longest; 0 if the window is empty."""
    if window.left == window.entered:
        return 0
    section: uint32_t = window.section[window.left & (WINDOW - 1)]
    window.left += 1
    return section


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def look(scan: cython.pointer[Scan], section: uint32_t, stage: uint64_t) -> cython.void:
    """One step of a section's chain: read what the step before has asked for, and ask for the next."""
    sec = cython.address(scan.sections.row[section])
    if stage == 0:
        prefetch(sec)
        prefetch(scan.section_file + section)
        return
    file: uint32_t = scan.section_file[section]
    row = cython.address(scan.files.row[file])
    base = scan.files.base[file]
    if stage == 1:
        prefetch(section_header(base, row, sec.relocs))
        if sec.frames:
            prefetch(scan.frames.frame + sec.frames - 1)
        return
    span: RelaSpan = relocations_of(scan.sections, base, row, section)
    if stage == 2:
        prefetch(span.rela)
        prefetch(cython.cast(cython.p_char, span.rela) + LINE)
        if sec.frames:
            frame = cython.address(scan.frames.frame[sec.frames - 1])
            prefetch(scan.frames.eh[frame.eh].rela + frame.first_rela)
        return
    i: uint64_t
    for i in range(min(span.count, FEW)):
        if span.rela[i].r_sym < row.first_global:
            look_at_local(scan, file, span.rela[i].r_sym, stage)
        elif span.rela[i].r_sym < row.nsyms:
            of = scan.names.of + row.global_base + span.rela[i].r_sym - row.first_global
            if stage == 3:
                prefetch(of)
            elif stage == 4:
                prefetch(scan.symbols + of[0])
            elif scan.symbols[of[0]].section:
                prefetch(scan.sections.row + scan.symbols[of[0]].section)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def look_at_local(
    scan: cython.pointer[Scan], file: uint32_t, r_sym: uint32_t, stage: uint64_t
) -> cython.void:
    """The same for a relocation against a local symbol: the symbol, then the row of its section."""
    row = cython.address(scan.files.row[file])
    base = scan.files.base[file]
    sym = cython.cast(cython.pointer[cython.const[Elf64_Sym]], base + row.symoff) + r_sym
    if stage == 3:
        prefetch(sym)
    elif stage == 4:
        prefetch(scan.sections.row + row.sec_base + section_of(base, row, sym, r_sym))
