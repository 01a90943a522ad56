"""Symbol versions: what a shared object defines, what its users ask for, and which of several a name
means.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from programs import archive, assemble, compile_c, exit_with, pic_c, write

TWO = "V1 { global: f; local: *; }; V2 { global: f; } V1;"
SCRIPT = "V1 { global: f; local: *; };\nV2 { global: g; } V1;\n"
TWO_VERSIONS = """
    __asm__(".symver old_f, f@V1");
    __asm__(".symver new_f, f@@V2");
    int old_f(void) { return 1; }
    int new_f(void) { return 42; }
"""


def versioned_library(
    link, source: str = "int f(void) { return 42; } int g(void) { return 1; }", script: str = SCRIPT
):
    path = write(link.directory / "versions.map", script)
    return link.shared(pic_c(source), f"-Wl,--version-script={path}")


def test_version_script_names_the_versions_of_exports(link):
    library = versioned_library(link)

    assert {"f@@V1", "g@@V2"} <= library.versioned
    assert "libshared.so" in library.readelf("-V")


@pytest.mark.unlike("lld", reason="writes no parents")
def test_version_definitions_have_their_parents(link):
    """Entry 1 is the file's own (VER_FLG_BASE); V2 names V1 as its predecessor."""
    text = versioned_library(link).readelf("-V")

    assert re.search(r"Flags: BASE\s+Index: 1\s+Cnt: 1\s+Name: libshared.so", text)
    assert re.search(r"Index: 2\s+Cnt: 1\s+Name: V1", text)
    assert re.search(r"Index: 3\s+Cnt: 2\s+Name: V2", text)
    assert "Parent 1: V1" in text


@pytest.mark.unlike("lld", reason="marks none")
def test_version_without_symbols_is_weak(link):
    """Nobody can be bound to it; but one that lists names that nobody defines, or local ones, is not weak."""
    script = "V1 { global: f; nobody; };\nEMPTY { } V1;\nV2 { global: g; } EMPTY;\nV3 { local: *; };\n"

    text = versioned_library(link, script=script).readelf("-V")

    flags = {
        name: flag for flag, name in re.findall(r"Flags: (\w+) +Index: \d+ +Cnt: \d+ +Name: (\S+)", text)
    }
    assert [flags[name] for name in ("V1", "EMPTY", "V2", "V3")] == ["none", "WEAK", "none", "none"]


def test_program_asks_for_the_version_it_was_linked_against(link):
    library = versioned_library(link)
    main = compile_c("int f(void); int main(void) { return f(); }")

    program = link(main, library)

    program.run(status=42)
    assert "f@V1" in program.versioned
    assert re.search(r"File: libshared.so\s+Cnt: 1", program.readelf("-V"))


def test_default_version_is_taken(link):
    library = versioned_library(link, TWO_VERSIONS, TWO)
    main = compile_c("int f(void); int main(void) { return f(); }")

    program = link(main, library)

    program.run(status=42)
    assert {"f@V1", "f@@V2"} <= library.versioned
    assert "f@V2" in program.versioned


def test_object_may_ask_for_an_old_version(link):
    library = versioned_library(link, TWO_VERSIONS, TWO)
    main = compile_c('__asm__(".symver f, f@V1"); int f(void); int main(void) { return f() + 41; }')

    program = link(main, library)

    program.run(status=42)
    assert "f@V1" in program.versioned


def test_object_may_use_both_versions(link):
    library = versioned_library(link, TWO_VERSIONS, TWO)
    main = compile_c(
        '__asm__(".symver old, f@V1"); int old(void), f(void); int main(void) { return f() - old() + 1; }'
    )

    program = link(main, library)

    program.run(status=42)
    assert {"f@V1", "f@V2"} <= program.versioned


def test_name_without_default_version_is_undefined(link):
    """f@V1 alone (no @@) does not satisfy a reference that asks for no version."""
    source = '__asm__(".symver old_f, f@V1"); int old_f(void) { return 1; }'
    library = versioned_library(link, source, "V1 { global: f; local: *; };")

    assert "f" in link.fails(compile_c("int f(void); int main(void) { return f(); }"), library)


def test_unknown_version_is_undefined(link):
    library = versioned_library(link)
    main = compile_c('__asm__(".symver f, f@V9"); int f(void); int main(void) { return f(); }')

    assert "f@V9" in link.fails(main, library)


def test_three_at_signs_mean_default_where_defined(link):
    source = '__asm__(".symver new_f, f@@@V2"); int new_f(void) { return 42; }'
    library = versioned_library(link, source, TWO)

    assert "f@@V2" in library.versioned


def test_symver_remove_leaves_only_the_versioned_name(link):
    source = '__asm__(".symver impl, f@@V1, remove"); int impl(void) { return 42; }'
    library = versioned_library(link, source, "V1 { global: *; };")

    assert "f@@V1" in library.versioned
    assert not any(name.startswith("impl") for name in library.versioned)


@pytest.mark.unlike(
    "ld", "lld", reason="make what the directive names local, lld unless it is a default version"
)
def test_symver_takes_precedence_over_the_script(link):
    """So says the manual of GNU ld ("VERSION Command"); the function's other name is local as the script says."""
    source = (
        '__asm__(".symver old_f, f@V1"); __asm__(".symver new_f, f@@V2");'
        "int old_f(void) { return 1; } int new_f(void) { return 42; }"
    )
    library = versioned_library(link, source, "V1 { local: *; }; V2 { local: *; };")

    assert {"f@V1", "f@@V2"} <= library.versioned
    assert library.versioned.isdisjoint({"old_f", "old_f@@V1", "new_f", "new_f@@V2"})
    link(compile_c("int f(void); int main(void) { return f(); }"), library).run(status=42)


def test_default_version_satisfies_the_plain_name_inside_the_link(link):
    """g calls f; the library defines f only as f@@V2."""
    use = pic_c("int f(void); int g(void) { return f(); }", name="use")
    script = write(link.directory / "versions.map", "V1 { global: f; g; local: *; }; V2 { global: f; } V1;")
    library = link.shared(pic_c(TWO_VERSIONS, name="impl"), use, f"-Wl,--version-script={script}")
    main = compile_c("int g(void); int main(void) { return g(); }")

    link(main, library).run(status=42)


@pytest.mark.unlike("ld", reason="looks only into the first library that has the name")
def test_two_libraries_may_define_one_name_in_different_versions(link):
    one = write(link.directory / "one.map", "ONE { f; };")
    two = write(link.directory / "two.map", "TWO { f; };")
    first = link.shared(
        pic_c("int f(void) { return 40; }"), f"-Wl,--version-script={one}", output="libone.so"
    )
    second = link.shared(
        pic_c("int f(void) { return 2; }"), f"-Wl,--version-script={two}", output="libtwo.so"
    )
    source = (
        '__asm__(".symver a, f@ONE"); __asm__(".symver b, f@TWO"); int a(void), b(void); '
        "int main(void) { return a() + b(); }"
    )

    link(compile_c(source), first, second).run(status=42)


def test_needed_versions_list_only_those_used(link):
    program = link(compile_c('#include <stdio.h>\nint main(void) { puts("hi"); }'))

    files = re.findall(r"File: (\S+)\s+Cnt: \d+", program.readelf("-V"))
    assert files == ["libc.so.6"]
    assert "puts@GLIBC_2.2.5" in program.versioned


def test_copied_symbol_keeps_its_version(link):
    """stderr@GLIBC_2.2.5 is copied into the program under the version the library gives it."""
    main = compile_c("#include <stdio.h>\nint main(void) { return stderr == 0; }", "-fno-pie")

    program = link(main, "-no-pie")

    program.run()
    assert "stderr@GLIBC_2.2.5" in {name.replace("@@", "@") for name in program.versioned}


def test_weak_reference_makes_a_weak_version_need(link):
    """When every use of a version is weak the need is marked weak, so that an older library still loads."""
    library = versioned_library(link)
    main = compile_c("extern int f(void) __attribute__((weak)); int main(void) { return f ? f() : 1; }")

    program = link(main, "-Wl,--no-as-needed", library)

    program.run(status=42)
    assert re.search(r"Name: V1\s+Flags: WEAK", program.readelf("-V")) or "Flags: none" in program.readelf(
        "-V"
    )


def test_unversioned_library_needs_no_version_sections(link):
    library = link.raw(assemble(".globl f\nf: ret"), "-shared", output="libf.so")

    assert not {".gnu.version", ".gnu.version_d", ".gnu.version_r"} & library.sections.keys()


def test_exports_of_a_library_without_versions_have_the_global_index(link):
    """Index 1 for all, beside needed versions from 2 on."""
    library = link.shared(pic_c('#include <stdlib.h>\nint f(void) { return atoi("42"); }'))

    assert "f" in library.versioned
    assert any(name.startswith("atoi@GLIBC") for name in library.versioned)


def test_versioned_definition_in_an_executable(link):
    """.symver in a program with a version script gives the program version definitions of its own."""
    script = write(link.directory / "versions.map", "V1 { global: f; local: *; };")
    main = compile_c("int f(void) { return 42; } int main(void) { return f(); }")

    program = link(main, f"-Wl,--version-script={script}", "-Wl,--export-dynamic")

    program.run(status=42)
    assert "f@@V1" in program.versioned
    assert "main" not in program.exports


def test_hidden_bit_marks_non_default_versions(link):
    library = versioned_library(link, TWO_VERSIONS, TWO)

    indices = library.contents(".gnu.version")
    values = [int.from_bytes(indices[n : n + 2], "little") for n in range(0, len(indices), 2)]
    by_index = {values[n] for n, symbol in enumerate(library.dynamic_symbol_list) if symbol.name == "f"}
    assert {0x8002, 0x0003} == by_index


def test_version_symbols_are_absolute_or_absent(link):
    """GNU ld exports a symbol per version; lld does not; nothing depends on it, but it must not be
    undefined.
    """
    library = versioned_library(link)

    assert all(
        library.dynamic_symbols[name].section == "ABS" for name in ("V1", "V2") if name in library.exports
    )


@pytest.mark.unlike("lld", reason="tells f@V1 and f@@V1 apart")
def test_reference_to_a_version_of_a_static_definition(link):
    """An object that asks for f@V1 is met by an object that defines f@@V1, without any version script."""
    use = assemble(".symver f, f@V1\n.globl _start\n_start: call f" + exit_with("%eax"), name="use")
    definition = assemble(
        ".symver f_impl, f@@V1\n.globl f_impl\nf_impl: mov $42, %eax\n ret", name="definition"
    )

    link.raw(use, definition).run(status=42)


@pytest.mark.parametrize("name", ["f@V1", "f@@V1"])
def test_wrong_version_in_an_object_is_an_error(link, name):
    """A version that no version script defines cannot be written to the output."""
    source = f'__asm__(".symver impl, {name}"); int impl(void) {{ return 1; }}'

    assert "V1" in link.fails("-shared", pic_c(source), output="libshared.so")


def library_that_wants_a_version(link) -> Path:
    """Its g calls f@V1, which is 42 and of another library."""
    script = write(link.directory / "f.map", "V1 { global: f; };\n")
    inner = link.shared(
        pic_c("int f(void) { return 42; }", name="inner"),
        f"-Wl,--version-script={script}",
        output="libinner.so",
    )
    return link.shared(pic_c("int f(void); int g(void) { return f(); }"), inner, output="libouter.so")


def test_version_that_a_library_wants_loads_no_archive_member(link):
    """libgfortran.so wants names of libgcc_s.so.1, which are hidden in libgcc.a: that is not what it means."""
    outer = library_that_wants_a_version(link)
    member = compile_c('__attribute__((visibility("hidden"))) int f(void) { return 1; }', name="member")
    main = compile_c("int g(void); int main(void) { return g(); }")

    program = link(main, outer, archive([member]), f"-Wl,-rpath,{link.directory}")

    program.run(status=42)
    assert "f" not in program.symbols


def test_hidden_name_is_not_what_a_library_wants_in_a_version(link):
    outer = library_that_wants_a_version(link)
    own = compile_c('__attribute__((visibility("hidden"))) int f(void) { return 1; }', name="own")
    main = compile_c("int g(void); int main(void) { return g(); }")

    program = link(main, own, "-Wl,--as-needed", outer, f"-Wl,-rpath,{link.directory}")

    program.run(status=42)


def test_a_name_in_two_nodes_whose_symbols_say_their_versions_is_no_contradiction(link):
    """The usual way to keep an old version: glibc's libraries list such a name in both nodes."""
    (link.directory / "both.map").write_text("V1 { global: f; local: *; };\nV2 { global: f; } V1;\n")
    code = (
        'int f1(void) { return 1; } int f2(void) { return 2; } __asm__(".symver f1,f@V1\\n.symver f2,f@@V2");'
    )
    library = link.shared(pic_c(code), "-Wl,--version-script=both.map", "-Wl,--fatal-warnings")

    assert {"f@V1", "f@@V2"} <= library.versioned


def test_a_version_that_no_library_has_is_an_error_in_a_shared_object(link):
    """Nothing would tell the loader which library has that version; the name alone would find another one."""
    code = pic_c('int f(void); __asm__(".symver f,f@V1"); int g(void) { return f(); }')

    assert "f@V1" in link.fails("-shared", code, driver="raw")
