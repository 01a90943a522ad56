"""Link-time optimisation with GCC: intermediate code becomes machine code through liblto_plugin.so."""

from __future__ import annotations

import subprocess

import pytest
from linking import Link, Output, driver_command, linker_under_test
from programs import archive, compile_c, compile_cxx, pic_c, thin_archive, tool
from texts import errors, said

pytestmark = pytest.mark.unlike("lld", reason="reads LLVM's intermediate code only")

MAIN = "int add(int); int main(void) { return add(2); }"
ADD = "int add(int x) { return x + 40; } int unused(int x) { return x; }"
TEMPORARY = "ltrans"


def ir(source: str, *flags: str, name: str = "main") -> object:
    """A slim object: intermediate code only."""
    return compile_c(source, "-O2", "-flto", "-fno-fat-lto-objects", *flags, name=name)


def fat(source: str, name: str = "main") -> object:
    return compile_c(source, "-O2", "-flto", "-ffat-lto-objects", name=name)


def functions(program: Output) -> set[str]:
    """Names of all functions in .symtab."""
    rows = (line.split() for line in program.readelf("--syms").splitlines())
    return {row[7] for row in rows if len(row) == 8 and row[3] == "FUNC"}


@pytest.mark.parametrize("kind", [ir, fat])
def test_program_runs_and_is_optimised_as_a_whole(link, kind):
    program = link("-flto", "-O2", kind(MAIN), kind(ADD, name="add"))

    program.run(status=42)
    assert not functions(program) & {"add", "unused"}


@pytest.mark.parametrize("flag", ["-flto=auto", "-flto-partition=none", "-flto-partition=max", "-flto=2"])
def test_the_compiler_may_divide_the_work(link, flag):
    link("-flto", flag, ir(MAIN), ir(ADD, name="add")).run(status=42)


@pytest.mark.parametrize("made", ["index", "no index", "thin", "lazy objects", "whole"])
def test_archive_members_are_loaded(link, made):
    members = [ir("int other(void) { return lost(); } int lost(void);", name="other"), ir(ADD, name="add")]
    libraries = {
        "index": lambda: [archive(members)],
        "no index": lambda: [archive(members, "lib.a", "rcS")],
        "thin": lambda: [thin_archive(members)],
        "lazy objects": lambda: ["-Wl,--start-lib", *members, "-Wl,--end-lib"],
        "whole": lambda: ["-Wl,--whole-archive", archive(members[1:]), "-Wl,--no-whole-archive"],
    }

    link("-flto", ir(MAIN), *libraries[made]()).run(status=42)


def test_ir_and_machine_code_call_each_other(link):
    link("-flto", compile_c(MAIN), ir(ADD, name="add")).run(status=42)
    link("-flto", ir(MAIN), compile_c(ADD, name="add")).run(status=42)


def test_machine_code_in_an_archive_needs_ir_in_an_archive(link):
    middle = compile_c("int add(int); int middle(int x) { return add(x); }", name="middle")
    main = ir("int middle(int); int main(void) { return middle(2); }")

    link("-flto", main, archive([ir(ADD, name="add"), middle])).run(status=42)


def test_fat_objects_are_machine_code_without_a_plugin(link):
    program = link("-fno-lto", fat(MAIN), fat(ADD, name="add"))

    program.run(status=42)
    assert "unused" in functions(program)


def test_unused_plugin_is_not_loaded(link):
    link(compile_c("int main(void) { return 42; }"), "-Wl,-plugin,/does/not/exist.so").run(status=42)


def test_ir_that_nothing_needs_is_no_matter(link):
    library = archive([ir(ADD, name="add")])

    link("-fno-lto", compile_c("int main(void) { return 42; }"), library).run(status=42)


CONSTRUCTORS = """
    extern int order, value;
    __attribute__((constructor)) static void begin%d(void) { order = order * 10 + %d; }
"""


def test_constructors_run_in_the_order_of_the_files(link):
    main = compile_c("int order; int main(void) { return order != 123; }")
    files = [compile_c(CONSTRUCTORS % (1, 1), name="one"), ir(CONSTRUCTORS % (2, 2), name="two")]

    link("-flto", main, *files, compile_c(CONSTRUCTORS % (3, 3), name="three")).run(status=0)


def test_member_loaded_for_a_reference_that_is_optimised_away_stays(link):
    """Its constructor may be what it was wanted for; GNU ld keeps it, too."""
    main = ir("extern int touched; int order; int main(void) { (void) touched; return order; }")
    member = compile_c(
        "int touched; extern int order; __attribute__((constructor)) static void f(void) { order = 42; }",
        name="member",
    )

    link("-flto", "-Wl,-u,touched", main, archive([member])).run(status=42)


def test_thread_local_variables(link):
    main = ir("extern __thread int ours, theirs; int main(void) { ours += 2; return ours + theirs; }")
    ours = ir("__thread int ours = 20;", name="ours")

    link("-flto", main, ours, compile_c("__thread int theirs = 20;", name="theirs")).run(status=42)


def test_exceptions_pass_through_ir_and_machine_code(link):
    flags = ("-O2", "-flto", "-fno-fat-lto-objects")
    thrower = compile_cxx("void fail(int x) { if (x) throw x; }", *flags, name="thrower")
    middle = compile_cxx("void fail(int); void middle(int x) { fail(x); }", name="middle")
    main = "void middle(int); int main() { try { middle(42); } catch (int x) { return x; } return 1; }"

    link("-flto", compile_cxx(main, *flags), middle, thrower, driver="g++").run(status=42)


SHARED_INLINE = """
    template <class T> struct Counter { static T &count() { static T n; return n; } };
    int *%s() { return &++Counter<int>::count(); }
"""


@pytest.mark.parametrize("order", ["ir first", "machine code first"])
def test_one_of_the_comdat_groups_in_ir_and_machine_code_counts(link, order):
    one = compile_cxx(SHARED_INLINE.replace("++", "") % "one", "-O2", "-flto", name="one")
    two = compile_cxx(SHARED_INLINE.replace("++", "") % "two", name="two")
    main = compile_cxx(
        "int *one(); int *two(); int main() { ++*one(); ++*two(); return one() == two() ? 40 + *one() : 1; }"
    )
    files = [one, two] if order == "ir first" else [two, one]

    link("-flto", *files, main, driver="g++").run(status=42)


def test_the_largest_common_symbol_makes_the_size(link):
    main = ir(
        "int a[50], b[2]; extern int *pa, *pb; int main(void) { a[49] = b[1] = 1; return pa == a; }",
        "-fcommon",
    )
    other = compile_c("int a[2], b[70]; int *pa = a, *pb = b;", "-fcommon", name="other")
    for files in ([main, other], [other, main]):
        program = link("-flto", *files)

        program.run(status=1)
        assert (program.symbols["a"].size, program.symbols["b"].size) == (200, 280)


def test_of_common_symbols_in_ir_the_largest_counts(link):
    """The compiler keeps the one that is said to count, and the size that it has."""
    small = ir("volatile int big; int small(void) { return big; }", "-fcommon", "-w", name="small")
    large = ir(
        "volatile int big[1000], next[4]; int small(void); int main(void) {"
        " for (int i = 0; i < 1000; i++) big[i] = i + 1; small(); return next[0] + next[1] + next[2] + next[3]; }",
        "-fcommon", "-w", name="large",
    )  # fmt: skip
    program = link("-flto", "-fcommon", "-w", small, large)

    program.run(status=0)
    assert program.symbols["big"].size == 4000


def test_wrapped_function_whose_wrapper_is_ir(link):
    f = compile_c("int f(void) { return 40; }", name="f")
    wrapper = ir("int __real_f(void); int __wrap_f(void) { return __real_f() + 2; }", name="wrapper")

    link("-flto", ir("int f(void); int main(void) { return f(); }"), wrapper, f, "-Wl,--wrap=f").run(
        status=42
    )


def test_defsym_refers_to_ir(link):
    link("-flto", ir(MAIN), ir(ADD.replace("add", "plus"), name="add"), "-Wl,--defsym=add=plus").run(
        status=42
    )


def test_what_the_compiler_calls_on_its_own_is_loaded_from_ir(link):
    """No source mentions memset; the plugin cannot be asked again once it has compiled."""
    library = archive([
        ir(
            "void *memset(void *p, int c, unsigned long n)"
            " { volatile char *q = p; while (n--) *q++ = (char) c; return p; }",
            "-fno-builtin", "-fno-tree-loop-distribute-patterns", name="memset",
        )
    ])  # fmt: skip
    start = ir(
        "struct big { char text[5000]; }; extern void use(struct big *);"
        " void _start(void) { struct big b = {0}; use(&b);"
        ' asm volatile("syscall" :: "a"(60), "D"(b.text[4000] + 42)); }',
        "-fno-stack-protector", name="start",
    )  # fmt: skip
    use = compile_c("void use(void *p) { }", name="use")

    link("-flto", "-O2", "-nostdlib", "-static", start, use, library).run(status=42)


def test_static_and_position_dependent_programs(link):
    for flags in (["-static"], ["-no-pie"], ["-static-pie"]):
        link("-flto", *flags, ir(MAIN, "-fPIE"), ir(ADD, "-fPIE", name="add")).run(status=42)


LIBRARY = """
    int helper(int x) { return x + 1; }
    int visible(int x) { return helper(x) + 1; }
    __attribute__((visibility("hidden"))) int hidden(int x) { return x; }
"""


def test_shared_object_exports_what_it_should(link):
    library = link.shared("-flto", ir(LIBRARY, "-fPIC", name="lib"), output="liblib.so")
    main = ir("int visible(int), helper(int); int main(void) { return visible(30) + helper(9); }")

    link("-flto", main, library).run(status=42)
    assert {"visible", "helper"} <= library.versioned
    assert "hidden" not in library.versioned


def test_version_script_lets_the_compiler_drop_what_is_local(link):
    (link.directory / "v.map").write_text("V1 { global: visible; local: *; };")
    script = "-Wl,--version-script=v.map"
    library = link.shared("-flto", "-O2", ir(LIBRARY, "-fPIC", name="lib"), script, output="liblib.so")
    main = compile_c("int visible(int); int main(void) { return visible(40); }")

    link(main, library).run(status=42)
    assert "visible@@V1" in library.versioned
    assert "helper" not in functions(library)


def test_excluded_libraries_stay_hidden(link):
    """Machine code needs the function of IR, so that the compiler keeps it as a global one."""
    top = pic_c("int visible(int); int top(int x) { return visible(x); }", name="top")
    members = archive([ir(LIBRARY, "-fPIC", name="lib")])
    library = link.shared("-flto", top, members, "-Wl,--exclude-libs,ALL", output="libtop.so")
    main = compile_c("int top(int); int main(void) { return top(40); }")

    link(main, library).run(status=42)
    assert "top" in library.versioned
    assert "visible" not in library.versioned


def test_program_keeps_what_a_shared_object_needs_or_export_dynamic_asks_for(link):
    library = link.shared(
        pic_c("int given(void); int ask(void) { return given(); }"),
        output="liblib.so",
    )
    main = ir("int ask(void); int given(void) { return 42; } int main(void) { return ask(); }")
    plain = ir("int given(void) { return 42; } int main(void) { return 0; }")

    link("-flto", main, library).run(status=42)
    assert "given" in link("-flto", plain, "-rdynamic").versioned
    assert "given" not in functions(link("-flto", plain))


@pytest.mark.only_wild
def test_temporary_files_are_removed_and_depended_on_by_nothing(link, tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    link("-flto", ir(MAIN), ir(ADD, name="add"), "-Wl,--dependency-file=deps", TMPDIR=str(scratch)).run(
        status=42
    )

    assert list(scratch.iterdir()) == []
    deps = (tmp_path / "deps").read_text()
    assert "add.o" in deps
    assert TEMPORARY not in deps


# -- how symbols are resolved, as the plugin is told: the same as GNU ld tells it

A = """
    extern int from_machine_code(int), b_def(int), member(int), end, missing(void) __attribute__((weak));
    int only_ir(int x) { return x + 1; }
    int used_by_machine_code(int x) { return x + 2; }
    __attribute__((weak)) int weak_twice(void) { return 1; }
    __attribute__((visibility("hidden"))) int hidden(int x) { return x * 3; }
    __attribute__((visibility("protected"))) int protected(int x) { return x * 4; }
    int main(int c, char **v) {
        return from_machine_code(c) + only_ir(c) + weak_twice() + hidden(c) + protected(c) + b_def(c)
            + member(c) + (missing ? 1 : 0) + (&end != 0);
    }
"""
B = """
    int b_def(int x) { return x; }
    __attribute__((weak)) int weak_twice(void) { return 2; }
    int extra(void) { return 1; }
"""
MACHINE_CODE = (
    "int used_by_machine_code(int); int from_machine_code(int x) { return used_by_machine_code(x); }"
)
MEMBERS = {
    "never": "int never(int x) { return x; }",
    "helper": "int helper(int x) { return x + 9; }",
    "member": "int helper(int); int member(int x) { return helper(x); }",
}
RESOLUTIONS = {
    "program": [],
    "fixed": ["-no-pie"],
    "static": ["-static"],
    "rdynamic": ["-rdynamic"],
    "shared": ["-shared"],
    "symbolic": ["-shared", "-Wl,-Bsymbolic"],
    "script": ["-shared", "-Wl,--version-script=v.map"],
    "wanted": ["-Wl,-u,extra,-u,never"],
    "listed": ["-Wl,--export-dynamic-symbol=only_ir"],
    "defsym": ["-Wl,--defsym=alias=only_ir"],
    "machine code first": ["machine code first"],
}


@pytest.mark.only_wild
@pytest.mark.parametrize("flags", RESOLUTIONS.values(), ids=RESOLUTIONS)
def test_symbols_are_resolved_as_by_gnu_ld(link, flags):
    (link.directory / "v.map").write_text("{ global: main; only_ir; local: *; };")
    objects = [ir(A, "-fPIC", name="a"), ir(B, "-fPIC", name="b")]
    members = {f"{name}.o": ir(source, "-fPIC", name=name) for name, source in MEMBERS.items()}
    machine_code = pic_c(MACHINE_CODE, name="m")
    files = [machine_code, *objects] if "machine code first" in flags else [*objects, machine_code]
    words = [*(flag for flag in flags if flag.startswith("-")), *files, archive(members)]

    ours, theirs = (resolutions(link, linker, words) for linker in (linker_under_test(), tool("ld")))

    loaded = {
        key: value for key, value in ours.items() if key in theirs
    }  # GNU ld does not offer other members
    assert loaded == theirs
    assert set(ours) - set(theirs) <= {"never"}


def resolutions(link: Link, linker: str, words: list[object]) -> dict[str, list[str]]:
    """What the plugin wrote into its resolution file: symbol -> LDPR_* of each file."""
    directory = link.directory / linker.rpartition("/")[2]
    directory.mkdir()
    (directory / "v.map").write_text((link.directory / "v.map").read_text())
    command = [*driver_command("gcc", linker), "-flto", "-save-temps", *map(str, words), "-o", "p"]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = {}
    for path in directory.glob("*.res"):
        for line in path.read_text().splitlines():
            fields = line.split()
            if len(fields) == 4:
                found.setdefault(fields[3], []).append(fields[2])
    assert found
    return {symbol: sorted(answers) for symbol, answers in found.items()}  # the order is that of loading


# -- what goes wrong


@pytest.mark.only_wild
def test_definitions_in_ir_and_machine_code_are_duplicates(link):
    text = errors(
        link, "-flto", ir(MAIN), ir("int add(int x) { return x; }", name="one"), compile_c(ADD, name="two")
    )

    assert text == (
        "wild: error: duplicate symbol: add\n"
        ">>> defined in one.o, which is intermediate code\n"
        ">>> defined at two.o:(.text+0x0)\n"
    )


@pytest.mark.only_wild
def test_undefined_symbol_is_reported_with_its_source(link):
    source = "int add(int);\nint main(void)\n{\n  return add(2);\n}\n"

    text = errors(link, "-flto", "-g", ir(source, "-g"))

    assert text.startswith("wild: error: undefined symbol: add\n>>> referenced by main.c:4 (main.c:4)\n")


@pytest.mark.only_wild
def test_object_without_plugin_says_what_to_add(link):
    main = ir(MAIN, name="intermediate")

    assert said(link.fails(main, driver="raw"), link) == (
        "wild: error: intermediate.o: holds only GCC's intermediate code, and no plugin is given;"
        " link with gcc -flto, or add -plugin with what `gcc -print-file-name=liblto_plugin.so` prints,"
        " or compile it with -ffat-lto-objects or -fno-lto\n"
    )


@pytest.mark.only_wild
def test_plugin_that_cannot_be_loaded(link, tmp_path):
    (tmp_path / "text.so").write_text("no library")
    other = link.shared(pic_c("int f(void) { return 0; }"), output="other.so")

    texts = [
        errors(link, ir(MAIN), "-plugin", path, driver="raw") for path in ("./text.so", other, "./none.so")
    ]

    missing = "cannot open shared object file: No such file or directory"
    assert texts == [
        "wild: error: ./text.so: cannot load the plugin: ./text.so: file too short\n",
        "wild: error: other.so: is no linker plugin: it has no function onload\n",
        f"wild: error: ./none.so: cannot load the plugin: ./none.so: {missing}\n",
    ]


@pytest.mark.only_wild
def test_compiler_that_fails_stops_the_link_and_leaves_nothing(link, tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    broken = tmp_path / "broken.o"
    broken.write_bytes(damaged(ir(ADD, name="add").read_bytes()))

    text = link.fails("-flto", ir(MAIN), broken, TMPDIR=str(scratch))

    assert "wild: error: liblto_plugin.so: lto-wrapper failed" in text
    assert list(scratch.iterdir()) == []


def damaged(content: bytes) -> bytes:
    """An object whose intermediate code is of a version that no compiler has."""
    from elf import Elf

    for name, section in Elf(content).sections.items():
        if name.startswith(".gnu.lto_.lto."):
            at = section.offset
            return content[:at] + b"\xff\x7f" + content[at + 2 :]
    pytest.skip("this compiler does not begin its intermediate code with a version")
