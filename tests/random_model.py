"""Random programs whose output is known: what a program consists of, and by the rules of linking, what it must print.

A program is plain data: units (object files) that stand by themselves, in one archive, or each in a shared object of
its own; definitions and uses of names in them; constructors and strings. `Meaning` says what every use is bound to,
from the rules alone: gABI "Symbol Table" for binding and visibility, GNU ld's manual for archives and --wrap, the
dynamic linker's scope order for shared objects. A program that no linker has to accept raises `InvalidError`, so parts
can be taken out at random, which is how a failing program is made small.

What linkers are free to differ in is left out: an archive defines each name once at most; a shared object refers to
no name that only the archive defines, and defines none that is common elsewhere; the object that defines a wrapped
name does not refer to it; constructors of members have priorities of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

NULL = -1  # what is reported for an undefined weak name


class InvalidError(Exception):
    """The program is not one that every linker accepts."""


@dataclass(frozen=True)
class Definition:
    """One definition; the first letter of a name says what it is: function, data, thread-local, COMDAT function."""

    name: str
    binding: str  # strong, weak, common
    visibility: str  # default, hidden, protected
    value: int


@dataclass(frozen=True)
class Use:
    """A reference; `how` picks one of the ways to refer that are possible, `dead` puts it where nothing leads."""

    name: str
    how: int
    weak: bool = False
    dead: bool = False


@dataclass(frozen=True)
class Unit:
    """An object file."""

    number: int
    home: str  # object, member, shared
    definitions: tuple[Definition, ...] = ()
    uses: tuple[Use, ...] = ()
    constructors: tuple[int, ...] = ()  # priorities; 0: none
    strings: tuple[str, ...] = ()

    def defines(self, name: str) -> Definition | None:
        return next((one for one in self.definitions if one.name == name), None)


@dataclass(frozen=True)
class Program:
    """Units in the order of the command line, and options of the link."""

    seed: int
    mode: str  # static, exec (with shared objects), pie
    units: tuple[Unit, ...]
    wrapped: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    library_options: tuple[str, ...] = ()

    @property
    def collects(self) -> bool:
        """Is dropped what nothing leads to?  What is exported stays."""
        return "--gc-sections" in self.options and "--export-dynamic" not in self.options

    @property
    def symbolic(self) -> bool:
        return "-Bsymbolic" in self.library_options

    def at(self, home: str) -> list[Unit]:
        return [unit for unit in self.units if unit.home == home]


@dataclass(frozen=True)
class Binding:
    """What a use is bound to: the definition and its unit; neither for an undefined weak name."""

    unit: Unit | None = None
    definition: Definition | None = None

    @property
    def value(self) -> int:
        if self.definition is None:
            return NULL
        return 0 if self.definition.binding == "common" else self.definition.value


@dataclass
class Meaning:
    """What a program means; raises InvalidError if it means nothing."""

    program: Program
    loaded: list[Unit] = field(init=False)

    def __post_init__(self) -> None:
        self.loaded = self.load()
        for name in self.program.wrapped:
            self.check_wrapped(name)
        for name in {one.name for unit in self.loaded for one in unit.definitions}:
            self.check_common(name)
        for unit in self.loaded:
            for use in unit.uses:
                self.in_executable(self.referred(unit, use.name), use.weak)
        for unit in self.program.at("shared"):
            for use in unit.uses:
                self.in_shared(unit, use)

    # --- what is linked -------------------------------------------------------------------------------------

    def load(self) -> list[Unit]:
        """The objects, and the members that something needs."""
        members = self.program.at("member")
        live = self.program.at("object")
        while True:
            wanted = {self.referred(unit, use.name) for unit in live for use in unit.uses if not use.weak}
            wanted |= {f"__wrap_{name}" for name in self.program.wrapped if name in wanted}
            woken = [unit for unit in members if unit not in live and self.wakes(unit, live, wanted)]
            if not woken:
                return [unit for unit in self.program.units if unit in live]
            live = live + woken

    @staticmethod
    def wakes(member: Unit, live: list[Unit], wanted: set[str]) -> bool:
        for definition in member.definitions:
            found = [one for unit in live if (one := unit.defines(definition.name))]
            if not found and definition.name in wanted:
                return True
            only_common = bool(found) and all(one.binding == "common" for one in found)
            if only_common and definition.binding != "common":
                return True
        return False

    def referred(self, unit: Unit, name: str) -> str:
        """The name that a reference of an executable's unit is to, after --wrap."""
        if unit.defines(name) is None and name in self.program.wrapped:
            return f"__wrap_{name}"
        plain = name.removeprefix("__real_")
        return plain if plain in self.program.wrapped and name.startswith("__real_") else name

    def check_wrapped(self, name: str) -> None:
        for each in (name, f"__wrap_{name}"):
            if self.regular(each).definition is None:
                raise InvalidError(f"{each} is not defined")
        if any(unit.defines(name) and use.name == name for unit in self.loaded for use in unit.uses):
            raise InvalidError(f"{name} is wrapped, and its own object refers to it")

    def check_common(self, name: str) -> None:
        """GNU ld prefers the definition of a shared object to a common symbol, others do not."""
        found = self.regular(name).definition
        if (
            found
            and found.binding == "common"
            and any(unit.defines(name) for unit in self.program.at("shared"))
        ):
            raise InvalidError(f"{name} is common, and a shared object defines it")
        if name.startswith("__wrap_") and name.removeprefix("__wrap_") not in self.program.wrapped:
            raise InvalidError(f"{name} calls what only --wrap makes")

    # --- what a name is bound to ----------------------------------------------------------------------------

    def regular(self, name: str) -> Binding:
        """The definition in the executable's own units: strong, else common, else the first weak one."""
        found = [(unit, one) for unit in self.loaded if (one := unit.defines(name))]
        by_strength = {
            kind: [row for row in found if row[1].binding == kind] for kind in ("strong", "common", "weak")
        }
        if len(by_strength["strong"]) > 1:
            raise InvalidError(f"{name} is defined twice")
        for rows in by_strength.values():
            if rows:
                return Binding(*rows[0])
        return Binding()

    def hidden(self, name: str) -> bool:
        """The most constraining visibility of all mentions in the executable counts."""
        found = (one for unit in self.loaded if (one := unit.defines(name)))
        return any(one.visibility == "hidden" for one in found)

    def from_libraries(self, name: str) -> Binding:
        """The first definition that a shared object exports."""
        for unit in self.program.at("shared"):
            one = unit.defines(name)
            if one is not None and one.visibility != "hidden":
                return Binding(unit, one)
        return Binding()

    def in_executable(self, name: str, weak: bool = True) -> Binding:
        found = self.regular(name)
        if found.definition is None:
            found = self.from_libraries(name)
        if found.definition is None and not weak:
            raise InvalidError(f"{name} is undefined")
        return found

    def in_shared(self, unit: Unit, use: Use) -> Binding:
        """At run time: its own if that cannot be preempted, else the executable's, else in order of the libraries."""
        own = unit.defines(use.name)
        if own is not None and (own.visibility != "default" or self.program.symbolic):
            return Binding(unit, own)
        here = self.regular(use.name)
        if here.definition is None and any(one.defines(use.name) for one in self.program.at("member")):
            raise InvalidError(f"{use.name}: linkers differ in whether a shared object loads members")
        if here.definition is not None and self.hidden(use.name):
            if own is None:
                raise InvalidError(f"{use.name} is hidden, and a shared object refers to it")
            here = Binding()
        found = here if here.definition is not None else self.from_libraries(use.name)
        if found.definition is None and not use.weak:
            raise InvalidError(f"{use.name} is undefined in a shared object")
        return found

    # --- what is printed ------------------------------------------------------------------------------------

    @cached_property
    def expected(self) -> str:
        """The output of the program."""
        lines = [f"constructor {unit.number} 0" for unit in self.program.at("shared") if unit.constructors]
        ordered = sorted(
            (priority or 65536, place, unit.number, index)
            for place, unit in enumerate(self.loaded)
            for index, priority in enumerate(unit.constructors)
        )
        lines += [f"constructor {number} {index}" for _, _, number, index in ordered]
        classes: dict[tuple[int, str], int] = {}
        for unit in [*self.loaded, *self.program.at("shared")]:
            lines += [
                f"{unit.number}: {use.name} = {self.value_of(unit, use)}" for use in unit.uses if not use.dead
            ]
            for text in unit.strings:
                output = unit.number if unit.home == "shared" else 0
                first = classes.setdefault((output, text), len(classes))
                lines += [f'{unit.number}: "{text}" is string {first}', f'{unit.number}: "{text[2:]}"']
        return "".join(f"{line}\n" for line in lines)

    def value_of(self, unit: Unit, use: Use) -> int:
        if unit.home == "shared":
            return self.in_shared(unit, use).value
        name = self.referred(unit, use.name)
        return self.in_executable(name, use.weak).value

    # --- what is collected ----------------------------------------------------------------------------------

    @cached_property
    def kept(self) -> tuple[set[str], set[str]]:
        """With --gc-sections: names of the executable that must be there, and that must not."""
        live = {self.referred(unit, use.name) for unit in self.loaded for use in unit.uses if not use.dead}
        live |= {name.removeprefix("__wrap_") for name in live if name.startswith("__wrap_")}
        mentioned = {use.name for unit in self.program.at("shared") for use in unit.uses}
        mentioned |= {one.name for unit in self.program.at("shared") for one in unit.definitions}
        own = {one.name for unit in self.loaded for one in unit.definitions if one.binding != "common"}
        return {name for name in own if name in live}, {name for name in own if name not in live | mentioned}
