"""The symbols that the linker itself brings: what the command line asks for and defines, and the names that code
expects a linker to provide (`_end`, `__init_array_start`, `_GLOBAL_OFFSET_TABLE_` …).

They form the internal file (FileId 0).  References of the command line (-u, -e, --defsym's operands) are undefined
symbols there, so they load archive members like any other reference.  Provided names are weak definitions: they count
only where nothing else defines the name.  Values are set once the layout is known.
"""

from __future__ import annotations

from wild import elf
from wild.errors import LinkError
from wild.machine import x86_64
from wild.output_sections import by_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from wild.expression import Node
    from wild.inputs import InputSet
    from wild.kernels.files import Inputs
    from wild.kernels.measure import Layout
    from wild.kernels.names import NameTable
    from wild.kernels.pool import Pool
    from wild.kernels.resolve import Resolution
    from wild.options import Options
    from wild.output_sections import OutputSection
    from wild.script import Script
    from wild.scripted.tree import LayoutScript

RELATIVE = 1  # any section index that is neither undefined nor absolute: the value moves with the image
INTERNAL_FILE = 0
OBJECT_DEF, ABSOLUTE = 1, 1 << 4  # SYM_OBJECT_DEF and SYM_ABS of kernels/tables.pxd

# Names at the ends of what is loaded (end(3)): default visibility, as GNU ld's default script provides them.
ENDS = (b"_end", b"end", b"_edata", b"edata", b"_etext", b"etext", b"__etext", b"__bss_start")
# Hidden names of places, each with the section it belongs to and whether it is that section's end.
BOUNDS = {
    b"__init_array_start": (".init_array", False),
    b"__init_array_end": (".init_array", True),
    b"__fini_array_start": (".fini_array", False),
    b"__fini_array_end": (".fini_array", True),
    b"__preinit_array_start": (".preinit_array", False),
    b"__preinit_array_end": (".preinit_array", True),
    b"_DYNAMIC": (".dynamic", False),
    b"__GNU_EH_FRAME_HDR": (".eh_frame_hdr", False),
}
HEADER_NAMES = (b"__ehdr_start", b"__executable_start")
OTHERS = (
    b"_GLOBAL_OFFSET_TABLE_",
    b"_TLS_MODULE_BASE_",
    b"__rela_iplt_start",
    b"__rela_iplt_end",
    b"__dso_handle",
)
# What is defined whatever a linker script says.
WITHOUT_SCRIPT = (
    b"_DYNAMIC",
    b"__GNU_EH_FRAME_HDR",
    b"__ehdr_start",
    b"_GLOBAL_OFFSET_TABLE_",
    b"_TLS_MODULE_BASE_",
    b"__dso_handle",
)


class OwnSymbols:
    """The internal file's symbols; `definitions` are --defsym's and the scripts' assignments."""

    def __init__(self, options: Options, scripts: list[Script], layout: LayoutScript | None = None) -> None:
        self.options = options
        self.layout = layout
        self.references: list[bytes] = [
            encode(name) for name in (*options.undefined, *options.require_defined)
        ]
        self.definitions: list[tuple[bytes, Node, bool]] = []
        if options.entry and not is_number(options.entry):
            self.references.append(encode(options.entry))
        elif options.kind not in ("shared", "relocatable") and not options.entry:
            self.references.append(b"_start")
        for script in scripts:
            self.references += [encode(name) for name in script.externs]
        self.read_definitions(scripts)

    def read_definitions(self, scripts: list[Script]) -> None:
        """Parse --defsym and take the scripts' assignments; their operands become references."""
        assignments = [(name, node, flags) for script in scripts for name, node, flags in script.assignments]
        if not self.options.defsyms and not assignments:
            return
        from wild.expression import parse_expression, renamed, symbols_of
        from wild.wrap import other_names

        for name, text in self.options.defsyms:
            self.definitions.append((encode(name), parse_expression(text, f"--defsym {name}={text}"), False))
        for name, node, flags in assignments:
            self.definitions.append((encode(name), node, bool(flags & 1)))
        for _, node, _ in self.definitions:
            self.references += [encode(name) for name in symbols_of(node)]
        if names := other_names(self.options):  # the references get theirs with those of the objects
            self.definitions = [(name, renamed(node, names), flag) for name, node, flag in self.definitions]

    def refer_to_matching(self, pool: Pool, inputs: Inputs, sources: InputSet) -> None:
        """--undefined-glob, once all names can be seen: number the symbols anew, with more references."""
        from wild.kernels.names import NameTable
        from wild.kernels.symbol_marks import defined_names

        names = NameTable(pool, inputs)
        for glob in self.options.undefined_globs:
            self.references += defined_names(inputs, names, encode(glob))
        sources.read_headers(self)

    def table(self) -> tuple[list[bytes], list[int], list[int], list[int], list[int]]:
        """Names, values, section indices, st_info and st_other of the internal file."""
        rows: list[tuple[bytes, int, int, int]] = []
        defined = {name for name, _, provided in self.definitions if not provided}
        for name in dict.fromkeys(self.references):
            if name not in defined:
                rows.append((name, 0, elf.STB_GLOBAL << 4, elf.STV_DEFAULT))
        for name in map(encode, self.options.wraps):
            # --wrap lets references bear another name, which has to be in the table of names.
            rows += [(each, 0, elf.STB_WEAK << 4, elf.STV_DEFAULT) for each in (name, b"__wrap_" + name)]
        if self.definitions:
            from wild.expression import symbols_of
            from wild.scripted.values import is_absolute
        for name, node, provided in self.definitions:
            section = RELATIVE if symbols_of(node) or not is_absolute(node, set()) else elf.SHN_ABS
            rows.append((name, section, (elf.STB_WEAK if provided else elf.STB_GLOBAL) << 4, elf.STV_DEFAULT))
        if self.options.kind != "relocatable":
            rows += self.provided_rows()
        elif self.layout is not None:
            from wild.scripted.symbols import rows_of

            rows += rows_of(self.layout)
        if not rows:
            return [], [], [], [], []
        names, shndx, infos, others = (list(column) for column in zip(*rows, strict=True))
        return names, [0] * len(names), shndx, infos, others

    def provided_rows(self) -> list[tuple[bytes, int, int, int]]:
        """The names that code expects a linker to provide, in the form of `table`."""
        rows: list[tuple[bytes, int, int, int]] = []
        hidden: tuple[bytes, ...] = (*BOUNDS, *HEADER_NAMES, *OTHERS)
        if self.layout is not None:
            from wild.scripted.symbols import rows_of

            # The script says where the rest is, as GNU ld's own does.
            rows += rows_of(self.layout)
            hidden = WITHOUT_SCRIPT
        for name in ENDS if self.layout is None else ():
            rows.append((name, RELATIVE, elf.STB_WEAK << 4, elf.STV_DEFAULT))
        for name in hidden:
            type = elf.STT_TLS if name == b"_TLS_MODULE_BASE_" else 0
            rows.append((name, RELATIVE, elf.STB_WEAK << 4 | type, elf.STV_HIDDEN))
        return rows

    def take_types(self, inputs: Inputs, names: NameTable, resolution: Resolution) -> None:
        """What is defined as another symbol, and nothing more, is of the type of that; raises LinkError for an ifunc.

        The address of an ifunc is known only when its resolver has run, so no expression can have it as its value.
        """
        if self.layout is not None:
            from wild.scripted.symbols import assigned

            definitions = [*self.definitions, *assigned(self.layout)]
        else:
            definitions = self.definitions
        if not definitions:
            return
        from wild.expression import relative_to, symbols_of
        from wild.kernels.symbol_marks import copy_types

        self.find_numbers(names, resolution)
        targets = [(names.find(name), relative_to(node)) for name, node, _ in definitions]
        aliases = {name: names.find(encode(found[0])) for name, found in targets if found and found[1] == 0}
        pairs = [(name, last_of(aliases, name)) for name in aliases]
        ifuncs = copy_types(inputs, resolution, [pair for pair in pairs if all(pair)])
        for name, node, _ in definitions:
            if names.find(name) in ifuncs and self.options.kind != "relocatable":
                where, reason = node[1], "is an ifunc, whose address only its resolver knows"
                advice = "define the alias in its source, as with __attribute__((alias))"
                raise LinkError(f"{where}: {symbols_of(node)[0]} {reason}; {advice}")

    def find_numbers(self, names: NameTable, resolution: Resolution) -> None:
        """What is computed from numbers, or is a difference of places, does not move with the image."""
        from wild.expression import symbols_of
        from wild.kernels.symbol_marks import make_absolute
        from wild.scripted.values import is_absolute

        operands = {
            name: names.find(encode(name)) for _, node, _ in self.definitions for name in symbols_of(node)
        }
        known = {
            name for name, number in operands.items() if number and resolution.symbol(number)[4] & ABSOLUTE
        }
        before = -1
        while len(known) > before:  # a definition may come before what it is made of
            before = len(known)
            known |= {decode(name) for name, node, _ in self.definitions if is_absolute(node, known)}
        numbers = [names.find(name) for name, _, _ in self.definitions if decode(name) in known]
        make_absolute(resolution, numbers)

    def set_values(self, places: Places, names: NameTable, resolution: Resolution, layout: Layout) -> None:
        """Give the internal file's definitions their final values."""
        for name, value in places.provided():
            number = names.find(name)
            if number and resolution.symbol(number)[0] == INTERNAL_FILE:
                layout.set_symbol(number, value)
        if self.definitions:
            self.evaluate(places, names, resolution, layout)

    def evaluate(self, places: Places, names: NameTable, resolution: Resolution, layout: Layout) -> None:
        """--defsym and assignments, in their order, and again while one needs what comes behind it; `.` is not a
        symbol there.  Raises LinkError for one that needs itself."""
        from wild.expression import evaluate

        ours = [
            (names.find(name), node)
            for name, node, _ in self.definitions
            if resolution.symbol(names.find(name))[0] == INTERNAL_FILE
        ]
        lookup = places.lookup(names, resolution, layout)
        changed: list[str] = []
        for _ in range(len(ours) + 2):
            before = [layout.symbol_address(number) for number, _ in ours]
            for number, node in ours:
                layout.set_symbol(number, evaluate(node, lookup, places.fact))
            after = [layout.symbol_address(number) for number, _ in ours]
            changed = [node[1] for (_, node), old, new in zip(ours, before, after, strict=True) if old != new]
            if not changed:
                return
        raise LinkError(*(f"{where}: the value depends on itself" for where in changed))


def last_of(aliases: dict[int, int], name: int) -> int:
    """What an alias of an alias stands for in the end; with a cycle, any of it."""
    for _ in range(len(aliases)):
        if name not in aliases:
            break
        name = aliases[name]
    return name


def init_functions(
    options: Options, names: NameTable, resolution: Resolution
) -> tuple[int | None, int | None]:
    """NameIds of the functions for DT_INIT and DT_FINI, None where no object defines them."""
    found = [names.find(encode(name)) for name in (options.init, options.fini)]
    init, fini = (
        number if number and resolution.symbol(number)[4] & OBJECT_DEF else None for number in found
    )
    return init, fini


class Places:
    """Addresses by name, for the provided symbols: sections, and the fields the layout fills in."""

    def __init__(self, sections: list[OutputSection], base: int, got_base: int, tls_base: int) -> None:
        self.sections = by_name([section for section in sections if section.flags & elf.SHF_ALLOC])
        self.base = base
        self.got_base = got_base
        self.tls_base = tls_base
        self.iplt = (0, 0)
        self.numbers: dict[
            tuple[str, str], int
        ] = {}  # (function, name) -> what --defsym can ask besides sections

    def provided(self) -> list[tuple[bytes, int]]:
        """(name, value) of everything the linker provides."""
        found = list(zip(ENDS, self.ends(), strict=True))
        for name, (section_name, at_end) in BOUNDS.items():
            section = self.sections.get(section_name)
            if section is None:
                found.append((name, 0 if name == b"_DYNAMIC" else self.base))
            else:
                found.append((name, section.address + (section.size if at_end else 0)))
        found += [(name, self.base) for name in HEADER_NAMES]
        own = (self.got_base, self.tls_base, *self.iplt, self.base)
        return found + list(zip(OTHERS, own, strict=True))

    def ends(self) -> list[int]:
        """Values of ENDS."""
        loaded = [
            section
            for section in self.sections.values()
            if not section.flags & elf.SHF_TLS or not section.nobits
        ]
        end = max((section.address + section.size for section in loaded), default=self.base)
        filled = [section for section in loaded if not section.nobits and section.flags & elf.SHF_WRITE]
        data_end = max((section.address + section.size for section in filled), default=end)
        code = [section for section in loaded if section.flags & elf.SHF_EXECINSTR]
        text_end = max((section.address + section.size for section in code), default=self.base)
        bss = self.sections.get(".bss")
        return [end, end, data_end, data_end, text_end, text_end, text_end, bss.address if bss else data_end]

    def fact(self, function: str, name: str) -> int | None:
        """What an expression can ask about an output section in memory, or of `numbers`; None if it is not there."""
        section = self.sections.get(name)
        if section is None or function not in ("ADDR", "LOADADDR", "SIZEOF", "ALIGNOF"):
            return self.numbers.get((function, name))
        if function == "SIZEOF":
            return section.size
        if function == "LOADADDR":
            return getattr(section, "load_address", section.address)  # only scripts tell the two apart
        return section.align if function == "ALIGNOF" else section.address

    def lookup(self, names: NameTable, resolution: Resolution, layout: Layout) -> Callable[[str], int | None]:
        """How an expression finds the value of a symbol."""

        def value_of(name: str) -> int | None:
            number = names.find(encode(name))
            if not number or resolution.symbol(number)[0] is None:
                return None
            return layout.symbol_address(number)

        return value_of


def page_sizes(options: Options) -> dict[tuple[str, str], int]:
    """What CONSTANT() stands for."""
    return {
        ("CONSTANT", "MAXPAGESIZE"): options.z_max_page_size or x86_64.MAX_PAGE_SIZE,
        ("CONSTANT", "COMMONPAGESIZE"): options.z_common_page_size or x86_64.COMMON_PAGE_SIZE,
    }


def encode(name: str) -> bytes:
    """A symbol name as it stands in a string table."""
    return name.encode("utf-8", "surrogateescape")


def decode(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


def is_number(text: str) -> bool:
    """Is the argument of -e an address?"""
    return text[:1].isdigit()
