"""What plugins are told about symbols of intermediate code: the kernel against a naive twin.

Random programs of a few files, some of machine code and some that a plugin claims, share a handful of names. The plugin
is told how each of its symbols is resolved (binutils' plugin-api.h, `ld_plugin_symbol_resolution`) and writes it down.
"""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path

import pytest
from linking import linker_under_test
from programs import assemble, cached, identity, tool

pytestmark = pytest.mark.only_wild

PROGRAMS = int(os.environ.get("WILD_IR_PROGRAMS", "40"))
NAMES = ("alpha", "beta", "gamma", "delta")
DEFINED, WEAK, UNDEFINED, WEAK_UNDEFINED, COMMON = range(5)  # kinds, by the numbers of the interface
UNKNOWN, UNDEF, PREVAILING, IR_ONLY, PREEMPTED_REG, PREEMPTED_IR, BY_IR, BY_EXEC, BY_DYN, IR_ONLY_EXP = range(
    10
)
PLUGIN = r"""
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
struct file { const char *name; int fd; int64_t offset, size; void *handle; };
struct symbol { char *name, *version; unsigned char def, type, section, unused; int visibility; uint64_t size;
                char *key; int resolution; };
struct tag { int tag; union { int number; const char *text; void *function; } value; };
static struct { void *handle; int count; char name[4096]; struct symbol table[16]; } claimed[16];
static int claims;
static int (*add_symbols)(void *, int, const struct symbol *), (*get_symbols)(const void *, int, struct symbol *);
static const char *told;
/* The symbols of NAME.o are in NAME.o.symbols: name, kind, size. A file without that is machine code. */
static int claim(const struct file *file, int *is_claimed) {
    char path[4200], name[64]; int kind, size;
    snprintf(path, sizeof path, "%s.symbols", file->name);
    FILE *list = fopen(path, "r");
    if (!list) return 0;
    strcpy(claimed[claims].name, file->name);
    claimed[claims].handle = file->handle;
    while (fscanf(list, "%63s %d %d", name, &kind, &size) == 3)
        claimed[claims].table[claimed[claims].count++] =
            (struct symbol){.name = strdup(name), .def = kind, .size = size};
    fclose(list);
    *is_claimed = add_symbols(file->handle, claimed[claims].count, claimed[claims].table) == 0;
    claims++;
    return 0;
}
static int all_read(void) {
    FILE *out = fopen(told, "w");
    for (int i = 0; i < claims; i++) {
        get_symbols(claimed[i].handle, claimed[i].count, claimed[i].table);
        for (int j = 0; j < claimed[i].count; j++)
            fprintf(out, "%s %s %d\n", strrchr(claimed[i].name, '/') + 1, claimed[i].table[j].name,
                    claimed[i].table[j].resolution);
    }
    fclose(out);
    return 0;
}
int onload(struct tag *tags) {
    for (; tags->tag; tags++) switch (tags->tag) {
    case 4: told = strdup(tags->value.text); break;
    case 5: ((int (*)(void *))tags->value.function)(claim); break;
    case 6: ((int (*)(void *))tags->value.function)(all_read); break;
    case 8: add_symbols = tags->value.function; break;
    case 25: case 28: get_symbols = tags->value.function; break;
    }
    return 0;
}
"""
MARK = '.section .gnu.lto_.symtab,"e",@progbits\n.byte 0\n'  # only files that look like it are offered to plugins
DIRECTIVES = {
    DEFINED: ".globl {0}\n{0}: .long 1\n",
    WEAK: ".weak {0}\n{0}: .long 1\n",
    UNDEFINED: ".quad {0}\n",
    WEAK_UNDEFINED: ".weak {0}\n.quad {0}\n",
    COMMON: ".comm {0},{1},4\n",
}
File = tuple[str, bool, dict[str, tuple[int, int]]]  # name, is it intermediate code, symbol -> (kind, size)


def random_files(seed: int) -> list[File]:
    """Two to five files; no name has two strong definitions, nor definitions and common symbols."""
    chance = random.Random(seed)
    strong: set[str] = set()
    with_commons = {name for name in NAMES if chance.random() < 0.3}
    files: list[File] = []
    for number in range(chance.randint(2, 5)):
        symbols = {}
        for name in chance.sample(NAMES, chance.randint(1, len(NAMES))):
            kinds = [UNDEFINED, WEAK_UNDEFINED, COMMON if name in with_commons else WEAK]
            if name not in strong and name not in with_commons:
                kinds.append(DEFINED)
            kind = chance.choice(kinds)
            strong |= {name} if kind == DEFINED else set()
            symbols[name] = kind, chance.choice((4, 8, 16)) if kind == COMMON else 0
        files.append((f"file{number}.o", chance.random() < 0.6, symbols))
    return files


def tell(linker: str, files: list[File], directory: Path, shared: bool) -> list[tuple[str, str, int]]:
    """(file, symbol, resolution), as a linker tells the plugin."""
    told = directory / f"told.{linker.rpartition('/')[2]}"
    command = [linker, "-plugin", plugin(), f"-plugin-opt={told}", "--unresolved-symbols=ignore-all"]
    command += ["-shared"] if shared else ["-e", "0"]
    subprocess.run(
        [*command, *(directory / name for name, *_ in files), "-o", directory / "output"],
        capture_output=True, check=False,
    )  # fmt: skip
    rows = [line.split() for line in told.read_text().splitlines()]
    return [(file, name, int(resolution)) for file, name, resolution in rows]


def plugin() -> Path:
    program = tool("gcc")
    command = [program, "-w", "-shared", "-fPIC", "{source}", "-o", "{output}"]
    return cached("teller.so", (".c", identity(program)), command, PLUGIN)


def write_files(files: list[File], directory: Path) -> None:
    for name, is_ir, symbols in files:
        text = ".data\n" + "".join(DIRECTIVES[kind].format(it, size) for it, (kind, size) in symbols.items())
        (directory / name).write_bytes(assemble(MARK if is_ir else text, name="part").read_bytes())
        if is_ir:
            lines = [f"{it} {kind} {size}\n" for it, (kind, size) in symbols.items()]
            (directory / f"{name}.symbols").write_text("".join(lines))


def expected(files: list[File], shared: bool) -> list[tuple[str, str, int]]:
    """The naive twin: one name after the other, by the rules of the interface."""
    return [
        (file, name, resolution(files, file, name, kind, shared))
        for file, is_ir, symbols in files
        if is_ir
        for name, (kind, _) in symbols.items()
    ]


def resolution(files: list[File], file: str, name: str, kind: int, shared: bool) -> int:
    winner = winner_of(files, name)
    if kind in (UNDEFINED, WEAK_UNDEFINED):
        return UNDEF if winner is None else BY_IR if winner[1] else BY_EXEC
    assert winner is not None
    mentioned = any(not is_ir and name in symbols for _, is_ir, symbols in files)
    if winner[0] == file:
        return PREVAILING if mentioned else IR_ONLY_EXP if shared else IR_ONLY
    if winner[1]:
        return PREEMPTED_IR
    if kind != COMMON:
        return PREEMPTED_REG
    first = next(it for it, is_ir, symbols in files if is_ir and symbols.get(name, (0, 0))[0] == COMMON)
    return PREVAILING if first == file else PREEMPTED_IR


def winner_of(files: list[File], name: str) -> tuple[str, bool] | None:
    """The file whose definition counts, and is it intermediate code: a strong one, the largest common, a weak one."""
    found = [(file, is_ir, *symbols[name]) for file, is_ir, symbols in files if name in symbols]
    for wanted in (DEFINED, COMMON, WEAK):
        of_kind = [it for it in found if it[2] == wanted]
        if of_kind:
            best = max(of_kind, key=lambda it: it[3])
            return best[0], best[1]
    return None


@pytest.mark.parametrize("shared", [False, True], ids=["program", "library"])
def test_resolutions_are_those_of_the_naive_twin(tmp_path, shared):
    for seed in range(PROGRAMS):
        files = random_files(seed)
        directory = tmp_path / str(seed)
        directory.mkdir()
        write_files(files, directory)
        if not any(is_ir for _, is_ir, _ in files):
            continue

        told = tell(linker_under_test(), files, directory, shared)

        assert told == expected(files, shared), f"seed {seed}: {files}"
