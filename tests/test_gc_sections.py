"""--gc-sections: what is a root, what follows from it, and what is said about it."""

from __future__ import annotations

import pytest
from programs import archive, assemble, compile_c, compile_cxx, exit_with, pic_c

SPLIT = ("-ffunction-sections", "-fdata-sections")
GC = "-Wl,--gc-sections"
MAIN = "int used(void); int main(void) { return used(); }"
FUNCTIONS = "int used(void) { return 42; } int unused(void) { return 1; }"


def test_unreferenced_function_is_dropped(link):
    program = link(compile_c(MAIN), compile_c(FUNCTIONS, *SPLIT, name="functions"), GC)

    program.run(status=42)
    assert "used" in program.symbols
    assert "unused" not in program.symbols


def test_nothing_is_dropped_unasked(link):
    program = link(compile_c(MAIN), compile_c(FUNCTIONS, *SPLIT, name="functions"))

    assert "unused" in program.symbols


def test_no_gc_sections_undoes_it(link):
    program = link(
        compile_c(MAIN), compile_c(FUNCTIONS, *SPLIT, name="functions"), GC, "-Wl,--no-gc-sections"
    )

    assert "unused" in program.symbols


@pytest.mark.only_wild
def test_environment_turns_it_on(link):
    functions = compile_c(FUNCTIONS, *SPLIT, name="functions")

    program = link(compile_c(MAIN), functions, WILD_GC_SECTIONS="1")

    assert "unused" not in program.symbols


def test_reference_through_dropped_code_does_not_count(link):
    source = "int chain_b(void) { return 1; } int chain_a(void) { return chain_b(); }"

    program = link(compile_c("int main(void) { return 42; }"), compile_c(source, *SPLIT, name="chain"), GC)

    assert not {"chain_a", "chain_b"} & program.symbols.keys()


def test_references_are_followed_through_data(link):
    source = "static int deep(void) { return 42; } int (*table[])(void) = { deep };"
    main = "extern int (*table[])(void); int main(void) { return table[0](); }"

    link(compile_c(main), compile_c(source, *SPLIT, name="table"), GC).run(status=42)


def test_cycle_without_root_is_dropped(link):
    source = "int b(int); int a(int n) { return b(n); } int b(int n) { return a(n); }"

    program = link(compile_c("int main(void) { return 42; }"), compile_c(source, *SPLIT, name="cycle"), GC)

    assert not {"a", "b"} & program.symbols.keys()


@pytest.mark.parametrize("attribute", ["constructor", "destructor"])
def test_constructors_and_destructors_are_kept(link, attribute):
    source = (
        f'#include <unistd.h>\n__attribute__(({attribute})) static void hook(void) {{ write(1, "hook", 4); }}'
    )

    program = link(compile_c("int main(void) { return 0; }"), compile_c(source, *SPLIT, name="hook"), GC)

    assert program.run() == "hook"


def test_retained_section_is_kept(link):
    """SHF_GNU_RETAIN: __attribute__((retain)), and what it refers to."""
    source = "int deep(void) { return 1; } __attribute__((retain, used)) int (*kept)(void) = deep;"

    program = link(
        compile_c("int main(void) { return 42; }"),
        compile_c(source, *SPLIT, name="kept", compiler="clang"),
        GC,
    )

    assert {"kept", "deep"} <= program.symbols.keys()


def test_entry_symbol_is_a_root(link):
    start = '.section .text.begin,"ax"\n.globl begin\nbegin:' + exit_with("$42")

    program = link.raw(assemble(start), "-e", "begin", "--gc-sections")

    program.run(status=42)


def test_exported_symbols_of_a_shared_object_are_roots(link):
    source = FUNCTIONS + '__attribute__((visibility("hidden"))) int hidden(void) { return 1; }'

    library = link.shared(pic_c(source, *SPLIT), GC)

    assert {"used", "unused"} <= library.exports
    assert "hidden" not in library.symbols


def test_exported_symbols_of_a_program_are_roots(link):
    functions = compile_c(FUNCTIONS, *SPLIT, name="functions")

    program = link(compile_c(MAIN), functions, GC, "-Wl,--export-dynamic-symbol=unused")

    assert "unused" in program.exports


def test_export_dynamic_makes_globals_roots(link):
    program = link(compile_c(MAIN), compile_c(FUNCTIONS, *SPLIT, name="functions"), GC, "-Wl,-E")

    assert "unused" in program.exports


def test_symbol_a_library_refers_to_is_a_root(link):
    library = link.shared(pic_c("int callback(void); int run(void) { return callback(); }"))
    callback = compile_c("int callback(void) { return 42; }", *SPLIT, name="callback")
    main = compile_c("int run(void); int main(void) { return run(); }")

    link(main, callback, library, GC).run(status=42)


@pytest.mark.parametrize("flag", ["-Wl,-u,unused", "-Wl,--undefined=unused"])
def test_undefined_option_is_a_root(link, flag):
    assert "unused" in link(compile_c(MAIN), compile_c(FUNCTIONS, *SPLIT, name="functions"), GC, flag).symbols


def test_init_and_fini_functions_are_roots(link):
    source = (
        '#include <unistd.h>\nvoid begin(void) { write(1, "b", 1); } void finish(void) { write(1, "f", 1); }'
    )
    library = link.shared(pic_c(source, *SPLIT), GC, "-Wl,-init=begin,-fini=finish")

    program = link(compile_c("int main(void) { return 0; }"), "-Wl,--no-as-needed", library)

    assert program.run() == "bf"


def test_notes_are_kept(link):
    note = assemble('.section .note.mine,"a",@note\n.long 4, 4, 1\n.ascii "Me\\0\\0"\n.long 42', name="note")

    program = link(compile_c("int main(void) { return 0; }"), note, GC)

    assert program.notes(".note.mine")[0].name == "Me"


def test_sections_of_one_group_live_and_die_together(link):
    """A kept member keeps the whole group (gABI, Section Groups)."""
    source = """
        .section .text.f,"axG",@progbits,f,comdat
        .globl f
        f: mov $42, %eax
           ret
        .section .data.f,"awG",@progbits,f,comdat
        .globl companion
        companion: .long 1
    """

    program = link(
        compile_c("int f(void); int main(void) { return f(); }"), assemble(source, name="group"), GC
    )

    program.run(status=42)
    assert "companion" in program.symbols


def test_link_order_section_follows_its_target(link):
    """SHF_LINK_ORDER metadata is kept exactly where the section it is linked to is kept."""
    part = (
        '.section .text.{0},"ax"\n.globl {0}\n{0}: ret\n.section meta,"ao",@progbits,.text.{0}\n'
        '.ascii "<{0}>"\n'
    )
    metadata = assemble(part.format("kept") + part.format("gone"), name="metadata")
    main = compile_c("void kept(void); int main(void) { kept(); return 0; }")

    program = link(main, metadata, GC)

    assert b"<kept>" in program.contents("meta")
    assert b"<gone>" not in program.contents("meta")


def test_frame_of_a_dropped_function_is_dropped(link):
    dropped = compile_c(FUNCTIONS, *SPLIT, "-fasynchronous-unwind-tables", name="functions")
    kept = link(compile_c(MAIN), dropped, output="all").sections[".eh_frame"].size

    assert link(compile_c(MAIN), dropped, GC).sections[".eh_frame"].size < kept


def test_frame_does_not_keep_its_function(link):
    """An FDE refers to its function, but that is no reason to keep either."""
    source = compile_cxx(
        "#include <stdexcept>\nint unused(int n) { try { throw n; } catch (int m) { return m; } }",
        *SPLIT,
        name="eh",
    )

    program = link(compile_cxx("int main() { return 42; }"), source, GC, driver="g++")

    program.run(status=42)
    assert "_Z6unusedi" not in program.symbols


def test_exception_table_is_kept_with_its_function(link):
    """.gcc_except_table and the personality routine are reached only through .eh_frame."""
    source = "int thrower(int n) { try { if (n) throw 42; } catch (int m) { return m; } return 1; }"
    main = "int thrower(int); int main() { return thrower(1); }"

    program = link(compile_cxx(main), compile_cxx(source, *SPLIT, name="eh"), GC, driver="g++")

    program.run(status=42)


@pytest.mark.unlike("lld", reason="keeps all exception tables")
def test_exception_table_of_a_dropped_function_is_dropped(link):
    source = "int {0}(int n) {{ try {{ if (n) throw 42; }} catch (int m) {{ return m; }} return 1; }}"
    functions = compile_cxx("".join(source.format(f"f{number}") for number in range(20)), *SPLIT, name="eh")
    main = compile_cxx("int f3(int); int main() { return f3(1); }")

    whole = link(main, functions, driver="g++", output="whole").sections[".gcc_except_table"].size
    program = link(main, functions, GC, driver="g++")

    program.run(status=42)
    assert program.sections[".gcc_except_table"].size < whole / 4


def test_debug_information_does_not_keep_code(link):
    program = link(compile_c(MAIN), compile_c(FUNCTIONS, *SPLIT, "-g", name="functions"), GC)

    assert "unused" not in program.symbols
    assert ".debug_info" in program.sections


def test_thread_local_variables_are_collected_too(link):
    source = "__thread int used_tls = 42; __thread char unused_tls[4096] = {1};"
    main = "extern __thread int used_tls; int main(void) { return used_tls; }"

    program = link(compile_c(main), compile_c(source, *SPLIT, name="tls"), GC)

    program.run(status=42)
    assert program.segments_of(7)[0].size < 4096


def test_merged_strings_of_dropped_code_are_dropped(link):
    source = (
        'const char *used(void) { return "used string"; } const char *unused(void) { '
        'return "unused string"; }'
    )
    main = compile_c("const char *used(void); int main(void) { return *used() == 'u' ? 42 : 1; }")

    program = link(main, compile_c(source, "-O1", *SPLIT, name="strings"), GC)

    program.run(status=42)
    assert b"used string" in program.data


def test_common_symbols_nobody_refers_to_are_dropped(link):
    main = compile_c("char unused_common[100000]; int main(void) { return 42; }", "-fcommon")

    program = link(main, GC)

    program.run(status=42)
    assert ".bss" not in program.sections or program.sections[".bss"].size < 100000


def test_archive_member_that_only_dropped_code_needs_is_dropped(link):
    library = archive([compile_c("int deep(void) { return 1; }", *SPLIT, name="deep")])
    source = "int deep(void); int unused(void) { return deep(); }"

    program = link(
        compile_c("int main(void) { return 42; }"), compile_c(source, *SPLIT, name="unused"), library, GC
    )

    assert "deep" not in program.symbols


def test_print_gc_sections_lists_what_goes(link):
    program = link(
        compile_c(MAIN), compile_c(FUNCTIONS, *SPLIT, name="functions"), GC, "-Wl,--print-gc-sections"
    )

    assert "functions.o" in program.messages
    assert ".text.unused" in program.messages
    assert ".text.used" not in program.messages


def test_vtable_of_an_unused_class_is_dropped(link):
    source = (
        "struct Unused { virtual ~Unused(); virtual int f(); }; Unused::~Unused() {} int Unused::f() { "
        "return 1; }"
    )

    program = link(
        compile_cxx("int main() { return 42; }"), compile_cxx(source, *SPLIT, name="unused"), GC, driver="g++"
    )

    program.run(status=42)
    assert "_ZTV6Unused" not in program.symbols


def test_ifunc_keeps_its_resolver_and_targets(link):
    source = (
        "static int target(void) { return 42; } static void *resolve(void) { return target; } "
        'int f(void) __attribute__((ifunc("resolve")));'
    )

    link(
        compile_c("int f(void); int main(void) { return f(); }"), compile_c(source, *SPLIT, name="ifunc"), GC
    ).run(status=42)


@pytest.mark.parametrize("flag", ["-static", "-static-pie", "-pie"])
def test_libc_survives_collection(link, flag):
    source = (
        "#include <stdio.h>\n#include <stdlib.h>\nint main(void) { "
        'atexit(0 ? 0 : (void (*)(void))abort); printf("%d\\n", 42); fflush(stdout); _Exit(0); }'
    )

    assert link(compile_c(source, "-fpie"), GC, flag).run() == "42\n"
