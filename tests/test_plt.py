"""Procedure linkage: lazy and immediate binding, the GOT-only form, and entries for indirect branch
tracking.
"""

from __future__ import annotations

import pytest
from elf import PT_GNU_RELRO
from programs import assemble, compile_c, pic_c

CALLS = (
    '#include <stdlib.h>\n#include <stdio.h>\nint main(void) { puts("one"); printf("%d\\n", atoi("42")); '
    "return 0; }"
)
IBT_NOTE = (
    '.section .note.gnu.property,"a",@note\n.balign 8\n.long 4, 16, 5\n.asciz "GNU"\n'
    ".long 0xc0000002, 4, {}, 0\n"
)


def test_lazy_binding_resolves_at_the_first_call(link):
    """With -z lazy a missing function is only missed when it is called."""
    library = link.shared(pic_c("int f(void) { return 1; }"), output="libf.so")
    main = compile_c("int f(void); int main(int n, char **v) { return n > 9 ? f() : 42; }")
    program = link(main, library, "-Wl,-z,lazy")
    link.shared(pic_c("int other(void) { return 1; }"), output="libf.so")

    program.run(status=42)
    program.run(status=127, LD_BIND_NOW="1")


def test_immediate_binding_resolves_at_start(link):
    library = link.shared(pic_c("int f(void) { return 1; }"), output="libf.so")
    main = compile_c("int f(void); int main(int n, char **v) { return n > 9 ? f() : 42; }")
    program = link(main, library, "-Wl,-z,now")
    link.shared(pic_c("int other(void) { return 1; }"), output="libf.so")

    program.run(status=127)


@pytest.mark.parametrize("kind", ["-pie", "-no-pie"])
@pytest.mark.parametrize("binding", ["lazy", "now"])
def test_calls_into_libraries(link, binding, kind):
    program = link(compile_c(CALLS, "-fpie"), kind, f"-Wl,-z,{binding}")

    assert program.run() == "one\n42\n"
    assert program.run(LD_BIND_NOW="1") == "one\n42\n"


def test_now_sets_its_flags(link):
    program = link(compile_c(CALLS), "-Wl,-z,now")

    assert program.tag("BIND_NOW") or any(flags & 8 for flags in program.tag("FLAGS"))
    assert any(flags & 1 for flags in program.tag("FLAGS_1"))


def test_lazy_sets_no_flags(link):
    program = link(compile_c(CALLS), "-Wl,-z,lazy")

    assert not program.tag("BIND_NOW")
    assert not any(flags & 8 for flags in program.tag("FLAGS"))
    assert not any(flags & 1 for flags in program.tag("FLAGS_1"))


def test_lazy_slots_lie_outside_relro(link):
    program = link(compile_c(CALLS), "-Wl,-z,lazy,-z,relro")

    relro = program.segments_of(PT_GNU_RELRO)[0]
    slots = [row.offset for row in program.relocations if row.type == "JUMP_SLOT"]
    assert slots
    assert not any(relro.address <= slot < relro.end for slot in slots)


def test_now_puts_all_slots_into_relro(link):
    program = link(compile_c(CALLS), "-Wl,-z,now,-z,relro")

    relro = program.segments_of(PT_GNU_RELRO)[0]
    slots = [row.offset for row in program.relocations if row.type in ("JUMP_SLOT", "GLOB_DAT")]
    assert all(relro.address <= slot < relro.end for slot in slots)


def test_last_of_now_and_lazy_wins(link):
    assert not any(flags & 1 for flags in link(compile_c(CALLS), "-Wl,-z,now,-z,lazy").tag("FLAGS_1"))
    assert any(flags & 1 for flags in link(compile_c(CALLS), "-Wl,-z,lazy,-z,now").tag("FLAGS_1"))


def test_lazy_slot_points_back_into_the_plt(link):
    """Before binding each slot holds the address of its entry's push; the loader adds the base."""
    program = link(compile_c(CALLS), "-Wl,-z,lazy")

    slots = [row.offset for row in program.relocations if row.type == "JUMP_SLOT"]
    assert {program.section_at(program.word(slot)) for slot in slots} == {".plt"}


def test_function_used_by_pointer_and_call_has_one_relocation_of_each_kind(link):
    main = compile_c(
        (
            '#include <stdio.h>\nint (*p)(const char *) = puts; int main(void) { puts("one"); '
            'return p("two") < 0; }'
        ),
        "-fPIC",
    )

    program = link(main)

    assert program.run() == "one\ntwo\n"
    assert [row.symbol for row in program.relocations].count("puts") <= 2


def test_no_plt_code_uses_the_got(link):
    """-fno-plt: call *f@GOTPCREL(%rip) to a library needs a GOT slot, no PLT entry."""
    program = link(compile_c(CALLS, "-fno-plt", "-O1"), "-Wl,-z,lazy")

    assert program.run() == "one\n42\n"
    assert "puts" in program.relocation_set("GLOB_DAT")
    assert "puts" not in program.relocation_set("JUMP_SLOT")


def test_plt_of_a_shared_object_does_not_assume_a_register(link):
    """Entries are position independent on x86-64: a library may be loaded anywhere, twice."""
    library = link.shared(pic_c('#include <stdio.h>\nvoid hello(void) { puts("hello"); }'), "-Wl,-z,lazy")

    assert (
        link(compile_c("void hello(void); int main(void) { hello(); hello(); return 0; }"), library).run()
        == "hello\nhello\n"
    )


@pytest.mark.unlike(
    "lld", reason="keeps one .plt of 16-byte entries with endbr64 only for -z force-ibt or marked inputs"
)
@pytest.mark.parametrize("option", ["ibtplt", "ibt"])
def test_entries_begin_with_endbr64_when_asked(link, option):
    main = compile_c(CALLS, "-fcf-protection=full")

    program = link(main, f"-Wl,-z,lazy,-z,{option}")

    assert program.run() == "one\n42\n"
    assert b"\xf3\x0f\x1e\xfa" in program.contents(".plt.sec")
    assert program.contents(".plt.sec").startswith(b"\xf3\x0f\x1e\xfa")


def test_entries_begin_with_endbr64_when_all_inputs_are_marked(link):
    """All objects have the IBT property: the output has it, and its PLT must keep the promise."""
    start = assemble(
        ".globl _start\n_start: endbr64\n call f@PLT\n mov %eax, %edi\n mov $60, %eax\n syscall\n"
        + IBT_NOTE.format(1)
    )
    library = link.shared(
        pic_c("int f(void) { return 42; }", "-fcf-protection=full"), "-nostdlib", output="libf.so"
    )

    program = link.raw(start, library, "-pie", "-dynamic-linker", "/lib64/ld-linux-x86-64.so.2", "-z", "lazy")

    program.run(status=42)
    entries = program.contents(".plt.sec" if ".plt.sec" in program.sections else ".plt")
    assert b"\xf3\x0f\x1e\xfa" in entries
    assert "IBT" in program.readelf("-n")


def test_plt_is_executable_and_not_writable(link):
    program = link(compile_c(CALLS), "-Wl,-z,lazy")

    assert program.sections[".plt"].flags == 2 | 4


def test_thousand_lazy_functions(link):
    """The index pushed by an entry is that of its relocation, beyond 8 bits as well."""
    functions = "".join(f"int f{n}(void) {{ return {n}; }}\n" for n in range(1000))
    library = link.shared(pic_c(functions))
    declared = "".join(f"int f{n}(void);" for n in range(1000))
    checks = "".join(
        f"if (f{n}() != {n}) return 1;" for n in (*range(999, 0, -7), 0, 255, 256, 257, 511, 512)
    )

    link(compile_c(f"{declared} int main(void) {{ {checks} return 42; }}"), library, "-Wl,-z,lazy").run(
        status=42
    )
