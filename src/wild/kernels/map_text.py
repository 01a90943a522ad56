"""The map in lld's form (--Map-format=lld), and the lines that all forms are made of: output sections, the
input sections in them, and the symbols in those, in the order of addresses.

lld's form is for tools that were written for it: address and load address, size and alignment, then the
name, indented by what it is.  What the linker makes itself is said to come from `<internal>`.

A large program has millions of lines.  First all that will be a line for itself is listed as a row of
numbers and sorted; symbols are hung on their sections by counting.  Then blocks of rows are turned into
text in parallel, some at a time, and written in order, so memory holds the rows and a few blocks of text.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import free, qsort
from cython.cimports.libc.string import strlen
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.map_tables import MapTables
from cython.cimports.wild.kernels.map_text import (
    LINE_COMMON,
    LINE_INPUT,
    LINE_OUTPUT,
    LINE_OWN,
    Defined,
    Line,
    LineFormat,
    Map,
    Own,
)
from cython.cimports.wild.kernels.pool import Arena, Pool
from cython.cimports.wild.kernels.resolve import COMMON_DROPPED, symbols_of
from cython.cimports.wild.kernels.sections import section_of
from cython.cimports.wild.kernels.tables import *
from cython.cimports.wild.kernels.text import (
    Demangle,
    Text,
    put,
    put_file,
    put_number,
    put_section,
    put_spaces,
    put_symbol,
    write_text,
)

BLOCK = cython.declare(cython.const[int64_t], 1024)  # lines
BLOCKS_AT_ONCE = cython.declare(cython.const[int64_t], 64)

HEAD = b"             VMA              LMA     Size Align Out     In      Symbol\n"


def write_map(pool: Pool, tables: MapTables, own: list, commons: list, descriptor: int, demangle: int):
    """Write the map to a file descriptor; addresses must be final.

    `own`: (address, size, alignment, output section index, name, LINE_*, load address) of the output
    sections, and of what stands in them that comes from no input section; names are bytes.  `commons`: the
    PartIds of the common symbols by COMMON_* area; none if they have no places.  `demangle`: address of
    __cxa_demangle, or 0.  Raises OSError.
    """
    arena: Arena = Arena()
    map = cython.declare(Map)
    map.namer.demangle = cython.cast(Demangle, cython.cast(cython.p_void, cython.cast(uint64_t, demangle)))
    list_lines(arena, tables, cython.address(map), own, commons)
    list_symbols(arena, cython.address(map))
    head: bytes = HEAD
    write_text(descriptor, head, len(head))
    write_lines(pool, arena, cython.address(map), format_line, descriptor)


@cython.cfunc
@cython.exceptval(-1, check=False)
def write_lines(
    pool: Pool, arena: Arena, map: cython.pointer[Map], format: LineFormat, descriptor: cython.int
) -> cython.int:
    """Turn the lines into text, some blocks at a time, and write it in order; raises OSError."""
    map.format = format
    map.text = cython.cast(cython.pointer[Text], arena.array(BLOCKS_AT_ONCE, cython.sizeof(Text)))
    i: int64_t
    try:
        map.begin = 0
        while map.begin < map.count:
            blocks: int64_t = min(BLOCKS_AT_ONCE, (map.count - map.begin + BLOCK - 1) // BLOCK)
            pool.run(format_blocks, map, blocks, 1)
            for i in range(blocks):
                if map.text[i].failed:
                    raise MemoryError("no memory for the map")
                write_text(descriptor, map.text[i].start, map.text[i].size)
            map.begin += blocks * BLOCK
    finally:
        for i in range(BLOCKS_AT_ONCE):
            free(map.text[i].start)
    return 0


@cython.cfunc
@cython.exceptval(-1, check=False)
def list_lines(
    arena: Arena, tables: MapTables, map: cython.pointer[Map], own: list, commons: list
) -> cython.int:
    """All lines but those of symbols, in their order."""
    map.image = cython.address(tables.view)
    map.whole = tables.whole
    map.common = tables.resolution.commons
    map.namer.files = cython.address(tables.view.files)
    map.namer.maps = tables.inputs.maps
    map.namer.members = tables.inputs.names
    map.count = 0
    sections = cython.address(map.image.sections)
    common_count: int64_t = tables.resolution.common_count if commons else 0
    room: int64_t = sections.count + common_count + len(own)
    map.line = cython.cast(cython.pointer[Line], arena.array(room, cython.sizeof(Line)))
    map.file_of = cython.cast(U32, arena.array(sections.count, 4))
    map.own = cython.cast(cython.pointer[Own], arena.array(len(own), cython.sizeof(Own)))
    common_shndx = cython.declare(uint32_t[64])  # COMMON_MOST
    i: int64_t
    for i in range(len(commons)):
        common_shndx[i] = map.image.part[cython.cast(uint32_t, commons[i])].shndx
    for i in range(len(own)):
        address, size, align, shndx, name, kind, load = own[i]
        map.own[i].address, map.own[i].size, map.own[i].align, map.own[i].load = address, size, align, load
        map.own[i].name = name
        add_line(map, shndx, address, kind, cython.cast(uint32_t, i))
    with cython.nogil:
        list_sections(map)
        for i in range(common_count):
            if map.common[i].area == COMMON_DROPPED:
                continue
            value: uint64_t = map.image.symbols[map.common[i].name].value
            add_line(map, common_shndx[map.common[i].area], value, LINE_COMMON, cython.cast(uint32_t, i))
        qsort(map.line, map.count, cython.sizeof(Line), compare_lines)
        out: uint32_t = 0
        for i in range(map.count):
            if map.line[i].kind == LINE_OUTPUT:
                out = map.line[i].what
            map.line[i].out = out
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def add_line(
    map: cython.pointer[Map], shndx: uint32_t, address: uint64_t, kind: uint32_t, what: uint32_t
) -> cython.void:
    line = cython.address(map.line[map.count])
    line.shndx = shndx
    line.address = address
    line.kind = kind
    line.what = what
    line.out = 0
    map.count += 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def list_sections(map: cython.pointer[Map]) -> cython.void:
    """The input sections that are in the output as they are."""
    image = map.image
    file: int64_t
    k: uint32_t
    for file in range(1, image.files.count):
        row = cython.address(image.files.row[file])
        for k in range(1, row.shnum if row.sec_base else 1):
            id: uint32_t = row.sec_base + k
            map.file_of[id] = cython.cast(uint32_t, file)
            if is_listed(map, id):
                sec = cython.address(image.sections.row[id])
                add_line(map, image.part[sec.part].shndx, sec.address, LINE_INPUT, id)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def is_listed(map: cython.pointer[Map], section: uint32_t) -> cython.bint:
    sec = cython.address(map.image.sections.row[section])
    return (sec.kind == SEC_PLAIN or map.whole) and sec.flags & SEC_LIVE and sec.part != 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def compare_lines(a: cython.p_const_void, b: cython.p_const_void) -> cython.int:
    x = cython.cast(cython.pointer[cython.const[Line]], a)
    y = cython.cast(cython.pointer[cython.const[Line]], b)
    if x.shndx != y.shndx:
        return -1 if x.shndx < y.shndx else 1
    if x.address != y.address:
        return -1 if x.address < y.address else 1
    if x.kind != y.kind:
        return -1 if x.kind < y.kind else 1
    return -1 if x.what < y.what else x.what > y.what


@cython.cfunc
@cython.exceptval(-1, check=False)
def list_symbols(arena: Arena, map: cython.pointer[Map]) -> cython.int:
    """The symbols of each section, by counting: first how many, then where they begin, then which."""
    count: uint64_t = map.image.sections.count
    map.first = cython.cast(U32, arena.array(count + 2, 4))
    i: uint64_t
    with cython.nogil:
        visit_symbols(map, False)
        for i in range(1, count + 2):
            map.first[i] += map.first[i - 1]
    map.defined = cython.cast(
        cython.pointer[Defined], arena.array(map.first[count + 1], cython.sizeof(Defined))
    )
    with cython.nogil:
        visit_symbols(map, True)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def visit_symbols(map: cython.pointer[Map], fill: cython.bint) -> cython.void:
    """Count the symbols of section N in `first[N + 2]`, or fill them in from `first[N + 1]` on, which moves
    up.
    """
    image = map.image
    file: int64_t
    sym: uint32_t
    for file in range(1, image.files.count):
        row = cython.address(image.files.row[file])
        syms: Sym = symbols_of(cython.address(image.files), cython.cast(uint32_t, file))
        for sym in range(1, row.nsyms if row.sec_base else 1):
            section: uint32_t = listed_section(map, cython.cast(uint32_t, file), syms, sym)
            if section == 0:
                continue
            if not fill:
                map.first[section + 2] += 1
                continue
            defined = cython.address(map.defined[map.first[section + 1]])
            defined.value = syms[sym].st_value
            defined.file = cython.cast(uint32_t, file)
            defined.sym = sym
            map.first[section + 1] += 1


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def listed_section(map: cython.pointer[Map], file: uint32_t, syms: Sym, sym: uint32_t) -> uint32_t:
    """The SectionId of the section that a symbol names a place of; 0 for symbols that are not shown."""
    image = map.image
    row = cython.address(image.files.row[file])
    kind: cython.int = syms[sym].st_info & 15
    if kind == STT_SECTION or kind == STT_FILE or syms[sym].st_name == 0 or syms[sym].st_name >= row.strsize:
        return 0
    index: uint32_t = section_of(image.files.base[file], row, syms + sym, sym)
    if index == 0 or index >= row.shnum or not is_listed(map, row.sec_base + index):
        return 0
    if sym >= row.first_global:
        symbol = cython.address(image.symbols[image.names.of[row.global_base + sym - row.first_global]])
        if symbol.file != file or symbol.sym != sym:
            return 0
    return row.sec_base + index


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def compare_symbols(a: cython.p_const_void, b: cython.p_const_void) -> cython.int:
    x = cython.cast(cython.pointer[cython.const[Defined]], a)
    y = cython.cast(cython.pointer[cython.const[Defined]], b)
    if x.value != y.value:
        return -1 if x.value < y.value else 1
    return -1 if x.sym < y.sym else x.sym > y.sym


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def format_blocks(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Turn some blocks of a round into text."""
    map = cython.cast(cython.pointer[Map], context)
    block: int64_t
    i: int64_t
    for block in range(begin, end):
        text = cython.address(map.text[block])
        text.size = 0
        first: int64_t = map.begin + block * BLOCK
        for i in range(first, min(first + BLOCK, map.count)):
            map.format(map, cython.address(map.line[i]), text)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def format_line(
    map: cython.pointer[Map], line: cython.pointer[Line], text: cython.pointer[Text]
) -> cython.void:
    namer = cython.address(map.namer)
    away: uint64_t = map.own[line.out].load - map.own[line.out].address
    if line.kind == LINE_OUTPUT:
        own = cython.address(map.own[line.what])
        put_columns(text, own.address, away, own.size, own.align)
        put(text, own.name, strlen(own.name))
    elif line.kind == LINE_OWN:
        own = cython.address(map.own[line.what])
        put_columns(text, own.address, away, own.size, own.align)
        put(text, b"        <internal>:(", 20)
        put(text, own.name, strlen(own.name))
        put(text, b")", 1)
    elif line.kind == LINE_COMMON:
        format_common(map, line, text)
    else:
        sec = cython.address(map.image.sections.row[line.what])
        if sec.size == 0 and map.first[line.what] == map.first[line.what + 1]:
            return  # perhaps of an output section that is not there
        file: uint32_t = map.file_of[line.what]
        put_columns(text, sec.address, away, sec.size, cython.cast(uint64_t, 1) << sec.align)
        put_spaces(text, 8)
        put_section(text, namer, file, line.what - map.image.files.row[file].sec_base)
        put(text, b"\n", 1)
        format_symbols(map, line.what, away, text)
        return
    put(text, b"\n", 1)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def put_columns(
    text: cython.pointer[Text], address: uint64_t, away: uint64_t, size: uint64_t, align: uint64_t
) -> cython.void:
    """`away`: how far the load address is from the address."""
    put_number(text, address, 16, 16)
    put_number(text, address + away, 16, 17)
    put_number(text, size, 16, 9)
    put_number(text, align, 10, 6)
    put(text, b" ", 1)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def format_common(
    map: cython.pointer[Map], line: cython.pointer[Line], text: cython.pointer[Text]
) -> cython.void:
    """A common symbol has a section of its own, as lld shows it."""
    common = cython.address(map.common[line.what])
    symbol = cython.address(map.image.symbols[common.name])
    away: uint64_t = map.own[line.out].load - map.own[line.out].address
    put_columns(text, line.address, away, common.size, common.align)
    put_spaces(text, 8)
    put_file(text, cython.address(map.namer), symbol.file)
    put(text, b":(COMMON)\n", 10)
    put_columns(text, line.address, away, common.size, 1)
    put_spaces(text, 16)
    put_common_name(map, line.what, text)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def put_common_name(map: cython.pointer[Map], common: uint32_t, text: cython.pointer[Text]) -> cython.void:
    name = cython.address(map.image.names.row[map.common[common].name])
    row = cython.address(map.image.files.row[name.file])
    put(text, map.image.files.base[name.file] + row.stroff + name.offset, name.length)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def format_symbols(
    map: cython.pointer[Map], section: uint32_t, away: uint64_t, text: cython.pointer[Text]
) -> cython.void:
    """The symbols of a section, by value; each section is formatted once, so they may be sorted in place."""
    first: uint32_t = map.first[section]
    count: uint32_t = map.first[section + 1] - first
    address: uint64_t = map.image.sections.row[section].address
    i: uint32_t
    if count > 1:
        qsort(map.defined + first, count, cython.sizeof(Defined), compare_symbols)
    for i in range(first, first + count):
        defined = cython.address(map.defined[i])
        row = cython.address(map.image.files.row[defined.file])
        sym: Sym = symbols_of(cython.address(map.image.files), defined.file) + defined.sym
        put_columns(text, address + defined.value, away, sym.st_size, 1)
        put_spaces(text, 16)
        name = cython.cast(cython.p_const_char, map.image.files.base[defined.file] + row.stroff + sym.st_name)
        put_symbol(text, cython.address(map.namer), name)
        put(text, b"\n", 1)
