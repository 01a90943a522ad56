"""Numbers about links: --write-gc-stats, --print-archive-stats, --sym-info; --debug-address."""

from __future__ import annotations

import pytest
from programs import archive, assemble, compile_c, exit_with

pytestmark = pytest.mark.only_wild

USED = ".globl _start\n_start: call f" + exit_with("$42")
FUNCTIONS = (
    '.section .text.f,"ax"\n.globl f\nf: ret\n.section .text.g,"ax"\n.globl g\ng: .skip 63, 0x90\nret\n'
)


@pytest.fixture
def inputs() -> list:
    unused = assemble(".globl unused\nunused: ret\n", name="unused")
    return [
        assemble(USED, name="start"),
        archive([assemble(FUNCTIONS, name="functions"), unused], "libf.a"),
    ]


def rows_of(text: str) -> dict[str, tuple[int, int, str]]:
    rows = [line.split() for line in text.splitlines()[1:]]
    return {row[3].rpartition("/")[2]: (int(row[0]), int(row[1]), row[2]) for row in rows}


def test_gc_stats_count_the_code_that_is_kept_and_dropped(link, inputs):
    link.raw(*inputs, "--gc-sections", "--write-gc-stats=stats")

    rows = rows_of((link.directory / "stats").read_text())
    assert rows["libf.a"] == (1, 64, "98.5")
    assert rows["total"][:2] == (rows["start.o"][0] + 1, 64)


def test_gc_stats_list_members_and_leave_out_what_is_ignored(link, inputs):
    program = link.raw(
        *inputs, "--gc-sections", "--gc-stats", "--verbose-gc-stats", "--gc-stats-ignore=start.o"
    )

    assert list(rows_of(program.messages)) == ["libf.a(functions.o)", "total"]


def test_archive_stats_count_members(link, inputs):
    program = link.raw(*inputs, "--print-archive-stats=-")

    assert program.messages == f"members\textracted\tarchive\n2\t1\t{inputs[1]}\n"


def test_sym_info_tells_the_definition_and_the_mentions(link, inputs):
    program = link.raw(*inputs, "--sym-info=f", "--sym-info=nix")

    assert f"bound to {inputs[1]}(functions.o):(.text.f+0x0)" in program.messages
    assert f"reference in {inputs[0]}" in program.messages
    assert "nix: no input mentions it" in program.messages


def test_debug_address_explains_what_was_just_linked(link):
    main = compile_c("int main(void) { return 0; }", name="main")
    program = link(main, "-Wl,--debug-address=main")

    assert f"from {main}:(.text" in program.messages


def test_a_report_that_cannot_be_written_is_an_error(link, inputs):
    text = link.fails(*inputs, "--write-gc-stats=none/stats", driver="raw")

    assert "none/stats: cannot be written: No such file or directory" in text
