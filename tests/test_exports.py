"""What an output offers to the dynamic linker: -E, dynamic lists, exclude-libs, and what libraries
refer to.
"""

from __future__ import annotations

import pytest
from programs import archive, compile_c, compile_cxx, pic_c, write

MAIN = "int f(void) { return 1; } int g(void) { return 2; } int main(void) { return 0; }"


def test_program_exports_nothing_unasked(link):
    program = link(compile_c(MAIN))

    assert not {"f", "g", "main"} & program.exports


@pytest.mark.parametrize("flag", ["-Wl,--export-dynamic", "-Wl,-E", "-rdynamic", "-Wl,-export-dynamic"])
def test_export_dynamic_exports_all_globals(link, flag):
    program = link(compile_c(MAIN + "static int hidden(void) { return 1; } int (*p)(void) = hidden;"), flag)

    assert {"f", "g", "main"} <= program.exports
    assert "hidden" not in program.exports


def test_export_dynamic_leaves_hidden_symbols_out(link):
    program = link(
        compile_c('__attribute__((visibility("hidden"))) int f(void) { return 1; } int main(void) {}'),
        "-Wl,-E",
    )

    assert "f" not in program.exports


def test_no_export_dynamic_undoes_it(link):
    program = link(compile_c(MAIN), "-Wl,-E,--no-export-dynamic")

    assert "f" not in program.exports


@pytest.mark.parametrize("form", ["-Wl,--export-dynamic-symbol=f", "-Wl,--export-dynamic-symbol,f"])
def test_export_dynamic_symbol_exports_one(link, form):
    program = link(compile_c(MAIN), form)

    assert "f" in program.exports
    assert "g" not in program.exports


def test_export_dynamic_symbol_takes_a_pattern(link):
    program = link(
        compile_c("int api_a, api_b, other; int main(void) { return 0; }"),
        "-Wl,--export-dynamic-symbol=api_*",
    )

    assert {"api_a", "api_b"} <= program.exports
    assert "other" not in program.exports


def test_export_dynamic_symbol_list(link):
    listed = write(link.directory / "list", "{ f; };")

    program = link(compile_c(MAIN), f"-Wl,--export-dynamic-symbol-list={listed}")

    assert "f" in program.exports
    assert "g" not in program.exports


def test_dynamic_list_exports_from_a_program(link):
    listed = write(link.directory / "list", '{ f; extern "C++" { "shown(int)"; }; };')
    source = compile_cxx(
        'extern "C" int f() { return 1; } int shown(int) { return 1; } int other(int) { return 1; } '
        "int main() {}"
    )

    program = link(source, f"-Wl,--dynamic-list={listed}", driver="g++")

    assert {"f", "_Z5showni"} <= program.exports
    assert "_Z5otheri" not in program.exports


def test_dynamic_list_makes_other_symbols_of_a_library_non_preemptible(link):
    """In a shared object everything is exported, but only listed names can be interposed (like
    -Bsymbolic).
    """
    listed = write(link.directory / "list", "{ f; };")
    library = link.shared(
        pic_c("int f(void) { return 1; } int g(void) { return 42; } int h(void) { return f() + g(); }"),
        f"-Wl,--dynamic-list={listed}",
    )

    assert {"f", "g", "h"} <= library.exports
    assert "f" in library.relocation_set("JUMP_SLOT") | library.relocation_set("GLOB_DAT")
    assert "g" not in library.relocation_set("JUMP_SLOT") | library.relocation_set("GLOB_DAT")


def test_symbol_a_library_refers_to_is_exported(link):
    library = link.shared(pic_c("int callback(void); int run(void) { return callback(); }"))
    main = compile_c("int run(void); int callback(void) { return 42; } int main(void) { return run(); }")

    program = link(main, library)

    program.run(status=42)
    assert "callback" in program.exports


def test_symbol_a_library_defines_too_is_exported(link):
    """Interposition: the program's malloc-like definition must be seen by the library that has its own."""
    library = link.shared(pic_c("int hook(void) { return 1; } int run(void) { return hook(); }"))
    main = compile_c("int run(void); int hook(void) { return 42; } int main(void) { return run(); }")

    program = link(main, library)

    program.run(status=42)
    assert "hook" in program.exports


def test_data_a_library_refers_to_is_exported(link):
    library = link.shared(pic_c("extern int value; int run(void) { return value; }"))
    main = compile_c("int run(void); int value = 42; int main(void) { return run(); }")

    link(main, library).run(status=42)


def test_symbol_only_an_indirect_library_refers_to_is_exported(link):
    """The library of a library counts as well only if it is given on the line."""
    inner = link.shared(
        pic_c("int callback(void); int inner(void) { return callback(); }"), output="libinner.so"
    )
    outer = link.shared(
        pic_c("int inner(void); int run(void) { return inner(); }"), inner, output="libouter.so"
    )
    main = compile_c("int run(void); int callback(void) { return 42; } int main(void) { return run(); }")

    link(main, outer, inner).run(status=42)


@pytest.mark.unlike("ld", reason="does not name the library")
def test_hidden_symbol_a_library_refers_to_is_an_error(link):
    library = link.shared(pic_c("int callback(void); int run(void) { return callback(); }"))
    main = compile_c(
        'int run(void); __attribute__((visibility("hidden"))) int callback(void) { return 42; } '
        "int main(void) { return run(); }"
    )

    message = link.fails(main, library)

    assert "callback" in message
    assert "libshared.so" in message


def test_exclude_libs_hides_the_symbols_of_one_archive(link):
    one = archive([pic_c("int one(void) { return 1; }", name="one")], "libone.a")
    two = archive([pic_c("int two(void) { return 2; }", name="two")], "libtwo.a")
    user = pic_c("int one(void); int two(void); int api(void) { return one() + two(); }", name="user")

    library = link.shared(user, one, two, "-Wl,--exclude-libs=libone.a")

    assert {"api", "two"} <= library.exports
    assert "one" not in library.exports


@pytest.mark.parametrize(
    "form",
    [
        "--exclude-libs=ALL",
        "--exclude-libs,ALL",
        "--exclude-libs,libone.a:libtwo.a",
        "--exclude-libs=libone:libtwo",
    ],
)
def test_exclude_libs_of_several_or_all(link, form):
    one = archive([pic_c("int one(void) { return 1; }", name="one")], "libone.a")
    two = archive([pic_c("int two(void) { return 2; }", name="two")], "libtwo.a")
    user = pic_c("int one(void); int two(void); int api(void) { return one() + two(); }", name="user")

    library = link.shared(user, one, two, f"-Wl,{form}")

    assert "api" in library.exports
    assert not {"one", "two"} & library.exports


def test_exclude_libs_applies_to_whole_archives(link):
    one = archive([pic_c("int one(void) { return 1; }", name="one")], "libone.a")

    library = link.shared("-Wl,--whole-archive", one, "-Wl,--no-whole-archive,--exclude-libs=ALL")

    assert "one" not in library.exports
    assert "one" in library.symbols


def test_undefined_symbols_of_a_shared_object_are_dynamic(link):
    library = link.shared(pic_c("int missing(void); int f(void) { return missing(); }"))

    assert library.dynamic_symbols["missing"].section == "UNDEF"


def test_linker_symbols_are_not_exported(link):
    library = link.shared(pic_c("int f(void) { return 1; }"))

    assert not {"_GLOBAL_OFFSET_TABLE_", "_DYNAMIC", "__dso_handle", "_init"} & library.exports - {"_init"}


def test_dropped_symbol_is_not_exported(link):
    """--gc-sections in a program: an unexported, unreferenced function leaves no dynamic symbol."""
    main = compile_c("int unused(void) { return 1; } int main(void) { return 0; }", "-ffunction-sections")

    assert "unused" not in link(main, "-Wl,--gc-sections").symbols
