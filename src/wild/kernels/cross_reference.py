"""The cross reference table (--cref): for each global name that an object mentions, the files that do.

The file with the definition comes first, the others in link order; names are sorted by their bytes.  The
form is GNU ld's.  Mentions are hung on their names by counting, as in map_text.py.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import free, qsort
from cython.cimports.libc.string import memcmp, memset
from cython.cimports.wild.kernels.cross_reference import Entry
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.pool import Arena
from cython.cimports.wild.kernels.references import LinkTables
from cython.cimports.wild.kernels.tables import *
from cython.cimports.wild.kernels.text import (
    Demangle,
    Namer,
    Text,
    put,
    put_file,
    put_spaces,
    put_symbol,
    write_text,
)

HEAD = b"\nCross Reference Table\n\nSymbol                                            File\n"
FILE_COLUMN = cython.declare(cython.const[uint64_t], 50)
ENOUGH = cython.declare(cython.const[uint64_t], 1 << 20)  # bytes of text to be written at once

Table = cython.struct(
    files=cython.pointer[Files],
    names=cython.pointer[Names],
    symbols=cython.pointer[SymbolRow],
    first=U32,  # NameId -> its first mention in `file`
    file=U32,
    wanted=cython.pointer[cython.char],  # by NameId
)


def write_cross_reference(tables: LinkTables, descriptor: int, demangle: int):
    """Write the table to a file descriptor; `demangle` is the address of __cxa_demangle, or 0.  Raises
    OSError.
    """
    arena: Arena = Arena()
    capacity: uint64_t = tables.names.view.capacity
    table = cython.declare(Table)
    table.files = cython.address(tables.inputs.view)
    table.names = cython.address(tables.names.view)
    table.symbols = tables.resolution.view.row
    table.first = cython.cast(U32, arena.array(capacity + 2, 4))
    table.wanted = cython.cast(cython.p_char, arena.array(capacity, 1))
    i: uint64_t
    visit_mentions(cython.address(table), False)
    for i in range(1, capacity + 2):
        table.first[i] += table.first[i - 1]
    table.file = cython.cast(U32, arena.array(table.first[capacity + 1], 4))
    visit_mentions(cython.address(table), True)
    entries = cython.cast(cython.pointer[Entry], arena.array(capacity, cython.sizeof(Entry)))
    count: int64_t = list_entries(cython.address(table), entries)
    qsort(entries, count, cython.sizeof(Entry), compare_entries)
    namer = cython.declare(Namer)
    namer.files = table.files
    namer.maps = tables.inputs.maps
    namer.members = tables.inputs.names
    namer.demangle = cython.cast(Demangle, cython.cast(cython.p_void, cython.cast(uint64_t, demangle)))
    write_entries(cython.address(table), entries, count, cython.address(namer), descriptor)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def visit_mentions(table: cython.pointer[Table], fill: cython.bint) -> cython.void:
    """Count the mentions of name N in `first[N + 2]`, or fill them in from `first[N + 1]` on, which moves
    up.
    """
    file: int64_t
    i: uint32_t
    for file in range(1, table.files.count):
        row = cython.address(table.files.row[file])
        of: U32 = table.names.of + row.global_base
        if not table.files.live[file]:
            continue
        for i in range(row.nsyms - row.first_global):
            name: uint32_t = of[i]
            if name == 0:
                continue
            if fill:
                table.file[table.first[name + 1]] = cython.cast(uint32_t, file)
                table.first[name + 1] += 1
            else:
                table.first[name + 2] += 1
                if row.kind == FILE_OBJECT:
                    table.wanted[name] = 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def list_entries(table: cython.pointer[Table], entries: cython.pointer[Entry]) -> int64_t:
    """The names to be shown."""
    count: int64_t = 0
    shard: cython.int
    name: uint32_t
    for shard in range(SHARDS):
        for name in range(table.names.start[shard], table.names.start[shard] + table.names.count[shard]):
            if table.wanted[name]:
                row = cython.address(table.names.row[name])
                entries[count].text = (
                    table.files.base[row.file] + table.files.row[row.file].stroff + row.offset
                )
                entries[count].length = row.length
                entries[count].name = name
                count += 1
    return count


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def compare_entries(a: cython.p_const_void, b: cython.p_const_void) -> cython.int:
    x = cython.cast(cython.pointer[cython.const[Entry]], a)
    y = cython.cast(cython.pointer[cython.const[Entry]], b)
    order: cython.int = memcmp(x.text, y.text, min(x.length, y.length))
    if order == 0:
        return -1 if x.length < y.length else x.length > y.length
    return order


@cython.cfunc
@cython.exceptval(-1, check=False)
def write_entries(
    table: cython.pointer[Table],
    entries: cython.pointer[Entry],
    count: int64_t,
    namer: cython.pointer[Namer],
    descriptor: cython.int,
) -> cython.int:
    text = cython.declare(Text)
    memset(cython.address(text), 0, cython.sizeof(Text))
    head: bytes = HEAD
    put(cython.address(text), cython.cast(cython.p_const_char, head), len(head))
    i: int64_t
    try:
        for i in range(count):
            put_entry(table, cython.address(entries[i]), namer, cython.address(text))
            if text.size > ENOUGH or i + 1 == count:
                if text.failed:
                    raise MemoryError("no memory for the cross reference table")
                write_text(descriptor, text.start, text.size)
                text.size = 0
    finally:
        free(text.start)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def put_entry(
    table: cython.pointer[Table],
    entry: cython.pointer[Entry],
    namer: cython.pointer[Namer],
    text: cython.pointer[Text],
) -> cython.void:
    """The name, padded, with the file that defines it, then a line for every other file."""
    start: uint64_t = text.size
    put_name(entry, namer, text)
    width: uint64_t = text.size - start
    if width >= FILE_COLUMN:
        put(text, b"\n", 1)
        width = 0
    definer: uint32_t = table.symbols[entry.name].file
    if definer != NONE and definer != 0:
        put_spaces(text, FILE_COLUMN - width)
        put_file(text, namer, definer)
        put(text, b"\n", 1)
        width = 0
    i: uint32_t
    last: uint32_t = definer
    for i in range(table.first[entry.name], table.first[entry.name + 1]):
        file: uint32_t = table.file[i]
        if file != definer and file != last:
            put_spaces(text, FILE_COLUMN - width)
            put_file(text, namer, file)
            put(text, b"\n", 1)
            width = 0
        last = file


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def put_name(
    entry: cython.pointer[Entry], namer: cython.pointer[Namer], text: cython.pointer[Text]
) -> cython.void:
    """Names with a version go on behind their length, so only plain ones are demangled."""
    if entry.text[entry.length] == 0:
        put_symbol(text, namer, cython.cast(cython.p_const_char, entry.text))
    else:
        put(text, entry.text, entry.length)
