"""Measuring: how large each part of the output is, and where in it each section goes.

Files are taken in blocks.  A first parallel loop lays the sections of a block out one behind the other in every part,
as if the block began at an aligned place; then the blocks' sizes are summed up, part by part, which gives every block
its start; a second loop adds the starts.  So the sections of a part stand in input order, and neither loop has to
know what another worker is doing.  Sorted parts (constructors with priorities) are few and placed one by one.

Once the policy has given the parts their addresses, `place` makes all addresses final: of sections, and of every
symbol that is defined.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint8_t, uint32_t, uint64_t
from cython.cimports.wild.kernels.elf import align_up
from cython.cimports.wild.kernels.files import Inputs
from cython.cimports.wild.kernels.frames import FrameTable
from cython.cimports.wild.kernels.image import PART_SORTED, Image, PartRow, place_in_section, plt_address
from cython.cimports.wild.kernels.listed import place_listed, sort_listed
from cython.cimports.wild.kernels.measure import *
from cython.cimports.wild.kernels.merge import MergeTable
from cython.cimports.wild.kernels.names import NameTable
from cython.cimports.wild.kernels.pool import Pool
from cython.cimports.wild.kernels.reach import OutputMode
from cython.cimports.wild.kernels.resolve import Resolution
from cython.cimports.wild.kernels.sections import SectionTable
from cython.cimports.wild.kernels.slots import AUX_COPY_RELRO, Slots
from cython.cimports.wild.kernels.sorted_parts import place_by_number
from cython.cimports.wild.kernels.tables import *
from cython.cimports.wild.kernels.units import BLOCK_FILES, PartSum, Units, cut_units, note_unit, place_units

HAS_BYTES = cython.declare(cython.const[uint32_t], 0x8000)  # in PartSum.flags: not everything is SHT_NOBITS

Measure = cython.struct(
    image=cython.pointer[Image],
    sums=cython.pointer[PartSum],
    starts=cython.pointer[uint64_t],
    relatives=cython.pointer[uint64_t],
    symbolics=cython.pointer[uint64_t],
    file_relatives=cython.pointer[uint64_t],
    file_symbolics=cython.pointer[uint64_t],
    block=cython.pointer[uint32_t],
    units=cython.pointer[Units],
    skip=cython.pointer[uint8_t],
)


@cython.final
@cython.cclass
class Layout:
    """Sizes of parts, then addresses of everything."""

    def __cinit__(
        self,
        inputs: Inputs,
        names: NameTable,
        resolution: Resolution,
        sections: SectionTable,
        frames: FrameTable,
        merged: MergeTable,
        slots: Slots,
        mode: OutputMode,
    ):
        self.inputs = inputs
        self.sections = sections
        self.resolution = resolution
        self.owners = (names, frames, merged, slots, mode)
        self.view.files = inputs.view
        self.view.sections = sections.view
        self.view.names = names.view
        self.view.symbols = resolution.view.row
        self.view.merge = merged.view
        self.view.frames = frames.view
        self.view.slots = slots.view
        self.view.mode = cython.address(mode.view)
        self.view.tls_start = 0

    def measure(self, pool: Pool, parts: int, placed_elsewhere):
        """Sizes of all parts but those `placed_elsewhere`; returns [(size, alignment, SEC_* flags)] by PartId."""
        files: int64_t = self.view.files.count
        self.blocks = (files + BLOCK_FILES - 1) // BLOCK_FILES
        arena = self.inputs.arena
        self.view.part_count = parts
        self.view.part = cython.cast(cython.pointer[PartRow], arena.array(parts, cython.sizeof(PartRow)))
        cells: int64_t = (self.blocks + 1) * parts
        self.sums = cython.cast(cython.pointer[PartSum], arena.array(cells, cython.sizeof(PartSum)))
        self.starts = cython.cast(cython.pointer[uint64_t], arena.array(cells, 8))
        self.relatives = cython.cast(cython.pointer[uint64_t], arena.array(self.blocks + 1, 8))
        self.symbolics = cython.cast(cython.pointer[uint64_t], arena.array(self.blocks + 1, 8))
        self.file_relatives = cython.cast(cython.pointer[uint64_t], arena.array(files, 8))
        self.file_symbolics = cython.cast(cython.pointer[uint64_t], arena.array(files, 8))
        self.block = cython.cast(cython.pointer[uint32_t], arena.array(self.blocks + 1, 4))
        self.skip = cython.cast(cython.pointer[uint8_t], arena.array(parts, 1))
        for part in placed_elsewhere:
            self.skip[cython.cast(uint32_t, part)] = 1
        b: int64_t
        for b in range(self.blocks + 1):
            self.block[b] = cython.cast(uint32_t, min(b * BLOCK_FILES, files))
        cut_units(cython.address(self.units), arena, files, parts)
        context = cython.declare(Measure)
        fill_context(self, cython.address(context))
        pool.run(measure_blocks, cython.address(context), self.blocks, 1)
        sum_blocks(self)
        return [
            (self.view.part[p].size, self.view.part[p].align, self.view.part[p].flags) for p in range(parts)
        ]

    def largest(self, part: int):
        """Bytes of the largest section of a part."""
        found: uint64_t = 0
        b: int64_t
        for b in range(self.blocks):
            total = cython.address(self.sums[b * self.view.part_count + cython.cast(int64_t, part)])
            found = max(found, total.largest)
        return found

    def place_sorted(self, key: int):
        """Place the sections of one key of `SectionTable.part_keys` by the numbers in their names.

        Returns (size, log2 of the alignment)."""
        return place_by_number(self, cython.address(self.sections.keys[key]))

    def sort_listed(self, key: int):
        """Bring the sections of a part of a linker script, by key, into the order that the script asks for."""
        sort_listed(self, cython.address(self.sections.keys[key]))

    def place_listed(self, key: int, start: int):
        """Lay them out from address `start` on; returns (size, log2 of the alignment, SEC_* flags)."""
        return place_listed(self, cython.address(self.sections.keys[key]), start)

    def set_part(self, part: int, address: int, offset: int, size: int, shndx: int, fill: int):
        """The final place of a part: address, file offset, size in bytes, output section index, byte for gaps."""
        row = cython.address(self.view.part[cython.cast(uint32_t, part)])
        row.address = address
        row.offset = offset
        row.size = size
        row.shndx = shndx
        row.fill = fill

    def set_flags(self, part: int, flags: int, align: int, ordered: bool):
        """SEC_* flags of a part (SEC_NOBITS: no room in the file), and log2 of its alignment; not `ordered`: not in
        input order."""
        row = cython.address(self.view.part[cython.cast(uint32_t, part)])
        row.align = align
        row.flags = cython.cast(uint32_t, flags) | (0 if ordered else PART_SORTED)

    def part_indices(self):
        """Address of the output section indices (uint32) by PartId, for the passes over symbols."""
        indices = cython.cast(cython.pointer[uint32_t], self.inputs.arena.array(self.view.part_count, 4))
        p: int64_t
        for p in range(self.view.part_count):
            indices[p] = self.view.part[p].shndx
        return cython.cast(uint64_t, indices)

    def set_places(self, places):
        """Addresses by name: the fields of Image that are not tables (image.pxd)."""
        view = cython.address(self.view)
        view.got = places["got"]
        view.got_plt = places["got_plt"]
        view.plt = places["plt"]
        view.iplt = places["iplt"]
        view.plt_entry = places["plt_entry"]
        view.got_base = places["got_base"]
        view.eh_frame = places["eh_frame"]
        view.tls_start = places["tls_start"]
        view.tls_end = places["tls_end"]
        view.copies = places["copies"]
        view.relro_copies = places["relro_copies"]
        view.rela_relative = places["rela_relative"]
        view.rela_symbolic = places["rela_symbolic"]
        view.rela_plt = places["rela_plt"]
        view.slot_relative = self.section_relatives
        view.slot_symbolic = self.section_symbolics

    def place(self, pool: Pool):
        """Make the addresses of all sections and defined symbols final."""
        context = cython.declare(Measure)
        fill_context(self, cython.address(context))
        pool.run(place_blocks, cython.address(context), self.blocks, 1)
        self.place_folded()
        pool.run(place_symbols, cython.address(self.view), SHARDS, 1)

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def place_folded(self) -> cython.int:
        """Folded sections are where their leaders are."""
        rows = self.sections.view.row
        i: int64_t
        for i in range(self.sections.fold_count):
            sec = cython.address(rows[self.sections.folded[i]])
            sec.address = rows[sec.link].address
            sec.part = rows[sec.link].part
        return 0

    def symbol_address(self, name: int):
        """The final address of a name, by NameId."""
        return self.view.symbols[cython.cast(uint32_t, name)].value

    def symbol_place(self, name: int):
        """(part, offset in the part, is that known?) of a definition before `place`; part 0: an absolute value."""
        symbol = cython.address(self.view.symbols[cython.cast(uint32_t, name)])
        if symbol.section == 0:
            return 0, symbol.value, symbol.flags & (SYM_COMMON | SYM_SHARED_DEF) == 0
        sec = cython.address(self.view.sections.row[symbol.section])
        if sec.kind == SEC_OUT or not sec.flags & SEC_LIVE:
            return 0, 0, True
        if sec.kind == SEC_PLAIN:
            block: int64_t = symbol.file // BLOCK_FILES
            start: uint64_t = self.starts[block * self.view.part_count + sec.part]
            return sec.part, start + sec.address + symbol.value, True
        outside: cython.bint = False
        if sec.kind == SEC_EH_FRAME:
            return 0, 0, False
        at: uint64_t = place_in_section(
            cython.address(self.view), symbol.section, symbol.value, cython.address(outside)
        )
        return sec.part, at - self.view.part[sec.part].address, True

    def set_symbol(self, name: int, value: int):
        """Give a symbol of the linker's own its value; whether it moves with the image was said to the scan."""
        row = cython.address(self.view.symbols[cython.cast(uint32_t, name)])
        row.value = cython.cast(uint64_t, value & 0xFFFFFFFFFFFFFFFF)


@cython.cfunc
@cython.exceptval(check=False)
def fill_context(layout: Layout, context: cython.pointer[Measure]) -> cython.void:
    context.image = cython.address(layout.view)
    context.sums = layout.sums
    context.starts = layout.starts
    context.relatives = layout.relatives
    context.symbolics = layout.symbolics
    context.file_relatives = layout.file_relatives
    context.file_symbolics = layout.file_symbolics
    context.block = layout.block
    context.units = cython.address(layout.units)
    context.skip = layout.skip


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def measure_blocks(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Lay out each block as if it began at an aligned place."""
    state = cython.cast(cython.pointer[Measure], context)
    b: int64_t
    file: uint32_t
    for b in range(begin, end):
        sums = state.sums + b * state.image.part_count
        for file in range(state.block[b], state.block[b + 1]):
            note_unit(state.units, file, sums, state.relatives[b])
            state.file_relatives[file] = state.relatives[b]
            state.file_symbolics[file] = state.symbolics[b]
            if state.image.files.row[file].sec_base:
                measure_file(state, file, b, sums)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def measure_file(
    state: cython.pointer[Measure], file: uint32_t, b: int64_t, sums: cython.pointer[PartSum]
) -> cython.void:
    row = cython.address(state.image.files.row[file])
    k: uint32_t
    for k in range(1, row.shnum):
        sec = cython.address(state.image.sections.row[row.sec_base + k])
        if sec.kind != SEC_PLAIN or not sec.flags & SEC_LIVE or sec.part == 0:
            continue
        if not state.skip[sec.part]:
            total = cython.address(sums[sec.part])
            sec.address = align_up(total.size, cython.cast(uint64_t, 1) << sec.align)
            total.size = sec.address + sec.size
            total.align = max(total.align, sec.align)
            total.largest = max(total.largest, sec.size)
            total.flags |= sec.flags if sec.flags & SEC_NOBITS else sec.flags | HAS_BYTES
        number_dynamic(state, b, sec)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def number_dynamic(
    state: cython.pointer[Measure], b: int64_t, sec: cython.pointer[SectionRow]
) -> cython.void:
    """Counts of dynamic relocations become the numbers of the first ones, within the block."""
    count: uint32_t = sec.relatives
    if count or sec.symbolics:
        sec.relatives = cython.cast(uint32_t, state.relatives[b])
        state.relatives[b] += count
        count = sec.symbolics
        sec.symbolics = cython.cast(uint32_t, state.symbolics[b])
        state.symbolics[b] += count


@cython.cfunc
def sum_blocks(layout: Layout):
    """Where each block begins in each part, and what the parts come to."""
    p: int64_t
    b: int64_t
    parts: int64_t = layout.view.part_count
    for p in range(1, parts):
        part = cython.address(layout.view.part[p])
        at: uint64_t = 0
        flags: uint32_t = 0
        for b in range(layout.blocks):
            total = cython.address(layout.sums[b * parts + p])
            if total.flags:
                at = align_up(at, cython.cast(uint64_t, 1) << total.align)
                part.align = max(part.align, total.align)
                flags |= total.flags
            layout.starts[b * parts + p] = at
            at += total.size
        layout.starts[layout.blocks * parts + p] = at
        # A block's last gap reaches to where the next block begins.
        part.size = at
        part.flags = flags & ~HAS_BYTES if not flags & HAS_BYTES else flags & ~(HAS_BYTES | SEC_NOBITS)
    relatives: uint64_t = 0
    symbolics: uint64_t = 0
    count: uint64_t
    for b in range(layout.blocks):
        count = layout.relatives[b]
        layout.relatives[b] = relatives
        relatives += count
        count = layout.symbolics[b]
        layout.symbolics[b] = symbolics
        symbolics += count
    layout.relatives[layout.blocks] = relatives
    layout.section_relatives = relatives
    layout.section_symbolics = symbolics
    place_units(cython.address(layout.units), layout.starts, layout.relatives)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def place_blocks(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Add the starts of parts and blocks."""
    state = cython.cast(cython.pointer[Measure], context)
    image = state.image
    b: int64_t
    file: uint32_t
    k: uint32_t
    for b in range(begin, end):
        starts = state.starts + b * image.part_count
        for file in range(state.block[b], state.block[b + 1]):
            row = cython.address(image.files.row[file])
            if row.sec_base == 0:
                continue
            for k in range(1, row.shnum):
                sec = cython.address(image.sections.row[row.sec_base + k])
                if sec.kind == SEC_PLAIN and sec.flags & SEC_LIVE and sec.part:
                    sec.address += image.part[sec.part].address + starts[sec.part]
                    sec.relatives += cython.cast(uint32_t, state.relatives[b])
                    sec.symbolics += cython.cast(uint32_t, state.symbolics[b])
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def place_symbols(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    """Values of the names of some shards: st_value becomes an address."""
    image = cython.cast(cython.pointer[Image], context)
    s: int64_t
    n: uint32_t
    outside: cython.bint = False
    for s in range(begin, end):
        for n in range(image.names.start[s], image.names.start[s] + image.names.count[s]):
            symbol = cython.address(image.symbols[n])
            if symbol.section:
                symbol.value = place_in_section(image, symbol.section, symbol.value, cython.address(outside))
            elif symbol.flags & SYM_SHARED_DEF:
                symbol.value = 0
            if symbol.aux:
                place_slot_symbol(image, symbol)
    return 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def place_slot_symbol(image: cython.pointer[Image], symbol: cython.pointer[SymbolRow]) -> cython.void:
    """Copies and canonical PLT entries are the addresses of their symbols."""
    aux = cython.address(image.slots.row[symbol.aux])
    if symbol.flags & NEEDS_COPY:
        symbol.value = (image.relro_copies if aux.flags & AUX_COPY_RELRO else image.copies) + aux.copy
    elif symbol.flags & NEEDS_CANONICAL:
        symbol.value = plt_address(image, aux)
