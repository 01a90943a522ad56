"""One relocatable object as the wording of an error looks at it: sections, symbols, relocations, one at a
time.

The link itself reads objects in kernels, all at once. This is for the few objects that errors are about;
reading outside of the file raises ValueError, LookupError or struct.error.
"""

from __future__ import annotations

import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

SHT_SYMTAB = 2
SHT_RELA = 4
SHT_CREL = 0x40000014
SHT_NOBITS = 8
SHT_SYMTAB_SHNDX = 18
SHF_COMPRESSED = 0x800
SHN_XINDEX = 0xFFFF
ELFCOMPRESS_ZLIB = 1
ELFCOMPRESS_ZSTD = 2

_SECTION_HEADER = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_RELA = struct.Struct("<QIIq")

_LARGEST_SECTION = 1 << 30  # uncompressed


class ObjectView:
    """A 64-bit little-endian ELF file."""

    def __init__(self, file: bytes | memoryview) -> None:
        self.file = memoryview(file)
        (table,) = struct.unpack_from("<Q", self.file, 40)
        count, names = struct.unpack_from("<HH", self.file, 60)
        first = _SECTION_HEADER.unpack_from(self.file, table)
        # Numbers that do not fit the ELF header are in the first section header (gABI, "ELF Header").
        count = count or first[5]
        self.names = first[6] if names == SHN_XINDEX else names
        self.headers = list(_SECTION_HEADER.iter_unpack(self.bytes_at(table, count * _SECTION_HEADER.size)))
        self.known_contents: dict[int, bytes] = {}
        self.known_targets: dict[int, dict[int, tuple[int, int]]] = {}
        self.symbols = list(self.read_symbols())  # (name, st_info, value, size, section index) each

    def bytes_at(self, offset: int, size: int) -> memoryview:
        if offset + size > len(self.file):
            raise ValueError("outside of the file")
        return self.file[offset : offset + size]

    def find(self, name: str) -> int:
        """The index of the first section of that name, 0 if there is none."""
        wanted = name.encode() + b"\0"
        names = self.contents(self.names)
        for index, header in enumerate(self.headers):
            if names[header[0] : header[0] + len(wanted)] == wanted:
                return index
        return 0

    def contents(self, index: int) -> bytes:
        """The bytes of a section, uncompressed."""
        if index not in self.known_contents:
            _, kind, flags, _, offset, size, *_ = self.headers[index]
            data = b"" if kind == SHT_NOBITS else bytes(self.bytes_at(offset, size))
            self.known_contents[index] = _uncompressed(data, flags)
        return self.known_contents[index]

    def find_debug(self, name: str) -> int:
        """The section .debug_NAME, or .zdebug_NAME as older compilers call it where it is compressed."""
        return self.find(f".debug_{name}") or self.find(f".zdebug_{name}")

    def string(self, section: int, offset: int) -> str:
        data = self.contents(section)
        return data[offset : data.index(0, offset)].decode("utf-8", "replace")

    def read_symbols(self) -> Iterator[tuple[int, int, int, int, int]]:
        """Every symbol; `symbol_name` takes the name."""
        table = self.symbol_table()
        if not table:
            return
        wide = self.wide_indices(table)
        entries = _SYMBOL.iter_unpack(self.contents(table))
        for index, (name, info, _, section, value, size) in enumerate(entries):
            wider = section == SHN_XINDEX
            yield name, info, value, size, struct.unpack_from("<I", wide, 4 * index)[0] if wider else section

    def symbol_name(self, name: int) -> str:
        strings = self.contents(self.headers[self.symbol_table()][6])
        return strings[name : strings.index(0, name)].decode("utf-8", "surrogateescape")

    def relocation_targets(self, section: int) -> dict[int, tuple[int, int]]:
        """Offset of each relocation of a section -> (section index, offset) that it refers to.

        The kind of the relocation is not looked at: what is asked about are sections that nothing but S+A is
        used in.
        """
        if section in self.known_targets:
            return self.known_targets[section]
        targets = self.known_targets[section] = {}
        for header in self.headers:
            if header[1] in (SHT_RELA, SHT_CREL) and header[7] == section:
                for place, _, symbol, addend in self.relocations(header):
                    _, _, value, _, target = self.symbols[symbol]
                    targets[place] = target, value + addend
        return targets

    def relocations(self, header: tuple[int, ...]) -> Iterator[tuple[int, int, int, int]]:
        """(offset, type, symbol, addend) of each relocation in the section of this header."""
        data = self.bytes_at(header[4], header[5])
        if header[1] == SHT_RELA:
            return _RELA.iter_unpack(data)
        from wild import crel

        return crel.relocations(bytes(data))

    def symbol_table(self) -> int:
        return next((index for index, header in enumerate(self.headers) if header[1] == SHT_SYMTAB), 0)

    def wide_indices(self, table: int) -> bytes:
        """The contents of the SHT_SYMTAB_SHNDX section of a symbol table."""
        for index, header in enumerate(self.headers):
            if header[1] == SHT_SYMTAB_SHNDX and header[6] == table:
                return self.contents(index)
        return b""


def _uncompressed(data: bytes, flags: int) -> bytes:
    """SHF_COMPRESSED begins with Elf64_Chdr (gABI, "Section Compression"), .zdebug with `ZLIB` and a size."""
    if flags & SHF_COMPRESSED:
        kind, _, size, _ = struct.unpack_from("<IIQQ", data)
        data = data[24:]
    elif data.startswith(b"ZLIB"):
        kind, size, data = ELFCOMPRESS_ZLIB, int.from_bytes(data[4:12], "big"), data[12:]
    else:
        return data
    if size > _LARGEST_SECTION:
        raise ValueError("too large")
    if kind == ELFCOMPRESS_ZLIB:
        return _inflated(data, size)
    from wild.optional import decompress_zstd

    result = decompress_zstd(data, size) if kind == ELFCOMPRESS_ZSTD else None
    if result is None:
        raise ValueError("cannot be decompressed")
    return result


def _inflated(data: bytes, size: int) -> bytes:
    import zlib

    try:
        return zlib.decompressobj().decompress(data, size)
    except zlib.error as error:
        raise ValueError(str(error)) from None
