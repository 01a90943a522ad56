"""Which definition of a symbol wins: strong, weak, common, undefined weak, unique, absolute."""

from __future__ import annotations

import pytest
from programs import archive, assemble, compile_c, compile_cxx, exit_with, pic_c

CALL_F = "int f(void); int main(void) { return f(); }"
WEAK_F = "__attribute__((weak)) int f(void) { return 1; }"
STRONG_F = "int f(void) { return 42; }"


@pytest.mark.parametrize("weak_first", [True, False])
def test_strong_definition_beats_weak_one_in_any_order(link, weak_first):
    weak, strong = compile_c(WEAK_F, name="weak"), compile_c(STRONG_F, name="strong")

    program = link(compile_c(CALL_F), *((weak, strong) if weak_first else (strong, weak)))

    program.run(status=42)


def test_first_of_two_weak_definitions_wins(link):
    first = compile_c("__attribute__((weak)) int f(void) { return 42; }", name="first")

    link(compile_c(CALL_F), first, compile_c(WEAK_F, name="second")).run(status=42)


def test_undefined_weak_symbol_is_null(link):
    source = "extern int f(void) __attribute__((weak)); int main(void) { return f ? f() : 42; }"

    link(compile_c(source, "-fno-pie"), "-no-pie").run(status=42)


@pytest.mark.parametrize("flag", ["-no-pie", "-pie", "-static", "-static-pie"])
def test_weak_undefined_address_in_data_is_null(link, flag):
    source = (
        "extern int f(void) __attribute__((weak)); int (*p)(void) = f; int main(void) { return p ? 1 : 42; }"
    )

    link(compile_c(source, "-fpie"), flag).run(status=42)


def test_call_to_undefined_weak_symbol_links(link):
    """A direct call stays in range and is never executed."""
    source = (
        "extern void f(void) __attribute__((weak)); int main(int n, char **v) { if (n > 9) f(); return 42; }"
    )

    link(compile_c(source, "-fno-pie"), "-no-pie", "-static").run(status=42)


def test_strong_reference_makes_an_undefined_weak_symbol_an_error(link):
    weak = compile_c(
        "extern int f(void) __attribute__((weak)); int g(void) { return f ? 1 : 2; }", name="weak"
    )

    assert "f" in link.fails(compile_c(CALL_F), weak)


def test_undefined_weak_symbol_does_not_load_an_archive_member(link):
    library = archive([compile_c(STRONG_F, name="f")])
    source = "extern int f(void) __attribute__((weak)); int main(void) { return f ? 1 : 42; }"

    program = link(compile_c(source, "-fno-pie"), library, "-no-pie", "-static")

    program.run(status=42)


def test_weak_definition_keeps_archive_member_out(link):
    """A symbol that is defined, even weakly, does not make a member load."""
    library = archive([compile_c(STRONG_F, name="f")])
    weak = compile_c("__attribute__((weak)) int f(void) { return 7; }", name="weak")

    link(compile_c(CALL_F), weak, library).run(status=7)


def test_common_symbol_gets_the_largest_size_and_alignment(link):
    """The size is the maximum of the sizes, the alignment that of the alignments, from different files."""
    big = assemble(".comm shared, 400, 8", name="big")
    aligned = assemble(".comm shared, 16, 256", name="aligned")
    main = compile_c("extern char shared[]; int main(void) { return (unsigned long)shared % 256; }")

    program = link(big, aligned, main)

    program.run()
    assert program.symbols["shared"].size == 400
    assert program.section_at(program.symbols["shared"].value) == ".bss"
    assert program.symbols["shared"].type == "OBJECT"


def test_definition_beats_common_symbol(link):
    common = compile_c("int value; int *where(void) { return &value; }", "-fcommon", name="common")
    defined = compile_c(
        "int value = 42; int *where(void); int main(void) { return *where(); }", name="defined"
    )

    program = link(common, defined)

    program.run(status=42)
    assert program.section_at(program.symbols["value"].value) == ".data"


def test_common_symbol_beats_weak_definition(link):
    common = compile_c("int value; int *where(void) { return &value; }", "-fcommon", name="common")
    weak = compile_c(
        "__attribute__((weak)) int value = 1; int *where(void); int main(void) { return *where(); }",
        name="weak",
    )

    link(weak, common).run(status=0)


def test_common_symbols_are_sections_of_their_own_for_alignment(link):
    main = compile_c(
        (
            "char a; long double b; char c; _Alignas(64) char d[3]; int main(void) { "
            "return (unsigned long)d % 64; }"
        ),
        "-fcommon",
    )

    program = link(main)

    program.run()
    values = [program.symbols[name].value for name in "abcd"]
    assert len(set(values)) == 4
    assert program.symbols["b"].value % 16 == 0


def test_absolute_symbol_keeps_its_value(link):
    absolute = assemble(".globl level\nlevel = 42", name="absolute")
    source = "extern char level[]; long f(void) { return (long)level; } int main(void) { return f(); }"
    main = compile_c(source, "-fno-pie", "-mcmodel=large")

    program = link(absolute, main, "-static")

    program.run(status=42)
    assert (program.symbols["level"].value, program.symbols["level"].section) == (42, "ABS")


def test_absolute_symbol_through_the_got_of_a_pie_is_not_relocated(link):
    """An absolute symbol's GOT slot must not get a relative relocation."""
    absolute = assemble(".globl level\nlevel = 42", name="absolute")
    start = "mov level@GOTPCREL(%rip), %rdi\n mov $60, %eax\n syscall"

    program = link.raw(
        assemble(f".globl _start\n_start: {start}"), absolute, "-pie", "--no-relax", "--no-dynamic-linker"
    )

    program.run(status=42)
    assert program.relocations == []


def test_unique_symbol_keeps_its_binding(link):
    """STB_GNU_UNIQUE is what makes a template's static member one object over dlopen'ed libraries."""
    source = (
        "template <class T> struct S { static int n; }; template <class T> int S<T>::n; int *f() { "
        "return &S<int>::n; }"
    )
    library = link.shared(compile_cxx(source, "-fPIC"), driver="g++")

    assert library.dynamic_symbols["_ZN1SIiE1nE"].binding == "UNIQUE"


def test_unique_definition_is_merged_with_weak_and_unique_ones(link):
    source = """
        template <class T> struct S {{ static int n; }};
        template <class T> int S<T>::n = 40;
        int *{}() {{ return &S<int>::n; }}
    """
    main = "int *one(); int *two(); int main() { *one() += 2; return *two(); }"
    one = compile_cxx(source.format("one"), name="one")
    two = compile_cxx(source.format("two"), "-fno-gnu-unique", name="two")

    link(compile_cxx(main), one, two, driver="g++").run(status=42)


@pytest.mark.only_wild
def test_no_gnu_unique_makes_unique_symbols_global(link):
    source = (
        "template <class T> struct S { static int n; }; template <class T> int S<T>::n; int *f() { "
        "return &S<int>::n; }"
    )
    library = link.shared(compile_cxx(source, "-fPIC"), "-Wl,--no-gnu-unique", driver="g++")

    assert library.dynamic_symbols["_ZN1SIiE1nE"].binding == "GLOBAL"


def test_executable_overrides_shared_object(link):
    """Interposition: the library's own call of f reaches the program's f."""
    library = link.shared(pic_c("int f(void) { return 1; } int g(void) { return f(); }"))
    main = compile_c("int g(void); int f(void) { return 42; } int main(void) { return g(); }")

    program = link(main, library)

    program.run(status=42)
    assert "f" in program.exports


def test_weak_definition_in_object_beats_shared_object(link):
    library = link.shared(pic_c(STRONG_F))
    weak = compile_c("__attribute__((weak)) int f(void) { return 7; }", name="weak")

    program = link(compile_c(CALL_F), library, weak)

    program.run(status=7)


def test_first_shared_object_on_the_line_provides_a_symbol(link):
    one = link.shared(pic_c("int f(void) { return 42; }"), output="libone.so")
    two = link.shared(pic_c("int f(void) { return 1; }"), output="libtwo.so")

    program = link(compile_c(CALL_F), one, two, "-Wl,--no-as-needed")

    program.run(status=42)


def test_weak_definition_of_first_shared_object_still_wins(link):
    """The loader does not prefer strong over weak (LD_DYNAMIC_WEAK), so neither does the link."""
    one = link.shared(pic_c("__attribute__((weak)) int f(void) { return 42; }"), output="libone.so")
    two = link.shared(pic_c("int f(void) { return 1; }"), output="libtwo.so")

    link(compile_c(CALL_F), one, two, "-Wl,--no-as-needed").run(status=42)


def test_shared_object_before_archive_provides_the_symbol(link):
    library = link.shared(pic_c(STRONG_F))
    unused = archive([compile_c("int f(void) { return 1; }", name="f")])

    link(compile_c(CALL_F), library, unused).run(status=42)


def test_archive_before_shared_object_provides_the_symbol(link):
    library = link.shared(pic_c("int f(void) { return 1; }"))
    used = archive([compile_c(STRONG_F, name="f")])

    link(compile_c(CALL_F), used, library).run(status=42)


def test_undefined_weak_symbol_of_a_program_is_bound_to_a_shared_object(link):
    library = link.shared(pic_c(STRONG_F))
    main = compile_c("extern int f(void) __attribute__((weak)); int main(void) { return f ? f() : 1; }")

    link(main, "-Wl,--no-as-needed", library).run(status=42)


def test_local_symbol_does_not_meet_a_global_of_its_name(link):
    one = compile_c("static int f(void) { return 1; } int g(void) { return f(); }", name="one")
    main = compile_c("int g(void); int f(void) { return 43; } int main(void) { return f() - g(); }")

    link(main, one).run(status=42)


def test_function_defined_at_the_end_of_its_section(link):
    """A symbol may stand one past the last byte; the next section must not take it."""
    source = (
        ".globl _start, mark\n_start:"
        + exit_with("$42")
        + 'mark:\n.section .text.two,"ax"\n .fill 64,1,0xcc\n'
    )

    program = link.raw(assemble(source))

    program.run(status=42)
    assert program.symbols["_start"].value + 12 == program.symbols["mark"].value


def test_symbol_in_discarded_section_is_no_definition(link):
    """A global that only a losing COMDAT section defines is undefined."""
    winner = assemble('.section .text.f,"axG",@progbits,group,comdat\n.globl one\none: ret', name="winner")
    loser = assemble('.section .text.f,"axG",@progbits,group,comdat\n.globl two\ntwo: ret', name="loser")
    main = assemble(".globl _start\n_start: call one\n call two\n")

    assert "two" in link.fails(main, winner, loser, driver="raw")


def test_common_symbols_of_the_type_common(link):
    """STT_COMMON instead of SHN_COMMON alone, as assemblers write it on request."""
    common = compile_c(
        "int shared[10]; int *where(void) { return shared; }",
        "-fcommon",
        "-Wa,--elf-stt-common=yes",
        name="common",
    )
    main = compile_c(
        "int shared[10]; int *where(void); int main(void) { return where() == shared ? 42 : 1; }", "-fcommon"
    )

    program = link(main, common)

    program.run(status=42)
    assert program.symbols["shared"].type == "OBJECT"


def test_weak_reference_by_another_name(link):
    """.weakref makes `f` undefined weak under a local name; a strong mention elsewhere needs a definition."""
    source = 'static int maybe(void) __attribute__((weakref("f"))); int main(void) { return maybe ? maybe() : 42; }'

    link(compile_c(source)).run(status=42)
    link(compile_c(source), compile_c("int f(void) { return 7; }", name="f")).run(status=7)


def test_names_of_any_bytes(link):
    """Assemblers take any name in quotes: spaces, non-ASCII letters, punctuation, very long."""
    names = ["a name with spaces", "größe", "x" * 5000, "a/b:c,d;e", "$dollar", "1digit"]
    definitions = "".join(f'.globl "{name}"\n"{name}": .byte {number}\n' for number, name in enumerate(names))
    uses = "".join(f' movzbl "{name}"(%rip), %eax\n add %eax, %edi\n' for name in names)
    main = assemble(f".globl _start\n_start: xor %edi, %edi\n{uses} mov $60, %eax\n syscall\n")

    program = link.raw(main, assemble(f".data\n{definitions}", name="names"))

    program.run(status=sum(range(len(names))))
    assert set(names) <= program.symbols.keys()
