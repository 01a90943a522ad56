"""The output sections of a layout script: its statements with the parts that input statements became, then orphans.

Sections that the linker makes itself (`.got`, `.dynsym` …) are matched against the script's patterns like input
sections, as GNU ld does; each becomes a piece of the output section where it is matched, or an orphan.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

from wild import elf
from wild.compose import Composition
from wild.errors import LinkError
from wild.kernels.common_areas import split_commons
from wild.output_sections import (
    SEC_ALLOC,
    SEC_NOBITS,
    OutputSection,
    keeps_type,
    section_flags,
)
from wild.scripted.orphans import place_orphans
from wild.scripted.parts import ANY_FILE, DISCARD, Group, ScriptedParts
from wild.scripted.sections import Piece, ScriptedSection
from wild.scripted.tree import Assignment, Data, Input, Output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.expression import Node
    from wild.headers import NameTable
    from wild.kernels.measure import Layout
    from wild.kernels.merge import MergeTable
    from wild.kernels.names import NameTable as Names
    from wild.kernels.resolve import Resolution
    from wild.kernels.sections import SectionTable
    from wild.layout import Placement
    from wild.options import Options
    from wild.scripted.tree import FilePattern, SectionPattern

# Names by which a script may place what has another name here, because GNU ld calls it so.
# GNU ld holds dynamic relocations apart by the section that they change, until a script puts them together.
ALIASES = {
    ".bss.rel.ro": (".data.rel.ro",),
    ".rela.dyn": (".rela.got", ".rela.data", ".rela.data.rel.ro", ".rela.rodata", ".rela.bss"),
    ".rela.plt": (".rela.iplt",),
    ".plt": (".iplt",),
}
COMMON_NAMES = ("COMMON", "LARGE_COMMON", ".tcommon")  # in the order of kernels/common_areas.py
UNPLACED = frozenset((".symtab", ".symtab_shndx", ".strtab", ".shstrtab"))
# What the output works without, and a script may discard.
OPTIONAL = frozenset(
    (
        ".comment",
        ".eh_frame",
        ".eh_frame_hdr",
        ".interp",
        ".note.gnu.build-id",
        ".note.gnu.property",
        ".note.package",
    )
)


class ScriptedComposition(Composition):
    """Output sections in the order of the script."""

    parts: ScriptedParts

    def __init__(self, options: Options, parts: ScriptedParts) -> None:
        super().__init__(options, parts)
        self.script = parts.script
        self.group_parts: dict[int, list[int]] = {}  # number of a group -> its parts
        self.orphan_parts: dict[tuple[str, bool], list[int]] = {}
        self.key_of: dict[int, int] = {}
        self.order: list[ScriptedSection | object] = []  # sections, and the statements between them
        self.discarded: set[str] = set()
        self.common_inputs: list[Input] = []  # statements about common symbols of some files

    def assign_keys(self, sections: SectionTable, merged: MergeTable) -> None:
        super().assign_keys(sections, merged)
        for index, (key, part) in enumerate(zip(self.keys, self.key_parts, strict=True)):
            self.key_of[part] = index
            if key[0] >= 0:
                self.group_parts.setdefault(key[0], []).append(part)
            else:
                name = key[1].decode("utf-8", "surrogateescape")
                self.orphan_parts.setdefault((name, not self.parts.unloaded[part]), []).append(part)
        for parts in self.group_parts.values():
            parts.sort(key=self.merged.__contains__)  # merged pieces stand behind the sections

    def measure_sorted(self, layout: Layout, index: int) -> tuple[int, int, int]:
        layout.sort_listed(index)
        return layout.place_listed(index, 0)

    def part_ranks(self) -> list[int]:
        """By PartId: the place of its statement in the script; what no statement is about comes behind."""
        ranks = list(range(len(self.parts.groups), len(self.parts.groups) + len(self.parts)))
        for number, parts in self.group_parts.items():
            for part in parts:
                ranks[part] = number
        return ranks

    def common_kinds(self, layout: Layout) -> list[tuple[str, int]]:
        """A script can place the common symbols of some files alone."""
        kinds = super().common_kinds(layout)
        found = self.own_commons()
        if found:
            split_commons(layout, [(area, group.input.files, excluded) for area, excluded, group in found])
        self.common_inputs = [group.input for *_, group in found]
        return kinds + [(group.output.name, kinds[area][1]) for area, _, group in found]

    def own_commons(self) -> list[tuple[int, tuple[FilePattern, ...], Group]]:
        """(area that they would be in, excluded files, statement) of the statements about common symbols of some
        files; the first one about those of any file takes all that are left."""
        found = []
        for area, name in enumerate(COMMON_NAMES):
            for group, pattern in self.common_patterns(name):
                excluded = group.input.excluded + pattern.excluded
                if (group.input.files, excluded) == ANY_FILE:
                    break
                found.append((area, excluded, group))
        return found

    def common_patterns(self, name: str) -> list[tuple[Group, SectionPattern]]:
        """The patterns that fit common symbols of one kind, in the order of the script."""
        return [
            (group, pattern)
            for group in self.parts.groups
            for pattern in group.patterns
            if group.output.name != DISCARD
            and not group.input.having & ~(elf.SHF_ALLOC | elf.SHF_WRITE)
            and not group.input.lacking & (elf.SHF_ALLOC | elf.SHF_WRITE)
            and fnmatchcase(name, pattern.name.decode("utf-8", "surrogateescape"))
        ]

    def common_place(self, name: str) -> Input | None:
        """The statement about common symbols of any file."""
        for group, pattern in self.common_patterns(name):
            if (group.input.files, group.input.excluded + pattern.excluded) == ANY_FILE:
                return group.input
        return None

    def fill_sections(self) -> None:
        """Make a section of each statement and each orphan."""
        groups: dict[int, list[tuple[int, Group]]] = {}
        for number, group in enumerate(self.parts.groups):
            groups.setdefault(id(group.input), []).append((number, group))
        self.placed_commons = [*map(self.common_place, COMMON_NAMES), *self.common_inputs]
        self.placed_copies = self.find_place(".dynbss", elf.SHF_WRITE)
        for statement in self.script.statements:
            if not isinstance(statement, Output):
                self.order.append(statement)
            elif statement.name != DISCARD:
                section = ScriptedSection(statement.name, statement)
                for each in statement.statements:
                    if isinstance(each, Input):
                        self.add_input(section, each, groups)
                    else:
                        section.items.append(each)
                self.enter(section)
        self.join_constrained()
        for (name, loaded), parts in self.orphan_parts.items():
            section = self.named(name, loaded)
            section.items += [piece for part in parts if (piece := self.piece(part)) is not None]
            self.settle_section(section)
        self.add_zeros()

    def add_zeros(self) -> None:
        """Common symbols and copies of variables that no statement places go to the end of .bss and its like."""
        for part, place in zip(
            (*self.commons, self.copies), (*self.placed_commons, self.placed_copies), strict=True
        ):
            if place is None and (piece := self.piece(part)) is not None:
                section = self.named(self.parts.section[part], True)
                section.items.append(piece)
                self.settle_section(section)

    def enter(self, section: ScriptedSection) -> None:
        self.order.append(section)
        self.settle_section(section)
        key = (section.name, bool(section.flags & elf.SHF_ALLOC) or not section.pieces())
        known = self.sections.get(key)
        if known is None or not known.parts:
            self.sections[key] = section

    def add_input(
        self, section: ScriptedSection, statement: Input, groups: dict[int, list[tuple[int, Group]]]
    ) -> None:
        """The pieces that an input statement became; an anchor for what is matched later."""
        for number, _ in groups.get(id(statement), []):
            section.items += [
                piece for part in self.group_parts.get(number, []) if (piece := self.piece(part)) is not None
            ]
        for part, place in zip(
            (*self.commons, self.copies), (*self.placed_commons, self.placed_copies), strict=True
        ):
            if place is statement and (piece := self.piece(part)) is not None:
                section.items.append(piece)
        section.items.append(statement)

    def piece(self, part: int) -> Piece | None:
        """A part as a piece, None if nothing is in it."""
        size, align, flags = self.measured[part]
        if not flags or (part in self.merged and not size):
            return None
        found = Piece(part, self.key_of.get(part, -1) if part in self.sorted else -1, None)
        found.size, found.align, found.flags = size, 1 << align, section_flags(flags)
        found.nobits = bool(flags & SEC_NOBITS)
        return found

    def join_constrained(self) -> None:
        """ONLY_IF_RO holds if all sections are read-only: if some are not, all go to the statement with ONLY_IF_RW."""
        for section in self.order:
            if not isinstance(section, ScriptedSection) or section.output is None:
                continue
            if section.output.constraint == "ONLY_IF_RW" and section.pieces():
                for other in self.order:
                    if (
                        isinstance(other, ScriptedSection)
                        and other.output
                        and is_twin(other.output, section.output)
                    ):
                        section.items[:0] = other.pieces()
                        other.items = [item for item in other.items if not isinstance(item, Piece)]
                        self.settle_section(other)
                        self.settle_section(section)
                        self.sections[section.name, True] = section

    def named(self, name: str, loaded: bool) -> ScriptedSection:
        """The section of an orphan: one of the script with that name, or a new one."""
        found = self.sections.get((name, loaded))
        if isinstance(found, ScriptedSection):
            return found
        for section in self.order:
            if isinstance(section, ScriptedSection) and section.name == name and not section.pieces():
                self.sections[name, loaded] = section
                return section
        section = ScriptedSection(name, None)
        self.sections[name, loaded] = section
        self.order.append(section)
        return section

    def find_place(self, name: str, flags: int) -> Input | None:
        """The first input statement of the script that fits a name, for a section of any file."""
        for group in self.parts.groups:
            if (
                (group.input.files, ()) != ANY_FILE
                or (group.output.floating and group.output.name == DISCARD)
                or group.input.having & ~flags
                or group.input.lacking & flags
            ):
                continue
            constraint = group.output.constraint
            if constraint and (constraint == "ONLY_IF_RW") != bool(flags & elf.SHF_WRITE):
                continue
            for pattern in group.patterns:
                if fnmatchcase(name, pattern.name.decode("utf-8", "surrogateescape")):
                    if group.output.name == DISCARD:
                        self.discarded.add(name)
                    return group.input
        return None

    # --- once everything has a size
    # ------------------------------------------------------------------------------

    def place_made(self) -> list[OutputSection]:
        """Put what the linker makes into the sections of the script; returns what is not loaded."""
        unplaced = []
        for name, made in sorted(self.made.items(), key=lambda pair: pair[0] in UNPLACED):
            if name in UNPLACED:
                unplaced.append(made)
                continue
            if not made.size:
                continue
            statement = self.find_made(made)
            if name in self.discarded:
                if name not in OPTIONAL:
                    raise LinkError(
                        f"{name}: the script discards this section, but the output cannot work without it"
                    )
                continue
            self.insert_made(made, statement)
        return unplaced

    def find_made(self, made: OutputSection) -> Input | None:
        names = [made.name, *ALIASES.get(made.name, ())]
        if made.name == ".rela.plt" and made.link is None:
            names.reverse()  # no jump slots, but relocations of ifuncs, whose ends the start code looks for
        for name in names:
            statement = self.find_place(name, made.flags)
            if statement is not None:
                return statement
        return None

    def insert_made(self, made: OutputSection, statement: Input | None) -> None:
        piece = Piece(0, -1, made)
        piece.size, piece.align, piece.flags, piece.nobits = made.size, made.align, made.flags, made.nobits
        if statement is not None:
            for section in self.order:
                if isinstance(section, ScriptedSection) and statement in section.items:
                    section.items.insert(section.items.index(statement), piece)
                    self.settle_section(section)
                    return
        section = self.named(made.name, bool(made.flags & elf.SHF_ALLOC))
        section.items.append(piece)
        self.settle_section(section)

    def settle_section(self, section: ScriptedSection) -> None:
        """Flags, type and alignment from what is in the section."""
        pieces = section.pieces()
        section.parts = [piece.part for piece in pieces if piece.part]
        section.flags = 0
        section.align = 1
        for piece in pieces:
            section.flags |= piece.flags & (
                elf.SHF_ALLOC | elf.SHF_WRITE | elf.SHF_EXECINSTR | elf.SHF_TLS | elf.SHF_X86_64_LARGE
            )
            section.align = max(section.align, piece.align)
        section.size = sum(piece.size for piece in pieces)  # until it is laid out
        has_data = any(isinstance(item, Data) for item in section.items)
        section.forced = has_data or any(moves_dot(item) for item in section.items)
        section.kept = section.forced or any(piece.size for piece in pieces)
        if section.forced and not pieces:
            section.flags = elf.SHF_ALLOC | (0 if section.begins_with_data() else elf.SHF_WRITE)
        self.settle_type(section, pieces, has_data)
        self.apply_type(section)

    def settle_type(self, section: ScriptedSection, pieces: list[Piece], has_data: bool) -> None:
        filled = [piece for piece in pieces if piece.size]
        section.entsize, section.link, section.info = 0, None, 0
        if len(filled) == 1 and filled[0].made is not None:
            made = filled[0].made
            section.type, section.entsize, section.link, section.info = (
                made.type,
                made.entsize,
                made.link,
                made.info,
            )
            section.flags |= made.flags
        elif not has_data and all(piece.nobits for piece in pieces):
            section.type = elf.SHT_NOBITS
        else:
            section.type = self.type_of(section.name, SEC_ALLOC)
            types = {self.keys[self.key_of[piece.part]][9] for piece in filled if piece.part in self.key_of}
            if section.type == elf.SHT_PROGBITS and len(types) == 1 and not has_data:
                type = types.pop()
                section.type = type if keeps_type(type) else elf.SHT_PROGBITS
        self.mark_merged(section)

    @staticmethod
    def apply_type(section: ScriptedSection) -> None:
        """(NOLOAD) and its like."""
        output = section.output
        if output is None or not output.type:
            return
        if output.type == "NOLOAD":
            section.type = elf.SHT_NOBITS
        elif output.type in ("COPY", "INFO", "OVERLAY", "DSECT"):
            section.unloaded = bool(section.flags & elf.SHF_ALLOC)
            section.flags &= ~elf.SHF_ALLOC
        elif output.type == "READONLY":
            section.flags &= ~elf.SHF_WRITE
        if output.type_value is not None:
            section.type = constant(output.type_value)

    def ordered(self) -> list[OutputSection]:
        """All sections in the order of the output, numbered."""
        unplaced = self.place_made()
        self.order = place_orphans(self.order, self.options)
        found: list[OutputSection] = [
            each for each in self.order if isinstance(each, ScriptedSection) and each.kept
        ]
        loaded = [section for section in found if section.flags & elf.SHF_ALLOC]
        sections = loaded + [section for section in found if not section.flags & elf.SHF_ALLOC] + unplaced
        for index, section in enumerate(sections, 1):
            section.shndx = index
        self.keep_links(sections)
        for section in found:
            for piece in section.pieces():  # type: ignore[attr-defined]
                if piece.made is not None:
                    piece.made.shndx = section.shndx
        return sections

    def placement(
        self,
        sections: list[OutputSection],
        section_names: NameTable,
        base: int,
        page: int,
        executable_stack: bool,
        link: tuple[Layout, Names, Resolution],
    ) -> Placement:
        from wild.scripted.placement import ScriptedPlacement

        return ScriptedPlacement(sections, section_names, self.options, page, executable_stack, self, *link)

    def place_parts(self, layout: Layout, sections: list[OutputSection]) -> None:
        """Tell the kernels where every part is; parts of sections that are left out are empty."""
        shndx = 1
        for section in self.order:
            if not isinstance(section, ScriptedSection):
                continue
            shndx = section.shndx = section.shndx if section.kept else shndx
            for piece in section.pieces():
                if not piece.part:
                    continue
                _, align, flags = self.measured[piece.part]
                flags = flags | SEC_NOBITS if section.nobits else flags & ~SEC_NOBITS
                offset = section.offset + piece.address - section.address
                layout.set_part(piece.part, piece.address, offset, piece.size, shndx, 0)
                layout.set_flags(piece.part, flags, align, piece.part not in self.sorted)
                self.part_places[piece.part] = piece.address
                self.part_offsets[piece.part] = offset


def is_twin(other: Output, output: Output) -> bool:
    """Has the one statement ONLY_IF_RO what the other has ONLY_IF_RW, and do both match the same inputs?"""
    if (other.constraint, output.constraint) != ("ONLY_IF_RO", "ONLY_IF_RW") or other.name != output.name:
        return False
    return patterns_of(other) == patterns_of(output)


def patterns_of(output: Output) -> list[tuple[object, list[bytes]]]:
    """Which files and sections the statements match."""
    return [
        (statement.files, [pattern.name for pattern in statement.sections])
        for statement in output.statements
        if isinstance(statement, Input)
    ]


def constant(node: Node) -> int:
    from wild.expression import evaluate

    return evaluate(node, lambda name: None)


def moves_dot(item: object) -> bool:
    """Does the statement make GNU ld create an empty section (manual, "Output Section Discarding")?"""
    if not isinstance(item, Assignment) or item.name != ".":
        return False
    node = item.value
    while node[0] == "place":
        node = node[2]
    if node == ("number", 0):
        return False
    if node[0] == "binary" and node[1] == "+" and node[2] == ("symbol", "."):
        return bool(node[3] != ("number", 0))
    if node[0] == "call" and node[1] == "ALIGN" and len(node[2]) == 1 and node[2][0][0] == "conditional":
        return bool(node[2][0][1] != ("binary", "!=", ("symbol", "."), ("number", 0)))
    return True
