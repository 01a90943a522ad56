"""Identical code folding (--icf): of functions with the same machine code, one is kept.

Two functions are the same if their bytes are, and what their relocations refer to: the same symbols, equal strings, or
functions that are the same themselves.  That is circular, so one begins with too much equality and takes away: at
first functions are in one class if their bytes are equal and their relocations refer to the same things, not looking
at which other functions they refer to.  Then each round tells apart those that refer to functions of different
classes, until a round finds nothing new.  This is how minimal automata are made (Hopcroft, Moore); classes are 64-bit
hashes here, computed in parallel.  In the end each function is compared with the first of its class, so that a
collision of hashes costs a fold and not the program.

--icf=all folds whatever is the same.  A program that compares addresses of functions can tell, so --icf=safe leaves
alone what somebody may compare (icf_significance.py).  --ignore-data-address-equality adds read-only data.  Tables
for unwinding (.gcc_except_table) are compared and folded with their functions; nobody else refers to them.

A folded section is in the output only as a name for its leader: symbols and relocations go there, its FDEs are
dropped, and debug information about it is that of dropped code, but for line numbers, so that a breakpoint at any of
the functions' lines is set (as lld does it).  Sections that are about a folded one alone, as those of
__patchable_function_entries are, are dropped, too.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint16_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import calloc, free
from cython.cimports.libc.string import memcpy, strncmp
from cython.cimports.wild.kernels.cc import mix
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.files import Inputs
from cython.cimports.wild.kernels.frames import FRAME_DROPPED, FrameTable
from cython.cimports.wild.kernels.icf import *
from cython.cimports.wild.kernels.icf_aims import aim_of, hash_candidate, same_candidates
from cython.cimports.wild.kernels.icf_significance import find_significant
from cython.cimports.wild.kernels.names import NameTable
from cython.cimports.wild.kernels.pool import Pool
from cython.cimports.wild.kernels.resolve import Resolution
from cython.cimports.wild.kernels.sections import (
    RelaSpan,
    SectionTable,
    relocations_of,
    section_header,
    section_name,
)
from cython.cimports.wild.kernels.tables import *

BLOCK = cython.declare(cython.const[int64_t], 256)  # candidates


def fold_identical(
    pool: Pool,
    inputs: Inputs,
    names: NameTable,
    resolution: Resolution,
    sections: SectionTable,
    frames: FrameTable,
    safe: bool,
    data: bool,
    placed: bool,
    unique: list,
):
    """Fold what is the same; the definitions of the NameIds `unique` stay apart.

    `placed`: a linker script says what is where, so only sections of one of its statements are the same."""
    icf = cython.declare(Icf)
    icf.count = 0
    icf.files = cython.address(inputs.view)
    icf.sections = cython.address(sections.view)
    icf.names = cython.address(names.view)
    icf.symbols = resolution.view.row
    icf.frames = cython.address(frames.view)
    icf.safe = safe
    icf.data = data
    icf.placed = placed
    arena = inputs.arena
    total: int64_t = sections.view.count
    icf.significant = cython.cast(MutableBytes, arena.array(total, 1))
    icf.number = cython.cast(U32, arena.array(total, 4))
    icf.candidate = cython.cast(U32, arena.array(total, 4))
    icf.file = cython.cast(U32, arena.array(total, 4))
    for name in unique:
        icf.significant[icf.symbols[cython.cast(uint32_t, name)].section] = 1
    if safe:
        pool.run_evenly(find_significant, cython.address(icf), inputs.view.count, 8)
        with cython.nogil:
            mark_exported(cython.address(icf))
    with cython.nogil:
        collect_candidates(cython.address(icf))
    icf.own = cython.cast(U64, arena.array(icf.count, 8))
    icf.hash = cython.cast(U64, arena.array(icf.count, 8))
    icf.next = cython.cast(U64, arena.array(icf.count, 8))
    icf.leader = cython.cast(U32, arena.array(icf.count, 4))
    icf.differs = cython.cast(MutableBytes, arena.array(icf.count, 1))
    find_classes(pool, cython.address(icf))
    check_classes(pool, cython.address(icf))
    fold(sections, cython.address(icf))


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def mark_exported(icf: IcfPtr) -> cython.void:
    """Other files may compare what they see."""
    s: int64_t
    i: int64_t
    for s in range(SHARDS):
        for i in range(icf.names.start[s], icf.names.start[s] + icf.names.count[s]):
            if icf.symbols[i].flags & SYM_EXPORTED:
                icf.significant[icf.symbols[i].section] = 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def collect_candidates(icf: IcfPtr) -> cython.void:
    """Number the sections that may be folded, in input order."""
    file: int64_t
    k: uint32_t
    for file in range(1, icf.files.count):
        row = cython.address(icf.files.row[file])
        for k in range(1, row.shnum if row.sec_base else 0):
            section: uint32_t = row.sec_base + k
            if icf.significant[section] or not is_candidate(icf, cython.cast(uint32_t, file), k):
                continue
            icf.candidate[icf.count] = section
            icf.file[icf.count] = cython.cast(uint32_t, file)
            icf.count += 1
            icf.number[section] = cython.cast(uint32_t, icf.count)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def is_candidate(icf: IcfPtr, file: uint32_t, k: uint32_t) -> cython.bint:
    """Live code and unwinding tables, and read-only data if that is asked for."""
    row = cython.address(icf.files.row[file])
    sec = cython.address(icf.sections.row[row.sec_base + k])
    wanted: uint32_t = SEC_LIVE | SEC_ALLOC
    unwanted: uint32_t = SEC_WRITE | SEC_NOBITS | SEC_TLS | SEC_ROOT
    if sec.kind != SEC_PLAIN or sec.part == 0 or sec.size == 0 or sec.flags & (wanted | unwanted) != wanted:
        return False
    name = section_name(icf.files.base[file], row, section_header(icf.files.base[file], row, k))
    text = cython.cast(cython.p_const_char, name)
    if sec.flags & SEC_EXEC:
        return is_code(name)
    if strncmp(text, b".gcc_except_table", 17) == 0:
        return True
    return icf.data != 0 and strncmp(text, b".rodata", 7) == 0


@cython.cfunc
@cython.exceptval(-1, check=False)
def find_classes(pool: Pool, icf: IcfPtr) -> cython.int:
    """Refine the classes until a round adds none; `leader` is the first of each class."""
    pool.run(hash_own, icf, icf.count, BLOCK)
    memcpy(icf.hash, icf.own, icf.count * 8)
    before: int64_t = 0
    classes: int64_t = count_classes(icf)
    while classes > before:
        pool.run(hash_round, icf, icf.count, BLOCK)
        memcpy(icf.hash, icf.next, icf.count * 8)
        before = classes
        classes = count_classes(icf)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def hash_own(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    icf = cython.cast(IcfPtr, context)
    i: int64_t
    for i in range(begin, end):
        icf.own[i] = hash_candidate(icf, i, False)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def hash_round(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """The last round's hash is a part of the new one, so a class is only ever split."""
    icf = cython.cast(IcfPtr, context)
    i: int64_t
    for i in range(begin, end):
        icf.next[i] = mix(icf.hash[i], hash_candidate(icf, i, True) | 1)
    return 0


@cython.cfunc
@cython.exceptval(-1)
def count_classes(icf: IcfPtr) -> int64_t:
    """How many distinct hashes there are; `leader` becomes the first candidate that has the same."""
    mask: uint64_t = 16
    while mask < cython.cast(uint64_t, 2 * icf.count):
        mask *= 2
    slots = cython.cast(U32, calloc(mask, 4))
    if slots is cython.NULL:
        raise MemoryError("no memory to fold identical code")
    classes: int64_t = 0
    with cython.nogil:
        mask -= 1
        i: int64_t
        for i in range(icf.count):
            at: uint64_t = icf.hash[i] & mask
            while slots[at] and icf.hash[slots[at] - 1] != icf.hash[i]:
                at = (at + 1) & mask
            if slots[at] == 0:
                slots[at] = cython.cast(uint32_t, i + 1)
                classes += 1
            icf.leader[i] = slots[at] - 1
        free(slots)
    return classes


@cython.cfunc
@cython.exceptval(-1, check=False)
def check_classes(pool: Pool, icf: IcfPtr) -> cython.int:
    """Compare everything with its leader; what differs stands alone, which may make others differ."""
    changed: cython.bint = True
    i: int64_t
    while changed:
        pool.run(compare_block, icf, icf.count, BLOCK)
        changed = False
        for i in range(icf.count):
            if icf.differs[i]:
                icf.leader[i] = cython.cast(uint32_t, i)
                icf.differs[i] = 0
                changed = True
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def compare_block(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    icf = cython.cast(IcfPtr, context)
    i: int64_t
    for i in range(begin, end):
        if icf.leader[i] != i:
            icf.differs[i] = not same_candidates(icf, icf.leader[i], cython.cast(uint32_t, i))
    return 0


@cython.cfunc
@cython.exceptval(-1, check=False)
def fold(sections: SectionTable, icf: IcfPtr) -> cython.int:
    """Make the folded sections names for their leaders, and list them."""
    sections.folded = cython.cast(U32, sections.inputs.arena.array(icf.count, 4))
    i: int64_t
    with cython.nogil:
        for i in range(icf.count):
            if icf.leader[i] != i:
                fold_section(icf, i)
                sections.folded[sections.fold_count] = icf.candidate[i]
                sections.fold_count += 1
        if sections.has & HAS_LINK_ORDER:
            drop_linked(icf)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def drop_linked(icf: IcfPtr) -> cython.void:
    """What is about a folded section (SHF_LINK_ORDER) alone goes with it: that about its leader says the same.

    Not what may be folded itself: others may have been folded into it."""
    file: uint32_t
    k: uint32_t
    for file in range(1, cython.cast(uint32_t, icf.files.count)):
        row = cython.address(icf.files.row[file])
        for k in range(1, row.shnum if row.sec_base and row.has & HAS_LINK_ORDER else 0):
            sec = cython.address(icf.sections.row[row.sec_base + k])
            if sec.kind != SEC_PLAIN or not sec.flags & SEC_LINKED or icf.number[row.sec_base + k]:
                continue
            target: uint32_t = row.sec_base + section_header(icf.files.base[file], row, k).sh_link
            if icf.sections.row[target].kind == SEC_FOLDED and is_about(icf, file, k, target):
                sec.flags &= ~cython.cast(uint16_t, SEC_LIVE)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def is_about(icf: IcfPtr, file: uint32_t, k: uint32_t, target: uint32_t) -> cython.bint:
    """Does a section refer to no function but `target`?  GCC before 13 puts all of a file into one table, which is
    linked to the first function."""
    row = cython.address(icf.files.row[file])
    span: RelaSpan = relocations_of(icf.sections, icf.files.base[file], row, row.sec_base + k)
    aim = cython.declare(Aim)
    i: uint64_t
    for i in range(span.count):
        aim_of(icf, file, span.rela + i, cython.address(aim))
        if aim.kind == AIM_CANDIDATE and aim.id + 1 != icf.number[target]:
            return False
        if aim.kind == AIM_SECTION and icf.sections.row[aim.id].flags & SEC_EXEC:
            return False
    return True


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def fold_section(icf: IcfPtr, i: int64_t) -> cython.void:
    kept: uint32_t = icf.candidate[icf.leader[i]]
    sec = cython.address(icf.sections.row[icf.candidate[i]])
    leader = cython.address(icf.sections.row[kept])
    leader.align = max(leader.align, sec.align)
    sec.kind = SEC_FOLDED
    sec.link = kept
    f: uint32_t = sec.frames
    while f:
        frame = cython.address(icf.frames.frame[f - 1])
        frame.target = FRAME_DROPPED
        f = frame.next


def folded_sections(sections: SectionTable):
    """(FileId, section index) kept and folded, in input order of the folded ones."""
    found = []
    files = cython.address(sections.inputs.view)
    i: int64_t
    for i in range(sections.fold_count):
        folded: uint32_t = sections.folded[i]
        places = [place_of(files, folded), place_of(files, sections.view.row[folded].link)]
        found.append((*places[1], *places[0]))
    return found


@cython.cfunc
def place_of(files: cython.pointer[Files], section: uint32_t):
    low: int64_t = 0
    i: int64_t
    for i in range(files.count):
        if files.row[i].sec_base and files.row[i].sec_base <= section:
            low = i
    return low, section - files.row[low].sec_base
