"""--icf: functions that are the same share an address, nothing else changes."""

from __future__ import annotations

import re

import pytest
from linking import gdb
from programs import assemble, compile_c, compile_cxx, exit_with, tool

FLAGS = ("-O1", "-ffunction-sections", "-fno-ipa-icf")
TWINS = """
    int helper(int);
    __attribute__((noinline)) int one(int x) { return helper(x) + 3; }
    __attribute__((noinline)) int two(int x) { return helper(x) + 3; }
    __attribute__((noinline)) int three(int x) { return helper(x) + 4; }
    int main(void) { return one(1) + two(2) + three(3); }
"""
HELPER = "int helper(int x) { return x * 2; }"


def twins(*flags: str) -> list:
    return [compile_c(TWINS, *FLAGS, *flags), compile_c(HELPER, *FLAGS, *flags, name="helper")]


def same(output, *names: str) -> bool:
    return len({output.symbols[name].value for name in names}) == 1


@pytest.mark.parametrize("kind", ["-pie", "-no-pie", "-static"])
@pytest.mark.parametrize("level", ["safe", "all"])
def test_equal_functions_share_an_address(link, kind, level):
    program = link(*twins(), kind, f"-Wl,--icf={level}")

    program.run(status=22)
    assert same(program, "one", "two")
    assert not same(program, "one", "three")


def test_nothing_is_folded_unless_asked_for(link):
    assert not same(link(*twins()), "one", "two")
    assert not same(link(*twins(), "-Wl,--icf=all,--no-icf"), "one", "two")


def test_functions_that_call_equal_functions_are_equal(link):
    """Two levels of callers, and two pairs that call each other."""
    source = """
        #define N __attribute__((noinline))
        N int leaf_a(int x) { return x * 7 + 1; }
        N int leaf_b(int x) { return x * 7 + 1; }
        N int middle_a(int x) { return leaf_a(x) * 2; }
        N int middle_b(int x) { return leaf_b(x) * 2; }
        N int top_a(int x) { return middle_a(x) - 1; }
        N int top_b(int x) { return middle_b(x) - 1; }
        int pong_a(int); int pong_b(int);
        N int ping_a(int x) { return x ? pong_a(x - 1) * 3 : 1; }
        N int pong_a(int x) { return x ? ping_a(x - 1) + 5 : 2; }
        N int ping_b(int x) { return x ? pong_b(x - 1) * 3 : 1; }
        N int pong_b(int x) { return x ? ping_b(x - 1) + 5 : 2; }
        int main(void) { return top_a(1) == top_b(1) && ping_a(4) == ping_b(4) ? 42 : 1; }
    """
    program = link(compile_c(source, *FLAGS, "-fno-optimize-sibling-calls"), "-Wl,--icf=all")

    program.run(status=42)
    for name in ("leaf", "middle", "top", "ping", "pong"):
        assert same(program, f"{name}_a", f"{name}_b"), name
    assert not same(program, "ping_a", "pong_a")


def test_callers_of_different_functions_differ(link):
    source = """
        #define N __attribute__((noinline))
        N int leaf_a(int x) { return x * 7 + 1; }
        N int leaf_b(int x) { return x * 7 + 2; }
        N int caller_a(int x) { return leaf_a(x) * 2; }
        N int caller_b(int x) { return leaf_b(x) * 2; }
        int main(void) { return caller_a(1) + caller_b(1); }
    """
    program = link(compile_c(source, *FLAGS), "-Wl,--icf=all")

    program.run(status=34)
    assert not same(program, "caller_a", "caller_b")


def test_equal_strings_of_different_files_are_equal(link):
    source = '#include <stdio.h>\nint NAME(void) { return puts("the very same text"); }'
    inputs = [compile_c(source, *FLAGS, f"-DNAME={name}", name=name) for name in ("first", "second")]
    main = compile_c("int first(void), second(void); int main(void) { first(); second(); return 0; }")

    program = link(main, *inputs, "-Wl,--icf=all")

    assert program.run() == "the very same text\n" * 2
    assert same(program, "first", "second")


def test_different_strings_differ(link):
    source = "#include <stdio.h>\nint NAME(void) { return puts(TEXT); }"
    inputs = [
        compile_c(source, *FLAGS, f"-DNAME={name}", f'-DTEXT="{name}"', name=name) for name in ("abc", "abd")
    ]
    main = compile_c("int abc(void), abd(void); int main(void) { abc(); abd(); return 0; }")

    assert link(main, *inputs, "-Wl,--icf=all").run() == "abc\nabd\n"


POINTERS = """
    #define N __attribute__((noinline))
    N int taken_a(int x) { return x + 9; }
    N int taken_b(int x) { return x + 9; }
    N int called_a(int x) { return x * 5; }
    N int called_b(int x) { return x * 5; }
    int (*volatile a)(int) = taken_a;
    int main(void) {
        int (*volatile b)(int) = taken_b;
        return a == b ? 1 : called_a(4) + called_b(4) + 2;
    }
"""


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("kind", ["-pie", "-no-pie"])
def test_safe_keeps_addresses_apart_that_are_compared(link, compiler, kind):
    """gcc's objects are looked through for that; clang's say it themselves."""
    flags = (*FLAGS, "-fPIE") if compiler == "gcc" else ("-O1", "-ffunction-sections", "-faddrsig", "-fPIE")
    program = link(compile_c(POINTERS, *flags, compiler=compiler), "-Wl,--icf=safe", kind)

    program.run(status=42)
    assert not same(program, "taken_a", "taken_b")
    assert same(program, "called_a", "called_b")
    assert same(
        link(compile_c(POINTERS, *flags, compiler=compiler), "-Wl,--icf=all", kind), "taken_a", "taken_b"
    )


def test_safe_keeps_exported_functions_apart(link):
    source = "int one(int x) { return x + 9; } int two(int x) { return x + 9; }"
    inputs = compile_c(source, *FLAGS, "-fPIC", "-fno-ipa-icf")

    assert not same(link.shared(inputs, "-Wl,--icf=safe"), "one", "two")
    assert same(link.shared(inputs, "-Wl,--icf=all"), "one", "two")


def test_virtual_functions_are_folded(link):
    source = """
        struct A { virtual int f(int x); virtual ~A(); };
        struct B { virtual int f(int x); virtual ~B(); };
        int A::f(int x) { return x * 11; } A::~A() {}
        int B::f(int x) { return x * 11; } B::~B() {}
        int main() { A *a = new A; B *b = new B; return a->f(1) + b->f(2); }
    """
    program = link(compile_cxx(source, *FLAGS, "-fno-devirtualize"), "-Wl,--icf=safe", driver="g++")

    program.run(status=33)
    assert same(program, "_ZN1A1fEi", "_ZN1B1fEi")


THROWING = """
    #include <cstdio>
    #define N __attribute__((noinline))
    N void fail(int x) { if (x == 1) throw 1; if (x == 2) throw 2L; }
    N int same_a(int x) { try { fail(x); } catch (int) { return 10; } return 0; }
    N int same_b(int x) { try { fail(x); } catch (int) { return 10; } return 0; }
    N int other(int x) { try { fail(x); } catch (long) { return 10; } return 0; }
    int main() { std::printf("%d %d %d\\n", same_a(1), same_b(1), other(2)); }
"""


def test_exceptions_are_caught_where_they_were(link):
    """The same code with another table of handlers is not the same."""
    program = link(compile_cxx(THROWING, *FLAGS), "-Wl,--icf=all", driver="g++")

    assert program.run() == "10 10 10\n"
    assert same(program, "_Z6same_ai", "_Z6same_bi")
    assert not same(program, "_Z6same_ai", "_Z5otheri")


def test_records_of_folded_functions_are_dropped(link):
    plain = link(*twins(), output="plain")
    folded = link(*twins(), "-Wl,--icf=all", output="folded")

    assert folded.sections[".eh_frame"].size < plain.sections[".eh_frame"].size


def test_debugger_stops_at_either_name(link):
    program = link(*twins("-g"), "-Wl,--icf=all")

    text = gdb(program, "break main.c:4", "run", "backtrace", "finish")

    assert re.search(r"Breakpoint 1, (one|two) \(", text)
    assert "main" in text


def test_symbols_that_stay_apart(link):
    program = link(*twins(), "-Wl,--icf=all,--keep-unique=two")

    assert not same(program, "one", "two")


def test_report(link):
    program = link(*twins(), "-Wl,--icf=all,--print-icf-sections")

    assert "main.o:(.text.one)\n  removing identical section" in program.messages
    assert "main.o:(.text.two)" in program.messages


def test_read_only_data_on_request(link):
    source = """
        const int table_a[4] = {1, 2, 3, 4}; const int table_b[4] = {1, 2, 3, 4};
        const int *volatile a = table_a, *volatile b = table_b;
        int main(void) { return a[1] + b[2]; }
    """
    inputs = compile_c(source, "-fdata-sections")

    assert not same(link(inputs, "-Wl,--icf=all"), "table_a", "table_b")
    program = link(inputs, "-Wl,--icf=all,--ignore-data-address-equality")
    program.run(status=5)
    assert same(program, "table_a", "table_b")


def test_folded_sections_keep_the_largest_alignment(link):
    source = """
        .section .text.a,"ax"
        .globl a
        a: ret
        .section .text.b,"ax"
        .balign 64
        .globl b
        b: ret
        .text
        .globl _start
        _start: call a
    """
    program = link.raw(assemble(source + exit_with("$42")), "--icf=all")

    program.run(status=42)
    assert same(program, "a", "b")
    assert program.symbols["b"].value % 64 == 0


def test_sections_found_by_name_stay(link):
    source = """
        extern int __start_set[], __stop_set[];
        __attribute__((section("set"), used)) static const int a = 1;
        __attribute__((section("set"), used)) static const int b = 1;
        int main(void) { return __stop_set - __start_set; }
    """
    link(compile_c(source), "-Wl,--icf=all,--ignore-data-address-equality").run(status=2)


def test_same_with_any_number_of_threads(link):
    inputs = [compile_cxx(THROWING, *FLAGS), *twins("-DX")[1:]]
    one = link(*inputs, "-Wl,--icf=all,--threads=1", driver="g++", output="one")
    many = link(*inputs, "-Wl,--icf=all,--threads=6", driver="g++", output="many")

    assert one.data == many.data


@pytest.mark.parametrize("level", ["safe", "all"])
def test_a_program_of_templates_runs(link, level):
    source = """
        #include <iostream>
        #include <map>
        #include <string>
        #include <vector>
        template<class T> void fill() {
            std::map<T, std::string> m; std::vector<T> v;
            for (int i = 0; i < 50; i++) { m[T(i)] = std::to_string(i); v.push_back(T(i)); }
            long sum = 0; for (auto &p : m) sum += p.second.size() + long(p.first);
            std::cout << sum << " " << v.size() << "\\n";
        }
        int main() { fill<int>(); fill<unsigned>(); fill<long>(); fill<unsigned long>(); fill<long long>(); }
    """
    inputs = compile_cxx(source, "-O2", "-ffunction-sections")
    plain = link(inputs, driver="g++", output="plain")
    program = link(inputs, f"-Wl,--icf={level}", driver="g++")

    assert program.run() == plain.run()
    assert program.sections[".text"].size < plain.sections[".text"].size
    theirs = link(inputs, f"-Wl,--icf={level}", driver="g++", linker=tool("ld.lld"), output="lld")
    assert program.sections[".text"].size < 1.05 * theirs.sections[".text"].size


def test_what_a_script_places_apart_stays_apart(link, tmp_path):
    script = tmp_path / "apart.ld"
    script.write_text("""
        SECTIONS {
            . = 0x400000; .fast : { *(.text.one) } .slow : { *(.text.two) } .text : { *(.text*) }
            .rest : { *(.data* .bss*) }
        }
    """)
    program = link.raw(assemble(four_twins()), f"--script={script}", "--icf=all")

    program.run(status=0)
    assert not same(program, "one", "two")
    assert same(program, "three", "four")


def four_twins() -> str:
    functions = "".join(
        f'.section .text.{name},"ax"\n.globl {name}\n{name}: ret\n'
        for name in ("one", "two", "three", "four")
    )
    return functions + ".text\n.globl _start\n_start: call one\ncall two\ncall three\n" + exit_with()
