"""Scripts of partial links (-r -T), as the Linux kernel links its modules."""

from __future__ import annotations

import pytest
from programs import assemble, compile_c, exit_with
from scripts import by_ld, script

pytestmark = pytest.mark.unlike("lld", "mold", "gold", reason="name sections by other rules")

# What the kernel's module.lds consists of.
MODULE = """
SECTIONS {
    /DISCARD/ : { *(.discard) *(.discard.*) }
    __ksymtab 0 : ALIGN(8) { *(SORT(___ksymtab+*)) }
    .altinstructions 0 : ALIGN(8) { KEEP(*(.altinstructions)) }
    __bug_table 0 : ALIGN(8) { KEEP(*(__bug_table)) }
    __patchable_function_entries : { *(__patchable_function_entries) }
    .text : { *(.text.first) *(.text .text.[0-9a-zA-Z_]*) }
    .data : { *(.data .data.[0-9a-zA-Z_]*) }
}
"""
FIRST = """
    .globl _start
    .text
    _start: mov value(%rip), %edi
        add more(%rip), %edi
        mov $60, %eax
        syscall
    .section .text.first,"ax"
    .globl early
    early: ret
    .section ___ksymtab+zeta,"a"
    .byte 2
    .section .discard.addressable,"aw"
    .quad early
    .section .data.b,"aw"
    .globl value
    value: .long 40
"""
SECOND = """
    .section ___ksymtab+alpha,"a"
    .byte 1
    .section __bug_table,"aw"
    .byte 9
    .data
    .globl more
    more: .long 2
    .section .other,"aw"
    .byte 3
"""


def contents(output, name: str) -> bytes:
    section = output.sections[name]
    return bytes(output.data[section.offset : section.offset + section.size])


def test_sections_are_named_and_ordered_by_the_script(link):
    inputs = assemble(FIRST, name="first"), assemble(SECOND, name="second")
    made = link.raw("-r", "-T", script(link, MODULE), *inputs, output="module.o")
    theirs = by_ld(link, MODULE, "-r", *inputs)

    assert contents(made, "__ksymtab") == contents(theirs, "__ksymtab")
    assert b"\1" in contents(made, "__ksymtab")
    assert contents(made, "__ksymtab").index(b"\1") < contents(made, "__ksymtab").index(b"\2")
    assert made.sections["__bug_table"].alignment == 8
    assert not any(name.startswith((".discard", ".text.", ".data.")) for name in made.sections)
    for name in (".text", ".data", ".other"):
        assert made.sections[name].size == theirs.sections[name].size
    for name in ("_start", "early", "value", "more"):
        assert made.symbols[name].value == theirs.symbols[name].value
    link.raw(made.path, output="final").run(status=42)


def test_compiled_code_with_groups_and_strings(link):
    first = compile_c(
        'extern int puts(const char *); int twice(int); static const char *text = "text";\n'
        "int main(void) { puts(text); return twice(21) - 42; }",
        "-g", "-ffunction-sections", "-fdata-sections",
    )  # fmt: skip
    second = compile_c("int twice(int x) { return 2 * x; }", "-g", "-ffunction-sections", name="second")
    module = link.raw("-r", "-T", script(link, MODULE), first, second, output="module.o")

    assert ".text.main" not in module.sections
    assert ".note.GNU-stack" in module.sections  # without it, the stack would be executable
    link(module.path, output="final").run(status=0)


@pytest.mark.only_wild
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SECTIONS { symbol = .; }", "a script can only name sections here"),
        ("SECTIONS { .text 0x1000 : { *(.text) } }", "output section .text can have no address"),
        ("SECTIONS { .text : { *(.text) end = .; } }", "output section .text can hold sections only"),
        ("SECTIONS { .text : { *(SORT_BY_ALIGNMENT(.text)) } }", "sections can be sorted by name only"),
        ("SECTIONS { .text : ALIGN(3) { *(.text) } }", "ALIGN(3) is no power of two"),
        ("SECTIONS { .text : ALIGN(SIZEOF(.text)) { *(.text) } }", "its alignment must be a constant"),
    ],
)
def test_what_needs_addresses_is_refused(link, text, message):
    source = assemble(".globl _start\n_start:" + exit_with())

    assert message in link.fails("-r", "-T", script(link, text), source, driver="raw")
