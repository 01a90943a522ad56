"""SHF_LINK_ORDER (gABI, "Section Attribute Flags"): sections about another one, which sh_link names.

Compilers make tables of them, with a section for each function or variable: __patchable_function_entries, the
metadata of sanitizers.  A section that is about one which is not in the output is not in it either, as in GNU ld
(groups.py); --gc-sections lets both live together (companions.py).  Sections that are about others stand in the order
of these; those in the same table that are about none stand in front of them, as GNU ld has it.

That holds for tables with a name of their own and for all that a linker script lists.  .gcc_except_table, which clang
links to functions, is reached through the unwind records, so that its order is nobody's business; it stays in input
order, which can be laid out in parallel.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import qsort
from cython.cimports.wild.kernels.elf import U32
from cython.cimports.wild.kernels.image import Image
from cython.cimports.wild.kernels.link_order import Linked
from cython.cimports.wild.kernels.measure import *
from cython.cimports.wild.kernels.sections import section_header
from cython.cimports.wild.kernels.tables import *
from cython.cimports.wild.kernels.units import BLOCK_FILES


def linked_parts(layout: Layout):
    """{PartId: PartId of the section that its first section is linked to}, of parts all of whose sections are."""
    found: dict = {}
    sections = layout.sections
    if not sections.has & HAS_LINK_ORDER:
        return found
    files = cython.address(sections.inputs.view)
    mixed = set()
    file: int64_t
    k: uint32_t
    for file in range(1, files.count):
        row = cython.address(files.row[file])
        for k in range(1, row.shnum if row.sec_base else 1):
            sec = cython.address(sections.view.row[row.sec_base + k])
            if sec.kind == SEC_OUT or not sec.flags & SEC_LIVE or not sec.part:
                continue
            if sec.flags & SEC_LINKED:
                target: uint32_t = section_header(files.base[file], row, k).sh_link
                found.setdefault(sec.part, sections.view.row[row.sec_base + target].part)
            else:
                mixed.add(sec.part)
    return {part: target for part, target in found.items() if part not in mixed and target}


def sort_linked(layout: Layout, number: int, ranks: list):
    """Bring the sections of a key into the order of those that they are about; `ranks` is by PartId."""
    key = cython.address(layout.sections.keys[cython.cast(int64_t, number)])
    arena = layout.inputs.arena
    rows = cython.cast(cython.pointer[Linked], arena.array(key.count, cython.sizeof(Linked)))
    rank = cython.cast(U32, arena.array(len(ranks), 4))
    live = cython.cast(U32, arena.array(layout.view.files.count, 4))
    files: int64_t = list_live(layout, live)
    i: uint64_t
    for i in range(len(ranks)):
        rank[i] = ranks[i]
    with cython.nogil:
        collect_linked(layout, rows, layout.sections.ids + key.first, key.count, rank, live, files)
        qsort(rows, key.count, cython.sizeof(Linked), compare_linked)
        for i in range(key.count):
            layout.sections.ids[key.first + i] = rows[i].section


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def collect_linked(
    layout: Layout,
    rows: cython.pointer[Linked],
    ids: U32,
    count: uint64_t,
    rank: U32,
    live: U32,
    files: int64_t,
) -> cython.void:
    """Note of each section where the one is that it is about: the part, and the offset there.

    `live`: FileIds of the files that have sections.  A script may have sorted the sections of a key."""
    image = cython.address(layout.view)
    i: uint64_t
    f: uint32_t
    for i in range(count):
        linked = cython.address(rows[i])
        linked.section = ids[i]
        linked.number = cython.cast(uint32_t, i)
        linked.rank = 0
        linked.offset = 0
        if not image.sections.row[ids[i]].flags & SEC_LINKED:
            continue
        f = file_of_section(image, live, files, ids[i])
        row = cython.address(image.files.row[f])
        shdr = section_header(image.files.base[f], row, ids[i] - row.sec_base)
        target = cython.address(image.sections.row[row.sec_base + shdr.sh_link])
        linked.rank = 1 + rank[target.part]
        if target.kind == SEC_PLAIN:
            start: uint64_t = layout.starts[f // BLOCK_FILES * image.part_count + target.part]
            linked.offset = start + target.address


@cython.cfunc
@cython.exceptval(-1, check=False)
def list_live(layout: Layout, live: U32) -> int64_t:
    """FileIds of the files that have sections; their SectionIds ascend."""
    count: int64_t = 0
    f: int64_t
    for f in range(layout.view.files.count):
        if layout.view.files.row[f].sec_base:
            live[count] = cython.cast(uint32_t, f)
            count += 1
    return count


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def file_of_section(image: cython.pointer[Image], live: U32, files: int64_t, section: uint32_t) -> uint32_t:
    """The last file whose first section is not behind `section`."""
    low: int64_t = 0
    high: int64_t = files
    while low + 1 < high:
        middle: int64_t = (low + high) // 2
        if image.files.row[live[middle]].sec_base <= section:
            low = middle
        else:
            high = middle
    return live[low]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def compare_linked(a: cython.p_const_void, b: cython.p_const_void) -> cython.int:
    x = cython.cast(cython.pointer[Linked], a)
    y = cython.cast(cython.pointer[Linked], b)
    if x.rank != y.rank:
        return 1 if x.rank > y.rank else -1
    if x.offset != y.offset:
        return 1 if x.offset > y.offset else -1
    return (x.number > y.number) - (x.number < y.number)
