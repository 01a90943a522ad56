"""Section groups: one copy per signature, and nothing left of the others: no code, frames or debug
information.
"""

from __future__ import annotations

import frames
from programs import archive, assemble, compile_c, compile_cxx, exit_with

INLINE = "inline int twice(int n) { return 2 * n; } int NAME(int n) { return twice(n); }"
GROUP = '.section .text.f,"axG",@progbits,f,comdat\n.weak f\nf: '


def inline_user(name: str, *flags: str):
    return compile_cxx(INLINE.replace("NAME", name), *flags, name=name)


def test_one_copy_of_an_inline_function_remains(link):
    main = compile_cxx("int a(int); int b(int); int main() { return a(10) + b(11); }")

    program = link(main, inline_user("a"), inline_user("b"), driver="g++")

    program.run(status=42)
    assert [symbol.name for symbol in program.symbol_list if symbol.name == "_Z5twicei"] == ["_Z5twicei"]


def test_first_group_of_a_signature_wins(link):
    first = assemble(GROUP + "mov $42, %edi\n ret", name="first")
    second = assemble(GROUP + "mov $1, %edi\n ret", name="second")
    main = assemble(".globl _start\n_start: call f" + exit_with("%edi"))

    program = link.raw(main, first, second)

    program.run(status=42)
    assert b"\xbf\x01\0\0\0\xc3" not in program.contents(".text")


def test_group_of_an_archive_member_that_stays_out_does_not_win(link):
    library = archive([assemble(GROUP + "mov $1, %edi\n ret\n.globl unused\nunused: ret", name="unused")])
    chosen = assemble(GROUP + "mov $42, %edi\n ret", name="chosen")
    main = assemble(".globl _start\n_start: call f" + exit_with("%edi"))

    link.raw(main, chosen, library).run(status=42)


def test_all_sections_of_a_losing_group_are_dropped(link):
    """A group may hold data beside code; the loser's data goes too."""
    data = '\n.section .data.f,"awG",@progbits,f,comdat\n.ascii "{}"\n'
    winner = assemble(GROUP + "ret" + data.format("winner's data"), name="winner")
    loser = assemble(GROUP + "ret" + data.format("loser's data"), name="loser")
    main = assemble(".globl _start\n_start: call f" + exit_with())

    program = link.raw(main, winner, loser)

    assert b"winner's data" in program.data
    assert b"loser's data" not in program.data


def test_frames_of_losers_are_dropped(link):
    main = compile_cxx("int a(int); int b(int); int main() { return a(10) + b(11); }")

    program = link(main, inline_user("a"), inline_user("b"), driver="g++")

    functions = [fde.function for fde in frames.read_frames(program).fdes]
    assert functions.count(program.symbols["_Z5twicei"].value) == 1
    assert len(functions) == len(set(functions))


def test_debug_information_of_losers_does_not_point_at_code(link):
    """A loser's addresses become a tombstone or the winner's; never something between two functions."""
    main = compile_cxx("int a(int); int b(int); int main() { return a(10) + b(11); }")

    program = link(main, inline_user("a", "-g"), inline_user("b", "-g"), driver="g++")

    text = program.readelf("--debug-dump=info")
    lows = {int(line.split()[-1], 16) for line in text.splitlines() if "DW_AT_low_pc" in line}
    assert lows - {0} == {program.symbols[name].value for name in ("_Z5twicei", "_Z1ai", "_Z1bi")}


def test_group_signature_may_be_a_local_section_symbol(link):
    """Groups are matched by the name of their signature symbol, also when it is not defined in the group."""
    source = '.section .text.{0},"axG",@progbits,signature,comdat\n.globl {0}\n{0}: mov ${1}, %edi\n ret'
    main = assemble(".globl _start\n_start: call one" + exit_with("%edi"))

    program = link.raw(
        main, assemble(source.format("one", 42), name="one"), assemble(source.format("two", 1), name="two")
    )

    program.run(status=42)
    assert "two" not in {symbol.name for symbol in program.symbol_list if symbol.section != "UNDEF"}


def test_group_without_the_comdat_flag_is_not_merged(link):
    """Only GRP_COMDAT makes groups of one signature exclude each other (gABI, Section Groups)."""
    source = '.section .text.{0},"axG",@progbits,signature\n.globl {0}\n{0}: mov ${1}, %edi\n ret'
    main = assemble(".globl _start\n_start: call one\n call two" + exit_with("%edi"))

    program = link.raw(
        main, assemble(source.format("one", 1), name="one"), assemble(source.format("two", 42), name="two")
    )

    program.run(status=42)


def test_reference_from_a_group_to_a_group_meets_the_winner(link):
    """The losing object's own calls go to the winner's copy."""
    first = assemble(GROUP + "mov $42, %edi\n ret", name="first")
    second = assemble(GROUP + "mov $1, %edi\n ret\n.text\n.globl via\nvia: jmp f", name="second")
    main = assemble(".globl _start\n_start: call via" + exit_with("%edi"))

    link.raw(main, first, second).run(status=42)


def test_reference_through_a_local_symbol_of_a_dropped_section_is_an_error(link):
    """Code outside the group that needs the dropped copy itself cannot be linked."""
    first = assemble(GROUP + "ret", name="first")
    second = assemble(GROUP + "local: ret\n.text\n.globl via\nvia: jmp local", name="second")
    main = assemble(".globl _start\n_start: call via")

    assert "discarded" in link.fails(main, first, second, driver="raw")


def test_template_statics_are_one_object(link):
    source = (
        "template <class T> struct S {{ static T n; }}; template <class T> T S<T>::n = 40; int &{}() {{ "
        "return S<int>::n; }}"
    )
    main = compile_cxx("int &a(); int &b(); int main() { a() += 2; return b(); }")
    objects = [compile_cxx(source.format(name), name=name) for name in "ab"]

    link(main, *objects, driver="g++").run(status=42)


def test_type_information_is_one_object(link):
    """dynamic_cast and catch compare type_info by address first."""
    shape = (
        "#include <typeinfo>\nstruct Shape { virtual ~Shape() {} }; const std::type_info *NAME() { "
        "return &typeid(Shape); }"
    )
    main = compile_c("void *_Z1av(void), *_Z1bv(void); int main(void) { return _Z1av() != _Z1bv(); }")
    objects = [compile_cxx(shape.replace("NAME", name), name=name) for name in "ab"]

    link(main, *objects, driver="g++").run()
