"""Thread-local variables: every access model, dialect and call form, in every output kind, local and global.

The program checks the value and, from a second thread, that the thread has its own copy. A transition that
is right for one address and wrong for a thread's start (alignment, .tbss, addends) shows as a wrong sum.
"""

from __future__ import annotations

import pytest
from programs import assemble, compile_c, exit_with, pic_c

VARIABLES = """
    __thread int first = 1;
    __thread char odd = 2;
    __thread long array[5] = {3, 4, 5, 6, 7};
    __thread int zero;
    __thread long zeros[9] __attribute__((aligned(32)));
"""
USE = """
    extern __thread int first, zero;
    extern __thread char odd;
    extern __thread long array[5], zeros[9];
    static __thread int own = 8;
    static __thread int own_zero;
    int use(void) {
        first += 1; own += 1; own_zero += 1; zeros[8] += 1; array[4] += 1; zero += 1;
        return first + odd + array[2] + array[4] + zero + own + own_zero + (int)zeros[8]
            + (int)((unsigned long)zeros % 32);
    }
"""
EXPECTED = 2 + 2 + 5 + 8 + 1 + 9 + 1 + 1
MAIN = """
    #include <pthread.h>
    #include <stdio.h>
    int use(void);
    static void *thread(void *unused) { return (void *)(long)use(); }
    int main(void) {
        void *result;
        pthread_t other;
        int mine = use();
        pthread_create(&other, 0, thread, 0);
        pthread_join(other, &result);
        printf("%d %d\\n", mine, (int)(long)result);
        return 0;
    }
"""
MODELS = ("global-dynamic", "local-dynamic", "initial-exec", "local-exec")
DIALECTS = {"gnu": (), "no_plt": ("-fno-plt",), "desc": ("-mtls-dialect=gnu2",), "large": ("-mcmodel=large",)}
KINDS = ("-no-pie", "-pie", "-static", "-static-pie")


MARKS = {"large": pytest.mark.unlike("lld", reason="does not know the long form of the call")}
# Dialects only change the two dynamic models.
MODELS_AND_DIALECTS = [
    pytest.param(model, DIALECTS[dialect], id=f"{model}-{dialect}", marks=MARKS.get(dialect, ()))
    for model in MODELS
    for dialect in (DIALECTS if "dynamic" in model else ("gnu",))
]


@pytest.mark.parametrize("optimised", ["-O0", "-O2"])
@pytest.mark.parametrize(("model", "dialect"), MODELS_AND_DIALECTS)
def test_model_in_programs_that_define_the_variables(link, model, dialect, optimised):
    """Every model is turned into local-exec, in all four kinds of program."""
    pic = "-fpie" if model == "local-exec" else "-fPIC"
    use = compile_c(USE, pic, f"-ftls-model={model}", optimised, *dialect, name="use")

    for kind in KINDS:
        program = link(compile_c(MAIN, "-fpie"), use, compile_c(VARIABLES, "-fpie", name="variables"), kind)
        assert program.run() == f"{EXPECTED} {EXPECTED}\n"
        assert not {"DTPMOD64", "TPOFF64", "TLSDESC"} & {
            row.type for row in program.relocations if row.symbol
        }


@pytest.mark.parametrize("optimised", ["-O0", "-O2"])
@pytest.mark.parametrize(("model", "dialect"), MODELS_AND_DIALECTS)
def test_model_in_a_program_whose_library_defines_the_variables(link, model, dialect, optimised):
    """General dynamic turns into initial-exec; local models are for variables of one's own."""
    if model == "local-exec":
        pytest.skip("local-exec cannot reach another module")
    use = compile_c(
        USE,
        "-fPIC",
        f"-ftls-model={'initial-exec' if model == 'local-dynamic' else model}",
        optimised,
        *dialect,
        name="use",
    )
    library = link.shared(pic_c(VARIABLES, name="variables"))

    for kind in ("-no-pie", "-pie"):
        program = link(compile_c(MAIN, "-fpie"), use, library, kind)
        assert program.run() == f"{EXPECTED} {EXPECTED}\n"
        assert program.relocation_set("DTPMOD64") <= {""}


@pytest.mark.parametrize("symbolic", ["-Wl,-Bdynamic", "-Wl,-Bsymbolic"])
@pytest.mark.parametrize(("model", "dialect"), MODELS_AND_DIALECTS)
def test_model_in_a_shared_object(link, model, dialect, symbolic):
    if model == "local-exec":
        pytest.skip("no local-exec in a shared object")
    use = pic_c(USE, f"-ftls-model={model}", "-O2", *dialect, name="use")
    library = link.shared(use, pic_c(VARIABLES, name="variables"), symbolic)

    program = link(compile_c(MAIN), library)

    assert program.run() == f"{EXPECTED} {EXPECTED}\n"


@pytest.mark.parametrize(("model", "dialect"), MODELS_AND_DIALECTS)
def test_model_in_a_dlopened_library(link, model, dialect):
    """The loader may place the block anywhere; initial-exec works while surplus static TLS lasts."""
    if model == "local-exec":
        pytest.skip("no local-exec in a shared object")
    use = pic_c(USE, f"-ftls-model={model}", "-O2", *dialect, name="use")
    library = link.shared(use, pic_c(VARIABLES, name="variables"), output="plugin.so")
    main = MAIN.replace(
        "int use(void);",
        "#include <dlfcn.h>\nint (*function)(void); static int use(void) { return function(); }",
    )
    main = main.replace(
        "int mine", 'function = (int (*)(void))dlsym(dlopen("plugin.so", RTLD_NOW), "use"); int mine'
    )

    assert library.exports >= {"use", "first"}
    assert link(compile_c(main)).run() == f"{EXPECTED} {EXPECTED}\n"


def test_local_exec_in_a_shared_object_is_an_error(link):
    """An offset from the thread pointer is only known in the program itself."""
    use = compile_c(
        "__thread int x; int f(void) { return x; }", "-fpie", "-ftls-model=local-exec", "-O1", name="use"
    )

    message = link.fails("-shared", use, output="libshared.so")

    assert "use.o" in message
    assert "x" in message


def test_initial_exec_in_a_shared_object_sets_static_tls(link):
    use = pic_c("__thread int x = 42; int f(void) { return x; }", "-ftls-model=initial-exec", name="use")

    library = link.shared(use)

    assert any(flags & 0x10 for flags in library.tag("FLAGS"))
    assert library.relocation_set("TPOFF64") == {"x"}


def test_global_dynamic_in_a_shared_object_has_a_pair_of_relocations(link):
    library = link.shared(pic_c("__thread int x = 42; int f(void) { return x; }", name="use"))

    assert library.relocation_set("DTPMOD64") == library.relocation_set("DTPOFF64") == {"x"}
    assert not any(flags & 0x10 for flags in library.tag("FLAGS"))


def test_local_dynamic_in_a_shared_object_needs_only_the_module(link):
    source = "static __thread int x = 40, y = 2; int f(void) { return x++ + y++; }"
    library = link.shared(pic_c(source, "-ftls-model=local-dynamic", "-O2", name="use"))

    assert library.relocation_set("DTPMOD64") == {""}
    assert library.relocation_set("DTPOFF64") == set()


def test_descriptor_in_a_shared_object(link):
    library = link.shared(
        pic_c("__thread int x = 42; int f(void) { return x; }", "-mtls-dialect=gnu2", name="use")
    )

    assert library.relocation_set("TLSDESC") == {"x"}
    assert library.relocation_set("DTPMOD64") == set()


def test_general_and_initial_exec_of_one_variable(link):
    """One variable may be reached by several models from different files of one library."""
    general = pic_c("extern __thread int x; int f(void) { return x++; }", name="general")
    initial = pic_c(
        "extern __thread int x; int g(void) { return x++; }", "-ftls-model=initial-exec", name="initial"
    )
    descriptor = pic_c(
        "extern __thread int x; int h(void) { return x++; }", "-mtls-dialect=gnu2", name="descriptor"
    )
    library = link.shared(general, initial, descriptor, pic_c("__thread int x = 13;", name="variable"))
    main = compile_c("int f(void), g(void), h(void); int main(void) { return f() + g() + h(); }")

    link(main, library).run(status=42)


def test_hidden_variable_in_a_shared_object(link):
    """A hidden variable's offset in the module is known: DTPMOD64 without symbol, no DTPOFF64."""
    source = '__attribute__((visibility("hidden"))) __thread int x = 42; int f(void) { return x; }'
    library = link.shared(pic_c(source))

    assert library.relocation_set("DTPMOD64") == {""}
    assert library.relocation_set("DTPOFF64") == set()
    link(compile_c("int f(void); int main(void) { return f(); }"), library).run(status=42)


def test_offsets_may_have_addends(link):
    source = """
        .globl main
        main:
            mov %fs:0, %rax
            mov array@tpoff+8(%rax), %eax
            add %fs:array@tpoff+16, %eax
            ret
        .section .tdata,"awT",@progbits
        .balign 8
        array: .quad 1, 40, 2
    """

    for kind in ("-no-pie", "-pie", "-static"):
        link(assemble(source), kind).run(status=42)


@pytest.mark.parametrize("instruction", ["mov", "add"])
@pytest.mark.parametrize("register", ["rax", "r12", "rsp"])
def test_initial_exec_forms_become_local_exec(link, instruction, register):
    """mov and add from the GOT with every kind of destination register (r12 and rsp encode specially)."""
    source = (
        f".globl _start\n_start: {instruction} x@gottpoff(%rip), %{register}\n ret\n"
        '.section .tbss,"awT",@nobits\nx: .long 0'
    )

    program = link.raw(assemble(source))

    text = program.disassembly("_start")
    assert "rip" not in text
    assert "0xfffffffffffffffc" in text or "-0x4(" in text or "$0x" in text
    assert f"%{register}" in text
    assert program.relocations == []


@pytest.mark.unlike("ld", reason="leaves the PLT entry behind")
def test_relaxed_dynamic_call_needs_no_tls_get_addr(link):
    """general-dynamic that became local-exec leaves no PLT entry for __tls_get_addr."""
    use = compile_c(
        "__thread int x = 42; int main(void) { return x; }", "-fPIC", "-ftls-model=global-dynamic"
    )

    program = link(use, "-no-pie")

    program.run(status=42)
    assert "__tls_get_addr" not in program.relocation_set("JUMP_SLOT") | program.relocation_set("GLOB_DAT")


@pytest.mark.only_wild
def test_relaxed_calls_are_no_references_to_an_undefined_tls_get_addr(link):
    """What is wrong is the call in the second file, not what the linker has replaced in the first."""
    use = compile_c(
        "__thread int x = 42; int f(void) { return x; }", "-fPIC", "-ftls-model=global-dynamic", name="fine"
    )
    call = assemble(".globl _start\n_start: call __tls_get_addr@PLT\ncall f\n", name="wrong")

    message = link.fails("-nostdlib", "-static", use, call)

    assert "undefined symbol: __tls_get_addr" in message
    assert "wrong.o" in message
    assert "fine.o" not in message


@pytest.mark.unlike("lld", reason="links a program that reads a wrong address")
@pytest.mark.parametrize("model", ["local-dynamic", "local-exec"])
def test_variable_of_a_library_is_out_of_reach_for_the_models_of_the_own(link, model):
    library = link.shared(pic_c("__thread int x = 42;"))
    use = compile_c("extern __thread int x; int main(void) { return x; }", "-fPIC", f"-ftls-model={model}")

    message = link.fails(use, library)

    assert "'x'" in message.replace("`", "'")


@pytest.mark.unlike("lld", reason="links it silently")
def test_reference_to_thread_local_as_if_it_were_not_is_an_error(link):
    """One file says __thread, the other does not: a program that would read a wrong address."""
    main = compile_c("extern int x; int main(void) { return x; }", "-fno-pie")

    message = link.fails(main, compile_c("__thread int x = 42;", name="variable"), "-no-pie")

    assert "x" in message


def test_weak_undefined_thread_local_links(link):
    main = compile_c(
        "extern __thread int x __attribute__((weak)); int main(int n, char **v) { return n > 9 ? x : 42; }"
    )

    for kind in ("-no-pie", "-static"):
        link(main, kind).run(status=42)


def test_copy_of_environment_pointer_is_no_thread_local(link):
    """errno: the classic thread-local of another library, by its accessor and by TLS of libc itself."""
    main = compile_c(
        "#include <errno.h>\n#include <unistd.h>\nint main(void) { "
        "return close(-1) + 1 == 0 && errno == EBADF ? 42 : 1; }"
    )

    for kind in KINDS:
        link(main, kind).run(status=42)


@pytest.mark.unlike("lld", reason="writes offsets from the thread pointer for both")
def test_data_words_with_thread_local_relocations(link):
    """R_X86_64_DTPMOD64, DTPOFF64 and TPOFF64 in data, as some code generators write them."""
    source = (
        ".globl _start\n_start:"
        + exit_with()
        + (
            ".data\n.balign 8\n.globl words\nwords: .quad x@dtpoff, x@tpoff\n"
            '.section .tdata,"awT",@progbits\n.quad 0\nx: .quad 1'
        )
    )

    program = link.raw(assemble(source))

    words = program.symbols["words"].value
    assert program.word(words) == 8
    assert program.word(words + 8) == 2**64 - 8


@pytest.mark.parametrize("kind", ["-no-pie", "-pie", "-static"])
@pytest.mark.parametrize("dialect", ["gnu", "desc"])
def test_no_relax_does_not_stop_the_transitions(link, dialect, kind):
    """--no-relax is about the GOT; a static program has no loader that could serve the dynamic models."""
    use = compile_c(USE, "-fPIC", "-O2", *DIALECTS[dialect], name="use")
    variables = compile_c(VARIABLES, "-fpie", name="variables")

    program = link(compile_c(MAIN, "-fpie"), use, variables, kind, "-Wl,--no-relax")

    assert program.run() == f"{EXPECTED} {EXPECTED}\n"


@pytest.mark.parametrize("model", ["global-dynamic", "local-dynamic", "initial-exec"])
@pytest.mark.parametrize(
    "dialect", [(), ("-mtls-dialect=gnu2",), ("-fno-plt",)], ids=["gnu", "desc", "no_plt"]
)
def test_code_of_clang(link, dialect, model):
    use = compile_c(USE, "-fPIC", "-O2", f"-ftls-model={model}", *dialect, name="use", compiler="clang")
    variables = pic_c(VARIABLES, name="variables", compiler="clang")

    for kind in KINDS:
        assert link(compile_c(MAIN, "-fpie"), use, variables, kind).run() == f"{EXPECTED} {EXPECTED}\n"
    library = link.shared(use, variables)
    assert link(compile_c(MAIN), library).run() == f"{EXPECTED} {EXPECTED}\n"
