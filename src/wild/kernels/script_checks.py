"""What a linker script forbids: sections that it does not name (--orphan-handling), and references between sections
that are not in memory together (NOCROSSREFS).  Both are rare and serial."""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import calloc, free
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.references import LinkTables, aimed_at
from cython.cimports.wild.kernels.sections import RelaSpan, relocations_of
from cython.cimports.wild.kernels.tables import *


def sections_of_parts(tables: LinkTables, parts: list):
    """(FileId, section index) of the live sections in some parts, in input order."""
    most: int64_t = 1 + max(parts, default=0)
    wanted = cython.cast(MutableBytes, calloc(most, 1))
    if wanted is cython.NULL:
        raise MemoryError
    for part in parts:
        wanted[cython.cast(uint32_t, part)] = 1
    found: list = []
    file: int64_t
    k: uint32_t
    for file in range(1, tables.inputs.view.count):
        row = cython.address(tables.inputs.view.row[file])
        for k in range(1, row.shnum if row.sec_base else 0):
            sec = cython.address(tables.sections.view.row[row.sec_base + k])
            if sec.kind != SEC_OUT and sec.flags & SEC_LIVE and sec.part < most and wanted[sec.part]:
                found.append((file, k))
    free(wanted)
    return found


def cross_references(tables: LinkTables, output_of_part: list, forbidden: set):
    """(FileId, section index, r_offset, symbol index, output sections from and to) of what is forbidden.

    `output_of_part` has the number of an output section by PartId, 0 for those that do not count; `forbidden` holds
    pairs of such numbers."""
    count: int64_t = len(output_of_part)
    outputs = cython.cast(U32, calloc(max(count, 1), 4))
    if outputs is cython.NULL:
        raise MemoryError
    i: int64_t
    for i in range(count):
        outputs[i] = output_of_part[i]
    found: list = []
    file: int64_t
    k: uint32_t
    r: uint64_t
    for file in range(1, tables.inputs.view.count):
        row = cython.address(tables.inputs.view.row[file])
        for k in range(1, row.shnum if row.sec_base else 0):
            source: uint32_t = output_of(tables, outputs, count, row.sec_base + k)
            if source == 0:
                continue
            sections = cython.address(tables.sections.view)
            base = tables.inputs.view.base[file]
            span: RelaSpan = relocations_of(sections, base, row, row.sec_base + k)
            for r in range(span.count):
                aim: uint32_t = aimed_at(tables, cython.cast(uint32_t, file), span.rela[r].r_sym)
                target: uint32_t = output_of(tables, outputs, count, aim) if aim else 0
                if target and target != source and (source, target) in forbidden:
                    found.append((file, k, span.rela[r].r_offset, span.rela[r].r_sym, source, target))
    free(outputs)
    return found


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def output_of(tables: LinkTables, outputs: U32, count: int64_t, section: uint32_t) -> uint32_t:
    sec = cython.address(tables.sections.view.row[section])
    if sec.kind == SEC_OUT or not sec.flags & SEC_LIVE or sec.part >= count:
        return 0
    return outputs[sec.part]
