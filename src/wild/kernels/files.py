"""The inputs of a link: mapped files, and the files table in command-line order.

Python names paths and flags; loops over files are here or in the kernels below this one: mapping.py opens
files, members.py splits archives, headers.py and segments.py read ELF headers.  The steps of a link are
`open` (several times if linker scripts name more files), `arrange`, `set_internal`, `read_headers`; the
table does not change afterwards, except for `live`, which is set by resolution.

`arrange` works in rounds on a list of slots, one per file to be.  A round replaces every archive by its
members, in place, so that the order of the command line is kept.  A member of a thin archive is opened at
the end of its round and may turn out to be an archive, which the next round splits.  An archive that is met
again is dropped: its members could only lose to the first ones.  That also ends the rounds for thin
archives that contain each other.
"""

import cython
from cython.cimports.cpython.bytes import PyBytes_AsString, PyBytes_FromStringAndSize
from cython.cimports.libc.stdint import int64_t, uint8_t, uint32_t, uint64_t
from cython.cimports.libc.string import memcpy, strlen
from cython.cimports.wild.kernels.elf import Bytes, Elf64_Dyn, Elf64_Sym, MutableBytes
from cython.cimports.wild.kernels.faults import FAULT_MEMBER_NESTED
from cython.cimports.wild.kernels.headers import read_all_headers
from cython.cimports.wild.kernels.mapping import (
    KIND_ARCHIVE,
    KIND_BITCODE,
    KIND_OBJECT,
    KIND_OTHER,
    KIND_SHARED,
    KIND_TEXT,
    KIND_THIN,
)
from cython.cimports.wild.kernels.maps import Maps, decode
from cython.cimports.wild.kernels.members import (
    SLOT_WHOLE,
    Slot,
    count_members,
    file_flags,
    fill_members,
    find_member,
    member_kind,
)
from cython.cimports.wild.kernels.pool import Pool
from cython.cimports.wild.kernels.tables import (
    FILE_AS_NEEDED,
    FILE_EXCLUDED_LIBS,
    FILE_LAZY,
    FILE_MEMBER,
    FILE_OBJECT,
    FILE_SHARED,
    NONE,
    FileRow,
    SharedRow,
)

from wild.errors import LinkError
from wild.kernels.pool import KernelFault

MAP_OTHER = KIND_OTHER
MAP_OBJECT = KIND_OBJECT
MAP_SHARED = KIND_SHARED
MAP_ARCHIVE = KIND_ARCHIVE
MAP_THIN = KIND_THIN
MAP_TEXT = KIND_TEXT
MAP_BITCODE = KIND_BITCODE

# Flags of `arrange`; the first three are kept in FileRow.flags.
LAZY = FILE_LAZY
AS_NEEDED = FILE_AS_NEEDED
EXCLUDED_LIBS = FILE_EXCLUDED_LIBS
WHOLE_ARCHIVE = SLOT_WHOLE

Dyn = cython.typedef(cython.pointer[cython.const[Elf64_Dyn]])


@cython.final
@cython.cclass
class Inputs(Maps):
    """All inputs of one link; the memory of their tables is the arena's."""

    def __cinit__(self, *arguments):
        self.taken = {}
        self.won_groups = []

    def arrange(self, pool: Pool, maps: list, flags: list) -> None:
        """Make the files table from open files in link order; archives become their members.

        `flags` has for each map a sum of LAZY, AS_NEEDED, EXCLUDED_LIBS and WHOLE_ARCHIVE.
        Raises LinkError with a message for each file that cannot be linked, KernelFault at a damaged archive.
        """
        self.slots = cython.cast(cython.pointer[Slot], self.arena.array(len(maps), cython.sizeof(Slot)))
        self.slot_count, self.taken = 0, {}  # the table may be made anew, with more files
        self.take_slots(maps, flags)
        self.split_archives(pool)

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def split_archives(self, pool: Pool) -> cython.int:
        """Replace all slots that are archives, and make the files table of what is left."""
        while True:
            archives = cython.cast(cython.pointer[int64_t], self.arena.array(self.slot_count, 8))
            count: int64_t = 0
            i: int64_t
            for i in range(self.slot_count):
                if self.slots[i].kind == KIND_ARCHIVE or self.slots[i].kind == KIND_THIN:
                    archives[count] = i
                    count += 1
            if count == 0:
                break
            self.split_round(pool, archives, count)
            self.open_thin(pool)
        return self.make_rows()

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def take_slots(self, maps: list, flags: list) -> cython.int:
        """Append one slot for each file of the command line, without repetitions; there is room."""
        useless: list = []
        i: int64_t
        for i in range(cython.cast(int64_t, len(maps))):
            id: uint32_t = maps[i]
            self.check_map(id)
            map = cython.address(self.maps[id])
            if map.kind == KIND_OTHER or map.kind == KIND_TEXT:
                useless.append(id)
                continue
            slot = cython.address(self.slots[self.slot_count])
            slot.map = id
            slot.archive = NONE
            slot.size = map.size
            slot.kind = map.kind
            slot.flags = flags[i]
            self.slot_count += self.is_new(slot, True)
        if useless:
            from wild.faults import why_unusable

            raise LinkError(*[f"{self.paths[id]}: {why_unusable(self.map_bytes(id)[:64])}" for id in useless])
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def is_new(self, slot: cython.pointer[Slot], outer: cython.bint) -> cython.bint:
        """False for an archive or shared object that was taken before."""
        if slot.kind == KIND_OBJECT or slot.kind == KIND_BITCODE:
            return True
        map = cython.address(self.maps[slot.map])
        whole: cython.bint = (slot.flags & SLOT_WHOLE) != 0 and slot.kind != KIND_SHARED
        key = (map.device, map.inode, whole) if map.inode else (None, slot.map, whole)
        first = self.taken.get(key)
        if first is None:
            self.taken[key] = slot - self.slots
            return True
        if slot.kind == KIND_SHARED and not slot.flags & FILE_AS_NEEDED:
            self.slots[cython.cast(int64_t, first)].flags &= ~FILE_AS_NEEDED
        return whole and outer

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def split_round(self, pool: Pool, archives: cython.pointer[int64_t], count: int64_t) -> cython.int:
        """Replace the slots that are archives by their members."""
        counts = cython.cast(cython.pointer[int64_t], self.arena.array(count, 8))
        place = cython.cast(cython.pointer[int64_t], self.arena.array(count, 8))
        count_members(pool, self.maps, self.slots, archives, counts, count)
        total: int64_t = self.slot_count
        i: int64_t
        for i in range(count):
            total += counts[i] - 1
        slots = cython.cast(cython.pointer[Slot], self.arena.array(total, cython.sizeof(Slot)))
        at: int64_t = 0
        done: int64_t = 0
        for i in range(count):
            run: int64_t = archives[i] - done
            memcpy(slots + at, self.slots + done, run * cython.sizeof(Slot))
            place[i] = at + run
            at += run + counts[i]
            done = archives[i] + 1
        memcpy(slots + at, self.slots + done, (self.slot_count - done) * cython.sizeof(Slot))
        fill_members(pool, self.maps, self.slots, archives, place, slots, count)
        self.slots = slots
        self.slot_count = total
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def open_thin(self, pool: Pool) -> cython.int:
        """Open the members of thin archives that this round has found; paths are relative to the archive."""
        paths: list = []
        i: int64_t
        for i in range(self.slot_count):
            slot = cython.address(self.slots[i])
            if slot.map == NONE:
                archive: str = self.paths[slot.archive]
                map = cython.address(self.maps[slot.archive])
                name: str = decode(
                    cython.cast(cython.p_const_char, map.base + slot.name_offset), slot.name_length
                )
                paths.append(name if name.startswith("/") else archive[: archive.rfind("/") + 1] + name)
        if not paths:
            return 0
        opened: int64_t = self.new_maps(paths)
        failed: list = self.load(pool, opened)
        if failed:
            self.report_thin(opened, dict(failed))
        kept: int64_t = 0
        for i in range(self.slot_count):
            slot = cython.address(self.slots[i])
            keep: cython.bint = True
            if slot.map == NONE:
                keep = self.settle_thin(slot, cython.cast(uint32_t, opened))
                opened += 1
            if keep:
                self.slots[kept] = slot[0]
                kept += 1
        self.slot_count = kept
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def report_thin(self, map: int64_t, failed: dict) -> cython.int:
        """Raise for members that cannot be opened; `failed`: reasons by MapId, `map`: the first member's."""
        from wild.faults import why_not_open

        texts: list = []
        i: int64_t
        for i in range(self.slot_count):
            if self.slots[i].map == NONE:
                if map in failed:
                    text = why_not_open(self.paths[map], failed[map])
                    texts.append(f"{self.paths[self.slots[i].archive]}: member {text}")
                map += 1
        raise LinkError(*texts)

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def settle_thin(self, slot: cython.pointer[Slot], map: uint32_t) -> cython.int:
        """Find out what a member of a thin archive is; returns whether it is of use."""
        row = cython.address(self.maps[map])
        slot.map = map
        slot.offset = 0
        slot.size = row.size
        if slot.origin:
            if find_member(row, slot) != 0:
                raise KernelFault(FAULT_MEMBER_NESTED, slot.archive, slot.origin, 0, 0)
        elif row.kind == KIND_ARCHIVE or row.kind == KIND_THIN:
            slot.kind = row.kind
            return self.is_new(slot, False)
        slot.kind = cython.cast(uint8_t, member_kind(row.base + slot.offset, slot.size))
        return slot.kind != KIND_OTHER

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def make_rows(self) -> cython.int:
        """FileRows, SharedRows and the names of members."""
        arena = self.arena
        view = cython.address(self.view)
        view.count = self.slot_count + 1
        names: uint64_t = 0
        view.shared_count = 0
        i: int64_t
        for i in range(self.slot_count):
            names += self.slots[i].name_length
            view.shared_count += self.slots[i].kind == KIND_SHARED
        view.row = cython.cast(cython.pointer[FileRow], arena.array(view.count, cython.sizeof(FileRow)))
        view.base = cython.cast(cython.pointer[Bytes], arena.array(view.count, cython.sizeof(Bytes)))
        view.live = cython.cast(cython.pointer[uint32_t], arena.array(view.count, 4))
        view.shared = cython.cast(
            cython.pointer[SharedRow], arena.array(view.shared_count, cython.sizeof(SharedRow))
        )
        self.names = cython.cast(cython.p_char, arena.array(names, 1))
        return self.fill_rows()

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def fill_rows(self) -> cython.int:
        name: uint32_t = 0
        shared: uint32_t = 0
        i: int64_t
        for i in range(self.slot_count):
            slot = cython.address(self.slots[i])
            row = cython.address(self.view.row[i + 1])
            row.map = row.path = slot.map
            row.offset = slot.offset
            row.size = slot.size
            row.kind = FILE_OBJECT
            row.flags = file_flags(slot)
            self.view.base[i + 1] = self.maps[slot.map].base + slot.offset
            if slot.kind == KIND_SHARED:
                row.kind = FILE_SHARED
                row.shared = shared
                self.view.shared[shared].file = cython.cast(uint32_t, i + 1)
                shared += 1
            if slot.archive != NONE:
                row.path = slot.archive
                row.name_offset = name
                row.name_length = slot.name_length
                memcpy(self.names + name, self.maps[slot.archive].base + slot.name_offset, slot.name_length)
                name += slot.name_length
        return 0

    def set_internal(self, names: list, values: list, shndx: list, infos: list, others: list) -> None:
        """Give file 0 its symbols, global or weak: name, st_value, st_shndx, st_info and st_other of each."""
        count: uint64_t = len(names) + 1
        text: bytes = b"\0" + b"\0".join(names) + b"\0"
        row = cython.address(self.view.row[0])
        base = cython.cast(MutableBytes, self.arena.array(count * cython.sizeof(Elf64_Sym) + len(text), 1))
        symbols = cython.cast(cython.pointer[Elf64_Sym], base)
        at: uint32_t = 1
        i: int64_t
        for i in range(1, cython.cast(int64_t, count)):
            symbols[i].st_name = at
            symbols[i].st_value = values[i - 1]
            symbols[i].st_shndx = shndx[i - 1]
            symbols[i].st_info = infos[i - 1]
            symbols[i].st_other = others[i - 1]
            at += len(names[i - 1]) + 1
        row.nsyms = cython.cast(uint32_t, count)
        row.first_global = 1
        row.stroff = count * cython.sizeof(Elf64_Sym)
        row.strsize = len(text)
        row.size = row.stroff + row.strsize
        memcpy(base + row.stroff, PyBytes_AsString(text), row.strsize)
        self.view.base[0] = base

    def read_headers(self, pool: Pool) -> None:
        """Find and check the symbol tables of all files, and number their symbols; raises KernelFault."""
        self.asks_for_libraries = read_all_headers(pool, cython.address(self.view)) != 0

    # -- what the table says, for texts and for policy

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def check_file(self, file: int64_t) -> cython.int:
        if not 0 <= file < self.view.count:
            raise IndexError(f"no file {file}")
        return 0

    def file_name(self, file: int64_t) -> str:
        """`path`, or `archive(member)`."""
        self.check_file(file)
        row = cython.address(self.view.row[file])
        if file == 0:
            return "<internal>"
        path: str = self.paths[row.path]
        if not row.flags & FILE_MEMBER:
            return path
        return f"{path}({decode(self.names + row.name_offset, row.name_length)})"

    def file_row(self, file: int64_t) -> dict:
        """The FileRow, joined with the SharedRow of a shared object, for tests and reports."""
        self.check_file(file)
        row: dict = self.view.row[file]
        if self.view.row[file].kind == FILE_SHARED:
            row |= self.view.shared[self.view.row[file].shared]
        return row

    def file_start(self, file: int64_t) -> bytes:
        """The first 64 bytes."""
        self.check_file(file)
        row = cython.address(self.view.row[file])
        return PyBytes_FromStringAndSize(cython.cast(cython.p_char, self.view.base[file]), min(row.size, 64))

    def shared_files(self) -> list:
        """FileIds of the shared objects, in link order."""
        return [self.view.shared[i].file for i in range(self.view.shared_count)]

    def soname(self, file: int64_t) -> str:
        """DT_SONAME of a shared object, empty if it has none."""
        self.check_file(file)
        row = cython.address(self.view.row[file])
        if row.kind != FILE_SHARED or self.view.shared[row.shared].soname == NONE:
            return ""
        return self.dynamic_string(file, self.view.shared[row.shared].soname)

    def is_needed(self, file: int64_t) -> bool:
        """Is it a shared object that is to be recorded as DT_NEEDED?"""
        self.check_file(file)
        row = cython.address(self.view.row[file])
        return row.kind == FILE_SHARED and self.view.shared[row.shared].used != 0

    def dynamic_strings(self, file: int64_t, tag: int64_t) -> list:
        """The names that a shared object has under a tag such as DT_NEEDED."""
        self.check_file(file)
        row = cython.address(self.view.row[file])
        found: list = []
        if row.kind == FILE_SHARED:
            shared = cython.address(self.view.shared[row.shared])
            entries = cython.cast(Dyn, self.view.base[file] + shared.dynamic)
            i: uint64_t
            for i in range(shared.dynamic_size // cython.sizeof(Elf64_Dyn)):
                if entries[i].d_tag == tag:
                    found.append(self.dynamic_string(file, entries[i].d_val))
        return found

    @cython.cfunc
    def dynamic_string(self, file: int64_t, offset: uint64_t) -> str:
        row = cython.address(self.view.row[file])
        text = cython.cast(cython.p_char, self.view.base[file] + row.stroff + offset)
        return decode(text, strlen(text))

    def live_files_text(self) -> list:
        """Names of the files that take part in the link, in link order (for --trace)."""
        return [self.file_name(i) for i in range(1, self.view.count) if self.view.live[i]]
