"""Names to which the linker gives a place, and no object: copies, canonical PLT entries, common symbols.

When the code of a program refers directly to a variable of a shared object for the first time, as to `stderr`, the
program gets a copy of the variable, in the room of .bss, and the loader is told by a copy relocation to fill it.
From then on the copy is the variable, for the shared object as well: so all its names are exported, and the tables
of dynamic symbols get entries as for other exports (offers.py), with the versions that imports have.

When it takes the address of a function of a shared object, that becomes the address of a PLT entry, which the
dynamic symbol tells all others (kernels/recanonical.py).  A common symbol that is new gets its place in the room of
.bss as well (kernels/recommon.py).
"""

from __future__ import annotations

from wild.errors import CannotUpdate
from wild.incremental.imports import STB_GLOBAL, STT_FUNC, SYM_SIZE, VER_NDX_GLOBAL, Library
from wild.incremental.offers import ExportTables
from wild.incremental.parts import part_with_room
from wild.kernels import recanonical, recopy, refit, rewrite
from wild.output_sections import SEC_ALLOC, SEC_NOBITS, SEC_WRITE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from wild.incremental.update import Update

SECTION_FLAGS = {".bss": SEC_ALLOC | SEC_WRITE | SEC_NOBITS, ".data.rel.ro": SEC_ALLOC | SEC_WRITE}


def place_copies(update: Update) -> None:
    """Places and dynamic symbols for what is copied; raises CannotUpdate.  When sections have their places."""
    graft, output = update.graft, update.output
    tables = ExportTables(graft, output)
    sonames: list[bytes] = output["sonames"]
    libraries: dict[int, Library] = {}
    done: set[int] = set()
    for name in graft.copied:
        if name in done:  # another name of one that was copied
            continue
        variable = recopy.copied_variable(graft, name, update.paths, update.maps)
        size, align, read_only, path, shared, names = variable
        part = room_for(update, ".data.rel.ro" if read_only else ".bss", size + align)
        address = refit.take_bytes(graft, part, size, align)
        if path not in libraries:
            libraries[path] = Library(update.paths[path])
        tables.need(sonames, shared)
        for number, text, symbol, info, length in names:
            _, version = libraries[path].describe(symbol)
            index = tables.require(sonames[shared], version) if version else VER_NDX_GLOBAL
            entry = tables.add_export(text, index)
            section = recopy.output_section(graft, part)
            described = bytes((info, 0)) + section.to_bytes(2, "little")
            described += address.to_bytes(8, "little") + length.to_bytes(8, "little")
            tables.write(".dynsym", SYM_SIZE * entry + 4, described)
            if ".symtab" in output["sections"]:
                add_symbol(tables, output, text, described)
            recopy.place_copy(graft, number, entry, address, number == name, read_only)
            done.add(number)


def place_canonical(update: Update) -> None:
    """Dynamic symbols for functions of libraries whose PLT entries are their addresses now; raises CannotUpdate."""
    graft, output = update.graft, update.output
    tables = ExportTables(graft, output)
    sonames: list[bytes] = output["sonames"]
    libraries: dict[int, Library] = {}
    for name in dict.fromkeys(graft.canonical):
        _, text, path, symbol, shared = rewrite.imported(graft, [name])[0]
        if path not in libraries:
            libraries[path] = Library(update.paths[path])
        tables.need(sonames, shared)
        _, version = libraries[path].describe(symbol)
        index = tables.require(sonames[shared], version) if version else VER_NDX_GLOBAL
        entry = tables.add_export(text, index)
        address = recanonical.place_canonical(graft, name, entry)
        described = bytes((STB_GLOBAL << 4 | STT_FUNC, 0, 0, 0)) + address.to_bytes(8, "little") + bytes(8)
        tables.write(".dynsym", SYM_SIZE * entry + 4, described)


def place_commons(update: Update) -> None:
    """Places in .bss for common symbols that no object had; raises CannotUpdate."""
    graft = update.graft
    for name, size, align in graft.new_commons:
        part = room_for(update, ".bss", size + align)
        graft.common_places[name] = refit.take_bytes(graft, part, size, align)


def add_symbol(tables: ExportTables, output: dict[str, Any], name: bytes, described: bytes) -> None:
    """An entry of .symtab behind the others."""
    (entry, entries), (at, end) = output["global"], output["names"]
    if entry == entries or at + len(name) + 1 > end:
        raise CannotUpdate("D2", "no room left for symbols")
    tables.write(".strtab", at, name + b"\0")
    tables.write(".symtab", SYM_SIZE * entry, at.to_bytes(4, "little") + described)
    output["global"], output["names"] = (entry + 1, entries), (at + len(name) + 1, end)


def room_for(update: Update, section: str, size: int) -> int:
    """A part of `.bss` or `.data.rel.ro` that has so many bytes of room; raises CannotUpdate."""
    part = part_with_room(update, section, SECTION_FLAGS[section], size)
    if part is None:
        raise CannotUpdate("D1", f"no room left in a section of the output ({section})")
    return part
