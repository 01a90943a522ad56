"""Objects made of other files: of -b binary and of --just-symbols.

With -b binary a file taken as it is becomes the .data of an object, whose symbols say where it is and how large.

The names are GNU ld's (manual, "Options", -b): `_binary_` and the path as it was given, with `_` for whatever is no
letter or digit, then `_start`, `_end` and `_size`.
"""

from __future__ import annotations

from struct import pack

from wild import elf
from wild.errors import LinkError
from wild.option_effects import IN_JUST_SYMBOLS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.kernels.files import Inputs

HEADER, SECTION = 64, 64  # bytes of Elf64_Ehdr and Elf64_Shdr
ET_REL, EM_X86_64 = 1, 62
SECTION_NAMES = b"\0.data\0.symtab\0.strtab\0.shstrtab\0.note.GNU-stack\0"


def replace_binaries(inputs: Inputs, paths: list[str], maps: list[int], chosen: list[int]) -> None:
    """Put an object in the place of each map whose index in `maps` is chosen."""
    for index in chosen:
        data = inputs.map_bytes(maps[index])
        maps[index] = inputs.add_bytes(paths[index], binary_object(paths[index], data))


def binary_object(path: str, data: bytes) -> bytes:
    """An object with `data` and its three symbols."""
    raw = path.encode("utf-8", "surrogateescape")
    stem = b"_binary_" + bytes(each if chr(each).isalnum() and each < 128 else 0x5F for each in raw)
    strings, symbols = b"\0", bytes(24)
    for suffix, section, value in (
        (b"_start", 1, 0),
        (b"_end", 1, len(data)),
        (b"_size", elf.SHN_ABS, len(data)),
    ):
        symbols += pack("<IBBHQQ", len(strings), elf.STB_GLOBAL << 4, elf.STV_DEFAULT, section, value, 0)
        strings += stem + suffix + b"\0"
    data_row = (b".data", elf.SHT_PROGBITS, elf.SHF_ALLOC | elf.SHF_WRITE, data, 0, 0, 1, 0)
    return object_of(data_row, symbols, strings)


def object_of(
    data: tuple[bytes, int, int, bytes, int, int, int, int], symbols: bytes, strings: bytes
) -> bytes:
    """A relocatable object (gABI) with a section, a symbol table whose symbols are global, and that table's strings."""
    contents = (
        data,
        (b".symtab", elf.SHT_SYMTAB, 0, symbols, 3, 1, 8, 24),
        (b".strtab", elf.SHT_STRTAB, 0, strings, 0, 0, 1, 0),
        (b".shstrtab", elf.SHT_STRTAB, 0, SECTION_NAMES, 0, 0, 1, 0),
        (b".note.GNU-stack", elf.SHT_PROGBITS, 0, b"", 0, 0, 1, 0),
    )
    body, rows = b"", bytes(SECTION)
    for name, kind, bits, content, link, info, align, entsize in contents:
        body += bytes(-len(body) % align)
        at = SECTION_NAMES.index(b"\0" + name + b"\0") + 1
        place = HEADER + len(body)
        rows += pack("<IIQQQQIIQQ", at, kind, bits, 0, place, len(content), link, info, align, entsize)
        body += content
    body += bytes(-len(body) % 8)
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    header = ident + pack(
        "<HHIQQQIHHHHHH", ET_REL, EM_X86_64, 1, 0, 0, HEADER + len(body), 0, HEADER, 0, 0, SECTION, 6, 4
    )
    return header + body + rows


def replace_by_symbols(inputs: Inputs, paths: list[str], maps: list[int], bits: list[int]) -> None:
    """Put an object with nothing but absolute symbols in the place of each file of -R; raises LinkError."""
    from wild.kernels.just_symbols import absolute_symbols
    from wild.own_symbols import ENDS

    for index, flags in enumerate(bits):
        if flags & IN_JUST_SYMBOLS != IN_JUST_SYMBOLS:
            continue
        try:
            symbols, strings = absolute_symbols(inputs.map_bytes(maps[index]), list(ENDS))
        except ValueError as error:
            raise LinkError(f"{paths[index]}: --just-symbols cannot take its symbols: {error}") from None
        empty = (b".data", elf.SHT_PROGBITS, elf.SHF_ALLOC | elf.SHF_WRITE, b"", 0, 0, 1, 0)
        maps[index] = inputs.add_bytes(paths[index], object_of(empty, symbols, strings))
