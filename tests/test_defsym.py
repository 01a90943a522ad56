"""--defsym: symbols from expressions, and --undefined, --require-defined."""

from __future__ import annotations

import pytest
from programs import archive, assemble, compile_c, exit_with, pic_c

START = ".globl _start\n_start: mov $value, %edi\n mov $60, %eax\n syscall\n"
CALL_F = "int f(void); int main(void) { return f(); }"


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("42", 42),
        ("0x2a", 42),
        ("40+2", 42),
        ("(1 << 5) | 10", 42),
        ("50 - 2 * 4", 42),
        ("base + 2", 42),
        ("~0 & 42", 42),
        ("1 ? 42 : 0", 42),
        ("85 / 2", 42),
        ("142 % 100", 42),
        ("2 > 1 && 3 != 4 ? 42 : 7", 42),
        ("1K - 982", 42),
    ],
)
def test_value_of_an_expression(link, expression, expected):
    program = link.raw(assemble(START), "--defsym=base=40", f"--defsym=value={expression}")

    program.run(status=expected)
    assert program.symbols["value"].value == 42


@pytest.mark.parametrize(("options", "page"), [([], 4096), (["-z", "max-page-size=0x10000"], 0x10000)])
def test_constants_of_the_machine(link, options, page):
    definitions = ("--defsym=value=CONSTANT(MAXPAGESIZE)", "--defsym=common=CONSTANT (COMMONPAGESIZE)")

    program = link.raw(assemble(START), *definitions, *options)

    assert (program.symbols["value"].value, program.symbols["value"].section) == (page, "ABS")
    assert program.symbols["common"].value == 4096


def test_constants_in_a_partial_link(link):
    partial = link.raw("-r", assemble(START), "--defsym=value=CONSTANT(MAXPAGESIZE) / 2", output="partial.o")

    assert (partial.symbols["value"].value, partial.symbols["value"].section) == (2048, "ABS")


@pytest.mark.parametrize("script", [False, True])
def test_size_of_the_headers_and_load_address(link, script):
    path = link.directory / "layout.ld"
    path.write_text(
        "SECTIONS { . = 0x400000 + SIZEOF_HEADERS; .text : { *(.text) } . = ALIGN(0x1000);"
        " .data : AT(0x600000) { *(.data) } }"
    )
    definitions = ("--defsym=value=SIZEOF_HEADERS", "--defsym=load=LOADADDR(.data)")

    program = link.raw(assemble(START + ".data\n.long 1"), *definitions, *(["-T", path] if script else []))

    assert program.symbols["value"].value == 64 + 56 * len(program.segments)
    assert program.symbols["value"].section == "ABS"
    assert program.symbols["load"].value == (0x600000 if script else program.sections[".data"].address)


@pytest.mark.parametrize("form", [("--defsym=value=42",), ("--defsym", "value=42"), ("-defsym=value=42",)])
def test_spellings_of_the_option(link, form):
    link.raw(assemble(START), *form).run(status=42)


def test_alias_of_a_function(link):
    real = compile_c("int real(void) { return 42; }", name="real")

    program = link(compile_c(CALL_F), real, "-Wl,--defsym=f=real")

    program.run(status=42)
    assert program.symbols["f"].value == program.symbols["real"].value


def test_function_plus_offset(link):
    table = assemble(".globl table\n.data\ntable: .byte 1, 2, 42", name="table")
    main = assemble(".globl _start\n_start: movzbl third(%rip), %edi\n mov $60, %eax\n syscall\n")

    link.raw(main, table, "--defsym=third=table+2").run(status=42)


def test_defined_symbol_is_overridden(link):
    """An assignment on the command line wins over an object's definition."""
    other = compile_c("int f(void) { return 1; } int g(void) { return 42; }", name="other")

    link(compile_c(CALL_F), other, "-Wl,--defsym=f=g").run(status=42)


def test_alias_in_a_shared_object_is_exported(link):
    library = link.shared(pic_c("int real(void) { return 42; }"), "-Wl,--defsym=f=real")

    link(compile_c(CALL_F), library).run(status=42)


@pytest.mark.unlike("ld", reason="evaluates it after loading")
def test_alias_loads_the_archive_member_of_its_value(link):
    library = archive([compile_c("int real(void) { return 42; }", name="real")])

    link(compile_c(CALL_F), library, "-Wl,--defsym=f=real").run(status=42)


def test_alias_keeps_its_function_when_sections_are_dropped(link):
    real = compile_c(
        "int real(void) { return 42; } int unused(void) { return 1; }", "-ffunction-sections", name="real"
    )

    program = link(compile_c(CALL_F), real, "-Wl,--defsym=f=real,--gc-sections")

    program.run(status=42)
    assert "unused" not in program.symbols


def test_undefined_symbol_in_an_expression_is_an_error(link):
    assert "nowhere" in link.fails(assemble(START), "--defsym=value=nowhere+1", driver="raw")


def test_syntax_error_in_an_expression_is_an_error(link):
    assert link.fails(assemble(START), "--defsym=value=(1+", driver="raw")


def test_missing_equals_sign_is_an_error(link):
    assert "defsym" in link.fails(assemble(START), "--defsym=value", driver="raw")


def test_absolute_value_is_an_absolute_symbol(link):
    program = link.raw(assemble(START), "--defsym=value=42")

    assert program.symbols["value"].section == "ABS"


@pytest.mark.unlike("lld", reason="has no --require-defined")
def test_require_defined_loads_and_keeps_a_symbol(link):
    library = archive([compile_c("int wanted(void) { return 1; }", "-ffunction-sections", name="wanted")])

    program = link(
        compile_c("int main(void) { return 0; }"), library, "-Wl,--require-defined=wanted,--gc-sections"
    )

    assert "wanted" in program.symbols


@pytest.mark.unlike("lld", reason="has no --require-defined")
def test_require_defined_of_a_missing_symbol_is_an_error(link):
    main = assemble(".globl _start\n_start:" + exit_with())

    assert "missing" in link.fails(main, "--require-defined=missing", driver="raw")


def test_undefined_option_of_a_missing_symbol_is_no_error(link):
    link.raw(assemble(".globl _start\n_start:" + exit_with("$42")), "-u", "missing").run(status=42)


def test_undefined_option_is_a_root(link):
    main = compile_c("int wanted(void) { return 1; } int main(void) { return 0; }", "-ffunction-sections")

    assert "wanted" in link(main, "-Wl,-u,wanted,--gc-sections").symbols


def test_another_name_has_the_type_of_what_it_names(link):
    source = compile_c("int function(void) { return 1; } int variable = 3; int main(void) { return 0; }")
    program = link(source, "-Wl,--defsym=f=function,--defsym=v=variable,--defsym=inside=function+1")

    assert (program.symbols["f"].type, program.symbols["v"].type) == ("FUNC", "OBJECT")
    assert program.symbols["inside"].value == program.symbols["function"].value + 1


NUMBERS = """
#include <stdio.h>
extern char sum[], length[], later[], test[], place[], chosen[];
char start[4], end[4], *pointers[] = {sum, length, later, test, chosen};
int main(void) {
    for (int n = 0; n < 5; n++) printf("%ld ", (long)pointers[n]);
    printf("%d", place == start + 2);
    return 0;
}
"""


@pytest.mark.parametrize("kind", ["-pie", "-no-pie"])
def test_numbers_do_not_move_with_the_image(link, kind):
    """GNU ld manual, "The Section of an Expression": what is made of numbers, and the difference of two places."""
    definitions = {
        "sum": "one+1", "one": "1", "length": "end-start", "later": "sum*3+number", "test": "start!=end",
        "chosen": "one?7:8", "place": "start+2",
    }  # fmt: skip
    number = assemble(".globl number\nnumber=100\n")
    flags = [f"-Wl,--defsym={name}={text}" for name, text in definitions.items()]
    program = link(compile_c(NUMBERS, "-fPIE", "-fno-common"), number, kind, *flags)

    words = program.run().split()
    distance = program.symbols["end"].value - program.symbols["start"].value
    assert words == ["2", str(distance), "106", "1", "7", "1"]
    assert {program.symbols[name].section for name in definitions if name != "place"} == {"ABS"}


def test_an_alias_of_an_alias_has_the_type_of_the_function(link):
    program = link(
        compile_c("int main(void) { return 42; }"), "-Wl,--defsym=a=b,--defsym=b=c,--defsym=c=main"
    )

    assert {program.symbols[name].type for name in "abc"} == {"FUNC"}


@pytest.mark.only_wild
def test_a_value_that_depends_on_itself_is_an_error(link):
    message = link.fails(assemble(START), "--defsym=value=other+1", "--defsym=other=value+1", driver="raw")

    assert "--defsym value=other+1: the value depends on itself" in message


def test_a_definition_may_come_before_what_it_needs(link):
    link.raw(assemble(START), "--defsym=value=b+1", "--defsym=b=a+1", "--defsym=a=40").run(status=42)


@pytest.mark.unlike("mold", reason="has no such functions")
@pytest.mark.parametrize("kind", ["-static", "-pie"])
def test_facts_about_sections(link, kind):
    source = assemble(".globl _start\n_start: ret\n.data\n.balign 32\n.skip 100, 1\n")
    words = {
        "a": "ADDR(.data)+4",
        "s": "SIZEOF(.data)*2",
        "l": "ALIGNOF(.data)",
        "d": "ADDR(.data)-ADDR(.text)",
    }

    program = link.raw(source, kind, *(f"--defsym={name}={text}" for name, text in words.items()))

    data, text = program.sections[".data"], program.sections[".text"]
    assert program.symbols["a"].value == data.address + 4
    assert program.symbols["s"].value == 200
    assert program.symbols["l"].value == 32
    assert program.symbols["d"].value == data.address - text.address


@pytest.mark.unlike("mold", reason="has no such functions")
def test_the_address_of_a_section_moves_with_the_image(link):
    main = compile_c(
        'extern char start[]; __attribute__((section(".first"))) int first = 42; char *volatile p = start;'
        "int main(void) { return p == (char *)&first ? *(int *)p : 1; }",
        "-fPIE",
    )

    link(main, "-pie", "-Wl,--defsym=start=ADDR(.first)").run(status=42)


@pytest.mark.unlike("ld", "lld", "mold", reason="take it for empty, or have no such functions")
def test_a_section_that_is_not_there_is_an_error(link):
    assert "there is no section of that name" in link.fails(
        assemble(".globl _start\n_start: ret\n"), "--defsym=a=ADDR(.nosuch)", driver="raw"
    )
