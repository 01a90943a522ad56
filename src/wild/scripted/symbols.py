"""The symbols that a layout script assigns: what they are called, which count, and their values.

They are definitions of the internal file (wild.own_symbols).  As in GNU ld, an assignment goes before a definition of
an input, and PROVIDE counts only where something refers to the symbol and no input defines it.
"""

from __future__ import annotations

from wild import elf
from wild.expression import renamed, symbols_of
from wild.own_symbols import INTERNAL_FILE, RELATIVE, encode
from wild.script import HIDDEN, PROVIDE
from wild.scripted.sections import ScriptedSection
from wild.scripted.tree import Assertion, Assignment, Data, LayoutScript, Output
from wild.scripted.values import is_absolute

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.expression import Node
    from wild.kernels.measure import Layout
    from wild.kernels.names import NameTable
    from wild.kernels.resolve import Resolution
    from wild.scripted.values import Value

OBJECT_DEF, REFERENCE = 1, 1 << 9  # SYM_OBJECT_DEF, SYM_REF of kernels/tables.pxd


class Definition:
    """A symbol of the script: is it provided only, hidden, and absolute wherever the image is?"""

    __slots__ = ("absolute", "hidden", "name", "provided")

    def __init__(self, name: str) -> None:
        self.name = name
        self.provided = True
        self.hidden = False
        self.absolute = True


def definitions_of(script: LayoutScript) -> dict[str, Definition]:
    """All symbols that the script assigns, in order."""
    found: dict[str, Definition] = {}
    known: set[str] = set()
    for statement, inside in assignments(script):
        if statement.name == ".":
            continue
        each = found.setdefault(statement.name, Definition(statement.name))
        each.provided = each.provided and bool(statement.flags & PROVIDE)
        each.hidden = each.hidden or bool(statement.flags & HIDDEN)
        each.absolute = (
            each.absolute and not (inside and is_number(statement)) and is_absolute(statement.value, known)
        )
        if each.absolute:
            known.add(each.name)
        else:
            known.discard(each.name)
    return found


def rows_of(script: LayoutScript) -> list[tuple[bytes, int, int, int]]:
    """(name, section index, st_info, st_other) of what the script defines and refers to, for the internal file.

    References are weak: as in GNU ld, an expression loads no member of an archive."""
    definitions = definitions_of(script)
    rows = []
    for each in definitions.values():
        binding = elf.STB_WEAK if each.provided else elf.STB_GLOBAL
        section = elf.SHN_ABS if each.absolute else RELATIVE
        rows.append(
            (encode(each.name), section, binding << 4, elf.STV_HIDDEN if each.hidden else elf.STV_DEFAULT)
        )
    rows += [
        (encode(name), 0, elf.STB_WEAK << 4, elf.STV_DEFAULT)
        for name in mentioned_names(script)
        if name not in definitions
    ]
    return rows


def mentioned_names(script: LayoutScript) -> dict[str, None]:
    """The symbols that expressions ask for, in order."""
    return dict.fromkeys(name for node in expressions(script) for name in symbols_of(node))


def expressions(script: LayoutScript) -> list[Node]:
    """Every expression of the statements."""
    found: list[Node] = []
    for statement in script.statements:
        found += expressions_of(statement)
        if isinstance(statement, Output):
            for inner in statement.statements:
                found += expressions_of(inner)
    return found


def expressions_of(statement: object) -> list[Node]:
    if isinstance(statement, Assignment | Assertion):
        return [statement.value]
    if isinstance(statement, Data):
        return [] if statement.value is None else [statement.value]
    if isinstance(statement, Output):
        nodes = (statement.address, statement.align, statement.load_address)
        return [node for node in nodes if node is not None]
    return []


def rename_symbols(script: LayoutScript, names: dict[str, str]) -> None:
    """Give some symbols other names where expressions refer to them."""
    for statement in script.statements:
        rename_in(statement, names)
        if isinstance(statement, Output):
            for inner in statement.statements:
                rename_in(inner, names)


def rename_in(statement: object, names: dict[str, str]) -> None:
    """The same in one statement; the fields are those of `expressions_of`."""
    fields: tuple[str, ...] = ()
    if isinstance(statement, Assignment | Assertion | Data):
        fields = ("value",)
    elif isinstance(statement, Output):
        fields = ("address", "align", "load_address")
    for field in fields:
        node = getattr(statement, field)
        if node is not None:
            setattr(statement, field, renamed(node, names))


def is_number(statement: Assignment) -> bool:
    """Numbers that are assigned inside of a section count from its start; ABSOLUTE( ) makes them addresses, and a
    load address is none in the section.
    """
    node = statement.value
    while node[0] == "place":
        node = node[2]
    return not (node[0] == "call" and node[1] in ("ABSOLUTE", "LOADADDR"))


def assignments(script: LayoutScript) -> list[tuple[Assignment, bool]]:
    """Every assignment, and whether it is inside of an output section."""
    found = []
    for statement in script.statements:
        if isinstance(statement, Assignment):
            found.append((statement, False))
        elif isinstance(statement, Output):
            found += [(inner, True) for inner in statement.statements if isinstance(inner, Assignment)]
    return found


def assigned(script: LayoutScript) -> list[tuple[bytes, Node, bool]]:
    """(name, value, is it provided only?) of each assignment that is the only one of its name."""
    found = [statement for statement, _ in assignments(script) if statement.name != "."]
    counts: dict[str, int] = {}
    for each in found:
        counts[each.name] = counts.get(each.name, 0) + 1
    return [
        (encode(each.name), each.value, bool(each.flags & PROVIDE))
        for each in found
        if counts[each.name] == 1
    ]


def operands_of_wanted(script: LayoutScript, names: NameTable, resolution: Resolution) -> list[bytes]:
    """What the values of symbols depend on that objects refer to: code that uses `a` needs `b`, if `a = b;`."""
    operands: dict[str, list[str]] = {}
    for statement, _ in assignments(script):
        operands.setdefault(statement.name, []).extend(symbols_of(statement.value))
    pending = [
        name
        for name in operands
        if (number := names.find(encode(name))) and resolution.symbol(number)[4] & REFERENCE
    ]
    found: set[str] = set()
    while pending:
        for name in operands.get(pending.pop(), ()):
            if name not in found:
                found.add(name)
                pending.append(name)
    return [encode(name) for name in sorted(found)]


class ScriptSymbols:
    """Their values while the script is gone through."""

    def __init__(self, script: LayoutScript, names: NameTable, resolution: Resolution) -> None:
        self.names = names
        self.resolution = resolution
        self.definitions = definitions_of(script)
        self.mentioned = mentioned_names(script)
        self.values: dict[str, Value] = {}
        self.before: dict[str, ScriptedSection | None] = {}
        self.assigned: set[str] = set()
        self.numbers: dict[str, int] = {}

    def begin_round(self) -> None:
        self.assigned.clear()

    def number(self, name: str) -> int:
        found = self.numbers.get(name)
        if found is None:
            found = self.numbers[name] = self.names.find(encode(name))
        return found

    def is_ours(self, name: str) -> bool:
        """Is the script's definition the one that counts?"""
        number = self.number(name)
        return bool(number) and self.resolution.symbol(number)[0] == INTERNAL_FILE

    def is_wanted(self, name: str, provided: bool) -> bool:
        """Is a symbol to be assigned?  What is provided, if an object or another expression of the script asks."""
        if not provided or self.is_ours(name):
            return True
        number = self.number(name)
        return name in self.mentioned and (not number or self.resolution.symbol(number)[0] is None)

    def set(self, name: str, value: Value, before: ScriptedSection | None) -> None:
        """`before`: the last section in memory before the assignment."""
        self.values[name] = value
        self.before[name] = before
        self.assigned.add(name)

    def value(self, name: str) -> Value | int | None:
        """A value, the NameId of what an input defines, or None."""
        if name in self.values:
            return self.values[name]
        number = self.number(name)
        if not number or self.resolution.symbol(number)[0] is None:
            return None
        return None if name in self.definitions and self.is_ours(name) else number

    def is_defined(self, name: str) -> bool:
        """DEFINED: by an input, or by a statement that came before."""
        if name in self.assigned:
            return True
        number = self.number(name)
        if not number:
            return False
        file, *_, flags = self.resolution.symbol(number)
        return bool(file) and bool(flags & OBJECT_DEF)

    def finish(self, layout: Layout) -> list[tuple[int, int]]:
        """Give the kernels the values; what is absolute the passes before this one relied on.

        Returns (symbol index in the internal file, section index) of the symbols that are places of sections."""
        homes = []
        for name, (value, section) in self.values.items():
            if self.is_ours(name):
                base = section.address if section is not None else 0
                layout.set_symbol(self.number(name), value + base)
                home = self.home_of(name, value, section)
                if home is not None and home.kept:
                    homes.append((self.resolution.symbol(self.number(name))[1], home.shndx))
        return homes

    def home_of(self, name: str, value: int, section: object) -> ScriptedSection | None:
        """The section that a symbol is a place of; behind a section, its end is still one."""
        if isinstance(section, ScriptedSection):
            return section
        before = self.before[name]
        if section is None or before is None or self.definitions[name].absolute:
            return None
        return before if before.address <= value <= before.address + before.size else None
