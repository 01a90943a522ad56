"""The layout file and the trace: what is asked later about an output, written down for `wild explain` and linker-diff.

The layout file says of every run of bytes which input section it came from; it is the map (map_text.py) in a form for
programs.  The trace says of every relocation of a loaded section what was done.  An ordinary link does not note that
down anywhere, and it need not: `decide` is a function of the input, so after the link it is asked once more.  Thus
tracing costs a link that does not ask for it nothing, not even a test.

Lines are in the order of addresses, and those of loaded sections begin with the address in 16 hexadecimal digits, so
that readers search by halving.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.image import Image, Target, plt_address, target_of
from cython.cimports.wild.kernels.map_tables import MapTables
from cython.cimports.wild.kernels.map_text import (
    LINE_COMMON,
    LINE_INPUT,
    LINE_OUTPUT,
    Line,
    Map,
    list_lines,
    write_lines,
)
from cython.cimports.wild.kernels.pool import Arena, Pool
from cython.cimports.wild.kernels.relocation import *
from cython.cimports.wild.kernels.sections import RelaSpan, relocations_of, section_bytes, section_header
from cython.cimports.wild.kernels.tables import *
from cython.cimports.wild.kernels.text import Text, put, put_file, put_string, write_text


def write_layout(pool: Pool, tables: MapTables, own: list, commons: list, descriptor: int):
    """Write the layout file: `file`, `output`, `made`, `common` and `input` lines; raises OSError.

    `own` and `commons` as in `write_map`; addresses must be final.
    """
    arena: Arena = Arena()
    map = cython.declare(Map)
    list_lines(arena, tables, cython.address(map), own, commons)
    text = cython.declare(Text)
    text.start = cython.NULL
    text.size = text.room = 0
    text.failed = False
    list_files(cython.address(map), cython.address(text))
    write_text(descriptor, text.start, text.size)
    write_lines(pool, arena, cython.address(map), format_place, descriptor)


def write_trace(pool: Pool, tables: MapTables, type_names: list, descriptor: int):
    """Write the trace: one line for each relocation of a loaded section; raises OSError.

    `type_names`: the psABI's names by relocation type, bytes, 256 of them.
    """
    arena: Arena = Arena()
    map = cython.declare(Map)
    list_lines(arena, tables, cython.address(map), [], [])
    map.type_names = cython.cast(
        cython.pointer[cython.p_const_char], arena.array(256, cython.sizeof(cython.p_const_char))
    )
    i: cython.int
    for i in range(256):
        map.type_names[i] = type_names[i]
    write_lines(pool, arena, cython.address(map), format_trace, descriptor)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def list_files(map: cython.pointer[Map], text: cython.pointer[Text]) -> cython.void:
    """`file NUMBER OFFSET SIZE PATH`, a tab and `NAME` of every object: where in which file on disk it is."""
    file: int64_t
    for file in range(1, map.image.files.count):
        row = cython.address(map.image.files.row[file])
        if row.sec_base:
            put(text, b"file ", 5)
            put_hex(text, cython.cast(uint64_t, file), 1)
            put_hex(text, row.offset, 1)
            put_hex(text, row.size, 1)
            put_string(text, map.namer.maps[row.map].path)
            put(text, b"\t", 1)
            put_file(text, cython.address(map.namer), cython.cast(uint32_t, file))
            put(text, b"\n", 1)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def put_hex(text: cython.pointer[Text], value: uint64_t, width: cython.int) -> cython.void:
    """Hexadecimal digits, with zeros before them up to `width`, and a space; no space if `width` is 0."""
    shift: cython.int = 4 * (width - 1) if width else 0
    while shift < 60 and value >> (shift + 4):
        shift += 4
    while shift >= 0:
        digit = cython.declare(cython.char)
        nibble: cython.int = cython.cast(cython.int, (value >> shift) & 15)
        digit = 48 + nibble if nibble < 10 else 87 + nibble
        put(text, cython.address(digit), 1)
        shift -= 4
    if width:
        put(text, b" ", 1)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def format_place(
    map: cython.pointer[Map], line: cython.pointer[Line], text: cython.pointer[Text]
) -> cython.void:
    """`ADDRESS SIZE input OFFSET FILE SECTION NAME` and its kin; what takes no room is left out."""
    image = map.image
    if line.kind == LINE_COMMON:
        common = cython.address(map.common[line.what])
        put_hex(text, line.address, 16)
        put_hex(text, common.size, 1)
        put(text, b"common ", 7)
        put_name(map, common.name, text)
    elif line.kind == LINE_INPUT:
        sec = cython.address(image.sections.row[line.what])
        part = cython.address(image.part[sec.part])
        file: uint32_t = map.file_of[line.what]
        row = cython.address(image.files.row[file])
        index: uint32_t = line.what - row.sec_base
        if sec.size == 0 or (sec.flags & SEC_TLS and part.flags & SEC_NOBITS):
            return
        if not sec.flags & SEC_ALLOC:
            put(text, b"*", 1)
        put_hex(text, sec.address, 16)
        put_hex(text, sec.size, 1)
        put(text, b"input ", 6)
        put_hex(text, part.offset + (sec.address - part.address), 1)
        put_hex(text, file, 1)
        put_hex(text, index, 1)
        put_string(text, name_of_section(map, file, index))
    else:
        own = cython.address(map.own[line.what])
        put_hex(text, own.address, 16)
        put_hex(text, own.size, 1)
        put_string(text, b"output " if line.kind == LINE_OUTPUT else b"made ")
        put_string(text, own.name)
    put(text, b"\n", 1)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def name_of_section(map: cython.pointer[Map], file: uint32_t, index: uint32_t) -> cython.p_const_char:
    row = cython.address(map.image.files.row[file])
    base = map.image.files.base[file]
    return cython.cast(cython.p_const_char, base + row.shstroff + section_header(base, row, index).sh_name)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def put_name(map: cython.pointer[Map], name: uint32_t, text: cython.pointer[Text]) -> cython.void:
    """A name of the table of names."""
    row = cython.address(map.image.names.row[name])
    start = map.image.files.base[row.file] + map.image.files.row[row.file].stroff + row.offset
    put(text, start, row.length)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def format_trace(
    map: cython.pointer[Map], line: cython.pointer[Line], text: cython.pointer[Text]
) -> cython.void:
    """The relocations of one input section that is loaded."""
    image = map.image
    if line.kind != LINE_INPUT:
        return
    sec = cython.address(image.sections.row[line.what])
    if sec.relocs == 0 or not sec.flags & SEC_ALLOC:
        return
    file: uint32_t = map.file_of[line.what]
    row = cython.address(image.files.row[file])
    base = image.files.base[file]
    shdr = section_header(base, row, line.what - row.sec_base)
    code = section_bytes(cython.address(image.sections), base, shdr, line.what)
    if code is cython.NULL:
        return
    span: RelaSpan = relocations_of(cython.address(image.sections), base, row, line.what)
    i: uint64_t = 0
    while i < span.count:
        rela = cython.address(span.rela[i])
        i += 1
        if rela.r_type == 0:
            continue
        target: Target = target_of(image, file, rela.r_sym, rela.r_addend)
        decision: Decision = decide(
            image.mode,
            rela.r_type,
            target.flags,
            code + rela.r_offset,
            rela.r_offset,
            sec.size - rela.r_offset,
            rela.r_addend,
            sec.flags,
        )
        put_hex(text, sec.address + rela.r_offset, 16)
        put_string(text, map.type_names[rela.r_type])
        put(text, b" ", 1)
        put_referent(map, file, rela, text)
        put_decision(cython.address(decision), text)
        put_target(
            map, cython.address(target), address_meant(image, file, rela), cython.address(decision), text
        )
        put(text, b"\n", 1)
        i += decision.skip


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def put_referent(
    map: cython.pointer[Map],
    file: uint32_t,
    rela: cython.pointer[cython.const[Elf64_Rela]],
    text: cython.pointer[Text],
) -> cython.void:
    """`symbol+addend`; a section symbol has the name of its section."""
    row = cython.address(map.image.files.row[file])
    base = map.image.files.base[file]
    sym = cython.cast(cython.pointer[cython.const[Elf64_Sym]], base + row.symoff) + rela.r_sym
    if sym.st_info & 15 == STT_SECTION and sym.st_shndx < row.shnum:
        put_string(text, name_of_section(map, file, sym.st_shndx))
    elif sym.st_name < row.strsize:
        put_string(text, cython.cast(cython.p_const_char, base + row.stroff + sym.st_name))
    addend: int64_t = rela.r_addend
    put(text, b"-0x" if addend < 0 else b"+0x", 3)
    put_hex(text, cython.cast(uint64_t, -addend if addend < 0 else addend), 1)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def address_meant(
    image: cython.pointer[cython.const[Image]],
    file: uint32_t,
    rela: cython.pointer[cython.const[Elf64_Rela]],
) -> uint64_t:
    """S; but S+A where S is the symbol of a section that is merged, which has no place of its own."""
    row = cython.address(image.files.row[file])
    sym = (
        cython.cast(cython.pointer[cython.const[Elf64_Sym]], image.files.base[file] + row.symoff) + rela.r_sym
    )
    if sym.st_info & 15 == STT_SECTION and sym.st_shndx < row.shnum:
        kind: cython.int = image.sections.row[row.sec_base + sym.st_shndx].kind
        if kind == SEC_STRINGS or kind == SEC_CONSTANTS:
            return target_of(image, file, rela.r_sym, rela.r_addend).value
    return target_of(image, file, rela.r_sym, 0).value


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def put_decision(decision: cython.pointer[Decision], text: cython.pointer[Text]) -> cython.void:
    """The action in words, and how an instruction is rewritten."""
    put_string(text, b"action=")
    put_string(text, ACTION_NAMES(decision.action))
    if decision.action == ACT_RELAX:
        put_string(text, b" rewrite=")
        put_string(text, REWRITE_NAMES(decision.how))


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def put_target(
    map: cython.pointer[Map],
    target: cython.pointer[Target],
    meant: uint64_t,
    decision: cython.pointer[Decision],
    text: cython.pointer[Text],
) -> cython.void:
    """Where it leads: the address, the slot or entry that stands between, and what is known of the symbol.

    What the loader binds, and what was collected or is defined nowhere, has no address.
    """
    aux = cython.address(map.image.slots.row[target.aux])
    if is_defined(target.flags) and not target.flags & SYM_IMPORTED and not target.dead:
        put_string(text, b" target=0x")
        put_hex(text, meant, 0)
    if decision.action == ACT_GOT:
        put_string(text, b" slot=0x")
        put_hex(text, map.image.got + 8 * aux.got, 0)
    elif decision.action == ACT_PLT:
        put_string(text, b" entry=0x")
        put_hex(text, plt_address(map.image, aux), 0)
    put_string(text, b" symbol=")
    put_string(text, b"imported" if target.flags & SYM_IMPORTED else b"dead" if target.dead else b"bound")
    put_flag(text, target.flags & SYM_WEAK_DEF, b",weak")
    put_flag(text, target.flags & SYM_ABS, b",absolute")
    put_flag(text, target.flags & SYM_IFUNC, b",ifunc")
    put_flag(text, target.flags & SYM_TLS, b",tls")
    put_flag(text, target.flags & SYM_EXPORTED, b",exported")
    put_flag(text, target.folded, b",folded")
    put_flag(text, not is_defined(target.flags), b",undefined")


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def put_flag(text: cython.pointer[Text], is_set: cython.bint, name: cython.p_const_char) -> cython.void:
    if is_set:
        put_string(text, name)
