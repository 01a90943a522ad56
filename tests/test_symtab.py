"""The symbol table: what -s, -S, -x, -X and --discard-* leave, and how symbols are written."""

from __future__ import annotations

import pytest
from programs import assemble, compile_c, exit_with, pic_c

SOURCE = (
    "static int hidden_away(void) { return 1; } int visible(void) { return hidden_away(); } "
    "int main(void) { return visible(); }"
)
LABELS = (
    ".globl _start\n_start:" + exit_with("$42") + "local_label: nop\n.Ltemporary: nop\n jmp local_label\n"
)


def names(program) -> set[str]:
    return {symbol.name for symbol in program.symbol_list}


def test_everything_is_there_by_default(link):
    program = link(compile_c(SOURCE))

    assert {"hidden_away", "visible", "main", "_start"} <= names(program)
    assert program.symbols["hidden_away"].binding == "LOCAL"
    assert program.symbols["visible"].binding == "GLOBAL"


@pytest.mark.parametrize("flag", ["-s", "-Wl,-s", "-Wl,--strip-all"])
def test_strip_all(link, flag):
    program = link(compile_c(SOURCE, "-g"), flag)

    program.run(status=1)
    assert not {".symtab", ".strtab", ".debug_info", ".debug_line", ".debug_str"} & program.sections.keys()


@pytest.mark.parametrize("flag", ["-Wl,-S", "-Wl,--strip-debug"])
def test_strip_debug(link, flag):
    program = link(compile_c(SOURCE, "-g"), flag)

    assert not any(name.startswith(".debug") for name in program.sections)
    assert {"hidden_away", "visible"} <= names(program)


@pytest.mark.parametrize("flag", ["-Wl,-x", "-Wl,--discard-all"])
def test_discard_all_removes_local_symbols(link, flag):
    program = link(compile_c(SOURCE), flag)

    assert "hidden_away" not in names(program)
    assert {"visible", "main"} <= names(program)


@pytest.mark.parametrize("flag", ["-X", "--discard-locals"])
def test_discard_locals_removes_temporary_names(link, flag):
    """Names that begin with .L reach the linker only with `as -L`; -X drops them."""
    program = link.raw(assemble(LABELS, "-Wa,-L"), flag)

    assert ".Ltemporary" not in names(program)
    assert "local_label" in names(program)


def test_temporary_names_of_mergeable_sections_are_dropped(link):
    """Also where nothing can be merged, as the constants have relocations."""
    constants = (
        '.section .rodata.str1.1,"aMS",@progbits,1\n.LC0: .asciz "text"\n'
        '.section .data.rel.ro.constants,"awM",@progbits,8\n.LC1: .quad _start\nmine: .quad .LC0\n'
    )
    program = link.raw(assemble(LABELS + constants, "-Wa,-L"))

    assert {".Ltemporary", "mine"} <= names(program)
    assert not {".LC0", ".LC1"} & names(program)


def test_discard_none_keeps_temporary_names(link):
    program = link.raw(assemble(LABELS, "-Wa,-L"), "--discard-none")

    assert {".Ltemporary", "local_label"} <= names(program)


@pytest.mark.unlike("lld", reason="ignores the option")
def test_retained_symbols_file(link):
    listed = link.directory / "symbols"
    listed.write_text("visible\nmain\n")

    program = link(compile_c(SOURCE), f"-Wl,--retain-symbols-file={listed}")

    assert {"visible", "main"} <= names(program)
    assert "_start" not in names(program)


def test_file_symbols_group_the_locals(link):
    program = link(compile_c(SOURCE, name="source"))

    listed = [(symbol.name, symbol.type) for symbol in program.symbol_list]
    assert ("source.c", "FILE") in listed
    position = listed.index(("source.c", "FILE"))
    following = [name for name, kind in listed[position + 1 :] if kind != "FILE"]
    assert "hidden_away" in following


def test_symbols_of_dropped_sections_are_dropped(link):
    program = link(
        compile_c(SOURCE + "int unused(void) { return 3; }", "-ffunction-sections"), "-Wl,--gc-sections"
    )

    assert "unused" not in names(program)


def test_sizes_and_types_are_kept(link):
    program = link(compile_c("int array[10] = {1}; __thread int t; int main(void) { return array[9] + t; }"))

    assert (program.symbols["array"].size, program.symbols["array"].type) == (40, "OBJECT")
    assert program.symbols["main"].type == "FUNC"
    assert program.symbols["t"].type == "TLS"


def test_undefined_weak_symbols_are_listed_once(link):
    source = "extern int f(void) __attribute__((weak)); int {0}(void) {{ return f ? 1 : 0; }}"
    objects = [compile_c(source.format(name), name=name) for name in ("one", "two")]

    program = link(compile_c("int main(void) { return 0; }"), *objects)

    assert [symbol.name for symbol in program.symbol_list].count("f") <= 1


def test_symbol_names_share_one_string(link):
    """A name that stands in .symtab twice needs its text once."""
    source = "static int same_long_name(void) {{ return 1; }} int {0}(void) {{ return same_long_name(); }}"
    objects = [compile_c(source.format(name), name=name) for name in ("one", "two", "three")]

    program = link(compile_c("int main(void) { return 0; }"), *objects)

    assert sum(symbol.name == "same_long_name" for symbol in program.symbol_list) == 3
    assert program.contents(".strtab").count(b"same_long_name\0") <= 3


def test_section_symbols_do_not_carry_names(link):
    program = link(compile_c(SOURCE))

    assert all(symbol.name == "" for symbol in program.symbol_list if symbol.type == "SECTION")


def test_dynamic_symbols_are_in_the_symbol_table_too(link):
    library = link.shared(pic_c("int f(void) { return 1; }"))

    assert library.symbols["f"].value == library.dynamic_symbols["f"].value
    assert library.symbols["f"].section == library.dynamic_symbols["f"].section


def test_strip_keeps_the_dynamic_symbols(link):
    library = link.shared(pic_c("int f(void) { return 42; }"), "-s")

    link(compile_c("int f(void); int main(void) { return f(); }"), library, "-s").run(status=42)


def test_alias_symbols_have_one_address(link):
    program = link(
        compile_c(
            'int real(void) { return 42; } int alias(void) __attribute__((alias("real"))); '
            "int main(void) { return alias(); }"
        )
    )

    program.run(status=42)
    assert program.symbols["alias"].value == program.symbols["real"].value


def test_debugging_symbols_outlive_discarding(link):
    """-x is about .symtab; DWARF stays."""
    program = link(compile_c(SOURCE, "-g"), "-Wl,-x")

    assert "hidden_away" in program.readelf("--debug-dump=info")
