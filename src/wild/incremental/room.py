"""Room to grow: how much more an initial incremental link gives to each part and table than they need now.

What grows later moves into the room at the end of its part, so nothing behind it has to move.  Where contributions
must stand without gaps (notes, sections between `__start_` and `__stop_`, code that falls through from one object's
fragment to the next), there is none: when those change in size, the whole program is linked again.  Lists of
functions (constructors, destructors) have no gaps either, but room behind them: an update lays them out anew.
"""

from __future__ import annotations

from wild.incremental.fillers import ABBREVIATIONS, filler_head, fills
from wild.output_sections import SEC_ALLOC, SEC_EXEC, SEC_NOBITS, SEC_TLS, SEC_WRITE, TYPES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.compose import Composition
    from wild.kernels.dynsyms import DynamicSymbols
    from wild.kernels.frames import FrameTable
    from wild.kernels.output import Output
    from wild.kernels.symtab import SymbolTable
    from wild.output_sections import Parts

GAPLESS = frozenset(
    (*TYPES, ".init", ".fini", ".ctors", ".dtors", ".jcr", ".preinit_array", ".tm_clone_table")
)
LEAST, LEAST_UNLOADED = 16384, 262144  # bytes of a part
MOST_BY_HALF = 131072  # bytes that a part gets if that is no more than half of what it has
MOST_FOR_ONE = 1 << 20  # bytes that are reserved for the sake of one large section
# The same of what is not loaded; that is zero and takes no room on the disk.
MOST_UNLOADED, MOST_UNLOADED_FOR_ONE = 4 << 20, 16 << 20
MOST_FRAMES = 524288  # bytes that .eh_frame gets if that is no more than one and a half of what it has
# Every thread has those of thread-local variables, which must leave room for the smallest stacks (PTHREAD_STACK_MIN).
LEAST_TLS, TLS_ALIGNMENT = 1024, 4  # bytes, log2
# Sections that nearly every program gets some day, but not at first: SEC_* flags, log2 of the alignment.
RESERVED = {
    ".data.rel.ro": (SEC_ALLOC | SEC_WRITE, 5),
    ".gcc_except_table": (SEC_ALLOC, 2),
    ".tdata": (SEC_ALLOC | SEC_WRITE | SEC_TLS, TLS_ALIGNMENT),
    ".tbss": (SEC_ALLOC | SEC_WRITE | SEC_TLS | SEC_NOBITS, TLS_ALIGNMENT),
}
LEAST_EMPTY = 4096  # bytes of them
# The same of debug information: is it DWARF 5?  Lists of locations are left out: readelf reports an error where
# there is a section of them and no unit that has any, and optimised programs have them from the start.
LISTS = {False: (".debug_ranges",), True: (".debug_rnglists",)}
SEC_DEBUG = 1024  # kernels/tables.pxd
LEAST_ARRAY = 256  # bytes of .init_array
LEAST_FRAMES, LEAST_INDEX = 65536, 2048  # bytes of .eh_frame, entries of .eh_frame_hdr
LEAST_SYMBOLS, LEAST_NAMES = 4096, 131072  # entries of .symtab of either kind, bytes of .strtab
MOST_SYMBOLS, MOST_NAMES = (
    16384,
    1 << 20,
)  # what they get if that is no more than one and a half of what they have
LEAST_IMPORTS, LEAST_IMPORT_NAMES, LEAST_VERSIONS = (
    64,
    4096,
    16,
)  # entries of .dynsym, bytes of .dynstr, versions
EXPORTS_PER_BUCKET = 2  # of .gnu.hash
LEAST_RELATIVE, LEAST_SYMBOLIC, LEAST_SLOTS = 256, 64, 64  # entries of .rela.dyn, words of .got


class Room:
    """The room of one link; `percent` is what --incremental-growth says."""

    def __init__(self, percent: int, shared: bool) -> None:
        self.percent = percent
        self.shared = shared
        self.reserved: dict[str, int] = {}  # section -> PartId
        self.empty: set[int] = set()  # those of them that get room though nothing is in their section

    def add_parts(self, parts: Parts) -> None:
        """Parts for what may come first by an update: those of the default rules, and some for debug information."""
        for name in RESERVED:
            self.reserved[name] = parts.of_rule(name, 0)
        for name in (*LISTS[False], *LISTS[True]):
            self.reserved[name] = parts.add(name, 0, True)

    def reserve(self, parts: Parts, measured: list[tuple[int, int, int]]) -> None:
        """Let there be room in sections that are empty now, and for thread-local variables of all usual alignments."""
        there = {parts.section[part] for part, (size, _, _) in enumerate(measured) if size}
        for part, (size, align, flags) in enumerate(measured):
            if flags & SEC_TLS and size:
                measured[part] = (size, max(align, TLS_ALIGNMENT), flags)
        may_have_tls = not self.shared or not there.isdisjoint((".tdata", ".tbss"))
        wanted = {name: kind for name, kind in RESERVED.items() if may_have_tls or not kind[0] & SEC_TLS}
        if ".debug_info" in there:
            wanted.update(dict.fromkeys(LISTS[".debug_line_str" in there], (SEC_DEBUG, 0)))
        for name in wanted.keys() - there:
            flags, align = wanted[name]
            measured[self.reserved[name]] = (0, align, flags)
            self.empty.add(self.reserved[name])

    def of(self, size: int, least: int) -> int:
        """Room beside `size` units, rounded so that alignments stay."""
        return -(-max(size * self.percent // 100, least) // 64) * 64

    def of_part(self, part: int, section: str, flags: int, size: int, largest: int) -> int:
        """Bytes at the end of a part, whose largest section should be able to move there and grow."""
        if not (size or part in self.empty) or not may_have_gaps(section, flags):
            return 0
        if flags & SEC_TLS:
            return self.of(size, max(LEAST_TLS, largest + largest // 2))
        if not size and flags & SEC_ALLOC:
            return LEAST_EMPTY
        least = LEAST if flags & SEC_ALLOC else LEAST_UNLOADED
        half, one = min(size // 2, MOST_BY_HALF), min(largest + largest // 2, MOST_FOR_ONE)
        if largest and not flags & SEC_ALLOC:
            # Debug information of an object is one section, which nearly every edit makes larger: in small programs
            # all of them can move, in others at least two.
            half = min(size + size // 4, MOST_UNLOADED)
            one = min(2 * largest + largest // 2, MOST_UNLOADED_FOR_ONE)
        return self.of(size, max(least, half, one))

    def give_arrays(self, composition: Composition) -> None:
        """Room behind the lists of functions that consist of one part; the loader calls all that is in the section."""
        for name in (".init_array", ".fini_array"):
            section = composition.sections.get((name, True))
            if section is not None and len(section.parts) == 1 and section.size:
                section.room = self.of(section.size, LEAST_ARRAY)
                composition.array_rooms[section.parts[0]] = section.room

    def give_frames(self, frames: FrameTable) -> None:
        """Room in .eh_frame and its index."""
        if frames.size:
            # The records of an object move together.
            least = max(LEAST_FRAMES, min(frames.size + frames.size // 2, MOST_FRAMES))
            frames.make_room(self.of(frames.size, least), self.of(frames.hdr_count, LEAST_INDEX))

    def give_symbols(self, symtab: SymbolTable) -> None:
        """Room in .symtab and .strtab."""
        # The symbols of an object move together, and so do their names.
        symbols = max(LEAST_SYMBOLS, min(symtab.count + symtab.count // 2, MOST_SYMBOLS))
        names = max(LEAST_NAMES, min(symtab.string_size + symtab.string_size // 2, MOST_NAMES))
        symtab.make_room(self.of(symtab.count, symbols), self.of(symtab.string_size, names))

    def give_dynamic(self, dynsyms: DynamicSymbols) -> None:
        """Room in the tables of dynamic symbols, for imports and for exports."""
        dynsyms.make_room(LEAST_IMPORTS, LEAST_IMPORT_NAMES, LEAST_VERSIONS, EXPORTS_PER_BUCKET)

    def of_imports(self, entries: int) -> int:
        """Entries of the PLT behind the others."""
        return self.of(entries, LEAST_IMPORTS)

    def of_relocations(self, relative: int, symbolic: int) -> tuple[int, int]:
        """Entries behind the relative and behind the other dynamic relocations."""
        return self.of(relative, LEAST_RELATIVE), self.of(symbolic, LEAST_SYMBOLIC)

    def of_slots(self, slots: int) -> int:
        """Words behind those of .got."""
        return self.of(slots, LEAST_SLOTS)


def fill_room(output: Output, composition: Composition) -> None:
    """Write what stands in the room of the parts, and the abbreviations that fillers of .debug_info refer to."""
    used, measured = composition.used, composition.measured
    debug = {composition.parts.section[part]: part for part in used if measured[part][0] > used[part]}
    table = debug.get(".debug_abbrev")
    abbreviations = 0
    if table is not None:
        abbreviations = composition.abbreviations = used[table]
        output.write(composition.part_offsets[table] + abbreviations, ABBREVIATIONS)
        used[table] += len(ABBREVIATIONS)
    for part in used:
        room = measured[part][0] - used[part]
        if part not in composition.part_offsets or not room or measured[part][2] & SEC_NOBITS:
            continue
        section, flags = composition.parts.section[part], measured[part][2]
        at = composition.part_offsets[part] + used[part]
        if flags & SEC_EXEC:
            output.write(at, b"\xcc" * room)
        elif not flags & SEC_ALLOC and (table is not None or section != ".debug_info"):
            output.write(at, filler_head(section, room, abbreviations))  # the rest is zero


def may_have_gaps(section: str, flags: int) -> bool:
    """Do readers of an output section cope with bytes that belong to no input?"""
    if section in GAPLESS or section.startswith(".note"):
        return False
    if flags & SEC_ALLOC or flags & SEC_NOBITS:
        return not section.replace("_", "a").isalnum()
    return fills(section)
