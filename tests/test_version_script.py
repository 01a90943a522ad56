"""Version scripts: exact names before wildcards, `local: *`, extern "C++", and what happens to undefined
names.
"""

from __future__ import annotations

import pytest
from programs import compile_c, compile_cxx, pic_c, write

SOURCE = "int api_one, api_two, api_internal, other;"


def exports(link, script: str, *objects, arguments: tuple[str, ...] = (), **options) -> set[str]:
    """Names (with versions) that a shared object of the objects exports under a version script."""
    path = write(link.directory / "versions.map", script)
    library = link.shared(
        *(objects or (pic_c(SOURCE),)), f"-Wl,--version-script={path}", *arguments, **options
    )
    return {
        name
        for name in library.versioned
        if name.partition("@")[0] in library.exports and "@GLIBC" not in name
    }


def test_anonymous_version_only_chooses(link):
    assert exports(link, "{ global: api_one; local: *; };") == {"api_one"}


@pytest.mark.unlike("ld", reason="wants `global:` first and named")
def test_names_before_a_label_are_global(link):
    assert exports(link, "{ api_one; api_two; local: *; };") == {"api_one", "api_two"}


def test_names_not_mentioned_stay_exported(link):
    assert exports(link, "{ local: other; };") == {"api_one", "api_two", "api_internal"}


def test_wildcard_global(link):
    assert exports(link, "{ global: api_*; local: *; };") == {"api_one", "api_two", "api_internal"}


def test_exact_local_beats_wildcard_global(link):
    assert exports(link, "{ global: api_*; local: api_internal; *; };") == {"api_one", "api_two"}


@pytest.mark.unlike("ld", reason="wants `global:` first and named")
def test_exact_global_beats_wildcard_local(link):
    assert exports(link, "{ local: api_*; global: api_one; };") == {"api_one", "other"}


@pytest.mark.unlike("ld", reason="wants `global:` first and named")
def test_wildcard_global_beats_local_star(link):
    """`*` is the weakest pattern of all, wherever it stands."""
    assert exports(link, "{ local: *; global: api_t*; };") == {"api_two"}


@pytest.mark.parametrize(
    "pattern", ["api_[ot]*", "api_???", "api_[!i]*", "api_[a-o]ne api_t?o", "*_[ot][nw][eo]"]
)
def test_glob_patterns(link, pattern):
    names = "; ".join(pattern.split())

    assert exports(link, f"{{ global: {names}; local: *; }};") == {"api_one", "api_two"}


@pytest.mark.unlike("lld", reason="expands it")
def test_quoted_name_is_not_a_pattern(link):
    assert exports(
        link, '{ global: "api_*"; api_one; local: *; };', arguments=("-Wl,--undefined-version",)
    ) == {"api_one"}


def test_exact_name_in_a_later_version_beats_wildcard_in_an_earlier(link):
    script = "V1 { global: api_*; local: *; }; V2 { global: api_two; } V1;"

    assert {"api_one@@V1", "api_internal@@V1", "api_two@@V2"} == exports(link, script) - {"V1", "V2"}


def test_last_matching_wildcard_wins(link):
    """Of two patterns that match, that of the later version is taken (GNU ld and lld agree)."""
    script = "V1 { global: api_*; }; V2 { global: api_t*; }; V3 { local: *; };"

    assert {"api_one@@V1", "api_two@@V2"} <= exports(link, script)


@pytest.mark.unlike("lld", reason="wants spaces")
def test_comments_and_odd_spacing(link):
    script = "/* one */ V1{global:api_one;/* two */local:*;};\n# three\n V2 { api_two ; } V1 ;"

    assert {"api_one@@V1", "api_two@@V2"} <= exports(link, script)


CXX = (
    "namespace shape { int area(int a) { return a; } int area(long) { return 0; } struct S { S(); "
    "virtual ~S(); }; S::S() {} S::~S() {} }"
)


def test_extern_cxx_pattern_matches_demangled_names(link):
    found = exports(
        link,
        '{ global: extern "C++" { shape::area*; }; local: *; };',
        compile_cxx(CXX, "-fPIC"),
        driver="g++",
    )

    assert found == {"_ZN5shape4areaEi", "_ZN5shape4areaEl"}


def test_extern_cxx_exact_signature(link):
    script = '{ global: extern "C++" { "shape::area(int)"; }; local: *; };'

    assert exports(link, script, compile_cxx(CXX, "-fPIC"), driver="g++") == {"_ZN5shape4areaEi"}


def test_extern_cxx_names_of_vtables_and_type_information(link):
    script = '{ global: extern "C++" { "vtable for shape::S"; "typeinfo for shape::S"; }; local: *; };'

    assert exports(link, script, compile_cxx(CXX, "-fPIC"), driver="g++") == {
        "_ZTVN5shape1SE",
        "_ZTIN5shape1SE",
    }


def test_extern_cxx_exports_all_constructors_of_one_demangled_name(link):
    script = '{ global: extern "C++" { "shape::S::S()"; }; local: *; };'

    assert exports(link, script, compile_cxx(CXX, "-fPIC"), driver="g++") == {
        "_ZN5shape1SC1Ev",
        "_ZN5shape1SC2Ev",
    }


def test_extern_c_is_the_default_language(link):
    assert exports(link, '{ global: extern "C" { api_one; }; local: *; };') == {"api_one"}


def test_extern_cxx_after_plain_names(link):
    script = '{ global: api_one; extern "C++" { shape::*; }; api_two; local: *; };'
    found = exports(link, script, compile_cxx(CXX, "-fPIC", name="shape"), pic_c(SOURCE), driver="g++")

    assert {"api_one", "api_two", "_ZN5shape4areaEi"} <= found
    assert "other" not in found


def test_local_symbols_are_bound_inside(link):
    path = write(link.directory / "versions.map", "{ global: g; local: *; };")
    library = link.shared(
        pic_c("int f(void) { return 42; } int g(void) { return f(); }"), f"-Wl,--version-script={path}"
    )
    main = compile_c("int g(void); int f(void) { return 1; } int main(void) { return g(); }")

    link(main, library).run(status=42)
    assert "f" not in library.relocation_set("JUMP_SLOT") | library.relocation_set("GLOB_DAT")


def test_hidden_symbol_is_not_exported_by_a_script(link):
    source = pic_c('__attribute__((visibility("hidden"))) int api_one; int api_two;')

    assert exports(link, "{ global: api_one; api_two; local: *; };", source) == {"api_two"}


def test_undefined_symbols_are_not_touched_by_local_star(link):
    """`local: *` hides definitions; what is undefined still is looked for in other libraries."""
    path = write(link.directory / "versions.map", "{ global: g; local: *; };")
    library = link.shared(
        pic_c('#include <stdio.h>\nvoid g(void) { puts("hi"); }'), f"-Wl,--version-script={path}"
    )

    assert "puts" in library.dynamic_symbols


@pytest.mark.unlike("ld", reason="accepts undefined names unless told otherwise")
def test_no_undefined_version_reports_each_name_without_definition(link):
    path = write(link.directory / "versions.map", "{ global: api_one; missing_one; missing_two; local: *; };")

    message = link.fails(
        "-shared", pic_c(SOURCE), f"-Wl,--version-script={path},--no-undefined-version", output="l.so"
    )

    assert "missing_one" in message
    assert "missing_two" in message


def test_undefined_version_accepts_names_without_definition(link):
    script = "{ global: api_one; missing; local: *; };"

    assert exports(link, script, arguments=("-Wl,--undefined-version",)) == {"api_one"}


@pytest.mark.parametrize(
    "form", ["-Wl,--version-script,{}", "-Wl,--version-script={}", "-Wl,-version-script={}"]
)
def test_spellings_of_the_option(link, form):
    path = write(link.directory / "versions.map", "{ global: api_one; local: *; };")

    assert link.shared(pic_c(SOURCE), form.format(path)).exports >= {"api_one"}
    assert "other" not in link.shared(pic_c(SOURCE), form.format(path)).exports


def test_syntax_error_names_file_and_line(link):
    path = write(link.directory / "versions.map", "V1 {\n global: a;\n local *\n};\n")

    message = link.fails("-shared", pic_c(SOURCE), f"-Wl,--version-script={path}", output="lib.so")

    assert "versions.map:3" in message or "versions.map:4" in message


@pytest.mark.unlike("lld", reason="ignores parents")
def test_unknown_parent_version_is_an_error(link):
    path = write(link.directory / "versions.map", "V2 { global: api_one; } V1;\n")

    assert "V1" in link.fails("-shared", pic_c(SOURCE), f"-Wl,--version-script={path}", output="lib.so")


@pytest.mark.unlike("ld", reason="takes the first without a word")
def test_two_versions_of_one_exact_name_are_not_taken_silently(link):
    """Asking for one name in two versions is contradictory: a warning or an error names it."""
    path = write(link.directory / "versions.map", "V1 { global: api_one; }; V2 { global: api_one; };\n")

    done = link.attempt(
        "-shared", pic_c(SOURCE), f"-Wl,--version-script={path}", driver="gcc", output="l.so", linker=None
    )

    assert "api_one" in done.stderr


def test_version_script_restricts_an_executable_too(link):
    path = write(link.directory / "versions.map", "{ global: shown; local: *; };")
    main = compile_c("int shown, hidden; int main(void) { return 0; }")

    program = link(main, f"-Wl,--version-script={path}", "-rdynamic")

    program.run()
    assert "shown" in program.exports
    assert "hidden" not in program.exports


@pytest.mark.slow
def test_hundred_thousand_exact_names(link):
    """Exact names cost a look-up each: time must not be the product of names and symbols."""
    names = [f"name_{number}" for number in range(100_000)]
    script = "{ global:\n" + ";\n".join(names) + ";\n local: *; };"

    found = exports(
        link, script, pic_c("int name_7, name_99999, other;"), arguments=("-Wl,--undefined-version",)
    )

    assert found == {"name_7", "name_99999"}
