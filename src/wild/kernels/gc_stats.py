"""Counts by input file, for reports that are asked for: code that was kept and dropped, members that were linked."""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.wild.kernels.references import LinkTables
from cython.cimports.wild.kernels.tables import *


def code_bytes(tables: LinkTables) -> list:
    """(file, bytes kept, bytes dropped) of every live object with code, in input order."""
    files = cython.address(tables.inputs.view)
    found: list = []
    file: int64_t
    k: uint32_t
    kept: uint64_t
    dropped: uint64_t
    for file in range(1, files.count):
        row = cython.address(files.row[file])
        kept = dropped = 0
        for k in range(1, row.shnum if row.sec_base else 1):
            sec = cython.address(tables.sections.view.row[row.sec_base + k])
            if not sec.flags & SEC_EXEC or sec.flags & SEC_LOSER or sec.kind == SEC_OUT:
                continue
            if sec.flags & SEC_LIVE:
                kept += sec.size
            else:
                dropped += sec.size
        if kept + dropped:
            found.append((file, kept, dropped))
    return found


def archive_members(tables: LinkTables) -> list:
    """(file, is it linked?) of every archive member that is an object, in input order."""
    files = cython.address(tables.inputs.view)
    found: list = []
    file: int64_t
    for file in range(1, files.count):
        row = cython.address(files.row[file])
        if row.flags & FILE_MEMBER and row.kind == FILE_OBJECT:
            found.append((file, files.live[file] != 0))
    return found
