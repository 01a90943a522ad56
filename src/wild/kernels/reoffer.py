"""What an update needs to know of the definitions that an output exports newly, or otherwise, or not any more."""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.graft import *
from cython.cimports.wild.kernels.tables import *


def offered_names(graft: Graft) -> list:
    """(NameId, name, entry of .dynsym or 0) of each definition."""
    image = cython.address(graft.saved.image)
    found: list = []
    i: int64_t
    for i in range(graft.name_count):
        name: uint32_t = graft.name[graft.mini_name[i]]
        if name in graft.offered:
            text: bytes = graft.names.text(graft.mini_name[i])
            found.append((name, text, image.symbols[name].dynsym))
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
