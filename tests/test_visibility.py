"""Hidden, internal, protected and default visibility: merging between files, and what the loader
gets to see.
"""

from __future__ import annotations

import pytest
from programs import assemble, compile_c, exit_with, pic_c

USE = "int f(void); int g(void) { return f(); }"


@pytest.mark.parametrize("visibility", ["hidden", "internal"])
def test_hidden_definition_is_not_exported(link, visibility):
    library = link.shared(
        pic_c(f'__attribute__((visibility("{visibility}"))) int f(void) {{ return 1; }} {USE[11:]}')
    )

    assert "f" not in library.dynamic_symbols
    assert "g" in library.exports
    assert library.symbols["f"].binding == "LOCAL"


def test_visibility_of_a_reference_constrains_the_definition(link):
    """The most constraining visibility of all mentions in objects wins (gABI, Symbol Table)."""
    reference = pic_c(
        '__attribute__((visibility("hidden"))) int f(void); int g(void) { return f(); }', name="use"
    )
    library = link.shared(reference, pic_c("int f(void) { return 1; }", name="definition"))

    assert "f" not in library.dynamic_symbols
    assert library.symbols["f"].section == ".text"


@pytest.mark.parametrize("one", ["hidden", "protected", "internal"])
@pytest.mark.parametrize("other", ["hidden", "protected", "internal"])
def test_most_constraining_visibility_wins(link, one, other):
    definition = assemble(f".globl f\n.{one} f\n.type f, @function\nf: ret", name="definition")
    reference = assemble(f".globl g\n.{other} f\ng: call f@PLT\n ret", name="reference")

    library = link.shared(reference, definition)

    assert ("f" in library.exports) == (one == other == "protected")


def test_visibility_of_a_weak_loser_counts(link):
    weak = pic_c('__attribute__((weak, visibility("hidden"))) int f(void) { return 1; }', name="weak")
    library = link.shared(weak, pic_c("int f(void) { return 2; }", name="strong"))

    assert "f" not in library.dynamic_symbols


def test_visibility_in_a_shared_object_does_not_count(link):
    """A protected definition of a library does not make the program's own definition protected."""
    library = link.shared(pic_c('__attribute__((visibility("protected"))) int f(void) { return 1; }'))
    main = compile_c("int f(void) { return 42; } int main(void) { return f(); }")

    program = link(main, "-Wl,--export-dynamic", library)

    assert program.dynamic_symbols["f"].visibility == "DEFAULT"


def test_protected_function_is_exported_and_bound_directly(link):
    source = '__attribute__((visibility("protected"))) int f(void) { return 42; } int g(void) { return f(); }'
    library = link.shared(pic_c(source))
    main = compile_c("int g(void); int f(void) { return 1; } int main(void) { return g(); }")

    link(main, library).run(status=42)
    assert library.dynamic_symbols["f"].visibility == "PROTECTED"
    assert "f" not in library.relocation_set("JUMP_SLOT") | library.relocation_set("GLOB_DAT")


def test_protected_data_is_bound_directly(link):
    source = '__attribute__((visibility("protected"))) int value = 42; int g(void) { return value; }'
    library = link.shared(pic_c(source))

    assert library.relocations == [row for row in library.relocations if row.symbol != "value"]
    assert library.dynamic_symbols["value"].visibility == "PROTECTED"


def test_hidden_data_needs_no_symbolic_relocation(link):
    source = (
        '__attribute__((visibility("hidden"))) int value = 42; int *p = &value; int *f(void) { return p; }'
    )
    library = link.shared(pic_c(source))

    assert "value" not in {row.symbol for row in library.relocations}


def test_default_function_of_a_library_can_be_interposed(link):
    library = link.shared(pic_c("int f(void) { return 1; } int g(void) { return f(); }"))

    assert "f" in library.relocation_set("JUMP_SLOT") | library.relocation_set("GLOB_DAT")


def test_address_of_hidden_function_in_a_library_is_local(link):
    source = (
        '__attribute__((visibility("hidden"))) int f(void) { return 42; } int (*p(void))(void) { return f; }'
    )
    library = link.shared(pic_c(source))
    main = compile_c("int (*p(void))(void); int main(void) { return p()(); }")

    link(main, library).run(status=42)


def test_undefined_hidden_symbol_is_an_error(link):
    """A hidden reference has to be met inside the output; a definition in a shared object does not do."""
    library = link.shared(pic_c("int f(void) { return 1; }"))
    main = compile_c('__attribute__((visibility("hidden"))) int f(void); int main(void) { return f(); }')

    assert "f" in link.fails(main, library)


def test_undefined_hidden_symbol_is_an_error_in_a_shared_object(link):
    reference = pic_c('__attribute__((visibility("hidden"))) int f(void); int g(void) { return f(); }')

    assert "f" in link.fails("-shared", reference, output="libshared.so")


def test_hidden_undefined_weak_symbol_is_null(link):
    source = (
        '__attribute__((weak, visibility("hidden"))) int f(void); int main(void) { return f ? f() : 42; }'
    )
    library = link.shared(pic_c("int f(void) { return 1; }"))

    link(compile_c(source), "-Wl,--no-as-needed", library).run(status=42)


def test_hidden_symbol_of_one_object_is_used_by_another(link):
    hidden = assemble(".globl f\n.hidden f\nf: mov $42, %edi\n ret", name="hidden")
    main = assemble(".globl _start\n_start: call f" + exit_with("%edi"))

    link.raw(main, hidden).run(status=42)


def test_symbol_table_tells_the_visibility_of_what_is_undefined(link):
    code = (
        '__attribute__((weak, visibility("hidden"))) extern int none; int main(void) { return &none != 0; }'
    )
    program = link(compile_c(code))

    program.run()
    assert program.symbols["none"].visibility == "HIDDEN"
