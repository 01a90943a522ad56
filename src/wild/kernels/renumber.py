"""Numbers for what an update adds: words of .got, PLT entries, entries of .dynsym for imports, dynamic relocations.

They are taken from the room behind those that there are.  What an update needs no more keeps its numbers.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.libc.string import memset
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.graft import *
from cython.cimports.wild.kernels.recanonical import can_be_canonical, give_canonical
from cython.cimports.wild.kernels.recommon import check_common
from cython.cimports.wild.kernels.relocation import local_flags
from cython.cimports.wild.kernels.renumber import *
from cython.cimports.wild.kernels.saved import *
from cython.cimports.wild.kernels.scan import Scan
from cython.cimports.wild.kernels.slots import SLOT_IRELATIVE, SLOT_SYMBOLIC, slot_kind
from cython.cimports.wild.kernels.tables import *

from wild.errors import CannotUpdate


@cython.cfunc
@cython.exceptval(-1, check=False)
def number_slots(graft: Graft, scan: cython.pointer[Scan], got_room: uint64_t) -> cython.int:
    """Slots for symbols that need one they have not."""
    image = cython.address(graft.saved.image)
    i: int64_t
    if scan.worker.failed:
        raise MemoryError
    if scan.worker.textrel or scan.worker.packed.count or (scan.worker.got_base and image.got_base == 0):
        raise CannotUpdate("D2", "a slot of another kind is needed")
    if scan.worker.static_tls:
        raise CannotUpdate("D2", "a library uses thread-local variables of the program")
    if scan.worker.tlsld and image.slots.tlsld == NONE:
        image.slots.tlsld = graft.saved.places.tlsld = take_words(graft, 2, got_room)
        graft.new_tls.append((0, NEEDS_TLSGD))
    for i in range(graft.name_count):
        name: uint32_t = graft.name[graft.mini_name[i]]
        symbol = cython.address(image.symbols[name])
        graft.saved.touch(symbol, cython.sizeof(SymbolRow))
        needs: uint32_t = symbol.flags & ~graft.flags_before[i] & (NEEDS_ANY | NEEDS_DYNSYM | SYM_MISSING)
        if needs & SYM_MISSING:
            raise CannotUpdate("E2", "a name is not defined")
        if symbol.flags & SYM_COMMON and symbol.flags & ~graft.flags_before[i] & SYM_KEPT:
            check_common(graft, name)
        imported: cython.bint = (
            symbol.flags & (SYM_IMPORTED | SYM_SHARED_DEF) == SYM_IMPORTED | SYM_SHARED_DEF
        )
        # Own definitions that can be bound to others' are called by way of the PLT, too.
        called: cython.bint = imported or (symbol.flags & SYM_IMPORTED and symbol.dynsym)
        copied: cython.bint = needs & NEEDS_COPY and imported and can_be_copied(graft, symbol)
        canonical: cython.bint = needs & NEEDS_CANONICAL and imported and can_be_canonical(graft, symbol)
        can_have: uint32_t = NEEDS_GOT | NEEDS_TLS | (NEEDS_PLT if called else 0)
        can_have |= (NEEDS_COPY if copied else 0) | (NEEDS_CANONICAL if canonical else 0)
        if needs & NEEDS_ANY & ~can_have or (needs and image.mode.relr):
            raise CannotUpdate("D2", "a slot of another kind is needed")
        if imported and symbol.flags & SYM_REF and not scan.gc and not copied:
            needs |= NEEDS_DYNSYM  # also if no relocation names it (exports.py)
        if copied:
            graft.copied.append(name)
        elif canonical:
            give_canonical(graft, name, got_room)
            needs &= ~cython.cast(uint32_t, NEEDS_PLT | NEEDS_DYNSYM)
        elif needs & (NEEDS_ANY | NEEDS_DYNSYM) and symbol.dynsym == 0 and symbol.flags & SYM_IMPORTED:
            import_name(graft, name, imported)
        if needs & NEEDS_DYNSYM and symbol.dynsym == 0:
            raise CannotUpdate("E7", "a dynamic symbol is needed")
        if needs & (NEEDS_GOT | NEEDS_PLT | NEEDS_TLS) and symbol.aux == 0:
            symbol.aux = new_aux(graft, name, 0, 0)
        if needs & NEEDS_PLT:
            give_plt(graft, symbol)
        if needs & (NEEDS_GOT | NEEDS_PLT) and image.slots.row[symbol.aux].got == NONE:
            symbol.flags |= NEEDS_GOT
            give_slot(graft, symbol.aux, symbol.flags, symbol.dynsym, got_room)
        if needs & NEEDS_TLS:
            give_tls(graft, symbol.aux, needs & NEEDS_TLS, got_room)
    for i in range(scan.worker.locals.count):
        number_local(graft, scan.worker.locals.item[i], scan.worker.local_files.item[i], got_room)
    return 0


@cython.cfunc
@cython.exceptval(check=False)
def can_be_copied(graft: Graft, symbol: cython.pointer[SymbolRow]) -> cython.bint:
    """Can a variable of a shared object, which nobody was told about so far, become a definition of the output?"""
    other: uint32_t = SYM_TLS | SYM_PROTECTED_DEF | SYM_HIDDEN | SYM_PROTECTED | SYM_FUNC | SYM_IFUNC
    return graft.offers and symbol.dynsym == 0 and not symbol.flags & other


@cython.cfunc
@cython.exceptval(-1)
def import_name(graft: Graft, name: uint32_t, defined: cython.bint) -> cython.int:
    """An entry of .dynsym for a symbol of a shared object; the policy fills it."""
    symbol = cython.address(graft.saved.image.symbols[name])
    if not defined or symbol.flags & (SYM_OBJECT_DEF | SYM_HIDDEN | SYM_PROTECTED):
        raise CannotUpdate("E7", "a dynamic symbol is needed")
    if graft.dynsym == graft.dynsym_end:
        raise CannotUpdate("D2", "no room left for dynamic symbols")
    symbol.dynsym = graft.dynsym
    graft.dynsym += 1
    graft.imports.append(name)
    return 0


@cython.cfunc
@cython.exceptval(-1, check=False)
def give_plt(graft: Graft, symbol: cython.pointer[SymbolRow]) -> cython.int:
    """A PLT entry for an import, behind all others."""
    if graft.plt == graft.plt_end:
        raise CannotUpdate("D2", "no room left in the PLT")
    aux = cython.address(graft.saved.image.slots.row[symbol.aux])
    aux.plt = graft.plt
    graft.plt += 1
    graft.new_plt.append(symbol.aux)
    graft.saved.touch(aux, cython.sizeof(AuxRow))
    return 0


@cython.cfunc
@cython.exceptval(-1)
def number_local(graft: Graft, local: uint32_t, file: uint32_t, got_room: uint64_t) -> cython.int:
    image = cython.address(graft.saved.image)
    row = cython.address(image.files.row[file])
    needs: uint32_t = image.slots.local_aux[local]
    if needs & NEEDS_ANY & ~(NEEDS_GOT | NEEDS_TLS):
        raise CannotUpdate("D2", "a slot of another kind is needed")
    sym = cython.cast(Sym, image.files.base[file] + row.symoff) + (local - row.local_base)
    flags: uint32_t = local_flags(sym.st_info, sym.st_shndx == SHN_ABS)
    if sym.st_shndx == SHN_UNDEF:
        flags = 0
    image.slots.local_aux[local] = new_aux(graft, local, file, local - row.local_base)
    if needs & NEEDS_GOT:
        give_slot(graft, image.slots.local_aux[local], flags | needs, 0, got_room)
    if needs & NEEDS_TLS:
        give_tls(graft, image.slots.local_aux[local], needs & NEEDS_TLS, got_room)
    return 0


@cython.cfunc
@cython.exceptval(0, check=False)
def new_aux(graft: Graft, target: uint32_t, file: uint32_t, sym: uint32_t) -> uint32_t:
    """A row without slots, at the end."""
    saved = graft.saved
    if saved.count[SAVED_AUX] == saved.room[SAVED_AUX]:
        raise CannotUpdate("D6", "a table of the state is full")
    number: uint32_t = saved.count[SAVED_AUX]
    saved.count[SAVED_AUX] += 1
    saved.image.slots.count += 1
    aux = cython.address(saved.image.slots.row[number])
    memset(aux, 0, cython.sizeof(AuxRow))
    aux.target, aux.local, aux.file, aux.sym = target, file != 0, file, sym
    aux.got = aux.gottp = aux.tlsgd = aux.tlsdesc = aux.plt = aux.copy = NONE
    saved.touch(aux, cython.sizeof(AuxRow))
    return number


@cython.cfunc
@cython.exceptval(-1)
def give_slot(
    graft: Graft, number: uint32_t, flags: uint32_t, dynsym: uint32_t, got_room: uint64_t
) -> cython.int:
    saved = graft.saved
    aux = cython.address(saved.image.slots.row[number])
    kind: cython.int = slot_kind(flags, saved.image.mode)
    if kind == SLOT_IRELATIVE or (kind == SLOT_SYMBOLIC and dynsym == 0):
        raise CannotUpdate("D2", "a slot of another kind is needed")
    aux.got = take_words(graft, 1, got_room)
    saved.touch(aux, cython.sizeof(AuxRow))
    graft.new_slots.append((number, kind))
    return 0


@cython.cfunc
@cython.exceptval(-1)
def give_tls(graft: Graft, number: uint32_t, kinds: uint32_t, got_room: uint64_t) -> cython.int:
    """The words of a thread-local variable that code of some kinds (NEEDS_TLS) asks for."""
    aux = cython.address(graft.saved.image.slots.row[number])
    if kinds & NEEDS_GOTTP:
        aux.gottp = take_words(graft, 1, got_room)
    if kinds & NEEDS_TLSGD:
        aux.tlsgd = take_words(graft, 2, got_room)
    if kinds & NEEDS_TLSDESC:
        aux.tlsdesc = take_words(graft, 2, got_room)
    graft.saved.touch(aux, cython.sizeof(AuxRow))
    graft.new_tls.append((number, kinds))
    return 0


@cython.cfunc
@cython.exceptval(0xFFFFFFFF, check=False)
def take_words(graft: Graft, count: uint32_t, got_room: uint64_t) -> uint32_t:
    """The number of the first of some new words of .got."""
    places = graft.saved.places
    if places.got_slots + count > got_room:
        raise CannotUpdate("D2", "no room left in the GOT")
    places.got_slots += count
    graft.saved.touch(places, cython.sizeof(Places))
    return places.got_slots - count


def number_relocations(graft: Graft, relative, symbolic):
    """Give sections the numbers of their dynamic relocations.  `relative` and `symbolic`: (used, room).

    Returns the numbers in use and the runs that hold nothing now: (is it relative?, first, count).
    """
    used: list = [relative[0], symbolic[0]]
    free: list = []
    i: int64_t
    k: uint32_t
    for i in range(graft.count):
        changed = cython.address(graft.changed[i])
        image = cython.address(graft.saved.image)
        row = cython.address(image.files.row[changed.file])
        run = cython.address(graft.saved.run[changed.file])
        changed.relatives = changed.symbolics = 0
        for k in range(1, row.shnum):
            changed.relatives += image.sections.row[row.sec_base + k].relatives
            changed.symbolics += image.sections.row[row.sec_base + k].symbolics
        run.relative, run.relatives = take_run(
            (run.relative, run.relatives), changed.relatives, used, 0, relative[1], free
        )
        run.symbolic, run.symbolics = take_run(
            (run.symbolic, run.symbolics), changed.symbolics, used, 1, symbolic[1], free
        )
        spread_numbers(graft, row, run)
        graft.saved.touch(run, cython.sizeof(Run))
    return used[0], used[1], free


@cython.cfunc
def take_run(old, count: int, used: list, which: int, room: int, free: list):
    """The run of a file: the old one, or a new one at the end; what is not needed of it goes to `free`."""
    first, length = old
    if count > length:
        if length:
            free.append((which == 0, first, length))
        first, length = used[which], count
        used[which] += count
        if used[which] > room:
            raise CannotUpdate("D2", "no room left for dynamic relocations")
    elif count < length:
        free.append((which == 0, first + count, length - count))
    return first, length


@cython.cfunc
@cython.exceptval(check=False)
def spread_numbers(graft: Graft, row: cython.pointer[FileRow], run: cython.pointer[Run]) -> cython.void:
    relative: uint32_t = run.relative
    symbolic: uint32_t = run.symbolic
    k: uint32_t
    for k in range(1, row.shnum):
        sec = cython.address(graft.saved.image.sections.row[row.sec_base + k])
        count: uint32_t = sec.relatives
        sec.relatives = relative
        relative += count
        count = sec.symbolics
        sec.symbolics = symbolic
        symbolic += count
