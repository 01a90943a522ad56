"""Symbols that a script assigns inside of an output section, in a partial link: where input statements begin and end.

Such a symbol is said by a section beside it, so that it moves when the output is linked.  An output section of no
input is not in the output; its symbols are 0, so that a table between two of them is empty.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.wild.kernels.partial import Partial
from cython.cimports.wild.kernels.tables import NONE, SEC_LIVE


@cython.cfunc
@cython.exceptval(-1, check=False)
def place_symbol(
    partial: cython.pointer[Partial], name: uint32_t, first: uint32_t, last: uint32_t, behind: uint32_t
) -> cython.int:
    """See PartialLink.set_place."""
    anchor: uint32_t = 0
    end: uint64_t = 0
    row_of_anchor: int64_t = 0
    found: cython.bint = False
    i: int64_t
    n: uint64_t
    for i in range(1, partial.out_count):
        row = cython.address(partial.out[i])
        if row.own is not cython.NULL or (anchor and row_of_anchor != i):
            continue
        for n in range(row.first, row.first + row.count):
            section: uint32_t = partial.ids[n]
            sec = cython.address(partial.sections.row[section])
            if not sec.flags & SEC_LIVE or sec.unused == NONE or not first <= sec.unused <= last:
                continue
            if anchor == 0:
                anchor = section
                row_of_anchor = i
            if sec.unused < behind:
                end = max(end, sec.address + sec.size)
            elif sec.unused == behind and not found:
                found = True
                end = sec.address
    symbol = cython.address(partial.symbols[name])
    symbol.section = anchor
    symbol.value = end - partial.sections.row[anchor].address if anchor else 0
    return 0
