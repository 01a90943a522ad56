"""PT_TLS: .tdata then .tbss, aligned as its most aligned variable, and what shares its addresses."""

from __future__ import annotations

import pytest
from elf import PT_LOAD, PT_TLS
from programs import assemble, compile_c, exit_with

CHECK = """
    #include <stdint.h>
    __thread char one = 1;
    __thread long aligned __attribute__((aligned({0}))) = 41;
    __thread char zero;
    __thread long aligned_zero __attribute__((aligned({0})));
    int main(void) {{
        if ((uintptr_t)&aligned % {0} || (uintptr_t)&aligned_zero % {0} || zero || aligned_zero) return 1;
        return one + aligned;
    }}
"""


@pytest.mark.parametrize("kind", ["-no-pie", "-pie", "-static", "-static-pie"])
@pytest.mark.parametrize("alignment", [8, 64, 4096])
def test_block_is_aligned_for_its_variables(link, alignment, kind):
    program = link(compile_c(CHECK.format(alignment), "-fpie"), kind)

    program.run(status=42)
    assert program.segments_of(PT_TLS)[0].alignment == alignment


def test_segment_covers_initialised_and_zero_variables(link):
    program = link(
        compile_c("__thread int a = 1; __thread char b[1000]; int main(void) { return a + b[3]; }")
    )

    tls = program.segments_of(PT_TLS)[0]
    assert tls.address == program.sections[".tdata"].address
    assert tls.file_size == program.sections[".tdata"].size
    assert tls.size >= 1004
    assert tls.size == program.sections[".tbss"].end - tls.address


def test_zero_variables_take_no_addresses_from_what_follows(link):
    """.tbss has addresses of its own but no room in the image: the next section starts where .tbss does."""
    source = (
        ".globl _start\n_start:"
        + exit_with()
        + '.section .tbss,"awT",@nobits\n.globl big\nbig: .zero 100000\n.data\n.globl after\nafter: .long 42'
    )

    program = link.raw(assemble(source))

    load = next(
        seg for seg in program.segments_of(PT_LOAD) if seg.address <= program.symbols["after"].value < seg.end
    )
    assert load.size < 100000
    assert program.segments_of(PT_TLS)[0].size == 100000


def test_only_zero_variables(link):
    program = link(compile_c("__thread int a; int main(void) { return a++ + ++a + 40; }"))

    program.run(status=42)
    assert program.segments_of(PT_TLS)[0].file_size == 0


def test_symbols_are_offsets_into_the_block(link):
    program = link(
        compile_c("__thread long a = 1, b = 2; __thread long c; int main(void) { return a + b + c; }")
    )

    values = {program.symbols[name].value for name in "abc"}
    assert values == {0, 8, 16}
    assert program.symbols["a"].type == "TLS"


def test_empty_thread_local_section_makes_no_segment(link):
    program = link.raw(
        assemble(".globl _start\n_start:" + exit_with("$42") + '.section .tdata,"awT",@progbits\n')
    )

    program.run(status=42)
    assert all(segment.size == 0 for segment in program.segments_of(PT_TLS))


def test_zero_variables_of_many_files_with_different_alignments(link):
    files = [
        compile_c(
            (
                f"__thread char v{n} __attribute__((aligned({2**n}))); int f{n}(void) {{ "
                f"return (long)&v{n} % {2**n} + v{n}; }}"
            ),
            name=f"f{n}",
        )
        for n in range(7)
    ]
    main = compile_c(
        "".join(f"int f{n}(void);" for n in range(7))
        + f"int main(void) {{ return {' + '.join(f'f{n}()' for n in range(7))}; }}"
    )

    link(main, *files).run()


def test_initial_values_reach_new_threads(link):
    source = """
        #include <pthread.h>
        #include <string.h>
        __thread char text[64] = "initial";
        static void *check(void *unused) { return (void *)(long)strcmp(text, "initial"); }
        int main(void) {
            void *result; pthread_t thread;
            strcpy(text, "changed");
            pthread_create(&thread, 0, check, 0); pthread_join(thread, &result);
            return result != 0;
        }
    """

    for kind in ("-pie", "-static"):
        link(compile_c(source, "-fpie"), kind).run()


def test_alignment_of_zero_variables_larger_than_that_of_initialised(link):
    """The gap between .tdata and an aligned .tbss counts into the block (offsets are from its
    aligned end).
    """
    source = """
        __thread char one = 42;
        __thread char big[64] __attribute__((aligned(64)));
        int main(void) { big[63] = 1; return (unsigned long)big % 64 ? 1 : one; }
    """

    for kind in ("-pie", "-no-pie", "-static"):
        link(compile_c(source, "-fpie"), kind).run(status=42)
