"""What the linker says about relocations that cannot be right, and about many errors at once, word for word."""

from __future__ import annotations

import re

import pytest
from elf import Elf
from programs import assemble, compile_c, compile_cxx, exit_with, pic_c
from texts import errors, said

pytestmark = pytest.mark.only_wild
GROUP = '.section .text.f,"axG",@progbits,f,comdat\n.globl f\nf: ret\n'
START = ".globl _start\n_start:" + exit_with()


# --- relocations -------------------------------------------------------------------------------------------


def test_overflow_names_value_range_symbol_and_definition(link):
    main = assemble(START + ".data\n .zero 24\n .byte big\n")

    assert errors(link, main, "--defsym=big=0x1234", driver="raw") == (
        "wild: error: main.o:(.data+0x18): relocation R_X86_64_8 out of range: 4660 is not in [-128, 255]; "
        "references symbol 'big'\n"
        ">>> defined by --defsym\n"
    )


@pytest.mark.parametrize("symbol", ["number", "absent"])
def test_distance_to_what_does_not_move(link, symbol):
    """A number, and the null of an undefined weak symbol: how far away they are is known at run time only."""
    main = assemble(START + f" lea {symbol}(%rip), %rax\n.weak absent\n")
    number = assemble(".globl number\nnumber = 0x123456\n", name="number")
    where = ">>> defined in number.o\n" if symbol == "number" else ""

    assert errors(link, main, number, "-pie", driver="raw") == (
        f"wild: error: main.o:(.text+0xf): relocation R_X86_64_PC32 against symbol '{symbol}' cannot be used when"
        f" making a PIE; recompile with -fPIC\n{where}"
    )
    link.raw(main, number)


def test_overflow_between_sections_that_are_far_apart(link):
    main = assemble(START + " mov after(%rip), %eax\n.bss\n.zero 0x7ffffff0\n")
    after = assemble(".bss\n.zero 0x1000\n.globl after\nafter: .zero 4\n", name="after")

    message = errors(link, main, after, driver="raw")

    assert re.fullmatch(
        r"wild: error: main.o:\(.text\+0xe\): relocation R_X86_64_PC32 out of range: 21\d{8} is not in "
        r"\[-2147483648, 2147483647\]; references symbol 'after'\n"
        r">>> defined in after.o\n"
        r">>> more than 2 GiB are between code and data: compile with -mcmodel=medium or -mcmodel=large, so\n"
        r">>> that large variables are out of the way\n",
        message,
    )


def test_overflow_of_a_local_symbol(link):
    main = assemble(START + ".data\nhere: .byte here\n")

    assert "references section .data\n" in errors(link, main, driver="raw")


@pytest.mark.parametrize(
    ("kind", "noun", "flag"), [("-pie", "a PIE", "-fPIE"), ("-shared", "a shared object", "-fPIC")]
)
def test_absolute_address_in_movable_code(link, kind, noun, flag):
    source = "extern int x; int *f(void) { return &x; } int main(void) { return 0; }"
    fixed = compile_c(source, "-fno-pie", "-O1", "-g", name="fixed")

    assert errors(link, fixed, compile_c("int x;", name="x"), kind) == (
        f"wild: error: fixed.o:(.text+0x1): relocation R_X86_64_32 against symbol 'x' cannot be used when making "
        f"{noun}; recompile with {flag}\n"
        ">>> referenced by fixed.c:1 in function f\n"
        ">>> defined in x.o\n"
    )


def test_address_in_read_only_data(link):
    table = assemble(".section .rodata\n.balign 8\n.quad target\n.data\ntarget: .long 42\n", name="table")

    assert errors(link, "-shared", table, output="l.so") == (
        "wild: error: table.o:(.rodata+0x0): relocation R_X86_64_64 against section .data would have to be applied "
        "at run time, in read-only section .rodata; recompile with -fPIC, or allow it with -z notext\n"
    )


def test_copy_of_a_protected_variable(link):
    library = link.shared(pic_c('__attribute__((visibility("protected"))) int p = 1;'), output="libp.so")
    main = compile_c("extern int p; int main(void) { return p; }", "-fno-pie", "-O1")

    assert errors(link, main, library, "-no-pie") == (
        "wild: error: main.o:(.text+0x2): relocation R_X86_64_PC32 would need a copy of symbol 'p', or a PLT entry "
        "that stands for it, but its shared object protects it; recompile with -fPIE\n"
        ">>> referenced in function main\n"
        ">>> defined in libp.so\n"
    )


def test_copy_that_is_forbidden(link):
    library = link.shared(pic_c("int p = 1;"), output="libp.so")
    main = compile_c("extern int p; int main(void) { return p; }", "-fno-pie", "-O1")

    assert "would need a copy of symbol 'p', which -z nocopyreloc forbids" in errors(
        link, main, library, "-no-pie", "-Wl,-z,nocopyreloc"
    )


def test_thread_local_access_to_an_ordinary_variable_and_the_reverse(link):
    source = "extern __thread int t; extern int n; int f(void) { return t; } int main(void) { return n; }"
    main = compile_c(source, "-fno-pie", "-O1")
    other = compile_c("int t; __thread int n;", name="other")

    assert errors(link, main, other, "-no-pie") == (
        "wild: error: main.o:(.text+0x3): relocation R_X86_64_GOTTPOFF is a thread-local access, but symbol 't' is "
        "not thread-local; is thread_local or __thread missing at its definition?\n"
        ">>> referenced in function f\n"
        ">>> defined in other.o\n"
        "wild: error: main.o:(.text+0xd): relocation R_X86_64_PC32 is no thread-local access, but symbol "
        "'n' is thread-local; is thread_local or __thread missing in a declaration?\n"
        ">>> referenced in function main\n"
        ">>> defined in other.o\n"
    )


def test_local_exec_access_in_a_shared_object(link):
    source = "static __thread int t; int f(void) { return t++; }"

    message = errors(link, "-shared", compile_c(source, "-fno-pic", "-O1", name="l"), output="l.so")

    assert "R_X86_64_TPOFF32 against local symbol 't' cannot be used when making a shared object" in message
    assert "recompile with -fPIC" in message


def test_reference_to_a_discarded_section(link):
    user = assemble(GROUP + "local: ret\n.text\n" + START + " call local\n", name="user")

    assert errors(link, assemble(GROUP, name="first"), user, driver="raw") == (
        "wild: error: user.o:(.text+0xd): relocation R_X86_64_PC32 refers to local symbol 'local', which was "
        "discarded\n"
        ">>> defined in user.o:(.text.f)\n"
        ">>> section group signature: f\n"
        ">>> prevailing definition is in first.o\n"
    )


def with_relocations(link, *changes: tuple[int, int]):
    """An object with relocations in .data whose r_offset and r_type are changed."""
    path = link.directory / "damaged.o"
    data = bytearray(assemble(START + ".data\n.quad _start\n.quad _start\n", name="good").read_bytes())
    at = Elf(bytes(data)).sections[".rela.data"].offset
    for number, (offset, type) in enumerate(changes):
        data[at + 24 * number : at + 24 * number + 12] = offset.to_bytes(8, "little") + type.to_bytes(
            4, "little"
        )
    path.write_bytes(data)
    return path


def test_relocation_types_that_do_not_exist_or_do_not_belong_into_objects(link):
    damaged = with_relocations(link, (0, 0xEE), (8, 8))

    message = errors(link, damaged, driver="raw")

    assert "damaged.o:(.data+0x0): relocation type 238 is not a relocation type of x86-64" in message
    assert "damaged.o:(.data+0x8): relocation R_X86_64_RELATIVE is one for the dynamic linker" in message


def test_names_are_demangled_in_texts_about_relocations(link):
    source = "namespace shape { extern int sides; } int *f() { return &shape::sides; } int main() {}"
    fixed = compile_cxx(source, "-fno-pie", "-O1", name="fixed")
    other = compile_cxx("namespace shape { int sides; }", name="other")

    message = errors(link, fixed, other, "-pie", driver="g++")

    assert "against symbol 'shape::sides' cannot be used" in message
    assert "in function f()" in message


# --- all of them, in order ---------------------------------------------------------------------------------


def wrong_in_many_places(count: int = 12) -> list[object]:
    sources = [
        START * (not number)
        + f".data\n .byte big\n.section .rodata\n .quad missing{number % 3}\n"
        + f".text\n call missing{number}\n .long data\n"
        for number in range(count)
    ]
    return [assemble(source, name=f"file{number}") for number, source in enumerate(sources)]


@pytest.mark.parametrize("options", [[], ["--gc-sections", "-u", "_start"], ["--error-limit=0"]])
def test_messages_do_not_depend_on_the_number_of_threads(link, options):
    objects = wrong_in_many_places()

    messages = [
        errors(link, *objects, "-pie", "--defsym=data=_start", *options, f"--threads={threads}", driver="raw")
        for threads in (1, 2, 8)
    ]

    assert messages[0] == messages[1] == messages[2]
    assert messages[0].count("wild: error") > 1


def test_every_fault_of_every_section_is_reported(link):
    objects = wrong_in_many_places()

    message = errors(link, *objects, "-pie", "--defsym=data=_start", "--error-limit=0", driver="raw")

    wanted = [f"file{number}.o:(.text+" for number in range(12)] + [f"missing{n}\n" for n in range(12)]
    assert [text for text in wanted if text not in message] == []
    assert message.count("wild: error: undefined symbol") == 13
    assert message.count("relocation R_X86_64_32 against") == 12


def test_errors_of_several_kinds_are_reported_together(link):
    one, two = (compile_c("int twice(void) { return 1; }", name=name) for name in ("one", "two"))
    source = "int missing(void); extern int one; int *p(void) { return &one; } int main(void) { return missing(); }"

    message = errors(
        link, compile_c(source, "-fno-pie", "-O1"), one, two, "-pie", compile_c("int one;", name="data")
    )

    kinds = re.findall("wild: error: (duplicate|undefined|main.o)", message)
    assert kinds == ["duplicate", "undefined", "main.o"]


def test_error_limit_says_that_there_are_more(link):
    objects = wrong_in_many_places()

    message = errors(link, *objects, "--error-limit=3", driver="raw")

    assert message.count("undefined symbol") == 3
    assert message.endswith("wild: error: too many errors; --error-limit=0 shows them all\n")


def test_limit_that_is_just_enough_says_nothing(link):
    main = assemble(START + " call one\n call two\n")

    message = errors(link, main, "--error-limit=2", driver="raw")

    assert message.count("wild: error") == 2


def test_damage_in_several_files_is_reported_at_once(link):
    """Each file is read to its first fault."""
    paths = [link.directory / f"bad{number}.o" for number in range(3)]
    data = assemble(START).read_bytes()
    for path in paths:
        path.write_bytes(data[:58] + b"\x01\x00" + data[60:])

    message = errors(link, *paths, driver="raw")

    assert re.findall(r"bad\d", message) == ["bad0", "bad1", "bad2"]


# --- what is forgiven --------------------------------------------------------------------------------------


def test_noinhibit_exec_turns_errors_into_warnings(link):
    main = assemble(START + ".data\n .byte big\n .quad missing\n")

    program = link.raw(main, "--defsym=big=0x1234", "--noinhibit-exec")

    program.run()
    assert said(program.messages, link).count("wild: warning: ") == 2
    assert "error" not in program.messages


def test_noinhibit_exec_does_not_apply_a_relocation_outside_its_section(link):
    damaged = with_relocations(link, (1 << 40, 1))

    assert "damaged.o:(.data+0x10000000000): R_X86_64_64 is about bytes outside the section" in errors(
        link, damaged, "--noinhibit-exec", driver="raw"
    )
