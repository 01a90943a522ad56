"""C++ programs of some size: streams, threads, standard containers, static initialisation, in all output
kinds.
"""

from __future__ import annotations

import pytest
from programs import compile_cxx, skip_without_clang_libraries

KINDS = ("-no-pie", "-pie", "-static", "-static-pie")
THREADS = """
    #include <atomic>
    #include <future>
    #include <iostream>
    #include <mutex>
    #include <thread>
    #include <vector>
    thread_local int mine = 1;
    std::atomic<int> sum;
    std::once_flag once;
    int main() {
        std::vector<std::thread> threads;
        for (int n = 0; n < 4; n++)
            threads.emplace_back([n] { std::call_once(once, [] { sum += 10; }); mine += n; sum += mine; });
        for (auto &thread : threads) thread.join();
        auto later = std::async(std::launch::async, [] { return 22; });
        std::cout << sum + later.get() << std::endl;
    }
"""
LIBRARY = """
    #include <algorithm>
    #include <fstream>
    #include <iomanip>
    #include <iostream>
    #include <locale>
    #include <map>
    #include <memory>
    #include <regex>
    #include <sstream>
    #include <string>
    #include <unordered_map>
    struct Base { virtual ~Base() = default; virtual int value() const = 0; };
    struct One : virtual Base { int value() const override { return 1; } };
    struct Two : virtual Base { int other = 2; };
    struct Both : One, Two { int value() const override { return 40 + other; } };
    int main() {
        std::map<std::string, std::unique_ptr<Base>> things;
        things["both"] = std::make_unique<Both>();
        std::ostringstream text;
        text << std::setw(4) << things["both"]->value() << std::hex << 255 << ' ' << 1.5;
        std::unordered_map<int, int> squares;
        for (int n = 0; n < 100; n++) squares[n] = n * n;
        bool matched = std::regex_match("value=42", std::regex("[a-z]+=([0-9]+)"));
        auto *two = dynamic_cast<Two *>(things["both"].get());
        std::cout << text.str() << ' ' << squares[12] << ' ' << matched << ' ' << two->other << '\\n';
    }
"""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("driver", ["g++", "clang++"])
def test_threads(link, driver, kind):
    program = link(compile_cxx(THREADS, "-fpie", "-O1", compiler=driver), kind, "-pthread", driver=driver)

    assert program.run() == "42\n"


@pytest.mark.parametrize(
    "flags", [("-O0",), ("-O2",), ("-O2", "-ffunction-sections", "-fdata-sections")], ids=" ".join
)
@pytest.mark.parametrize("kind", KINDS)
def test_standard_library(link, kind, flags):
    program = link(compile_cxx(LIBRARY, "-fpie", *flags), kind, "-Wl,--gc-sections", driver="g++")

    assert program.run() == "  42ff 1.5 144 1 2\n"


def test_static_objects_are_made_once_and_destroyed_in_reverse(link):
    source = """
        #include <cstdio>
        struct Say { const char *name; Say(const char *n) : name(n) { printf("+%s", n);
            } ~Say() { printf("-%s", name); } };
        inline Say shared("s");
        static Say own("{0}");
        int touch_{0}() {{ static Say local("l{0}"); return 0; }}
    """
    files = [
        compile_cxx(
            source.replace("{0}", name).replace("{{", "{").replace("}}", "}"), "-std=c++17", name=name
        )
        for name in "ab"
    ]
    main = compile_cxx("int touch_a(), touch_b(); int main() { touch_a(); touch_b(); return touch_a(); }")

    assert link(*files, main, driver="g++").run() == "+s+a+b+la+lb-lb-la-b-a-s"


def test_virtual_calls_into_a_library(link):
    shape = "struct Shape { virtual ~Shape(); virtual int area() const; };"
    library = link.shared(
        compile_cxx(shape + "Shape::~Shape() {} int Shape::area() const { return 1; }", "-fPIC"), driver="g++"
    )
    square = "struct Square : Shape { int area() const override { return 41 + Shape::area(); } };"
    use = "int main() { Shape *s = new Square; int a = s->area(); delete s; return a; }"
    main = compile_cxx(shape + square + use)

    link(main, library, driver="g++").run(status=42)


def test_type_information_is_shared_between_program_and_library(link):
    shape = "#include <typeinfo>\nstruct Shape { virtual ~Shape() {} virtual int f() { return 1; } };"
    library = link.shared(
        compile_cxx(
            shape
            + "Shape *make() { return new Shape; } const std::type_info &info() { return typeid(Shape); }",
            "-fPIC",
        ),
        driver="g++",
    )
    main = compile_cxx(
        shape
        + (
            "Shape *make(); const std::type_info &info(); int main() { "
            "return typeid(*make()) == info() && typeid(Shape) == info() ? 42 : 1; }"
        )
    )

    link(main, library, driver="g++").run(status=42)


def test_pointers_to_members(link):
    source = """
        struct S { virtual int a() { return 1; } int b() { return 41; } int c = 0; };
        int (S::*table[])() = { &S::a, &S::b };
        int S::*member = &S::c;
        int main() { S s; for (auto f : table) s.*member += (s.*f)(); return s.c; }
    """

    for kind in KINDS:
        link(compile_cxx(source, "-fpie"), kind, driver="g++").run(status=42)


def test_coroutine(link):
    source = """
        #include <coroutine>
        struct Task {
            struct promise_type;
            using Handle = std::coroutine_handle<promise_type>;
            struct promise_type {
                int value = 0;
                Task get_return_object() { return {Handle::from_promise(*this)}; }
                std::suspend_always initial_suspend() { return {}; }
                std::suspend_always final_suspend() noexcept { return {}; }
                std::suspend_always yield_value(int v) { value = v; return {}; }
                void return_void() {}
                void unhandled_exception() {}
            };
            Handle handle;
        };
        Task count() { for (int n = 40;; n++) co_yield n; }
        int main() { Task t = count(); for (int n = 0; n < 3; n++) t.handle.resume();
            int v = t.handle.promise().value; t.handle.destroy(); return v; }
    """

    link(compile_cxx(source, "-std=c++20"), driver="g++").run(status=42)


def test_assertion_failure_prints_its_place(link):
    program = link(
        compile_cxx("#include <cassert>\nint main() { assert(1 == 2); }", name="source"), driver="g++"
    )

    assert "1 == 2" in program.execute().stderr


def test_sanitised_program_reports_its_fault(link):
    """-fsanitize=address: a run-time library with its own .preinit_array, interceptors and weak symbols."""
    main = compile_cxx(
        "int main(int n, char **) { int *p = new int[4]; int v = p[n + 3]; delete[] p; return v; }",
        "-fsanitize=address",
        "-g",
    )

    done = link(main, "-fsanitize=address", driver="g++").execute(ASAN_OPTIONS="detect_leaks=0")

    assert "heap-buffer-overflow" in done.stderr


def test_sanitised_clang_program_reports_its_fault(link):
    """clang links its static run time with --whole-archive, a dynamic list and --export-dynamic."""
    skip_without_clang_libraries()
    main = compile_cxx(
        "int main(int n, char **) { int *p = new int[4]; int v = p[n + 3]; delete[] p; return v; }",
        "-fsanitize=address",
        "-g",
        compiler="clang++",
    )

    done = link(main, "-fsanitize=address", driver="clang++").execute(ASAN_OPTIONS="detect_leaks=0")

    assert "heap-buffer-overflow" in done.stderr


def test_profiled_program_writes_its_profile(link):
    """-fprofile-instr-generate needs -u__llvm_profile_runtime and start/stop symbols of its sections."""
    skip_without_clang_libraries()
    main = compile_cxx(
        "int main(int n, char **) { return n + 41; }", "-fprofile-instr-generate", compiler="clang++"
    )
    program = link(main, "-fprofile-instr-generate", driver="clang++")

    program.run(status=42, LLVM_PROFILE_FILE=str(link.directory / "profile"))

    assert (link.directory / "profile").stat().st_size > 100


def test_gprof_program_runs(link):
    """-pg: another start file, gcrt1.o, with a constructor and mcount."""
    program = link(compile_cxx("int main() { return 42; }", "-pg"), "-pg", driver="g++")

    program.run(status=42)


def test_openmp_program_runs(link):
    main = compile_cxx(
        (
            "int main() { int sum = 0;\n#pragma omp parallel for reduction(+ : sum)\nfor (int n = 0; "
            "n < 42; n++) sum++; return sum; }"
        ),
        "-fopenmp",
    )

    link(main, "-fopenmp", driver="g++").run(status=42)
