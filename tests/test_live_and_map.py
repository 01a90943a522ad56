"""What a link tells about itself on request: --why-live, --Map-format=json, --stats."""

from __future__ import annotations

import json

import pytest
from programs import assemble, compile_c, exit_with

pytestmark = pytest.mark.only_wild

CHAIN = """
    int leaf(int x) { return x + 1; }
    int middle(int x) { return leaf(x) * 2; }
    int unused(int x) { return leaf(x) * 3; }
    __attribute__((used, retain)) int retained(int x) { return x; }
    int main(void) { return middle(3); }
"""
FLAGS = ("-O0", "-ffunction-sections")


def test_the_way_from_a_root(link):
    program = link(compile_c(CHAIN, *FLAGS), "-Wl,--gc-sections,--why-live=leaf")

    lines = program.messages.splitlines()
    assert lines[0].startswith("live symbol: leaf in ")
    assert lines[0].endswith("main.o:(.text.leaf)")
    assert lines[1].endswith("main.o:(.text.middle)")
    assert lines[2].endswith("main.o:(.text.main)")
    assert "crt1.o:(.text)" in lines[3]
    assert lines[4] == ">>> which is kept for _start: the entry point, -u, -init, -fini, or exported"


def test_what_was_dropped_and_what_there_is_not(link):
    program = link(compile_c(CHAIN, *FLAGS), "-Wl,--gc-sections,--why-live=unused,--why-live=nothing")

    assert "dropped symbol: unused\n>>> nothing that is kept refers to its section" in program.messages
    assert "--why-live=nothing: no object of this link defines such a symbol" in program.messages


def test_globs_and_roots_of_their_own(link):
    program = link(compile_c(CHAIN, *FLAGS, compiler="clang"), "-Wl,--gc-sections,--why-live=re*ed")

    assert "live symbol: retained in " in program.messages
    assert ">>> which is kept for its own sake" in program.messages


def test_the_way_through_unwinding(link):
    source = """
        .globl _start
        .text
        _start: .cfi_startproc
        .cfi_personality 0x1b, personality
        ret
        .cfi_endproc
        .section .text.p,"ax"
        personality: ret
    """
    program = link.raw(assemble(source), "--gc-sections", "--why-live=personality")

    assert "live symbol: personality" in program.messages


def test_everything_is_live_without_collection(link):
    assert "everything is kept" in link(compile_c(CHAIN), "-Wl,--why-live=leaf").messages


@pytest.mark.parametrize("threads", [1, 4])
def test_map_as_json(link, threads):
    source = compile_c(CHAIN + "int common[5] __attribute__((common));", *FLAGS)
    program = link(source, f"-Wl,-Map=map.json,--Map-format=json,--threads={threads}")
    found = json.loads((link.directory / "map.json").read_text())

    assert found["version"] == 1
    entries = found["entries"]
    assert entries[0] == {"kind": "file", "name": str(link.directory / "program")}
    outputs = {each["name"]: each for each in entries if each["kind"] == "output"}
    text = outputs[".text"]
    assert (text["address"], text["size"]) == (
        program.sections[".text"].address,
        program.sections[".text"].size,
    )
    places = {symbol["name"]: symbol["address"] for each in entries for symbol in each.get("symbols", ())} | {
        each["name"]: each["address"] for each in entries if each["kind"] == "common"
    }
    for name in ("main", "leaf", "unused", "common"):
        assert places[name] == program.symbols[name].value
    leaf = next(each for each in entries if each.get("section") == ".text.leaf")
    assert leaf["file"].endswith("main.o")


def test_names_in_json_are_escaped(link):
    source = '.globl _start, "a\\"b\\\\c"\n.text\n_start:\n"a\\"b\\\\c":\nü:\n' + exit_with()
    link.raw(assemble(source), "-Map=map.json", "--Map-format=json")
    found = json.loads((link.directory / "map.json").read_text())

    names = {symbol["name"] for each in found["entries"] for symbol in each.get("symbols", ())}
    assert {"_start", "ü"} <= names
    assert any(name.startswith("a") and name.endswith("c") for name in names)


def test_statistics(link):
    messages = link(compile_c(CHAIN), "-Wl,--stats").messages

    assert messages.startswith("wild: total time in link: ")
    for name in ("objects", "shared objects", "sections kept", "relocations", "bytes of output"):
        assert f"  {name}\n" in messages
