"""What the objects of a link say of themselves: .note.gnu.property and .note.GNU-stack.

A program property (Linux Extensions to the gABI, "Program Property"; x86-64 psABI, "Program Property") has
a type and data.  How those of several objects become one is a matter of the type's range:

    0xb0000000, 0xc0000002 ...   AND     the bits that all objects have (FEATURE_1_AND)
    0xb0008000, 0xc0008000 ...   OR      the bits that any object has (1_NEEDED, ISA_1_NEEDED)
    0xc0010000 ...               OR-AND  the bits that any has, but only if all have the property (ISA_1_USED)
    stack size                   the largest; no-copy-on-protected: if any object has it

An object without a property counts for AND and OR-AND as one that denies it, so objects without notes are
counted, too. Several notes of one object each speak for all of it: their bits are put together.  Properties
of other types are dropped, as the specification wants it of a linker that does not know them.

One parallel loop reads the section headers of the live objects; threads add up in tables of their own, and
adding up is commutative, so the result does not depend on who read what.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint8_t, uint32_t, uint64_t
from cython.cimports.libc.string import memcmp
from cython.cimports.wild.kernels.elf import (
    SHF_ALLOC,
    SHF_EXECINSTR,
    SHT_NOTE,
    SHT_PROGBITS,
    Bytes,
    Shdr,
    align_up,
    inside,
    read32,
    read64,
)
from cython.cimports.wild.kernels.faults import FAULT_NOTE_SECTION, FAULT_PROPERTY
from cython.cimports.wild.kernels.notes import (
    GNU_PROPERTY_NO_COPY_ON_PROTECTED,
    GNU_PROPERTY_STACK_SIZE,
    KINDS,
    NT_GNU_PROPERTY_TYPE_0,
    RULE_AND,
    RULE_ANY,
    RULE_MAX,
    RULE_OR,
    RULE_OR_AND,
    RULE_UNKNOWN,
    STACK_EXECUTABLE,
    STACK_PLAIN,
    Elf64_Nhdr,
    NoteTables,
    Properties,
    Property,
)
from cython.cimports.wild.kernels.pool import Arena, Pool, report
from cython.cimports.wild.kernels.tables import FILE_OBJECT
from cython.cimports.wild.kernels.views import Tables, Views

from wild.errors import LinkError

FEATURE_1_AND = cython.declare(cython.const[uint32_t], 0xC0000002)
ALL_BITS = cython.declare(cython.const[uint64_t], 0xFFFFFFFFFFFFFFFF)


@cython.final
@cython.cclass
class NoteTable:
    """`properties`: (type, bytes of data, value) of the output, by type; `objects`: how many were read."""

    def __cinit__(self, pool: Pool, views: Views):
        self.views = views
        self.arena = Arena()
        work = cython.address(self.tables)
        work.tables = cython.address(views.tables)
        work.fault = cython.address(pool.fault)
        files: int64_t = work.tables.files.count
        work.stack = cython.cast(cython.pointer[uint8_t], self.arena.array(files, 1))
        work.feature_1 = cython.cast(cython.pointer[uint32_t], self.arena.array(files, 4))
        work.sum = cython.cast(
            cython.pointer[Properties], self.arena.array(pool.threads, cython.sizeof(Properties))
        )
        pool.run_evenly(read_files, work, files, 16)
        f: int64_t
        for f in range(files):
            self.objects += is_object(work.tables, f)
        self.properties = self.merge(pool.threads)

    @cython.cfunc
    def merge(self, workers: int64_t) -> list:
        total = cython.address(self.tables.sum[0])
        worker: int64_t
        i: int64_t
        for worker in range(1, workers):
            part = cython.address(self.tables.sum[worker])
            total.overflow |= part.overflow
            for i in range(part.count):
                add(total, cython.address(part.kind[i]))
        if total.overflow:
            raise LinkError(
                f"the objects have more than {KINDS} different program properties (.note.gnu.property)"
            )
        merged = []
        for i in range(total.count):
            kind = cython.address(total.kind[i])
            value = merged_value(kind, self.objects)
            if value is not None:
                merged.append((kind.type, kind.size, value))
        merged.sort()
        return merged

    def files_without(self, feature_1: int, limit: int) -> list:
        """FileIds of the first `limit` objects that lack a bit of GNU_PROPERTY_X86_FEATURE_1_AND."""
        found = []
        wanted: uint32_t = feature_1
        f: int64_t
        for f in range(self.tables.tables.files.count):
            if len(found) < limit and is_object(self.tables.tables, f) and ~self.tables.feature_1[f] & wanted:
                found.append(f)
        return found

    def files_with_stack(self, state: int, limit: int) -> list:
        """FileIds of the first `limit` objects whose .note.GNU-stack is missing, plain, executable (0-2)."""
        found = []
        f: int64_t
        for f in range(self.tables.tables.files.count):
            if len(found) < limit and is_object(self.tables.tables, f) and self.tables.stack[f] == state:
                found.append(f)
        return found


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def is_object(tables: cython.pointer[Tables], file: int64_t) -> cython.bint:
    return tables.files.row[file].kind == FILE_OBJECT and tables.files.live[file] != 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def rule_of(kind: uint32_t) -> cython.int:
    """How properties of a type are put together."""
    if kind == GNU_PROPERTY_STACK_SIZE:
        return RULE_MAX
    if kind == GNU_PROPERTY_NO_COPY_ON_PROTECTED:
        return RULE_ANY
    span: uint32_t = kind >> 15
    if span == 0x16000:  # 0xb0000000 ...
        return RULE_AND
    if span == 0x16001 or span == 0x18001:
        return RULE_OR
    if span == 0x18002:
        return RULE_OR_AND
    return RULE_AND if span == 0x18000 and kind >= FEATURE_1_AND else RULE_UNKNOWN


@cython.cfunc
def merged_value(kind: cython.pointer[Property], objects: int64_t):
    """The value in the output; None: the property is not there."""
    rule: cython.int = rule_of(kind.type)
    everywhere: cython.bint = kind.count == objects
    if rule == RULE_AND:
        return kind.all_of if everywhere and kind.all_of else None
    if rule == RULE_OR:
        return kind.any_of or None
    if rule == RULE_OR_AND:
        return kind.any_of if everywhere else None
    return kind.most


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def find(properties: cython.pointer[Properties], kind: uint32_t) -> cython.pointer[Property]:
    """The row of a type, a new one if need be; NULL: there is no room."""
    i: int64_t
    for i in range(properties.count):
        if properties.kind[i].type == kind:
            return cython.address(properties.kind[i])
    if properties.count == KINDS:
        properties.overflow = True
        return cython.NULL
    row = cython.address(properties.kind[properties.count])
    properties.count += 1
    row.type = kind
    row.count = 0
    row.all_of = ALL_BITS
    row.any_of = 0
    row.most = 0
    return row


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def add(properties: cython.pointer[Properties], other: cython.pointer[Property]) -> cython.void:
    row = find(properties, other.type)
    if row is not cython.NULL:
        row.size = other.size
        row.count += other.count
        row.all_of &= other.all_of
        row.any_of |= other.any_of
        row.most = max(row.most, other.most)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def read_files(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    work = cython.cast(cython.pointer[NoteTables], context)
    own = cython.declare(Properties)
    f: int64_t
    i: int64_t
    for f in range(begin, end):
        if not is_object(work.tables, f):
            continue
        own.count = 0
        own.overflow = False
        if not read_sections(work, cython.cast(uint32_t, f), cython.address(own)):
            return 1
        work.sum[worker].overflow |= own.overflow
        for i in range(own.count):
            kind = cython.address(own.kind[i])
            kind.all_of = kind.any_of
            kind.count = 1
            if kind.type == FEATURE_1_AND:
                work.feature_1[f] = cython.cast(uint32_t, kind.any_of)
            add(cython.address(work.sum[worker]), kind)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def read_sections(
    work: cython.pointer[NoteTables], file: uint32_t, own: cython.pointer[Properties]
) -> cython.bint:
    """Look through an object's section headers for the two notes; False: a fault is reported."""
    row = cython.address(work.tables.files.row[file])
    base: Bytes = work.tables.files.base[file]
    headers = cython.cast(Shdr, base + row.shoff)
    i: uint32_t
    for i in range(1, row.shnum):
        kind: uint32_t = headers[i].sh_type
        if kind != SHT_NOTE and (kind != SHT_PROGBITS or headers[i].sh_flags & SHF_ALLOC):
            continue
        if headers[i].sh_name >= row.shstrsize:
            report(work.fault, FAULT_NOTE_SECTION, file, row.shoff + 64 * cython.cast(uint64_t, i), i)
            return False
        name: Bytes = base + row.shstroff + headers[i].sh_name
        room: uint64_t = row.shstrsize - headers[i].sh_name
        if room < 16 or name[0] != 46 or name[1] != 110:  # .n
            continue
        if memcmp(name, b".note.GNU-stack\0", 16) == 0:
            work.stack[file] = STACK_EXECUTABLE if headers[i].sh_flags & SHF_EXECINSTR else STACK_PLAIN
        elif kind == SHT_NOTE and room >= 19 and memcmp(name, b".note.gnu.property\0", 19) == 0:
            if not read_notes(work, file, headers + i, own):
                return False
    return True


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def read_notes(
    work: cython.pointer[NoteTables], file: uint32_t, header: Shdr, own: cython.pointer[Properties]
) -> cython.bint:
    """The notes of one section, which may lie anywhere: its place is checked here."""
    row = cython.address(work.tables.files.row[file])
    base: Bytes = work.tables.files.base[file]
    at: uint64_t = header.sh_offset
    left: uint64_t = header.sh_size
    if not inside(row.size, at, left):
        report(work.fault, FAULT_PROPERTY, file, at, 0)
        return False
    while left >= 16:
        note = cython.cast(cython.pointer[cython.const[Elf64_Nhdr]], base + at)
        size: uint64_t = note.n_descsz
        is_gnu: cython.bint = note.n_namesz == 4 and memcmp(base + at + 12, b"GNU\0", 4) == 0
        if not is_gnu or note.n_type != NT_GNU_PROPERTY_TYPE_0 or size > left - 16:
            report(work.fault, FAULT_PROPERTY, file, at, 0)
            return False
        if not read_properties(work, file, at + 16, size, own):
            return False
        used: uint64_t = min(left, 16 + align_up(size, 8))
        at += used
        left -= used
    return True


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def read_properties(
    work: cython.pointer[NoteTables],
    file: uint32_t,
    at: uint64_t,
    left: uint64_t,
    own: cython.pointer[Properties],
) -> cython.bint:
    """The array of a note: type, size, data, filled up to 8 bytes."""
    base: Bytes = work.tables.files.base[file]
    while left >= 8:
        kind: uint32_t = read32(base + at)
        size: uint64_t = read32(base + at + 4)
        rule: cython.int = rule_of(kind)
        wanted: uint64_t = 8 if rule == RULE_MAX else 0 if rule == RULE_ANY else 4
        if size > left - 8 or (rule != RULE_UNKNOWN and size != wanted):
            report(work.fault, FAULT_PROPERTY, file, at, 0)
            return False
        row = find(own, kind) if rule != RULE_UNKNOWN else cython.NULL
        if row is not cython.NULL:
            value: uint64_t = read64(base + at + 8) if size == 8 else read32(base + at + 8) if size else 0
            row.size = cython.cast(uint32_t, size)
            row.any_of |= value
            row.most = max(row.most, value)
        used: uint64_t = min(left, 8 + align_up(size, 8))
        at += used
        left -= used
    return True
