"""Hello, world for every driver, output kind and language, and what the kinds promise in their headers."""

from __future__ import annotations

import pytest
from elf import ET_DYN, ET_EXEC, PF_W, PF_X, PT_DYNAMIC, PT_GNU_STACK, PT_INTERP, PT_LOAD, PT_PHDR
from programs import assemble, compile_c, compile_cxx, exit_with, pic_c, write

HELLO_C = '#include <stdio.h>\nint main(void) { puts("hello"); return 0; }'
HELLO_CXX = '#include <iostream>\nint main() { std::cout << "hello" << std::endl; }'
#              compiled with, linked with, file type, interpreter, dynamic section
KINDS = {
    "exec": ("-fno-pie", "-no-pie", ET_EXEC, True, True),
    "pie": ("-fpie", "-pie", ET_DYN, True, True),
    "static": ("-fno-pie", "-static", ET_EXEC, False, False),
    "static_pie": ("-fpie", "-static-pie", ET_DYN, False, True),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("driver", ["gcc", "clang"])
def test_c_program_runs(link, driver, kind):
    code, flag, file_type, interpreter, dynamic = KINDS[kind]

    program = link(compile_c(HELLO_C, code, compiler=driver), flag, driver=driver)

    assert program.run() == "hello\n"
    assert program.type == file_type
    assert bool(program.segments_of(PT_INTERP)) == interpreter
    assert bool(program.segments_of(PT_DYNAMIC)) == dynamic


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("driver", ["g++", "clang++"])
def test_cxx_program_runs(link, driver, kind):
    code, flag, *_ = KINDS[kind]

    program = link(compile_cxx(HELLO_CXX, code, compiler=driver), flag, driver=driver)

    assert program.run() == "hello\n"


@pytest.mark.parametrize(("code", "flag"), [("-fpie", "-pie"), ("-fno-pie", "-no-pie")])
def test_musl_program_runs(link, code, flag):
    program = link(compile_c(HELLO_C, code, compiler="musl-gcc"), flag, driver="musl-gcc")

    assert program.run() == "hello\n"


@pytest.mark.unlike("lld", reason="writes an interpreter into a static program, which then crashes")
def test_static_musl_program_has_no_interpreter(link):
    """musl-gcc -static passes -dynamic-linker as well."""
    program = link(compile_c(HELLO_C, "-fno-pie", compiler="musl-gcc"), "-static", driver="musl-gcc")

    assert program.segments_of(PT_INTERP) == []
    assert program.run() == "hello\n"


@pytest.mark.parametrize("driver", ["gcc", "clang"])
def test_program_runs_with_its_shared_object(link, driver):
    main = compile_c("int answer(void); int main(void) { return answer(); }", compiler=driver)
    library = link.shared(pic_c("int answer(void) { return 42; }", compiler=driver), driver=driver)

    program = link(main, library, driver=driver)

    program.run(status=42)
    assert library.type == ET_DYN
    assert library.segments_of(PT_INTERP) == []
    assert "libshared.so" in program.tag_strings("NEEDED")


@pytest.mark.parametrize("driver", ["gcc", "clang"])
def test_static_archive_becomes_a_shared_object_with_libc(link, driver):
    """-static-libgcc in a shared object brings libgcc.a and its hidden symbols in."""
    library = link.shared(
        pic_c("unsigned __int128 f(unsigned __int128 a) { return a / 7; }"), "-static-libgcc"
    )
    main = compile_c("unsigned __int128 f(unsigned __int128); int main(void) { return (int)f(294); }")

    link(main, library, driver=driver).run(status=42)
    assert "__udivti3" not in library.exports


def test_program_without_libc_runs(link):
    program = link.raw(assemble(".globl _start\n_start:" + exit_with("$42")))

    program.run(status=42)
    assert program.type == ET_EXEC
    assert program.segments_of(PT_DYNAMIC) == []


def test_pie_without_libc_runs(link):
    source = ".globl _start\n_start: mov pointer(%rip), %rax\n mov (%rax), %edi\n mov $60, %eax\n syscall\n"
    data = ".data\n.balign 8\npointer: .quad value\n.section .rodata\nvalue: .long 42\n"
    program = link.raw(assemble(source + data), "-pie", "-dynamic-linker", "/lib64/ld-linux-x86-64.so.2")

    program.run(status=42)
    assert [row.type for row in program.relocations] == ["RELATIVE"]


def test_shared_object_without_a_needed_library(link):
    library = link.raw(assemble(".globl f\nf: ret"), "-shared", output="libf.so")

    assert library.tag_strings("NEEDED") == []
    assert "f" in library.exports


def test_program_headers_describe_themselves(link):
    """PT_PHDR comes before the first PT_LOAD, which maps it: the loader computes a PIE's base from it."""
    program = link(compile_c(HELLO_C))

    kinds = [segment.type for segment in program.segments]
    header = program.segments_of(PT_PHDR)[0]
    assert kinds.index(PT_PHDR) < kinds.index(PT_LOAD)
    assert (
        program.segment_at(header.address).offset
        + header.address
        - program.segment_at(header.address).address
        == 64
    )


@pytest.mark.parametrize("kind", KINDS)
def test_no_memory_is_writable_and_executable(link, kind):
    code, flag, *_ = KINDS[kind]

    program = link(compile_c(HELLO_C, code), flag)

    assert not any(seg.flags & PF_W and seg.flags & PF_X for seg in program.segments_of(PT_LOAD))
    assert not program.segments_of(PT_GNU_STACK)[0].flags & PF_X


def test_entry_is_start(link):
    program = link(compile_c(HELLO_C))

    assert program.symbols["_start"].value == program.entry


@pytest.mark.parametrize("flag", ["--entry=begin", "-ebegin"])
def test_entry_by_name(link, flag):
    program = link.raw(assemble(".globl begin\n nop\nbegin:" + exit_with("$42")), flag)

    program.run(status=42)
    assert program.symbols["begin"].value == program.entry


def test_entry_by_address(link):
    program = link.raw(assemble(".globl begin\nbegin:" + exit_with()), "-e", "0x401234")

    assert program.entry == 0x401234


@pytest.mark.parametrize("flags", [(), ("--gc-sections",), ("-e", "other")])
@pytest.mark.parametrize("local", [False, True])
@pytest.mark.unlike("mold", reason="does not know -e for shared objects")
def test_shared_object_may_begin_somewhere(link, flags, local):
    """A libc's loader is a shared object that begins at _start, which its version script makes local."""
    source = assemble(".globl _start, other, exported\n_start: nop\nother: nop\nexported: ret\n")
    script = write(link.directory / "v.map", "{ global: exported; local: *; };")

    output = link.raw(source, "-shared", *flags, *(("--version-script", script) if local else ()))

    assert output.entry == output.symbols["other" if flags[:1] == ("-e",) else "_start"].value
    assert ("_start" in output.exports) != local


def test_shared_object_without_start_begins_nowhere(link):
    assert link.raw(assemble(".globl f\nf: ret\n"), "-shared").entry == 0


def test_shared_object_with_a_script_that_names_the_usual_entry(link):
    """As GNU ld's own scripts do, which glibc's build changes and uses."""
    script = write(
        link.directory / "entry.ld", "ENTRY(_start) SECTIONS { . = SIZEOF_HEADERS; .text : { *(.text) } }"
    )

    output = link.raw(assemble(".globl f\nf: ret\n"), "-shared", "-T", script)

    assert not output.messages
    assert output.entry == 0


def test_missing_entry_symbol_is_a_warning(link):
    """GNU ld warns and uses the start of .text; others leave 0. The link succeeds either way."""
    program = link.raw(assemble(".globl f\nf: ret"))

    assert "_start" in program.messages


def test_musl_program_with_a_shared_object(link):
    library = link.shared(pic_c("int answer(void) { return 42; }", compiler="musl-gcc"), driver="musl-gcc")
    main = compile_c("int answer(void); int main(void) { return answer(); }", compiler="musl-gcc")

    program = link(main, library, driver="musl-gcc")

    program.run(status=42)
    assert program.tag_strings("NEEDED") == ["libshared.so", "libc.so"]


@pytest.mark.unlike("lld", reason="writes an interpreter into a static program, which then crashes")
def test_musl_program_with_threads_and_thread_locals(link):
    source = """
        #include <pthread.h>
        #include <stdio.h>
        static __thread int mine = 20;
        static void *work(void *unused) { return (void *)(long)++mine; }
        int main(void) {
            pthread_t thread; void *result;
            pthread_create(&thread, 0, work, 0); pthread_join(thread, &result);
            printf("%d\\n", (int)(long)result + ++mine);
            return 0;
        }
    """

    for kind in ("-no-pie", "-pie", "-static"):
        assert link(compile_c(source, "-fpie", compiler="musl-gcc"), kind, driver="musl-gcc").run() == "42\n"
