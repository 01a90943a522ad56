"""Loads from the GOT that are not needed: mov becomes lea or an immediate, call and jmp become direct."""

from __future__ import annotations

import pytest
from elf import with_relocation_type
from programs import assemble, compile_c, pic_c

DATA = ".data\n.globl value\nvalue: .long 42\n"
LOW = ("--no-dynamic-linker",)
KINDS = ("-static",), ("-pie", "-dynamic-linker", "/lib64/ld-linux-x86-64.so.2")


def disassembled(link, instruction: str, *arguments: str, data: str = DATA, **options: str) -> str:
    """The one instruction, linked without a compiler driver."""
    program = link.raw(assemble(f".globl _start\n_start: {instruction}\n{data}"), *arguments, **options)
    return program.disassembly("_start")


@pytest.mark.parametrize("register", ["rax", "rdi", "r8", "r13", "rsp"])
@pytest.mark.parametrize("kind", ["-static", "-pie"])
def test_load_becomes_an_address(link, register, kind):
    """mov sym@GOTPCREL(%rip), %reg: lea sym(%rip), %reg, or mov $sym, %reg where addresses are fixed."""
    text = disassembled(link, f"mov value@GOTPCREL(%rip), %{register}", kind)

    assert text.startswith("lea") or (kind == "-static" and text.startswith("mov $"))
    assert f"%{register}" in text


def test_32_bit_load_becomes_an_address(link):
    """Without a REX prefix (R_X86_64_GOTPCRELX)."""
    text = disassembled(link, "mov value@GOTPCREL(%rip), %ecx", "-static")

    assert text.split()[0] in ("lea", "mov")
    assert "value" in text or "$0x" in text


@pytest.mark.parametrize("instruction", ["call", "jmp"])
def test_indirect_branch_becomes_direct(link, instruction):
    text = disassembled(
        link, f"{instruction} *value@GOTPCREL(%rip)", "-pie", *LOW, data=".globl value\nvalue: ret\n"
    )

    assert "*" not in text
    assert instruction in text
    assert "<value>" in text


@pytest.mark.parametrize("instruction", ["call", "jmp"])
def test_relaxed_branch_lands_on_its_target(link, instruction):
    """call gets a prefix, jmp a trailing nop: both must end at the same following instruction."""
    start = f".globl _start\n_start: {'push %rax' if instruction == 'jmp' else ''}\n"
    body = "call *target@GOTPCREL(%rip)\n" if instruction == "call" else "call around\n"
    tail = (
        "mov %eax, %edi\n mov $60, %eax\n syscall\naround: jmp *target@GOTPCREL(%rip)\n.globl target\n"
        "target: mov $42, %eax\n ret\n"
    )

    for kind in KINDS:
        link.raw(assemble(start + body + tail), *kind).run(status=42)


@pytest.mark.parametrize("instruction", ["add", "sub", "and", "or", "xor", "cmp", "adc", "sbb"])
def test_arithmetic_with_a_slot_computes_the_same(link, instruction):
    """May become an immediate where addresses are fixed; the result must not change in any case."""
    source = f"""
        .globl _start
    _start:
        mov $0x7654321, %rcx
        mov value@GOTPCREL(%rip), %rbx
        clc
        {instruction} value@GOTPCREL(%rip), %rcx
        mov $0x7654321, %rdx
        clc
        {instruction} %rbx, %rdx
        xor %edi, %edi
        cmp %rcx, %rdx
        setne %dil
        mov $60, %eax
        syscall
    """

    for kind in KINDS:
        link.raw(assemble(source + DATA), *kind).run()


def test_comparison_with_a_slot_keeps_its_operands(link):
    """cmp and test are not symmetric in their encodings: the immediate form swaps operand places."""
    source = """
        .globl _start
    _start:
        mov value@GOTPCREL(%rip), %rbx
        lea 1(%rbx), %rcx
        cmp value@GOTPCREL(%rip), %rcx
        jbe bad
        mov %rbx, %rcx
        not %rcx
        test %rcx, value@GOTPCREL(%rip)
        jne bad
        mov $42, %edi
    end:
        mov $60, %eax
        syscall
    bad:
        mov $1, %edi
        jmp end
    """

    for kind in KINDS:
        link.raw(assemble(source + DATA), *kind).run(status=42)


def test_no_relax_keeps_the_load(link):
    program = link.raw(
        assemble(f".globl _start\n_start: mov value@GOTPCREL(%rip), %rax\n{DATA}"), "--no-relax"
    )

    assert program.disassembly("_start").startswith("mov 0x")
    assert program.sections[".got"].size >= 8


@pytest.mark.parametrize("kind", ["-pie", "-static-pie"])
def test_slots_kept_by_no_relax_have_their_relocations(link, kind):
    """As many relocations are written as were counted (`sanity` looks), undefined weak symbols having none.

    The static PIE is not run: libc relocates itself with code that must have been relaxed.
    """
    main = compile_c(
        "extern int missing __attribute__((weak)); int main(void) { return &missing ? 1 : 42; }", "-fPIC"
    )

    program = link(main, kind, "-Wl,--no-relax")

    assert "RELATIVE" in {row.type for row in program.relocations}
    if kind == "-pie":
        program.run(status=42)


def test_no_slot_remains_when_all_loads_are_relaxed(link):
    program = link.raw(
        assemble(f".globl _start\n_start: mov value@GOTPCREL(%rip), %rax\n{DATA}"), "-pie", *LOW
    )

    assert program.relocations == []


def test_load_of_another_modules_symbol_is_kept(link):
    library = link.shared(pic_c("int value = 42;"))
    main = compile_c("extern int value; int main(void) { return value; }", "-fPIC", "-O1")

    program = link(main, library)

    program.run(status=42)
    assert program.relocation_set("GLOB_DAT") >= {"value"}
    assert program.disassembly("main").startswith("mov 0x")


def test_load_of_a_preemptible_symbol_is_kept(link):
    library = link.shared(pic_c("int value = 42; int *f(void) { return &value; }", "-O1"))

    assert library.disassembly("f").startswith("mov 0x")


def test_load_of_a_hidden_symbol_is_relaxed(link):
    source = 'int value __attribute__((visibility("hidden"))) = 42; int *f(void) { return &value; }'
    library = link.shared(
        assemble(".globl f\nf: mov value@GOTPCREL(%rip), %rax\n ret", name="f"),
        pic_c(source.replace("int *f", "int *g")),
    )

    assert library.disassembly("f").startswith("lea")


def test_load_of_an_indirect_function_is_kept(link):
    """An ifunc's address is not known before it is resolved."""
    source = (
        "static int fast(void) { return 42; } static void *r(void) { return fast; } "
        'int f(void) __attribute__((ifunc("r")));'
    )
    main = compile_c(
        "int f(void); int main(void) { int (*volatile p)(void) = f; return p(); }", "-fPIC", "-O1"
    )

    link(main, compile_c(source, name="ifunc"), "-static").run(status=42)


def test_load_of_an_undefined_weak_symbol_is_null(link):
    main = compile_c(
        "extern int f __attribute__((weak)); int main(void) { return &f ? 1 : 42; }", "-fPIC", "-O1"
    )

    for kind in ("-static", "-static-pie", "-pie", "-no-pie"):
        link(main, kind).run(status=42)


def test_load_of_an_absolute_symbol_beyond_2_gib(link):
    """An immediate has 32 bits: a large absolute value must stay in its slot."""
    source = ".globl _start\n_start: mov big@GOTPCREL(%rip), %rdi\n shr $40, %rdi\n mov $60, %eax\n syscall\n"

    link.raw(assemble(source), f"--defsym=big={42 << 40:#x}").run(status=42)


def test_load_without_the_promise_is_kept(link):
    """R_X86_64_GOTPCREL without the X promises nothing about the instruction around it: here it is data."""
    source = f".globl _start, word\n_start: ret\n.data\nword: .long value@GOTPCREL\n{DATA}"

    program = link.raw(assemble(source))

    word = program.symbols["word"].value
    slot = word + int.from_bytes(program.read(word, 4), "little", signed=True)
    assert program.word(slot) == program.symbols["value"].value


def test_load_with_an_addend_other_than_minus_4_is_kept(link):
    """sym@GOTPCREL+4 addresses the other half of the slot; rewriting it would change its meaning."""
    assert disassembled(link, "mov value@GOTPCREL+4(%rip), %eax").startswith("mov 0x")


@pytest.mark.unlike("ld", reason="2.40 does not know the relocation")
@pytest.mark.unlike("lld", reason="19 does not know the relocation")
def test_load_into_an_extended_register(link):
    """APX: mov sym@GOTPCREL(%rip), %r16 has a REX2 prefix and R_X86_64_CODE_4_GOTPCRELX (43)."""
    source = assemble(f".globl _start\n_start: .byte 0xd5\n mov value@GOTPCREL(%rip), %rax\n ret\n{DATA}")
    extended = link.directory / "extended.o"
    extended.write_bytes(with_relocation_type(source.read_bytes(), ".rela.text", 43))

    program = link.raw(extended, "-pie", *LOW)

    start = program.symbols["_start"].value
    assert program.read(start, 4) == b"\xd5\x48\x8d\x05"
    assert (
        int.from_bytes(program.read(start + 4, 4), "little", signed=True)
        == program.symbols["value"].value - start - 8
    )
