"""Undefined symbols: all are reported with who refers to them; the options that allow them; hints."""

from __future__ import annotations

import pytest
from programs import archive, assemble, compile_c, compile_cxx, pic_c

MISSING = "int missing(void); int main(void) { return missing(); }"
UNUSED_MISSING = "int missing(void); int main(int n, char **v) { return n > 9 ? missing() : 42; }"


def test_every_undefined_symbol_is_reported(link):
    names = [f"missing_{number}" for number in range(15)]
    main = compile_c(
        "".join(f"int {n}(void);" for n in names) + f"int main(void) {{ return {'() + '.join(names)}(); }}"
    )

    message = link.fails(main)

    assert [name for name in names if name not in message] == []


def test_the_referring_file_and_function_are_named(link):
    caller = compile_c("int missing(void); int caller(void) { return missing(); }", name="caller")

    message = link.fails(compile_c("int caller(void); int main(void) { return caller(); }"), caller)

    assert "caller.o" in message
    assert "missing" in message


def test_the_archive_member_that_refers_is_named(link):
    library = archive(
        [compile_c("int missing(void); int f(void) { return missing(); }", name="f")], "libuser.a"
    )

    message = link.fails(compile_c("int f(void); int main(void) { return f(); }"), library)

    assert "libuser.a" in message
    assert "f.o" in message


def test_source_line_of_the_reference_is_named(link):
    source = "int missing(void);\n\nint main(void) {\n  return missing();\n}\n"

    assert ":4" in link.fails(compile_c(source, "-g", name="source"))


def test_cxx_names_are_demangled(link):
    main = compile_cxx(
        "namespace shape { int area(long, const char *); } int main() { return shape::area(1, 0); }"
    )

    assert "shape::area(long, char const*)" in link.fails(main, driver="g++")


def test_no_demangle_shows_the_names_as_they_are(link):
    main = compile_cxx("namespace shape { int area(long); } int main() { return shape::area(1); }")

    message = link.fails(main, "-Wl,--no-demangle", driver="g++")

    assert "_ZN5shape4areaEl" in message
    assert "shape::area" not in message


@pytest.mark.unlike("ld", reason="has no spelling hints")
def test_similar_name_is_suggested(link):
    other = compile_c("int calculate_sum(void) { return 1; }", name="other")
    main = compile_c("int calculate_sun(void); int main(void) { return calculate_sun(); }")

    message = link.fails(main, other)

    assert "did you mean" in message.lower()
    assert "calculate_sum" in message


@pytest.mark.unlike("ld", reason="has no such hint")
def test_c_symbol_wanted_as_cxx_is_explained(link):
    """The classic: a C function declared in C++ without extern "C"."""
    other = compile_c("int area(int n) { return n; }", name="other")
    main = compile_cxx("int area(int); int main() { return area(1); }")

    assert 'extern "C"' in link.fails(main, other, driver="g++")


@pytest.mark.unlike("ld", reason="has no such hint")
def test_missing_vtable_is_explained(link):
    """A class whose first virtual member function is never defined has no vtable."""
    main = compile_cxx(
        "struct Shape { virtual void draw(); virtual int area() { return 1; } }; Shape s; int main() {}"
    )

    message = link.fails(main, driver="g++")

    assert "vtable for Shape" in message
    assert "key function" in message


def test_undefined_symbol_in_a_shared_object_is_accepted(link):
    library = link.shared(pic_c("int missing(void); int f(void) { return missing(); }"))

    assert library.dynamic_symbols["missing"].section == "UNDEF"


@pytest.mark.parametrize("flag", ["-zdefs", "--no-undefined"])
def test_undefined_symbol_in_a_shared_object_is_an_error_with_defs(link, flag):
    source = pic_c("int missing(void); int f(void) { return missing(); }")

    assert "missing" in link.fails("-shared", source, f"-Wl,{flag}", output="libshared.so")


def test_undefs_undoes_defs(link):
    link.shared(pic_c("int missing(void); int f(void) { return missing(); }"), "-Wl,-z,defs,-z,undefs")


@pytest.mark.unlike("ld", reason="leaves an empty PLT relocation, which the loader refuses")
@pytest.mark.parametrize("mode", ["ignore-all", "ignore-in-object-files"])
def test_unresolved_symbols_may_be_ignored(link, mode):
    link(compile_c(UNUSED_MISSING), f"-Wl,--unresolved-symbols={mode}").run(status=42)


@pytest.mark.parametrize("mode", ["report-all", "ignore-in-shared-libs"])
def test_unresolved_symbols_of_objects_are_reported(link, mode):
    assert "missing" in link.fails(compile_c(UNUSED_MISSING), f"-Wl,--unresolved-symbols={mode}")


def test_unresolved_symbols_mode_also_rules_shared_objects(link):
    source = pic_c("int missing(void); int f(void) { return missing(); }")

    assert "missing" in link.fails(
        "-shared", source, "-Wl,--unresolved-symbols=report-all", output="libshared.so"
    )


@pytest.mark.unlike("ld", reason="leaves an empty PLT relocation, which the loader refuses")
def test_warn_unresolved_symbols_makes_it_a_warning(link):
    program = link(compile_c(UNUSED_MISSING), "-Wl,--warn-unresolved-symbols")

    program.run(status=42)
    assert "missing" in program.messages


PRELOADED = """
int missing(void); extern int missing_data;
int main(int argc, char **argv) { return argc > 1 ? missing() + missing_data : 0; }
"""


@pytest.mark.unlike("ld", reason="leaves an empty PLT relocation, which the loader refuses")
@pytest.mark.parametrize("mode", ["-pie", "-no-pie"])
def test_what_is_only_warned_about_is_left_to_the_loader(link, mode):
    """As in lld: a library that is preloaded can define it."""
    library = link.shared(pic_c("int missing(void) { return 40; } int missing_data = 2;"))

    program = link(compile_c(PRELOADED, "-fPIC"), mode, "-Wl,--warn-unresolved-symbols")

    assert program.messages.count("warning: undefined symbol: missing") == 2
    program.run("argument", status=42, LD_PRELOAD=str(library.path))


def test_only_live_code_is_warned_about(link):
    source = compile_c("int missing(void); int dead(void) { return missing(); }", "-ffunction-sections")

    program = link(
        source, compile_c("int main(void) { return 42; }"), "-Wl,--warn-unresolved-symbols,--gc-sections"
    )

    assert "missing" not in program.messages
    assert "missing" not in program.dynamic_symbols


def test_a_static_program_has_zero_for_what_is_only_warned_about(link):
    main = assemble(".globl _start\n_start: mov $missing, %rdi\n mov $60, %eax\n syscall")

    program = link.raw(main, "--warn-unresolved-symbols")

    assert "missing" in program.messages
    program.run(status=0)


def test_a_shared_object_with_defs_imports_what_is_only_warned_about(link):
    source = pic_c("int missing(void); int f(void) { return missing(); }")

    library = link.shared(source, "-Wl,-z,defs,--warn-unresolved-symbols")

    assert "warning: undefined symbol: missing" in library.messages
    assert library.dynamic_symbols["missing"].section == "UNDEF"


def test_error_unresolved_symbols_undoes_it(link):
    assert "missing" in link.fails(
        compile_c(MISSING), "-Wl,--warn-unresolved-symbols,--error-unresolved-symbols"
    )


def test_ignored_undefined_symbol_has_address_zero_in_a_static_program(link):
    main = assemble(".globl _start\n_start: mov $missing, %rdi\n mov $60, %eax\n syscall")

    link.raw(main, "--unresolved-symbols=ignore-all").run(status=0)


def test_undefined_symbol_of_a_library_is_an_error_for_a_program(link):
    """GNU ld and lld: --no-allow-shlib-undefined is the default for programs when all libraries are known."""
    library = link.shared(pic_c("int missing(void); int f(void) { return missing(); }"), "-nostdlib")

    message = link.fails(compile_c("int f(void); int main(void) { return f(); }"), library)

    assert "missing" in message
    assert "libshared.so" in message


def test_allow_shlib_undefined_accepts_it(link):
    library = link.shared(
        pic_c("int missing(void); int f(void) { return 42; } int g(void) { return missing(); }")
    )
    main = compile_c("int f(void); int main(void) { return f(); }")

    program = link(main, library, "-Wl,--allow-shlib-undefined")

    program.run(status=42)


def test_undefined_symbol_of_a_library_with_an_unknown_dependency_is_no_error(link):
    """Where a DT_NEEDED of the library is not part of the link it may define the symbol."""
    inner = link.shared(pic_c("int inner(void) { return 42; }"), output="libinner.so")
    outer = link.shared(
        pic_c("int inner(void); int f(void) { return inner(); }"), inner, output="libouter.so"
    )
    main = compile_c("int f(void); int main(void) { return f(); }")
    inner.path.rename(link.directory / "hidden.so")

    program = link(main, outer, "-Wl,--allow-shlib-undefined")

    (link.directory / "hidden.so").rename(inner.path)
    program.run(status=42)


def test_reference_from_debug_information_is_no_undefined_symbol_of_code(link):
    """A symbol only a dropped section refers to is not missed."""
    dropped = compile_c(
        "int missing(void); int unused(void) { return missing(); }", "-ffunction-sections", name="dropped"
    )

    program = link(compile_c("int main(void) { return 42; }"), dropped, "-Wl,--gc-sections")

    program.run(status=42)


@pytest.mark.unlike("ld", reason="has no --error-limit")
def test_error_limit_counts_the_reports(link):
    names = [f"missing_{number}" for number in range(30)]
    main = compile_c(
        "".join(f"int {n}(void);" for n in names) + f"int main(void) {{ return {'() + '.join(names)}(); }}"
    )

    some = link.fails(main, "-Wl,--error-limit=3")
    every = link.fails(main, "-Wl,--error-limit=0")

    assert 3 <= sum(f"{name}\n" in some for name in names) <= 4
    assert sum(f"{name}\n" in every for name in names) == 30


def test_undefined_tls_symbol_is_reported(link):
    main = compile_c("extern __thread int missing; int main(void) { return missing; }")

    assert "missing" in link.fails(main)


@pytest.mark.parametrize("kind", ["-pie", "-no-pie"])
def test_what_may_be_missing_can_be_preloaded(link, kind):
    """As with lld; GNU ld binds the call to address 0."""
    preloaded = link.shared(pic_c("int missing(void) { return 42; }"), output="libmissing.so")
    main = compile_c(
        "int missing(void); int main(void) { return missing(); }", "-fPIE" if kind == "-pie" else "-fno-pie"
    )
    program = link(main, kind, "-Wl,--unresolved-symbols=ignore-all")

    program.run(status=42, LD_PRELOAD=str(preloaded.path))
