"""`.gnu.linkonce` sections: the older way to say COMDAT, still found in hand-written assembly."""

from __future__ import annotations

import pytest
from programs import assemble, exit_with

SECTION = '.section .gnu.linkonce.t.f,"ax",@progbits'
ONCE = SECTION + "\n.globl f\nf: mov ${}, %edi\n ret"
START = ".globl _start\n_start: call f" + exit_with("%edi")
REASON = "lld reports the duplicates"


@pytest.mark.unlike("lld", reason=REASON)
def test_first_linkonce_section_wins(link):
    objects = [assemble(ONCE.format(value), name=f"value{value}") for value in (42, 1)]

    link.raw(assemble(START), *objects).run(status=42)


@pytest.mark.unlike("lld", reason=REASON)
def test_linkonce_sections_of_different_names_are_all_kept(link):
    other = ONCE.replace("t.f", "t.g").replace("f:", "g:").replace("globl f", "globl g").format(42)
    start = START.replace("call f", "call f\n call g")

    link.raw(assemble(start), assemble(ONCE.format(1), name="one"), assemble(other, name="other")).run(
        status=42
    )


@pytest.mark.unlike("lld", reason=REASON)
def test_linkonce_section_yields_to_a_group_of_its_name(link):
    """`.gnu.linkonce.t.f` and the group `f` mean the same function (as in GNU ld)."""
    group = '.section .text.f,"axG",@progbits,f,comdat\n.globl f\nf: mov $42, %edi\n ret'

    link.raw(assemble(START), assemble(group, name="group"), assemble(ONCE.format(1), name="once")).run(
        status=42
    )


@pytest.mark.unlike("lld", reason="keeps the section's name")
def test_linkonce_text_lands_in_text(link):
    program = link.raw(assemble(START), assemble(ONCE.format(42), name="once"))

    program.run(status=42)
    assert program.section_at(program.symbols["f"].value) == ".text"


@pytest.mark.unlike("lld", reason="keeps the section's name")
@pytest.mark.parametrize(("kind", "section"), [("d", ".data"), ("r", ".rodata"), ("b", ".bss")])
def test_linkonce_data_lands_in_the_section_its_letter_names(link, kind, section):
    flags, contents = {"d": ('"aw"', "progbits"), "r": ('"a"', "progbits"), "b": ('"aw"', "nobits")}[kind]
    once = f".section .gnu.linkonce.{kind}.x,{flags},@{contents}\n.globl x\nx: .zero 8\n"

    program = link.raw(
        assemble(".globl _start\n_start: lea x(%rip), %rdi" + exit_with()), assemble(once, name="once")
    )

    assert program.section_at(program.symbols["x"].value) == section


@pytest.mark.unlike("lld", reason=REASON)
def test_group_yields_to_a_linkonce_section_before_it(link):
    group = '.section .text.f,"axG",@progbits,f,comdat\n.globl f\nf: mov $1, %edi\n ret'

    link.raw(assemble(START), assemble(ONCE.format(42), name="once"), assemble(group, name="group")).run(
        status=42
    )


@pytest.mark.unlike("lld", reason="keeps the section's name")
def test_constants_are_no_rival_of_a_group_of_code(link):
    """`.gnu.linkonce.r.f` is what goes with f, not f."""
    group = '.section .text.f,"axG",@progbits,f,comdat\n.globl f\nf: mov constant(%rip), %edi\n ret'
    once = '.section .gnu.linkonce.r.f,"a",@progbits\n.globl constant\nconstant: .long 42\n'

    link.raw(assemble(START), assemble(group, name="group"), assemble(once, name="once")).run(status=42)


@pytest.mark.unlike("lld", reason=REASON)
def test_only_the_first_of_one_name_in_a_file_is_kept(link):
    twice = "".join(
        f"{SECTION},unique,{status}\n.globl {name}\n{name}: mov ${status}, %edi\n ret\n"
        for name, status in (("f", 42), ("g", 1))
    )

    program = link.raw(assemble(START), assemble(twice, name="twice"))

    program.run(status=42)
    assert [symbol.name for symbol in program.symbol_list if symbol.section == ".text"] == ["_start", "f"]


@pytest.mark.unlike("lld", reason=REASON)
def test_frames_of_a_dropped_linkonce_section_are_dropped(link):
    once = ONCE.replace("f:", "f: .cfi_startproc\n").format(42) + "\n.cfi_endproc\n"

    program = link.raw(
        assemble(START), assemble(once, name="one"), assemble(once, name="two"), "--eh-frame-hdr"
    )

    program.run(status=42)
    assert program.readelf("--debug-dump=frames").count("FDE") == 1
