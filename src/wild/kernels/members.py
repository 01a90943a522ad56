"""Splits archives into members.

An archive is eight magic bytes and members, each a 60-byte header of blank-padded ASCII fields and its
contents, at even offsets (ar(5)).  Three dialects differ in how they spell names that do not fit 15
characters:

- GNU: the member `//` holds all long names, each ended by `/` and a newline; `/123` refers to offset 123 in
  it. `/` and `/SYM64/` are indices of symbols.
- GNU thin: the same with magic `!<thin>`; only the index and the names are there, members are files whose
  names are relative to the archive's directory.  `/123:456` is the member whose header is at 456 of the
  archive named at 123.
- BSD: `#1/N` says that the name is the first N bytes of the contents; `__.SYMDEF…` are indices of symbols.

The indices are not used.  They say which symbols an archive defines, but the members' own symbol tables say
so too, they are read anyway for what the members refer to, and they cannot be out of date.

An archive is walked twice, all archives in parallel: once to count the members that matter, once to fill
rows whose places follow from the counts.  Members that are neither ELF nor LLVM bitcode (`lib.rmeta` of
Rust, text files) get no row; neither does a member named lib.rmeta that is wrapped in ELF, nor one that is
linked already.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint8_t, uint32_t, uint64_t
from cython.cimports.libc.string import memchr, memcmp
from cython.cimports.wild.kernels.elf import ELFCLASS64, ELFDATA2LSB, ET_REL, Bytes, inside, read16
from cython.cimports.wild.kernels.faults import (
    FAULT_MEMBER_HEADER,
    FAULT_MEMBER_NAME,
    FAULT_MEMBER_RUNS_OUT,
    FAULT_MEMBER_SIZE,
)
from cython.cimports.wild.kernels.mapping import (
    KIND_BITCODE,
    KIND_OBJECT,
    KIND_OTHER,
    KIND_SHARED,
    KIND_THIN,
    MapRow,
    identify,
)
from cython.cimports.wild.kernels.members import SLOT_WHOLE, Slot
from cython.cimports.wild.kernels.pool import Fault, Pool, report
from cython.cimports.wild.kernels.tables import (
    FILE_AS_NEEDED,
    FILE_EXCLUDED_LIBS,
    FILE_LAZY,
    FILE_LTO,
    FILE_MEMBER,
    NONE,
)

HEADER = cython.declare(cython.const[uint64_t], 60)
MAGIC = cython.declare(cython.const[uint64_t], 8)
MAX_NUMBER = cython.declare(
    cython.const[uint64_t], (1 << 48) - 1
)  # larger than any file, small enough to add to

# Where a walk stands, and the member it stands on.
Walk = cython.struct(
    base=Bytes,
    size=uint64_t,
    at=uint64_t,  # where the next header is
    names=uint64_t,  # the table of long names
    names_size=uint64_t,
    thin=cython.bint,
    header=uint64_t,
    offset=uint64_t,
    length=uint64_t,
    name=uint64_t,
    name_length=uint64_t,
    origin=uint64_t,
    fault=cython.int,
)
Split = cython.struct(
    maps=cython.pointer[MapRow],
    slots=cython.pointer[cython.const[Slot]],
    archives=cython.pointer[cython.const[int64_t]],
    counts=cython.pointer[int64_t],
    place=cython.pointer[cython.const[int64_t]],
    out=cython.pointer[Slot],
    fault=cython.pointer[Fault],
)


@cython.cfunc
@cython.exceptval(-1, check=False)
def count_members(
    pool: Pool,
    maps: cython.pointer[MapRow],
    slots: cython.pointer[cython.const[Slot]],
    archives: cython.pointer[cython.const[int64_t]],
    counts: cython.pointer[int64_t],
    count: int64_t,
) -> cython.int:
    split = cython.declare(Split)
    split.maps = maps
    split.slots = slots
    split.archives = archives
    split.counts = counts
    split.out = cython.NULL
    split.fault = cython.address(pool.fault)
    return pool.run(split_block, cython.address(split), count, 1)


@cython.cfunc
@cython.exceptval(-1, check=False)
def fill_members(
    pool: Pool,
    maps: cython.pointer[MapRow],
    slots: cython.pointer[cython.const[Slot]],
    archives: cython.pointer[cython.const[int64_t]],
    place: cython.pointer[cython.const[int64_t]],
    out: cython.pointer[Slot],
    count: int64_t,
) -> cython.int:
    split = cython.declare(Split)
    split.maps = maps
    split.slots = slots
    split.archives = archives
    split.place = place
    split.out = out
    split.fault = cython.address(pool.fault)
    return pool.run(split_block, cython.address(split), count, 1)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def split_block(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    split = cython.cast(cython.pointer[Split], context)
    i: int64_t
    for i in range(begin, end):
        archive = cython.address(split.slots[split.archives[i]])
        if split.out is cython.NULL:
            split.counts[i] = split_archive(split, archive, cython.NULL)
        else:
            split_archive(split, archive, split.out + split.place[i])
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def split_archive(
    split: cython.pointer[Split], archive: cython.pointer[cython.const[Slot]], out: cython.pointer[Slot]
) -> int64_t:
    """Count the members that get rows, and write them if `out` is given."""
    walk = cython.declare(Walk)
    map = cython.address(split.maps[archive.map])
    walk.base = map.base
    walk.size = map.size
    walk.at = MAGIC
    walk.names = walk.names_size = 0
    walk.thin = map.kind == KIND_THIN
    walk.fault = 0
    found: int64_t = 0
    while next_member(cython.address(walk)):
        kind: cython.int = KIND_OTHER
        if not walk.thin:
            kind = member_kind(walk.base + walk.offset, walk.length)
            if kind == KIND_OTHER or is_named(cython.address(walk), b"lib.rmeta", 9):
                continue
        if out is not cython.NULL:
            fill_slot(cython.address(out[found]), cython.address(walk), archive, kind)
        found += 1
    if walk.fault:
        report(split.fault, walk.fault, archive.map, walk.header, walk.length)
    return found


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def fill_slot(
    slot: cython.pointer[Slot],
    walk: cython.pointer[Walk],
    archive: cython.pointer[cython.const[Slot]],
    kind: cython.int,
) -> cython.void:
    slot.offset = walk.offset
    slot.size = walk.length
    slot.name_offset = walk.name
    slot.name_length = cython.cast(uint32_t, walk.name_length)
    slot.origin = walk.origin
    slot.map = cython.cast(uint32_t, NONE) if walk.thin else archive.map
    slot.archive = archive.map
    slot.flags = archive.flags
    slot.kind = cython.cast(uint8_t, kind)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def member_kind(base: Bytes, size: uint64_t) -> cython.int:
    """KIND_OBJECT also for ELF of other machines, which is reported when the headers are read."""
    if size >= 18 and memcmp(base, b"\x7fELF", 4) == 0:
        linked: cython.bint = base[4] == ELFCLASS64 and base[5] == ELFDATA2LSB and read16(base + 16) > ET_REL
        return KIND_OTHER if linked else KIND_OBJECT
    return KIND_BITCODE if identify(base, min(size, 8)) == KIND_BITCODE else KIND_OTHER


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def is_named(walk: cython.pointer[Walk], name: cython.p_const_char, length: uint64_t) -> cython.bint:
    return walk.name_length == length and memcmp(walk.base + walk.name, name, length) == 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def next_member(walk: cython.pointer[Walk]) -> cython.bint:
    """Go to the next member that is no table of the archive; false at the end and at a fault."""
    while True:
        walk.header = (walk.at + 1) & ~cython.cast(uint64_t, 1)
        if walk.header >= walk.size:
            return False
        walk.fault = read_header(walk)
        if walk.fault:
            return False
        if is_table(walk):
            continue
        walk.fault = read_name(walk)
        if walk.fault:
            return False
        if not (walk.name_length >= 9 and memcmp(walk.base + walk.name, b"__.SYMDEF", 9) == 0):
            return True


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def read_header(walk: cython.pointer[Walk]) -> cython.int:
    """Set offset and length of the member whose header is at `walk.header`, and where the next one is."""
    walk.length = 0
    if not inside(walk.size, walk.header, HEADER):
        return FAULT_MEMBER_HEADER
    text: Bytes = walk.base + walk.header
    if text[58] != 0x60 or text[59] != 0x0A:
        return FAULT_MEMBER_HEADER
    if read_number(text + 48, 10, cython.address(walk.length)) == 0:
        return FAULT_MEMBER_SIZE
    walk.offset = walk.header + HEADER
    if walk.thin and not (text[0] == 0x2F and not is_digit(text[1])):
        walk.at = walk.offset  # the contents are in a file of their own
        return 0
    if not inside(walk.size, walk.offset, walk.length):
        return FAULT_MEMBER_RUNS_OUT
    walk.at = walk.offset + walk.length
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def is_table(walk: cython.pointer[Walk]) -> cython.bint:
    """Is it `/`, `//`, `/SYM64/` or another member whose name begins so?  The names are remembered."""
    text: Bytes = walk.base + walk.header
    if text[0] != 0x2F or is_digit(text[1]):
        return False
    if text[1] == 0x2F:
        walk.names = walk.offset
        walk.names_size = walk.length
    return True


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def read_name(walk: cython.pointer[Walk]) -> cython.int:
    """Set name and name_length; a BSD name is taken off the contents."""
    text: Bytes = walk.base + walk.header
    number: uint64_t = 0
    walk.origin = 0
    if text[0] == 0x2F:
        return read_long_name(walk)
    if memcmp(text, b"#1/", 3) == 0 and is_digit(text[3]):
        if read_number(text + 3, 13, cython.address(number)) == 0 or number > walk.length or walk.thin:
            return FAULT_MEMBER_NAME
        walk.name = walk.offset
        walk.name_length = number
        walk.offset += number
        walk.length -= number
        while walk.name_length and walk.base[walk.name + walk.name_length - 1] == 0:
            walk.name_length -= 1
        return 0
    walk.name = walk.header
    end: Bytes = cython.cast(Bytes, memchr(text, 0x2F, 16))
    walk.name_length = end - text if end is not cython.NULL else 16
    while end is cython.NULL and walk.name_length and text[walk.name_length - 1] == 0x20:
        walk.name_length -= 1
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def read_long_name(walk: cython.pointer[Walk]) -> cython.int:
    """`/OFFSET` or `/OFFSET:ORIGIN`."""
    text: Bytes = walk.base + walk.header
    start: uint64_t = 0
    digits: cython.int = read_number(text + 1, 15, cython.address(start))
    if digits == 0 or start >= walk.names_size:
        return FAULT_MEMBER_NAME
    if text[1 + digits] == 0x3A:
        if not walk.thin or read_number(text + 2 + digits, 14 - digits, cython.address(walk.origin)) == 0:
            return FAULT_MEMBER_NAME
    name: Bytes = walk.base + walk.names + start
    end: Bytes = cython.cast(Bytes, memchr(name, 0x0A, walk.names_size - start))
    if end is cython.NULL or end == name:
        return FAULT_MEMBER_NAME
    walk.name = walk.names + start
    walk.name_length = end - name
    if name[walk.name_length - 1] == 0x2F:
        walk.name_length -= 1
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def is_digit(c: uint8_t) -> cython.bint:
    return 0x30 <= c <= 0x39


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def read_number(text: Bytes, width: cython.int, number: cython.pointer[uint64_t]) -> cython.int:
    """Read a decimal field of at most `width` characters, ended by a blank or a colon; returns its length."""
    digits: cython.int = 0
    value: uint64_t = 0
    while digits < width and is_digit(text[digits]):
        value = value * 10 + (text[digits] - 0x30)
        digits += 1
    if value > MAX_NUMBER or (digits < width and text[digits] != 0x20 and text[digits] != 0x3A):
        return 0
    number[0] = value
    return digits


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def find_member(archive: cython.pointer[cython.const[MapRow]], slot: cython.pointer[Slot]) -> cython.int:
    walk = cython.declare(Walk)
    walk.base = archive.base
    walk.size = archive.size
    walk.names = walk.names_size = 0
    walk.thin = False
    walk.header = slot.origin
    if (
        archive.kind == KIND_THIN
        or slot.origin < MAGIC
        or slot.origin % 2
        or read_header(cython.address(walk))
    ):
        return -1
    text: Bytes = walk.base + walk.header
    if memcmp(text, b"#1/", 3) == 0 and read_name(cython.address(walk)):
        return -1
    slot.offset = walk.offset
    slot.size = walk.length
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def file_flags(slot: cython.pointer[Slot]) -> uint8_t:
    """FileRow.flags: members are lazy unless their archive is wanted as a whole."""
    flags: uint8_t = slot.flags & (FILE_LAZY | FILE_AS_NEEDED | FILE_EXCLUDED_LIBS)
    if slot.archive != NONE:
        flags |= FILE_MEMBER
        flags = flags & ~FILE_LAZY if slot.flags & SLOT_WHOLE else flags | FILE_LAZY
    flags = flags & FILE_AS_NEEDED if slot.kind == KIND_SHARED else flags & ~FILE_AS_NEEDED
    return flags | FILE_LTO if slot.kind == KIND_BITCODE else flags
