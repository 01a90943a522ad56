"""`wild duplicates`: functions that a program has several times, found in outputs and in inputs."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from linking import linker_under_test
from programs import archive, bsd_archive, compile_c, compile_cxx, thin_archive

pytest.importorskip("iced_x86", reason="linker-diff's disassembler is not installed")
pytestmark = pytest.mark.only_wild

# In each namespace the same: a cycle of two functions, a switch with a table, a text, a static helper.
PART = """
int outside(const char *, int);
namespace NAME {
static int odd(int x);
static __attribute__((noinline)) int even(int x) { return x ? odd(outside("even", x - 1)) : 1; }
static __attribute__((noinline)) int odd(int x) { return x ? even(outside("odd", x - 1)) : 0; }
__attribute__((noinline)) int pick(int x) { switch (x) { case 0: return outside("a", 1); case 1: return outside("b", 2);
  case 2: return 19; case 3: return outside("c", 7); case 4: return 23; case 5: return outside("d", 9); } return 0; }
int all(int x) { return even(x) + pick(x); }
}
"""
MAIN = """
namespace first { int all(int); } namespace second { int all(int); }
int outside(const char *text, int x) { return text[0] == 0 ? 0 : x; }
int main(int argc, char **) { return first::all(argc) + second::all(argc); }
"""
# Each pair differs in one thing: a number, a text, a variable, the function called, a constant table, an offset.
DIFFERENT = """
int one_number(int x) { return x * 1000; } int two_number(int x) { return x * 1001; }
const char *one_text(void) { return "one"; } const char *two_text(void) { return "two"; }
static int a, b; int one_variable(void) { return a++; } int two_variable(void) { return b++; }
int callee_a(int x) { return x + 11; } int callee_b(int x) { return x + 12; }
int one_call(int x) { return callee_a(x) * 2; } int two_call(int x) { return callee_b(x) * 2; }
static const int table_a[8] = {1, 2, 3}, table_b[8] = {1, 2, 4};
int one_table(int x) { return table_a[x]; } int two_table(int x) { return table_b[x]; }
extern int array[4]; int one_offset(void) { return array[1]; } int two_offset(void) { return array[2]; }
int array[4];
int one_switch(int x) { switch (x) { case 0: return 9; case 1: return a; case 2: return 5; case 3: return b; case 4:
  return 1; } return 0; }
int two_switch(int x) { switch (x) { case 1: return 9; case 0: return a; case 2: return 5; case 3: return b; case 4:
  return 1; } return 0; }
int main(void) { return 0; }
"""
FLAGS = ("-O1", "-fno-inline", "-fno-ipa-icf", "-fno-tree-switch-conversion")


def parts(*flags: str) -> list[Path]:
    names = ("first", "second")
    return [compile_cxx(PART.replace("NAME", name), *FLAGS, *flags, name=name) for name in names]


def duplicates(*arguments: str | Path, status: int = 0) -> str:
    command = [linker_under_test(), "duplicates", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr
    return done.stdout + done.stderr


def found_in(*arguments: str | Path) -> dict[str, int]:
    """Excess by the name in the source, without parameters and without the namespace."""
    rows = json.loads(duplicates("--json", *arguments))["symbols"]
    return {row["name"].partition("(")[0].rpartition("::")[2]: row["excess"] for row in rows}


FOUR = {"even", "odd", "pick", "all"}


@pytest.mark.parametrize("kind", ["-no-pie", "-pie", "-static-pie"])
@pytest.mark.parametrize("split", [(), ("-ffunction-sections",)], ids=["whole", "split"])
def test_a_linked_file(link, kind, split):
    pic = "-fno-pie" if kind == "-no-pie" else "-fpie"
    program = link(compile_cxx(MAIN, *FLAGS, pic), *parts(pic, *split), kind, driver="g++")

    found = found_in(program.path)

    sizes = {name: symbol.size for name, symbol in program.symbols.items() if "first" in name}
    assert {name: size for name, size in found.items() if name in FOUR} == {
        name: next(size for mangled, size in sizes.items() if f"{len(name)}{name}E" in mangled)
        for name in FOUR
    }


@pytest.mark.parametrize("split", [(), ("-ffunction-sections",)], ids=["whole", "split"])
@pytest.mark.parametrize("pic", ["-fno-pie", "-fpic"])
def test_objects(split, pic):
    objects = parts(pic, *split)

    assert found_in(*objects).keys() == FOUR


def test_inputs_and_output_agree(link):
    objects = [compile_cxx(MAIN, *FLAGS), *parts()]
    program = link(*objects, driver="g++")
    of_output = found_in(program.path)

    assert found_in(*objects) == {name: of_output[name] for name in FOUR}


@pytest.mark.parametrize("make", [archive, thin_archive, bsd_archive])
def test_archives(make):
    assert found_in(make(parts())).keys() == FOUR


@pytest.mark.parametrize("pic", ["-fno-pie", "-fpie"])
def test_what_differs_is_no_duplicate(link, pic):
    main = compile_c(DIFFERENT, *FLAGS, pic)
    program = link(main, "-no-pie" if pic == "-fno-pie" else "-pie")

    assert found_in(main) == {}
    assert not [name for name in found_in(program.path) if name.startswith(("one_", "two_", "callee_"))]


def test_what_a_linker_keeps_once_is_no_duplicate():
    source = "inline int twice(int x) { return x * 2; } int NAME(int x) { return twice(x) + 5; }"
    objects = [compile_cxx(source.replace("NAME", name), *FLAGS, name=name) for name in ("one", "two")]

    assert found_in(*objects).keys() == {"one"}


def test_the_tables(link):
    sources = {
        "one": "namespace alpha { int f(int x) { return x / 7; } } namespace beta { int f(int x) { return x / 7; } }",
        "two": "int g(int x) { return x / 7; }",
    }
    objects = [compile_cxx(source, "-O1", "-fno-ipa-icf", name=name) for name, source in sources.items()]
    facts = json.loads(duplicates("--json", *objects))
    size = facts["bytes"] // 3

    assert facts["excess"] == 2 * size
    assert duplicates(*objects) == (
        f"{2 * size} of {3 * size} bytes in 3 functions are duplicates (66.7 %)\n"
        "\n"
        "      excess  copies  crate or namespace\n"
        f"{size:>12}       1  (no namespace)\n"
        f"{size:>12}       1  beta\n"
        "\n"
        "      excess  copies  function\n"
        f"{2 * size:>12}       2  alpha::f(int) (and 2 more names)\n"
    )
    assert duplicates("--min-size", str(size + 1), *objects).count("\n") == 1
    assert duplicates("--limit", "1", *objects).splitlines()[4] == f"{size:>12}       1  1 more"


@pytest.mark.parametrize(
    ("name", "scope"),
    [
        ("<alloc::vec::Vec<T> as core::ops::drop::Drop>::drop", "alloc"),
        ("<&mut serde::de::X as Y>::z", "serde"),
        ("core::ptr::drop_in_place::<alloc::string::String>", "core"),
        ("std::vector<int>::push_back(int const&)", "std"),
        ("int const& std::max<int>(int const&, int const&)", "std"),
        ("(anonymous namespace)::f()", "(anonymous namespace)"),
        ("main", "(no namespace)"),
        ("f(std::string)", "(no namespace)"),
    ],
)
def test_scope_of_a_name(name, scope):
    from linker_diff.duplicates import scope_of

    assert scope_of(name) == scope


def test_a_stripped_file_is_refused(link):
    program = link(compile_c("int main(void) { return 0; }"), "-s")

    assert "has no symbols of functions; was it stripped?" in duplicates(program.path, status=2)


@pytest.mark.parametrize(
    "damage", [b"no object", b"!<arch>\nshort" + b" " * 60, b"\x7fELF\x02\x01" + b"\xff" * 80]
)
def test_a_damaged_input_is_refused(tmp_path, damage):
    path = tmp_path / "damaged.o"
    path.write_bytes(damage)

    message = duplicates(path, status=2)
    assert message.startswith(f"wild duplicates: {path}: ")
    assert message.count("\n") == 1


@pytest.mark.parametrize("cut", [64, 200, 700])
def test_a_truncated_object_is_refused(tmp_path, cut):
    path = tmp_path / "cut.o"
    path.write_bytes(parts()[0].read_bytes()[:cut])

    assert "cannot be read as an object" in duplicates(path, status=2)


def test_a_missing_file_is_refused():
    assert "no-such.o: No such file" in duplicates("no-such.o", status=2)
