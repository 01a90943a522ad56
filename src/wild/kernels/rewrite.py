"""Writing what an update changes: the sections of changed objects, and those that refer to names that moved.

A section that refers to a moved name is written anew as a whole, from its object, which has not changed: all its
relocations are decided again, and none can be forgotten.  Which objects mention the name is known from the chain of
its mentions; which of their sections, from their relocations.
"""

import posix

import cython
from cython.cimports.libc.stdint import int64_t, uint8_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import calloc, free
from cython.cimports.libc.string import memcmp, memcpy, memset
from cython.cimports.posix.mman import MAP_FAILED, MAP_PRIVATE, PROT_READ, mmap, munmap
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.graft import *
from cython.cimports.wild.kernels.pool import Pool
from cython.cimports.wild.kernels.relocate import Write, write_section
from cython.cimports.wild.kernels.relocation import FORM_SIZE
from cython.cimports.wild.kernels.saved import *
from cython.cimports.wild.kernels.sections import RelaSpan, relocations_of
from cython.cimports.wild.kernels.tables import *

from wild.errors import CannotUpdate

MOST_FILES = 512
R_RELATIVE = cython.declare(cython.const[uint64_t], 8)
PAGE = cython.declare(cython.const[uint64_t], 4096)


@cython.final
@cython.no_gc_clear  # __dealloc__ needs the dictionary
@cython.cclass
class InputMaps:
    """Unchanged inputs that are mapped because something in them is written anew."""

    def __cinit__(self):
        self._maps = {}

    def __dealloc__(self):
        for start, size in self._maps.values():
            munmap(cython.cast(cython.p_void, cython.cast(uint64_t, start)), size)

    def get(self, number: int, path: bytes):
        """(address, size) of the file."""
        if number not in self._maps:
            descriptor = posix.open(path, posix.O_RDONLY | posix.O_CLOEXEC)
            try:
                size = posix.fstat(descriptor).st_size
                start = mmap(cython.NULL, size, PROT_READ, MAP_PRIVATE, descriptor, 0)
            finally:
                posix.close(descriptor)
            if start == MAP_FAILED:
                raise CannotUpdate("B1", "an input cannot be read")
            self._maps[number] = (cython.cast(uint64_t, start), size)
        return self._maps[number]


def write_changed(graft: Graft, pool: Pool):
    """Copy and relocate all sections of the changed objects."""
    write = cython.declare(Write)
    image = cython.address(graft.saved.image)
    begin_writing(graft, pool, cython.address(write))
    i: int64_t
    k: uint32_t
    try:
        for i in range(graft.count):
            changed = cython.address(graft.changed[i])
            for k in range(1, image.files.row[changed.file].shnum):
                write_one(graft, cython.address(write), changed.file, k)
            mark_relocations(graft, changed.file)
    finally:
        faults = pool.take_faults()
    if faults:
        raise CannotUpdate("D5", "a value does not fit its field")


def write_references(graft: Graft, pool: Pool, paths: list, maps: InputMaps) -> list:
    """Write anew the sections of unchanged objects that refer to moved names; returns their FileIds."""
    if graft.moved_count == 0:
        return []
    saved = graft.saved
    marks = cython.cast(cython.pointer[uint8_t], calloc(saved.image.files.count, 1))
    if marks is cython.NULL:
        raise MemoryError
    found: list = []
    i: int64_t
    try:
        for i in range(graft.moved_count):
            mark_files(graft, graft.moved[i], marks)
        for i in range(1, saved.image.files.count):
            if marks[i]:
                found.append(i)
    finally:
        free(marks)
    if len(found) > MOST_FILES:
        raise CannotUpdate("F5", "a name moved that very many objects mention")
    for file in found:
        open_file(graft, file, paths, maps)
        rewrite_file(graft, pool, file)
    return found


@cython.cfunc
@cython.exceptval(check=False)
def begin_writing(graft: Graft, pool: Pool, write: cython.pointer[Write]) -> cython.void:
    memset(write, 0, cython.sizeof(Write))
    write.image = cython.address(graft.saved.image)
    write.fault = cython.address(pool.fault)
    pool.defer_faults()


@cython.cfunc
@cython.exceptval(check=False)
def write_one(graft: Graft, write: cython.pointer[Write], file: uint32_t, k: uint32_t) -> cython.void:
    """One section, if it has a place in the file."""
    image = cython.address(graft.saved.image)
    sec = cython.address(image.sections.row[image.files.row[file].sec_base + k])
    if sec.kind != SEC_PLAIN or not sec.flags & SEC_LIVE or sec.part == 0:
        return
    part = cython.address(image.part[sec.part])
    if part.flags & SEC_NOBITS or sec.size == 0:
        return
    to = image.out + part.offset + (sec.address - part.address)
    write_section(write, file, k, to, image.rela + image.rela_relative)
    graft.saved.change(to, sec.size)


@cython.cfunc
@cython.exceptval(check=False)
def mark_relocations(graft: Graft, file: uint32_t) -> cython.void:
    """The dynamic relocations of a file were written."""
    saved = graft.saved
    run = cython.address(saved.run[file])
    start: uint64_t = saved.image.rela_relative + 24 * cython.cast(uint64_t, run.relative)
    saved.change(saved.image.out + start, 24 * cython.cast(uint64_t, run.relatives))
    start = saved.image.rela_symbolic + 24 * cython.cast(uint64_t, run.symbolic)
    saved.change(saved.image.out + start, 24 * cython.cast(uint64_t, run.symbolics))


@cython.cfunc
@cython.exceptval(check=False)
def mark_files(graft: Graft, name: uint32_t, marks: cython.pointer[uint8_t]) -> cython.void:
    """Objects that take part, have not changed, and mention a name."""
    saved = graft.saved
    g: uint32_t = saved.head[name]
    while g:
        g -= 1
        if saved.image.names.of[g] == name:
            file: uint32_t = saved.file_of[g]
            if saved.image.files.row[file].sec_base and changed_of(graft, file) is cython.NULL:
                marks[file] = 1
        g = saved.next[g]


@cython.cfunc
@cython.exceptval(-1, check=False)
def open_file(graft: Graft, file: uint32_t, paths: list, maps: InputMaps) -> cython.int:
    """Find the bytes of an unchanged object."""
    image = cython.address(graft.saved.image)
    row = cython.address(image.files.row[file])
    if image.files.base[file] is not cython.NULL:
        return 0
    start, size = maps.get(row.map, paths[row.map])
    if row.offset > size or row.size > size - row.offset:
        raise CannotUpdate("A4", "an input does not fit the state")
    image.files.base[file] = cython.cast(Bytes, cython.cast(uint64_t, start)) + row.offset
    return 0


@cython.cfunc
@cython.exceptval(-1)
def rewrite_file(graft: Graft, pool: Pool, file: uint32_t) -> cython.int:
    """The sections of one object that refer to something that moved."""
    write = cython.declare(Write)
    image = cython.address(graft.saved.image)
    row = cython.address(image.files.row[file])
    begin_writing(graft, pool, cython.address(write))
    k: uint32_t
    try:
        for k in range(1, row.shnum):
            sec = cython.address(image.sections.row[row.sec_base + k])
            if sec.relocs == 0 or sec.kind == SEC_OUT or not sec.flags & SEC_LIVE:
                continue
            if sec.flags & SEC_CREL:
                raise CannotUpdate("E19", "compressed debug information or relocations")
            if not refers_to_moved(graft, file, row.sec_base + k):
                continue
            if sec.kind != SEC_PLAIN or sec.flags & SEC_COMPRESSED:
                raise CannotUpdate("E14", "a call frame record or compressed section refers to a moved name")
            write_one(graft, cython.address(write), file, k)
        mark_relocations(graft, file)
    finally:
        faults = pool.take_faults()
    if faults:
        raise CannotUpdate("D5", "a value does not fit its field")
    return 0


@cython.cfunc
@cython.exceptval(-1)
def refers_to_moved(graft: Graft, file: uint32_t, section: uint32_t) -> cython.int:
    image = cython.address(graft.saved.image)
    row = cython.address(image.files.row[file])
    span: RelaSpan = relocations_of(cython.address(image.sections), image.files.base[file], row, section)
    of: U32 = image.names.of + row.global_base - row.first_global
    found: cython.int = 0
    i: uint64_t
    for i in range(span.count):
        symbol: uint32_t = span.rela[i].r_sym
        if symbol >= row.first_global and symbol < row.nsyms:
            found |= graft.seen[of[symbol]] & SEEN_MOVED
            if span.rela[i].r_type < 256 and image.mode.types[span.rela[i].r_type].form == FORM_SIZE:
                raise CannotUpdate("E20", "a relocation asks for the size of a symbol")
    return found != 0


def write_holes(graft: Graft, holes: list, filler) -> None:
    """Fill what is free now; `filler(part, size)` returns the bytes, or None for zeros in memory only."""
    image = cython.address(graft.saved.image)
    for part, offset, size in holes:
        row = cython.address(image.part[cython.cast(uint32_t, part)])
        if row.flags & SEC_NOBITS or size == 0:
            continue
        data: bytes = filler(part, size)
        to = image.out + row.offset + cython.cast(uint64_t, offset)
        write_differing(graft, to, cython.cast(Bytes, cython.cast(cython.p_char, data)), len(data))


@cython.cfunc
@cython.exceptval(check=False)
def write_differing(graft: Graft, to: cython.pointer[uint8_t], data: Bytes, size: uint64_t) -> cython.void:
    """Write the pages that differ: the most of a hole was filled before, and would be hashed and written again."""
    at: uint64_t = 0
    while at < size:
        begin: uint64_t = to - graft.saved.out + at
        step: uint64_t = min(size - at, PAGE - begin % PAGE)
        if memcmp(to + at, data + at, step) != 0:
            memcpy(to + at, data + at, step)
            graft.saved.change(to + at, step)
        at += step


def free_relocations(graft: Graft, runs: list, spare: int) -> None:
    """Runs of .rela.dyn that say nothing any more: (is it relative?, first, count).

    Among the relative ones, which DT_RELACOUNT counts, an entry must be one: they write to the word `spare`, which
    nobody reads.  Behind them R_X86_64_NONE is an entry like any other.
    """
    image = cython.address(graft.saved.image)
    n: int64_t
    for is_relative, first, count in runs:
        start: uint64_t = image.rela_relative if is_relative else image.rela_symbolic
        to = image.out + start + 24 * cython.cast(uint64_t, first)
        size: uint64_t = 24 * cython.cast(uint64_t, count)
        memset(to, 0, size)
        graft.saved.change(to, size)
        if is_relative:
            for n in range(count):
                write64(to + 24 * n, spare)
                write64(to + 24 * n + 8, R_RELATIVE)


def write_dynamic_symbols(graft: Graft, offset: int, symbols: list) -> None:
    """What refit.place_names has found, in .dynsym at a file offset; names and visibility stay."""
    for index, value, size, info, section in symbols:
        to = graft.saved.image.out + cython.cast(uint64_t, offset) + 24 * cython.cast(uint64_t, index)
        to[4] = cython.cast(uint8_t, info)
        write16(to + 6, section)
        write64(to + 8, value)
        write64(to + 16, size)
        graft.saved.change(to, 24)


def write_word(graft: Graft, offset: int, value: int) -> None:
    """Eight bytes of the output."""
    to = graft.saved.image.out + cython.cast(uint64_t, offset)
    write64(to, value)
    graft.saved.change(to, 8)


def read_word(graft: Graft, offset: int) -> int:
    return read64(graft.saved.image.out + cython.cast(uint64_t, offset))


def address_of(graft: Graft, name: bytes):
    """The address of a name that a changed object defines; None if there is none."""
    mini: uint32_t = graft.names.find(name)
    if mini == 0:
        return None
    symbol = cython.address(graft.saved.image.symbols[graft.name[mini]])
    if symbol.file == NONE or changed_of(graft, symbol.file) is cython.NULL:
        return None
    return symbol.value


def read_bytes(graft: Graft, offset: int, size: int) -> bytes:
    """Bytes of the output as it is now."""
    start = cython.cast(cython.p_const_char, graft.saved.image.out + cython.cast(uint64_t, offset))
    return start[: cython.cast(cython.Py_ssize_t, size)]


def write_bytes(graft: Graft, offset: int, data: bytes) -> None:
    to = graft.saved.image.out + cython.cast(uint64_t, offset)
    memcpy(to, cython.cast(cython.p_const_char, data), len(data))
    graft.saved.change(to, len(data))


def new_libraries(graft: Graft) -> list:
    """The SharedRows of the libraries that are needed for the first time if a symbol counts that is not imported."""
    return [
        graft.saved.image.files.row[cython.cast(int64_t, file)].shared for file in sorted(graft.libraries)
    ]


def new_imports(graft: Graft) -> list:
    """What `imported` says of the functions that are used for the first time."""
    return imported(graft, graft.imports)


def imported(graft: Graft, names) -> list:
    """(index in .dynsym, name, path number and symbol of the shared object that defines it, its SharedRow) of NameIds
    that changed objects mention.
    """
    found: list = []
    image = cython.address(graft.saved.image)
    i: int64_t
    for i in range(graft.name_count):
        name: uint32_t = graft.name[graft.mini_name[i]]
        if name in names:
            symbol = cython.address(image.symbols[name])
            row = cython.address(image.files.row[symbol.file])
            text: bytes = graft.names.text(graft.mini_name[i])
            found.append((symbol.dynsym, text, row.map, symbol.sym, row.shared))
    return found
