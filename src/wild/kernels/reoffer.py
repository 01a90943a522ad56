"""What an update needs to know of the definitions that an output exports newly, or otherwise, or not any more."""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.graft import *
from cython.cimports.wild.kernels.tables import *


def offered_names(graft: Graft) -> list:
    """(NameId, name, entry of .dynsym or 0, version, is it protected?) of each definition."""
    image = cython.address(graft.saved.image)
    found: list = []
    i: int64_t
    for i in range(graft.name_count):
        name: uint32_t = graft.name[graft.mini_name[i]]
        if name in graft.offered:
            text: bytes = graft.names.text(graft.mini_name[i])
            version: uint32_t = graft.resolution.view.version[graft.mini_name[i]] if graft.chosen else 0
            is_protected: cython.bint = image.symbols[name].flags & SYM_PROTECTED != 0
            found.append((name, text, image.symbols[name].dynsym, version or VER_NDX_GLOBAL, is_protected))
    return found


def withdrawn_entries(graft: Graft) -> list:
    """Entries of .dynsym that nothing stands for any more."""
    return graft.withdrawn


def give_entry(graft: Graft, name: int, entry: int) -> None:
    """Let a name have an entry of .dynsym."""
    number: uint32_t = name
    symbol = cython.address(graft.saved.image.symbols[number])
    symbol.dynsym = entry
    graft.saved.touch(symbol, cython.sizeof(SymbolRow))


def note_mentions(graft: Graft) -> None:
    """Tell the small tables which names shared objects of the link mention, before they decide about exports."""
    i: int64_t
    for i in range(graft.name_count):
        mini = cython.address(graft.resolution.view.row[graft.mini_name[i]])
        mini.flags |= graft.saved.image.symbols[graft.name[graft.mini_name[i]]].flags & SYM_SHARED_REF
