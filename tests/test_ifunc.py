"""Indirect functions (STT_GNU_IFUNC): resolved once at start, with one address wherever it is taken."""

from __future__ import annotations

import pytest
from programs import assemble, compile_c, pic_c

IFUNC = """
    static int fast(void) { return 42; }
    static void *resolve(void) { return fast; }
    VISIBILITY int f(void) __attribute__((ifunc("resolve")));
"""
GLOBAL = IFUNC.replace("VISIBILITY", "")
HIDDEN = IFUNC.replace("VISIBILITY", '__attribute__((visibility("hidden")))')
KINDS = ("-no-pie", "-pie", "-static", "-static-pie")
CALL = "int f(void); int main(void) { return f(); }"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("code", ["-fno-pie", "-fpie", "-fPIC", "-fno-plt"])
def test_call(link, kind, code):
    if code == "-fno-pie" and "pie" in kind and kind != "-no-pie":
        pytest.skip("code for fixed addresses only")

    link(compile_c(CALL, code), compile_c(GLOBAL, "-fPIC", name="ifunc"), kind).run(status=42)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("source", [GLOBAL, HIDDEN], ids=["global", "hidden"])
def test_address_is_the_same_in_code_and_data(link, source, kind):
    """Taken by code, stored in writable and in constant data, from two files: one address, and it works."""
    taken = (
        "int f(void); int (*{0}_data)(void) = f; int (*const {0}_constant)(void) = f; void *{0}(void) {{ "
        "return (void *)f; }}"
    )
    main = """
        int f(void); void *a(void), *b(void);
        extern int (*a_data)(void), (*b_data)(void), (*const a_constant)(void);
        int main(void) {
            if (a() != b() || a() != (void *)a_data || a() != (void *)b_data || a() != (void *)a_constant)
                return 1;
            return ((int (*)(void))a())() == 42 && a_data() == 42 ? f() : 2;
        }
    """
    code = "-fno-pie" if kind in ("-no-pie", "-static") else "-fpie"
    objects = [compile_c(taken.format(name), code, name=name) for name in "ab"]

    link(compile_c(main, code), *objects, compile_c(source, "-fPIC", name="ifunc"), kind).run(status=42)


@pytest.mark.parametrize("kind", ["-static", "-no-pie"])
def test_static_program_resolves_before_main(link, kind):
    program = link(compile_c(CALL, "-fno-pie"), compile_c(GLOBAL, "-fno-pie", name="ifunc"), kind)

    program.run(status=42)
    assert "IRELATIVE" in {row.type for row in program.relocations}


def test_library_defines_an_indirect_function(link):
    library = link.shared(pic_c(GLOBAL, name="ifunc"))

    link(compile_c(CALL), library).run(status=42)
    assert library.dynamic_symbols["f"].type == "IFUNC"


def test_library_calls_its_own_hidden_indirect_function(link):
    library = link.shared(pic_c(HIDDEN + "int g(void) { return f(); }", name="ifunc"))

    link(compile_c("int g(void); int main(void) { return g(); }"), library).run(status=42)
    assert "IRELATIVE" in {row.type for row in library.relocations}


def test_function_pointer_in_a_librarys_data(link):
    library = link.shared(pic_c(HIDDEN + "int (*table[])(void) = { f, f };", name="ifunc"))

    link(compile_c("extern int (*table[])(void); int main(void) { return table[1](); }"), library).run(
        status=42
    )


def test_indirect_relocations_come_last(link):
    """A resolver may use data that needs relocations: IRELATIVE is applied after all others of its table."""
    source = """
        static int fast(void) { return 42; }
        static int slow(void) { return 1; }
        static int (*choice)(void) = fast;
        int (**volatile through)(void) = &choice;
        static void *resolve(void) { return through && *through == fast ? fast : slow; }
        int f(void) __attribute__((ifunc("resolve")));
        int (*pointer)(void) = f;
        int main(void) { return pointer(); }
    """

    for kind in ("-pie", "-static-pie"):
        program = link(compile_c(source, "-fpie"), kind)
        program.run(status=42)


def test_program_and_library_agree_on_the_address(link):
    """A library's ifunc whose address non-PIC code takes gets a canonical PLT entry."""
    library = link.shared(pic_c(GLOBAL + "void *address(void) { return (void *)f; }", name="ifunc"))
    main = compile_c(
        "int f(void); void *address(void); int main(void) { return address() == (void *)f ? f() : 1; }",
        "-fno-pie",
    )

    link(main, library, "-no-pie").run(status=42)


def test_indirect_function_in_a_static_program_without_libc(link):
    """__rela_iplt_start/end bound the relocations; here the start code applies them itself."""
    start = """
        .globl _start
        _start:
            mov $__rela_iplt_start, %ebx
        again:
            cmp $__rela_iplt_end, %rbx
            jae done
            call *16(%rbx)
            mov (%rbx), %rcx
            mov %rax, (%rcx)
            add $24, %rbx
            jmp again
        done:
            call f
            mov %eax, %edi
            mov $60, %eax
            syscall
    """

    link.raw(assemble(start, name="start"), compile_c(GLOBAL, "-fno-pie", name="ifunc")).run(status=42)


def test_local_indirect_function(link):
    source = GLOBAL.replace("int f(void)", "static int f(void)") + "int main(void) { return f(); }"

    for kind in KINDS:
        link(compile_c(source, "-fpie"), kind).run(status=42)


def test_comparison_with_null_and_itself(link):
    source = GLOBAL + "int main(void) { int (*volatile p)(void) = f; return p && p == f ? p() : 1; }"

    for kind in KINDS:
        link(compile_c(source, "-fpie"), kind).run(status=42)


def test_preempted_indirect_function(link):
    """A program's plain f overrides the library's ifunc f."""
    library = link.shared(pic_c(GLOBAL.replace("42", "1") + "int g(void) { return f(); }", name="ifunc"))
    main = compile_c("int g(void); int f(void) { return 42; } int main(void) { return g(); }")

    link(main, library).run(status=42)


def test_string_functions_of_static_libc(link):
    """libc's own ifuncs (memcpy, strlen, …), called and by address, in static programs."""
    source = """
        #include <string.h>
        size_t (*volatile length)(const char *) = strlen;
        void *(*volatile copy)(void *, const void *, size_t) = memcpy;
        int main(void) { char text[64]; copy(text, "forty-two", 10);
            return length(text) == 9 && strlen(text) == 9 ? 42 : 1; }
    """

    for kind in KINDS:
        link(compile_c(source, "-fpie", "-fno-builtin"), kind).run(status=42)


def test_exported_indirect_function_in_a_librarys_data(link):
    """A pointer to an ifunc that may be overridden is a symbolic relocation: the loader calls the resolver."""
    library = link.shared(pic_c(GLOBAL + "int (*table[])(void) = { f, f };", name="ifunc"))
    main = (
        "extern int (*table[])(void); int f(void); int main(void) { return table[1] == f ? table[0]() : 1; }"
    )

    link(compile_c(main, "-fPIC"), library).run(status=42)
    assert library.relocation_set("64") == {"f"}


def test_packed_relocations_beside_indirect_functions(link):
    source = (
        GLOBAL + "int x = 42; int *p = &x; int (*q)(void) = f; int main(void) { return q() == *p ? 42 : 1; }"
    )

    for kind in ("-pie", "-static-pie"):
        link(compile_c(source, "-fpie"), kind, "-Wl,-z,pack-relative-relocs").run(status=42)
