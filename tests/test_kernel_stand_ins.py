"""Objects that stand in for intermediate code, against a naive reading of what the plugin said.

A plugin claims a file and gives the symbols that a text beside it lists; the object that the kernel makes of them is
then read as any other (binutils' plugin-api.h, `ld_plugin_symbol`; gABI, "Section Groups").
"""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from elf import SHN_COMMON, SHN_XINDEX, Elf, string_at
from hypothesis import given, settings
from hypothesis import strategies as st
from inputs import arranged, read_headers
from programs import cached, identity, tool
from symbols import Bound

from wild.kernels.plugin import Plugin
from wild.kernels.plugin_calls import load
from wild.kernels.pool import Pool
from wild.kernels.references import LinkTables

DEFINED, WEAK, UNDEFINED, WEAK_UNDEFINED, COMMON = range(5)  # kinds, by the numbers of the interface
TYPES = ("NOTYPE", "FUNC", "OBJECT")  # by LDST_
VISIBILITIES = (0, 3, 1, 2)  # STV_ by LDPV_: default, protected, internal, hidden
STT, SHF_GROUP, SHT_GROUP = {"NOTYPE": 0, "OBJECT": 1, "FUNC": 2}, 0x200, 17
PLUGIN = r"""
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
struct file { const char *name; int fd; int64_t offset, size; void *handle; };
struct symbol { char *name, *version; unsigned char def, type, section, unused; int visibility; uint64_t size;
                char *key; int resolution; };
struct tag { int tag; union { int number; void *function; } value; };
static int (*add_symbols)(void *, int, const struct symbol *);
/* NAME.symbols has a line for each symbol: name, version, kind, type, visibility, size, group; `-` for nothing. */
static int claim(const struct file *file, int *is_claimed) {
    static struct symbol table[70000];
    char path[4200], text[3][64];
    int count = 0, numbers[3];
    unsigned long size;
    snprintf(path, sizeof path, "%s.symbols", file->name);
    FILE *list = fopen(path, "r");
    while (fscanf(list, "%63s %63s %d %d %d %lu %63s", text[0], text[1], numbers, numbers + 1, numbers + 2, &size,
                  text[2]) == 7) {
        struct symbol *it = &table[count++];
        *it = (struct symbol){.def = numbers[0], .type = numbers[1], .visibility = numbers[2], .size = size};
        char **to[3] = {&it->name, &it->version, &it->key};
        for (int i = 0; i < 3; i++) *to[i] = strcmp(text[i], "-") ? strdup(text[i]) : NULL;
    }
    fclose(list);
    *is_claimed = add_symbols(file->handle, count, table) == 0;
    return 0;
}
int onload(struct tag *tags) {
    for (; tags->tag; tags++) {
        if (tags->tag == 5) ((int (*)(void *))tags->value.function)(claim);
        if (tags->tag == 33) add_symbols = tags->value.function;
    }
    return 0;
}
"""


class Given(NamedTuple):
    """What the plugin says of a symbol; "-" for no version or group."""

    name: str
    version: str
    kind: int
    type: int
    visibility: int
    size: int
    group: str


class Seen(NamedTuple):
    """A symbol of the object; `place` is a group, `plain`, `common` or `undefined`."""

    name: str
    binding: int
    type: int
    visibility: int
    size: int
    place: str


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    pool = Pool(1)
    yield pool
    pool.close()


def plugin_path() -> Path:
    program = tool("gcc")
    command = [program, "-w", "-shared", "-fPIC", "{source}", "-o", "{output}"]
    return cached("lister.so", (".c", identity(program)), command, PLUGIN)


def offered(pool: Pool, symbols: list[Given]) -> tuple[Elf | None, list[tuple[int, str]]]:
    """The object that is made of the symbols, and the messages."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "code.o")
        path.write_bytes(b"BC\xc0\xde" + bytes(60))  # LLVM's
        Path(f"{path}.symbols").write_text("".join(" ".join(map(str, it)) + "\n" for it in symbols))
        inputs = arranged(pool, [path])
        plugin = Plugin(inputs, str(plugin_path()), [])
        load(plugin, [], b"output", 1)
        if not plugin.claim(1, str(path)):
            return None, plugin.messages
        inputs.set_internal([], [], [], [], [])
        read_headers(inputs, pool)
        bound = Bound(pool, inputs, sections=False)
        return Elf(
            bytes(LinkTables(inputs, bound.names, bound.resolution, None).file_data(1))
        ), plugin.messages


def expected(given: Given) -> Seen:
    """The naive twin."""
    name = given.name if given.version == "-" else f"{given.name}@{given.version}"
    defined = given.kind in (DEFINED, WEAK)
    place = "common" if given.kind == COMMON else "undefined"
    if defined:
        place = "plain" if given.group == "-" else f"group {given.group}"
    weak = given.kind in (WEAK, WEAK_UNDEFINED)
    return Seen(
        name, 2 if weak else 1, STT[TYPES[given.type]], VISIBILITIES[given.visibility], given.size, place
    )


names = st.text("abc", min_size=1, max_size=5)
symbols = st.builds(
    Given, names, st.sampled_from(["-", "-", "V1", "@V2"]), st.integers(0, 4), st.integers(0, 2), st.integers(0, 3),
    st.integers(0, 1 << 40), st.sampled_from(["-", "-", "k1", "k2", "a"]),
)  # fmt: skip


def seen(file: Elf) -> tuple[list[Seen], list[str]]:
    """The global symbols of an object, and the signatures of its groups, in order."""
    table, extended = file.section_list[1], file.section_list[4]
    rows = list(struct.iter_unpack("<IBBHQQ", file.data[table.offset : table.offset + table.size]))
    wide = struct.unpack_from(f"<{len(rows)}I", file.data, extended.offset)
    strings = file.section_list[table.link].offset
    places = {0: "undefined", SHN_COMMON: "common", 5: "plain"}
    signatures = []
    for group in (it for it in file.section_list if it.type == SHT_GROUP):
        flags, member = struct.unpack_from("<II", file.data, group.offset)
        name = string_at(file.data, strings + rows[group.info][0])
        assert (flags, group.size, group.link, group.entry_size) == (1, 8, 1, 4)
        assert file.section_list[member].flags & SHF_GROUP
        assert (rows[group.info][1] >> 4, member) == (0, wide[group.info] or rows[group.info][3])
        signatures.append(name)
        places[member] = f"group {name}"
    found = []
    for (name, info, other, index, value, size), far in list(zip(rows, wide, strict=True))[table.info :]:
        assert value == (1 if index == SHN_COMMON else 0)
        place = places[far if index == SHN_XINDEX else index]
        found.append(Seen(string_at(file.data, strings + name), info >> 4, info & 15, other, size, place))
    return found, signatures


def signatures_of(given: list[Given]) -> list[str]:
    """Each once, in the order of the definitions that are in them."""
    return list(dict.fromkeys(it.group for it in given if it.kind in (DEFINED, WEAK) and it.group != "-"))


@settings(max_examples=150)
@given(wanted=st.lists(symbols, max_size=12))
def test_an_object_has_the_symbols_that_the_plugin_said(pool: Pool, wanted: list[Given]) -> None:
    file, _ = offered(pool, wanted)

    assert file is not None
    assert (file.type, file.machine) == (1, 62)
    assert seen(file) == ([expected(it) for it in wanted], signatures_of(wanted))


def test_more_groups_than_section_indices(pool: Pool) -> None:
    wanted = [Given(f"n{number}", "-", DEFINED, 1, 0, 0, f"g{number}") for number in range(33_000)]

    file, _ = offered(pool, wanted)

    assert file is not None
    assert file.shnum == 0
    assert len(file.section_list) == 6 + 2 * len(wanted)
    assert seen(file) == ([expected(it) for it in wanted], signatures_of(wanted))


@pytest.mark.parametrize("change", [{"name": "-"}, {"kind": 5}, {"visibility": 4}, {"visibility": -1}])
def test_nonsense_is_refused(pool: Pool, change: dict[str, Any]) -> None:
    sound = Given("name", "-", DEFINED, 0, 0, 0, "-")

    file, messages = offered(pool, [sound, sound._replace(**change)])

    assert file is None
    assert any("symbol 1, as the plugin describes it, makes no sense" in text for _, text in messages)
