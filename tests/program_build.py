"""Compile and link one configuration of a program test with one linker.

Every pair of configuration and linker has a folder of its own, `build/programs/TEST/CONFIG/LINKER`, so that
references to it (`$OUT_DIR`) hold for each linker alike. Objects come from the cache of `programs` by hard link:
they depend on sources, arguments and compiler only. What the reference linkers made is kept with a key of
everything that it depends on, so a second run of a test costs only the link that is under test.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import directives
from directives import Config, Input
from linking import LANGUAGE_OF_LINKER, LINK_TIMEOUT, driver_command, linker_under_test
from programs import ROOT, cached, identity, tool

FOLDER = Path(os.environ.get("WILD_PROGRAM_BUILD", ROOT / "build" / "programs"))
COMPILED = (".c", ".cc", ".cpp", ".s", ".S")
CXX = (".cc", ".cpp")
INTERPRETER = "/lib64/ld-linux-x86-64.so.2"
MODES = {"static": ("-static",), "dynamic": ("-dynamic-linker", INTERPRETER), "unspecified": ()}
RUST_LINKER = "clang"


@cache
def linker_path(linker: str) -> str:
    """Path of one of the linkers a test can name; skips the test where there is none."""
    return linker_under_test() if linker == "wild" else tool({"ld": "ld", "lld": "ld.lld"}[linker])


@cache
def tree_digest(folder: Path) -> str:
    """Changes with any file of a test, headers and scripts included."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(f"{path.name}\0{path.stat().st_size}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def digest_of_sources(config: Config) -> str:
    folder = config.source.parent
    return tree_digest(folder) + tree_digest(folder.parent / "common")


def compiler_of(config: Config, suffix: str) -> str:
    family = str(config["Compiler"])
    return {"gcc": "g++", "clang": "clang++"}[family] if suffix in CXX else family


@dataclass
class Done:
    """How a link went: its exit status and what it said."""

    status: int
    stdout: str
    stderr: str

    @property
    def text(self) -> str:
        return self.stdout + self.stderr


@dataclass
class Build:
    """One configuration with one linker."""

    config: Config
    linker: str
    commands: list[str] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        return FOLDER / self.config.source.parent.name / self.config.name / self.linker

    @property
    def output(self) -> Path:
        """The file that the final link makes; `-o` in LinkArgs names another."""
        arguments = self.link_arguments()
        if "-o" in arguments[:-1]:
            return self.folder / arguments[arguments.index("-o") + 1]
        return self.folder / "out"

    def run(self) -> Done:
        """Compile everything and link it, from an empty folder."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        if self.config.source.suffix == ".rs":
            return self.link_rust()
        return self.final_link()

    # --- inputs ---------------------------------------------------------------------------------------------

    def find(self, name: str) -> Path:
        """Where a file is: in the test's folder, or in `common`; else the path as it stands."""
        folder = self.config.source.parent
        shared = folder.parent / "common" / name
        return shared if shared.is_file() and not (folder / name).is_file() else folder / name

    def compile(self, path: Path, args: Sequence[str], config: Config, for_shared: bool = False) -> Path:
        """The object made of a source; any other file is taken as it is."""
        if path.suffix not in COMPILED:
            return path
        general = (
            config["CompSoArgs"] if for_shared and config["CompSoArgs"] is not None else config["CompArgs"]
        )
        program = tool(compiler_of(config, path.suffix))
        variant = [f"-DVARIANT={config['Variant']}"] if config["Variant"] is not None else []
        flags = [word.replace("$OUT_DIR", str(self.folder)) for word in (*general, *args)]
        command = [program, *variant, "-Werror=attributes", "-c", str(path), *flags, "-o", "{output}"]
        made = cached(f"{path.name}.o", (path.suffix, identity(program), digest_of_sources(config)), command)
        digest = made.parent.name[:6]
        here = self.folder / made.name
        if here.exists() and not here.samefile(made):
            here = self.folder / f"{path.name}.{digest}.o"
        return here if here.exists() else place(made, here)

    def compile_input(self, given: Input, config: Config) -> list[Path]:
        return [self.compile(self.find(name), args, config) for name, args in given.files]

    def make_input(self, given: Input) -> list[str]:
        """The words of the command line that an input becomes."""
        makers: dict[str, Callable[[Input], Path]] = {
            "Object": lambda one: self.compile_input(one, self.config)[0],
            "LinkerScript": lambda one: self.find(one.files[0][0]),
            **dict.fromkeys(directives.ARCHIVE_KINDS, self.make_archive),
            "Shared": self.make_shared,
            "Relocatable": self.make_shared,
        }
        made = str(makers[given.kind](given))
        placed = [word.replace("$O", made) for word in given.template]
        return self.script_option(placed) if given.kind == "LinkerScript" else placed

    def script_option(self, words: list[str]) -> list[str]:
        return [f"-Wl,-T,{words[0]}"] if self.through_driver else ["-T", *words]

    def make_archive(self, given: Input) -> Path:
        first = self.find(given.files[0][0])
        if len(given.files) == 1 and first.suffix == ".a":
            return first
        made = self.folder / f"{first.stem}.a"
        members = [os.path.relpath(path, self.folder) for path in self.compile_input(given, self.config)]
        command = {
            "Archive": ["gcc-ar" if self.config["RequiresLinkerPlugin"] else "ar", "cr"],
            "ThinArchive": ["ar", "cr", "--thin"],
            # No symbol table, as with `ar` of BSD without `s`: members have to be looked through.
            "BsdArchive": [tool("llvm-ar"), "--format=bsd", "rcS"],
            "NoIndexArchive": ["ar", "crS"],
            # The index of archives beyond 4 GiB, which llvm-ar writes from this size on.
            "Sym64Archive": ["env", "SYM64_THRESHOLD=1", tool("llvm-ar"), "cr"],
        }[given.kind]
        self.must([*command, made.name, *members])
        return made

    def make_shared(self, given: Input) -> Path:
        """Link the files of a `Shared` or `Relocatable` input."""
        shared = given.kind == "Shared"
        first = self.find(given.files[0][0])
        if len(given.files) == 1 and first.suffix not in COMPILED:
            return first
        inputs: list[str] = []
        for name, args in given.files:
            path = self.find(name)
            if path.suffix not in COMPILED:
                inputs.append(str(path))
                continue
            if not shared:
                inputs.append(str(self.compile(path, args, self.config)))
                continue
            nested = directives.parse_nested(path, self.config)
            inputs.append(str(self.compile(path, args, nested, for_shared=True)))
            inputs += [word for further in nested.inputs for word in self.make_input(further)]
        made = self.folder / f"{first.stem}{'.so' if shared else '.rel.o'}"
        single = self.config["SoSingleLinker"]
        start = self.command_start(str(single or self.linker), relocatable=not shared)
        more = [self.in_words(word) for word in self.config["LinkSoArgs"]]
        kind = "-shared" if shared else "-r"
        self.must([*start, *self.link_arguments(for_shared=True), *more, kind, "-o", str(made), *inputs])
        return made

    # --- links ----------------------------------------------------------------------------------------------

    @property
    def through_driver(self) -> bool:
        return self.config["LinkerDriver"] != "none"

    def command_start(self, linker: str, relocatable: bool = False) -> list[str]:
        path = linker_path(linker)
        if self.through_driver:
            return driver_command(str(self.config["LinkerDriver"]), path)
        partial = relocatable or "-r" in self.link_arguments()
        collect = () if partial else ("--gc-sections",)
        return [path, *MODES[str(self.config["Mode"])], *collect]

    def in_words(self, word: str) -> str:
        return word.replace("$OUT_DIR", str(self.folder))

    def link_arguments(self, for_shared: bool = False) -> list[str]:
        """LinkArgs, in which the first `./name` stands for that file of the test."""
        text = " ".join(self.config["LinkArgs"])
        begin = text.find("./")
        while begin > 0 and text[begin - 1] in "./":
            begin = text.find("./", begin + 1)
        if begin >= 0:
            name = text[begin:].split(" ")[0].split(",")[0]
            text = text.replace(name, str(self.find(name.removeprefix("./"))))
        found = [self.in_words(word) for word in text.split(" ") if word]
        return without_output(found) if for_shared else found

    def final_command(self) -> list[str]:
        made = [str(self.compile(self.config.source, (), self.config))]
        for given in self.config.inputs:
            made += self.make_input(given)
        arguments = self.link_arguments()
        named = () if "-o" in arguments else ("-o", str(self.output))
        more = self.config["WildExtraLinkArgs"] if self.linker == "wild" else ()
        inputs = made if self.config["AutoAddObjects"] else []
        return [*self.command_start(self.linker), *arguments, *more, *named, *inputs]

    def final_link(self) -> Done:
        command = self.final_command()
        if self.linker == "wild" and self.config["DriverMode"]:
            return self.link_by_saved_script(command)
        return self.execute(command)

    def link_again_in_place(self, before: bytes) -> Done:
        """The last link again, over an output of which every byte is wrong."""
        self.output.write_bytes(bytes(255 - byte for byte in before))
        option = "-Wl,--update-in-place" if self.through_driver else "--update-in-place"
        return self.execute([*shlex.split(self.commands[-1].partition(" && ")[2]), option])

    def remove_sections(self) -> None:
        for name in self.config["RemoveSection"]:
            self.must(["objcopy", f"--remove-section={name}", str(self.output)])

    def link_by_saved_script(self, command: list[str]) -> Done:
        """Write the command to a response file, save that link, and link by the script of the copy."""
        response, saved = self.folder / "command.rsp", self.folder / "saved"
        response.write_text("\n".join(f'"{word}"' for word in command[1:]))
        first = self.execute([command[0], f"@{response}"], WILD_SAVE_DIR=str(saved))
        if first.status:
            return first
        self.output.unlink()
        return self.execute([str(saved / "run-with"), linker_path("wild")], OUT=str(self.output))

    def link_rust(self) -> Done:
        driver = [f"-Clink-arg=--ld-path={linker_path(self.linker)}", f"-Clinker={tool(RUST_LINKER)}"]
        made = [word for given in self.config.inputs for word in self.make_input(given)]
        more = self.config["WildExtraLinkArgs"] if self.linker == "wild" else ()
        linked = [f"-Clink-arg={word}" for word in (*made, *(f"-Wl,{word}" for word in more))]
        flags = [self.in_words(word) for word in self.config["CompArgs"]]
        source = str(self.config.source)
        return self.execute([tool("rustc"), *driver, *linked, *flags, source, "-o", str(self.output)])

    # --- processes ------------------------------------------------------------------------------------------

    def execute(self, command: Iterable[str], **environment: str) -> Done:
        line = list(command)
        settings = "".join(f"{key}={shlex.quote(value)} " for key, value in environment.items())
        self.commands.append(f"cd {self.folder} && {settings}{shlex.join(line)}")
        done = subprocess.run(
            line,
            cwd=self.folder,
            env={**LANGUAGE_OF_LINKER, **environment},
            capture_output=True,
            text=True,
            errors="replace",
            timeout=LINK_TIMEOUT,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def must(self, command: Iterable[str]) -> None:
        done = self.execute(command)
        assert done.status == 0, f"{self.commands[-1]}\nfailed:\n{done.text}"


def without_output(arguments: list[str]) -> list[str]:
    """The arguments less `-o FILE`: that is the name of the program, not of what it is linked with."""
    if "-o" not in arguments:
        return arguments
    place = arguments.index("-o")
    return arguments[:place] + arguments[place + 2 :]


def place(cached_file: Path, here: Path) -> Path:
    """Put a cached object into a build folder; the two may be on different file systems."""
    try:
        os.link(cached_file, here)
    except OSError:
        shutil.copyfile(cached_file, here)
    return here
