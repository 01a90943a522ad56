"""Sections: what becomes of every section of every live object.

One parallel loop reads the section headers of each object once and writes a `SectionRow`: does the section reach the
output, is it copied or split, how large and how aligned is it, where are its relocations, and which part of the output
is its own.  Parts are found by the rules of wild/output_sections.py (`.text.*` goes to `.text`): see rules.py.

What the rules cannot decide alone is *unusual*: orphans, merged and sorted sections.  Each object chains its unusual
ones through `SectionRow.link`; part_keys.py tells how they get their parts.

COMDAT groups (gABI "Section Groups"): the group of the lowest live file wins.  Owners are found with an atomic minimum
per signature while the headers are read; a second loop over the groups alone strikes out the members of the losers.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.libc.string import memcmp, strncmp
from cython.cimports.wild.kernels.call_graph import SHT_LLVM_CALL_GRAPH_PROFILE
from cython.cimports.wild.kernels.cc import ctz64, set_bits32
from cython.cimports.wild.kernels.ctors import is_ctors, spare_start_files
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.faults import *
from cython.cimports.wild.kernels.files import Inputs
from cython.cimports.wild.kernels.groups import enter_group, strike_losers
from cython.cimports.wild.kernels.linkonce import settle_linkonce
from cython.cimports.wild.kernels.names import NameTable
from cython.cimports.wild.kernels.part_keys import collect_keys, spread_part
from cython.cimports.wild.kernels.pool import Pool, report, write_first
from cython.cimports.wild.kernels.rules import compile_rules, place_section, section_flags
from cython.cimports.wild.kernels.sections import (
    PART_UNUSUAL,
    RULE_LISTED,
    RULE_SORTED,
    ZDEBUG_HEADER,
    ZLIB,
    Read,
    big_endian64,
    is_linkonce,
    is_zdebug,
    section_header,
    section_name,
)
from cython.cimports.wild.kernels.tables import *

EI_OSABI = cython.declare(cython.const[uint32_t], 7)
ELFOSABI_GNU = cython.declare(cython.const[uint32_t], 3)
LARGEST_ALIGN = cython.declare(cython.const[uint64_t], 1 << 32)
LARGEST_SIZE = cython.declare(cython.const[uint64_t], 1 << 46)
LAST_SECTION = cython.declare(cython.const[int64_t], 0xFFFFFFF0)


@cython.final
@cython.cclass
class SectionTable:
    """The sections of the live objects; `inputs.view.row[f].sec_base` + section index is a SectionId."""

    def __cinit__(
        self,
        pool: Pool,
        inputs: Inputs,
        names: NameTable,
        rules,
        gc_sections: bool,
        strip_debug: bool,
        whole: bool = False,
        scripted: bool = False,
        changing: bool = False,
    ):
        """`rules`: see rules.py; `whole`: for -r; `scripted`: by a linker script; `changing`: updates will follow."""
        self.inputs = inputs
        files = cython.address(inputs.view)
        self.view.count = number_sections(files)
        inputs.view.sections = cython.cast(uint32_t, self.view.count)
        rows: cython.p_void = inputs.arena.array(self.view.count, cython.sizeof(SectionRow))
        self.view.row = cython.cast(cython.pointer[SectionRow], rows)
        self.owner = cython.cast(cython.pointer[uint32_t], inputs.arena.array(names.view.capacity, 4))
        write_first(self.owner, 4 * cython.cast(uint64_t, names.view.capacity))
        for signature in inputs.won_groups:
            self.owner[cython.cast(uint32_t, names.find(signature))] = ~inputs.won_by
        read = cython.declare(Read)
        read.files = files
        read.sections = self.view.row
        read.names = cython.address(names.view)
        read.owner = self.owner
        read.has = 0
        read.live_flag = 0 if gc_sections else SEC_LIVE
        read.strip_debug = strip_debug
        read.whole = whole
        read.changing = changing
        read.fault = cython.address(pool.fault)
        read.scripted = scripted
        compile_rules(inputs, cython.address(read), rules)
        pool.run_evenly(read_sections, cython.address(read), files.count, 8)
        if read.has & HAS_LINKONCE:
            settle_linkonce(files, self.view.row, names, self.owner)
        if read.has & (HAS_GROUPS | HAS_LINK_ORDER):
            pool.run_evenly(strike_losers, cython.address(read), files.count, 32)
        self.has = read.has
        if read.has & HAS_CTORS:
            spare_start_files(inputs, self.view.row)
        collect_keys(self, cython.address(read))

    def part_keys(self):
        """The distinct kinds of unusual sections, in input order: (rule number or -1, orphan name, kind, entsize,
        strings, align, flags, sorted, count, sh_type) of each."""
        inputs = self.inputs
        found = []
        for i in range(self.key_count):
            key = cython.address(self.keys[i])
            row = cython.address(inputs.view.row[key.file])
            text = cython.cast(cython.p_char, inputs.view.base[key.file]) + row.shstroff + key.name
            name = text[: key.length]
            if key.flags & SEC_COMPRESSED and name.startswith(b".zdebug_"):
                name = b"." + name[2:]
            rule = -1 if key.rule == NONE else key.rule
            merging = (key.kind, key.entsize, key.strings, key.align)
            found.append((rule, name, *merging, key.flags, key.sorted, key.count, key.type))
        return found

    def has_gnu_extensions(self):
        """Does EI_OSABI of a live object tell of symbols or sections that are an extension of GNU's?"""
        return self.has & HAS_GNU != 0

    def assign_parts(self, parts):
        """Give each key (in the order of part_keys) its PartId."""
        i: int64_t
        for i in range(self.key_count):
            self.keys[i].part = parts[i]
        with cython.nogil:
            for i in range(self.key_count):
                spread_part(self.view.row, cython.address(self.keys[i]), self.ids)

    def unmerge(self, key: int):
        """Let the sections of one key (by its number in part_keys) be copied as they are."""
        row = cython.address(self.keys[cython.cast(int64_t, key)])
        i: uint64_t
        for i in range(row.first, row.first + row.count):
            self.view.row[self.ids[i]].kind = SEC_PLAIN

    def compressed(self):
        """(SectionId, FileId, data, ch_type, uncompressed size) of every compressed section that is wanted."""
        inputs = self.inputs
        found = []
        file: int64_t
        for file in range(1, inputs.view.count):
            row = cython.address(inputs.view.row[file])
            section: uint32_t = row.unusual if row.sec_base else 0
            while section:
                sec = cython.address(self.view.row[section])
                if sec.flags & SEC_COMPRESSED and sec.kind != SEC_OUT:
                    shdr = section_header(inputs.view.base[file], row, section - row.sec_base)
                    start = cython.cast(cython.p_char, inputs.view.base[file] + shdr.sh_offset)
                    if shdr.sh_flags & SHF_COMPRESSED:
                        chdr = cython.cast(cython.pointer[Elf64_Chdr], start)
                        data = start[cython.sizeof(Elf64_Chdr) : shdr.sh_size]
                        found.append((section, file, data, chdr.ch_type, chdr.ch_size))
                    else:
                        found.append((section, file, start[ZDEBUG_HEADER : shdr.sh_size], ZLIB, sec.size))
                section = sec.link
        return found

    def keep(self, key: int):
        """Make the sections of one key (by its number in part_keys) roots of --gc-sections."""
        i: uint64_t
        row = cython.address(self.keys[cython.cast(int64_t, key)])
        for i in range(row.first, row.first + row.count):
            self.view.row[self.ids[i]].flags |= SEC_ROOT

    def is_kept(self, key: int):
        """Is a section of one key (by its number in part_keys) live?"""
        i: uint64_t
        row = cython.address(self.keys[cython.cast(int64_t, key)])
        for i in range(row.first, row.first + row.count):
            if self.view.row[self.ids[i]].flags & SEC_LIVE:
                return True
        return False

    def set_content(self, section: uint32_t, data: bytes):
        """The uncompressed contents of a section; their length has been checked against SectionRow.size."""
        self.own_contents()
        if self.decompressed is None:
            self.decompressed = []
        self.decompressed.append(data)
        text = cython.cast(cython.p_char, data)
        self.view.content[section] = cython.cast(cython.pointer[cython.const[uint8_t]], text)

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def own_contents(self) -> cython.int:
        """Make the table of contents that are not the file's."""
        if self.view.content is cython.NULL:
            self.view.content = cython.cast(
                cython.pointer[cython.pointer[cython.const[uint8_t]]],
                self.inputs.arena.array(self.view.count, cython.sizeof(cython.p_void)),
            )
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def own_relocations(self) -> cython.int:
        """Make the table of relocations that are not the file's; a section that has some is SEC_CREL."""
        if self.view.crel is cython.NULL:
            arena = self.inputs.arena
            room: cython.p_void = arena.array(self.view.count, cython.sizeof(cython.p_void))
            self.view.crel = cython.cast(cython.pointer[cython.pointer[Elf64_Rela]], room)
            self.view.crel_count = cython.cast(cython.pointer[uint32_t], arena.array(self.view.count, 4))
        return 0


@cython.cfunc
@cython.exceptval(-1)
def number_sections(files: cython.pointer[Files]) -> int64_t:
    """Give each live object its run of SectionIds; 0 is no section."""
    total: int64_t = 1
    i: int64_t
    for i in range(1, files.count):
        if files.live[i] and files.row[i].kind == FILE_OBJECT:
            files.row[i].sec_base = cython.cast(uint32_t, total)
            total += files.row[i].shnum
            if total >= LAST_SECTION:
                raise MemoryError("more than 4294967279 input sections")
    return total


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def read_sections(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    read = cython.cast(cython.pointer[Read], context)
    i: int64_t
    for i in range(begin, end):
        if i and read.files.live[i] and read.files.row[i].kind == FILE_OBJECT:
            if read_object(read, cython.cast(uint32_t, i)):
                return 1
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def read_object(read: cython.pointer[Read], file: uint32_t) -> cython.int:
    """Fill the rows of one object."""
    row = cython.address(read.files.row[file])
    base = read.files.base[file]
    extra: uint32_t = row.global_base + row.nsyms - row.first_global
    k: uint32_t
    write_first(read.sections + row.sec_base, row.shnum * cython.sizeof(SectionRow))
    for k in range(1, row.shnum):
        shdr = section_header(base, row, k)
        if (
            shdr.sh_type != SHT_NOBITS
            and shdr.sh_type != SHT_NULL
            and not inside(row.size, shdr.sh_offset, shdr.sh_size)
        ):
            report(read.fault, FAULT_SECTION_OUTSIDE, file, row.shoff + 64 * k, k)
            return 1
        if shdr.sh_type == SHT_GROUP:
            if enter_group(read, file, k, cython.address(extra)):
                return 1
        elif is_relocations(shdr):
            if enter_relocations(read, file, k):
                return 1
        elif shdr.sh_flags & SHF_ALLOC or not is_table(shdr.sh_type):
            if enter_section(read, file, k, shdr):
                return 1
    chain_unusual(read, row)
    if base[EI_OSABI] == ELFOSABI_GNU:
        row.has |= HAS_GNU
    if row.has:
        set_bits32(cython.address(read.has), row.has)
    return 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def is_relocations(shdr: cython.pointer[cython.const[Elf64_Shdr]]) -> cython.bint:
    """Relocations of another section; loaded ones of none are data."""
    if shdr.sh_type != SHT_RELA and shdr.sh_type != SHT_CREL and shdr.sh_type != SHT_REL:
        return False
    return shdr.sh_info != 0 or not shdr.sh_flags & SHF_ALLOC


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def is_table(kind: uint32_t) -> cython.bint:
    """Sections that describe the object and do not reach the output."""
    return (
        kind == SHT_NULL
        or kind == SHT_SYMTAB
        or kind == SHT_STRTAB
        or kind == SHT_SYMTAB_SHNDX
        or kind == SHT_LLVM_ADDRSIG
        or kind == SHT_LLVM_CALL_GRAPH_PROFILE
    )


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def enter_relocations(read: cython.pointer[Read], file: uint32_t, k: uint32_t) -> cython.int:
    """Note in the row of the section they apply to where its relocations are."""
    row = cython.address(read.files.row[file])
    shdr = section_header(read.files.base[file], row, k)
    target: uint32_t = shdr.sh_info
    if target >= row.shnum:
        report(read.fault, FAULT_RELOCATED, file, row.shoff + 64 * k, k)
        return 1
    if section_header(read.files.base[file], row, target).sh_type == SHT_LLVM_CALL_GRAPH_PROFILE:
        return 0  # not to be applied: they name symbols (call_graph.py)
    if shdr.sh_type == SHT_REL and shdr.sh_size:
        report(read.fault, FAULT_REL_SECTION, file, row.shoff + 64 * k, k)
        return 1
    if target == 0 or shdr.sh_size == 0:
        return 0
    if shdr.sh_type == SHT_RELA and (shdr.sh_entsize != 24 or shdr.sh_size % 24):
        report(read.fault, FAULT_BAD_RELA, file, row.shoff + 64 * k, k)
        return 1
    sec = cython.address(read.sections[row.sec_base + target])
    if sec.relocs:
        report(read.fault, FAULT_TWO_RELAS, file, row.shoff + 64 * k, k)
        return 1
    sec.relocs = k
    if shdr.sh_type == SHT_CREL:
        sec.flags |= SEC_CREL
        row.has |= HAS_CREL
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def enter_section(
    read: cython.pointer[Read], file: uint32_t, k: uint32_t, shdr: cython.pointer[cython.const[Elf64_Shdr]]
) -> cython.int:
    """Decide the kind and part of one section."""
    row = cython.address(read.files.row[file])
    if shdr.sh_name >= row.shstrsize:
        report(read.fault, FAULT_SECTION_NAME, file, row.shoff + 64 * k, k)
        return 1
    if shdr.sh_flags & SHF_EXCLUDE and not shdr.sh_flags & SHF_ALLOC and not read.whole:
        return 0
    name = section_name(read.files.base[file], row, shdr)
    if is_linkonce(name) and not shdr.sh_flags & SHF_GROUP:
        row.has |= HAS_LINKONCE
    if shdr.sh_flags & SHF_LINK_ORDER:
        row.has |= HAS_LINK_ORDER
    if is_ctors(name) and not read.scripted:
        row.has |= HAS_CTORS
    sec = cython.address(read.sections[row.sec_base + k])
    align: uint64_t = shdr.sh_addralign if shdr.sh_addralign else 1
    sec.size = shdr.sh_size
    sec.flags |= section_flags(shdr)
    if shdr.sh_flags & SHF_COMPRESSED:
        if shdr.sh_size < cython.sizeof(Elf64_Chdr) or sec.flags & SEC_ALLOC or sec.flags & SEC_NOBITS:
            report(read.fault, FAULT_COMPRESSED, file, shdr.sh_offset, k)
            return 1
        chdr = cython.cast(cython.pointer[Elf64_Chdr], read.files.base[file] + shdr.sh_offset)
        sec.size = chdr.ch_size
        align = chdr.ch_addralign if chdr.ch_addralign else 1
    elif is_zdebug(name) and not sec.flags & (SEC_ALLOC | SEC_NOBITS):
        start = read.files.base[file] + shdr.sh_offset
        if shdr.sh_size >= ZDEBUG_HEADER and memcmp(start, b"ZLIB", 4) == 0:
            sec.size = big_endian64(start + 4)
            sec.flags |= SEC_COMPRESSED
    if align & (align - 1) or align > LARGEST_ALIGN:
        report(read.fault, FAULT_ALIGN, file, row.shoff + 64 * k, k)
        return 1
    if sec.size > LARGEST_SIZE:
        report(read.fault, FAULT_SIZE, file, row.shoff + 64 * k, k)
        return 1
    sec.align = ctz64(align)
    place_section(read, file, sec, shdr, name)
    if sec.kind == SEC_OUT and strncmp(cython.cast(cython.p_const_char, name), b".gnu.warning", 12) == 0:
        row.has |= HAS_WARNINGS
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def chain_unusual(read: cython.pointer[Read], row: cython.pointer[FileRow]) -> cython.void:
    """Link the unusual sections of an object, in order; one with relocations is not merged after all."""
    last: uint32_t = 0
    k: uint32_t
    for k in range(1, row.shnum):
        sec = cython.address(read.sections[row.sec_base + k])
        if sec.relocs and (sec.kind == SEC_STRINGS or sec.kind == SEC_CONSTANTS):
            sec.kind = SEC_PLAIN
            if sec.unused != NONE and not read.rules[sec.unused].flags & (RULE_SORTED | RULE_LISTED):
                sec.part = read.rules[sec.unused].part
        if sec.kind == SEC_OUT or (sec.part != PART_UNUSUAL and not sec.flags & SEC_COMPRESSED):
            continue
        if last:
            read.sections[last].link = row.sec_base + k
        else:
            row.unusual = row.sec_base + k
        last = row.sec_base + k
