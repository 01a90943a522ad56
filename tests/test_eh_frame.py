"""`.eh_frame` and its search table: split, deduplicated, complete, sorted. (`sanity` checks it on every
link.)
"""

from __future__ import annotations

import frames
import pytest
from elf import PT_GNU_EH_FRAME
from programs import assemble, compile_c, compile_cxx, exit_with, pic_c

FUNCTION = "int {0}(int n) {{ return n + 1; }}"


def functions_of(program) -> list[int]:
    return [fde.function for fde in frames.read_frames(program).fdes]


def test_every_function_is_in_the_search_table(link):
    names = [f"function_{number}" for number in range(50)]
    objects = [compile_c(FUNCTION.format(name), name=name) for name in names]

    program = link(compile_c("int main(void) { return 0; }"), *objects)

    table = {function for function, _ in frames.search_table(program)}
    assert {program.symbols[name].value for name in (*names, "main")} <= table


def test_equal_common_entries_are_shared(link):
    """Compilers write one CIE per file; identical ones are merged."""
    objects = [compile_c(FUNCTION.format(f"f{number}"), name=f"f{number}") for number in range(20)]

    program = link(compile_c("int main(void) { return 0; }"), *objects)

    assert len(frames.read_frames(program).cies) < 6


def test_common_entries_with_different_personalities_are_kept_apart(link):
    c = compile_c(FUNCTION.format("in_c"), name="in_c")
    cxx = compile_cxx(
        "int in_cxx(int n) { try { if (n) throw n; } catch (int m) { return m; } return 1; }", name="in_cxx"
    )
    main = compile_cxx("int in_cxx(int); int main() { return in_cxx(42); }")

    program = link(main, c, cxx, driver="g++")

    program.run(status=42)
    assert len(frames.read_frames(program).cies) >= 2


def test_no_header_unless_asked(link):
    main = compile_c("int main(void) { return 0; }", "-fno-pie")

    assert not link(main, "-static").segments_of(PT_GNU_EH_FRAME)
    assert link(main, "-static", "-Wl,--eh-frame-hdr").segments_of(PT_GNU_EH_FRAME)


def test_no_eh_frame_hdr_undoes_it(link):
    assert not link(compile_c("int main(void) { return 0; }"), "-Wl,--no-eh-frame-hdr").segments_of(
        PT_GNU_EH_FRAME
    )


def test_header_of_a_program_without_frames(link):
    program = link.raw(assemble(".globl _start\n_start:" + exit_with("$42")), "--eh-frame-hdr")

    program.run(status=42)


def test_frames_of_hand_written_assembly(link):
    source = (
        ".globl f\nf:\n .cfi_startproc\n push %rbx\n .cfi_adjust_cfa_offset 8\n pop %rbx\n ret\n"
        " .cfi_endproc\n"
    )

    program = link(compile_c("void f(void); int main(void) { f(); return 0; }"), assemble(source, name="f"))

    assert program.symbols["f"].value in functions_of(program)


def test_several_frame_sections_in_one_file(link):
    """A file may bring more than one section named .eh_frame, e.g. after ld -r or in a COMDAT group."""
    source = compile_cxx(
        "inline int one(int n) { return n; } int (*p)(int) = one; int two(int n) { return n; }",
        "-ffunction-sections",
        name="two",
    )

    program = link(compile_cxx("int two(int); int main() { return two(42); }"), source, driver="g++")

    program.run(status=42)
    assert {program.symbols[name].value for name in ("_Z3onei", "_Z3twoi")} <= set(functions_of(program))


def test_terminator_inside_stays_out(link):
    """A zero-length record ends the section for an unwinder that walks it: only the last may remain."""
    terminator = assemble('.section .eh_frame,"a",@progbits\n.long 0\n', name="terminator")
    other = compile_c(FUNCTION.format("other"), name="other")

    program = link(terminator, compile_c("int main(void) { return 0; }"), other)

    assert program.symbols["other"].value in functions_of(program)
    data = program.contents(".eh_frame")
    lengths = [int.from_bytes(data[offset : offset + 4], "little") for offset, _ in frames.records(data)]
    assert all(lengths)


@pytest.mark.unlike("lld", reason="keeps the first of two at one address, the empty one")
def test_empty_function_range_does_not_hide_another(link):
    """An FDE of zero bytes at a function's address must not be found instead of the function's own."""
    source = "\n.globl f\n.cfi_startproc\n.cfi_endproc\nf:\n .cfi_startproc\n nop\n ret\n .cfi_endproc\n"

    program = link(compile_c("void f(void); int main(void) { f(); return 42; }"), assemble(source, name="f"))

    program.run(status=42)


def test_frames_of_a_shared_object(link):
    library = link.shared(pic_c(FUNCTION.format("f")))

    assert library.segments_of(PT_GNU_EH_FRAME)
    assert library.symbols["f"].value in functions_of(library)


def test_broken_records_are_an_error_or_copied_whole(link):
    """A record longer than its section: never a crash, never a read outside."""
    broken = assemble('.section .eh_frame,"a",@progbits\n.long 0x1000, 0\n.byte 1\n', name="broken")

    done = link.attempt(
        compile_c("int main(void) { return 0; }"), broken, driver="gcc", output="program", linker=None
    )

    assert done.returncode in (0, 1)
    assert "broken.o" in done.stderr


@pytest.mark.unlike("ld", reason="keeps its own unwind information for the PLT in a record of its own")
def test_address_of_frames_fits_the_header(link):
    program = link(compile_c("int main(void) { return 0; }"))

    header = program.segments_of(PT_GNU_EH_FRAME)[0]
    assert header.address == program.sections[".eh_frame_hdr"].address
    assert header.size == 12 + 8 * len(functions_of(program))


def test_unwind_information_of_the_whole_program_is_readable(link):
    program = link(
        compile_c('#include <stdio.h>\nint main(void) { puts("x"); return 0; }', "-fno-pie"),
        "-static",
        "-Wl,--eh-frame-hdr",
    )

    assert len(frames.search_table(program)) > 500
