"""The map as JSON (--Map-format=json): the lines of map_text.py, each as an object.

The output is one object; the first of its "entries" is of the kind "file", the others stand in the order of addresses.
An entry of the kind "output" is an output section, and those behind it are in it: "input" (with its "symbols"),
"common", and "own", which the linker has made.
Strings are UTF-8; bytes of names that are not become the surrogates U+DC80 to U+DCFF, as Python reads file names.
"""

import cython
from cython.cimports.libc.stdint import uint8_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import free, malloc, qsort
from cython.cimports.libc.string import memcpy
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.map_tables import MapTables
from cython.cimports.wild.kernels.map_text import (
    LINE_COMMON,
    LINE_OUTPUT,
    LINE_OWN,
    Defined,
    Line,
    Map,
    compare_symbols,
    list_lines,
    list_symbols,
    put_common_name,
    write_lines,
)
from cython.cimports.wild.kernels.pool import Arena, Pool
from cython.cimports.wild.kernels.resolve import symbols_of
from cython.cimports.wild.kernels.sections import section_header, section_name
from cython.cimports.wild.kernels.tables import *
from cython.cimports.wild.kernels.text import (
    Demangle,
    Text,
    put,
    put_file,
    put_number,
    put_string,
    put_symbol,
    write_text,
)


def write_json(
    pool: Pool, tables: MapTables, own: list, commons: list, descriptor: int, demangle: int, name: bytes
):
    """As write_map; `name` is the output's, as a JSON string."""
    arena: Arena = Arena()
    map = cython.declare(Map)
    map.namer.demangle = cython.cast(Demangle, cython.cast(cython.p_void, cython.cast(uint64_t, demangle)))
    list_lines(arena, tables, cython.address(map), own, commons)
    list_symbols(arena, cython.address(map))
    head: bytes = b'{"version":1,"entries":[\n{"kind":"file","name":' + name + b"}"
    write_text(descriptor, head, len(head))
    write_lines(pool, arena, cython.address(map), format_entry, descriptor)
    write_text(descriptor, b"\n]}\n", 4)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def format_entry(
    map: cython.pointer[Map], line: cython.pointer[Line], text: cython.pointer[Text]
) -> cython.void:
    start: uint64_t
    if line.kind == LINE_OUTPUT or line.kind == LINE_OWN:
        own = cython.address(map.own[line.what])
        begin(text, b'"output"' if line.kind == LINE_OUTPUT else b'"own"', own.address, own.size, own.align)
        put_string(text, b',"name":"')
        start = text.size
        put_string(text, own.name)
        escape(text, start)
        put(text, b'"}', 2)
    elif line.kind == LINE_COMMON:
        common = cython.address(map.common[line.what])
        begin(text, b'"common"', line.address, common.size, common.align)
        put_file_of(map, map.image.symbols[common.name].file, text)
        put_string(text, b',"name":"')
        start = text.size
        put_common_name(map, line.what, text)
        escape(text, start)
        put(text, b'"}', 2)
    else:
        format_input(map, line.what, text)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def format_input(map: cython.pointer[Map], section: uint32_t, text: cython.pointer[Text]) -> cython.void:
    sec = cython.address(map.image.sections.row[section])
    if sec.size == 0 and map.first[section] == map.first[section + 1]:
        return  # perhaps of an output section that is not there
    file: uint32_t = map.file_of[section]
    row = cython.address(map.image.files.row[file])
    base = map.image.files.base[file]
    begin(text, b'"input"', sec.address, sec.size, cython.cast(uint64_t, 1) << sec.align)
    put_file_of(map, file, text)
    put_string(text, b',"section":"')
    start: uint64_t = text.size
    name = section_name(base, row, section_header(base, row, section - row.sec_base))
    put_string(text, cython.cast(cython.p_const_char, name))
    escape(text, start)
    put_string(text, b'","symbols":[')
    first: uint32_t = map.first[section]
    count: uint32_t = map.first[section + 1] - first
    if count > 1:
        qsort(map.defined + first, count, cython.sizeof(Defined), compare_symbols)
    i: uint32_t
    for i in range(first, first + count):
        defined = cython.address(map.defined[i])
        sym: Sym = symbols_of(cython.address(map.image.files), defined.file) + defined.sym
        put_string(text, b'{"address":' if i == first else b',{"address":')
        put_number(text, sec.address + defined.value, 10, 0)
        put_string(text, b',"size":')
        put_number(text, sym.st_size, 10, 0)
        put_string(text, b',"name":"')
        start = text.size
        put_symbol(
            text, cython.address(map.namer), cython.cast(cython.p_const_char, base + row.stroff + sym.st_name)
        )
        escape(text, start)
        put(text, b'"}', 2)
    put(text, b"]}", 2)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def begin(
    text: cython.pointer[Text], kind: cython.p_const_char, address: uint64_t, size: uint64_t, align: uint64_t
) -> cython.void:
    put_string(text, b',\n{"kind":')
    put_string(text, kind)
    put_string(text, b',"address":')
    put_number(text, address, 10, 0)
    put_string(text, b',"size":')
    put_number(text, size, 10, 0)
    put_string(text, b',"align":')
    put_number(text, align, 10, 0)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def put_file_of(map: cython.pointer[Map], file: uint32_t, text: cython.pointer[Text]) -> cython.void:
    put_string(text, b',"file":"')
    start: uint64_t = text.size
    put_file(text, cython.address(map.namer), file)
    escape(text, start)
    put(text, b'"', 1)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def escape(text: cython.pointer[Text], start: uint64_t) -> cython.void:
    """Write what stands from `start` on as the inside of a JSON string (RFC 8259, 7)."""
    size: uint64_t = text.size - start
    i: uint64_t = start
    while i < text.size and is_plain(cython.cast(uint8_t, text.start[i])):
        i += 1
    if i == text.size or text.failed:
        return
    copy = cython.cast(MutableBytes, malloc(size))
    if copy is cython.NULL:
        text.failed = True
        return
    memcpy(copy, text.start + start, size)
    text.size = start
    at: uint64_t = 0
    while at < size:
        length: uint64_t = sequence(copy + at, size - at)
        if length:
            put(text, copy + at, length)
            at += length
            continue
        put_string(text, b"\\udc" if copy[at] >= 0x80 else b"\\u00")
        if copy[at] < 16:
            put(text, b"0", 1)
        put_number(text, copy[at], 16, 0)
        at += 1
    free(copy)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def is_plain(byte: uint8_t) -> cython.bint:
    return 0x20 <= byte < 0x7F and byte != 0x22 and byte != 0x5C


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def sequence(at: MutableBytes, size: uint64_t) -> uint64_t:
    """The length of the character that begins here if it can stand in a string as it is (RFC 3629), else 0."""
    byte: uint8_t = at[0]
    if byte < 0x80:
        return 1 if is_plain(byte) else 0
    length: uint64_t = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
    if byte < 0xC2 or byte > 0xF4 or length > size:
        return 0
    i: uint64_t
    for i in range(1, length):
        if at[i] & 0xC0 != 0x80:
            return 0
    second: uint8_t = at[1]
    if (byte == 0xE0 and second < 0xA0) or (byte == 0xED and second >= 0xA0):
        return 0
    if (byte == 0xF0 and second < 0x90) or (byte == 0xF4 and second >= 0x90):
        return 0
    return length
