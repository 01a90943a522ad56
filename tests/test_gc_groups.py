"""--gc-sections and sections that belong together: groups, and SHF_LINK_ORDER."""

from __future__ import annotations

import pytest
from programs import assemble, compile_cxx, exit_with

START = '.section .text.begin,"ax"\n.globl _start\n_start: mov kept(%rip), %rax\n' + exit_with("$42")
GROUP = """
    .section .data.{0},"awG",@progbits,{0}{1}
    .globl {0}
    {0}: .quad 42
    .section .data.mate_of_{0},"awG",@progbits,{0}{1}
    .globl mate_of_{0}
    mate_of_{0}: .quad 1
    .section .debug_{0},"G",@progbits,{0}{1}
    .ascii "debug information"
    .section note_of_{0},"G",@progbits,{0}{1}
    .ascii "for tools"
"""


@pytest.mark.parametrize("kind", [",comdat", ""], ids=["comdat", "plain"])
def test_members_of_a_group_live_and_die_together(link, kind):
    program = link.raw(
        assemble(START),
        assemble(GROUP.format("kept", kind), name="kept"),
        assemble(GROUP.format("gone", kind), name="gone"),
        "--gc-sections",
    )

    program.run(status=42)
    assert "mate_of_kept" in program.symbols
    assert not {"gone", "mate_of_gone"} & program.symbols.keys()


def test_unloaded_members_follow_the_loaded_ones(link):
    """Debug information of a function that is gone is of no use to anybody."""
    program = link.raw(
        assemble(START),
        assemble(GROUP.format("kept", ",comdat"), name="kept"),
        assemble(GROUP.format("gone", ",comdat"), name="gone"),
        "--gc-sections",
    )

    assert {".debug_kept", "note_of_kept"} <= program.sections.keys()
    assert not {".debug_gone", "note_of_gone"} & program.sections.keys()


def test_group_without_loaded_members_is_kept(link):
    """Types of debug information stand in groups of their own, which nothing refers to."""
    part = '.section {0},"G",@progbits,type,comdat\n.ascii "{0}"\n'
    source = START + ".data\nkept: .quad 0\n" + part.format(".debug_types") + part.format("more")

    program = link.raw(assemble(source), "--gc-sections")

    assert program.contents(".debug_types") == b".debug_types"
    assert program.contents("more") == b"more"


@pytest.mark.parametrize(
    "member",
    ['.section .init_array,"awG",@init_array,unit\n.quad 0', '.section own,"awGR",@progbits,unit\n.quad 0'],
    ids=["constructor", "retained"],
)
def test_root_in_a_group_keeps_the_group(link, member):
    source = f'{member}\n.section mate,"awG",@progbits,unit\n.quad 1\n'

    program = link.raw(
        assemble(START + ".data\nkept: .quad 0\n"), assemble(source, name="unit"), "--gc-sections"
    )

    assert "mate" in program.sections


def test_note_in_a_group_is_no_root(link):
    source = """
        .section .note.unit,"aG",@note,unit
        .long 4, 0, 1
        .asciz "Me"
        .section mate,"awG",@progbits,unit
        .quad 1
    """

    program = link.raw(
        assemble(START + ".data\nkept: .quad 0\n"), assemble(source, name="unit"), "--gc-sections"
    )

    assert not {"mate", ".note.unit"} & program.sections.keys()


LINKED = """
    .section .data.kept,"aw"
    .globl kept
    kept: .quad 42
    .section .data.gone,"aw"
    .quad 1
    .section .rodata.about_kept,"ao",@progbits,.data.kept
    .globl about_kept
    about_kept: .quad deep
    .section .rodata.about_gone,"ao",@progbits,.data.gone
    .globl about_gone
    about_gone: .quad 1
    .section .rodata.more,"ao",@progbits,.rodata.about_kept
    .globl more
    more: .quad 1
    .section .rodata.deep,"a"
    .globl deep
    deep: .quad 1
    .section tools_kept,"o",@progbits,.data.kept
    .ascii "for tools"
    .section tools_gone,"o",@progbits,.data.gone
    .ascii "for tools"
"""


def test_linked_section_of_a_standard_name_follows_its_target(link):
    """Not only sections of names of their own can have SHF_LINK_ORDER."""
    program = link.raw(assemble(START), assemble(LINKED, name="linked"), "--gc-sections")

    program.run(status=42)
    assert {"about_kept", "more", "deep"} <= program.symbols.keys()
    assert "about_gone" not in program.symbols


def test_linked_section_that_is_not_loaded_follows_its_target(link):
    program = link.raw(assemble(START), assemble(LINKED, name="linked"), "--gc-sections")

    assert "tools_kept" in program.sections
    assert "tools_gone" not in program.sections


def test_everything_is_kept_unasked(link):
    program = link.raw(assemble(START), assemble(LINKED + GROUP.format("group", ""), name="linked"))

    assert {"tools_kept", "tools_gone", ".debug_group", "note_of_group"} <= program.sections.keys()
    assert {"about_gone", "mate_of_group"} <= program.symbols.keys()


def test_debugger_finds_what_is_left(link):
    """Types in groups (-fdebug-types-section), a dropped inline function, linked sections of clang."""
    source = """
        struct Point { int x, y; };
        inline int unused(Point p) { return p.x; }
        int (*dropped)(Point) = unused;
        int main() { Point p = {40, 2}; return p.x + p.y; }
    """
    flags = ("-g", "-fdebug-types-section", "-ffunction-sections", "-fdata-sections")

    for compiler, more in (("g++", ()), ("clang++", ("-fstack-size-section",))):
        program = link(
            compile_cxx(source, *flags, *more, compiler=compiler), "-Wl,--gc-sections", driver="g++"
        )

        program.run(status=42)
        assert "_Z6unused5Point" not in program.symbols
        assert "Warning" not in program.readelf("--debug-dump=info")
        assert "Point" in program.readelf("--debug-dump=info")
