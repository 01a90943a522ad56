"""What error texts ask about a link: who refers to a name, and what stands at one place of one object.

A link that is right never comes here, so nothing is kept for these questions: relocations and symbol tables
are gone through again.  Only files that mention a wanted name have their relocations looked at.

Everything that is read is checked here, since a text may be about an object that no pass has read to its end.
"""

import cython
from cython.cimports.cpython.buffer import PyBUF_READ
from cython.cimports.cpython.memoryview import PyMemoryView_FromMemory
from cython.cimports.libc.stdint import int64_t, uint16_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import calloc, free
from cython.cimports.libc.string import strlen
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.files import Inputs
from cython.cimports.wild.kernels.measure import Layout
from cython.cimports.wild.kernels.names import NameTable
from cython.cimports.wild.kernels.resolve import Resolution, symbols_of
from cython.cimports.wild.kernels.sections import (
    RelaSpan,
    SectionTable,
    relocations_of,
    section_header,
    section_of,
)
from cython.cimports.wild.kernels.tables import *

MOST_VERSIONS = cython.declare(cython.const[int64_t], 0x8000)


@cython.final
@cython.cclass
class LinkTables:
    """The tables of a link that texts are about; valid from the reading of sections on."""

    def __cinit__(
        self, inputs: Inputs, names: NameTable, resolution: Resolution, sections: SectionTable | None
    ):
        self.inputs = inputs
        self.names = names
        self.resolution = resolution
        self.sections = sections

    @staticmethod
    def of(layout: Layout):
        """Those of a link that has been laid out."""
        return LinkTables(layout.inputs, layout.owners[0], layout.resolution, layout.sections)

    def references(self, names: list, most: int, rewritten: tuple = ()) -> list:
        """(how many, the first `most` as (file, section index, r_offset)) for each NameId.

        Counted are the relocations of live, loaded sections against symbols that are not weak; not those behind one
        of a `rewritten` type, since the linker has replaced the instructions of both.
        """
        types: uint64_t = 0
        for r_type in rewritten:
            types |= cython.cast(uint64_t, 1) << cython.cast(uint32_t, r_type)
        wanted = cython.cast(U32, calloc(max(self.names.view.capacity, 1), 4))
        if wanted is cython.NULL:
            raise MemoryError("no memory to look for references")
        counts: list = [0] * len(names)
        places: list = [[] for _ in names]
        file: int64_t
        try:
            for number, name in enumerate(names):
                wanted[cython.cast(uint32_t, name)] = cython.cast(uint32_t, number + 1)
            wanted[0] = 0
            for file in range(1, self.inputs.view.count):
                if self.mentions(file, wanted):
                    self.scan_file(cython.cast(uint32_t, file), wanted, most, types, counts, places)
        finally:
            free(wanted)
        return list(zip(counts, places))

    @cython.cfunc
    @cython.exceptval(check=False)
    def mentions(self, file: int64_t, wanted: U32) -> cython.bint:
        """Has the live object a symbol of a wanted name?"""
        row = cython.address(self.inputs.view.row[file])
        of: U32 = self.names.view.of + row.global_base
        i: uint32_t
        if row.sec_base:
            for i in range(row.nsyms - row.first_global):
                if wanted[of[i]]:
                    return True
        return False

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def scan_file(
        self, file: uint32_t, wanted: U32, most: int64_t, rewritten: uint64_t, counts: list, places: list
    ) -> cython.int:
        row = cython.address(self.inputs.view.row[file])
        base = self.inputs.view.base[file]
        of: U32 = self.names.view.of + row.global_base - row.first_global
        syms: Sym = symbols_of(cython.address(self.inputs.view), file)
        k: uint32_t
        i: uint64_t
        for k in range(1, row.shnum):
            sec = cython.address(self.sections.view.row[row.sec_base + k])
            if not sec.relocs or not is_scanned(sec):
                continue
            span: RelaSpan = relocations_of(cython.address(self.sections.view), base, row, row.sec_base + k)
            for i in range(span.count):
                sym: uint32_t = span.rela[i].r_sym
                if i and span.rela[i - 1].r_type < 64 and rewritten >> span.rela[i - 1].r_type & 1:
                    continue
                if (
                    row.first_global <= sym < row.nsyms
                    and wanted[of[sym]]
                    and syms[sym].st_info >> 4 != STB_WEAK
                ):
                    number: int64_t = wanted[of[sym]] - 1
                    counts[number] += 1
                    if len(places[number]) < most:
                        places[number].append((file, k, span.rela[i].r_offset))
        return 0

    def relocation(self, file: int, section: int, offset: int, index: int) -> tuple:
        """(r_type, symbol index, addend) of a relocation at `offset`: the one with that index, else the
        first there.

        The second case is that of .eh_frame, whose relocations are counted in the order of their offsets."""
        self.inputs.check_file(file)
        row = cython.address(self.inputs.view.row[cython.cast(uint32_t, file)])
        k: uint32_t = section
        if row.sec_base == 0 or k >= row.shnum:
            raise IndexError(f"no section {section}")
        base = self.inputs.view.base[cython.cast(uint32_t, file)]
        span: RelaSpan = relocations_of(cython.address(self.sections.view), base, row, row.sec_base + k)
        found: uint64_t = index
        place: uint64_t = offset
        if found >= span.count or span.rela[found].r_offset != place:
            found = 0
            while found < span.count and span.rela[found].r_offset != place:
                found += 1
        if found == span.count:
            raise IndexError(f"no relocation at {offset}")
        return span.rela[found].r_type, span.rela[found].r_sym, span.rela[found].r_addend

    def symbol(self, file: int, index: int) -> tuple:
        """(NameId or 0, spelling, section index or 0, st_value, st_info, st_other) of a symbol of any file."""
        self.inputs.check_file(file)
        row = cython.address(self.inputs.view.row[cython.cast(uint32_t, file)])
        i: uint32_t = index
        if i >= row.nsyms:
            raise IndexError(f"no symbol {index}")
        sym: Sym = symbols_of(cython.address(self.inputs.view), cython.cast(uint32_t, file)) + i
        base = self.inputs.view.base[cython.cast(uint32_t, file)]
        name: uint32_t = 0
        if i >= row.first_global:
            name = self.names.view.of[row.global_base + i - row.first_global]
        text: bytes = b""
        if sym.st_name < row.strsize:
            text = cython.cast(cython.p_const_char, base + row.stroff + sym.st_name)
        section: uint32_t = 0
        if row.kind == FILE_OBJECT:
            section = section_of(base, row, sym, i)
        return name, text, section if section < row.shnum else 0, sym.st_value, sym.st_info, sym.st_other

    def section_name(self, file: int, section: int) -> bytes:
        """The name of a section of an object; empty if it has none."""
        self.inputs.check_file(file)
        row = cython.address(self.inputs.view.row[cython.cast(uint32_t, file)])
        k: uint32_t = section
        base = self.inputs.view.base[cython.cast(uint32_t, file)]
        if row.kind != FILE_OBJECT or k >= row.shnum or section_header(base, row, k).sh_name >= row.shstrsize:
            return b""
        text: bytes = cython.cast(
            cython.p_const_char, base + row.shstroff + section_header(base, row, k).sh_name
        )
        return text

    def place_of(self, section: int) -> tuple:
        """(file, section index) of a SectionId."""
        id: uint32_t = section
        i: int64_t
        for i in range(1, self.inputs.view.count):
            row = cython.address(self.inputs.view.row[i])
            if row.sec_base and row.sec_base <= id < row.sec_base + row.shnum:
                return i, id - row.sec_base
        raise IndexError(f"no section {section}")

    def is_discarded(self, file: int, section: int) -> bool:
        """Does a section of a live object belong to a COMDAT group that another file's copy won?"""
        row = cython.address(self.inputs.view.row[cython.cast(uint32_t, file)])
        k: uint32_t = section
        if row.sec_base == 0 or k >= row.shnum:
            return False
        return self.sections.view.row[row.sec_base + k].flags & SEC_LOSER != 0

    def group(self, file: int, section: int) -> tuple:
        """(NameId of the signature, file whose group counts) of the COMDAT group a section is in; (0, 0) if
        none.
        """
        row = cython.address(self.inputs.view.row[cython.cast(uint32_t, file)])
        base = self.inputs.view.base[cython.cast(uint32_t, file)]
        wanted: uint32_t = section
        k: uint32_t
        n: uint64_t
        for k in range(1, row.shnum if row.sec_base else 1):
            shdr = section_header(base, row, k)
            name: uint32_t = self.sections.view.row[row.sec_base + k].link
            if shdr.sh_type != SHT_GROUP or name == 0:
                continue
            for n in range(1, shdr.sh_size // 4):
                if read32(base + shdr.sh_offset + 4 * n) == wanted:
                    return name, ~self.sections.owner[name] & 0xFFFFFFFF
        return 0, 0

    def version(self, file: int, index: int) -> tuple:
        """(name of the version, is it one that only old programs find?) of a symbol of a shared object."""
        self.inputs.check_file(file)
        row = cython.address(self.inputs.view.row[cython.cast(uint32_t, file)])
        if row.kind != FILE_SHARED or cython.cast(uint32_t, index) >= row.nsyms:
            return b"", False
        shared = cython.address(self.inputs.view.shared[row.shared])
        if shared.versym == 0:
            return b"", False
        base = self.inputs.view.base[cython.cast(uint32_t, file)]
        number: uint16_t = read16(base + shared.versym + 2 * cython.cast(uint32_t, index))
        hidden: cython.bint = number & VERSYM_HIDDEN != 0
        return version_name(base, row, shared, number & ~cython.cast(uint16_t, VERSYM_HIDDEN)), hidden

    def file_data(self, file: int):
        """The bytes of a file, as a memoryview that is valid as long as the inputs are."""
        self.inputs.check_file(file)
        row = cython.address(self.inputs.view.row[cython.cast(uint32_t, file)])
        base = cython.cast(cython.p_char, self.inputs.view.base[cython.cast(uint32_t, file)])
        return PyMemoryView_FromMemory(base, row.size, PyBUF_READ)


def not_in_shared(tables: LinkTables, names: list) -> list:
    """Those of some NameIds that no shared object of the link defines, not even one that is not needed."""
    wanted = cython.cast(U32, calloc(max(tables.names.view.capacity, 1), 4))
    if wanted is cython.NULL:
        raise MemoryError("no memory to look for definitions")
    files = cython.address(tables.inputs.view)
    i: int64_t
    sym: uint32_t
    for name in names:
        wanted[cython.cast(uint32_t, name)] = 1
    for i in range(files.shared_count):
        file: uint32_t = files.shared[i].file
        row = cython.address(files.row[file])
        syms: Sym = symbols_of(files, file)
        of: U32 = tables.names.view.of + row.global_base - row.first_global
        for sym in range(row.first_global, row.nsyms if files.live[file] else 0):
            if syms[sym].st_shndx != SHN_UNDEF:
                wanted[of[sym]] = 0
    found = [name for name in names if wanted[cython.cast(uint32_t, name)]]
    free(wanted)
    return found


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def is_scanned(sec: cython.pointer[SectionRow]) -> cython.bint:
    """Does the link look at the relocations of this section for what they need?"""
    if sec.kind == SEC_EH_FRAME:
        return True
    return sec.kind == SEC_PLAIN and sec.flags & (SEC_ALLOC | SEC_LIVE) == SEC_ALLOC | SEC_LIVE


@cython.cfunc
def version_name(
    base: Bytes, row: cython.pointer[FileRow], shared: cython.pointer[SharedRow], number: uint16_t
) -> bytes:
    """The name of a version that a shared object defines; empty if it does not."""
    at: uint64_t = 0
    i: int64_t
    for i in range(min(cython.cast(int64_t, shared.verdef_count), MOST_VERSIONS)):
        if not inside(shared.verdef_size, at, cython.sizeof(Elf64_Verdef)):
            break
        entry = cython.cast(cython.pointer[cython.const[Elf64_Verdef]], base + shared.verdef + at)
        if entry.vd_ndx == number:
            if not inside(shared.verdef_size, at + entry.vd_aux, cython.sizeof(Elf64_Verdaux)):
                break
            aux = cython.cast(
                cython.pointer[cython.const[Elf64_Verdaux]], base + shared.verdef + at + entry.vd_aux
            )
            if aux.vda_name >= row.strsize:
                break
            text = cython.cast(cython.p_const_char, base + row.stroff + aux.vda_name)
            return text[: strlen(text)]
        if entry.vd_next == 0:
            break
        at += entry.vd_next
    return b""


@cython.cfunc
@cython.exceptval(check=False)
def aimed_at(tables: LinkTables, file: uint32_t, symbol: uint32_t) -> uint32_t:
    """The SectionId that a symbol is in, 0 for none."""
    row = cython.address(tables.inputs.view.row[file])
    base = tables.inputs.view.base[file]
    if symbol >= row.first_global:
        name: uint32_t = tables.names.view.of[row.global_base + symbol - row.first_global]
        return tables.resolution.view.row[name].section
    sym = cython.cast(Sym, base + row.symoff) + symbol
    section: uint32_t = section_of(base, row, sym, symbol)
    return row.sec_base + section if 0 < section < row.shnum else 0
