"""Edits after which another set of shared libraries is needed: those after --as-needed come when they are used."""

from __future__ import annotations

from pathlib import Path

import pytest
from editing import Project, initial
from elf import Elf
from programs import tool

pytestmark = pytest.mark.only_wild

MAIN = """
#include <stdio.h>
int part(int);
int main(void) { printf("%d %s\\n", part(3), "numbers"); return 0; }
"""
PART = "int part(int x) { return x + 1; }\n"
CALL = "int {0}(int); int part(int x) {{ return {0}(x) + 1; }}\n"
LINK = "-Wl,--as-needed lib{}.so -Wl,--no-as-needed -Wl,-rpath,."


def library(project: Project, name: str, text: str, versions: str = "", *needs: str) -> None:
    """lib<name>.so, of a source, with versions for its symbols and libraries that it needs."""
    (project.directory / f"{name}.c").write_text(text)
    script = []
    if versions:
        (project.directory / f"{name}.map").write_text(versions)
        script = [f"-Wl,--version-script={name}.map"]
    project.call(
        tool("gcc"), "-shared", "-fPIC", f"{name}.c", *script, *needs, f"-Wl,-soname,lib{name}.so",
        "-o", f"lib{name}.so",
    )  # fmt: skip


def project_of(directory: Path, link_flags: str, flags: str = "-O1") -> Project:
    """Its libraries come next, then `begin`."""
    made = Project(directory / "project", flags, link_flags)
    made.write("main.c", MAIN)
    return made


def begin(project: Project, part: str = PART) -> None:
    project.write("part.c", part)
    initial(project)


def needed(project: Project) -> list[str]:
    """DT_NEEDED without what the driver adds."""
    names = Elf((project.directory / project.output).read_bytes()).tag_strings("NEEDED")
    return [name for name in names if name != "libc.so.6"]


def after(project: Project, part: str) -> str:
    """What the program prints after an edit that must be an update."""
    project.write("part.c", part)
    return project.step("update")


@pytest.mark.parametrize("versions", ["", "V1 { one; }; V2 { uno; } V1;"])
def test_a_library_is_used_for_the_first_time(tmp_path, versions):
    links = (LINK.format(name) for name in ("first", "one", "last"))
    made = project_of(tmp_path, " ".join(links))
    library(made, "one", "int one(int x) { return x * 10; }\nint uno(int x) { return x * 11; }\n", versions)
    library(made, "first", "int first(int x) { return x * 100; }\n")
    library(made, "last", "int last(int x) { return x * 1000; }\n", versions and "V9 { last; };")
    begin(made, CALL.format("last"))
    assert needed(made) == ["liblast.so"]

    both = "int one(int), last(int); int part(int x) { return one(x) + last(x); }\n"
    assert "3030 numbers" in after(made, both)
    assert needed(made) == ["libone.so", "liblast.so"]
    declared = "int first(int), one(int), uno(int), last(int);\n"
    text = declared + "int part(int x) { return first(x) + one(x) + uno(x) + last(x); }\n"
    assert "3363 numbers" in after(made, text)
    assert needed(made) == ["libfirst.so", "libone.so", "liblast.so"]


@pytest.mark.parametrize("flags", ["-O1", "-O1 -fno-plt", "-O1 -fno-pie -no-pie"])
def test_a_function_of_libm(tmp_path, flags):
    made = Project(tmp_path / "project", flags, "-Wl,--as-needed -lm" + " -no-pie" * ("no-pie" in flags))
    made.write("main.c", MAIN)
    begin(made, "static const double numbers[] = {1, 2, 3.5}; int part(int x) { return numbers[x - 1]; }\n")
    text = "#include <math.h>\nint part(int x) { volatile double y = x; return hypot(y, 4) * pow(y, 2); }\n"
    assert "45 numbers" in after(made, text)


def test_a_shared_library_needs_another(tmp_path):
    made = Project(tmp_path / "project", "-O1 -fPIC", f"-shared {LINK.format('one')}", output="libown.so")
    library(made, "one", "int one(int x) { return x * 10; }\n", "V1 { one; };")
    begin(made)
    after(made, CALL.format("one"))
    assert needed(made) == ["libone.so"]


def test_only_dropped_code_uses_a_library(tmp_path):
    made = project_of(tmp_path, f"{LINK.format('one')} -Wl,--gc-sections", "-O1 -ffunction-sections")
    library(made, "one", "int one(int x) { return x * 10; }\n")
    begin(made)
    dropped = "int one(int); int dropped(int x) { return one(x); }\n"
    after(made, PART + dropped)
    assert needed(made) == []
    assert "30 numbers" in after(made, dropped + "int part(int x) { return dropped(x); }\n")
    assert needed(made) == ["libone.so"]


def test_a_name_that_no_relocation_mentions(tmp_path):
    """Without --gc-sections it counts, too."""
    made = project_of(tmp_path, LINK.format("one"))
    library(made, "one", "int one(int x) { return x * 10; }\n")
    begin(made)
    after(made, PART + 'asm(".globl one");\n')
    assert needed(made) == ["libone.so"]


def test_a_library_is_not_used_any_more(tmp_path):
    made = project_of(tmp_path, LINK.format("one"))
    library(made, "one", "int one(int x) { return x * 10; }\nint uno(int x) { return x; }\n")
    begin(made, CALL.format("one"))
    assert "4 numbers" in after(made, CALL.format("uno"))
    made.write("part.c", PART)
    assert "4 numbers" in made.step("initial:E7")
    assert needed(made) == []


def test_code_that_nothing_calls_any_more_does_not_need_a_library(tmp_path):
    """With --gc-sections; the code is that of an object that has not changed."""
    made = project_of(tmp_path, f"-Wl,--gc-sections {LINK.format('one')}", "-O1 -ffunction-sections")
    library(made, "one", "int one(int x) { return x * 10; }\n")
    made.write("more.c", "int one(int);\nint more(int x) { return one(x); }\n")
    made.write("roots.c", "int roots(int x) { return x + 2; }\n")
    begin(made, "int more(int), roots(int);\nint part(int x) { return roots(x) + more(x) + 1; }\n")
    for add in (2, 3):
        text = f"int more(int), roots(int);\nint part(int x) {{ return roots(x) + more(x) + {add}; }}\n"
        assert f"{35 + add} numbers" in after(made, text)
        assert needed(made) == ["libone.so"]

    made.write("part.c", "int roots(int);\nint part(int x) { return roots(x) + 1; }\n")
    assert "6 numbers" in made.step("initial:E7")
    assert needed(made) == []


def test_a_way_to_a_library_ends_within_the_object_that_changes(tmp_path):
    """It refers to the library still, but from code that nothing of it calls."""
    made = project_of(tmp_path, f"-Wl,--gc-sections {LINK.format('one')}", "-O1 -ffunction-sections")
    library(made, "one", "int one(int x) { return x * 10; }\n")
    inner = "int one(int);\n__attribute__((noinline)) int inner(int x) { return one(x) + 1; }\n"
    begin(made, f"{inner}int part(int x) {{ return inner(x); }}\n")
    for add in (2, 3):
        assert f"{31 + add} numbers" in after(
            made, f"{inner}int part(int x) {{ return inner(x) + {add}; }}\n"
        )
        assert needed(made) == ["libone.so"]

    made.write("part.c", f"{inner}int part(int x) {{ return x + 4; }}\n")
    assert "7 numbers" in made.step("initial:E7")
    assert needed(made) == []


def test_a_constructor_needs_a_library(tmp_path):
    """Whatever else changes, so no way to it is looked for again."""
    made = project_of(tmp_path, f"-Wl,--gc-sections {LINK.format('one')}", "-O1 -ffunction-sections")
    library(made, "one", "int one(int x) { return x * 10; }\n")
    made.write("more.c", "int one(int), kept;\nint more(int x) { return one(x); }\n"
        "__attribute__((constructor)) static void begin(void) { kept = more(1); }\n")  # fmt: skip
    begin(made, "int more(int);\nint part(int x) { return more(x) + 1; }\n")
    assert "4 numbers" in after(made, PART)
    assert needed(made) == ["libone.so"]


def test_an_archive_behind_the_library_does_not_count(tmp_path):
    made = project_of(tmp_path, f"{LINK.format('one')} libmore.a")
    library(made, "one", "int one(int x) { return x * 10; }\n")
    made.write("more.c", "int one(int x) { return x * 5; }\nint more(int x) { return x * 6; }\n")
    made.call("ar", "rcsD", "libmore.a", "more.o")
    made.objects.remove("more.o")
    begin(made)
    assert "31 numbers" in after(made, CALL.format("one"))


def test_an_archive_before_the_library_counts(tmp_path):
    made = project_of(tmp_path, f"libmore.a {LINK.format('one')}")
    library(made, "one", "int one(int x) { return x * 10; }\nint uno(int x) { return x; }\n")
    made.write("more.c", "int one(int x) { return x * 5; }\n")
    made.call("ar", "rcsD", "libmore.a", "more.o")
    made.objects.remove("more.o")
    begin(made)
    made.write("part.c", CALL.format("one"))
    made.link()
    made.check()
    assert needed(made) == []


def test_the_first_library_that_defines_a_name_counts(tmp_path):
    """Also of those that were needed before, for names that nothing has used so far."""
    made = project_of(tmp_path, f"{LINK.format('one')} {LINK.format('two')}")
    library(made, "one", "int one(int x) { return x * 10; }\nint both(int x) { return x * 100; }\n")
    library(made, "two", "int two(int x) { return x * 20; }\nint both(int x) { return x * 200; }\n")
    begin(made, CALL.format("two"))
    uses = "int one(int), two(int), both(int); int part(int x) { return %s; }\n"
    assert "90 numbers" in after(made, uses % "one(x) + two(x)")
    assert "390 numbers" in after(made, uses % "one(x) + two(x) + both(x)")


OTHERS = {
    "a weak reference": "__attribute__((weak)) int uno(int); int other(int x) { return uno ? uno(x) : 5; }\n",
    "one that a later library has": "__attribute__((weak)) int uno(int); int other(int x) { return uno(two(x)); }\n",
    "a hidden definition": "__attribute__((visibility(\"hidden\"))) int back(int x) { return x; }\n",
}  # fmt: skip


@pytest.mark.parametrize("what", OTHERS)
def test_a_library_that_matters_to_others(tmp_path, what):
    made = project_of(tmp_path, f"{LINK.format('one')} {LINK.format('two')}")
    back = "int back(int); int call(int x) { return back(x); }\n" * ("hidden" in what)
    library(made, "one", "int one(int x) { return x * 10; }\nint uno(int x) { return x * 11; }\n" + back)
    library(made, "two", "int two(int x) { return x; }\nint uno(int x) { return x * 200; }\n")
    made.write("other.c", "int two(int);\n" + OTHERS[what])
    begin(made)
    made.write("part.c", CALL.format("one"))
    line = made.link(check=False)
    assert (line["mode"], line["code"]) == ("failed" if back else "initial", "E7")
    if not back:
        made.check()


def test_a_library_that_needs_an_archive_member(tmp_path):
    made = project_of(tmp_path, f"{LINK.format('one')} libmore.a")
    library(made, "one", "int back(int); int one(int x) { return back(x) + 3; }\n")
    made.write("more.c", "int back(int x) { return x * 5; }\n")
    made.call("ar", "rcsD", "libmore.a", "more.o")
    made.objects.remove("more.o")
    begin(made)
    made.write("part.c", CALL.format("one"))
    assert "19 numbers" in made.step("initial:E7")


def test_a_library_that_refers_to_what_is_nowhere(tmp_path):
    made = project_of(tmp_path, LINK.format("one"))
    library(made, "one", "int missing(int); int one(int x) { return missing(x); }\n")
    begin(made)
    made.write("part.c", CALL.format("one"))
    line = made.link(check=False)
    assert (line["mode"], line["code"]) == ("failed", "E7")
    assert "missing" in str(line["messages"])


@pytest.mark.parametrize("where", ["library", "object"])
def test_a_variable_is_thread_local_elsewhere(tmp_path, where):
    text = "_Thread_local int one = 5; int uno(int x) { return x; }\n"
    made = project_of(tmp_path, LINK.format("one"))
    library(made, "one", text)
    if where == "object":
        made.write("other.c", text)
    begin(made)
    made.write("part.c", "extern int one; int part(int x) { return x + one; }\n")
    line = made.link(check=False)
    assert (line["mode"], line["code"]) == ("failed", "E6"), line


@pytest.mark.parametrize("versions", ["", "V1 { one; };"])
def test_a_weak_reference_becomes_a_strong_one(tmp_path, versions):
    made = project_of(tmp_path, "-Wl,--no-as-needed libone.so -Wl,-rpath,.")
    library(made, "one", "int one(int x) { return x * 10; }\n", versions)
    made.write("weak.c", "__attribute__((weak)) int one(int); int weak(int x) { return one ? one(x) : x; }\n")
    begin(made, "int weak(int); int part(int x) { return weak(x) + 1; }\n")
    symbols = Elf((made.directory / "program").read_bytes()).dynamic_symbols
    assert symbols["one"].binding == "WEAK"

    assert "61 numbers" in after(
        made, "int weak(int), one(int); int part(int x) { return weak(x) + one(x) + 1; }\n"
    )
    symbols = Elf((made.directory / "program").read_bytes()).dynamic_symbols
    assert symbols["one"].binding == "GLOBAL"
    made.write(
        "weak.c", "__attribute__((weak)) int one(int); int weak(int x) { return one ? one(x) + 1 : x; }\n"
    )
    assert "62 numbers" in made.step("update")


UNUSED = {
    "weak": "__attribute__((weak)) int maybe(void); int part(int x) { return maybe ? maybe() : x + 1; }\n",
    "thread-local": 'extern __thread int local __attribute__((tls_model("initial-exec")));\n'
    "int part(int x) { return local++ + x; }\n",
    "function": "int other(int); int (*pointer)(int) = other; int part(int x) { return other(x) + pointer(x); }\n",
}


@pytest.mark.parametrize("kind", ["-fPIE", "-fPIC"])
@pytest.mark.parametrize("how", UNUSED)
def test_an_import_that_nothing_uses_any_more(tmp_path, how, kind):
    """It stays in the dynamic symbols, and its slot is filled by the loader, though nothing reads it."""
    made = project_of(tmp_path, "-Wl,--no-as-needed libone.so -Wl,-rpath,.", f"-O1 {kind}")
    library(made, "one", "__thread int local = 5; int other(int x) { return x * 10; }\n")
    begin(made, UNUSED[how])
    assert "4 numbers" in after(made, PART)


def test_libraries_until_there_is_no_room(tmp_path):
    """.dynamic has room for five."""
    names = [f"n{number}" for number in range(7)]
    made = project_of(tmp_path, " ".join(LINK.format(name) for name in names))
    for name in names:
        library(made, name, f"int {name}(int x) {{ return x; }}\n")
    begin(made)
    for count in range(1, 8):
        calls = "".join(f" + {name}(x)" for name in names[-count:])
        made.write("part.c", f"int {'(int), '.join(names)}(int); int part(int x) {{ return x{calls}; }}\n")
        made.step("update" if count <= 5 else "initial:D2" if count == 6 else "update")
        assert needed(made) == [f"lib{name}.so" for name in names[-count:]]
