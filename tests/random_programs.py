"""Random programs: made from a seed, linked, run, compared with what they must print, and made small if they fail."""

from __future__ import annotations

import os
import random
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from elf import Elf
from linking import LANGUAGE_OF_LINKER, LINK_TIMEOUT, RUN_TIMEOUT
from programs import compile_c
from random_model import Definition, InvalidError, Meaning, Program, Unit, Use
from random_source import RUNTIME, Source, main_source

LOADER = "/lib64/ld-linux-x86-64.so.2"
WORDS = ("merge", "emerge", "string", "stringent", "link", "linker", "a longer text", "xy")
OPTIONS = (
    "--no-relax",
    "-O2",
    "-z now",
    "-z lazy",
    "--hash-style=both",
    "-z noseparate-code",
    "--build-id",
    "-s",
)
DYNAMIC_OPTIONS = ("--export-dynamic", "-z combreloc")
ATTEMPTS, SHRINKS = 50, 400


# --- making them ---------------------------------------------------------------------------------------------


def make_program(seed: int) -> Program:
    """The program of a seed: of the random ones, the first that means something."""
    for attempt in range(ATTEMPTS):
        program = Maker(random.Random(f"{seed}.{attempt}"), seed).program()
        try:
            Meaning(program)
        except InvalidError:
            continue
        return program
    return Program(seed, "static", (Unit(1, "object"),))


class Maker:
    """Makes up one program."""

    def __init__(self, chance: random.Random, seed: int) -> None:
        self.chance = chance
        self.seed = seed
        self.mode = chance.choice(("static", "exec", "pie"))
        self.collects = chance.random() < 0.5
        self.value = 0

    def program(self) -> Program:
        objects, members = self.chance.randint(1, 4), self.chance.choice((0, 0, 1, 2, 3))
        libraries = 0 if self.mode == "static" else self.chance.choice((0, 1, 1, 2))
        homes = ["object"] * objects + ["member"] * members + ["shared"] * libraries
        definitions: list[list[Definition]] = [[] for _ in homes]
        for number in range(self.chance.randint(3, 14)):
            self.define(f"{self.chance.choice('fffdddtc')}{number}", homes, definitions)
        names = sorted({one.name for unit in definitions for one in unit})
        wrapped = self.wrap(homes, definitions)
        uses = [self.uses(home, [*names, *wrapped] if home == "object" else names) for home in homes]
        with_constructor = self.chance.choice(
            [number for number, home in enumerate(homes) if home == "shared"] or [-1]
        )
        units = tuple(
            Unit(
                number + 1,
                home,
                tuple(definitions[number]),
                uses[number],
                self.constructors(number, home, number == with_constructor),
                tuple(self.chance.sample(WORDS, self.chance.randint(0, 3))),
            )
            for number, home in enumerate(homes)
        )
        symbolic = ("-Bsymbolic",) if self.chance.random() < 0.15 else ()
        return Program(self.seed, self.mode, units, wrapped, self.options(), symbolic)

    def options(self) -> tuple[str, ...]:
        known = OPTIONS if self.mode == "static" else OPTIONS + DYNAMIC_OPTIONS
        chosen = [word for option in known if self.chance.random() < 0.15 for word in option.split()]
        return (*chosen, "--gc-sections") if self.collects else tuple(chosen)

    def define(self, name: str, homes: list[str], definitions: list[list[Definition]]) -> None:
        """Put definitions of a name into some units, mostly so that linkers accept it."""
        places = [place for place in range(len(homes)) if self.chance.random() < 0.35]
        strong = False
        members = 0
        for place in places or [self.chance.randrange(len(homes))]:
            home = homes[place]
            members += home == "member"
            if home == "member" and members > 1:
                continue
            binding = "weak" if name[0] == "c" or self.chance.random() < 0.3 else "strong"
            if home != "shared" and name[0] == "d" and self.chance.random() < 0.2:
                binding = "common"
            if home == "object" and binding == "strong":
                binding, strong = ("weak" if strong else "strong"), True
            self.value += 1
            definitions[place].append(Definition(name, binding, self.visibility(home, binding), self.value))

    def visibility(self, home: str, binding: str) -> str:
        if binding == "common" or self.chance.random() < 0.75:
            return "default"
        return "hidden" if home != "shared" or self.chance.random() < 0.5 else "protected"

    def wrap(self, homes: list[str], definitions: list[list[Definition]]) -> tuple[str, ...]:
        objects = [place for place, home in enumerate(homes) if home == "object"]
        if self.chance.random() < 0.7:
            return ()
        for name in ("w0", "__wrap_w0"):
            self.value += 1
            definitions[self.chance.choice(objects)].append(Definition(name, "strong", "default", self.value))
        return ("w0",)

    def uses(self, home: str, names: list[str]) -> tuple[Use, ...]:
        chosen = self.chance.sample(names, min(len(names), self.chance.randint(0, 6)))
        found = []
        for name in chosen:
            plain = name[0] not in "tw"
            weak = plain and self.chance.random() < 0.2
            dead = plain and home != "shared" and self.chance.random() < 0.15
            found.append(Use(name, self.chance.randrange(60), weak, dead))
        return tuple(found)

    def constructors(self, number: int, home: str, one: bool) -> tuple[int, ...]:
        if home == "shared":
            return (0,) if one and self.chance.random() < 0.5 else ()
        if home == "member":
            return (20000 + number,) if self.chance.random() < 0.3 else ()
        count = self.chance.choice((0, 0, 1, 2))
        return tuple(
            self.chance.choice((0, 101, 500, 65535, self.chance.randint(200, 9999))) for _ in range(count)
        )


# --- building them -------------------------------------------------------------------------------------------


@cache
def runtime(mode: str) -> Path:
    flags = ("-O1", "-fPIE", "-fno-stack-protector", "-ffreestanding", "-fcf-protection=none")
    return compile_c(RUNTIME, *flags, f"-DSTATIC={int(mode == 'static')}", name="runtime")


@cache
def libc() -> str:
    command = ["gcc", "-print-file-name=libc.so.6"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@dataclass
class Build:
    """One program in a folder, linked by one linker; the commands that were run."""

    program: Program
    folder: Path
    commands: list[str] = field(default_factory=list)

    def execute(self, command: list[str], timeout: float = LINK_TIMEOUT) -> subprocess.CompletedProcess[str]:
        self.commands.append(shlex.join(command))
        return subprocess.run(
            command,
            cwd=self.folder,
            env={**LANGUAGE_OF_LINKER, "LD_LIBRARY_PATH": "."},
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )

    def assemble(self, meaning: Meaning) -> None:
        """All units; they are the same for every linker."""
        for unit in self.program.units:
            (self.folder / f"unit{unit.number}.s").write_text(Source(meaning, unit).text())
        (self.folder / "main.s").write_text(main_source(meaning))
        for name in ("main", *(f"unit{unit.number}" for unit in self.program.units)):
            done = self.execute(["as", "-o", f"{name}.o", f"{name}.s"])
            assert done.returncode == 0, f"{self.folder}/{name}.s: {done.stderr}"
        members = [f"unit{unit.number}.o" for unit in self.program.at("member")]
        if members:
            self.execute(["ar", "rcs", "library.a", *members])

    def link(self, linker: str) -> str:
        """Link the shared objects and the program; the complaint of a link that fails."""
        libraries = []
        for unit in self.program.at("shared"):
            name = f"libunit{unit.number}.so"
            command = [linker, "-shared", f"-soname={name}", *self.program.library_options]
            done = self.execute([*command, "-o", name, f"unit{unit.number}.o"])
            if done.returncode:
                return f"{name}: {done.stdout}{done.stderr}"
            libraries.append(name)
        done = self.execute([linker, *self.arguments(), "-o", "program", *self.inputs(libraries)])
        return done.stdout + done.stderr if done.returncode else ""

    def arguments(self) -> list[str]:
        mode = {"static": ["-static"], "exec": [], "pie": ["-pie"]}[self.program.mode]
        loader = [] if self.program.mode == "static" else ["-dynamic-linker", LOADER]
        return [*mode, *loader, *(f"--wrap={name}" for name in self.program.wrapped), *self.program.options]

    def inputs(self, libraries: list[str]) -> list[str]:
        objects = [f"unit{unit.number}.o" for unit in self.program.at("object")]
        members = self.program.at("member")
        archive = ["--start-group", "library.a", "--end-group"] if members else []
        # The loader calls functions of libc when a program has it among its libraries, as it must for TLS.
        system = [] if self.program.mode == "static" else [libc(), LOADER]
        return ["main.o", str(runtime(self.program.mode)), *objects, *archive, *libraries, *system]

    def faults(self, linker: str, meaning: Meaning) -> str:
        """What is wrong with what a linker makes of the program; empty if nothing is."""
        complaint = self.link(linker)
        if complaint:
            return f"the link failed: {complaint}"
        try:
            done = self.execute(["./program"], RUN_TIMEOUT)
        except subprocess.TimeoutExpired:
            return "the program does not end"
        if done.returncode:
            return f"the program ended with {done.returncode}\n{done.stdout}{done.stderr}"
        if done.stdout != meaning.expected:
            return f"the program printed\n{done.stdout}and should have printed\n{meaning.expected}"
        return self.wrongly_kept(meaning)

    def wrongly_kept(self, meaning: Meaning) -> str:
        """With --gc-sections: symbols that should not be there, or should."""
        options = self.program.options
        if not self.program.collects or "-s" in options:
            return ""
        have = {symbol.name for symbol in Elf((self.folder / "program").read_bytes()).symbol_list}
        wanted, unwanted = meaning.kept
        unwanted = unwanted | {f"dead_{unit.number}" for unit in self.program.units}
        wrong = [f"{name} was dropped" for name in sorted(wanted - have)]
        wrong += [f"{name} was kept" for name in sorted(unwanted & have)]
        return "\n".join(wrong)


def fault_of(program: Program, linkers: list[str], folder: Path) -> str:
    """Build a program with some linkers; the first fault, with the linker's name and the commands."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    meaning = Meaning(program)
    build = Build(program, folder)
    build.assemble(meaning)
    assembled = len(build.commands)
    for linker in linkers:
        del build.commands[assembled:]
        found = build.faults(linker, meaning)
        if found:
            commands = "\n".join([f"cd {folder}", *build.commands])
            return f"{os.path.basename(linker)}: {found}\n{commands}"
    return ""


# --- making them small ---------------------------------------------------------------------------------------


def smaller(program: Program) -> Iterator[Program]:
    """Programs with one part less, the large parts first."""
    for index, unit in enumerate(program.units):
        if len(program.units) > 1:
            yield replace(program, units=program.units[:index] + program.units[index + 1 :])
        for field_name in ("definitions", "uses", "constructors", "strings"):
            parts = getattr(unit, field_name)
            for place in range(len(parts)):
                less = replace(unit, **{field_name: parts[:place] + parts[place + 1 :]})
                yield replace(program, units=(*program.units[:index], less, *program.units[index + 1 :]))
    if program.wrapped:
        yield replace(program, wrapped=())
    if program.library_options:
        yield replace(program, library_options=())
    for option in program.options:
        if option != "-z":
            yield replace(program, options=without(program.options, option))


def without(options: tuple[str, ...], option: str) -> tuple[str, ...]:
    """The options less one; a keyword goes with its -z."""
    place = options.index(option)
    start = place - 1 if place and options[place - 1] == "-z" else place
    return options[:start] + options[place + 1 :]


def shrink(program: Program, fails: Callable[[Program], bool]) -> Program:
    """A small program that still fails: parts are taken out as long as it does."""
    tries = 0
    progress = True
    while progress:
        progress = False
        for candidate in smaller(program):
            tries += 1
            if tries > SHRINKS:
                return program
            try:
                Meaning(candidate)
            except InvalidError:
                continue
            if fails(candidate):
                program, progress = candidate, True
                break
    return program


@cache
def reference_linkers() -> list[str]:
    """GNU ld and lld, where they are there."""
    found = [
        shutil.which(name)
        for name in ("ld", "ld.lld", *(f"ld.lld-{version}" for version in range(24, 13, -1)))
    ]
    return [path for path in found if path][:2]
