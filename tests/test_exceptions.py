"""C++ exceptions: across objects, libraries and C frames, in every output kind."""

from __future__ import annotations

import pytest
from programs import archive, compile_c, compile_cxx

THROW = """
    #include <stdexcept>
    struct Guard { ~Guard(); };
    extern int destroyed;
    Guard::~Guard() { destroyed++; }
    void thrower(int n) { Guard guard; if (n) throw std::runtime_error("forty-two"); }
"""
CATCH = """
    #include <cstring>
    #include <stdexcept>
    int destroyed;
    void thrower(int);
    int main() {
        try { thrower(1); } catch (const std::exception &error) {
            return std::strcmp(error.what(), "forty-two") == 0 && destroyed == 1 ? 42 : 2;
        }
        return 1;
    }
"""
KINDS = ("-no-pie", "-pie", "-static", "-static-pie")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("driver", ["g++", "clang++"])
def test_across_objects(link, driver, kind):
    objects = [
        compile_cxx(source, "-fpie", name=name, compiler=driver)
        for source, name in ((CATCH, "main"), (THROW, "throw"))
    ]

    link(*objects, kind, driver=driver).run(status=42)


@pytest.mark.parametrize("kind", ["-no-pie", "-pie"])
def test_out_of_a_shared_object(link, kind):
    library = link.shared(
        compile_cxx(THROW.replace("extern int", "int"), "-fPIC", name="throw"), driver="g++"
    )
    main = compile_cxx(CATCH.replace("int destroyed;", "extern int destroyed;"), "-fpie")

    link(main, library, kind, driver="g++").run(status=42)


def test_through_the_frames_of_c_code(link):
    """C compiled with -fexceptions is unwound by its FDEs."""
    middle = compile_c("void thrower(int); void middle(int n) { thrower(n); }", "-fexceptions", name="middle")
    throw = THROW.replace("void thrower", 'extern "C" void thrower')
    main = CATCH.replace("void thrower(int);", 'extern "C" void middle(int);').replace(
        "thrower(1)", "middle(1)"
    )

    link(compile_cxx(main), middle, compile_cxx(throw, name="throw"), driver="g++").run(status=42)


def test_out_of_an_archive_member(link):
    library = archive([compile_cxx(THROW, name="throw")])

    link(compile_cxx(CATCH), library, driver="g++").run(status=42)


@pytest.mark.parametrize(
    "flags",
    [
        ("-Wl,--gc-sections",),
        ("-Wl,-z,now",),
        ("-Wl,-z,lazy",),
        ("-Wl,-z,pack-relative-relocs",),
        ("-s",),
        ("-Wl,-O2",),
    ],
)
def test_with_options_that_move_things(link, flags):
    split = ("-ffunction-sections", "-fdata-sections")

    link(compile_cxx(CATCH, *split), compile_cxx(THROW, *split, name="throw"), *flags, driver="g++").run(
        status=42
    )


def test_static_libgcc_and_libstdcxx(link):
    objects = compile_cxx(CATCH), compile_cxx(THROW, name="throw")

    program = link(*objects, "-static-libgcc", "-static-libstdc++", driver="g++")

    program.run(status=42)
    assert "libstdc++.so.6" not in program.tag_strings("NEEDED")


def test_rethrow_nested_and_type_matching(link):
    source = """
        struct Base { virtual ~Base() {} int value = 40; };
        struct Derived : Base { Derived() { value = 42; } };
        void deep() { throw Derived(); }
        void again() { try { deep(); } catch (const char *) { } catch (...) { throw; } }
        int main() { try { again(); } catch (const Base &base) { return base.value; } return 1; }
    """

    for kind in ("-pie", "-static"):
        link(compile_cxx(source, "-fpie"), kind, driver="g++").run(status=42)


def test_uncaught_exception_terminates(link):
    program = link(compile_cxx("int main() { throw 1; }"), driver="g++")

    assert "terminate called after throwing" in program.execute().stderr


def test_exception_in_a_dlopened_library_is_caught_by_the_program(link):
    library = link.shared(
        compile_cxx(
            '#include <stdexcept>\nextern "C" void thrower() { throw std::runtime_error("x"); }', "-fPIC"
        ),
        output="plugin.so",
        driver="g++",
    )
    source = """
        #include <dlfcn.h>
        #include <stdexcept>
        int main(int, char **arguments) {
            auto thrower = (void (*)())dlsym(dlopen(arguments[1], RTLD_NOW), "thrower");
            try { thrower(); } catch (const std::runtime_error &) { return 42; }
            return 1;
        }
    """

    link(compile_cxx(source), driver="g++").run(str(library.path), status=42)


def test_exception_of_a_function_in_its_own_section(link):
    """Hot and cold parts: a function split in two has two FDEs and one exception table."""
    source = """
        __attribute__((noinline, cold)) void fail(int n) { throw n; }
        __attribute__((noinline)) int work(int n) { try { if (n > 3) fail(n); return n;
            } catch (int m) { return m + 2; } }
        int main(int n, char **) { return work(n + 39); }
    """

    link(compile_cxx(source, "-O2", "-ffunction-sections"), driver="g++").run(status=42)
