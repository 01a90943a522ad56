"""Link-time optimisation with LLVM: clang's full and thin kinds and rustc's, through LLVMgold.so."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path

import pytest
from linking import Output, driver_command, linker_under_test
from programs import archive, compile_c, compile_cxx, thin_archive, tool, write
from texts import errors

pytestmark = pytest.mark.unlike("lld", reason="has LLVM of its own")

KINDS = ["-flto", "-flto=thin"]
MAIN = "int add(int); int main(void) { return add(2); }"
ADD = "int add(int x) { return x + 40; } int unused(int x) { return x; }"


@cache
def plugin() -> Path:
    """LLVM's plugin that belongs to the clang of the tests; skips the test where there is none."""
    path = Path(os.path.realpath(tool("clang"))).parent.parent / "lib" / "LLVMgold.so"
    if not path.exists():
        pytest.skip(f"{path}, of package llvm-dev, is not installed")
    return path


@pytest.fixture(autouse=True)
def needs_the_plugin():
    plugin()


def bitcode(source: str, kind: str = "-flto", *flags: str, name: str = "main") -> Path:
    return compile_c(source, "-O2", kind, *flags, name=name, compiler="clang")


def functions(program: Output) -> set[str]:
    """Names of all functions in .symtab."""
    rows = (line.split() for line in program.readelf("--syms").splitlines())
    return {row[7] for row in rows if len(row) == 8 and row[3] == "FUNC"}


@pytest.mark.parametrize("kind", KINDS)
def test_program_runs_and_unused_code_is_gone(link, kind):
    program = link(kind, "-O2", bitcode(MAIN, kind), bitcode(ADD, kind, name="add"), driver="clang")

    program.run(status=42)
    assert "unused" not in functions(program)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("make", [archive, thin_archive])
def test_archive_members_are_loaded(link, kind, make):
    members = [bitcode("int lost(void); int other(void) { return lost(); }", kind, name="other")]

    link(kind, bitcode(MAIN, kind), make([*members, bitcode(ADD, kind, name="add")]), driver="clang").run(
        status=42
    )


@pytest.mark.parametrize("kind", KINDS)
def test_bitcode_and_machine_code_call_each_other(link, kind):
    link(kind, compile_c(MAIN), bitcode(ADD, kind, name="add"), driver="clang").run(status=42)
    link(kind, bitcode(MAIN, kind), compile_c(ADD, name="add"), driver="clang").run(status=42)


def test_both_compilers_at_once(link):
    """gcc names its own plugin; that of LLVM is found."""
    of_gcc = compile_c("int add(int); int middle(int x) { return add(x); }", "-O2", "-flto", name="middle")
    main = bitcode("int middle(int); int main(void) { return middle(2); }")

    link("-flto", main, of_gcc, bitcode(ADD, name="add")).run(status=42)


@pytest.mark.only_wild
def test_plugin_is_found_where_nobody_names_it(link):
    """As clang calls a linker that it takes for lld, and rustc any."""
    words = ["-Wl,-plugin-opt=O2", "-Wl,-plugin-opt=mcpu=x86-64"]

    link(*words, bitcode(MAIN), bitcode(ADD, name="add"), driver="clang").run(status=42)


@pytest.mark.parametrize("kind", KINDS)
def test_symbols_of_shared_objects(link, kind):
    source = """
        int helper(int x) { return x + 1; }
        int visible(int x) { return helper(x) + 1; }
        __attribute__((visibility("hidden"))) int hidden(int x) { return x; }
    """
    (link.directory / "v.map").write_text("V1 { global: visible; local: *; };")
    plain = link.shared(kind, bitcode(source, kind, "-fPIC"), driver="clang", output="plain.so")
    script = "-Wl,--version-script=v.map"
    versioned = link.shared(kind, bitcode(source, kind, "-fPIC"), script, driver="clang", output="v.so")

    assert {"visible", "helper"} <= plain.versioned
    assert "hidden" not in plain.versioned
    assert "visible@@V1" in versioned.versioned
    assert "helper" not in versioned.versioned


@pytest.mark.parametrize("kind", KINDS)
def test_exceptions_and_comdat_groups_of_both_kinds_of_code(link, kind):
    shared = "template <class T> struct C { static T &n() { static T n; return n; } };"
    thrower = shared + "void fail(int x) { ++C<int>::n(); if (x) throw x; }"
    main = shared + (
        "void fail(int); int main() { ++C<int>::n();"
        " try { fail(40); } catch (int x) { return x + C<int>::n(); } return 1; }"
    )
    flags = ("-O2", kind)
    for files in (
        [compile_cxx(main, *flags, compiler="clang++"), compile_cxx(thrower, name="thrower")],
        [compile_cxx(main), compile_cxx(thrower, *flags, name="thrower", compiler="clang++")],
    ):
        link(kind, *files, driver="clang++").run(status=42)


@pytest.mark.parametrize("kind", KINDS)
def test_wrapped_functions(link, kind):
    """The optimiser knows of --wrap: the wrapper stays, and with ThinLTO a function of IR is wrapped, too."""
    source = "int f(void) { return 40; }"
    wrapper = bitcode(
        "int __real_f(void); int __wrap_f(void) { return __real_f() + 2; }", kind, name="wrapper"
    )
    main = bitcode("int f(void); int main(void) { return f(); }", kind)
    f = compile_c(source, name="f") if kind == "-flto" else bitcode(source, kind, name="f")

    link(kind, main, wrapper, f, "-Wl,--wrap=f", driver="clang").run(status=42)


def test_thread_local_and_common_variables(link):
    main = bitcode(
        "extern __thread int ours, theirs; int a[50];"
        " int main(void) { a[49] = 1; return ours + theirs + a[49]; }",
        "-flto", "-fcommon",
    )  # fmt: skip
    ours = bitcode("__thread int ours = 21;", name="ours")
    theirs = compile_c("__thread int theirs = 20; int a[2];", "-fcommon", name="theirs")
    program = link("-flto", main, ours, theirs, driver="clang")

    program.run(status=42)
    assert program.symbols["a"].size == 200


def test_objects_with_both_kinds_of_code(link):
    """As machine code where there is no plugin, and optimised where there is one."""
    both = [
        compile_c(source, "-O2", "-flto", "-ffat-lto-objects", name=name, compiler="clang")
        for source, name in ((MAIN, "main"), (ADD, "add"))
    ]
    plain = link(*both)
    optimised = link("-Wl,-plugin", f"-Wl,{plugin()}", *both, output="optimised")

    plain.run(status=42)
    optimised.run(status=42)
    assert "unused" in functions(plain)
    assert "unused" not in functions(optimised)


@pytest.mark.only_wild
def test_other_linkers_options_reach_llvm(link, tmp_path):
    words = [
        "--lto-O1",
        "--thinlto-jobs=1",
        f"--thinlto-cache-dir={tmp_path}/cache",
        "-mllvm,-inline-threshold=0",
    ]
    files = [bitcode(MAIN, "-flto=thin"), bitcode(ADD, "-flto=thin", name="add")]

    link("-flto=thin", *(f"-Wl,{word}" for word in words), *files, driver="clang").run(status=42)
    assert list((tmp_path / "cache").iterdir())


@pytest.mark.only_wild
def test_option_that_llvm_refuses_is_an_error(link):
    text = errors(link, bitcode(MAIN), "-plugin", plugin(), "-plugin-opt=O9", driver="raw")

    assert text.startswith("wild: error: LLVMgold.so: ")
    assert "O9" in text or "optimization level" in text.lower()


@pytest.mark.only_wild
def test_damaged_bitcode_is_an_error(link, tmp_path):
    damaged = tmp_path / "damaged.o"
    damaged.write_bytes(bitcode(ADD, name="add").read_bytes()[:400])

    text = errors(link, bitcode(MAIN), damaged, driver="raw")

    assert "LLVMgold.so: " in text
    assert "damaged.o" in text


# -- rustc


def rust_compiler() -> str:
    return os.environ.get("WILD_TEST_RUSTC") or tool("rustc")


@cache
def plugin_for_rust() -> Path:
    """Bitcode is read by no older LLVM than its own."""
    text = subprocess.run([rust_compiler(), "-vV"], capture_output=True, text=True, check=True).stdout
    version = int(text.partition("LLVM version: ")[2].partition(".")[0])
    found = [Path(f"/usr/lib/llvm-{number}/lib/LLVMgold.so") for number in range(version, version + 5)]
    for path in found:
        if path.exists():
            return path
    pytest.skip(f"rustc's LLVM is {version}; no plugin of that version or a later one is installed")


@pytest.mark.slow
@pytest.mark.parametrize("names", ["named", "found"])
def test_rust_and_c_are_optimised_together(link, names):
    plugin_for_rust()
    source = write(
        link.directory / "main.rs",
        'extern "C" { fn add(x: i32) -> i32; }\n'
        "fn main() { let words: Vec<String> = std::env::args().collect();"
        " std::process::exit(unsafe { add(words.len() as i32 + 1) }) }",
    )
    library = archive([bitcode(ADD, name="add")], "libadd.a")
    linker = driver_command("gcc", linker_under_test())
    chosen = f"={plugin_for_rust()}" if names == "named" else ""
    command = [rust_compiler(), str(source), "-O", f"-Clinker-plugin-lto{chosen}", "-Clinker=gcc"]
    command += [
        f"-Clink-arg={linker[1]}",
        f"-L{library.parent}",
        "-lstatic=add",
        "-o",
        f"{link.directory}/program",
    ]

    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    assert done.returncode == 0, done.stderr
    program = Output(link.directory / "program")
    program.run(status=42)
    assert "unused" not in functions(program)
