"""The sections of the output: parts grouped under their names, and the sections that the linker makes itself.

Everything here has a size before anything has an address, so the layout is one pass.  A section of the linker's own
making is an `OutputSection` without parts whose size comes from the pass that will write it.
"""

from __future__ import annotations

from wild import VERSION, elf
from wild.errors import LinkError
from wild.kernels.common_areas import common_areas
from wild.kernels.link_order import linked_parts, sort_linked
from wild.layout import Placement
from wild.output_sections import (
    ARRAY_TYPES,
    DATA,
    RELRO,
    SEC_ALLOC,
    SEC_LARGE,
    SEC_LINKED,
    SEC_NOBITS,
    SEC_TLS,
    SEC_WRITE,
    TYPES,
    OutputSection,
    Parts,
    keeps_type,
    section_flags,
)
from wild.segments import cut_runs, fill_holes, is_tbss, rank_of_kind, uses_relro

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from wild.headers import NameTable
    from wild.incremental.room import Room
    from wild.kernels.measure import Layout
    from wild.kernels.merge import MergeTable
    from wild.kernels.names import NameTable as Names
    from wild.kernels.ordering import Ordering
    from wild.kernels.pool import Pool
    from wild.kernels.resolve import Resolution
    from wild.kernels.sections import SectionTable
    from wild.kernels.slots import Slots
    from wild.options import Options

PLAIN, STRINGS, CONSTANTS = 1, 2, 3  # kinds of part keys (kernels/tables.pxd SEC_*)
BSS_FLAGS = SEC_ALLOC | SEC_WRITE | SEC_NOBITS
# Where common symbols go, in the order of kernels/common_areas.py: small, large and thread-local ones.
COMMON_SECTIONS = {".bss": 0, ".lbss": SEC_LARGE, ".tbss": SEC_TLS}
# The dynamic linker runs these functions for programs only (gABI, "Initialization and Termination Functions").
NO_PREINIT = (
    ".preinit_array: a shared object cannot have functions that run before all others; "
    "make them constructors (.init_array), or link them into the program"
)
COMMENT = f"Linker: Wild {VERSION}"


def compose(options: Options, parts: Parts) -> Composition:
    """What the output consists of, by GNU ld's default rules or by a linker script."""
    if parts.scripted:
        from wild.scripted.composition import ScriptedComposition

        return ScriptedComposition(options, parts)  # type: ignore[arg-type]
    return Composition(options, parts)


class Composition:
    """Output sections by name, and what is known of every part: (size, log2 of the alignment, SEC_* flags)."""

    def __init__(self, options: Options, parts: Parts) -> None:
        self.options = options
        self.parts = parts
        self.sections: dict[
            tuple[str, bool], OutputSection
        ] = {}  # of parts, by name and whether they are loaded
        self.made: dict[str, OutputSection] = {}  # by the linker itself
        self.linked: dict[int, int] = {}  # PartId -> that of what its sections are linked to
        self.merged: dict[int, int] = {}  # PartId -> group of the merge table
        self.sorted: dict[int, int] = {}  # PartId -> number of its key
        self.by_link: dict[int, int] = {}  # those of them whose order SHF_LINK_ORDER decides
        self.orders: dict[int, Ordering] = {}  # PartId -> the order that an option asks for
        self.measured: list[tuple[int, int, int]] = []
        self.merge_kinds: dict[int, tuple[int, bool]] = {}  # PartId -> entry size, are they strings?
        self.empty: list[tuple[OutputSection, OutputSection]] = []  # and the section before each
        self.orphan_types: dict[
            str, int
        ] = {}  # sh_type that all orphans of a name have, if it is of interest
        self.part_places: dict[int, int] = {}
        self.part_offsets: dict[int, int] = {}
        self.room: Room | None = None
        if options.incremental:
            from wild.incremental.room import Room

            self.room = Room(options.incremental_growth, options.kind == "shared")
        self.abbreviations = 0  # offset in .debug_abbrev of those that fillers use
        self.used: dict[int, int] = {}  # PartId -> bytes that are not room, where there is room
        self.array_rooms: dict[int, int] = {}  # PartId of a list of functions -> bytes behind its section

    def assign_keys(self, sections: SectionTable, merged: MergeTable) -> None:
        """Give every kind of unusual section a part; merged ones become groups of the merge table."""
        comment = COMMENT.encode() if self.options.identity_comment else b""
        numbers: list[int] = []
        first = 0
        commented = False
        self.keys = sections.part_keys()
        self.key_parts = numbers
        for index, (rule, name, kind, entsize, _, align, flags, is_sorted, count, type) in enumerate(
            self.keys
        ):
            loaded = bool(flags & 2)
            if rule >= 0:
                section, rank = self.parts.table[rule][2], 1 + self.parts.table[rule][3]
                if section == ".preinit_array" and self.options.kind == "shared":
                    raise LinkError(NO_PREINIT)
            else:
                section, rank = name.decode("utf-8", "surrogateescape"), 0
                if not keeps_type(type) or self.orphan_types.setdefault(section, type) != type:
                    self.orphan_types[section] = elf.SHT_PROGBITS
            part = self.parts.add(section, rank, not loaded)
            numbers.append(part)
            merges = kind in (STRINGS, CONSTANTS)
            if merges and not self.options.string_merge:
                sections.unmerge(index)
                merges = False
            if merges:
                extra = b""
                if section == ".comment" and kind == STRINGS and entsize == 1 and comment and not commented:
                    extra, commented = comment + b"\0", True
                self.merged[part] = merged.add_group(
                    entsize, kind == STRINGS, align.bit_length() - 1, first, count, extra
                )
                self.merge_kinds[part] = (entsize, kind == STRINGS)
            elif is_sorted:
                self.sorted[part] = index
            if flags & SEC_LINKED and kind == PLAIN and (self.parts.scripted or not is_sorted):
                self.by_link[part] = index
            first += count
        sections.assign_parts(numbers)
        if self.options.incremental:
            self.by_link.clear()  # what updates bring in stands where there is room
        self.sorted.update(self.by_link)
        self.gnu_extensions = sections.has_gnu_extensions()
        self.comment = comment + b"\0" if comment and not commented else b""
        if self.comment:
            self.add(".comment", elf.SHT_PROGBITS, 0, len(self.comment)).entsize = 1

    def section(self, name: str, loaded: bool) -> OutputSection:
        """The output section of that name, made when first asked for."""
        found = self.sections.get((name, loaded))
        if found is None:
            found = self.sections[name, loaded] = OutputSection(name)
        return found

    def add(
        self, name: str, type: int, flags: int, size: int, align: int = 1, entsize: int = 0
    ) -> OutputSection:
        """A section of the linker's own making."""
        section = self.made.setdefault(name, OutputSection(name))
        section.made = True
        section.type, section.flags, section.entsize = type, flags, entsize
        section.size, section.align = size, align
        return section

    def measure(self, pool: Pool, layout: Layout, merged: MergeTable, slots: Slots) -> None:
        """Sizes of all parts: runs of sections, merged and sorted ones, common symbols, copied variables."""
        kinds = self.common_kinds(layout)
        self.commons = [self.parts.add(name, 10) for name, _ in kinds]
        self.copies = self.parts.add(".bss", 11)
        if self.room is not None:
            self.room.add_parts(self.parts)
        self.measured = layout.measure(pool, len(self.parts), [*self.sorted, *self.orders])
        self.linked = linked_parts(layout)
        for part, ordering in self.orders.items():
            self.measured[part] = ordering.place(part)
        for index, part in enumerate(self.key_parts):
            align, flags = self.keys[index][5].bit_length() - 1, self.keys[index][6]
            if part in self.merged:
                self.measured[part] = (merged.group_size(self.merged[part]), align, flags)
            elif part in self.sorted and (part not in self.by_link or self.parts.scripted):
                self.measured[part] = self.measure_sorted(layout, index)
        if self.by_link:
            self.order_by_link(layout)
        zeros = [
            (part, area, flags)
            for part, area, (_, flags) in zip(
                self.commons, common_areas(layout, len(kinds)), kinds, strict=True
            )
        ]
        for part, (size, align), flags in (*zeros, (self.copies, slots.copies[0], 0)):
            self.measured[part] = (size, align.bit_length() - 1, BSS_FLAGS | flags if size else 0)
        if self.room is not None:
            self.add_room(self.room, layout)
        self.fill_sections()
        if self.room is not None:
            self.room.give_arrays(self)

    def common_kinds(self, layout: Layout) -> list[tuple[str, int]]:
        """The output section and the flags of each area of common symbols (kernels/common_areas.py)."""
        return list(COMMON_SECTIONS.items())

    def measure_sorted(self, layout: Layout, index: int) -> tuple[int, int, int]:
        """(size, log2 of the alignment, SEC_* flags) of a part whose sections are placed one by one."""
        size, align = layout.place_sorted(index)
        return size, align, self.keys[index][6]

    def order_by_link(self, layout: Layout) -> None:
        """Lay out the parts of sections that stand in the order of those that they are about."""
        ranks = self.part_ranks()
        for part, index in self.by_link.items():
            sort_linked(layout, index, ranks)
            self.measured[part] = layout.place_listed(index, 0)

    def part_ranks(self) -> list[int]:
        """By PartId: its place in the output, as far as sections from inputs go."""
        self.fill_sections()
        ranks = [0] * len(self.parts)
        parts = [part for section in self.arranged(list(self.sections.values())) for part in section.parts]
        for rank, part in enumerate(parts, 1):
            ranks[part] = rank
        self.sections.clear()
        return ranks

    def add_room(self, room: Room, layout: Layout) -> None:
        """Make parts larger than they need to be, for incremental links."""
        room.reserve(self.parts, self.measured)
        for part, (size, align, flags) in enumerate(self.measured):
            more = (
                0
                if part in self.sorted
                else room.of_part(part, self.parts.section[part], flags, size, layout.largest(part))
            )
            self.used[part] = size
            self.measured[part] = (size + more, align, flags)

    def fill_sections(self) -> None:
        """Put the parts into their sections: sizes, alignments, flags and types."""
        order = sorted(range(1, len(self.parts)), key=self.parts.rank.__getitem__)
        for part in order:
            size, align, flags = self.measured[part]
            if not flags or (part in self.merged and not size):
                continue
            section = self.section(self.parts.section[part], not self.parts.unloaded[part])
            if not section.parts:
                section.type = self.type_of(section.name, flags)
            elif section.type == elf.SHT_NOBITS and not flags & SEC_NOBITS:
                section.type = elf.SHT_PROGBITS
            section.flags |= section_flags(flags)
            section.align = max(section.align, 1 << align)
            section.parts.append(part)
            section.size += -section.size % (1 << align) + size

    def type_of(self, name: str, flags: int) -> int:
        """The section type: by name where loaders ask for it, else that of the inputs if they agree."""
        if flags & SEC_NOBITS:
            return elf.SHT_NOBITS
        if name.startswith(".note"):
            return elf.SHT_NOTE
        return TYPES.get(name) or self.orphan_types.get(name, elf.SHT_PROGBITS)

    def section_count(self) -> int:
        """How many sections the output has now, section 0 among them."""
        return 1 + sum(section.size > 0 for section in (*self.sections.values(), *self.made.values()))

    def ordered(self) -> list[OutputSection]:
        """All sections in the order of the output, numbered.

        Empty ones are left out, but symbols may stand in them: they get the place behind the section before them."""
        found = [*self.sections.values(), *self.made.values()]
        kept = self.arranged([section for section in found if section.size or section.parts])
        for section in kept:
            self.mark_merged(section)
        found = [section for section in kept if section.size]
        for run in cut_runs(found, self.options):
            fill_holes(run)
        for index, section in enumerate(found, 1):
            section.shndx = index
        self.keep_links(found)
        before: OutputSection | None = None
        for section in kept:
            if section.size:
                before = section
            else:
                self.empty.append((section, before or found[0]))
        return found

    def arranged(self, kept: list[OutputSection]) -> list[OutputSection]:
        """Sections in the order of their kinds of memory and their places there."""
        relro = uses_relro(self.options)
        for section in kept:
            section.settle(relro)
            if section.made and section.name == ".got.plt" and relro and self.options.z_now:
                section.kind, section.place = RELRO, 12
            if self.options.omagic and section.name == ".text":
                section.flags |= elf.SHF_WRITE
        if all(is_tbss(section) for section in kept if section.kind == RELRO):
            for section in kept:
                section.kind = DATA if section.kind == RELRO else section.kind
        return sorted(
            kept, key=lambda section: (rank_of_kind(section.kind, self.options), *section.sort_key())
        )

    def keep_links(self, sections: Sequence[OutputSection]) -> None:
        """SHF_LINK_ORDER and sh_link, of sections whose inputs all are linked to others."""
        if not self.linked:
            return
        homes = {part: section for section in sections for part in section.parts}
        for section in sections:
            targets = [homes.get(self.linked.get(part, 0)) for part in section.parts]
            if targets and targets[0] is not None and None not in targets:
                section.flags |= elf.SHF_LINK_ORDER
                section.link = targets[0].name

    def mark_merged(self, section: OutputSection) -> None:
        """sh_entsize, of lists of functions too; SHF_MERGE, if all in the section is of one kind of merged pieces."""
        if not section.parts:
            return
        kinds = {self.merge_kinds.get(part, (0, False)) for part in section.parts}
        entsize, strings = kinds.pop() if len(kinds) == 1 else (0, False)
        section.entsize = entsize
        if entsize:
            section.flags |= elf.SHF_MERGE | (elf.SHF_STRINGS if strings else 0)
        if section.type in ARRAY_TYPES:
            section.entsize = 8

    def part_address(self, part: int) -> int:
        """Where a part begins; 0 if it is empty."""
        return self.part_places.get(part, 0)

    def placement(
        self,
        sections: list[OutputSection],
        section_names: NameTable,
        base: int,
        page: int,
        executable_stack: bool,
        link: tuple[Layout, Names, Resolution],
    ) -> Placement:
        """The layout of these sections, yet to be made; a script's needs what its symbols stand for."""
        return Placement(sections, section_names, self.options, base, page, executable_stack)

    def place_parts(self, layout: Layout, sections: list[OutputSection]) -> None:
        """Tell the kernels where every part is."""
        for section, before in self.empty:
            section.address, section.shndx = before.address + before.size, before.shndx
            section.offset = before.offset
        for section in (*sections, *(section for section, _ in self.empty)):
            at = 0
            fill = 0xCC if section.flags & elf.SHF_EXECINSTR else 0
            for part in section.parts:
                size, align, flags = self.measured[part]
                at += -at % (1 << align)
                flags = flags | SEC_NOBITS if section.nobits else flags & ~SEC_NOBITS
                layout.set_part(part, section.address + at, section.offset + at, size, section.shndx, fill)
                layout.set_flags(part, flags, align, part not in self.sorted and part not in self.orders)
                self.part_places[part] = section.address + at
                self.part_offsets[part] = section.offset + at
                at += size
