"""Warnings, word for word, and the options that silence them or make errors of them."""

from __future__ import annotations

import os
import re

import pytest
from elf import PF_X, PT_GNU_STACK
from programs import archive, assemble, compile_c, exit_with, pic_c
from texts import said

pytestmark = pytest.mark.only_wild
START = ".globl _start\n_start:" + exit_with("$42")
WANTS_STACK = '.section .note.GNU-stack,"x",@progbits\n'


def without_note(link):
    """An object without .note.GNU-stack, which `assemble` always adds."""
    path = link.directory / "old.o"
    path.write_bytes(
        assemble("nop\n", name="old").read_bytes().replace(b".note.GNU-stack", b".nope.GNU-stack")
    )
    return path


def has_executable_stack(program) -> bool:
    return bool(program.segments_of(PT_GNU_STACK)[0].flags & PF_X)


# --- how warnings are shown --------------------------------------------------------------------------------


def test_missing_entry_symbol(link):
    program = link.raw(assemble(".globl f\nf: ret\n"))

    assert program.messages == "wild: warning: cannot find entry symbol _start; starting with .text\n"
    assert program.entry == program.sections[".text"].address


def test_missing_entry_symbol_that_was_named(link):
    program = link.raw(assemble(START), "-e", "begin")

    assert "cannot find entry symbol begin; starting with .text" in program.messages


@pytest.mark.parametrize("arguments", [["-shared"], ["-e", "0x1234"], ["--defsym=_start=0x1000"]])
def test_entry_symbol_that_is_not_needed(link, arguments):
    assert link.raw(assemble(".globl f\nf: ret\n"), *arguments).messages == ""


@pytest.mark.parametrize("flag", ["-w", "--no-warnings"])
def test_warnings_are_silenced(link, flag):
    assert link.raw(assemble(".globl f\nf: ret\n"), flag).messages == ""


def test_fatal_warnings_are_errors(link):
    message = link.fails(assemble(".globl f\nf: ret\n"), "--fatal-warnings", driver="raw")

    assert message == "wild: error: cannot find entry symbol _start; starting with .text\n"


def test_fatal_warnings_of_the_command_line(link):
    assert "error: -z no-such-word" in link.fails(
        assemble(START), "-z", "no-such-word", "--fatal-warnings", driver="raw"
    )


def test_fatal_warnings_stand_beside_errors(link):
    message = link.fails(assemble(".globl f\nf: call missing\n"), "--fatal-warnings", driver="raw")

    assert message.count("wild: error: ") == 2


# --- the stack ---------------------------------------------------------------------------------------------


def test_object_that_asks_for_an_executable_stack_gets_it(link):
    program = link.raw(assemble(START), assemble(WANTS_STACK, name="wants"))

    assert has_executable_stack(program)
    assert said(program.messages, link) == (
        "wild: warning: the stack is executable, because an object asks for that; -z noexecstack overrides it\n"
        ">>> wants.o\n"
    )


@pytest.mark.parametrize(("flag", "executable"), [("-znoexecstack", False), ("--no-warn-execstack", True)])
def test_nothing_is_said_about_a_stack_that_was_decided_on(link, flag, executable):
    program = link.raw(assemble(START), assemble(WANTS_STACK, name="wants"), flag)

    assert has_executable_stack(program) == executable
    assert program.messages == ""


def test_object_without_a_note_asks_for_nothing(link):
    program = link.raw(assemble(START), without_note(link))

    assert not has_executable_stack(program)
    assert program.messages == ""


def test_object_without_a_note_is_named_on_request(link):
    program = link.raw(assemble(START), without_note(link), "--warn-execstack")

    assert said(program.messages, link) == (
        "wild: warning: objects without .note.GNU-stack are taken to need no executable stack\n>>> old.o\n"
    )


def test_execstack_is_warned_of_on_request(link):
    messages = [
        link.raw(assemble(START), "-z", "execstack", *flags).messages for flags in ([], ["--warn-execstack"])
    ]

    assert messages == ["", "wild: warning: the stack is executable, because -z execstack is given\n"]


# --- .gnu.warning ------------------------------------------------------------------------------------------

OLD = '.globl old\nold: ret\n.section .gnu.warning.old,"",@progbits\n.string "old is dangerous"\n'


def test_places_that_use_a_dangerous_symbol(link):
    program = link.raw(assemble(START + " call old\n"), assemble(OLD, name="old"))

    assert said(program.messages, link) == (
        "wild: warning: old is dangerous\n>>> referenced by main.o:(.text+0xd)\n"
    )


def test_use_in_a_dropped_section_does_not_count(link):
    main = assemble(START + '.section .text.unused,"ax"\n call old\n')

    assert link.raw(main, assemble(OLD, name="old"), "--gc-sections").messages == ""


def test_libc_warns_of_tmpnam(link):
    main = compile_c("char *tmpnam(char *); int main(void) { return tmpnam(0) == 0; }", "-g")

    assert "tmpnam' is dangerous, better use `mkstemp'\n>>> referenced by main.c:1" in link(main).messages


# --- what is warned of on request --------------------------------------------------------------------------


def test_common_symbol_with_other_definitions(link):
    objects = [
        assemble(START),
        assemble(".comm shared, 4\n.comm alone, 4\n", name="small"),
        assemble(".comm shared, 16\n", name="large"),
        assemble(".data\n.globl shared\n.size shared, 8\nshared: .quad 1\n", name="data"),
    ]

    assert said(link.raw(*objects, "--warn-common").messages, link) == (
        "wild: warning: common symbol shared has other definitions\n"
        ">>> common in small.o, 4 bytes\n"
        ">>> common in large.o, 16 bytes\n"
        ">>> defined in data.o, 8 bytes\n"
    )


def test_text_relocations(link):
    source = START + ".section .rodata\n.balign 8\n.quad target\n.data\ntarget: .long 42\n"

    program = link.raw(assemble(source), "-pie", "-z", "notext", "--warn-textrel")

    assert said(program.messages, link) == (
        "wild: warning: the output has run-time relocations in read-only sections (DT_TEXTREL); recompile with -fPIC\n"
        ">>> in main.o:(.rodata)\n"
    )


# --- what is told on request -------------------------------------------------------------------------------


def test_trace_of_a_symbol_tells_how_each_file_mentions_it(link):
    library = link.shared(pic_c("int f(void) { return 1; }"), output="libf.so")
    members = archive([assemble(".globl f\nf: ret\n", name="lazy")], "liblazy.a")
    objects = [
        assemble(START + " call f\n", name="user"),
        assemble(".comm f, 4\n", name="common"),
        assemble(".globl f\nf: ret\n", name="definer"),
    ]

    assert said(link.raw(*objects, library, members, "-y", "f", "-y", "unheard_of").messages, link) == (
        "user.o: reference to f\n"
        "common.o: common definition of f\n"
        "definer.o: definition of f\n"
        "libf.so: shared definition of f\n"
        "liblazy.a(lazy.o): lazy definition of f\n"
    )


def test_dropped_sections(link):
    main = assemble(START + '.section .text.one,"ax"\nnop\n.section .data.two,"aw"\n.quad 1\n')
    member = assemble('.globl f\nf: ret\n.section .rodata.three,"a"\n.quad 1\n', name="member")

    messages = link.raw(
        main, archive([member], "libf.a"), "-u", "f", "--gc-sections", "--print-gc-sections"
    ).messages

    listed = said(messages, link).splitlines()
    assert listed == [
        "removing unused section main.o:(.text.one)",
        "removing unused section main.o:(.data.two)",
        "removing unused section libf.a(member.o):(.rodata.three)",
    ]


def test_file_names_that_are_not_utf8(link):
    name = os.fsdecode(b"caf\xe9.o")
    (link.directory / name).write_bytes(assemble(START).read_bytes())

    link.raw(name, "-t", "-Map=out.map", "--dependency-file=out.d", "-y", "_start")

    assert re.search(rb"(?m)^ \.text +0x\w+ +0x\w+ caf\xe9\.o$", (link.directory / "out.map").read_bytes())
    assert b"caf\xe9.o:" in (link.directory / "out.d").read_bytes()


@pytest.mark.parametrize(("flags", "count"), [(["-N"], 1), ([], 0), (["-N", "--no-warn-rwx-segments"], 0)])
def test_segments_that_can_be_written_and_executed(link, flags, count):
    code = assemble(".globl _start\n_start: nop\n.data\n.long 1\n")

    assert link.raw(code, "--warn-rwx-segments", *flags).messages.count("LOAD segment") == count
