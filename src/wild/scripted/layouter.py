"""Going through a layout script: every statement in order, with the location counter, until nothing changes.

What a statement does may depend on what comes later: a symbol, ADDR or SIZEOF of a section further down, the number of
program headers.  So the script is gone through again and again, each time with the values that the last time found,
until they are the same twice; undefined names, assertions and full regions are errors in the last round only.  That
is what GNU ld does, and its manual describes the statements (chapters "SECTIONS", "MEMORY", "Location Counter").
"""

from __future__ import annotations

from wild import elf
from wild.errors import LinkError
from wild.kernels.common_areas import common_place
from wild.script import PROVIDE
from wild.scripted.regions import Regions, Space
from wild.scripted.sections import Piece, ScriptedSection
from wild.scripted.tree import Assertion, Assignment, Data, Fill
from wild.scripted.values import ABSOLUTE, MASK, Values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from wild.kernels.measure import Layout
    from wild.options import Options
    from wild.scripted.composition import ScriptedComposition
    from wild.scripted.symbols import ScriptSymbols
    from wild.scripted.values import Value

Step = tuple[object, ScriptedSection | None, int, int, int | None]

MOST_ROUNDS = 40
ROUNDS_OF_SHIFTING = 8  # then RELRO ends are padded instead
LARGEST = 1 << 48


class DataSegment:
    """DATA_SEGMENT_ALIGN and DATA_SEGMENT_RELRO_END: data begin where RELRO, which follows, ends with a page."""

    def __init__(self, link: Layouter, relro: bool) -> None:
        self.link = link
        self.wanted = relro
        self.shift = 0
        self.page = 1
        self.start: int | None = None
        self.end: int | None = None

    def begin(self, largest: int, common: int) -> int:
        dot = self.link.dot
        self.page = common
        aligned = dot + -dot % max(1, largest)
        if self.wanted and self.end is not None:
            # One page is both; the place in it is what makes the end of RELRO the end of a page.
            self.shift = (
                (self.shift - self.end) % common if self.link.round < ROUNDS_OF_SHIFTING else self.shift
            )
            start = aligned + self.shift
        else:
            start = aligned + (dot & (largest - 1))
            self.shift = start % common
        self.start = start
        return start

    def end_relro(self, offset: int, address: int) -> int:
        if self.link.round >= ROUNDS_OF_SHIFTING:
            address += -(address + offset) % self.page
        self.end = (address + offset) & MASK
        return address


class Layouter:
    """One layout of the output; `dot` is the location counter, `current` the section that is being laid out."""

    def __init__(
        self,
        composition: ScriptedComposition,
        layout: Layout,
        symbols: ScriptSymbols,
        headers_size: Callable[[], int],
        relro: bool,
    ) -> None:
        self.composition = composition
        self.layout = layout
        self.symbols = symbols
        self.headers_size = headers_size
        self.headers_asked = False  # by SIZEOF_HEADERS
        self.regions = Regions(composition.script)
        self.values = Values(self)
        self.data_segment = DataSegment(self, relro)
        options = composition.options
        self.segment_starts = segment_starts(options)
        self.constants = {
            "MAXPAGESIZE": options.z_max_page_size or 4096,
            "COMMONPAGESIZE": options.z_common_page_size or 4096,
        }
        self.dot = 0
        self.before = 0  # where the section that is being placed would begin without its alignment
        self.current: ScriptedSection | None = None
        self.final = False
        self.round = 0
        self.last: ScriptedSection | None = None  # the loaded section before this one, for load addresses
        self.last_space: tuple[Space | None, Space | None] = (None, None)
        self.part_places: dict[int, tuple[ScriptedSection, int]] = {}
        # For the map: each statement, the section it is in, where it begins and ends, its value.
        self.history: list[Step] = []
        # id of an overlay -> its address, the next load address, its end
        self.overlays: dict[int, tuple[int, int, int]] = {}

    def run(self) -> None:
        """Find all addresses; raises LinkError."""
        before: object = None
        for self.round in range(MOST_ROUNDS):
            self.go_through()
            state = self.state()
            if state == before:
                break
            before = state
        else:
            raise LinkError(
                f"the linker script does not come to an end: after {MOST_ROUNDS} rounds its addresses still change; "
                "an expression depends on what it decides"
            )
        self.final = True
        self.go_through()
        self.regions.check()

    def state(self) -> object:
        places = [
            (each.address, each.size, each.load_address)
            for each in self.composition.order
            if isinstance(each, ScriptedSection)
        ]
        return places, dict(self.symbols.values), self.headers_size()

    def go_through(self) -> None:
        """One round."""
        self.dot = 0
        self.current = None
        self.last, self.last_space = None, (None, None)
        self.overlays.clear()
        self.history.clear()
        self.symbols.begin_round()
        self.regions.begin(self.values.address)
        for each in self.composition.order:
            if isinstance(each, ScriptedSection):
                self.place_section(each)
            else:
                self.follow(each)

    # --- statements
    # -------------------------------------------------------------------------------------------

    def follow(self, item: object) -> None:
        """What a statement does that places no input."""
        start = self.dot
        value: int | None = None
        if isinstance(item, Assignment):
            value = self.assign(item)
        elif isinstance(item, Assertion):
            self.values.value(item.value)
        elif self.current is not None:
            if isinstance(item, Data):
                value = self.place_data(self.current, item)
            elif isinstance(item, Fill):
                self.current.fills.append((start - self.current.address, self.pattern(item.pattern)))
        self.history.append((item, self.current, start, self.dot, value))

    def assign(self, statement: Assignment) -> int | None:
        """Returns the address or number, None if nobody wants what is provided."""
        if statement.name == ".":
            value, section = self.values.value(statement.value)
            if section is None and self.current is not None:
                section = self.current  # a number inside of a section counts from its start
            self.move_dot((value + (section.address if section is not None else 0)) & MASK, statement.where)
            return self.dot
        if self.symbols.is_wanted(statement.name, bool(statement.flags & PROVIDE)):
            found = self.values.value(statement.value)
            if found[1] is None and self.current is not None:
                found = found[0], self.current
            self.symbols.set(statement.name, found, self.last)
            return found[0] + (found[1].address if found[1] is not None else 0) & MASK
        return None

    def move_dot(self, address: int, where: str) -> None:
        if self.current is not None:
            if address < self.dot and self.final:
                raise LinkError(
                    f"{where}: cannot move the location counter backwards, from {self.dot:#x} to {address:#x}, "
                    f"inside of section {self.current.name}"
                )
            address = max(address, self.dot)
        if (
            address - (self.current.address if self.current is not None else 0) > LARGEST
            and self.final
            and (self.current is not None)
        ):
            raise LinkError(
                f"{where}: the location counter {address:#x} is too far inside of {self.current.name}"
            )
        self.dot = address

    def place_section(self, section: ScriptedSection) -> None:
        """Where a section goes, and what is in it."""
        before = self.dot
        self.history.append((section, None, before, before, None))
        loaded = section.takes_addresses()
        space = self.space_of(section)
        self.before = space.next if space is not None else self.dot
        section.address = self.begin_section(section, space, loaded)
        self.dot = section.address
        self.current = section
        self.fill_section(section)
        section.size = self.dot - section.address
        self.current = None
        if not section.kept:
            self.dot = (
                before if not section.size and section.output and section.output.address is None else self.dot
            )
            section.load_address = section.address
            return
        if not loaded:
            section.address = (
                0 if section.output is None or section.output.address is None else section.address
            )
            self.dot = before
            return
        self.place_load_address(section, space)
        if section.nobits and section.flags & elf.SHF_TLS:
            self.dot = before
        elif space is not None:
            self.note_use(space, section)
        if section.output is not None and section.output.overlay is not None:
            self.end_overlay(section)

    def space_of(self, section: ScriptedSection) -> Space | None:
        """The memory region of a section, named or by its flags."""
        output = section.output
        if output is not None and output.region is not None:
            return self.regions.get(output.region, output.where)
        if not section.takes_addresses() or not section.kept or not self.regions.spaces:
            return None
        if output is None or output.floating:
            # An orphan is where the section is that it follows, even if nothing is in that.
            if section.follows is not None and section.follows.region is not None:
                return self.regions.get(section.follows.region, section.follows.where)
            if self.last_space[0] is not None:
                return self.last_space[0]
        found = self.regions.by_flags(section)
        if found is None and self.final and not section.nobits and not self.has_address(section):
            where = f"{output.where}: " if output is not None else "linker script: "
            raise LinkError(
                f"{where}section {section.name} is in no memory region: write `>REGION` behind it, "
                "or let the attributes of a region ask for such sections"
            )
        return found

    def has_address(self, section: ScriptedSection) -> bool:
        """Does the script or the command line say where a section begins?"""
        given = section.output is not None and section.output.address is not None
        return given or section.name in self.composition.options.section_start

    def begin_section(self, section: ScriptedSection, space: Space | None, loaded: bool) -> int:
        """The address of a section before anything is in it."""
        output = section.output
        start = space.next if space is not None else self.dot
        if not loaded and section.kept:
            start = 0
        if output is not None:
            overlay = output.overlay
            if overlay is not None and id(overlay) in self.overlays:
                start = self.overlays[id(overlay)][0]
            elif overlay is not None and overlay.address is not None:
                start = self.values.address(overlay.address)
            if output.align is not None:
                align = self.values.number(output.align)
                section.align = max(section.align, align)
        given = self.composition.options.section_start.get(section.name)
        if given is not None and section.kept:
            return given
        if output is not None and output.address is not None and (section.kept or has_symbols(section)):
            start = self.values.address(output.address)
            return start + (-start % self.values.number(output.align) if output.align is not None else 0)
        is_aligned = section.kept or (output is not None and output.align is not None)
        return start + -start % section.align if is_aligned else start

    def fill_section(self, section: ScriptedSection) -> None:
        """All items, one behind the other."""
        section.contents.clear()
        section.fills.clear()
        if section.output is not None and section.output.fill is not None:
            section.fills.append((0, self.pattern(section.output.fill)))
        for item in section.items:
            if isinstance(item, Piece):
                self.place_piece(section, item)
            else:
                self.follow(item)

    def place_piece(self, section: ScriptedSection, piece: Piece) -> None:
        if piece.key >= 0:
            piece.size, align, _ = self.layout.place_listed(piece.key, self.dot)
            piece.align = 1 << align
            piece.address = self.dot
        else:
            if piece.made is not None:
                piece.size = piece.made.size
            piece.address = self.dot + -self.dot % piece.align
        self.dot = piece.address + piece.size
        if piece.part:
            self.part_places[piece.part] = (section, piece.address)
        if piece.made is not None:
            piece.made.address = piece.address
        if self.dot > MASK or section.size > LARGEST:
            raise LinkError(f"section {section.name} would end at {self.dot:#x}, beyond the address space")

    def place_data(self, section: ScriptedSection, data: Data) -> int | None:
        """Returns the number, None for a text."""
        text = data.text
        value: int | None = None
        if data.value is not None:
            value = self.values.address(data.value)
            text = (value & ((1 << 8 * data.size) - 1)).to_bytes(data.size, "little")
        section.contents.append((self.dot - section.address, text))
        self.dot += len(text)
        return value

    def pattern(self, fill: object) -> bytes:
        if isinstance(fill, bytes):
            return fill
        return (self.values.address(fill) & 0xFFFFFFFF).to_bytes(4, "big")  # type: ignore[arg-type]

    # --- load addresses
    # ---------------------------------------------------------------------------------------

    def place_load_address(self, section: ScriptedSection, space: Space | None) -> None:
        """LMA (manual, "Output Section LMA"): asked for, or as far from the address as in the section before."""
        output = section.output
        load_space = None
        overlay = output.overlay if output is not None else None
        if output is not None and output.load_region is not None:
            load_space = self.regions.get(output.load_region, output.where)
            load = self.next_load_address(load_space, space, section)
        elif overlay is not None and id(overlay) in self.overlays:
            load = self.overlays[id(overlay)][1]
        elif overlay is not None and overlay.load_address is not None:
            load = self.values.address(overlay.load_address)
        elif output is not None and output.load_address is not None:
            load = self.values.address(output.load_address)
        elif space is not None and self.last_space[0] is space and self.last_space[1] is not None:
            load_space = self.last_space[1]  # AT> holds for what follows in the same region
            load = self.next_load_address(load_space, space, section)
        elif self.last is not None and self.last_space[0] is space and not comes_before(section, self.last):
            load = section.address + self.last.load_address - self.last.address
            load += -load % section.align if output is None or output.address is None else 0
        else:
            load = section.address
        section.load_address = load & MASK
        if load_space is not None and load_space is not space and not section.nobits:
            self.note_load(load_space, section)
        if not section.unloaded:  # GNU ld leaves those out when it looks back
            self.last, self.last_space = section, (space, load_space)

    def next_load_address(self, load_space: Space, space: Space | None, section: ScriptedSection) -> int:
        """The first free load address; in another region than the section's own only ALIGN( ) counts."""
        align = section.align
        output = section.output
        if output is not None and output.align_load:
            return load_space.next + section.address - self.before
        if load_space is not space:
            asked = section.output.align if section.output is not None else None
            align = self.values.number(asked) if asked is not None else 1
        return load_space.next + -load_space.next % align

    def note_use(self, space: Space, section: ScriptedSection) -> None:
        end = section.address + section.size
        overlay = section.output.overlay if section.output is not None else None
        space.next = max(end, self.overlays[id(overlay)][2]) if id(overlay) in self.overlays else end
        if self.final and section.size and not space.origin <= section.address <= space.origin + space.length:
            space.misplaced.append(
                f"{space.region.where}: section {section.name} at {section.address:#x} "
                f"is not inside region '{space.name}'"
            )
        elif self.final and end > space.origin + space.length:
            where = section.output.where if section.output is not None else space.region.where
            space.misplaced.append(f"{where}: section '{section.name}' will not fit in region '{space.name}'")

    def note_load(self, space: Space, section: ScriptedSection) -> None:
        space.next = section.load_address + section.size
        if self.final and space.next > space.origin + space.length:
            where = section.output.where if section.output is not None else space.region.where
            space.misplaced.append(
                f"{where}: the contents of section '{section.name}' will not fit in region '{space.name}'"
            )

    def end_overlay(self, section: ScriptedSection) -> None:
        """Members begin at one address, and are loaded one behind the other; the last one's end is the largest."""
        assert section.output is not None
        overlay = section.output.overlay
        assert overlay is not None
        start, _, end = self.overlays.get(id(overlay), (section.address, 0, 0))
        end = max(end, self.dot)
        self.overlays[id(overlay)] = (start, section.load_address + section.size, end)
        if section.output is overlay.members[-1]:
            self.dot = end

    # --- what expressions ask
    # ---------------------------------------------------------------------------------

    def dot_value(self) -> Value:
        return self.values.in_section(self.dot)

    def symbol_value(self, name: str) -> Value | None:
        found = self.symbols.value(name)
        if isinstance(found, int):
            part, offset, is_known = self.layout.symbol_place(found)
            common = None if part or is_known else common_place(self.layout, found)
            if common is not None:
                part, offset = self.composition.commons[common[0]], common[1]
            elif not part:
                return (offset, ABSOLUTE) if is_known else None
            section, address = self.part_places.get(part, (None, 0))
            return (
                (0, ABSOLUTE) if section is None else ((address + offset - section.address) & MASK, section)
            )
        if found is not None and found[1] is ABSOLUTE and self.current is not None:
            return found[0], None  # inside of a section, an absolute symbol is a number
        return found

    def is_defined(self, name: str) -> bool:
        return self.symbols.is_defined(name)

    def section_of_name(self, name: str) -> ScriptedSection | None:
        found = self.composition.sections.get((name, True)) or self.composition.sections.get((name, False))
        return found if isinstance(found, ScriptedSection) else None

    def is_named(self, name: str) -> bool:
        return any(output.name == name for output in self.composition.script.outputs())


def has_symbols(section: ScriptedSection) -> bool:
    """Does the script assign symbols in the section?  Then its address counts, even if it is left out."""
    return any(isinstance(item, Assignment) and item.name != "." for item in section.items)


def comes_before(section: ScriptedSection, last: ScriptedSection) -> bool:
    """Has the script gone back in memory?  Then there is no load address to go on from."""
    return bool(section.size) and section.address + section.size <= last.address


def segment_starts(options: Options) -> dict[str, int]:
    """-Ttext-segment and its like, for SEGMENT_START."""
    found = dict(options.segment_start)
    if options.image_base is not None:
        found["text-segment"] = options.image_base
    return found
