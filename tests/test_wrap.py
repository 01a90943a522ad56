"""--wrap=SYM: references to SYM become __wrap_SYM, references to __real_SYM become SYM."""

from __future__ import annotations

import pytest
from programs import archive, assemble, compile_c, pic_c
from scripts import script

CALL_F = "int f(void); int main(void) { return f(); }"
WRAPPER = "int __real_f(void); int __wrap_f(void) { return __real_f() + 2; }"


@pytest.mark.parametrize("form", ["-Wl,--wrap=f", "-Wl,--wrap,f", "-Wl,-wrap=f"])
def test_reference_goes_to_the_wrapper_and_on_to_the_real_one(link, form):
    f = compile_c("int f(void) { return 40; }", name="f")

    link(compile_c(CALL_F), compile_c(WRAPPER, name="wrapper"), f, form).run(status=42)


@pytest.mark.unlike("lld", reason="wraps that too")
def test_reference_inside_the_defining_file_is_not_wrapped(link):
    """The file that defines f refers to its own definition, not to an undefined symbol."""
    f = compile_c("int f(void) { return 40; } int main(void) { return f() + 2; }", name="f")
    wrapper = compile_c("int __wrap_f(void) { return 1; }", name="wrapper")

    link(f, wrapper, "-Wl,--wrap=f").run(status=42)


def test_wrapper_is_loaded_from_an_archive(link):
    library = archive([compile_c(WRAPPER, name="wrapper"), compile_c("int f(void) { return 40; }", name="f")])

    link(compile_c(CALL_F), "-Wl,--wrap=f", "-Wl,--start-group", library, "-Wl,--end-group").run(status=42)


def test_library_function_can_be_wrapped(link):
    source = """
        #include <stdlib.h>
        void *__real_malloc(size_t);
        static int calls;
        void *__wrap_malloc(size_t size) { calls++; return __real_malloc(size); }
        int main(void) { free(malloc(10)); free(malloc(20)); return calls; }
    """
    main = compile_c(source, "-O0", "-fno-builtin")

    link(main, "-Wl,--wrap=malloc").run(status=2)


def test_wrapper_without_a_real_definition(link):
    """f itself may be missing when nothing asks for __real_f."""
    wrapper = compile_c("int __wrap_f(void) { return 42; }", name="wrapper")

    link(compile_c(CALL_F), wrapper, "-Wl,--wrap=f").run(status=42)


def test_missing_wrapper_is_an_undefined_symbol(link):
    f = compile_c("int f(void) { return 40; }", name="f")

    assert "__wrap_f" in link.fails(compile_c(CALL_F), f, "-Wl,--wrap=f")


def test_address_of_a_wrapped_function_is_the_wrappers(link):
    main = compile_c(
        "int f(void), __wrap_f(void); int (*p)(void) = f; int main(void) { return p == __wrap_f ? 42 : 1; }"
    )
    wrapper = compile_c("int __wrap_f(void) { return 0; }", name="wrapper")

    link(main, wrapper, "-Wl,--wrap=f").run(status=42)


def test_two_symbols_may_be_wrapped(link):
    source = "int f(void), g(void); int __wrap_f(void) { return 40; } int __wrap_g(void) { return 2; } "
    main = compile_c(source + "int main(void) { return f() + g(); }")

    link(main, "-Wl,--wrap=f,--wrap=g").run(status=42)


def test_symbols_of_shared_object_can_be_wrapped(link):
    library = link.shared(pic_c("int f(void) { return 40; }"))

    link(compile_c(CALL_F), compile_c(WRAPPER, name="wrapper"), library, "-Wl,--wrap=f").run(status=42)


def test_real_name_defined_by_the_user_is_left_alone(link):
    """__real_f is only an alias while it is undefined."""
    main = assemble(
        ".globl _start\n_start: mov $42, %edi\n mov $60, %eax\n syscall\n.globl __real_f\n__real_f: ret"
    )

    link.raw(main, "--wrap=f").run(status=42)


OTHERS = "int alias(void), real(void); int main(void) { return alias() - real(); }"


@pytest.mark.parametrize("definitions", ["alias=f,real=__real_f", "__wrap_f=other,alias=f,real=__real_f"])
def test_references_in_expressions_are_wrapped(link, definitions):
    f = compile_c("int f(void) { return 1; }", name="f")
    name = "other" if "other" in definitions else "__wrap_f"
    wrapper = compile_c(f"int {name}(void) {{ return 43; }}", name="wrapper")
    words = [f"-Wl,--defsym={it}" for it in definitions.split(",")]

    link(compile_c(OTHERS), f, wrapper, "-Wl,--wrap=f", *words).run(status=42)


def test_the_symbol_itself_can_be_its_wrapper(link):
    f = compile_c("int f(void) { return 42; }", name="f")

    link(compile_c(CALL_F), f, "-Wl,--wrap=f,--defsym=__wrap_f=__real_f").run(status=42)


@pytest.mark.unlike("mold", reason="has no such scripts")
def test_references_in_a_script_are_wrapped(link):
    text = """
        a = f; b = __real_f;
        SECTIONS { .text : { *(.text) c = DEFINED(f) ? f : 0; } d = DEFINED(__real_f) ? __real_f : 0; }
    """
    source = assemble(".globl _start, f, __wrap_f\n_start: nop\nf: nop\n__wrap_f: ret\n")

    program = link.raw(source, "--wrap=f", "-T", script(link, text))

    value = {name: program.symbols[name].value for name in ("a", "b", "c", "d", "f", "__wrap_f")}
    assert value["a"] == value["c"] == value["__wrap_f"]
    assert value["b"] == value["d"] == value["f"]
