"""Copy relocations: a program's direct access to a library's data moves the data into the program."""

from __future__ import annotations

import pytest
from elf import PT_GNU_RELRO
from programs import assemble, compile_c, pic_c

DIRECT = ("-fno-pie", "-O1")
READ = "extern int value; int main(void) { return value; }"


def in_relro(program, address: int) -> bool:
    return any(seg.address <= address < seg.end for seg in program.segments_of(PT_GNU_RELRO))


def test_direct_access_to_data_of_a_library(link):
    library = link.shared(pic_c("int value = 42;"))

    program = link(compile_c(READ, *DIRECT), library, "-no-pie")

    program.run(status=42)
    assert program.relocation_set("COPY") == {"value"}
    assert program.symbols["value"].size == 4


def test_library_and_program_share_the_copy(link):
    library = link.shared(
        pic_c("int value = 1; void set(void) { value = 42; } int *where(void) { return &value; }")
    )
    main = compile_c(
        (
            "extern int value; void set(void); int *where(void); int main(void) { set(); "
            "return where() == &value ? value : 1; }"
        ),
        *DIRECT,
    )

    link(main, library, "-no-pie").run(status=42)


def test_position_independent_code_needs_no_copy(link):
    library = link.shared(pic_c("int value = 42;"))

    program = link(compile_c(READ, "-fPIC"), library)

    program.run(status=42)
    assert program.relocation_set("COPY") == set()


def test_pie_code_may_copy_too(link):
    """gcc -fpie accesses external data directly (R_X86_64_PC32)."""
    library = link.shared(pic_c("int value = 42;"))

    program = link(compile_c(READ, "-fpie"), library, "-pie")

    program.run(status=42)
    assert program.relocation_set("COPY") == {"value"}


@pytest.mark.parametrize("copied", ["environ", "__environ", "_environ"])
def test_aliases_of_a_copied_symbol_move_with_it(link, copied):
    """environ, __environ and _environ are one object in libc: all names must mean the copy."""
    source = f"""
        #include <stdlib.h>
        extern char **{copied};
        int main(void) {{ return setenv("ANSWER", "42", 1) == 0 && {copied}
            && atoi(getenv("ANSWER")) == 42 ? 42 : 1; }}
    """

    program = link(compile_c(source, *DIRECT), "-no-pie")

    program.run(status=42)
    assert {"environ", "__environ"} <= program.exports


@pytest.mark.parametrize(
    "weak", ["weak, ", pytest.param("", marks=pytest.mark.unlike("ld", reason="moves only weak aliases"))]
)
def test_alias_in_a_library_moves_with_the_copy(link, weak):
    alias = f'extern int alias __attribute__(({weak}alias("value")));'
    library = link.shared(pic_c(f"int value = 1; {alias} int *where(void) {{ return &alias; }}"))
    main = compile_c(
        "extern int value; int *where(void); int main(void) { return where() == &value ? 42 : 1; }", *DIRECT
    )

    program = link(main, library, "-no-pie")

    program.run(status=42)
    assert program.dynamic_symbols["alias"].value == program.dynamic_symbols["value"].value


def test_read_only_data_is_copied_into_relro(link):
    library = link.shared(pic_c("const int value = 42; int writable = 7;"))
    main = compile_c(
        "extern const int value; extern int writable; int main(void) { return value + writable - 7; }",
        *DIRECT,
    )

    program = link(main, library, "-no-pie", "-Wl,-z,relro")

    program.run(status=42)
    assert in_relro(program, program.dynamic_symbols["value"].value)
    assert not in_relro(program, program.dynamic_symbols["writable"].value)


def test_constants_relocated_by_the_library_are_copied_into_relro(link):
    """A vtable or a table of pointers lies in the library's RELRO: its copy is read-only as well."""
    library = link.shared(pic_c("static int x = 42; int *const table[] = { &x, &x };"))
    main = compile_c("extern int *const table[]; int main(void) { return *table[1]; }", *DIRECT)

    program = link(main, library, "-no-pie", "-Wl,-z,relro")

    program.run(status=42)
    assert in_relro(program, program.dynamic_symbols["table"].value)


@pytest.mark.parametrize("alignment", [1, 16, 64, 4096])
def test_copy_keeps_the_alignment(link, alignment):
    library = link.shared(pic_c(f"int before = 1; int value __attribute__((aligned({alignment}))) = 42;"))
    main = compile_c(
        f"extern int value; int main(void) {{ return (unsigned long)&value % {alignment} ? 1 : value; }}",
        *DIRECT,
    )

    link(main, library, "-no-pie").run(status=42)


def test_protected_data_cannot_be_copied(link):
    """The library would keep using its own object: an error that names symbol and library."""
    library = link.shared(pic_c('__attribute__((visibility("protected"))) int value = 42;'))

    message = link.fails(compile_c(READ, *DIRECT), library, "-no-pie")

    assert "value" in message
    assert "libshared.so" in message


def test_protected_data_is_reached_without_a_copy(link):
    library = link.shared(pic_c('__attribute__((visibility("protected"))) int value = 42;'))

    link(compile_c(READ, "-fPIC"), library).run(status=42)


def test_nocopyreloc_forbids_copies(link):
    library = link.shared(pic_c("int value = 42;"))

    assert "value" in link.fails(compile_c(READ, *DIRECT), library, "-no-pie", "-Wl,-z,nocopyreloc")


def test_whole_object_is_copied_for_a_reference_into_it(link):
    library = link.shared(pic_c("int array[4] = {1, 2, 3, 42};"))
    main = compile_c(
        "extern int array[4]; int *p = &array[3]; int main(void) { return *p == array[3] ? *p : 1; }", *DIRECT
    )

    program = link(main, library, "-no-pie")

    program.run(status=42)
    assert program.symbols["array"].size == 16


def test_address_of_library_data_in_writable_data_needs_no_copy(link):
    library = link.shared(pic_c("int value = 42;"))
    main = compile_c("extern int value; int *p = &value; int main(void) { return *p; }", "-fPIC")

    program = link(main, library)

    program.run(status=42)
    assert program.relocation_set("64") == {"value"}
    assert program.relocation_set("COPY") == set()


@pytest.mark.unlike("ld", reason="copies nothing without a word")
def test_symbol_without_size_cannot_be_copied_silently(link):
    """Hand-written libraries forget .size: nothing would be copied, so a warning or an error has to
    say so.
    """
    library = link.shared(assemble(".data\n.globl value\n.type value, @object\nvalue: .long 42", name="lib"))

    done = link.attempt(
        compile_c(READ, *DIRECT), library, "-no-pie", driver="gcc", output="program", linker=None
    )

    assert "value" in done.stderr


def test_libstdcxx_streams_are_copied(link):
    """std::cout in non-PIC code: a 272-byte object copied out of libstdc++ with its version."""
    main = compile_c(
        "extern char _ZSt4cout[]; void *p = _ZSt4cout; int main(void) { return _ZSt4cout[0] == 99; }", *DIRECT
    )

    program = link(main, "-no-pie", driver="g++")

    program.run()
    assert program.relocation_set("COPY") == {"_ZSt4cout"}
