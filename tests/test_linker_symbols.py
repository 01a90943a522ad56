"""Symbols the linker itself defines: _end, etext, __ehdr_start, _DYNAMIC, __init_array_start and
their like.
"""

from __future__ import annotations

import pytest
from programs import assemble, compile_c, compile_cxx, exit_with, pic_c


def values(link, names: str, *flags: str, source: str = ""):
    """Link a program that refers to the names and return the output (symbols dropped if unreferenced)."""
    used = "".join(f".quad {name}\n" for name in names.split())
    text = ".globl _start\n.text\n_start:" + exit_with() + ".data\n.balign 8\n" + used + source
    return link.raw(assemble(text), *flags)


def test_end_symbols_frame_the_segments(link):
    program = values(link, "_etext etext _edata edata _end end __bss_start", source=".bss\n.zero 64\n")
    symbols = {name: symbol.value for name, symbol in program.symbols.items()}
    sections = program.sections

    assert symbols["_etext"] == symbols["etext"] >= sections[".text"].end
    assert symbols["_edata"] == symbols["edata"] >= sections[".data"].end
    assert symbols["__bss_start"] <= sections[".bss"].address
    assert symbols["_end"] == symbols["end"] >= sections[".bss"].end


def test_users_definition_of_end_wins(link):
    """end, etext and edata are only provided: a program may define them itself."""
    source = "int end = 42, etext = 1, edata = 2; int main(void) { return end; }"

    link(compile_c(source)).run(status=42)


def test_elf_header_is_addressable(link):
    source = """
        extern const char __ehdr_start[] __attribute__((visibility("hidden")));
        int main(void) { return __ehdr_start[1] == 'E' && __ehdr_start[2] == 'L' ? 42 : 1; }
    """

    for flag in ("-pie", "-no-pie", "-static"):
        link(compile_c(source), flag).run(status=42)


def test_executable_start_is_the_first_address(link):
    program = values(link, "__executable_start __ehdr_start")

    assert program.symbols["__executable_start"].value == program.segments_of(1)[0].address


def test_dynamic_symbol_is_the_dynamic_section(link):
    source = (
        'extern char _DYNAMIC[] __attribute__((visibility("hidden"))); long f(void) { '
        "return (long)_DYNAMIC; }"
    )
    library = link.shared(pic_c(source))

    assert library.symbols["_DYNAMIC"].value == library.sections[".dynamic"].address


def test_dynamic_symbol_is_null_in_a_static_program(link):
    """glibc's static start-up asks `&_DYNAMIC != 0`."""
    source = "extern char _DYNAMIC[] __attribute__((weak)); int main(void) { return _DYNAMIC ? 1 : 42; }"

    link(compile_c(source, "-fno-pie"), "-static", "-no-pie").run(status=42)


def test_global_offset_table_symbol(link):
    """On x86-64 it is the start of .got.plt, whose first word is the address of _DYNAMIC (psABI)."""
    library = link.shared(
        assemble(".globl f\nf: lea _GLOBAL_OFFSET_TABLE_(%rip), %rax\n call puts@PLT\n ret"), "-Wl,-z,lazy"
    )

    table = library.symbols["_GLOBAL_OFFSET_TABLE_"].value
    assert table == library.tag("PLTGOT")[0]
    assert library.word(table) == library.sections[".dynamic"].address


@pytest.mark.parametrize("array", ["preinit", "init", "fini"])
def test_array_bounds(link, array):
    names = f"__{array}_array_start __{array}_array_end"
    program = values(
        link, names, source=f'.section .{array}_array,"aw",@{array}_array\n.balign 8\n.quad _start, _start\n'
    )

    section = program.sections[f".{array}_array"]
    assert program.symbols[f"__{array}_array_start"].value == section.address
    assert program.symbols[f"__{array}_array_end"].value == section.end


@pytest.mark.parametrize("array", ["preinit", "init", "fini"])
def test_bounds_of_a_missing_array_are_equal(link, array):
    program = values(link, f"__{array}_array_start __{array}_array_end")

    start, end = (program.symbols[f"__{array}_array_{side}"].value for side in ("start", "end"))
    assert start == end


def test_relocation_bounds_of_a_static_program(link):
    """__rela_iplt_start and _end bound the IRELATIVE relocations that libc applies itself."""
    source = ".globl g\n.type g, @gnu_indirect_function\n.text\ng: ret\n"
    program = values(link, "__rela_iplt_start __rela_iplt_end g", source=source)

    start, end = (program.symbols[f"__rela_iplt_{side}"].value for side in ("start", "end"))
    assert end - start == 24


def test_relocation_bounds_of_a_static_pie_are_equal(link):
    """A static PIE relocates itself through its dynamic section; applying IRELATIVE twice would be wrong."""
    source = """
        extern const char __rela_iplt_start[] __attribute__((weak, visibility("hidden")));
        extern const char __rela_iplt_end[] __attribute__((weak, visibility("hidden")));
        int main(void) { return __rela_iplt_start == __rela_iplt_end ? 42 : 1; }
    """

    link(compile_c(source), "-static-pie").run(status=42)


@pytest.mark.unlike("lld", reason="does not define it")
def test_frame_header_symbol(link):
    """compiler-rt and libunwind refer to __GNU_EH_FRAME_HDR."""
    source = (
        'extern const char __GNU_EH_FRAME_HDR[] __attribute__((visibility("hidden"))); int main(void) { '
        "return *__GNU_EH_FRAME_HDR + 41; }"
    )

    link(compile_c(source), "-Wl,--eh-frame-hdr").run(status=42)


def test_dso_handle_is_unique_to_each_file(link):
    source = (
        'extern char __dso_handle __attribute__((visibility("hidden"))); void *{}(void) {{ '
        "return &__dso_handle; }}"
    )
    library = link.shared(pic_c(source.format("f")))
    main = compile_c(source.format("g") + "void *f(void); int main(void) { return f() == g(); }")

    link(main, library).run()


def test_global_destructors_run_when_a_library_is_closed(link):
    """__cxa_atexit is given __dso_handle, so that dlclose runs only that library's destructors."""
    library = link.shared(
        compile_cxx('#include <cstdio>\nstruct S { ~S() { puts("closed"); } }; S s;', "-fPIC", name="lib"),
        driver="g++",
    )
    source = (
        '#include <dlfcn.h>\n#include <stdio.h>\nint main(void) { void *h = dlopen("libshared.so", 2); '
        'dlclose(h); puts("main"); return !h; }'
    )

    program = link(compile_c(source))

    assert library
    assert program.run() == "closed\nmain\n"


def test_data_start_is_the_crt_files_symbol(link):
    program = link(compile_c("int main(void) { return 0; }"))

    assert program.section_at(program.symbols["data_start"].value) == ".data"


def test_thread_module_base(link):
    """_TLS_MODULE_BASE_ is the start of the module's own TLS block (TLSDESC local dynamic)."""
    source = (
        "static __thread int a = 40, b = 2; int f(int *x) { return a + b + *x; } int main(void) { "
        "int z = 0; return f(&z); }"
    )

    link(compile_c(source, "-fPIC", "-mtls-dialect=gnu2", "-O2")).run(status=42)


def test_linker_symbols_are_not_exported(link):
    library = link.shared(pic_c("int f(void) { return 0; }"))

    forbidden = {
        "_DYNAMIC",
        "_GLOBAL_OFFSET_TABLE_",
        "__dso_handle",
        "__ehdr_start",
        "_PROCEDURE_LINKAGE_TABLE_",
    }
    assert not forbidden & library.exports


def test_symbols_nobody_asks_for_need_not_exist_but_reserved_names_may(link):
    """A program may call its own function etext or end."""
    link(compile_c("int etext(void) { return 42; } int main(void) { return etext(); }")).run(status=42)
