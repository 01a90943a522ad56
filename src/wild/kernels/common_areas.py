"""Where common symbols get their memory: each in one of three areas, which end .bss, .lbss and .tbss.

A common symbol is large (SHN_AMD64_LCOMMON; psABI, "Medium code model") if every object that has it says
so: code of the small model cannot reach .lbss.  A thread-local one (.tls_common of the GNU assembler) is
a part of the TLS template.  In an area they stand in input order.  A linker script can have areas for
those of some files.

With --gc-sections, a common symbol that nothing in the output refers to gets no memory: reach.py has
marked the others SYM_KEPT.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.wild.kernels.elf import align_up
from cython.cimports.wild.kernels.file_patterns import match_files
from cython.cimports.wild.kernels.measure import Layout
from cython.cimports.wild.kernels.resolve import (
    COMMON_DROPPED,
    COMMON_MOST,
    COMMON_OTHERS,
    CommonRow,
    Resolution,
)
from cython.cimports.wild.kernels.tables import (
    NONE,
    SYM_COMMON,
    SYM_KEPT,
    SYM_OBJECT_DEF,
    SYM_REF,
    SYM_STRONG_REF,
    SYM_WEAK_DEF,
)

from wild.errors import LinkError

LARGEST_SIZE = cython.declare(cython.const[uint64_t], 1 << 46)
LARGEST_ALIGN = cython.declare(cython.const[uint64_t], 1 << 32)


def drop_commons(resolution: Resolution):
    """Take the common symbols out of the link that the walk has not reached."""
    i: int64_t
    for i in range(resolution.common_count):
        common = cython.address(resolution.commons[i])
        symbol = cython.address(resolution.view.row[common.name])
        if not symbol.flags & SYM_KEPT:
            common.area = COMMON_DROPPED
            # No symbol of the file wins: this one is in no symbol table, and to debug information it is 0.
            symbol.sym = 0
            symbol.value = 0


def import_commons(resolution: Resolution):
    """Let the common symbols be undefined, and their files refer to them (--no-define-common)."""
    i: int64_t
    for i in range(resolution.common_count):
        symbol = cython.address(resolution.view.row[resolution.commons[i].name])
        symbol.flags &= ~cython.cast(uint32_t, SYM_COMMON | SYM_OBJECT_DEF | SYM_WEAK_DEF)
        symbol.flags |= SYM_REF | SYM_STRONG_REF
        symbol.file = NONE
        symbol.section = symbol.sym = 0
        symbol.value = 0
    resolution.common_count = 0


def split_commons(layout: Layout, specs: list):
    """Move common symbols to areas of their own: (area they are in, file pattern, excluded patterns) of each further
    area, the first that fits counts; patterns as in file_patterns.py.  Raises LinkError."""
    if len(specs) > COMMON_MOST - COMMON_OTHERS:
        raise LinkError(
            f"the linker script has more than {COMMON_MOST - COMMON_OTHERS} places for common symbols"
        )
    resolution = layout.resolution
    files: int64_t = resolution.inputs.view.count
    fits = match_files(resolution.inputs, [spec[1:] for spec in specs])
    i: int64_t
    row: int64_t
    for i in range(resolution.common_count):
        common = cython.address(resolution.commons[i])
        file: uint32_t = resolution.view.row[common.name].file
        for row in range(len(specs)):
            if common.area == specs[row][0] and file < files and fits[row * files + file]:
                common.area = cython.cast(uint32_t, COMMON_OTHERS + row)
                break


def common_areas(layout: Layout, areas: int):
    """[(size, alignment)] of the areas COMMON_PLAIN, COMMON_LARGE, COMMON_TLS and the others; raises LinkError."""
    resolution = layout.resolution
    ends = [0] * areas
    aligns = [1] * areas
    area: cython.int
    for area in range(areas):
        end: uint64_t = 0
        largest: uint64_t = 1
        i: int64_t
        for i in range(resolution.common_count):
            common = cython.address(resolution.commons[i])
            if common.area != area:
                continue
            check_common(resolution, common, end)
            end = align_up(end, common.align if common.align else 1) + common.size
            largest = max(largest, common.align)
        ends[area] = end
        aligns[area] = largest
    return list(zip(ends, aligns, strict=True))


@cython.cfunc
@cython.exceptval(-1, check=False)
def check_common(resolution: Resolution, common: cython.pointer[CommonRow], end: uint64_t) -> cython.int:
    """Sizes and alignments that sums could overflow with."""
    if common.size > LARGEST_SIZE or common.align > LARGEST_ALIGN or end > LARGEST_SIZE:
        name = resolution.names.text(common.name).decode("utf-8", "surrogateescape")
        raise LinkError(
            f"common symbol {name} of {common.size} bytes, aligned to {common.align}, is too large"
        )
    return 0


def common_place(layout: Layout, name: int):
    """(area, offset in it) of a common symbol before it has its address, None of a NameId that is none."""
    resolution = layout.resolution
    symbol = cython.address(layout.view.symbols[cython.cast(uint32_t, name)])
    index: int64_t = symbol.value
    if not symbol.flags & SYM_COMMON or index >= resolution.common_count:
        return None
    area: uint32_t = resolution.commons[index].area
    end: uint64_t = 0
    at: uint64_t = 0
    i: int64_t
    for i in range(index + 1):
        common = cython.address(resolution.commons[i])
        if common.area == area:
            at = align_up(end, common.align if common.align else 1)
            end = at + common.size
    return None if area == COMMON_DROPPED else (area, at)


def place_commons(layout: Layout, starts):
    """Give the common symbols their addresses; `starts` are those of the areas."""
    resolution = layout.resolution
    end = cython.declare(uint64_t[64])
    i: int64_t
    for i in range(len(starts)):
        end[i] = starts[i]
    for i in range(resolution.common_count):
        common = cython.address(resolution.commons[i])
        if common.area != COMMON_DROPPED:
            at: uint64_t = align_up(end[common.area], common.align if common.align else 1)
            layout.view.symbols[common.name].value = at
            end[common.area] = at + common.size
