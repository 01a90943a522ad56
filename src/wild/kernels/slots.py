"""Slots: numbering the GOT, PLT, TLS and copy-relocation places of the symbols that need one.

Few symbols need slots, so they are given to an `AuxRow` of their own and numbered in input order: first the names,
then local symbols.  Numbers count from 0; addresses are added once the layout is known.

A copy relocation moves a variable of a shared object into the executable.  Other names of the same variable (`environ`
and `__environ`) must move with it: every dynamic symbol of that object with the same address gets the same place and
is exported.  A variable that is read-only in its shared object is copied into RELRO.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.files import Inputs
from cython.cimports.wild.kernels.names import NameTable
from cython.cimports.wild.kernels.reach import OutputMode, Reach
from cython.cimports.wild.kernels.relocation import Mode, local_flags
from cython.cimports.wild.kernels.resolve import Resolution
from cython.cimports.wild.kernels.slots import *
from cython.cimports.wild.kernels.tables import *

PT_LOAD = cython.declare(cython.const[uint32_t], 1)
PT_GNU_RELRO = cython.declare(cython.const[uint32_t], 0x6474E552)
PF_W = cython.declare(cython.const[uint32_t], 2)


@cython.final
@cython.cclass
class Slots:
    """The slots of a link: `view.row[1:count]`, reached by SymbolRow.aux and `view.local_aux`."""

    def __cinit__(
        self, inputs: Inputs, names: NameTable, resolution: Resolution, reach: Reach, mode: OutputMode
    ):
        state = cython.declare(Numbering)
        state.files = cython.address(inputs.view)
        state.names = cython.address(names.view)
        state.symbols = resolution.view.row
        state.mode = cython.address(mode.view)
        view = cython.address(self.view)
        view.tlsld = NONE
        view.copy_align = 1
        view.relro_align = 1
        view.count = 1
        state.room = 1 + reach.view.name_count + reach.view.local_count
        aliases: int64_t = count_aliases(
            cython.address(state), cython.address(reach.view.names[0]), reach.view.name_count
        )
        state.room += aliases
        view.row = cython.cast(cython.pointer[AuxRow], inputs.arena.array(state.room, cython.sizeof(AuxRow)))
        view.local_aux = reach.view.local_needs
        i: int64_t
        with cython.nogil:
            for i in range(reach.view.name_count):
                number_name(cython.address(state), view, reach.view.names[i])
            for i in range(reach.view.local_count):
                number_local(cython.address(state), view, reach.view.locals[i], reach.view.local_file[i])
        if reach.needs_tlsld:
            view.tlsld = view.got_slots
            view.got_slots += 2
            view.symbolics += mode.view.shared

    @property
    def got_slots(self):
        """8-byte words in .got."""
        return self.view.got_slots

    @property
    def plt_entries(self):
        """(entries for imports, entries for ifuncs of the output)."""
        return self.view.plt, self.view.iplt

    @property
    def dynamic(self):
        """Dynamic relocations of the slots: (relative, other, IRELATIVE of .got slots)."""
        return self.view.relatives, self.view.symbolics, self.view.irelatives

    @property
    def unsized(self):
        """NameId of a variable that cannot be copied since its symbol has no size, 0: there is none."""
        return self.view.unsized

    @property
    def copies(self):
        """((size, alignment) of the copies in .bss, the same of those in RELRO)."""
        view = self.view
        return (view.copy_size, view.copy_align), (view.relro_size, view.relro_align)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def new_row(view: cython.pointer[SlotView], target: uint32_t, local: uint32_t) -> uint32_t:
    """A row without slots."""
    number = cython.cast(uint32_t, view.count)
    view.count += 1
    row = cython.address(view.row[number])
    row.target = target
    row.local = local
    row.got = NONE
    row.gottp = NONE
    row.tlsgd = NONE
    row.tlsdesc = NONE
    row.plt = NONE
    row.copy = NONE
    return number


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def number_slots(
    mode: cython.pointer[Mode], view: cython.pointer[SlotView], row: cython.pointer[AuxRow], flags: uint32_t
) -> cython.void:
    """Give a row the slots that its flags ask for, and count their dynamic relocations."""
    kind: cython.int
    imported: cython.bint = flags & SYM_IMPORTED != 0
    if flags & NEEDS_GOT:
        row.got = take(view, 1)
        kind = slot_kind(flags, mode)
        if kind == SLOT_RELATIVE and mode.relr:
            row.flags |= AUX_GOT_PACKED
            view.packed += 1
        else:
            view.relatives += kind == SLOT_RELATIVE
        view.symbolics += kind == SLOT_SYMBOLIC
        view.irelatives += kind == SLOT_IRELATIVE
    if flags & NEEDS_GOTTP:
        row.gottp = take(view, 1)
        view.symbolics += 1 if imported or mode.shared else 0
    if flags & NEEDS_TLSGD:
        row.tlsgd = take(view, 2)
        view.symbolics += 2 if imported else (1 if mode.shared else 0)
    if flags & NEEDS_TLSDESC:
        row.tlsdesc = take(view, 2)
        view.symbolics += 1
    if flags & NEEDS_PLT:
        if imported:
            row.plt = view.plt
            view.plt += 1
        else:
            row.plt = view.iplt
            row.flags |= AUX_IFUNC_PLT
            view.iplt += 1


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def take(view: cython.pointer[SlotView], words: uint32_t) -> uint32_t:
    first: uint32_t = view.got_slots
    view.got_slots += words
    return first


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def number_name(
    state: cython.pointer[Numbering], view: cython.pointer[SlotView], name: uint32_t
) -> cython.void:
    symbol = cython.address(state.symbols[name])
    if symbol.aux == 0:
        symbol.aux = new_row(view, name, 0)
    row = cython.address(view.row[symbol.aux])
    if symbol.flags & NEEDS_COPY and row.copy == NONE:
        place_copy(state, view, name)
    number_slots(state.mode, view, row, symbol.flags)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def number_local(
    state: cython.pointer[Numbering], view: cython.pointer[SlotView], local: uint32_t, file: uint32_t
) -> cython.void:
    """The row of a local symbol; its entry in `local_aux` held its needs until now."""
    row = cython.address(state.files.row[file])
    needs: uint32_t = view.local_aux[local]
    number: uint32_t = new_row(view, local, 1)
    aux = cython.address(view.row[number])
    aux.file = file
    aux.sym = local - row.local_base
    sym = cython.cast(cython.pointer[cython.const[Elf64_Sym]], state.files.base[file] + row.symoff) + aux.sym
    flags: uint32_t = local_flags(sym.st_info, sym.st_shndx == SHN_ABS)
    if sym.st_shndx == SHN_UNDEF:
        flags = 0
    number_slots(state.mode, view, aux, flags | needs)
    aux.flags |= needs & NEEDS_ANY
    view.local_aux[local] = number


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def is_alias(
    state: cython.pointer[Numbering],
    symbol: cython.pointer[SymbolRow],
    index: uint32_t,
    value: uint64_t,
    shndx: uint32_t,
) -> uint32_t:
    """NameId of the dynamic symbol `index` of the same object if it is another name of that variable, else 0."""
    row = cython.address(state.files.row[symbol.file])
    sym = (
        cython.cast(cython.pointer[cython.const[Elf64_Sym]], state.files.base[symbol.file] + row.symoff)
        + index
    )
    if (
        sym.st_value != value
        or sym.st_shndx != shndx
        or sym.st_shndx == SHN_UNDEF
        or sym.st_shndx >= SHN_LORESERVE
    ):
        return 0
    name: uint32_t = state.names.of[row.global_base + index - row.first_global]
    other = cython.address(state.symbols[name])
    return name if name and other.file == symbol.file and other.flags & SYM_SHARED_DEF else 0


@cython.cfunc
@cython.exceptval(check=False)
def count_aliases(
    state: cython.pointer[Numbering], names: cython.pointer[uint32_t], count: int64_t
) -> int64_t:
    """An upper bound for the rows that aliases of copied variables add."""
    found: int64_t = 0
    i: int64_t
    k: uint32_t
    for i in range(count):
        symbol = cython.address(state.symbols[names[i]])
        if symbol.flags & NEEDS_COPY:
            row = cython.address(state.files.row[symbol.file])
            sym = (
                cython.cast(
                    cython.pointer[cython.const[Elf64_Sym]], state.files.base[symbol.file] + row.symoff
                )
                + symbol.sym
            )
            for k in range(row.first_global, row.nsyms):
                found += is_alias(state, symbol, k, sym.st_value, sym.st_shndx) != 0
    return found


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def place_copy(
    state: cython.pointer[Numbering], view: cython.pointer[SlotView], name: uint32_t
) -> cython.void:
    """Give the variable and all its names one place."""
    symbol = cython.address(state.symbols[name])
    row = cython.address(state.files.row[symbol.file])
    table = cython.cast(cython.pointer[cython.const[Elf64_Sym]], state.files.base[symbol.file] + row.symoff)
    sym = table + symbol.sym
    size: uint64_t = sym.st_size
    k: uint32_t
    other: uint32_t
    for k in range(row.first_global, row.nsyms):
        other = is_alias(state, symbol, k, sym.st_value, sym.st_shndx)
        if other and state.symbols[other].flags & SYM_TLS == 0:
            size = max(size, table[k].st_size)
    if size == 0 and view.unsized == 0:
        view.unsized = name
    align: uint64_t = copy_alignment(state, symbol.file, sym)
    relro: cython.bint = is_read_only(state, symbol.file, sym.st_value)
    end = cython.address(view.relro_size) if relro else cython.address(view.copy_size)
    place: uint64_t = align_up(end[0], align)
    end[0] = place + size
    if relro:
        view.relro_align = max(view.relro_align, align)
    else:
        view.copy_align = max(view.copy_align, align)
    view.symbolics += 1
    view.row[symbol.aux].flags |= AUX_COPY_FIRST
    for k in range(row.first_global, row.nsyms):
        other = is_alias(state, symbol, k, sym.st_value, sym.st_shndx)
        if other:
            share_copy(state, view, other, cython.cast(uint32_t, place), relro)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def share_copy(
    state: cython.pointer[Numbering],
    view: cython.pointer[SlotView],
    name: uint32_t,
    place: uint32_t,
    relro: cython.bint,
) -> cython.void:
    symbol = cython.address(state.symbols[name])
    if symbol.aux == 0:
        symbol.aux = new_row(view, name, 0)
    symbol.flags |= NEEDS_COPY
    view.row[symbol.aux].copy = place
    if relro:
        view.row[symbol.aux].flags |= AUX_COPY_RELRO


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def copy_alignment(
    state: cython.pointer[Numbering], file: uint32_t, sym: cython.pointer[cython.const[Elf64_Sym]]
) -> uint64_t:
    """No symbol says its alignment: that of its section, as far as its address has it."""
    row = cython.address(state.files.row[file])
    align: uint64_t = 64
    if row.shoff and sym.st_shndx < row.shnum:
        shdr = (
            cython.cast(cython.pointer[cython.const[Elf64_Shdr]], state.files.base[file] + row.shoff)
            + sym.st_shndx
        )
        align = shdr.sh_addralign
    align = align if align and align & (align - 1) == 0 and align <= 65536 else 64
    while align > 1 and sym.st_value & (align - 1):
        align >>= 1
    return align


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def is_read_only(state: cython.pointer[Numbering], file: uint32_t, value: uint64_t) -> cython.bint:
    """Is the address of a shared object read-only once the loader is done?"""
    row = cython.address(state.files.row[file])
    base = state.files.base[file]
    ehdr = cython.cast(cython.pointer[cython.const[Elf64_Ehdr]], base)
    writable: cython.bint = True
    i: uint64_t
    if ehdr.e_phentsize != 56 or not inside(row.size, ehdr.e_phoff, cython.cast(uint64_t, ehdr.e_phnum) * 56):
        return False
    for i in range(ehdr.e_phnum):
        phdr = cython.cast(cython.pointer[cython.const[Elf64_Phdr]], base + ehdr.e_phoff) + i
        if value - phdr.p_vaddr < phdr.p_memsz and value >= phdr.p_vaddr:
            if phdr.p_type == PT_GNU_RELRO:
                return True
            if phdr.p_type == PT_LOAD:
                writable = phdr.p_flags & PF_W != 0
    return not writable
