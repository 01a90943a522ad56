"""Orders of sections other than that of the inputs: ordering files, call graphs, sorting, shuffling."""

from __future__ import annotations

import pytest
from programs import assemble, compile_c, exit_with, tool

FUNCTIONS = "\n".join(
    f"__attribute__((noinline)) int f{n}(int x) {{ return x + {n}; }}\nint v{n} = {n};" for n in range(6)
)
MAIN = (
    FUNCTIONS
    + "\nstatic __attribute__((noinline)) int hidden(int x) { return x * 3; }\n"
    + "int main(void) { return "
    + " + ".join(f"f{n}(v{n})" for n in range(6))
    + " + hidden(4); }"
)
STATUS = 2 * 15 + 12
FLAGS = ("-O1", "-ffunction-sections", "-fdata-sections")


def main():
    return compile_c(MAIN, *FLAGS)


def order(output, *names: str) -> list[str]:
    """The names by ascending address."""
    return sorted(names, key=lambda name: output.symbols[name].value)


def write(link, name: str, text: str):
    path = link.directory / name
    path.write_text(text)
    return path


def test_symbols_come_first_in_their_order(link):
    names = write(link, "order", "f4\n# a comment\nhidden   # local\n\nf1\nv3\nv0\n")
    program = link(main(), f"-Wl,--symbol-ordering-file={names}")

    program.run(status=STATUS)
    assert order(program, "f0", "f1", "f2", "f3", "f4", "f5", "hidden", "main")[:3] == ["f4", "hidden", "f1"]
    assert order(program, "v1", "v2", "v3")[0] == "v3"


@pytest.mark.unlike("ld", reason="has no such option")
def test_order_is_that_of_lld(link):
    names = write(link, "order", "f5\nf2\nmain\nf3\n")
    mine = link(main(), f"-Wl,--symbol-ordering-file={names}")
    theirs = link(main(), f"-Wl,--symbol-ordering-file={names}", linker=tool("ld.lld"), output="lld")

    functions = [f"f{n}" for n in range(6)] + ["main", "hidden"]
    assert order(mine, *functions) == order(theirs, *functions)


def test_unknown_symbols_are_mentioned(link):
    names = write(link, "order", "f4\nnobody\n")

    assert "nobody" in link(main(), f"-Wl,--symbol-ordering-file={names}").messages
    quiet = link(main(), f"-Wl,--symbol-ordering-file={names},--no-warn-symbol-ordering")
    assert "nobody" not in quiet.messages


def test_missing_file_is_an_error(link):
    assert "absent: cannot open" in link.fails(main(), "-Wl,--symbol-ordering-file=absent")


def test_section_names_come_first_in_their_order(link):
    names = write(link, "order", ".text.f[45]\n.text.f1\n.data.v2\n")
    program = link(main(), f"-Wl,--section-ordering-file={names}")

    program.run(status=STATUS)
    assert order(program, *(f"f{n}" for n in range(6)))[:3] == ["f4", "f5", "f1"]
    assert order(program, "v1", "v2", "v3")[0] == "v2"


CHAIN = """
    #define N __attribute__((noinline))
    N int cold(int x) { return x + 1; }
    N int leaf(int x) { return x + 2; }
    N int other(int x) { return x + 3; }
    N int middle(int x) { return leaf(x) * 2; }
    N int hot(int x) { return middle(x) - 1; }
    int main(void) { return hot(1) + cold(2) + other(3); }
"""


def test_callers_and_callees_are_neighbours(link):
    calls = write(
        link, "calls", "hot middle 1000\nmiddle leaf 900\nmain hot 10\nmain other 1\nmain unknown 5\n"
    )
    program = link(compile_c(CHAIN, *FLAGS), f"-Wl,--call-graph-ordering-file={calls}")

    program.run(status=14)
    found = order(program, "cold", "leaf", "other", "middle", "hot", "main")
    at = found.index("hot")
    assert found[at : at + 3] == ["hot", "middle", "leaf"]
    assert found[-1] == "cold"


@pytest.mark.parametrize("line", ["hot middle", "hot middle x", "hot middle 1 2"])
def test_bad_call_graph_is_an_error(link, line):
    calls = write(link, "calls", f"hot leaf 1\n{line}\n")

    message = link.fails(compile_c(CHAIN, *FLAGS), f"-Wl,--call-graph-ordering-file={calls}")

    assert "calls:2: must be CALLER CALLEE WEIGHT" in message


def test_profile_of_the_objects(link):
    """clang's assembler writes the profile that -fprofile-use gives."""
    functions = "".join(f'.section .text.{n},"ax"\n.globl {n}\n{n}: nop\nret\n' for n in ("a", "b", "c", "d"))
    source = f"{functions}.cg_profile d, b, 100\n.cg_profile b, a, 50\n.globl _start\n.text\n_start: call d"
    inputs = assemble(source + exit_with("$42"), compiler="clang")

    program = link.raw(inputs, "--call-graph-profile-sort=hfsort")

    program.run(status=42)
    assert order(program, "a", "b", "c", "d")[:3] == ["d", "b", "a"]
    assert order(link.raw(inputs, output="plain"), "a", "b", "c", "d") == ["a", "b", "c", "d"]


def test_sorted_by_name(link):
    source = "".join(f'.section .text.{n},"ax"\n.globl {n}\n{n}: ret\n' for n in ("c", "a", "b"))
    program = link.raw(
        assemble(source + ".globl _start\n.text\n_start: call a" + exit_with("$42")), "--sort-section=name"
    )

    program.run(status=42)
    assert order(program, "a", "b", "c", "_start") == ["_start", "a", "b", "c"]


def test_sorted_by_alignment(link):
    source = "".join(
        f'.section .data.{n},"aw"\n.balign {align}\n.globl {n}\n{n}: .byte 1\n'
        for n, align in (("a", 1), ("b", 64), ("c", 8))
    )
    program = link.raw(
        assemble(source + ".globl _start\n.text\n_start:" + exit_with("$42")), "--sort-section=alignment"
    )

    program.run(status=42)
    assert order(program, "a", "b", "c") == ["b", "c", "a"]


def test_shuffled(link):
    functions = [f"f{n}" for n in range(6)]
    one = link(main(), "-Wl,--shuffle-sections=1", output="one")
    same = link(main(), "-Wl,--shuffle-sections=1", output="same")
    other = link(main(), "-Wl,--shuffle-sections=2", output="other")
    free = link(main(), "-Wl,--shuffle-sections", output="free")

    for program in (one, other, free):
        program.run(status=STATUS)
    assert one.data == same.data
    assert order(one, *functions) != order(other, *functions)


def test_reversed(link):
    program = link(main(), "-Wl,--reverse-sections")

    program.run(status=STATUS)
    functions = [f"f{n}" for n in range(6)]
    assert order(program, *functions) == functions[::-1]


@pytest.mark.parametrize("option", ["--shuffle-sections=3", "--reverse-sections", "--sort-section=name"])
def test_constructors_keep_their_order(link, option):
    source = """
        #include <stdio.h>
        __attribute__((constructor(300))) void c(void) { puts("three"); }
        __attribute__((constructor(100))) void a(void) { puts("one"); }
        __attribute__((constructor(200))) void b(void) { puts("two"); }
        static __thread int t = 5; __thread int u;
        int main(void) { return t + u; }
    """
    program = link(compile_c(source, *FLAGS, "-Wno-prio-ctor-dtor"), f"-Wl,{option}")

    assert program.run(status=5) == "one\ntwo\nthree\n"


def test_ordering_with_garbage_collection_and_folding(link):
    names = write(link, "order", "f4\nf2\nunused\n")
    source = MAIN + "\nint unused(void) { return 77; }"
    program = link(compile_c(source, *FLAGS), f"-Wl,--symbol-ordering-file={names},--gc-sections,--icf=all")

    program.run(status=STATUS)
    assert "unused" not in program.symbols
    assert order(program, "f0", "f2", "f4") == ["f4", "f2", "f0"]


PROFILE = """
    .section .text.a,"ax"
    a: ret
    .section .llvm.call-graph-profile,"e",@0x6fff4c09
    .quad 7
    .section .text
    .globl _start
    _start:
""" + exit_with("$42")


def test_profile_without_relocations_is_passed_over(link):
    program = link.raw(assemble(PROFILE), "--call-graph-profile-sort=hfsort")

    program.run(status=42)
    assert ".llvm.call-graph-profile" not in program.sections


def test_a_script_excludes_other_orders(link):
    script = write(link, "script", "SECTIONS { .text : { *(.text*) } }")

    assert "leave one out" in link.fails(main(), f"-Wl,-T,{script},--reverse-sections")
