"""Packed relative relocations: .relr.dyn (generic ABI, "Relocation", SHT_RELR).

Most dynamic relocations of a position-independent output say "add to this word where the image was
loaded".  They take 24 bytes each in .rela.dyn; in .relr.dyn an even word is the address of such a word,
and an odd one is a bitmap of the 63 words behind what came before it, so that a table of pointers takes
a bit each.  The word itself holds its value, as there is no addend.  An address must be even: the few
words that are not (in a packed structure) stay in .rela.dyn.

The scan decides which relocations are packed, by `is_packed` (relocation.pxd), and notes the section and
offset of each in a list of its worker.  Here they are put in order: by section, then by part, in which
the sections stand in input order, so that counting is enough; only a part whose sections or relocations
are out of order is really sorted.

How large the table is depends on addresses, and these on how large it is.  So the layout is made with a
small table, the table encoded with these addresses, and the layout made again while the table does not
fit.  The distance of two words changes little between layouts, so the second one nearly always does;
room that is left is filled with bitmaps of no bits.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import calloc, free, qsort
from cython.cimports.libc.string import memcpy
from cython.cimports.wild.kernels.elf import write64
from cython.cimports.wild.kernels.image import Image
from cython.cimports.wild.kernels.measure import Layout
from cython.cimports.wild.kernels.pool import Arena
from cython.cimports.wild.kernels.reach import Reach, ReachView
from cython.cimports.wild.kernels.slots import AUX_GOT_PACKED, Slots, SlotView
from cython.cimports.wild.kernels.tables import SEC_LIVE, SEC_PLAIN, SectionRow

WORD = cython.declare(cython.const[uint64_t], 8)
WINDOW = cython.declare(cython.const[uint64_t], 504)  # bytes that a bitmap is about
NO_BITS = cython.declare(cython.const[uint64_t], 1)

Sorting = cython.struct(
    image=cython.pointer[Image],
    reach=cython.pointer[ReachView],
    block=cython.pointer[uint32_t],
    starts=cython.pointer[uint64_t],
    blocks=int64_t,
    first=cython.pointer[uint64_t],
    place=cython.pointer[uint64_t],
    end=cython.pointer[uint32_t],  # by SectionId: where its run in `offset` ends
    offset=cython.pointer[uint32_t],  # in the section, section by section
)


@cython.final
@cython.cclass
class RelrTable:
    """The packed relocations of a link whose parts have been measured."""

    def __cinit__(self, layout: Layout, reach: Reach, slots: Slots):
        self.arena = Arena()
        parts: int64_t = layout.view.part_count
        self.runs = parts + 1
        room: int64_t = reach.view.packed_count + slots.view.packed
        self.place = cython.cast(cython.pointer[uint64_t], self.arena.array(room, 8))
        self.first = cython.cast(cython.pointer[uint64_t], self.arena.array(self.runs + 1, 8))
        self.word = cython.cast(cython.pointer[uint64_t], self.arena.array(room, 8))
        if reach.view.packed_count:
            self.sort(layout, reach)
        self.first[parts + 1] = self.first[parts] + add_slots(
            cython.address(slots.view), self.place + self.first[parts]
        )
        self.count = self.first[parts + 1]

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def sort(self, layout: Layout, reach: Reach) -> cython.int:
        """Fill the runs of the parts."""
        sorting = cython.declare(Sorting)
        sorting.image = cython.address(layout.view)
        sorting.reach = cython.address(reach.view)
        sorting.block = layout.block
        sorting.starts = layout.starts
        sorting.blocks = layout.blocks
        sorting.first = self.first
        sorting.place = self.place
        sections: int64_t = layout.view.sections.count
        sorting.end = cython.cast(cython.pointer[uint32_t], calloc(sections + reach.view.packed_count, 4))
        if sorting.end is cython.NULL:
            raise MemoryError("no memory for the relative relocations")
        sorting.offset = sorting.end + sections
        with cython.nogil:
            sort_by_section(cython.address(sorting))
            sort_by_part(cython.address(sorting))
        free(sorting.end)
        return 0

    def encode(self, layout: Layout, got: int) -> int:
        """Encode the table for the addresses that the parts and .got have now; returns its size in bytes."""
        parts: int64_t = self.runs - 1
        order = []
        run: int64_t
        for run in range(self.runs):
            if self.first[run] < self.first[run + 1]:
                order.append((got if run == parts else layout.view.part[run].address, run))
        encoder = cython.declare(Encoder)
        encoder.word = self.word
        encoder.count = 0
        encoder.base = encoder.bits = encoder.last = 0
        for address, number in sorted(order):
            run = number
            self.encode_run(cython.address(encoder), run, address)
        end_window(cython.address(encoder))
        self.words = encoder.count
        return 8 * encoder.count

    @cython.cfunc
    @cython.exceptval(check=False)
    def encode_run(self, encoder: cython.pointer[Encoder], run: int64_t, address: uint64_t) -> cython.void:
        i: uint64_t
        for i in range(self.first[run], self.first[run + 1]):
            encode_word(encoder, address + self.place[i])

    def write(self, layout: Layout, offset: int, size: int) -> None:
        """Write the table at an offset of the output; `size` is at least what `encode` returned."""
        to = layout.view.out + cython.cast(uint64_t, offset)
        memcpy(to, self.word, self.words * 8)
        i: int64_t
        for i in range(self.words, cython.cast(int64_t, size) // 8):
            write64(to + 8 * i, NO_BITS)


def encode_addresses(addresses) -> list:
    """The words for some addresses, which ascend; how a table is encoded, by itself."""
    arena = Arena()
    encoder = cython.declare(Encoder)
    encoder.word = cython.cast(cython.pointer[uint64_t], arena.array(len(addresses), 8))
    encoder.count = 0
    encoder.base = encoder.bits = encoder.last = 0
    for address in addresses:
        encode_word(cython.address(encoder), address)
    end_window(cython.address(encoder))
    return [encoder.word[i] for i in range(encoder.count)]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def sort_by_section(sorting: cython.pointer[Sorting]) -> cython.void:
    """A section was scanned by one worker, so what is in order there stays in order."""
    reach = sorting.reach
    i: int64_t
    for i in range(reach.packed_count):
        sorting.end[reach.packed[2 * i]] += 1
    total: uint32_t = 0
    count: uint32_t
    for i in range(sorting.image.sections.count):
        count = sorting.end[i]
        sorting.end[i] = total
        total += count
    for i in range(reach.packed_count):
        end = cython.address(sorting.end[reach.packed[2 * i]])
        sorting.offset[end[0]] = reach.packed[2 * i + 1]
        end[0] += 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def sort_by_part(sorting: cython.pointer[Sorting]) -> cython.void:
    """Count what each part has, then fill the runs; `first` is moved to the ends on the way, and back."""
    parts: int64_t = sorting.image.part_count
    total: uint64_t = 0
    count: uint64_t
    p: int64_t
    walk_sections(sorting, False)
    for p in range(parts):
        count = sorting.first[p]
        sorting.first[p] = total
        total += count
    walk_sections(sorting, True)
    for p in range(parts, 0, -1):
        sorting.first[p] = sorting.first[p - 1]
    sorting.first[0] = 0
    for p in range(parts):
        order_run(sorting.place + sorting.first[p], sorting.first[p + 1] - sorting.first[p])


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def walk_sections(sorting: cython.pointer[Sorting], fill: cython.bint) -> cython.void:
    """Go through the sections of all files: add up what each part has, or fill its run."""
    image = sorting.image
    b: int64_t
    file: uint32_t
    k: uint32_t
    for b in range(sorting.blocks):
        starts = sorting.starts + b * image.part_count
        for file in range(sorting.block[b], sorting.block[b + 1]):
            row = cython.address(image.files.row[file])
            if row.sec_base == 0:
                continue
            for k in range(row.sec_base, row.sec_base + row.shnum):
                sec = cython.address(image.sections.row[k])
                if sorting.end[k] == sorting.end[k - 1] or not is_placed(sec):
                    continue
                if fill:
                    fill_section(sorting, k, starts[sec.part] + sec.address)
                else:
                    sorting.first[sec.part] += sorting.end[k] - sorting.end[k - 1]


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def is_placed(sec: cython.pointer[SectionRow]) -> cython.bint:
    """Is the section in the output?"""
    return sec.kind == SEC_PLAIN and sec.flags & SEC_LIVE != 0 and sec.part != 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def fill_section(sorting: cython.pointer[Sorting], section: uint32_t, at: uint64_t) -> cython.void:
    """Append the words of a section, which begins at `at` in its part, to the part's run."""
    end = cython.address(sorting.first[sorting.image.sections.row[section].part])
    i: uint32_t
    for i in range(sorting.end[section - 1], sorting.end[section]):
        sorting.place[end[0]] = at + sorting.offset[i]
        end[0] += 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def order_run(place: cython.pointer[uint64_t], count: uint64_t) -> cython.void:
    """Sort a run that is not sorted yet."""
    i: uint64_t
    for i in range(1, count):
        if place[i] < place[i - 1]:
            qsort(place, count, 8, compare)
            return


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def compare(a: cython.p_const_void, b: cython.p_const_void) -> cython.int:
    x: uint64_t = cython.cast(cython.pointer[cython.const[uint64_t]], a)[0]
    y: uint64_t = cython.cast(cython.pointer[cython.const[uint64_t]], b)[0]
    return (x > y) - (x < y)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def add_slots(slots: cython.pointer[SlotView], place: cython.pointer[uint64_t]) -> int64_t:
    """The run of .got; slots are numbered in the order of their rows."""
    count: int64_t = 0
    i: int64_t
    for i in range(1, slots.count):
        if slots.row[i].flags & AUX_GOT_PACKED:
            place[count] = WORD * slots.row[i].got
            count += 1
    return count


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def encode_word(encoder: cython.pointer[Encoder], address: uint64_t) -> cython.void:
    """Add the address of a word; they ascend.  Two relocations of one word are one: it is added to only once."""
    if address == encoder.last and encoder.count:
        return
    encoder.last = address
    while encoder.base:
        distance: uint64_t = address - encoder.base
        if distance < WINDOW and distance % WORD == 0:
            encoder.bits |= cython.cast(uint64_t, 1) << (distance // WORD)
            return
        if encoder.bits == 0:
            break
        end_window(encoder)
    encoder.word[encoder.count] = address
    encoder.count += 1
    encoder.base = address + WORD


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def end_window(encoder: cython.pointer[Encoder]) -> cython.void:
    """Write the bitmap and go on to the words behind it."""
    if encoder.bits:
        encoder.word[encoder.count] = (encoder.bits << 1) | 1
        encoder.count += 1
        encoder.bits = 0
        encoder.base += WINDOW
