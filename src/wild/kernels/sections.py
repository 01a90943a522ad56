"""Sections: what becomes of every section of every live object.

One parallel loop reads the section headers of each object once and writes a `SectionRow`: does the section reach the
output, is it copied or split, how large and how aligned is it, where are its relocations, and which part of the output
is its own (section_rows.py).  Parts are found by the rules of wild/output_sections.py (`.text.*` goes to `.text`): see
rules.py.

What the rules cannot decide alone is *unusual*: orphans, merged and sorted sections.  Each object chains its unusual
ones through `SectionRow.link`; part_keys.py tells how they get their parts.

COMDAT groups (gABI "Section Groups"): the group of the lowest live file wins.  Owners are found with an atomic minimum
per signature while the headers are read; a second loop over the groups alone strikes out the members of the losers.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.wild.kernels.ctors import spare_start_files
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.faults import *
from cython.cimports.wild.kernels.files import Inputs
from cython.cimports.wild.kernels.groups import strike_losers
from cython.cimports.wild.kernels.linkonce import settle_linkonce
from cython.cimports.wild.kernels.names import NameTable
from cython.cimports.wild.kernels.part_keys import collect_keys, spread_part
from cython.cimports.wild.kernels.pool import Pool, write_first
from cython.cimports.wild.kernels.rules import compile_rules
from cython.cimports.wild.kernels.section_rows import read_sections
from cython.cimports.wild.kernels.sections import ZDEBUG_HEADER, ZLIB, Read, section_header
from cython.cimports.wild.kernels.tables import *

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
