"""Mentions: the names of all global symbols, found and hashed; the first half of names.py, where the essay
is.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.libc.string import strlen
from cython.cimports.wild.kernels.cc import hash_bytes, prefetch, unlikely
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.faults import *
from cython.cimports.wild.kernels.names import *
from cython.cimports.wild.kernels.pool import report
from cython.cimports.wild.kernels.tables import *

LINE = cython.declare(cython.const[uint64_t], 64)  # of cache; most names of C++ have two
AHEAD = cython.declare(cython.const[uint32_t], 12)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def index_block(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Job over blocks of BLOCK GlobalIds: one NameKey for each symbol that has a name, sorted by shard."""
    index: IndexPtr = cython.cast(IndexPtr, context)
    scratch = index.scratch + worker * cython.cast(int64_t, BLOCK)
    block: int64_t
    for block in range(begin, end):
        first: uint32_t = cython.cast(uint32_t, block * BLOCK)
        last: uint32_t = min(first + BLOCK, index.files.globals)
        count: int64_t = collect_keys(index, first, last, scratch)
        if count < 0:
            return 1
        sort_keys(index, block, scratch, cython.cast(uint32_t, count))
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def collect_keys(index: IndexPtr, first: uint32_t, last: uint32_t, keys: cython.pointer[NameKey]) -> int64_t:
    """Keys of the GlobalIds [first, last); returns how many, or -1 after a fault."""
    files = index.files
    file: uint32_t = file_of_global(files, first)
    count: int64_t = 0
    while first < last and file < files.count:
        row = cython.address(files.row[file])
        symbols_end: uint32_t = row.global_base + globals_of(row)
        stop: uint32_t = min(last, symbols_end)
        if first < stop:
            if row.kind == FILE_SHARED:
                count = collect_shared(index, file, first, stop, keys, count)
            else:
                count = collect_object(index, file, first, stop, keys, count)
            first = stop
        stop = min(last, symbols_end + row.nextra)
        if count >= 0 and first < stop:
            count = collect_extra(index, file, first, stop, keys, count)
            first = stop
        if count < 0:
            return -1
        file += 1
    return count


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def symbol_of(files: cython.pointer[Files], file: uint32_t, id: uint32_t) -> Sym:
    row = cython.address(files.row[file])
    return cython.cast(Sym, files.base[file] + row.symoff) + (row.first_global + id - row.global_base)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def symbol_fault(index: IndexPtr, code: cython.int, file: uint32_t, id: uint32_t, extra: uint64_t) -> int64_t:
    row = cython.address(index.files.row[file])
    place: uint64_t = row.symoff + cython.sizeof(Elf64_Sym) * cython.cast(
        uint64_t, row.first_global + id - row.global_base
    )
    report(index.fault, code, file, place, extra)
    return -1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def collect_object(
    index: IndexPtr,
    file: uint32_t,
    first: uint32_t,
    stop: uint32_t,
    keys: cython.pointer[NameKey],
    count: int64_t,
) -> int64_t:
    """Keys of an object's symbols, appended behind `count` others."""
    row = cython.address(index.files.row[file])
    strings: Bytes = index.files.base[file] + row.stroff
    syms: Sym = symbol_of(index.files, file, first)
    i: uint32_t
    for i in range(stop - first):
        if i + AHEAD < stop - first:
            prefetch(strings + syms[i + AHEAD].st_name)
            prefetch(strings + syms[i + AHEAD].st_name + LINE)
        name: uint32_t = syms[i].st_name
        if name >= row.strsize and name:
            return symbol_fault(index, FAULT_SYMBOL_NAME, file, first + i, name)
        if unlikely(syms[i].st_info >> 4 == STB_LOCAL) and row.first_global + first + i != row.global_base:
            return symbol_fault(
                index, FAULT_LOCAL_GLOBAL, file, first + i, row.first_global + first + i - row.global_base
            )
        if name == 0 or strings[name] == 0:
            continue
        key = keys + count
        key.text = strings + name
        length: uint64_t = object_length(key)
        if unlikely(length > KEY_LENGTH):
            return symbol_fault(
                index, FAULT_NAME_LENGTH, file, first + i, row.first_global + first + i - row.global_base
            )
        key.hash = hash_bytes(key.text, length)
        key.id = first + i
        count += 1
    return count


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
@cython.inline
def object_length(key: cython.pointer[NameKey]) -> uint64_t:
    """Set `key.length` to the name's length and marks by the rules for versions above; returns the plain
    length.
    """
    text = cython.cast(cython.p_const_char, key.text)
    length: uint64_t = cython.cast(uint64_t, strchrnul(text, 64) - text)
    marks: uint32_t = 0
    if unlikely(text[length] != 0):
        if length and text[length + 1] == 64:
            marks = KEY_DEFAULT
        else:
            marks = KEY_VERSIONED if length else 0
            length = strlen(text)
    key.length = cython.cast(uint32_t, length) | marks
    return length


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def collect_shared(
    index: IndexPtr,
    file: uint32_t,
    first: uint32_t,
    stop: uint32_t,
    keys: cython.pointer[NameKey],
    count: int64_t,
) -> int64_t:
    """Keys of a shared object's symbols: what it lacks, and its definitions of default versions."""
    files = index.files
    row = cython.address(files.row[file])
    strings: Bytes = files.base[file] + row.stroff
    syms: Sym = symbol_of(files, file, first)
    versym_at: uint64_t = files.shared[row.shared].versym
    versym: Bytes = (
        files.base[file] + versym_at + 2 * cython.cast(uint64_t, row.first_global + first - row.global_base)
    )
    i: uint32_t
    for i in range(stop - first):
        if i + AHEAD < stop - first:
            prefetch(strings + syms[i + AHEAD].st_name)
            prefetch(strings + syms[i + AHEAD].st_name + LINE)
        name: uint32_t = syms[i].st_name
        if name >= row.strsize and name:
            return symbol_fault(index, FAULT_SYMBOL_NAME, file, first + i, name)
        if name == 0 or strings[name] == 0 or syms[i].st_info >> 4 == STB_LOCAL:
            continue
        if syms[i].st_shndx != SHN_UNDEF and versym_at:
            version: uint32_t = read16(versym + 2 * cython.cast(uint64_t, i))
            if version == VER_NDX_LOCAL or version & VERSYM_HIDDEN:
                continue
        key = keys + count
        key.text = strings + name
        length: uint64_t = strlen(cython.cast(cython.p_const_char, key.text))
        if unlikely(length > KEY_LENGTH):
            return symbol_fault(
                index, FAULT_NAME_LENGTH, file, first + i, row.first_global + first + i - row.global_base
            )
        key.length = cython.cast(uint32_t, length)
        key.hash = hash_bytes(key.text, length)
        key.id = first + i
        count += 1
    return count


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def collect_extra(
    index: IndexPtr,
    file: uint32_t,
    first: uint32_t,
    stop: uint32_t,
    keys: cython.pointer[NameKey],
    count: int64_t,
) -> int64_t:
    """Keys of group signatures that are local symbols, in the order of the SHT_GROUP sections."""
    row = cython.address(index.files.row[file])
    base: Bytes = index.files.base[file]
    headers: Shdr = cython.cast(Shdr, base + row.shoff)
    syms: Sym = cython.cast(Sym, base + row.symoff)
    id: uint32_t = row.global_base + globals_of(row)
    i: uint32_t
    for i in range(1, row.shnum):
        if id == stop:
            break
        if headers[i].sh_type != SHT_GROUP or headers[i].sh_info >= row.first_global:
            continue
        if id >= first:
            key = keys + count
            if not signature(index, file, cython.address(syms[headers[i].sh_info]), key):
                return -1
            key.id = id
            count += key.length != 0
        id += 1
    return count


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def signature(index: IndexPtr, file: uint32_t, sym: Sym, key: cython.pointer[NameKey]) -> cython.bint:
    """The name of a local symbol, or of the section whose symbol it is (as GNU ld and gas have it).

    A NameRow refers to a place behind the beginning of the string table; section names stand there in the
    files of all assemblers that write such groups.
    """
    row = cython.address(index.files.row[file])
    base: Bytes = index.files.base[file]
    place: uint64_t = cython.cast(uint64_t, cython.cast(Bytes, sym) - base)
    name: uint64_t = sym.st_name
    limit: uint64_t = row.strsize
    text: Bytes = base + row.stroff
    if sym.st_info & 15 == STT_SECTION and not name and 0 < sym.st_shndx < row.shnum:
        text = base + row.shstroff
        limit = row.shstrsize
        name = cython.cast(Shdr, base + row.shoff)[sym.st_shndx].sh_name
    if name >= limit and name:
        report(index.fault, FAULT_SYMBOL_NAME, file, place, name)
        return False
    if name and cython.cast(uint64_t, text + name - (base + row.stroff)) >> 32:
        report(index.fault, FAULT_SIGNATURE, file, place, sym.st_shndx)
        return False
    key.text = text + name
    key.length = 0
    if name:
        key.length = cython.cast(
            uint32_t, min(strlen(cython.cast(cython.p_const_char, key.text)), KEY_LENGTH)
        )
        key.hash = hash_bytes(key.text, key.length)
    return True


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def sort_keys(index: IndexPtr, block: int64_t, keys: cython.pointer[NameKey], count: uint32_t) -> cython.void:
    """Counting sort of a block's keys by shard, into their place in `index.keys`."""
    runs: U32 = index.runs + 65 * block
    at = cython.declare(uint32_t[65])
    shard: cython.int
    marked: uint32_t = 0
    i: uint32_t
    for shard in range(65):
        at[shard] = 0
    for i in range(count):
        at[(keys[i].hash >> (64 - SHARD_BITS)) + 1] += 1
        marked += keys[i].length > KEY_LENGTH
    index.marked[block] = marked
    at[0] = cython.cast(uint32_t, block) * BLOCK
    runs[0] = at[0]
    for shard in range(64):
        at[shard + 1] += at[shard]
        runs[shard + 1] = at[shard + 1]
    for i in range(count):
        shard = cython.cast(cython.int, keys[i].hash >> (64 - SHARD_BITS))
        index.keys[at[shard]] = keys[i]
        at[shard] += 1
