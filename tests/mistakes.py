"""Mistakes that people make, made on purpose: what linkers say about them is docs/diagnostics.md, which this writes.

PYTHONPATH=src .venv/bin/python tests/mistakes.py > docs/diagnostics.md
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

OTHER = "ld.lld-19"
OTHER_NAME = "LLD 19"
HEAD = f"""# What the linker says, beside {OTHER_NAME}

For each mistake the text of this linker and that of {OTHER_NAME}, both called by the same compiler driver, and what the
difference is. Compiled with `-g`, as in most builds in which such a text is read. `tests/test_diagnostics.py` makes
every mistake again and compares the texts with this page; `tests/mistakes.py` writes the page.
"""


class Mistake(NamedTuple):
    title: str
    files: dict[str, str]
    commands: tuple[str, ...]  # what is done before the link
    link: str  # the driver and its arguments
    better: str


MISTAKES = (
    Mistake(
        "A name is misspelt",
        {
            "main.c": "int compute_totl(int);\nstatic int helper(int x) {\n    return compute_totl(x);\n}\n"
            "int main(void) {\n    int s = helper(3);\n    return s + compute_totl(4);\n}\n",
            "total.c": "int compute_total(int x) { return x; }\n",
        },
        ("gcc -g -c main.c total.c",),
        "gcc main.o total.o",
        "The same; the offset is told, and no path that says no more.",
    ),
    Mistake(
        "A C++ function has other parameters than it is called with",
        {
            "main.cc": "namespace net { struct Socket { int open(const char *, int); }; }\n"
            'int main() {\n    net::Socket s;\n    return s.open("x", 3);\n}\n',
            "socket.cc": "namespace net { struct Socket { int open(const char *, long); }; }\n"
            "int net::Socket::open(const char *, long) { return 1; }\n",
        },
        ("g++ -g -c main.cc socket.cc",),
        "g++ main.o socket.o",
        "The same.",
    ),
    Mistake(
        'A C function is declared without extern "C"',
        {
            "main.cc": 'int parse(const char *);\nint main() { return parse("x"); }\n',
            "parse.c": "int parse(const char *s) { return *s; }\n",
        },
        ("g++ -g -c main.cc", "gcc -g -c parse.c"),
        "g++ main.o parse.o",
        "The same.",
    ),
    Mistake(
        'A C++ function is defined without extern "C"',
        {
            "main.c": 'int parse(const char *);\nint main(void) { return parse("x"); }\n',
            "parse.cc": "int parse(const char *s) { return *s; }\n",
        },
        ("gcc -g -c main.c", "g++ -g -c parse.cc"),
        "g++ main.o parse.o",
        "The C++ function is found; lld names an unrelated function of the C library.",
    ),
    Mistake(
        "A Rust function calls a C function by a wrong name",
        {
            "user.rs": '#![no_std]\nextern "C" { fn compute_totl(x: i32) -> i32; }\n#[no_mangle]\n'
            "pub fn total_of(x: i32) -> i32 {\n    unsafe { compute_totl(x) }\n}\n",
            "total.c": "int compute_total(int x) { return x; }\nint total_of(int);\n"
            "int main(void) { return total_of(1); }\n",
        },
        ("rustc --edition=2021 -g --emit=obj --crate-type=lib -o user.o user.rs", "gcc -g -c total.c"),
        "gcc total.o user.o",
        "The same.",
    ),
    Mistake(
        "A crate is not linked",
        {
            "shapes.rs": "#![no_std]\n#[inline(never)]\npub fn area(x: i32) -> i32 { x }\n",
            "user.rs": "#![no_std]\n#[no_mangle]\npub fn area_of(x: i32) -> i32 {\n    shapes::area(x)\n}\n",
            "main.c": "int area_of(int);\nint main(void) { return area_of(1); }\n",
        },
        (
            "rustc --edition=2021 -g --crate-type=rlib shapes.rs",
            "rustc --edition=2021 -g --emit=obj --crate-type=lib -o user.o --extern shapes=libshapes.rlib user.rs",
            "gcc -g -c main.c",
        ),
        "gcc main.o user.o",
        "The name as Rust spells it, without the hash.",
    ),
    Mistake(
        "A library is in the search path, but not on the line",
        {
            "main.c": "int area(int);\nint main(void) { return area(2); }\n",
            "area.c": "int area(int a) { return a; }\n",
        },
        ("gcc -g -c main.c area.c", "mkdir lib", "ar rc lib/libshapes.a area.o"),
        "gcc main.o -Llib",
        "The option that is lacking.",
    ),
    Mistake(
        "Only a library of the line needs the library that defines a function",
        {
            "main.c": "int area(int), twice(int);\nint main(void) { return area(2) + twice(1); }\n",
            "area.c": "int area(int a) { return a; }\n",
            "twice.c": "int area(int);\nint twice(int a) { return 2 * area(a); }\n",
        },
        (
            "gcc -g -fpic -shared area.c -o libarea.so -Wl,-soname,libarea.so",
            "gcc -g -fpic -shared twice.c -o libtwice.so -Wl,-soname,libtwice.so libarea.so",
            "gcc -g -c main.c",
        ),
        "gcc main.o ./libtwice.so -Wl,-rpath-link,.",
        "Where the function is and what to add (GNU ld: `DSO missing from command line`).",
    ),
    Mistake(
        "The mathematical library is forgotten",
        {"main.c": "#include <math.h>\nint main(int count, char **words) { return (int)sin(count); }\n"},
        ("gcc -g -fno-builtin -c main.c",),
        "gcc main.o",
        "The option that is lacking.",
    ),
    Mistake(
        "A class lacks the definition of its key function",
        {
            "main.cc": "struct Shape { virtual int area(); virtual int sides() { return 3; } };\n"
            "int main() {\n    Shape s;\n    return s.sides();\n}\n"
        },
        ("g++ -g -c main.cc",),
        "g++ main.o",
        "What a key function is, without a look at a web page.",
    ),
    Mistake(
        "A shared object has the function, but does not export it",
        {
            "main.c": "int secret(void);\nint main(void) { return secret(); }\n",
            "lib.c": '__attribute__((visibility("hidden"))) int secret(void) { return 1; }\n'
            "int shown(void) { return secret(); }\n",
        },
        ("gcc -g -fpic -shared lib.c -o libsecret.so", "gcc -g -c main.c"),
        "gcc main.o ./libsecret.so",
        "The reason, and where to look.",
    ),
    Mistake(
        "A function of a shared object is declared hidden",
        {
            "main.c": '__attribute__((visibility("hidden"))) int shown(void);\nint main(void) { return shown(); }\n',
            "lib.c": "int shown(void) { return 1; }\n",
        },
        ("gcc -g -fpic -shared lib.c -o libshown.so", "gcc -g -c main.c"),
        "gcc main.o ./libshown.so",
        "The reason; lld names an unrelated function of the C library.",
    ),
    Mistake(
        "The function is static in another file",
        {
            "main.c": "int helper(void);\nint main(void) { return helper(); }\n",
            "other.c": "static int helper(void) { return 1; }\nint (*kept)(void) = helper;\n",
        },
        ("gcc -g -c main.c other.c",),
        "gcc main.o other.o",
        "Where the function is, and why that does not count.",
    ),
    Mistake(
        "A table refers to a function that nothing defines",
        {
            "main.c": "int start(void), halt_all(void);\nint start(void) { return 0; }\n\n"
            "int (*const table[])(void) = { start, halt_all };\nint main(void) { return table[0](); }\n"
        },
        ("gcc -g -c main.c",),
        "gcc main.o",
        "The line of the variable, from the debug information.",
    ),
    Mistake(
        "The library is for another machine",
        {
            "main.c": "int area(int);\nint main(void) { return area(2); }\n",
            "area.c": "int area(int a) { return a; }\n",
        },
        (
            "gcc -g -c main.c",
            "clang-19 --target=i386-linux-gnu -c area.c -o area.o",
            "mkdir lib32",
            "ar rc lib32/libshapes.a area.o",
        ),
        "gcc main.o -Llib32 -lshapes",
        "The search goes on, as with GNU ld; if it ends without a library, what was passed over is told.",
    ),
    Mistake(
        "An object is for another machine",
        {
            "main.c": "int area(int);\nint main(void) { return area(2); }\n",
            "area.c": "int area(int a) { return a; }\n",
        },
        ("gcc -g -c main.c", "clang-19 --target=aarch64-linux-gnu -c area.c -o area.o"),
        "gcc main.o area.o",
        "What the file is.",
    ),
    Mistake(
        "There is no such library",
        {"main.c": "int main(void) { return 0; }\n"},
        ("gcc -g -c main.c", "mkdir lib"),
        "gcc main.o -Llib -lshapes",
        "Where it was looked for (the page leaves out the directories of the compiler).",
    ),
    Mistake(
        "A function and a variable are defined twice",
        {
            "main.c": "int counter = 1;\nint tick(void) { return counter; }\nint main(void) { return tick(); }\n",
            "other.c": "int level;\n\nint counter = 2;\nint tick(void) { return level; }\n",
        },
        ("gcc -g -c main.c other.c",),
        "gcc main.o other.o",
        "The same: both source lines, of variables too.",
    ),
    Mistake(
        "Code for fixed addresses is linked into a shared object",
        {"lib.c": "static int table[3] = {1};\nint look_up(int i) {\n    return table[i];\n}\n"},
        ("gcc -g -fno-pic -c lib.c",),
        "gcc -shared lib.o",
        "The place is a line that editors understand, the section is named, and so is the kind of output.",
    ),
    Mistake(
        "Code for fixed addresses is linked into a position-independent executable",
        {"main.c": "int table[3] = {1};\nint main(int i, char **words) {\n    return table[i];\n}\n"},
        ("gcc -g -fno-pie -c main.c",),
        "gcc -pie main.o",
        "The option that is enough, -fPIE; lld asks for -fPIC.",
    ),
    Mistake(
        "An object holds only intermediate code, and no plugin is given",
        {"main.c": "int main(void) { return 0; }\n"},
        ("gcc -flto -c main.c",),
        "gcc -fno-lto -fno-use-linker-plugin main.o",
        "The reason, and three ways out; to lld the object is empty.",
    ),
    Mistake(
        "Data are further away than code can reach",
        {
            "start.s": ".globl _start\n_start:\n    mov far(%rip), %eax\n.bss\n.skip 0x90000000\n.globl far\n"
            "far: .skip 8\n"
        },
        ("as -g start.s -o start.o",),
        "gcc -nostdlib -static start.o",
        "What to do.",
    ),
)


def said(mistake: Mistake, linker: str, directory: Path) -> str | None:
    """What a linker says about a mistake; None where a tool that makes it is missing."""
    if not all(shutil.which(command.split()[0]) for command in (*mistake.commands, linker)):
        return None
    for name, source in mistake.files.items():
        (directory / name).write_text(source)
    environment = {**os.environ, "LC_ALL": "C", "SOURCE_DATE_EPOCH": "0"}
    for command in mistake.commands:
        subprocess.run(command.split(), cwd=directory, env=environment, check=True, capture_output=True)
    tools = directory / "tools"
    tools.mkdir()
    (tools / "ld").symlink_to(str(shutil.which(linker)))
    done = subprocess.run(
        [*mistake.link.split(), f"-B{tools}", "-o", "program"],
        cwd=directory, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1, f"{mistake.title}: the link succeeded"
    return without_places(done.stderr, directory)


def without_places(text: str, directory: Path) -> str:
    """The text without what is different on each machine."""
    text = text.replace(f"({directory}/", "(/build/").replace(f"{directory}/", "")
    text = re.sub(r"(?m)^(wild|ld(\.lld)?): error", "error", text)
    text = re.sub(r"/\S*/(?=libc\.so|Scrt1\.o|liblto)", "", text)
    text = re.sub(r"(?m)^>>> searched tools\n", "", text)
    text = re.sub(r"(?m)(^>>> searched /.*\n)+", ">>> searched /…\n", text)
    text = re.sub(r"::h[0-9a-f]{16}\b", "::h…", text)
    text = re.sub(r"user\.\w+-cgu\.0\.rcgu", "user", text)
    lines = [line for line in text.splitlines() if not line.startswith(("collect2", "clang"))]
    return "\n".join(line.rstrip() for line in lines).strip()


def written_in(page: str) -> dict[str, tuple[str, str]]:
    """Both texts by the title of the mistake, as the page has them."""
    found = {}
    for chapter in page.split("\n## ")[1:]:
        title, _, rest = chapter.partition("\n")
        ours, theirs = re.findall(r"```text\n(.*?)\n?```", rest, re.DOTALL)
        found[title] = (ours, theirs)
    return found


def page() -> str:
    parts = [HEAD]
    for mistake in MISTAKES:
        texts = []
        for linker in ("wild", OTHER):
            with tempfile.TemporaryDirectory() as directory:
                text = said(mistake, linker, Path(directory))
            assert text is not None, f"{mistake.title}: a tool is missing"
            texts.append(text)
        parts.append(
            f"## {mistake.title}\n\n`{mistake.link}`\n\n```text\n{texts[0]}\n```\n\n{OTHER_NAME}:\n\n"
            f"```text\n{texts[1]}\n```\n\n{mistake.better}\n"
        )
    return "\n".join(parts)


if __name__ == "__main__":
    sys.stdout.write(page())
