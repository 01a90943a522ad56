"""How much of everything a link had (--stats)."""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.wild.kernels.references import LinkTables
from cython.cimports.wild.kernels.sections import relocations_of
from cython.cimports.wild.kernels.tables import *


def totals(tables: LinkTables):
    """Counts by name; members that were not loaded are counted as such, and nothing of them."""
    view = cython.address(tables.inputs.view)
    objects: int64_t = 0
    members: int64_t = 0
    left: int64_t = 0
    shared: int64_t = 0
    size: uint64_t = 0
    sections: int64_t = 0
    live: int64_t = 0
    symbols: int64_t = 0
    relocations: uint64_t = 0
    file: int64_t
    k: uint32_t
    for file in range(1, view.count):
        row = cython.address(view.row[file])
        if row.kind == FILE_SHARED:
            shared += 1
            continue
        if not view.live[file]:
            left += 1
            continue
        if row.flags & FILE_MEMBER:
            members += 1
        else:
            objects += 1
        size += row.size
        symbols += row.nsyms
        for k in range(1, row.shnum if row.sec_base else 0):
            sec = cython.address(tables.sections.view.row[row.sec_base + k])
            if sec.kind == SEC_OUT:
                continue
            sections += 1
            if sec.flags & SEC_LIVE:
                live += 1
                relocations += relocations_of(
                    cython.address(tables.sections.view), view.base[file], row, row.sec_base + k
                ).count
    return {
        "objects": objects,
        "archive members": members,
        "archive members not needed": left,
        "shared objects": shared,
        "bytes of objects": size,
        "sections": sections,
        "sections kept": live,
        "symbols": symbols,
        "relocations": relocations,
    }
