"""Which input section goes to which output section, and in which order output sections stand.

The rules are those of GNU ld's default script, written as a table: a pattern on the name of a loaded input section,
the output section, and the rank inside it (`.text.unlikely` stands before `.text.hot`).  Sections that no rule fits
are orphans: they go to an output section of their own name, placed by their flags behind the standard ones.

Output sections are ordered so that each kind of memory is one run: read-only data first (with the tables the loader
reads), then code, then what is read-only once relocated (RELRO), then writable data, zero-initialised data last.
"""

from __future__ import annotations

from wild.elf import (
    SHF_ALLOC,
    SHF_EXECINSTR,
    SHF_GNU_RETAIN,
    SHF_TLS,
    SHF_WRITE,
    SHF_X86_64_LARGE,
    SHT_FINI_ARRAY,
    SHT_GNU_ATTRIBUTES,
    SHT_INIT_ARRAY,
    SHT_LOOS,
    SHT_LOPROC,
    SHT_NOBITS,
    SHT_NOTE,
    SHT_PREINIT_ARRAY,
    SHT_PROGBITS,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from wild.options import Options
    from wild.scripted.tree import LayoutScript

# How a rule's pattern fits: as a prefix; as the whole name; as the name, or as the name before a dot.
PREFIX, EXACT, DOTTED = range(3)
# Rule flags (kernels/sections.pxd).
SORTED, ROOT, DROP = 1, 2, 4

# (pattern, how it fits, output section, rank inside it, rule flags); the first that fits counts.
RULES = (
    (b".text.unlikely", DOTTED, ".text", 0, 0),
    (b".text.exit", DOTTED, ".text", 1, 0),
    (b".text.startup", DOTTED, ".text", 2, 0),
    (b".text.hot", DOTTED, ".text", 3, 0),
    (b".text", DOTTED, ".text", 4, 0),
    (b".gnu.linkonce.t.", PREFIX, ".text", 4, 0),
    (b".init", EXACT, ".init", 0, ROOT),
    (b".fini", EXACT, ".fini", 0, ROOT),
    (b".rodata", DOTTED, ".rodata", 0, 0),
    (b".gnu.linkonce.r.", PREFIX, ".rodata", 0, 0),
    (b".data.rel.ro", DOTTED, ".data.rel.ro", 0, 0),
    (b".gnu.linkonce.d.rel.ro.", PREFIX, ".data.rel.ro", 0, 0),
    (b".data", DOTTED, ".data", 0, 0),
    (b".gnu.linkonce.d.", PREFIX, ".data", 0, 0),
    (b".tdata", DOTTED, ".tdata", 0, 0),
    (b".gnu.linkonce.td.", PREFIX, ".tdata", 0, 0),
    (b".tbss", DOTTED, ".tbss", 0, 0),
    (b".gnu.linkonce.tb.", PREFIX, ".tbss", 0, 0),
    (b".bss", DOTTED, ".bss", 0, 0),
    (b".gnu.linkonce.b.", PREFIX, ".bss", 0, 0),
    (b".dynbss", EXACT, ".bss", 0, 0),
    (b".preinit_array", DOTTED, ".preinit_array", 0, SORTED | ROOT),
    (b".init_array", DOTTED, ".init_array", 0, SORTED | ROOT),
    (b".fini_array", DOTTED, ".fini_array", 0, SORTED | ROOT),
    (b".ctors", DOTTED, ".init_array", 0, SORTED | ROOT),  # turned round (kernels/ctors.py)
    (b".dtors", DOTTED, ".fini_array", 0, SORTED | ROOT),
    (b".jcr", EXACT, ".jcr", 0, ROOT),
    (b".gcc_except_table", DOTTED, ".gcc_except_table", 0, 0),
    (b".gnu.linkonce.lr.", PREFIX, ".lrodata", 0, 0),
    (b".lrodata", DOTTED, ".lrodata", 0, 0),
    (b".gnu.linkonce.l.", PREFIX, ".ldata", 0, 0),
    (b".ldata", DOTTED, ".ldata", 0, 0),
    (b".gnu.linkonce.lb.", PREFIX, ".lbss", 0, 0),
    (b".lbss", DOTTED, ".lbss", 0, 0),
    (b".ltext", DOTTED, ".ltext", 0, 0),
    (b".note.GNU-stack", EXACT, "", 0, DROP),
    (b".note.gnu.property", EXACT, "", 0, DROP),
    (b".gnu.warning", DOTTED, "", 0, DROP),
)

# What -z keep-text-section-prefix does not let into .text: the prefixes that compilers give to parts of the code.
TEXT_PREFIXES = (".text.unlikely", ".text.exit", ".text.startup", ".text.hot", ".text.unknown", ".text.split")

# Kinds of memory, in the order of the file.
HEADERS, READ_ONLY, CODE, RELRO, DATA, LARGE_READ_ONLY, LARGE_DATA, UNLOADED = range(8)

# Output section: (kind of memory, place among those); orphans of a kind come at place ORPHAN.
ORPHAN = 50
ORDER = {
    ".interp": (HEADERS, 0),
    ".note.gnu.property": (HEADERS, 1),
    ".note.gnu.build-id": (HEADERS, 2),
    ".note.package": (HEADERS, 3),
    ".note.ABI-tag": (HEADERS, 4),
    ".gnu.hash": (HEADERS, 10),
    ".hash": (HEADERS, 11),
    ".dynsym": (HEADERS, 12),
    ".dynstr": (HEADERS, 13),
    ".gnu.version": (HEADERS, 14),
    ".gnu.version_d": (HEADERS, 15),
    ".gnu.version_r": (HEADERS, 16),
    ".rela.dyn": (HEADERS, 17),
    ".relr.dyn": (HEADERS, 18),
    ".rela.plt": (HEADERS, 19),
    ".rodata": (READ_ONLY, 0),
    ".eh_frame_hdr": (READ_ONLY, 60),
    ".eh_frame": (READ_ONLY, 61),
    ".gcc_except_table": (READ_ONLY, 62),
    ".init": (CODE, 0),
    ".plt": (CODE, 1),
    ".plt.sec": (CODE, 2),
    ".text.unlikely": (CODE, 3),
    ".text.exit": (CODE, 4),
    ".text.startup": (CODE, 5),
    ".text.hot": (CODE, 6),
    ".text.unknown": (CODE, 7),
    ".text.split": (CODE, 8),
    ".text": (CODE, 9),
    ".fini": (CODE, 10),
    ".tdata": (RELRO, 0),
    ".tbss": (RELRO, 1),
    ".preinit_array": (RELRO, 2),
    ".init_array": (RELRO, 3),
    ".fini_array": (RELRO, 4),
    ".ctors": (RELRO, 5),
    ".dtors": (RELRO, 6),
    ".jcr": (RELRO, 7),
    ".data.rel.ro": (RELRO, 8),
    ".bss.rel.ro": (RELRO, 9),
    ".dynamic": (RELRO, 10),
    ".got": (RELRO, 11),
    ".got.plt": (DATA, 0),
    ".data": (DATA, 1),
    ".bss": (DATA, 90),
    ".lrodata": (LARGE_READ_ONLY, 0),
    ".ltext": (CODE, 60),
    ".ldata": (LARGE_DATA, 0),
    ".lbss": (LARGE_DATA, 90),
    ".comment": (UNLOADED, 0),
    ".gnu_debuglink": (UNLOADED, 88),
    ".gdb_index": (UNLOADED, 89),
    ".symtab": (UNLOADED, 90),
    ".symtab_shndx": (UNLOADED, 91),
    ".strtab": (UNLOADED, 92),
    ".shstrtab": (UNLOADED, 93),
}

# SectionRow.flags (kernels/tables.pxd) that decide about an output section.
SEC_ALLOC, SEC_WRITE, SEC_EXEC, SEC_NOBITS, SEC_TLS, SEC_LARGE, SEC_RETAIN = 2, 4, 8, 16, 32, 2048, 4096
SEC_LINKED = 16384

TYPES = {
    ".init_array": SHT_INIT_ARRAY,
    ".fini_array": SHT_FINI_ARRAY,
    ".preinit_array": SHT_PREINIT_ARRAY,
}
ARRAY_TYPES = frozenset(TYPES.values())


def keeps_type(type: int) -> bool:
    """Does an orphan of this type pass it on?  Tables of the kinds that a linker makes are data in an input."""
    return (
        type == SHT_NOTE or type in ARRAY_TYPES or SHT_LOOS <= type < SHT_GNU_ATTRIBUTES or type >= SHT_LOPROC
    )


class OutputSection:
    """A section of the output: the parts laid out in it, in order, or a size of the linker's own making.

    `size`, `align` (bytes), `address` and `offset` (in the file) are final once the layout has been made.
    """

    __slots__ = (
        "address", "align", "entsize", "flags", "info", "kind", "link", "made", "name", "offset", "parts", "place",
        "room", "shndx", "size", "type",
    )  # fmt: skip

    def __init__(self, name: str, type: int = SHT_PROGBITS, flags: int = 0, entsize: int = 0) -> None:
        self.name = name
        self.type = type
        self.flags = flags
        self.entsize = entsize
        self.align = 1
        self.size = 0
        self.address = 0
        self.offset = 0
        self.shndx = 0
        self.link: str | None = None  # name of the section for sh_link
        self.info: str | int = 0  # name of the section for sh_info, or a number
        self.parts: list[int] = []
        self.room = 0  # bytes behind it that belong to nothing
        self.made = False  # by the linker; inputs may have a section of the same name
        self.kind = UNLOADED
        self.place = ORPHAN

    @property
    def nobits(self) -> bool:
        """Takes no room in the file."""
        return self.type == SHT_NOBITS

    def loaded_at(self) -> int:
        """The load address."""
        return self.address

    def made_pieces(self) -> list[OutputSection]:
        """What the linker makes itself and a script has put into the section."""
        return []

    def sort_key(self) -> tuple[int, int, int]:
        """Kind of memory, place; zero-initialised orphans behind the others of their kind."""
        return self.kind, self.place, int(self.nobits and self.place == ORPHAN)

    def settle(self, relro: bool) -> None:
        """Find the kind of memory and the place from the name, or else from the flags."""
        if not self.flags & SHF_ALLOC:
            self.kind, self.place = ORDER.get(self.name, (UNLOADED, ORPHAN))
            if self.kind != UNLOADED or (self.place != 0 and not self.made):
                self.kind, self.place = UNLOADED, ORPHAN
            return
        self.kind, self.place = ORDER.get(self.name, (-1, ORPHAN))
        by_flags = self.kind_by_flags()
        if (
            self.kind < 0
            or writable(self.kind) != writable(by_flags)
            or (by_flags == CODE) != (self.kind == CODE)
        ):
            self.kind = by_flags
            self.place = (85 if self.nobits else ORPHAN) if self.place == ORPHAN else self.place
        if self.kind == RELRO and not relro and not self.flags & SHF_TLS:
            self.place -= 100  # in front of the other data
            self.kind = DATA

    def kind_by_flags(self) -> int:
        """The kind of memory that the flags ask for."""
        if self.flags & SHF_TLS:
            return RELRO
        if self.flags & SHF_EXECINSTR:
            return CODE
        if self.flags & SHF_WRITE:
            return LARGE_DATA if self.flags & SHF_X86_64_LARGE else DATA
        if self.type == SHT_NOTE:
            return HEADERS
        return LARGE_READ_ONLY if self.flags & SHF_X86_64_LARGE else READ_ONLY


def by_name(sections: list[OutputSection]) -> dict[str, OutputSection]:
    """The sections by their names; the linker's own go before those of inputs."""
    return {section.name: section for section in sorted(sections, key=lambda section: section.made)}


def writable(kind: int) -> bool:
    """Does this kind of memory need write permission, if only at start?"""
    return kind in (RELRO, DATA, LARGE_DATA)


def section_flags(flags: int) -> int:
    """SHF_* of SEC_* flags."""
    found = SHF_ALLOC if flags & SEC_ALLOC else 0
    found |= SHF_WRITE if flags & SEC_WRITE else 0
    found |= SHF_EXECINSTR if flags & SEC_EXEC else 0
    found |= SHF_X86_64_LARGE if flags & SEC_LARGE else 0
    found |= SHF_GNU_RETAIN if flags & SEC_RETAIN else 0
    return found | (SHF_TLS if flags & SEC_TLS else 0)


def parts_of(options: Options, script: LayoutScript | None) -> Parts:
    """The parts of a link: by GNU ld's default rules, or by a linker script."""
    if script is None:
        return Parts(options.z_keep_text_section_prefix, options.discard_sections)
    from wild.scripted.parts import ScriptedParts

    return ScriptedParts(script, options.discard_sections)


class Parts:
    """PartIds: which output section each part belongs to, and its rank there.  Part 0 is no part."""

    scripted = False  # are the rules those of a linker script?

    def __init__(self, keep_text_prefixes: bool = False, dropped: Sequence[str] = ()) -> None:
        self.dropped = [(name.encode("utf-8", "surrogateescape"), EXACT, 0, 0, DROP) for name in dropped]
        self.table: tuple[tuple[bytes, int, str, int, int], ...] = RULES
        if keep_text_prefixes:
            kept = tuple((name.encode(), DOTTED, name, 0, 0) for name in TEXT_PREFIXES)
            self.table = kept + RULES
        self.section: list[str] = [""]
        self.rank: list[tuple[int, int]] = [(0, 0)]
        self.unloaded: list[bool] = [False]
        self.numbers: dict[tuple[str, int], int] = {}

    def __len__(self) -> int:
        return len(self.section)

    def add(self, section: str, rank: int, unloaded: bool = False) -> int:
        """A new part, laid out behind those of a lower rank in the section."""
        self.section.append(section)
        self.rank.append((rank, len(self.rank)))
        self.unloaded.append(unloaded)
        return len(self.section) - 1

    def of_rule(self, section: str, rank: int) -> int:
        """The part that all rules for this place share."""
        number = self.numbers.get((section, rank))
        if number is None:
            number = self.numbers[section, rank] = self.add(section, rank)
        return number

    def rules(self, whole: bool) -> list[tuple[Any, ...]]:
        """The rules as the kernel wants them: (pattern, how, part, number, flags); of sections that stay `whole`,
        what is dropped."""
        found: list[tuple[Any, ...]] = list(self.dropped)
        if whole:
            return found
        for number, (pattern, how, section, rank, flags) in enumerate(self.table):
            part = 0 if flags & DROP else self.of_rule(section, rank)
            found.append((pattern, how, part, number, flags))
        return found
