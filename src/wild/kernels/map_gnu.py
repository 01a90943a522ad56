"""The map in GNU ld's form (-Map), which the tools that measure programs read.

Output sections, input sections and symbols are the lines of map_text.py.  A name of more than 15 columns has a line
for itself; `*fill*` is what lies between two input sections.  As GNU ld does, only global symbols are told unless
--print-map-locals asks for more.  What differs: GNU ld tells merged strings, unwind records and sections of the
linker's own making under the first object, with sizes that add up to nothing; here they are from `<internal>`.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import free, qsort
from cython.cimports.libc.string import memset
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.map_tables import MapTables
from cython.cimports.wild.kernels.map_text import (
    LINE_COMMON,
    LINE_INPUT,
    LINE_OUTPUT,
    LINE_OUTSIDE,
    LINE_OWN,
    LINE_SCRIPT,
    Defined,
    Line,
    Map,
    add_line,
    compare_symbols,
    list_lines,
    list_symbols,
    put_common_name,
    write_lines,
)
from cython.cimports.wild.kernels.pool import Arena, Pool
from cython.cimports.wild.kernels.resolve import COMMON_DROPPED, symbols_of
from cython.cimports.wild.kernels.sections import section_header
from cython.cimports.wild.kernels.tables import *
from cython.cimports.wild.kernels.text import (
    Demangle,
    Text,
    put,
    put_address,
    put_file,
    put_number,
    put_spaces,
    put_string,
    put_symbol,
    write_text,
)

NAME_WIDTH = cython.declare(cython.const[uint64_t], 16)
SIZE_WIDTH = cython.declare(cython.const[uint64_t], 11)
COMMON_WIDTH = cython.declare(cython.const[uint64_t], 20)  # of the names in the table of common symbols
COMMON_SIZE_WIDTH = cython.declare(cython.const[uint64_t], 18)


def write_gnu_map(
    pool: Pool,
    tables: MapTables,
    own: list,
    commons: list,
    descriptor: int,
    demangle: int,
    texts: tuple,
    show_discarded: bool,
    show_locals: bool,
):
    """As write_map; `texts`: what stands before the common symbols, before the list of files, and at the end."""
    arena: Arena = Arena()
    map = cython.declare(Map)
    map.namer.demangle = cython.cast(Demangle, cython.cast(cython.p_void, cython.cast(uint64_t, demangle)))
    map.locals = show_locals
    list_lines(arena, tables, cython.address(map), own, commons)
    list_symbols(arena, cython.address(map))
    write_bytes(descriptor, texts[0])
    write_summary(cython.address(map), tables.resolution.common_count, descriptor, put_commons)
    if show_discarded:
        write_discarded(pool, tables, cython.address(map), descriptor)
    write_bytes(descriptor, texts[1])
    write_summary(cython.address(map), 0, descriptor, put_loads)
    list_gaps(arena, cython.address(map))
    write_lines(pool, arena, cython.address(map), format_line, descriptor)
    write_bytes(descriptor, texts[2])


@cython.cfunc
@cython.exceptval(-1, check=False)
def write_bytes(descriptor: cython.int, text: bytes) -> cython.int:
    return write_text(descriptor, cython.cast(cython.p_const_char, text), len(text))


@cython.cfunc
@cython.exceptval(-1, check=False)
def write_summary(
    map: cython.pointer[Map], count: int64_t, descriptor: cython.int, summary: Summary
) -> cython.int:
    """Text about all inputs; raises OSError."""
    text = cython.declare(Text)
    memset(cython.address(text), 0, cython.sizeof(Text))
    try:
        summary(map, count, cython.address(text))
        if text.failed:
            raise MemoryError("no memory for the map")
        write_text(descriptor, text.start, text.size)
    finally:
        free(text.start)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def put_commons(map: cython.pointer[Map], count: int64_t, text: cython.pointer[Text]) -> cython.void:
    """The common symbols with their sizes and the files whose definitions count."""
    i: uint32_t
    is_first: cython.bint = True
    for i in range(cython.cast(uint32_t, count)):
        common = cython.address(map.common[i])
        if common.area == COMMON_DROPPED:
            continue
        if is_first:
            put_string(text, b"\nAllocating common symbols\nCommon symbol       size              file\n\n")
        is_first = False
        start: uint64_t = text.size
        put_common_name(map, i, text)
        pad(text, start, COMMON_WIDTH)
        start = text.size
        put(text, b"0x", 2)
        put_number(text, common.size, 16, 0)
        pad(text, start, COMMON_SIZE_WIDTH)
        put_file(text, cython.address(map.namer), map.image.symbols[common.name].file)
        put(text, b"\n", 1)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def put_loads(map: cython.pointer[Map], count: int64_t, text: cython.pointer[Text]) -> cython.void:
    """`LOAD FILE`, archives once for all their members."""
    file: int64_t
    path: uint32_t = NONE
    for file in range(1, map.image.files.count):
        row = cython.address(map.image.files.row[file])
        if row.flags & FILE_MEMBER and row.path == path:
            continue
        path = row.path
        put_string(text, b"LOAD ")
        put_string(text, map.namer.maps[path].path)
        put(text, b"\n", 1)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def pad(text: cython.pointer[Text], start: uint64_t, width: uint64_t) -> cython.void:
    """Fill a column that begins at `start`; what is too wide for it has the line for itself."""
    used: uint64_t = text.size - start
    if used + 1 >= width:
        put(text, b"\n", 1)
        used = 0
    put_spaces(text, width - used)


# --- what is not in the output --------------------------------------------------------------------


@cython.cfunc
@cython.exceptval(-1, check=False)
def write_discarded(
    pool: Pool, tables: MapTables, all_lines: cython.pointer[Map], descriptor: cython.int
) -> cython.int:
    """The input sections that were dropped, in input order; raises OSError."""
    arena: Arena = Arena()
    map: Map = all_lines[0]
    map.line = cython.cast(cython.pointer[Line], arena.array(tables.view.sections.count, cython.sizeof(Line)))
    map.count = 0
    with cython.nogil:
        list_discarded(cython.address(map))
    if map.count:
        write_bytes(descriptor, b"\nDiscarded input sections\n\n")
        write_lines(pool, arena, cython.address(map), format_discarded, descriptor)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def list_discarded(map: cython.pointer[Map]) -> cython.void:
    image = map.image
    file: int64_t
    k: uint32_t
    for file in range(1, image.files.count):
        row = cython.address(image.files.row[file])
        for k in range(1, row.shnum if row.sec_base else 1):
            sec = cython.address(image.sections.row[row.sec_base + k])
            lives: cython.bint = sec.kind != SEC_OUT and sec.kind != SEC_FOLDED and sec.flags & SEC_LIVE != 0
            if not lives and is_content(section_header(image.files.base[file], row, k).sh_type):
                add_line(map, 0, 0, LINE_INPUT, row.sec_base + k)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def is_content(type: uint32_t) -> cython.bint:
    """Not one of the tables that describe the file."""
    return type not in (
        SHT_NULL,
        SHT_SYMTAB,
        SHT_STRTAB,
        SHT_RELA,
        SHT_REL,
        SHT_CREL,
        SHT_SYMTAB_SHNDX,
    )


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def format_discarded(
    map: cython.pointer[Map], line: cython.pointer[Line], text: cython.pointer[Text]
) -> cython.void:
    file: uint32_t = map.file_of[line.what]
    shdr = section_header(
        map.image.files.base[file],
        cython.address(map.image.files.row[file]),
        line.what - map.image.files.row[file].sec_base,
    )
    put_input(map, line.what, 0, shdr.sh_size, text)


# --- what is in the output ------------------------------------------------------------------------


@cython.cfunc
@cython.exceptval(-1, check=False)
def list_gaps(arena: Arena, map: cython.pointer[Map]) -> cython.int:
    """How many bytes before each line nothing is in; before the line behind a section those at its end."""
    map.gap = cython.cast(cython.pointer[uint64_t], arena.array(map.count, 8))
    i: int64_t
    end: uint64_t = 0  # of what has been listed of the section
    for i in range(map.count):
        line = cython.address(map.line[i])
        own = cython.address(map.own[map.line[i - 1].out if i else line.out])
        if line.kind == LINE_OUTPUT or line.kind == LINE_OUTSIDE:
            if i and own.address + own.size > end:
                map.gap[i] = own.address + own.size - end
            end = line.address if line.kind == LINE_OUTPUT else own.address + own.size
            continue
        if line.address > end and line.shndx:
            map.gap[i] = line.address - end
        end = max(end, line.address + line_size(map, line))
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def line_size(map: cython.pointer[Map], line: cython.pointer[Line]) -> uint64_t:
    if line.kind == LINE_INPUT:
        return map.image.sections.row[line.what].size
    if line.kind == LINE_COMMON:
        return map.common[line.what].size
    return map.own[line.what].size


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def format_line(
    map: cython.pointer[Map], line: cython.pointer[Line], text: cython.pointer[Text]
) -> cython.void:
    i: int64_t = line - map.line
    if map.gap[i]:
        put_fill(map, i, text)
    is_own: cython.bint = line.kind != LINE_INPUT and line.kind != LINE_COMMON
    own = cython.address(map.own[line.what if is_own else 0])
    if line.kind == LINE_OUTPUT:
        put(text, b"\n", 1)
        put_row(text, b"", own.name, own.address, own.size)
        if own.load != own.address:
            put_string(text, b" load address ")
            put_address(text, own.load)
    elif line.kind == LINE_SCRIPT or line.kind == LINE_OUTSIDE:
        put_string(text, own.name)
    elif line.kind == LINE_OWN:
        put_row(text, b" ", own.name, own.address, own.size)
        put_string(text, b" <internal>")
    elif line.kind == LINE_COMMON:
        common = cython.address(map.common[line.what])
        put_row(text, b" ", b"COMMON", line.address, common.size)
        put(text, b" ", 1)
        put_file(text, cython.address(map.namer), map.image.symbols[common.name].file)
        put(text, b"\n", 1)
        put_place(text, line.address)
        put_common_name(map, line.what, text)
    else:
        sec = cython.address(map.image.sections.row[line.what])
        if sec.size or map.first[line.what] != map.first[line.what + 1]:
            put_input(map, line.what, sec.address, sec.size, text)
            put_symbols(map, line.what, text)
        return
    put(text, b"\n", 1)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def put_fill(map: cython.pointer[Map], i: int64_t, text: cython.pointer[Text]) -> cython.void:
    """` *fill*`, with a blank at the end, as GNU ld has it where the bytes are nothing special."""
    line = cython.address(map.line[i])
    end: uint64_t = line.address
    if line.kind == LINE_OUTPUT or line.kind == LINE_OUTSIDE:
        own = cython.address(map.own[map.line[i - 1].out])
        end = own.address + own.size
    put_row(text, b" ", b"*fill*", end - map.gap[i], map.gap[i])
    put(text, b" \n", 2)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def put_row(
    text: cython.pointer[Text],
    before: cython.p_const_char,
    name: cython.p_const_char,
    address: uint64_t,
    size: uint64_t,
) -> cython.void:
    """Name, address and size, without the end of the line."""
    start: uint64_t = text.size
    put_string(text, before)
    put_string(text, name)
    pad(text, start, NAME_WIDTH)
    put_address(text, address)
    start = text.size
    put(text, b"0x", 2)
    put_number(text, size, 16, 0)
    width: uint64_t = text.size - start
    text.size = start
    put_spaces(text, SIZE_WIDTH - width if width < SIZE_WIDTH else 1)
    put(text, b"0x", 2)
    put_number(text, size, 16, 0)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def put_input(
    map: cython.pointer[Map], section: uint32_t, address: uint64_t, size: uint64_t, text: cython.pointer[Text]
) -> cython.void:
    file: uint32_t = map.file_of[section]
    row = cython.address(map.image.files.row[file])
    base = map.image.files.base[file]
    shdr = section_header(base, row, section - row.sec_base)
    known: cython.bint = shdr.sh_name < row.shstrsize
    name = cython.cast(cython.p_const_char, base + row.shstroff + (shdr.sh_name if known else 0))
    put_row(text, b" ", name, address, size)
    put(text, b" ", 1)
    put_file(text, cython.address(map.namer), file)
    put(text, b"\n", 1)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def put_place(text: cython.pointer[Text], address: uint64_t) -> cython.void:
    """What stands before the name of a symbol."""
    put_spaces(text, NAME_WIDTH)
    put_address(text, address)
    put_spaces(text, NAME_WIDTH)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def put_symbols(map: cython.pointer[Map], section: uint32_t, text: cython.pointer[Text]) -> cython.void:
    """The symbols of a section, by value; each section is formatted once, so they may be sorted in place."""
    first: uint32_t = map.first[section]
    count: uint32_t = map.first[section + 1] - first
    i: uint32_t
    if count > 1:
        qsort(map.defined + first, count, cython.sizeof(Defined), compare_symbols)
    for i in range(first, first + count):
        defined = cython.address(map.defined[i])
        row = cython.address(map.image.files.row[defined.file])
        if defined.sym < row.first_global and not map.locals:
            continue
        sym: Sym = symbols_of(cython.address(map.image.files), defined.file) + defined.sym
        put_place(text, map.image.sections.row[section].address + defined.value)
        name = cython.cast(cython.p_const_char, map.image.files.base[defined.file] + row.stroff + sym.st_name)
        put_symbol(text, cython.address(map.namer), name)
        put(text, b"\n", 1)
