"""The tables of the last link, mapped from disk: an Image that can be read, changed and written back.

Both the tables and the output are mapped privately, so an update can change them as it likes and still give up.
`touch` and `change` note which pages differ; `commit` writes those.
"""

import posix

import cython
from cython.cimports.libc.stdint import int64_t, uint8_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import calloc, free
from cython.cimports.libc.string import memset
from cython.cimports.posix.mman import (
    MAP_FAILED,
    MAP_PRIVATE,
    PROT_READ,
    PROT_WRITE,
    mmap,
    munmap,
)
from cython.cimports.posix.unistd import pwrite
from cython.cimports.wild.kernels.elf import Bytes
from cython.cimports.wild.kernels.frames import EhSection, FrameRow
from cython.cimports.wild.kernels.image import PartRow
from cython.cimports.wild.kernels.merge import MergeSection
from cython.cimports.wild.kernels.names import candidate
from cython.cimports.wild.kernels.saved import *
from cython.cimports.wild.kernels.tables import *

from wild.errors import CannotUpdate

PAGE_BITS = cython.declare(cython.const[uint64_t], 12)


@cython.final
@cython.cclass
class Saved:
    """The state of one output; everything is unmapped when the object is."""

    def __cinit__(self, tables: int, directory: list, output: int):
        """`tables` and `output` are open files; `directory` is what save_tables returned.

        Raises CannotUpdate where the file is not as large as the directory says.
        """
        self.maps = []
        self.size = posix.fstat(tables).st_size
        self.out_size = posix.fstat(output).st_size
        self.check(directory)
        self.base = map_file(tables, self.size)
        self.out = map_file(output, self.out_size)
        self.touched = cython.cast(cython.pointer[uint8_t], calloc((self.size >> PAGE_BITS) + 1, 1))
        self.changed = cython.cast(cython.pointer[uint8_t], calloc((self.out_size >> PAGE_BITS) + 1, 1))
        if self.touched is cython.NULL or self.changed is cython.NULL:
            raise MemoryError
        self.fill_image()

    def __dealloc__(self):
        if self.base is not cython.NULL:
            munmap(self.base, self.size)
        if self.out is not cython.NULL:
            munmap(self.out, self.out_size)
        free(self.touched)
        free(self.changed)
        free(self.image.files.base)

    @cython.cfunc
    def check(self, directory: list):
        """Take over the directory; every table must lie in the file."""
        if len(directory) != SAVED_TABLES:
            raise CannotUpdate("A2", "the state has other tables")
        i: int64_t
        for i in range(SAVED_TABLES):
            self.offset[i], self.count[i], self.room[i] = directory[i]
            end: uint64_t = self.offset[i] + self.room[i] * row_size(i)
            if self.count[i] > self.room[i] or end > self.size or end < self.offset[i]:
                raise CannotUpdate("A4", "the state is damaged")

    @cython.cfunc
    @cython.exceptval(check=False)
    def table(self, number: cython.int) -> cython.p_void:
        return self.base + self.offset[number]

    @cython.cfunc
    def fill_image(self):
        """Point an Image at the tables."""
        image = cython.address(self.image)
        memset(image, 0, cython.sizeof(Image))
        image.files.count = self.count[SAVED_FILES]
        image.files.row = cython.cast(cython.pointer[FileRow], self.table(SAVED_FILES))
        image.files.live = cython.cast(cython.pointer[uint32_t], self.table(SAVED_LIVE))
        image.files.base = cython.cast(
            cython.pointer[Bytes], calloc(self.room[SAVED_FILES], cython.sizeof(Bytes))
        )
        if image.files.base is cython.NULL:
            raise MemoryError
        image.files.sections = self.count[SAVED_SECTIONS]
        image.files.globals = self.count[SAVED_OF]
        image.files.locals = self.count[SAVED_LOCAL_AUX]
        image.sections.count = self.count[SAVED_SECTIONS]
        image.sections.row = cython.cast(cython.pointer[SectionRow], self.table(SAVED_SECTIONS))
        image.names.row = cython.cast(cython.pointer[NameRow], self.table(SAVED_NAMES))
        image.names.capacity = self.count[SAVED_NAMES]
        image.names.of = cython.cast(cython.pointer[uint32_t], self.table(SAVED_OF))
        image.symbols = cython.cast(cython.pointer[SymbolRow], self.table(SAVED_SYMBOLS))
        image.merge.section = cython.cast(cython.pointer[MergeSection], self.table(SAVED_MERGE_SECTIONS))
        image.merge.index = cython.cast(cython.pointer[uint32_t], self.table(SAVED_MERGE_INDEX))
        image.merge.offset = cython.cast(cython.pointer[uint32_t], self.table(SAVED_MERGE_OFFSET))
        image.merge.out = cython.cast(cython.pointer[uint32_t], self.table(SAVED_MERGE_OUT))
        image.merge.sections = self.count[SAVED_MERGE_SECTIONS]
        image.merge.pieces = self.count[SAVED_MERGE_OFFSET]
        image.frames.eh = cython.cast(cython.pointer[EhSection], self.table(SAVED_EH))
        image.frames.frame = cython.cast(cython.pointer[FrameRow], self.table(SAVED_FRAMES))
        image.frames.eh_count = self.count[SAVED_EH]
        image.frames.frame_count = self.count[SAVED_FRAMES]
        image.slots.row = cython.cast(cython.pointer[AuxRow], self.table(SAVED_AUX))
        image.slots.count = self.count[SAVED_AUX]
        image.slots.local_aux = cython.cast(cython.pointer[uint32_t], self.table(SAVED_LOCAL_AUX))
        image.part = cython.cast(cython.pointer[PartRow], self.table(SAVED_PARTS))
        image.part_count = self.count[SAVED_PARTS]
        image.out = image.rela = self.out
        self.owner = cython.cast(cython.pointer[uint32_t], self.table(SAVED_OWNER))
        self.head = cython.cast(cython.pointer[uint32_t], self.table(SAVED_HEAD))
        self.next = cython.cast(cython.pointer[uint32_t], self.table(SAVED_NEXT))
        self.run = cython.cast(cython.pointer[Run], self.table(SAVED_RUNS))
        self.file_of = cython.cast(cython.pointer[uint32_t], self.table(SAVED_FILE_OF))
        self.shape = cython.cast(cython.pointer[uint8_t], self.table(SAVED_SHAPE))
        self.leaves = cython.cast(cython.pointer[uint8_t], self.table(SAVED_LEAVES))
        self.places = cython.cast(cython.pointer[Places], self.table(SAVED_PLACES))
        self.slots.slots = cython.cast(cython.pointer[uint64_t], self.table(SAVED_NAME_SLOTS))
        self.fill_addresses()

    @cython.cfunc
    def fill_addresses(self):
        image = cython.address(self.image)
        places = self.places
        i: cython.int
        for i in range(SHARDS):
            image.names.start[i] = places.start[i]
            image.names.count[i] = places.count[i]
            self.slots.start[i] = places.slot_start[i]
            self.slots.mask[i] = places.slot_mask[i]
        image.names.start[64] = places.start[64]
        image.mode = cython.address(places.mode)
        image.got, image.got_plt, image.plt, image.iplt = places.got, places.got_plt, places.plt, places.iplt
        image.plt_entry, image.got_base, image.eh_frame = places.plt_entry, places.got_base, places.eh_frame
        image.tls_start, image.tls_end = places.tls_start, places.tls_end
        image.copies, image.relro_copies = places.copies, places.relro_copies
        image.rela_relative, image.rela_symbolic = places.rela_relative, places.rela_symbolic
        image.rela_plt = places.rela_plt
        image.slots.got_slots, image.slots.tlsld = places.got_slots, places.tlsld
        image.slots.plt, image.slots.iplt = places.plt_count, places.iplt_count

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def touch(self, start: cython.p_const_void, size: uint64_t) -> cython.void:
        """Some bytes of a table are not any more what is on disk."""
        mark_pages(self.touched, cython.cast(Bytes, start) - self.base, size)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def change(self, start: cython.p_const_void, size: uint64_t) -> cython.void:
        """Some bytes of the output are not any more what is on disk."""
        mark_pages(self.changed, cython.cast(Bytes, start) - self.out, size)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def lookup(self, hash: uint64_t, length: uint64_t) -> uint32_t:
        """The NameId of a name by its hash and length, 0 when there is none.

        Bytes are not compared, because the object that spelled a name may have changed.  Two of n names have the same
        64 bits with a probability of n / 2^64 for each name that is looked up.
        """
        at: uint64_t = hash
        name: uint32_t
        while True:
            name = candidate(
                cython.address(self.image.names), cython.address(self.slots), hash, cython.address(at)
            )
            if name == 0:
                return 0
            row = cython.address(self.image.names.row[name])
            if row.hash == hash and row.length == length:
                return name

    @property
    def tls_start(self):
        """Address of the TLS segment."""
        return self.image.tls_start

    def part_flags(self, part: int) -> int:
        """SEC_* flags of the sections of a part."""
        return self.image.part[cython.cast(uint32_t, part)].flags

    def part_is_code(self, part: int) -> bool:
        """Are gaps of a part filled with instructions that trap?"""
        return self.image.part[cython.cast(uint32_t, part)].fill != 0

    def changed_pages(self) -> bytes:
        """The pages of the output that `change` was told of, as numbers of four bytes."""
        found = bytearray()
        i: uint64_t
        for i in range((self.out_size >> PAGE_BITS) + 1):
            if self.changed[i]:
                found += cython.cast(uint32_t, i).to_bytes(4, "little")
        return bytes(found)

    def write_pages(self, output: int, others: bytes) -> None:
        """Bring an older copy of the output up to date: `others` are pages by which it differs besides.

        Raises OSError.
        """
        i: uint64_t
        pages = cython.cast(cython.pointer[cython.const[uint32_t]], cython.cast(cython.p_char, others))
        for i in range(cython.cast(uint64_t, len(others) // 4)):
            if cython.cast(uint64_t, pages[i]) << PAGE_BITS < self.out_size:
                self.changed[pages[i]] = 1
        write_marked(output, self.out, self.out_size, self.changed)

    def commit(self, tables: int) -> None:
        """Write back what was touched.  Raises OSError."""
        write_marked(tables, self.base, self.size, self.touched)

    def directory(self) -> list:
        """The directory as it is now."""
        return [(self.offset[i], self.count[i], self.room[i]) for i in range(SAVED_TABLES)]


@cython.cfunc
@cython.exceptval(check=True)
def map_file(descriptor: cython.int, size: uint64_t) -> cython.pointer[uint8_t]:
    start = mmap(cython.NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, descriptor, 0)
    if start == MAP_FAILED:
        raise CannotUpdate("A4", "the state cannot be mapped")
    return cython.cast(cython.pointer[uint8_t], start)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def row_size(table: int64_t) -> uint64_t:
    """Bytes in a row; 1 where rows are not of one size."""
    sizes: uint64_t[24]
    sizes[:] = [
        cython.sizeof(FileRow),
        4,
        cython.sizeof(SectionRow),
        cython.sizeof(NameRow),
        4,
        cython.sizeof(SymbolRow),
        cython.sizeof(MergeSection),
        4,
        4,
        4,
        cython.sizeof(EhSection),
        cython.sizeof(FrameRow),
        cython.sizeof(AuxRow),
        4,
        cython.sizeof(PartRow),
        8,
        4,
        4,
        4,
        cython.sizeof(Run),
        1,
        cython.sizeof(Places),
        1,
        4,
    ]
    return sizes[table]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def mark_pages(marks: cython.pointer[uint8_t], offset: uint64_t, size: uint64_t) -> cython.void:
    if size == 0:
        return
    page: uint64_t = offset >> PAGE_BITS
    while page <= (offset + size - 1) >> PAGE_BITS:
        marks[page] = 1
        page += 1


@cython.cfunc
@cython.exceptval(-1)
def write_marked(
    descriptor: cython.int, data: Bytes, size: uint64_t, marks: cython.pointer[uint8_t]
) -> cython.int:
    """Write the marked pages, neighbours together."""
    page: uint64_t = 0
    pages: uint64_t = (size + 4095) >> PAGE_BITS
    while page < pages:
        if not marks[page]:
            page += 1
            continue
        end: uint64_t = page
        while end < pages and marks[end]:
            end += 1
        at: uint64_t = page << PAGE_BITS
        stop: uint64_t = min(end << PAGE_BITS, size)
        while at < stop:
            done: int64_t = pwrite(descriptor, data + at, stop - at, at)
            if done <= 0:
                raise OSError(28, "no room for the update of an incremental link")
            at += done
        page = end
    return 0
