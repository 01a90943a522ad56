#!/usr/bin/env python3
"""Build the programs that linkers are compared on.

A corpus is one link, frozen in a directory of its own: `cmd` holds the linker's arguments, one a line, without the
linker and without -o, as the compiler driver handed them to a stand-in for `ld`; `in/` holds the inputs that are not
files of the system; `meta.json` says what the output has to do.  A linker is run in that directory: `ld @cmd -o OUT`.

    corpora.py                what there is, what is built, what cannot be built here
    corpora.py build [NAME…]  build; `quick` (seconds each) and `all` are names, too
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import generated

ROOT = Path(os.environ.get("WILD_BENCH_DIR") or Path.home() / ".cache" / "wild-bench")
SYSTEM = ("/usr/", "/lib/", "/lib64/")
CAPTURE = "WILD_BENCH_CAPTURE"  # names the file that the stand-in for `ld` writes
DROPPED = {
    "-o",
    "-plugin",
    "--plugin",
}  # with a value; the compiler's own plug-in does not change these links


class CannotBuildError(Exception):
    """Something is not installed; the text says what."""


@dataclass
class Corpus:
    """One link while it is made, and when it is used."""

    name: str
    what: str
    quick: bool
    check: list[str] = field(default_factory=list)  # a command; {out} is the output
    expected: str = ""  # what the command prints

    @property
    def path(self) -> Path:
        return ROOT / self.name

    def is_built(self) -> bool:
        return (self.path / "meta.json").is_file()

    def load(self) -> Corpus:
        meta = json.loads((self.path / "meta.json").read_text(encoding="utf-8"))
        self.check, self.expected = meta["check"], meta["expected"]
        return self

    def save(self) -> None:
        text = json.dumps({"check": self.check, "expected": self.expected}, indent=1)
        (self.path / "meta.json").write_text(text + "\n", encoding="utf-8")

    def verify(self, output: Path) -> str:
        """Why an output is wrong; empty if it does what it has to."""
        argv = [word.replace("{out}", str(output)) for word in self.check]
        done = subprocess.run(argv, cwd=self.path, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return f"`{shlex.join(argv)}` ended with status {done.returncode}: {done.stderr[:200]}"
        return (
            ""
            if done.stdout == self.expected
            else f"printed {done.stdout[:200]!r}, not {self.expected[:200]!r}"
        )

    def write(self, name: str, text: str) -> Path:
        path = self.path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def compile(self, name: str, text: str, *command: str) -> Path:
        source = self.write(name, text)
        output = source.with_suffix(".o")
        run(*command, "-c", source, "-o", output, cwd=self.path)
        return output

    def link(self, *driver: str | Path) -> None:
        """Note down what the compiler driver passes to its linker."""
        stand_in = self.path / "stand-in" / "ld"
        stand_in.parent.mkdir(parents=True, exist_ok=True)
        script = shlex.join([sys.executable, os.path.abspath(__file__), "stand-in"])
        stand_in.write_text(f'#!/bin/sh\nexec {script} "$@"\n', encoding="utf-8")
        stand_in.chmod(0o755)
        captured = self.path / "cmd"
        command = [driver[0], f"-B{stand_in.parent}", *driver[1:], "-o", "captured"]
        run(*command, cwd=self.path, env={**os.environ, CAPTURE: str(captured)})
        shutil.rmtree(stand_in.parent)
        if not captured.is_file():
            raise CannotBuildError(f"{driver[0]} did not run the linker that -B names")


def run(*command: object, **more: object) -> str:
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False, **more)  # type: ignore[call-overload]
    if done.returncode != 0:
        raise CannotBuildError(f"{shlex.join(map(str, command))[:300]}: {done.stderr[-2000:]}")
    return str(done.stdout)


def require(*programs: str) -> None:
    missing = [program for program in programs if not shutil.which(program)]
    if missing:
        raise CannotBuildError(f"not installed: {', '.join(missing)}")


# --- capturing -----------------------------------------------------------------------------------------------


def stand_in(arguments: list[str]) -> None:
    """What runs in the place of `ld`: note the arguments, make every path hold from the corpus' directory."""
    corpus = Path(os.environ[CAPTURE]).parent
    words = [localised(word, corpus) for word in kept(expanded(arguments))]
    Path(os.environ[CAPTURE]).write_text("".join(f"{word}\n" for word in words), encoding="utf-8")


def expanded(arguments: list[str]) -> Iterator[str]:
    for word in arguments:
        if word.startswith("@") and os.path.isfile(word[1:]):
            yield from expanded(shlex.split(Path(word[1:]).read_text(encoding="utf-8")))
        else:
            yield word


def kept(words: Iterator[str]) -> Iterator[str]:
    for word in words:
        if word in DROPPED:
            next(words)
        elif not word.startswith(("-plugin-opt=", "--plugin-opt=", "-fuse-ld=")):
            yield word


def localised(word: str, corpus: Path) -> str:
    """Copy an input that stands outside the corpus and the system into the corpus."""
    option, file = "", word
    if match := re.fullmatch(r"(--?(?:version-script|dynamic-list)=)(.+)", word):
        option, file = match.groups()
    if file.startswith(("-", *SYSTEM)) or not os.path.isfile(file):
        return word
    path = Path(file).resolve()
    if not path.is_relative_to(corpus.resolve()):
        copy = corpus / "in" / path.name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
        path = copy.resolve()
    return option + str(path.relative_to(corpus.resolve()))


# --- the corpora ---------------------------------------------------------------------------------------------

Recipe = Callable[[Corpus], None]
RECIPES: dict[str, tuple[Corpus, Recipe]] = {}


def recipe(name: str, what: str, quick: bool = True) -> Callable[[Recipe], Recipe]:
    def add(build: Recipe) -> Recipe:
        RECIPES[name] = (Corpus(name, what, quick), build)
        return build

    return add


OBJECTS = "{:,} small objects that refer to one another, with COMDAT groups and strings: PIE, dynamic"
STRINGS = "{:,} strings in .debug_str, of which one in four is left, each named twice: PIE, dynamic"
EXPORTS = "{:,} exported functions in sections of their own, named by a version script: shared object"
HELLO = '#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n'
HELLO_CPP = """\
#include <iostream>
#include <map>
#include <stdexcept>
int main() {
    std::map<std::string, int> counts{{"a", 1}};
    try { counts.at("b"); } catch (const std::out_of_range &) { std::cout << "hello " << counts.size() << "\\n"; }
}
"""
HELLO_RUST = 'fn main() { let t = std::thread::spawn(|| 41); println!("hello {}", t.join().unwrap() + 1); }\n'


def printed(corpus: Corpus, text: str) -> None:
    corpus.check, corpus.expected = ["{out}"], text


@recipe("hello-c", "a C program that prints a line: PIE, dynamic")
def hello_c(corpus: Corpus) -> None:
    corpus.link("gcc", corpus.compile("hello.c", HELLO, "gcc", "-O2"))
    printed(corpus, "hello\n")


@recipe("hello-c-static", "the same, static, not PIE")
def hello_c_static(corpus: Corpus) -> None:
    corpus.link("gcc", "-static", corpus.compile("hello.c", HELLO, "gcc", "-O2"))
    printed(corpus, "hello\n")


@recipe("hello-cpp", "a C++ program with a map and an exception: PIE, dynamic")
def hello_cpp(corpus: Corpus) -> None:
    corpus.link("g++", corpus.compile("hello.cpp", HELLO_CPP, "g++", "-O2"))
    printed(corpus, "hello 1\n")


@recipe("hello-rust", "a Rust program with a thread: PIE, dynamic, the standard library's debug information")
def hello_rust(corpus: Corpus) -> None:
    require("rustc")
    source = corpus.write("hello.rs", HELLO_RUST)
    corpus.path.joinpath("tmp").mkdir(exist_ok=True)
    run("rustc", "-g", "--emit=obj,link", "-C", "save-temps", source, cwd=corpus.path / "tmp")
    arguments = run("rustc", "-g", "--print=link-args", "-C", "save-temps", source, cwd=corpus.path / "tmp")
    words = shlex.split(arguments.splitlines()[-1])
    rest = [word for word in words[words.index("cc") + 1 :] if not word.startswith(("-B", "-fuse-ld="))]
    del rest[rest.index("-o") : rest.index("-o") + 2]
    place = corpus.path / "tmp"
    corpus.link("gcc", *(str(place / word) if (place / word).is_file() else word for word in rest))
    printed(corpus, "hello 42\n")


def objects(corpus: Corpus, count: int) -> None:
    paths = generated.write_objects(corpus.path / "in", count)
    main = corpus.compile("main.c", generated.OBJECTS_MAIN, "gcc", "-O2")
    corpus.link("gcc", main, *paths)
    printed(corpus, f"{generated.objects_sum(count)}\n")


def strings(corpus: Corpus, count: int) -> None:
    paths = generated.write_strings(corpus.path / "in", count)
    main = corpus.compile("main.c", generated.STRINGS_MAIN, "gcc", "-O2")
    corpus.link("gcc", main, *paths)
    printed(corpus, f"{generated.strings_sum(count)}\n")


def exports(corpus: Corpus, count: int) -> None:
    paths, script = generated.write_exports(corpus.path / "in", count)
    corpus.link("gcc", "-shared", "-nostdlib", f"-Wl,--version-script={script}", *paths)
    corpus.check = ["sh", "-c", "readelf -W --dyn-syms {out} | grep -c 'GLOBAL DEFAULT.*exported_'"]
    corpus.expected = f"{count}\n"


SIZED: list[tuple[str, Callable[[Corpus, int], None], int, bool, str]] = [
    ("objects-1k", objects, 1_000, True, OBJECTS),
    ("objects-4k", objects, 4_000, False, OBJECTS),
    ("objects-16k", objects, 16_000, False, OBJECTS),
    ("strings-250k", strings, 250_000, True, STRINGS),
    ("strings-1m", strings, 1_000_000, False, STRINGS),
    ("strings-4m", strings, 4_000_000, False, STRINGS),
    ("exports-20k", exports, 20_000, True, EXPORTS),
    ("exports-360k", exports, 360_000, False, EXPORTS),
]


def sized(make: Callable[[Corpus, int], None], count: int) -> Recipe:
    return lambda corpus: make(corpus, count)


for name, make, count, quick, what in SIZED:
    recipe(name, what.format(count), quick)(sized(make, count))

CLANG = """\
#include <clang/Frontend/FrontendActions.h>
#include <clang/Tooling/Tooling.h>
#include <llvm/Support/TargetSelect.h>
int main() {
    llvm::InitializeAllTargets();
    llvm::InitializeAllTargetMCs();
    llvm::InitializeAllAsmPrinters();
    bool done = clang::tooling::runToolOnCode(std::make_unique<clang::SyntaxOnlyAction>(), "int f() { return 1; }");
    llvm::outs() << (done ? "parsed\\n" : "failed\\n");
}
"""
CLANG_LIBRARIES = """
Tooling Frontend Driver Parse Sema Edit Analysis ASTMatchers AST Lex Basic Serialization APINotes Support
""".split()


def llvm_config() -> str:
    found = [
        f"llvm-config-{version}" for version in range(22, 15, -1) if shutil.which(f"llvm-config-{version}")
    ]
    if not found:
        raise CannotBuildError("needs the static libraries of LLVM and clang: llvm-19-dev, libclang-19-dev")
    return found[0]


@recipe(
    "clang",
    "a C++ parser and all code generators out of LLVM's static archives: PIE, dynamic, --gc-sections",
    False,
)
def clang(corpus: Corpus) -> None:
    tool = llvm_config()
    flags = [flag for flag in run(tool, "--cxxflags").split() if not flag.startswith("-g")]
    main = corpus.compile("tool.cpp", CLANG, "g++", "-O1", *flags, "-fno-rtti")
    directory = run(tool, "--libdir").strip()
    libraries = [
        f"-lclang{name}" for name in CLANG_LIBRARIES if os.path.isfile(f"{directory}/libclang{name}.a")
    ]
    llvm = [
        word
        for word in run(tool, "--link-static", "--libs", "all", "--system-libs").split()
        if "Polly" not in word
    ]
    corpus.link("g++", "-Wl,--gc-sections", main, f"-L{directory}", "-Wl,--start-group", *libraries,
                "-Wl,--end-group", *llvm)  # fmt: skip
    printed(corpus, "parsed\n")


@recipe("llvm-shared", "LLVM as one shared object out of its static archives: --whole-archive", False)
def llvm_shared(corpus: Corpus) -> None:
    tool = llvm_config()
    directory = run(tool, "--libdir").strip()
    archives = sorted(path for path in Path(directory).glob("libLLVM*.a") if "Polly" not in path.name)
    system = run(tool, "--link-static", "--system-libs").split()
    corpus.link("g++", "-shared", "-Wl,--whole-archive", *archives, "-Wl,--no-whole-archive", *system)
    corpus.check = ["sh", "-c", "readelf -W --dyn-syms {out} | grep -c ' LLVMContextCreate$'"]
    corpus.expected = "1\n"


# --- the command ---------------------------------------------------------------------------------------------


def selected(names: list[str]) -> list[Corpus]:
    """The corpora of these names, of `quick` or of `all`; raises SystemExit for a name that there is not."""
    unknown = [name for name in names if name not in RECIPES and name not in ("quick", "all")]
    if unknown:
        raise SystemExit(f"{', '.join(unknown)}: no such corpus; there are {', '.join(RECIPES)}")
    return [
        corpus
        for corpus, _ in RECIPES.values()
        if corpus.name in names or "all" in names or ("quick" in names and corpus.quick)
    ]


def build(names: list[str]) -> list[Corpus]:
    """Build those that are not built yet; what cannot be built here is told and left out."""
    built = []
    for corpus in selected(names):
        if not corpus.is_built():
            shutil.rmtree(corpus.path, ignore_errors=True)
            corpus.path.mkdir(parents=True)
            print(f"building {corpus.name}: {corpus.what}", flush=True)
            try:
                RECIPES[corpus.name][1](corpus)
            except CannotBuildError as reason:
                print(f"  left out: {reason}")
                continue
            corpus.save()
        built.append(corpus.load())
    return built


if __name__ == "__main__":
    if sys.argv[1:2] == ["stand-in"]:
        stand_in(sys.argv[2:])
    elif sys.argv[1:2] == ["build"]:
        build(sys.argv[2:] or ["quick"])
    else:
        for corpus, _ in RECIPES.values():
            print(f"{'*' if corpus.is_built() else ' '} {corpus.name:15}{corpus.what}")
        print(f"\n* is built, under {ROOT}")
