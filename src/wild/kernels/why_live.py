"""Why --gc-sections keeps a section (--why-live): the way to it from a root, by the fewest references.

The walk of reach.py is parallel and remembers no ways.  Here it is repeated in breadth, serially, over the sections
that are live, and notes for each which section was the first to refer to it.  Sections that no reference reaches were
kept for company: members of groups, SHF_LINK_ORDER, and those with a name whose bounds somebody asks for.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.libc.string import strlen
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.frames import FrameTable
from cython.cimports.wild.kernels.glob import glob_match
from cython.cimports.wild.kernels.pool import Arena
from cython.cimports.wild.kernels.references import LinkTables, aimed_at
from cython.cimports.wild.kernels.resolve import symbols_of
from cython.cimports.wild.kernels.sections import RelaSpan, relocations_of, section_of
from cython.cimports.wild.kernels.tables import *

Walk = cython.struct(
    parent=U32,  # SectionId -> the section that refers to it first; itself for a root, 0: not reached
    queue=U32,
    count=int64_t,
)


def ways_to(tables: LinkTables, frames: FrameTable, glob: bytes):
    """[(symbol, way)] of the symbols that a glob fits and that are defined in sections, in input order.

    A way is a list of SectionIds from the symbol's section to a root; it is empty if the section was dropped, and has
    the section alone if that is a root or was kept for company."""
    arena: Arena = Arena()
    walk = cython.declare(Walk)
    total: int64_t = tables.sections.view.count
    walk.parent = cython.cast(U32, arena.array(total, 4))
    walk.queue = cython.cast(U32, arena.array(total, 4))
    walk.count = 0
    file_of = cython.cast(U32, arena.array(total, 4))
    file: int64_t
    k: uint32_t
    for file in range(1, tables.inputs.view.count):
        row = cython.address(tables.inputs.view.row[file])
        for k in range(1, row.shnum if row.sec_base else 0):
            file_of[row.sec_base + k] = cython.cast(uint32_t, file)
    add_roots(tables, cython.address(walk))
    at: int64_t = 0
    while at < walk.count:
        follow(tables, frames, cython.address(walk), file_of[walk.queue[at]], walk.queue[at])
        at += 1
    return named(tables, cython.address(walk), glob)


@cython.cfunc
@cython.exceptval(check=False)
def add_roots(tables: LinkTables, walk: cython.pointer[Walk]) -> cython.void:
    """As in reach.py: sections that are kept for their own sake, and those of symbols that others may use."""
    i: int64_t
    for i in range(1, tables.sections.view.count):
        if tables.sections.view.row[i].flags & SEC_ROOT:
            reach(tables, walk, cython.cast(uint32_t, i), cython.cast(uint32_t, i))
    names = cython.address(tables.names.view)
    for s in range(SHARDS):
        for i in range(names.start[s], names.start[s] + names.count[s]):
            symbol = cython.address(tables.resolution.view.row[i])
            if symbol.section and symbol.flags & SYM_KEPT:
                reach(tables, walk, symbol.section, symbol.section)


@cython.cfunc
@cython.exceptval(check=False)
def reach(tables: LinkTables, walk: cython.pointer[Walk], section: uint32_t, parent: uint32_t) -> cython.void:
    sec = cython.address(tables.sections.view.row[section])
    if walk.parent[section] == 0 and sec.flags & SEC_LIVE and sec.kind != SEC_OUT:
        walk.parent[section] = parent
        walk.queue[walk.count] = section
        walk.count += 1


@cython.cfunc
@cython.exceptval(check=False)
def follow(
    tables: LinkTables, frames: FrameTable, walk: cython.pointer[Walk], file: uint32_t, section: uint32_t
) -> cython.void:
    """Reach what a section and its unwinding records refer to."""
    base = tables.inputs.view.base[file]
    row = cython.address(tables.inputs.view.row[file])
    sec = cython.address(tables.sections.view.row[section])
    i: uint64_t
    if sec.flags & SEC_ALLOC and sec.kind == SEC_PLAIN:
        span: RelaSpan = relocations_of(cython.address(tables.sections.view), base, row, section)
        for i in range(span.count):
            reach(tables, walk, aimed_at(tables, file, span.rela[i].r_sym), section)
    f: uint32_t = sec.frames
    while f:
        frame = cython.address(frames.view.frame[f - 1])
        eh = cython.address(frames.view.eh[frame.eh])
        for i in range(frame.first_rela, frame.first_rela + frame.rela_count):
            reach(tables, walk, aimed_at(tables, file, eh.rela[i].r_sym), section)
        f = frame.next


@cython.cfunc
def named(tables: LinkTables, walk: cython.pointer[Walk], glob: bytes):
    found: list = []
    pattern = cython.cast(Bytes, cython.cast(cython.p_const_char, glob))
    length: uint32_t = len(glob)
    file: int64_t
    i: uint32_t
    for file in range(1, tables.inputs.view.count):
        row = cython.address(tables.inputs.view.row[file])
        if row.sec_base == 0:
            continue
        base = tables.inputs.view.base[file]
        syms: Sym = symbols_of(cython.address(tables.inputs.view), cython.cast(uint32_t, file))
        for i in range(1, row.nsyms):
            if syms[i].st_name == 0 or syms[i].st_name >= row.strsize or syms[i].st_info & 15 >= STT_SECTION:
                continue
            text = base + row.stroff + syms[i].st_name
            size: uint32_t = cython.cast(uint32_t, strlen(cython.cast(cython.p_const_char, text)))
            own: uint32_t = section_of(base, row, syms + i, i)
            if own == 0 or own >= row.shnum or not glob_match(pattern, length, text, size):
                continue
            section: uint32_t = aimed_at(tables, cython.cast(uint32_t, file), i)
            if section == row.sec_base + own:
                found.append((cython.cast(bytes, text[:size]), way_from(tables, walk, section)))
    return found


@cython.cfunc
def way_from(tables: LinkTables, walk: cython.pointer[Walk], section: uint32_t):
    sec = cython.address(tables.sections.view.row[section])
    if not sec.flags & SEC_LIVE or sec.kind == SEC_OUT:
        return []
    way: list = [section]
    while walk.parent[section] and walk.parent[section] != section:
        section = walk.parent[section]
        way.append(section)
    return way


def is_root(tables: LinkTables, section: int):
    """(NameIds of the symbols for whose sake a section is a root, is it one by itself?)"""
    wanted: uint32_t = section
    names = cython.address(tables.names.view)
    found: list = []
    i: int64_t
    for s in range(SHARDS):
        for i in range(names.start[s], names.start[s] + names.count[s]):
            symbol = cython.address(tables.resolution.view.row[i])
            if symbol.section == wanted and symbol.flags & SYM_KEPT:
                found.append(i)
    return found, tables.sections.view.row[wanted].flags & SEC_ROOT != 0
