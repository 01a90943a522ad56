"""PT_INTERP: the loader's path, in dynamic programs and nowhere else."""

from __future__ import annotations

import pytest
from elf import PT_INTERP
from programs import assemble, compile_c, exit_with, pic_c

LOADER = "/lib64/ld-linux-x86-64.so.2"
START = ".globl _start\n_start:" + exit_with("$42")


def interpreter(program) -> str | None:
    found = program.segments_of(PT_INTERP)
    return program.c_string(found[0].address) if found else None


FORMS = [
    ("-dynamic-linker", LOADER),
    (f"--dynamic-linker={LOADER}",),
    (f"-dynamic-linker={LOADER}",),
    pytest.param(("-I", LOADER), marks=pytest.mark.unlike("lld", reason="does not know it")),
]


@pytest.mark.parametrize("form", FORMS)
def test_path_is_the_given_one(link, form):
    program = link.raw(assemble(START), "-pie", *form)

    assert interpreter(program) == LOADER
    program.run(status=42)


def test_compiler_gives_the_systems_loader(link):
    assert interpreter(link(compile_c("int main(void) { return 0; }"))) == LOADER


def test_no_dynamic_linker_makes_none(link):
    program = link.raw(assemble(START), "-pie", "--no-dynamic-linker")

    assert interpreter(program) is None
    program.run(status=42)


@pytest.mark.unlike("lld", reason="writes one, and the program crashes")
def test_static_program_has_none_even_when_asked(link):
    program = link.raw(assemble(START), "-static", "-dynamic-linker", LOADER)

    assert interpreter(program) is None
    program.run(status=42)


def test_shared_object_has_none(link):
    assert interpreter(link.shared(pic_c("int f;"))) is None


def test_program_with_a_library_is_dynamic_without_pie(link):
    library = link.shared(pic_c("int f(void) { return 42; }"), "-nostdlib")
    main = assemble(".globl _start\n_start: call f" + exit_with("%eax"))

    program = link.raw(main, library, "-dynamic-linker", LOADER)

    program.run(status=42)
    assert interpreter(program) == LOADER


def test_shared_object_that_brings_its_own_path_can_be_run(link):
    """libc.so.6 prints its version that way: a section .interp in an object makes PT_INTERP."""
    source = """
        #include <unistd.h>
        const char path[] __attribute__((section(".interp"))) = "/lib64/ld-linux-x86-64.so.2";
        void begin(void) { _exit(42); }
    """
    library = link.shared(pic_c(source), "-Wl,-e,begin")

    library.run(status=42)
    assert interpreter(library) == LOADER
