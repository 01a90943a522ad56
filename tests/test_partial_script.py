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
        ("SECTIONS { symbol = .; }", "only numbers are known outside of output sections"),
        ("SECTIONS { . = 8; }", "no location counter outside of sections"),
        ("SECTIONS { .text : { *(.text) . = ALIGN(8); } }", "aligned in front of sections only"),
        ('SECTIONS { ASSERT(SIZEOF(.text) < 8, "large") }', "only numbers are known"),
        ("SECTIONS { .text 0x1000 : { *(.text) } }", "output section .text can have no address"),
        ("SECTIONS { .text : { *(.text) end = . + 4; } }", "output section .text can hold sections, symbols"),
        ("SECTIONS { .text : { *(SORT_BY_ALIGNMENT(.text)) } }", "sections can be sorted by name only"),
        ("SECTIONS { .text : ALIGN(3) { *(.text) } }", "ALIGN(3) is no power of two"),
        ("SECTIONS { .text : ALIGN(SIZEOF(.text)) { *(.text) } }", "its alignment must be a constant"),
    ],
)
def test_what_needs_addresses_is_refused(link, text, message):
    source = assemble(".globl _start\n_start:" + exit_with())

    assert message in link.fails("-r", "-T", script(link, text), source, driver="raw")


# What module.lds of Linux 6.10 and later has for tables whose bounds the code asks for.
TABLES = """
SECTIONS {
    .codetag 0 : { . = ALIGN(8); __start_tags = .; KEEP(*(tags)) __stop_tags = .; }
    .pair 0 : ALIGN(16) { one = .; *(one) . = ALIGN(32); two = .; *(two) PROVIDE(last = .); PROVIDE(other = .); }
    .none 0 : { __start_none = .; *(none) __stop_none = .; }
    number = 0x123;
    PROVIDE(next = number + 1);
    ASSERT(number == 0x123, "never")
}
"""
ENTRY = """
    .globl _start
_start: mov $__stop_tags, %edi
    sub $__start_tags, %edi
    add $__stop_none, %edi
    sub $__start_none, %edi
    add $(-0x100), %edi
    add $next, %edi
    mov $60, %eax
    syscall
    mov $last, %eax
    .section tags,"aw"
    .quad 1
    .section two,"a"
    .byte 2
"""
MORE = """
    .section tags,"aw"
    .byte 1
    .section one,"a"
    .byte 1
"""


def test_symbols_tell_where_tables_begin_and_end(link):
    inputs = assemble(ENTRY, name="entry"), assemble(MORE, name="more")
    made = link.raw("-r", "-T", script(link, TABLES), *inputs, output="module.o")

    values = {name: (each.section, each.value) for name, each in made.symbols.items()}
    assert (values["__start_tags"], values["__stop_tags"]) == ((".codetag", 0), (".codetag", 9))
    assert (values["one"], values["two"], values["last"]) == ((".pair", 0), (".pair", 32), (".pair", 33))
    assert values["__start_none"] == values["__stop_none"]
    assert (values["number"], values["next"]) == (("ABS", 0x123), ("ABS", 0x124))
    assert "other" not in values
    assert made.sections[".pair"].alignment == 32
    assert made.symbols["last"].binding == "GLOBAL"
    link.raw(made.path, output="final").run(status=9 + 0x24)


def test_a_failed_assertion_stops_the_link(link):
    text = TABLES.replace("number == 0x123", "number == 0x124")

    assert "never" in link.fails("-r", "-T", script(link, text), assemble(ENTRY), driver="raw")
