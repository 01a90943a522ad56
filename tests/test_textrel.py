"""Relocations in read-only memory: refused, or admitted by DT_TEXTREL with -z notext."""

from __future__ import annotations

import pytest
from programs import assemble, compile_c, pic_c

RODATA = (
    ".globl table\n.section .rodata\n.balign 8\ntable: .quad target\n.data\n.globl target\ntarget: .long 42\n"
)
ABSOLUTE_CODE = (
    ".globl f\nf: movabs $target, %rax\n mov (%rax), %eax\n ret\n.data\n.globl target\ntarget: .long 42\n"
)


@pytest.mark.parametrize("kind", ["-pie", "-shared"])
def test_absolute_address_in_read_only_data_is_an_error(link, kind):
    objects = [assemble(RODATA, name="table")] + (
        [compile_c("int main(void) { return 0; }")] if kind == "-pie" else []
    )

    message = link.fails(*objects, kind, "-Wl,-z,text")

    assert "table.o" in message
    assert "target" in message or ".rodata" in message


@pytest.mark.unlike("ld", reason="allows text relocations unless told otherwise")
@pytest.mark.parametrize("kind", ["-pie", "-shared"])
def test_text_relocations_are_an_error_by_default(link, kind):
    objects = [assemble(RODATA, name="table")] + (
        [compile_c("int main(void) { return 0; }")] if kind == "-pie" else []
    )

    assert "table.o" in link.fails(*objects, kind)


@pytest.mark.parametrize(
    "flag", ["notext", pytest.param("textoff", marks=pytest.mark.unlike("lld", reason="does not know it"))]
)
def test_text_relocations_work_when_allowed(link, flag):
    main = compile_c("extern int *const table[]; int main(void) { return *table[0]; }")

    program = link(main, assemble(RODATA, name="table"), "-pie", f"-Wl,-z,{flag}")

    program.run(status=42)
    assert program.tag("TEXTREL") or any(flags & 4 for flags in program.tag("FLAGS"))


def test_code_with_absolute_addresses_works_when_allowed(link):
    library = link.shared(assemble(ABSOLUTE_CODE, name="code"), "-Wl,-z,notext")

    link(compile_c("int f(void); int main(void) { return f(); }"), library).run(status=42)


@pytest.mark.parametrize("kind", ["-pie", "-shared"])
def test_32_bit_absolute_address_is_always_an_error(link, kind):
    """R_X86_64_32 cannot be relocated at load time; the hint is to compile with -fPIE or -fPIC."""
    source = "extern int x; int *f(void) { return &x; } int main(void) { return 0; }"
    message = link.fails(
        compile_c(source, "-fno-pie", "-O1", name="fixed"), compile_c("int x;", name="x"), kind
    )

    assert "fixed.o" in message
    assert "-fPI" in message


def test_32_bit_relative_access_to_another_modules_data_is_an_error(link):
    """R_X86_64_PC32 against a preemptible symbol in a shared object: recompile with -fPIC."""
    source = "extern int x; int f(void) { return x; }"

    message = link.fails(
        "-shared",
        compile_c(source, "-fpie", "-O1", name="direct"),
        pic_c("int x = 1;", name="x"),
        output="l.so",
    )

    assert "direct.o" in message
    assert "-fPIC" in message


@pytest.mark.unlike("lld", reason="sets it all the same")
def test_no_text_relocations_no_flag(link):
    program = link(compile_c("int main(void) { return 42; }"), "-Wl,-z,notext")

    program.run(status=42)
    assert not program.tag("TEXTREL")


@pytest.mark.unlike("ld", reason="stops at the first")
def test_every_place_is_reported(link):
    """Errors of one kind are all shown, with section and offset."""
    source = "".join(
        f".section .rodata.part{n}\n.balign 8\n.quad target{n}\n.data\ntarget{n}: .long 1\n" for n in range(3)
    )

    message = link.fails("-shared", assemble(source, name="table"), "-Wl,-z,text", output="l.so")

    assert message.count("table.o") >= 3


@pytest.mark.unlike("lld", reason="has no --warn-textrel")
def test_warning_when_asked(link):
    main = compile_c("extern int *const table[]; int main(void) { return *table[0]; }")

    program = link(main, assemble(RODATA, name="table"), "-pie", "-Wl,-z,notext,--warn-textrel")

    assert "TEXTREL" in program.messages.upper()
