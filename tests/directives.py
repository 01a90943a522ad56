"""The language of the program tests: from the comments of a source file to configurations.

`DIRECTIVES` is the language; docs/program-tests.md is its manual, and a test holds the two to each other. A
configuration is a mapping from the name of a directive to its value. What accumulates is a list there, in the
order of the file, the parent's part first; what replaces is the last value, or the default of the table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PREFIX = "//#"
PRIMARY_SUFFIXES = (".rs", ".c", ".cc", ".s")
ARCHITECTURES = frozenset({"x86_64", "aarch64", "riscv64", "loongarch64"})
LINKERS = frozenset({"ld", "lld", "wild"})
DRIVERS = frozenset({"gcc", "g++", "clang", "clang++", "none"})
DEFAULT = "default"


class DirectiveError(ValueError):
    """A mistake in a test's comments; the text begins with file and line."""


@dataclass(frozen=True)
class Input:
    """One input of the link: files with the arguments for compiling each, and how it is put in the command."""

    kind: str
    files: tuple[tuple[str, tuple[str, ...]], ...]
    template: tuple[str, ...] = ("$O",)


@dataclass(frozen=True)
class Expected:
    """An expectation about something that has a name: `name prop=value,prop=value`."""

    name: str
    properties: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Pair:
    """Two texts that a colon or an equals sign separates."""

    first: str
    second: str


# --- readers of arguments ------------------------------------------------------------------------------------


def words(text: str) -> tuple[str, ...]:
    """Words between single spaces; there is no quoting."""
    return tuple(word for word in text.split(" ") if word)


def comma_list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(f"{text!r} is neither true nor false")
    return text == "true"


def number(text: str) -> int:
    try:
        return int(text, 0)
    except ValueError:
        raise ValueError(f"{text!r} is not a number") from None


def regex(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is not a regular expression: {error}") from None
    if not text:
        raise ValueError("an empty pattern matches everything")
    return text


def name(text: str) -> str:
    if not text or " " in text:
        raise ValueError(f"{text!r} is not one word")
    return text


def one_of(choices: frozenset[str]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in choices:
            raise ValueError(f"{text!r} is none of {', '.join(sorted(choices))}")
        return text

    return read


def several_of(choices: frozenset[str]) -> Callable[[str], tuple[str, ...]]:
    return lambda text: tuple(one_of(choices)(part) for part in comma_list(text))


def pair(separator: str, second: Callable[[str], object] = str) -> Callable[[str], Pair]:
    """Reads `first<separator>second`; the second part must be readable as told."""

    def read(text: str) -> Pair:
        first, found, rest = text.partition(separator)
        if not found or not first:
            raise ValueError(f"{text!r} has not the form FIRST{separator}SECOND")
        second(rest)
        return Pair(first.strip(), rest.strip())

    return read


def expected(*keys: str, needs: tuple[tuple[str, str], ...] = ()) -> Callable[[str], Expected]:
    """Reads `name` or `name key=value,key=value`, where a value may stand in double quotes."""

    def read(text: str) -> Expected:
        subject, _, rest = text.partition(" ")
        found = tuple((key.strip(), value.strip().strip('"')) for key, value in split_properties(rest))
        for key, _value in found:
            if key not in keys:
                raise ValueError(f"{key!r} is no property of this; known are {', '.join(keys)}")
        given = {key for key, _ in found}
        for key, other in needs:
            if key in given and other not in given:
                raise ValueError(f"{key} needs {other}")
        return Expected(name(subject), found)

    return read


def split_properties(text: str) -> Iterator[tuple[str, str]]:
    for part in comma_list(text):
        key, found, value = part.partition("=")
        if not found:
            raise ValueError(f"{part!r} has not the form key=value")
        yield key, value


def input_reader(kind: str) -> Callable[[str], Input]:
    """Reads `file[:args][,file[:args]]`, with `template(words $O words):` before it if wanted."""

    def read(text: str) -> Input:
        template: tuple[str, ...] = ("$O",)
        if text.startswith("template("):
            inside, found, text = text.removeprefix("template(").partition("):")
            template = words(inside)
            if not found:
                raise ValueError("a template has the form template(words $O words):file")
        parts = [text] if kind in ("Object", "LinkerScript") else text.split(",")
        files = tuple(
            (file.strip(), words(args)) for file, _, args in (part.partition(":") for part in parts)
        )
        if not all(file for file, _ in files):
            raise ValueError("a file name is missing")
        return Input(kind, files, template)

    return read


# --- the language --------------------------------------------------------------------------------------------

ARCHIVE_KINDS = ("Archive", "ThinArchive", "BsdArchive", "NoIndexArchive", "Sym64Archive")
INPUT_KINDS = ("Object", *ARCHIVE_KINDS, "Shared", "Relocatable", "LinkerScript")
SYMBOL = expected(
    "section", "offset-in-section", "address", "size", "binding", "type", "visibility",
    needs=(("offset-in-section", "section"),),
)  # fmt: skip


@dataclass(frozen=True)
class Directive:
    """How an argument is read, whether further ones add to it or replace it, and the value without any."""

    read: Callable[[str], object]
    accumulates: bool = False
    default: object = None


def replaced(read: Callable[[str], object], default: object = None) -> Directive:
    return Directive(read, default=default)


def collected(read: Callable[[str], object]) -> Directive:
    return Directive(read, accumulates=True)


DIRECTIVES: dict[str, Directive] = {
    **{kind: collected(input_reader(kind)) for kind in INPUT_KINDS},
    "AutoAddObjects": replaced(boolean, True),
    # compiling
    "Compiler": replaced(one_of(frozenset({"gcc", "clang"})), "gcc"),
    "CompArgs": replaced(words, ()),
    "CompSoArgs": replaced(words),
    "Variant": replaced(number),
    # linking
    "LinkerDriver": replaced(one_of(DRIVERS), "none"),
    "Mode": replaced(one_of(frozenset({"static", "dynamic", "unspecified"})), "static"),
    "LinkArgs": replaced(words, ("-z", "now")),
    "LinkSoArgs": replaced(words, ("-z", "now")),
    "WildExtraLinkArgs": replaced(words, ()),
    "SoSingleLinker": replaced(one_of(LINKERS)),
    "RemoveSection": collected(name),
    "DriverMode": replaced(one_of(frozenset({"save-dir-response"}))),
    # the link
    "ExpectError": collected(regex),
    "ExpectWarning": collected(regex),
    "ExpectMessage": collected(regex),
    "NoMessage": collected(regex),
    "AssertOutputFileMatches": collected(pair(":", regex)),
    # the output
    "ExpectSym": collected(SYMBOL),
    "ExpectDynSym": collected(SYMBOL),
    "NoSym": collected(name),
    "NoDynSym": collected(name),
    "ExpectDynamic": collected(name),
    "NoDynamic": collected(name),
    "ExpectComment": collected(str),
    "Contains": collected(str),
    "DoesNotContain": collected(str),
    "ExpectLoadAlignment": replaced(number),
    "ExpectSectionBytes": collected(pair("=0x", bytes.fromhex)),
    "MaxThunks": replaced(number, 0),
    "ExpectSection": collected(expected("type", "flags", "align", "size", "entsize", "address", "count")),
    "NoSection": collected(name),
    "ExpectSegment": collected(expected("flags", "align", "file-size", "size", "address", "count")),
    "NoSegment": collected(name),
    "ExpectRelocation": collected(expected("symbol", "count")),
    "NoRelocation": collected(expected("symbol")),
    "ExpectCode": collected(pair(":", regex)),
    "NoCode": collected(pair(":", regex)),
    "ExpectReadelf": collected(pair(":", regex)),
    "NoReadelf": collected(pair(":", regex)),
    "ReferenceChecked": replaced(boolean, True),
    # running
    "RunEnabled": replaced(boolean, True),
    "RunDynSym": replaced(name),
    "ExpectStdout": collected(regex),
    # where
    "Arch": replaced(several_of(ARCHITECTURES)),
    "SkipArch": replaced(several_of(ARCHITECTURES), ()),
    "Cross": replaced(boolean, True),
    "SkipLinker": collected(one_of(LINKERS)),
    "EnableLinker": collected(one_of(LINKERS)),
    "RequiresGlibc": replaced(boolean, False),
    "RequiresGlibcVersion": replaced(str),
    "RequiresSFrameBacktrace": replaced(boolean, False),
    "RequiresCompilerFlags": collected(words),
    "RequiresLinkerPlugin": replaced(boolean, False),
    "RequiresNightlyRustc": replaced(boolean, False),
    "RequiresRustMusl": replaced(boolean, False),
    # comparing
    "DiffIgnore": collected(name),
    "SecEquiv": collected(pair("=")),
    "DiffEnabled": replaced(boolean, True),
    "TestUpdateInPlace": replaced(boolean, False),
}  # fmt: skip
STRUCTURE = ("Config", "AbstractConfig")
NOT_INHERITED = ("Variant",)


@dataclass
class Config:
    """One way to build a program and what is expected of it: `config["LinkArgs"]`."""

    source: Path
    name: str
    abstract: bool = False
    values: dict[str, object] = field(default_factory=dict)
    inputs: list[Input] = field(default_factory=list)

    def __getitem__(self, directive: str) -> Any:
        row = DIRECTIVES[directive]
        return self.values.get(directive, [] if row.accumulates else row.default)

    def __contains__(self, directive: object) -> bool:
        return directive in self.values

    @property
    def id(self) -> str:
        return f"{self.source.parent.name}/{self.name}"

    def child(self, name: str, abstract: bool = False) -> Config:
        """A configuration that begins as a copy of this one."""
        values = {
            key: list(value) if isinstance(value, list) else value
            for key, value in self.values.items()
            if key not in NOT_INHERITED
        }
        return Config(self.source, name, abstract, values, list(self.inputs))

    def add(self, directive: str, text: str, here: set[str]) -> None:
        """Take in one line; `here` holds the directives that stood in this configuration itself."""
        row = DIRECTIVES[directive]
        value = row.read(text)
        if isinstance(value, Input):
            self.inputs.append(value)
        elif row.accumulates:
            self.values.setdefault(directive, []).append(value)
        else:
            self.values[directive] = value
        here.add(directive)
        self.drop_what_is_excluded(directive, here)

    def drop_what_is_excluded(self, directive: str, here: set[str]) -> None:
        """A driver decides about the mode itself; and a variant is one."""
        for one, other in (("LinkerDriver", "Mode"), ("Mode", "LinkerDriver")):
            if directive == one and self[one] not in ("none", "unspecified"):
                if other in here and self[other] not in ("none", "unspecified"):
                    raise ValueError("LinkerDriver and Mode exclude each other")
                self.values.pop(other, None)


def lines_of(path: Path) -> Iterator[tuple[int, str, str]]:
    """Line number, name and argument of each directive of a source."""
    for row, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
        stripped = line.strip()
        if not stripped.startswith(PREFIX):
            continue
        directive, colon, argument = stripped.removeprefix(PREFIX).partition(":")
        if not colon:
            raise DirectiveError(f"{path}:{row}: {stripped!r} has no colon")
        yield row, directive.strip(), argument.strip()


class Parser:
    """Reads the directives of one file; configurations that have ended are in `done`."""

    def __init__(self, path: Path, base: Config | None = None) -> None:
        self.path = path
        self.base = base
        self.done: dict[str, Config] = {}
        self.current = base.child(base.name) if base else Config(path, DEFAULT)
        self.here: set[str] = set()
        self.implicit = True

    def parse(self) -> list[Config]:
        for row, directive, argument in lines_of(self.path):
            try:
                if directive in STRUCTURE:
                    self.begin(argument, directive == "AbstractConfig")
                elif directive not in DIRECTIVES:
                    raise ValueError(f"unknown directive {directive!r}")
                else:
                    if directive == "Variant" and directive in self.here:
                        raise ValueError("a configuration has one variant")
                    self.current.add(directive, argument, self.here)
            except ValueError as error:
                raise DirectiveError(f"{self.path}:{row}: {error}") from None
        self.end()
        return list(self.done.values())

    def begin(self, argument: str, abstract: bool) -> None:
        own, _, parent = argument.partition(":")
        self.end()
        if own in self.done:
            raise ValueError(f"configuration {own!r} stands twice")
        if parent and parent not in self.done:
            known = "it does not exist" if parent != own else "it has not ended"
            raise ValueError(f"parent {parent!r}: {known}")
        start = self.done[parent] if parent else self.base or Config(self.path, DEFAULT)
        self.current = start.child(name(own), abstract)
        self.here, self.implicit = set(), False

    def end(self) -> None:
        if not self.implicit or self.here:
            self.done[self.current.name] = self.current


def primary_source(folder: Path) -> Path:
    """The file that is named like the folder."""
    for suffix in PRIMARY_SUFFIXES:
        if (path := folder / f"{folder.name}{suffix}").is_file():
            return path
    raise DirectiveError(f"{folder}: no source is named like the folder")


def parse_test(folder: Path) -> list[Config]:
    """The configurations of a test that are not abstract."""
    path = primary_source(folder)
    found = [config for config in Parser(path).parse() if not config.abstract]
    if not found:
        raise DirectiveError(f"{path}: no directive makes a configuration of it")
    return found


def parse_nested(path: Path, config: Config) -> Config:
    """What a source of a shared object says, beginning from the configuration that names it."""
    base = config.child(config.name)
    base.inputs = []
    found = Parser(path, base).parse()
    if len(found) > 1:
        raise DirectiveError(f"{path}: a source of a shared object holds one configuration only")
    return found[0] if found else base
