"""Names that a name without a definition may have been meant to be: spelt alike, or defined where it does
not count.

Which of the similar names is the likeliest is decided by wild/spelling.py; here the millions of names of a
large link are sifted for the few worth a look.  Two names that are k edits apart differ in at most 2k
letters of their bags of letters, whatever the order, so counting letters finds them all; case and
underscores are left out of the count, because other object formats differ in them.  Two kinds of names that
are far apart in letters are let through, too: those that begin alike (a C++ function with other
parameters), and those that contain a given piece (the mangled form of a C name).
"""

import cython
from cython.cimports.libc.stdint import int32_t, int64_t, uint8_t, uint32_t, uint64_t
from cython.cimports.libc.string import memcmp, memset
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.references import LinkTables
from cython.cimports.wild.kernels.resolve import symbols_of
from cython.cimports.wild.kernels.sections import section_header
from cython.cimports.wild.kernels.spellings import memmem
from cython.cimports.wild.kernels.tables import *

MOST_SIMILAR = cython.declare(cython.const[int64_t], 20_000)
LONGEST = cython.declare(cython.const[uint64_t], 4096)

Bag = cython.struct(count=int32_t[256], total=int32_t)
Wanted = cython.struct(text=Bytes, length=uint64_t)
SymbolTable = cython.struct(sym=Sym, count=uint64_t, strings=Bytes, size=uint64_t)


def similar_names(
    tables: LinkTables, name: bytes, edits: int, beginning: bytes, piece: bytes, same: bytes
) -> list:
    """Defined names that are at most `edits` edits from `name`, begin with `beginning`, contain `piece`, or
    are `same`.

    The last three count only where they are not empty.  Names are in the order of their numbers.
    """
    found: list = []
    if len(name) > LONGEST:
        return found
    wanted = cython.declare(Bag)
    memset(cython.address(wanted), 0, cython.sizeof(Bag))
    fill_bag(cython.address(wanted), name, len(name), 1)
    names = cython.address(tables.names.view)
    limit: int64_t = 2 * edits
    shard: cython.int
    id: uint32_t
    for shard in range(SHARDS):
        for id in range(names.start[shard], names.start[shard] + names.count[shard]):
            flags: uint32_t = tables.resolution.view.row[id].flags
            if not flags & (SYM_OBJECT_DEF | SYM_SHARED_DEF) or len(found) >= MOST_SIMILAR:
                continue
            text: Bytes = tables.names.spelling(id)
            length: uint64_t = names.row[id].length
            if (
                is_near(cython.address(wanted), text, length, limit)
                or begins(text, length, beginning, len(beginning))
                or (
                    len(piece)
                    and memmem(text, length, cython.cast(Bytes, piece), len(piece)) is not cython.NULL
                )
                or (length == len(same) and begins(text, length, same, length))
            ):
                found.append(text[:length])
    return found


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def fill_bag(bag: cython.pointer[Bag], text: Bytes, length: uint64_t, sign: cython.int) -> cython.void:
    """Add the letters of a text, without case, or take them away."""
    i: uint64_t
    for i in range(length):
        letter: uint8_t = text[i]
        if 0x41 <= letter <= 0x5A:
            letter += 0x20
        if letter != 0x5F:
            bag.count[letter] += sign
            bag.total += sign


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def is_near(wanted: cython.pointer[Bag], text: Bytes, length: uint64_t, limit: int64_t) -> cython.bint:
    """Do the bags of letters differ in at most `limit` letters?"""
    underscores: uint64_t = 0
    i: uint64_t
    if length > LONGEST:
        return False
    for i in range(length):
        underscores += text[i] == 0x5F
    if not -limit <= wanted.total - cython.cast(int64_t, length - underscores) <= limit:
        return False
    fill_bag(wanted, text, length, -1)
    differ: int64_t = 0
    letter: cython.int
    for letter in range(256):
        differ += wanted.count[letter] if wanted.count[letter] > 0 else -wanted.count[letter]
    fill_bag(wanted, text, length, 1)
    return differ <= limit


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def begins(text: Bytes, length: uint64_t, beginning: Bytes, size: uint64_t) -> cython.bint:
    """Begins the text so?  Nothing begins with nothing."""
    return size != 0 and length >= size and memcmp(text, beginning, size) == 0


def defined_elsewhere(tables: LinkTables, names: list) -> list:
    """(index in `names`, file, symbol index) of symbols of these spellings that do not define the names.

    That is: local symbols and symbols in discarded sections of live objects, versions of a name, and what
    shared objects define.  In input order.
    """
    wanted = list_wanted(tables, names)
    files = cython.address(tables.inputs.view)
    found: list = []
    file: int64_t
    for file in range(1, files.count):
        if files.live[file]:
            row = cython.address(files.row[file])
            table = cython.declare(SymbolTable)
            table.sym = symbols_of(files, cython.cast(uint32_t, file))
            table.count = row.nsyms
            table.strings = files.base[file] + row.stroff
            table.size = row.strsize
            search(cython.address(table), wanted, len(names), file, found)
    return found


def not_exported(tables: LinkTables, names: list) -> list:
    """(index in `names`, file) of what shared objects define for themselves alone, as their .symtab says.

    Those that are stripped do not tell.
    """
    wanted = list_wanted(tables, names)
    files = cython.address(tables.inputs.view)
    found: list = []
    i: int64_t
    for i in range(files.shared_count):
        table = cython.declare(SymbolTable)
        if find_symtab(files, files.shared[i].file, cython.address(table)):
            search(cython.address(table), wanted, len(names), files.shared[i].file, found)
    return [(index, file) for index, file, _ in found]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def find_symtab(
    files: cython.pointer[Files], file: uint32_t, table: cython.pointer[SymbolTable]
) -> cython.bint:
    """The .symtab of a shared object, which no other pass looks at."""
    row = cython.address(files.row[file])
    base = files.base[file]
    k: uint32_t
    for k in range(1, row.shnum if row.shoff else 0):
        shdr = section_header(base, row, k)
        if shdr.sh_type != SHT_SYMTAB or shdr.sh_link >= row.shnum:
            continue
        strings = section_header(base, row, shdr.sh_link)
        table.sym = cython.cast(Sym, base + shdr.sh_offset)
        table.count = shdr.sh_size // cython.sizeof(Elf64_Sym)
        table.strings = base + strings.sh_offset
        table.size = strings.sh_size
        if not inside(row.size, shdr.sh_offset, shdr.sh_size) or strings.sh_type != SHT_STRTAB:
            return False
        if not inside(row.size, strings.sh_offset, strings.sh_size) or table.size == 0:
            return False
        return table.strings[table.size - 1] == 0
    return False


@cython.cfunc
@cython.exceptval(check=True)
def list_wanted(tables: LinkTables, names: list) -> cython.pointer[Wanted]:
    """The names as C strings, as long as the list lives."""
    wanted = cython.cast(cython.pointer[Wanted], tables.inputs.arena.array(len(names), cython.sizeof(Wanted)))
    i: int64_t
    for i in range(cython.cast(int64_t, len(names))):
        text: bytes = names[i]
        wanted[i].text = text
        wanted[i].length = len(text)
    return wanted


@cython.cfunc
@cython.exceptval(-1, check=False)
def search(
    table: cython.pointer[SymbolTable],
    wanted: cython.pointer[Wanted],
    count: int64_t,
    file: int64_t,
    found: list,
) -> cython.int:
    """Add (index in `wanted`, file, symbol index) of definitions of the wanted spellings."""
    i: uint64_t
    n: int64_t
    for i in range(1, table.count):
        sym = cython.address(table.sym[i])
        kind: cython.int = sym.st_info & 15
        if sym.st_shndx == SHN_UNDEF or kind == STT_SECTION or kind == STT_FILE or sym.st_name >= table.size:
            continue
        text: Bytes = table.strings + sym.st_name
        for n in range(count):
            if text[0] == wanted[n].text[0] and is_version_of(text, cython.address(wanted[n])):
                found.append((n, file, i))
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def is_version_of(text: Bytes, wanted: cython.pointer[Wanted]) -> cython.bint:
    """Is it the name, or the name and a version (`foo@V`, `foo@@V`)?  `text` ends in NUL."""
    i: uint64_t
    for i in range(wanted.length):
        if text[i] != wanted.text[i]:
            return False
    return text[wanted.length] == 0 or text[wanted.length] == 0x40
